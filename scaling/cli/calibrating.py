"""Measures this device for `scaling latency --calibrate`, and prints what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scaling.cli.output import Columns, console, counting_bars, measuring, print_table, say, table_by
from scaling.errors import ConfigError
from scaling.latency.calibration import Calibration, calibrate, path_here, write_calibration
from scaling.latency.design import Ranges, designed
from scaling.latency.timing import Conditions, Mode
from scaling.network.baseline_files import baseline_from
from scaling.network.baselines import Baseline
from scaling.plans.search.config import load_config
from scaling.runs.experiment_file import load_setup
from scaling.toml_errors import parse_toml, read_text
from scaling.training.engine import best_device
from scaling.training.kernels import arithmetic, kernels_for
from scaling.training.options import KernelChoice

SIZES = {Mode.INFERENCE: (96, 320), Mode.TRAINING: (32, 128)}
BATCHES = {Mode.INFERENCE: 1, Mode.TRAINING: 16}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is to be measured: the options of `scaling latency` of the same names.

    Args:
        batch: images a pass; None takes the mode's own.
        families: baselines, or files of them, whose scaled networks are timed; the baseline if none.
        image_sizes: least and most in pixels, with a comma; None takes the mode's own.
        networks: that the model is fitted to; it is judged by those that are held out.
    """

    mode: Mode
    batch: int | None
    threads: int
    device: str
    kernels: KernelChoice
    families: tuple[str, ...]
    image_sizes: str | None
    most_macs: float
    networks: int
    held_out: int
    rounds: int
    seed: int

    @property
    def ranges(self) -> Ranges:
        """Where networks are taken from.

        Raises:
            ConfigError: the sizes are no pair of numbers, or out of range.
        """
        sizes = SIZES[self.mode]
        if self.image_sizes is not None:
            try:
                low, high = map(int, self.image_sizes.split(","))
            except ValueError:
                raise ConfigError(
                    f"expected --image-sizes as two whole numbers, like 96,320; got {self.image_sizes!r}"
                ) from None
            sizes = (low, high)
        return Ranges(image_size=sizes, most_macs=self.most_macs)


def run_calibration(wishes: Wishes, baseline: str, output: Path | None) -> tuple[Calibration, Path]:
    """Measure, fit and save; return what was found and where it was saved."""
    baselines = [_family(name) for name in wishes.families or (baseline,)]
    specs = designed(baselines, wishes.networks + wishes.held_out, wishes.ranges, seed=wishes.seed)
    device = best_device(wishes.device)
    with measuring() as progress:
        kernels = kernels_for(
            wishes.kernels, device, threads=wishes.threads, dtype=arithmetic(device), progress=progress
        )
    batch = BATCHES[wishes.mode] if wishes.batch is None else wishes.batch
    conditions = Conditions.here(
        device, mode=wishes.mode, batch=batch, threads=wishes.threads, kernels=kernels
    )
    with counting_bars() as bars:
        bar = bars.add_task("timing networks")
        found = calibrate(
            specs[: wishes.networks],
            specs[wishes.networks :],
            conditions,
            device,
            kernels,
            rounds=wishes.rounds,
            progress=lambda done, total: bars.update(bar, completed=done, total=total),
        )
    path = path_here(conditions) if output is None else output
    write_calibration(path, found)
    return found, path


def _family(name: str) -> Baseline:
    """Return what is scaled and timed: a baseline, or that of a setup or an experiment, with its classes."""
    path = Path(name)
    document = parse_toml(read_text(path, "the family"), path) if path.suffix == ".toml" else {}
    if document.get("kind") == "search" or "data" in document:
        setup = load_setup(path) if "data" in document else load_config(path).setup
        return Baseline(spec=setup.baseline_spec, rounding=setup.rounding_rules)
    return baseline_from(name)


def print_calibration(found: Calibration, path: Path) -> None:
    """Print the model, its errors and its range."""
    fitted = [one for one in found.measured if not one.held_out]
    console.print(
        f"{found.conditions}. {len(fitted)} networks fitted, {found.errors['model'].networks} held out, "
        f"medians of {found.rounds} rounds in turns."
    )
    columns: Columns = {
        "held-out error": "{row[0]}",
        "median": lambda row: f"{100 * row[1].median:.1f} %",
        "95 % interval": lambda row: (
            "" if row[1].networks < 5 else f"{100 * row[1].low:.1f} to {100 * row[1].high:.1f} %"
        ),
        "9 of 10 within": lambda row: f"{100 * row[1].ninth_decile:.1f} %",
    }
    console.print(table_by(columns, found.errors.items()))
    terms = ("base_ms", *found.model.terms)
    print_table(("time model", "ms"), ((name, f"{getattr(found.model, name):.4g}") for name in terms))
    low, high = found.ranges["macs"]
    small, large = found.ranges["image_size"]
    console.print(
        f"Holds for {low / 1e6:,.0f} to {high / 1e6:,.0f} M multiply-adds, {small:.0f} to {large:.0f} px. "
        "FLOPs and activations: time in proportion to that cost alone."
    )
    say(path)
