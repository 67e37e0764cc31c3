"""How far off the time model is on networks that took no part in it: python benchmarks/latency_model.py.

Each part calibrates this machine anew and judges the model by held-out networks, beside times in proportion
to FLOPs (multiply-adds) or to activations alone. Networks take turns, figures are medians over rounds, one
thread is timed in processor time.

    --output DIR   writes latency_model.csv (every network), errors.csv, a calibration a part, provenance
    --only A,B     some parts: inference, inference-families, training
    --seeds N      draws of networks; each is measured and judged by itself, errors are pooled (1)
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from scaling.environment import prepare_environment

prepare_environment()

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import torch  # noqa: E402

from scaling.atomic_write import write_json, write_text  # noqa: E402
from scaling.latency.calibration import (  # noqa: E402
    RIVALS,
    Calibration,
    calibrate,
    document_of,
)
from scaling.latency.design import Ranges, designed  # noqa: E402
from scaling.latency.fitting import summary  # noqa: E402
from scaling.latency.timing import Conditions, Mode  # noqa: E402
from scaling.model import KernelTable  # noqa: E402
from scaling.network.baseline_files import baseline_from  # noqa: E402
from scaling.provenance import provenance, utc_now  # noqa: E402
from scaling.training.engine import best_device  # noqa: E402
from scaling.training.kernels import arithmetic, kernels_for  # noqa: E402
from scaling.training.options import KernelChoice  # noqa: E402


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What is calibrated.

    Args:
        mode: inference or training.
        batch: images a pass.
        families: baselines whose scaled networks are timed, in turn.
        ranges: where networks are taken from.
        fitted, held_out: networks of each draw.
        rounds: of timing.
    """

    mode: Mode
    batch: int
    families: tuple[str, ...]
    ranges: Ranges
    fitted: int
    held_out: int
    rounds: int


FAMILIES = ("efficientnet-b0", "efficientnet-lite0", "mobilenetv2", "resnet-50")
PARTS = {
    "inference": Part(
        mode=Mode.INFERENCE,
        batch=1,
        families=FAMILIES[:1],
        ranges=Ranges(image_size=(96, 320), most_macs=2e9),
        fitted=28,
        held_out=20,
        rounds=7,
    ),
    "inference-families": Part(
        mode=Mode.INFERENCE,
        batch=1,
        families=FAMILIES,
        ranges=Ranges(image_size=(96, 256), most_macs=4e9),
        fitted=40,
        held_out=20,
        rounds=5,
    ),
    "training": Part(
        mode=Mode.TRAINING,
        batch=16,
        families=FAMILIES[:1],
        ranges=Ranges(image_size=(32, 128), most_macs=3e8),
        fitted=28,
        held_out=20,
        rounds=3,
    ),
}


def measured(part: Part, kernels: KernelTable | None, device: torch.device, seed: int) -> Calibration:
    """Calibrate on one draw of networks."""
    specs = designed(
        [baseline_from(name) for name in part.families], part.fitted + part.held_out, part.ranges, seed=seed
    )
    conditions = Conditions.here(device, mode=part.mode, batch=part.batch, threads=1, kernels=kernels)
    return calibrate(
        specs[: part.fitted], specs[part.fitted :], conditions, device, kernels, rounds=part.rounds
    )


def rows_of(name: str, seed: int, found: Calibration) -> pd.DataFrame:
    """Return one row a network, with what each cost alone predicts."""
    frame = pd.DataFrame([asdict(one) for one in found.measured])
    fitted = ~frame["held_out"]
    for rival, term in RIVALS.items():
        cost = frame["macs"] if term == "ms_per_gmac" else frame["activations"]
        factor = (frame["measured_ms"] / cost)[fitted].median()
        frame[f"predicted_ms_{rival.lower()}"] = factor * cost
    return frame.assign(part=name, seed=seed)


def errors_of(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the held-out errors of each part and way, pooled over draws."""
    found = []
    for name, rows in frame[frame["held_out"]].groupby("part", sort=False):
        for way, column in (("model", "predicted_ms"), *((r, f"predicted_ms_{r.lower()}") for r in RIVALS)):
            errors = summary(np.asarray(rows[column] / rows["measured_ms"] - 1))
            found.append({"part": name, "way": way, **asdict(errors)})
    return pd.DataFrame(found)


def show(part: str, errors: pd.DataFrame, seconds: float) -> None:
    """Print one part's errors."""
    print(f"\n{part} ({seconds:.0f} s)")
    for row in errors[errors["part"] == part].to_dict("records"):
        print(
            f"  {row['way']:12s} median error {100 * row['median']:5.1f} % "
            f"(95 % interval {100 * row['low']:.1f} to {100 * row['high']:.1f} %, n = {row['networks']}), "
            f"nine of ten within {100 * row['ninth_decile']:.1f} %"
        )


def save(output: Path, frame: pd.DataFrame, errors: pd.DataFrame, started: str, parts: Sequence[str]) -> None:
    """Write the tables and where they come from."""
    write_text(output / "latency_model.csv", frame.to_csv(index=False, lineterminator="\n"))
    write_text(output / "errors.csv", errors.to_csv(index=False, lineterminator="\n"))
    record = provenance(
        config={name: asdict(PARTS[name]) for name in parts},
        config_key="",
        command=sys.argv,
        device="cpu",
        data_checksums={},
        started=started,
        finished=utc_now(),
        torch_cpu=torch.backends.cpu.get_cpu_capability(),
        load_average=list(os.getloadavg()),
    )
    write_json(output / "provenance.json", record)


def main() -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default=",".join(PARTS), help="parts, with commas between")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="cpu")
    parser.add_argument("--output", type=Path, help="folder for the tables")
    arguments = parser.parse_args()
    chosen = tuple(part.strip() for part in arguments.only.split(","))
    if unknown := [part for part in chosen if part not in PARTS]:
        parser.error(f"unknown part {unknown[0]!r}; known: {', '.join(PARTS)}")
    device, started = best_device(arguments.device), utc_now()
    kernels = kernels_for(KernelChoice.MEASURED, device, threads=1, dtype=arithmetic(device))
    frames: list[pd.DataFrame] = []
    for name in chosen:
        start = time.perf_counter()
        for seed in range(arguments.seeds):
            found = measured(PARTS[name], kernels, device, seed)
            frames.append(rows_of(name, seed, found))
            if arguments.output and seed == 0:
                write_json(arguments.output / f"{name}.json", document_of(found))
        table = pd.concat(frames, ignore_index=True)
        errors = errors_of(table)
        show(name, errors, time.perf_counter() - start)
        if arguments.output:
            save(arguments.output, table, errors, started, chosen)


if __name__ == "__main__":
    main()
