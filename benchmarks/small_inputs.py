"""Accuracy of the small-input policies at 28, 32, 64 and 96 px, cost beside it.

    python benchmarks/small_inputs.py                  train what is missing into results/small_inputs
    python benchmarks/small_inputs.py --table          print what is there as Markdown

Question: which strides of a narrow, shallow EfficientNet-B0 should become 1 on small images? Every
network is trained with the same recipe, images, seeds and, at one size, epochs; glyphs are drawn at the
size itself, Fashion-MNIST is used at its own 28 px. Prediction, written before the first run: `none` is
worst at 32 px, where most depthwise weights of its last stages meet nothing but padding; `early` is best
and dearest; at 96 px no policy can be told from `none`. Rule, also written before: of the policies that
cannot be told from the best at 95 %, the one with the fewest multiply-adds is chosen at each size; `auto`
is the policy chosen most often.

The recipe was chosen by trial runs of `late` alone, at 32 px with seed 99 (docs/log.md). Trainings run
seed by seed over all networks, so that a run that is stopped has equal seeds but for the last. About
seven minutes of one core a seed.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pandas as pd
import torch

from scaling import ArchitectureSpec, ScalingCoefficients, count_cost, scale, variant
from scaling.analysis import NoiseFloor, noise_floor
from scaling.atomic_write import write_json, write_text
from scaling.data import checksum, dataset_info, load_split
from scaling.data.dataset import Split
from scaling.model import TENSORFLOW, Numerics
from scaling.network.rounding import RELEASED, CoefficientRounding, RepeatRule
from scaling.network.serialization import architecture_key
from scaling.network.small_inputs import SmallInput, for_small_input, idle_taps, last_map
from scaling.provenance import provenance, utc_now
from scaling.training import Recipe, train_network

CELLS = (("glyphs", 32), ("fashion-mnist", 28), ("glyphs", 64), ("glyphs", 96))
EPOCHS = {32: 4, 28: 2, 64: 3, 96: 2}
"""By image size: more pixels, and clothes, are learnt in fewer; policies are compared within a size only."""
POLICIES = (SmallInput.NONE, SmallInput.STEM, SmallInput.LATE, SmallInput.EARLY)
TRAIN, VALIDATION = 3000, 2000
RECIPE = Recipe(
    epochs=4,
    batch_size=10,
    learning_rate=0.01,
    weight_decay=0.01,
    dropout=0.0,
    stochastic_depth=0.0,
    zero_init_residual=True,
)
NUMERICS = Numerics(padding=TENSORFLOW.padding, batch_norm_epsilon=1e-3, batch_norm_momentum=0.1)
NARROW = ScalingCoefficients(depth_coefficient=0.34, width_coefficient=0.25, resolution_coefficient=1.0)
ROUNDING = replace(
    RELEASED,
    coefficient_rounding=CoefficientRounding.NONE,
    channel_divisor=4,
    repeat_rule=RepeatRule.ROUND,
)
CONTROLS = {"none, wider": ("none", 1.1), "late, wider": ("late", 0.4)}
"""Policy and width of networks that cost what `early` costs at 32 px: is it the maps, or the cost? Added
after the first seed, and no candidates for `auto`."""
CONTROL_CELL = ("glyphs", 32)
ROW_KEY = ["data", "image_size", "policy", "seed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One training."""

    data: str
    image_size: int
    policy: str
    seed: int


def network(data: str, image_size: int, policy: str) -> ArchitectureSpec:
    """Return the narrow network with a policy at an image size, or a control."""
    info = dataset_info(data)
    policy, width = CONTROLS.get(policy, (policy, NARROW.width_coefficient))
    narrow = scale(variant("b0"), replace(NARROW, width_coefficient=width), ROUNDING)
    sized = replace(
        narrow,
        image_size=image_size,
        in_channels=info.in_channels,
        num_classes=info.num_classes,
        name="narrow",
    )
    return for_small_input(sized, policy)


def distinct(data: str, image_size: int) -> list[str]:
    """Return the policies that give different networks, the first name of each."""
    found: dict[ArchitectureSpec, str] = {}
    for policy in POLICIES:
        found.setdefault(network(data, image_size, policy), str(policy))
    controls = CONTROLS if (data, image_size) == CONTROL_CELL else {}
    return [*found.values(), *controls]


def split(data: str, name: str, image_size: int) -> Split:
    """Return the images of one cell."""
    assert name in ("train", "validation")
    count = TRAIN if name == "train" else VALIDATION
    return load_split(
        data, "train" if name == "train" else "validation", image_size=image_size, count=count, seed=0
    )


def train(job: Job) -> dict[str, object]:
    """Train one network and return its row."""
    torch.set_num_threads(1)
    spec = network(job.data, job.image_size, job.policy)
    cost, taps = count_cost(spec), idle_taps(spec)
    result = train_network(
        spec,
        replace(RECIPE, epochs=EPOCHS[job.image_size]),
        split(job.data, "train", job.image_size),
        split(job.data, "validation", job.image_size),
        dataset_info(job.data),
        seed=job.seed,
        device=torch.device("cpu"),
        numerics=NUMERICS,
    )
    return {
        **asdict(job),
        "architecture": architecture_key(spec),
        "last_map": last_map(spec),
        "idle_share": round(taps.share, 6),
        "params": cost.params,
        "macs": cost.macs,
        "activations": cost.activations,
        "top1": result.top1,
        "state": str(result.outcome),
        "train_step_ms": result.train_step_ms,
        "wall_s": round(result.wall_s, 3),
    }


def jobs(seeds: int) -> list[Job]:
    """Return every training, seed by seed; the dear 96 px come one seed later, controls in between."""
    every = [
        Job(data=data, image_size=image_size, policy=policy, seed=seed)
        for seed in range(seeds)
        for data, image_size in CELLS
        for policy in distinct(data, image_size)
    ]
    return sorted(
        every, key=lambda job: job.seed + 1.2 * (job.image_size == 96) + (job.policy in CONTROLS) / 2
    )


def read_rows(path: Path) -> list[dict[str, object]]:
    """Return finished rows; none where there is no table yet."""
    return pd.read_csv(path).to_dict("records") if path.exists() else []  # type: ignore[return-value]


def write_rows(path: Path, rows: list[dict[str, object]]) -> None:
    """Write the table, sorted."""
    frame = pd.DataFrame(rows).sort_values(ROW_KEY, kind="stable")
    write_text(path, frame.to_csv(index=False, lineterminator="\n"))


def run(output: Path, seeds: int, workers: int) -> None:
    """Train what is missing; the table is written after every training."""
    path = output / "accuracies.csv"
    rows = read_rows(path)
    done = {tuple(row[key] for key in ROW_KEY) for row in rows}
    missing = [job for job in jobs(seeds) if tuple(asdict(job).values()) not in done]
    record = started(output, seeds)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context) as pool:
        for finished in as_completed([pool.submit(train, job) for job in missing]):
            rows.append(finished.result())
            write_rows(path, rows)
            last = rows[-1]
            print(f"{len(rows):>3}  {[last[key] for key in (*ROW_KEY, 'top1', 'wall_s')]}", flush=True)
    write_json(output / "provenance.json", {**record, "finished": utc_now()})


def started(output: Path, seeds: int) -> dict[str, object]:
    """Write provenance before training and return it."""
    config = {
        "cells": [list(cell) for cell in CELLS],
        "controls": {name: list(control) for name, control in CONTROLS.items()},
        "epochs": EPOCHS,
        "policies": [str(policy) for policy in POLICIES],
        "seeds": seeds,
        "train": TRAIN,
        "validation": VALIDATION,
        "recipe": asdict(RECIPE),
        "numerics": asdict(NUMERICS),
        "narrow": asdict(NARROW),
        "channel_divisor": ROUNDING.channel_divisor,
    }
    checksums = {
        f"{data} {name} at {size} px": checksum(split(data, name, size))
        for data, size in CELLS
        for name in ("train", "validation")
    }
    record = provenance(
        config=config,
        config_key="",
        command=sys.argv,
        device="cpu",
        data_checksums=checksums,
        started=utc_now(),
        finished=None,
        threads=1,
    )
    write_json(output / "provenance.json", record)
    return record


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row a network: mean over seeds, t interval (spread pooled in its cell), verdict, choice."""
    complete = frame[frame["state"] == "complete"]
    cells = []
    for _, cell in complete.groupby(["data", "image_size"], sort=False):
        noise = noise_floor(cell)
        rows = cell.groupby("policy", sort=False).agg(
            data=("data", "first"),
            image_size=("image_size", "first"),
            last_map=("last_map", "first"),
            idle_share=("idle_share", "first"),
            macs=("macs", "first"),
            activations=("activations", "first"),
            top1=("top1", "mean"),
            seeds=("seed", "count"),
        )
        cells.append(judged(rows, noise).reset_index().sort_values("macs"))
    return pd.concat(cells, ignore_index=True)


def judged(rows: pd.DataFrame, noise: NoiseFloor | None) -> pd.DataFrame:
    """Add what the seeds of a cell can tell; without a second seed, nothing."""
    if noise is None:
        return rows.assign(reach=math.nan, same_as_best=False, chosen=False)
    candidate = [policy not in CONTROLS for policy in rows.index]
    best = rows[candidate].sort_values("top1").iloc[-1]
    same = [
        bool(best["top1"] - top1 < noise.least_difference(int(seeds), int(best["seeds"])))
        for top1, seeds in zip(rows["top1"], rows["seeds"], strict=True)
    ]
    reach = [noise.reach(int(seeds)) for seeds in rows["seeds"]]
    chosen = rows[[a and b for a, b in zip(candidate, same, strict=True)]]["macs"].idxmin()
    return rows.assign(reach=reach, same_as_best=same, chosen=rows.index == chosen)


def names_of(data: str, image_size: int, policy: str) -> str:
    """Return a policy's name with those that give the same network; a control has its own."""
    if policy in CONTROLS:
        return policy
    spec = network(data, image_size, policy)
    return " = ".join(str(other) for other in POLICIES if network(data, image_size, other) == spec)


def markdown(frame: pd.DataFrame) -> str:
    """Return the summary as a Markdown table."""
    lines = [
        "| data | px | policy | last map | idle taps | MACs | activations | top-1 % (95 %) | seeds | |",
        "|---|--:|---|--:|--:|--:|--:|--:|--:|---|",
    ]
    for row in summary(frame).to_dict("records"):
        verdict = "chosen" if row["chosen"] else ("≈ best" if row["same_as_best"] else "")
        names = names_of(row["data"], row["image_size"], row["policy"])
        accuracy = f"{100 * row['top1']:.1f}"
        if not math.isnan(row["reach"]):
            accuracy += f" ± {100 * row['reach']:.1f}"
        lines.append(
            f"| {row['data']} | {row['image_size']} | {names} "
            f"| {row['last_map']} px | {100 * row['idle_share']:.0f} % | {row['macs'] / 1e6:.2f} M "
            f"| {row['activations'] / 1e3:.0f} k | {accuracy} "
            f"| {row['seeds']} | {verdict} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Train, or print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("results/small_inputs"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--table", action="store_true", help="print the table of what is there")
    options = parser.parse_args()
    if not options.table:
        run(options.output, options.seeds, options.workers)
    print(markdown(pd.DataFrame(read_rows(options.output / "accuracies.csv"))))


if __name__ == "__main__":
    main()
