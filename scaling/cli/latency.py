"""`scaling latency`: how long a network takes here, by a time model of this device."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import click

from scaling.cli.arguments import spec_from_options, spec_options
from scaling.cli.calibrating import Wishes, print_calibration, run_calibration
from scaling.cli.options import PATH, device_option, named_option
from scaling.cli.output import answer, console, json_option
from scaling.errors import ConfigError
from scaling.latency.calibration import Calibration, calibrations_here, document_of, read_calibration
from scaling.latency.timing import Conditions, Mode
from scaling.network.architecture import ArchitectureSpec
from scaling.training.engine import best_device
from scaling.training.options import KernelChoice

COUNT = click.IntRange(1, 1000)


@click.command()
@spec_options
@click.option("--calibration", "path", type=PATH, help="Predict by this file.")
@click.option("--calibrate", "wanted", is_flag=True, help="Measure this device instead of predicting.")
@named_option("--mode", Mode, default=Mode.INFERENCE.value, help="'inference' or 'training'.")
@click.option("--batch", type=int, help="Images a pass: 1 in inference, 16 in training unless given.")
@click.option("--threads", type=int, default=1, show_default=True, help="Of torch, on a CPU.")
@device_option
@named_option("--kernels", KernelChoice, default="measured", help="measured, fixed or stock.")
@click.option("--family", "families", multiple=True, help="Baselines to time, for one model of several.")
@click.option("--image-sizes", metavar="LEAST,MOST", help="Pixels: 96,320 in inference, 32,128 in training.")
@click.option("--most-macs", type=float, default=2e9, show_default=True, help="Of a network that is timed.")
@click.option("--networks", type=COUNT, default=28, show_default=True, help="That the model is fitted to.")
@click.option("--held-out", type=COUNT, default=12, show_default=True, help="That it is judged by.")
@click.option("--rounds", type=COUNT, default=7, show_default=True, help="Figures of each network.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the choice of networks.")
@click.option("--output", type=PATH, help="Where to save; the cache folder if not given.")
@json_option
def latency(path: Path | None, wanted: bool, output: Path | None, as_json: bool, **options: Any) -> None:
    """Predict how long a network takes here, after measuring this device once.

    `--calibrate` times small scaled networks in turns, fits milliseconds for each kind of layer, and says how
    far off it is on networks that took no part, beside what multiply-adds alone say. Without it the network
    is predicted by every calibration that this device keeps, or by a file.
    """
    wishes = Wishes(**{one.name: options.pop(one.name) for one in fields(Wishes)})
    if wanted:
        if options["name"] is not None or options["phi"] is not None:
            raise ConfigError("--calibrate times a family of networks, not one: give --family")
        found, saved = run_calibration(wishes, options["baseline"], output)
        document = {"file": str(saved), **document_of(found)}
        answer(document, as_json, lambda: print_calibration(found, saved))
        return
    spec = spec_from_options(**options)
    kept = [path] if path else _kept_here(wishes.device)
    rows = [_prediction(read_calibration(one), spec, one) for one in kept]
    answer({"name": spec.name, "predictions": rows}, as_json, lambda: _print_predictions(spec.name, rows))


def _kept_here(device: str) -> list[Path]:
    """Return the calibrations of this device.

    Raises:
        ConfigError: there is none.
    """
    found = calibrations_here(best_device(device))
    if not found:
        raise ConfigError(
            "this device is not calibrated for this version of torch: run scaling latency --calibrate, or "
            "give --calibration FILE"
        )
    return found


def _prediction(calibration: Calibration, spec: ArchitectureSpec, path: Path) -> dict[str, Any]:
    """Return a prediction as plain data, with how far off it may be and where it extrapolates."""
    predicted_ms, own = calibration.predict_ms(spec), calibration.errors["model"]
    return {
        "predicted_ms": predicted_ms,
        "images_per_s": 1e3 * calibration.conditions.batch / predicted_ms,
        "median_error": own.median,
        "ninth_decile_error": own.ninth_decile,
        "beyond": calibration.beyond(spec),
        "conditions": asdict(calibration.conditions),
        "file": str(path),
    }


def _print_predictions(name: str, rows: list[dict[str, Any]]) -> None:
    """Print what each calibration says of a network."""
    for row in rows:
        console.print(
            f"[bold]{name}[/bold]: {row['predicted_ms']:.4g} ms a batch, {row['images_per_s']:.4g} images/s "
            f"({Conditions(**row['conditions'])})."
        )
        console.print(
            f"Off by {100 * row['median_error']:.1f} % in the median on networks that took no part in the "
            f"calibration, by at most {100 * row['ninth_decile_error']:.1f} % on nine of ten."
        )
        if row["beyond"]:
            farthest = sorted(row["beyond"].items(), key=lambda item: -item[1])
            named = ", ".join(f"{amount.replace('_', ' ')} ({times:.2f} times)" for amount, times in farthest)
            console.print(f"Beyond what was measured: {named}. The error there is unknown.")
