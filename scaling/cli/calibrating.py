"""Measures this device for `scaling latency --calibrate`, and prints what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scaling.cli.kernels import measuring
from scaling.cli.output import console, counting_bars, table_of
from scaling.errors import ConfigError
from scaling.latency.calibration import Calibration, calibrate, path_here, write_calibration
from scaling.latency.design import Ranges, designed
from scaling.latency.fitting import Errors
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
MOST = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is to be measured, as asked for.

    Args:
        mode: inference or training.
        batch: images a pass; None takes the mode's own.
        threads: of torch on a CPU.
        device: auto, cpu or cuda.
        kernels: of small maps.
        families: baselines, or files of them, whose scaled networks are timed.
        image_sizes: least and most in pixels, with a comma; None takes the mode's own.
        most_macs: of a network.
        networks: that the model is fitted to.
        held_out: that it is judged by.
        rounds: of timing.
        seed: of the choice of networks.

    Raises:
        ConfigError: a count is out of range.
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

    def __post_init__(self) -> None:
        for name in ("networks", "held_out", "rounds"):
            if not 1 <= getattr(self, name) <= MOST:
                raise ConfigError(
                    f"--{name.replace('_', '-')} must be between 1 and {MOST}, got {getattr(self, name)}"
                )

    @property
    def ranges(self) -> Ranges:
        """Where networks are taken from."""
        return Ranges(image_size=_pair(self.image_sizes) or SIZES[self.mode], most_macs=self.most_macs)


def _pair(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    try:
        low, high = map(int, text.split(","))
    except ValueError:
        raise ConfigError(f"expected --image-sizes as two whole numbers, like 96,320; got {text!r}") from None
    return low, high


def run_calibration(wishes: Wishes, output: Path | None) -> tuple[Calibration, Path]:
    """Measure, fit and save; return what was found and where it was saved."""
    baselines = [_family(name) for name in wishes.families]
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
    table = table_of("held-out error", "median", "95 % interval", "9 of 10 within")
    for name, errors in found.errors.items():
        table.add_row(
            name, f"{100 * errors.median:.1f} %", _interval(errors), f"{100 * errors.ninth_decile:.1f} %"
        )
    console.print(table)
    terms = table_of("time model", "ms")
    for name in ("base_ms", *found.model.terms):
        terms.add_row(name, f"{getattr(found.model, name):.4g}")
    console.print(terms)
    low, high = found.ranges["macs"]
    small, large = found.ranges["image_size"]
    console.print(
        f"Holds for {low / 1e6:,.0f} to {high / 1e6:,.0f} M multiply-adds, {small:.0f} to {large:.0f} px. "
        "FLOPs and activations: time in proportion to that cost alone."
    )
    console.print(f"{path}", soft_wrap=True)


def _interval(errors: Errors) -> str:
    if errors.networks < 5:
        return ""
    return f"{100 * errors.low:.1f} to {100 * errors.high:.1f} %"
