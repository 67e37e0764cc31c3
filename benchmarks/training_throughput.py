"""Training and evaluation side by side with the peers, in one run: python benchmarks/training_throughput.py.

Prints images a second and ratios of B0 at 32, 64 and 224 px, trials packed on cores, batched augmentation
against sample by sample. Contestants take turns; each figure is the median of its rounds. On a CPU, passes
are timed in processor seconds of one thread, so that what else the machine does counts little; what runs in
several processes is timed by the clock. `--device cuda` prints what a GPU makes of graphs, resident data and
packing instead. Peers that are not installed are left out, with a line.

    --output DIR   writes throughput.csv (or throughput_cuda.csv) and its provenance
    --only A,B     some parts: train-32, train-64, train-224, train-main-job, evaluate-224, packing,
                   packing-main-job, packing-trials, augmentation
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from scaling.environment import prepare_environment

prepare_environment()

import pandas as pd  # noqa: E402
import torch  # noqa: E402
from throughput_gpu import PACKED, graphed_rows, packed_rows, proxy, roofline  # noqa: E402
from throughput_networks import Contestant, evaluations, installed, trainings  # noqa: E402
from throughput_packing import (  # noqa: E402
    augmentation_rows,
    main_job_rows,
    packed_b0,
    packed_main_job,
    packed_trial,
    packing_rows,
)

from scaling.atomic_write import write_json, write_text  # noqa: E402
from scaling.model import KernelTable  # noqa: E402
from scaling.provenance import provenance, utc_now  # noqa: E402
from scaling.training.kernels import kernels_for  # noqa: E402
from scaling.training.options import KernelChoice  # noqa: E402

PARTS = (
    "train-32",
    "train-64",
    "train-224",
    "train-main-job",
    "evaluate-224",
    "packing",
    "packing-main-job",
    "packing-trials",
    "augmentation",
)
BATCHES = {"train-32": (32, 128), "train-64": (64, 64), "train-224": (224, 8), "evaluate-224": (224, 16)}
"""Image size and images a batch of each part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table.

    Args:
        part: what was run.
        name: whose network, or which way.
        layout: memory layout, and whatever else was done.
        images_per_s: median over rounds.
    """

    part: str
    name: str
    layout: str
    images_per_s: float


def measure(part: str, kernels: KernelTable | None, rounds: int) -> list[Row]:
    """Time the contestants of a part in turns."""
    image_size, count = BATCHES[part]
    make: Callable[..., Iterator[Contestant]] = evaluations if part.startswith("evaluate") else trainings
    contestants = list(make(image_size, count, kernels))
    times: list[list[float]] = [[] for _ in contestants]
    for contestant in contestants:
        contestant.run()
    for _ in range(rounds):
        for contestant, own in zip(contestants, times, strict=True):
            start = time.process_time()
            contestant.run()
            own.append(time.process_time() - start)
    speeds = [count / statistics.median(own) for own in times]
    return [
        Row(part=part, name=c.name, layout=c.layout, images_per_s=speed)
        for c, speed in zip(contestants, speeds, strict=True)
    ]


def ratios(rows: Sequence[Row]) -> list[str]:
    """Say how the engine's best compares with the peers as they come, and with the best in channels_last."""
    own = max((row for row in rows if row.name == "this engine"), key=lambda row: row.images_per_s)
    lines = []
    for row in rows:
        if row.layout == "as it comes":
            lines.append(f"{own.images_per_s / row.images_per_s:.2f} times {row.name} as it comes")
    ordered = [row for row in rows if row.name != own.name and row.layout == "channels_last"]
    if peers := [row for row in ordered if not row.name.startswith("this engine")]:
        best = max(peers, key=lambda row: row.images_per_s)
        lines.append(
            f"{own.images_per_s / best.images_per_s:.2f} times the best peer in channels_last ({best.name})"
        )
    return lines


def cpu_rows(parts: Sequence[str], rounds: int) -> Iterator[list[Row]]:
    """Measure the parts on a CPU, printing each as it is done; yield all rows so far."""
    torch.set_num_threads(1)
    kernels = kernels_for(KernelChoice.MEASURED, torch.device("cpu"), threads=1, dtype="float32")
    others: dict[str, Callable[[], list[tuple[str, float]]]] = {
        "train-main-job": lambda: main_job_rows(kernels, rounds),
        "packing": lambda: packing_rows(packed_b0(), rounds),
        "packing-main-job": lambda: packing_rows(packed_main_job(), rounds),
        "packing-trials": lambda: packing_rows(packed_trial(), rounds),
        "augmentation": lambda: augmentation_rows(rounds),
    }
    rows: list[Row] = []
    for part in parts:
        if part in BATCHES:
            found = measure(part, kernels, rounds)
            notes = ratios(found)
        else:
            found = [Row(part=part, name=n, layout="", images_per_s=s) for n, s in others[part]()]
            first, *rest = found
            notes = [f"{first.images_per_s / row.images_per_s:.2f} times {row.name}" for row in rest]
        show(part, found, notes)
        rows += found
        yield rows


def cuda_rows(rounds: int) -> Iterator[list[Row]]:
    """Measure what a GPU makes of graphs, resident data and packing, and of B0 at 224 px; yield as above."""
    device = torch.device("cuda")
    kernels = kernels_for(KernelChoice.MEASURED, device, threads=1, dtype="bfloat16")
    steps = 20 * rounds
    parts: dict[str, Callable[[], list[tuple[str, float]]]] = {
        "proxy-32": lambda: graphed_rows(device, kernels, image_size=32, count=20_000, steps=steps),
        "packing": lambda: packed_rows(device, image_size=32, count=20_000, steps=steps, packed=PACKED),
        "train-224": lambda: graphed_rows(device, kernels, image_size=224, count=1_000, steps=rounds),
    }
    rows: list[Row] = []
    for part, run in parts.items():
        ways = run()
        found = [Row(part=part, name=name, layout="channels_last", images_per_s=s) for name, s in ways]
        show(part, found, [f"{ways[0][1] / ways[-1][1]:.2f} times {ways[-1][0]}"])
        print(f"  {roofline(device, proxy(224 if part == 'train-224' else 32), ways[0][1])}")
        rows += found
        yield rows


def show(part: str, rows: Sequence[Row], notes: Sequence[str]) -> None:
    """Print a part's rows and ratios."""
    print(f"\n{part}" + (f" (batch {BATCHES[part][1]})" if part in BATCHES else ""))
    for row in rows:
        print(f"  {row.images_per_s:9,.1f} images/s  {row.name} {row.layout}".rstrip())
    for note in notes:
        print(f"  {note}")


def save(output: Path, device: str, rows: Sequence[Row], arguments: argparse.Namespace, started: str) -> None:
    """Write the table and where it comes from."""
    name = "throughput" if device == "cpu" else f"throughput_{device}"
    frame = pd.DataFrame([asdict(row) for row in rows])
    write_text(output / f"{name}.csv", frame.to_csv(index=False, lineterminator="\n"))
    record = provenance(
        config={"parts": list(arguments.only), "rounds": arguments.rounds},
        config_key="",
        command=sys.argv,
        device=device,
        data_checksums={},
        started=started,
        finished=utc_now(),
        torch_cpu=torch.backends.cpu.get_cpu_capability(),
        threads=torch.get_num_threads(),
        load_average=list(os.getloadavg()),
    )
    write_json(output / f"{name}_provenance.json", record)
    print(f"  in {output / name}.csv")


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, with commas between")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, help="folder for the table")
    arguments = parser.parse_args()
    arguments.only = tuple(part.strip() for part in arguments.only.split(","))
    if unknown := [part for part in arguments.only if part not in PARTS]:
        parser.error(f"unknown part {unknown[0]!r}; known: {', '.join(PARTS)}")
    started = utc_now()
    if absent := installed()[1]:
        print(f"not installed, left out: {', '.join(absent)}")
    if arguments.device == "cuda" and not torch.cuda.is_available():
        parser.error("torch sees no GPU here")
    on_gpu = arguments.device == "cuda"
    tables = cuda_rows(arguments.rounds) if on_gpu else cpu_rows(arguments.only, arguments.rounds)
    for rows in tables:
        if arguments.output:  # after each part, so that what was measured stays
            save(arguments.output, arguments.device, rows, arguments, started)


if __name__ == "__main__":
    main()
