"""Closed form against fvcore, side by side in one run: python benchmarks/cost.py [--json].

Prints how many times faster one closed-form count is than one fvcore trace of the module, for B0 and B7,
and what a million candidates cost in seconds and memory. Ratios are of medians; the two are interleaved.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import tracemalloc
from collections.abc import Callable

import numpy as np
import torch

from scaling import build_model, count_cost, variant
from scaling.cost.traced import count_with_fvcore
from scaling.cost.vectorised import Candidates, count_costs

CANDIDATES = 1_000_000


def seconds(function: Callable[[], object], repeats: int) -> float:
    """Return seconds per call, over `repeats` calls."""
    start = time.perf_counter()
    for _ in range(repeats):
        function()
    return (time.perf_counter() - start) / repeats


def against_fvcore(name: str, rounds: int) -> dict[str, float | str]:
    """Return the median seconds of both counts of a variant, interleaved, and their ratio."""
    spec = variant(name)
    model = build_model(spec, seed=0)
    shape = (1, spec.in_channels, spec.image_size, spec.image_size)
    count_cost(spec)
    closed, traced = [], []
    for _ in range(rounds):
        closed.append(seconds(lambda: count_cost(spec), 200))
        traced.append(seconds(lambda: count_with_fvcore(model, shape), 1))
    own, other = statistics.median(closed), statistics.median(traced)
    return {"variant": name, "closed_form_s": own, "fvcore_s": other, "ratio": other / own}


def million(seed: int) -> dict[str, float]:
    """Return seconds and peak megabytes of counting a million random candidates around B0."""
    baseline, random = variant("b0"), np.random.default_rng(seed)
    candidates = Candidates(
        repeats=random.integers(1, 8, (CANDIDATES, len(baseline.stages))),
        channels=8 * random.integers(1, 80, (CANDIDATES, len(baseline.stages) + 2)),
        image_size=random.integers(128, 601, CANDIDATES),
    )
    best = min(seconds(lambda: count_costs(baseline, candidates), 1) for _ in range(3))
    tracemalloc.start()
    count_costs(baseline, candidates)
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return {"candidates": CANDIDATES, "seconds": best, "peak_megabytes": peak}


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--variants", default="b0,b7", help="comma-separated")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = [against_fvcore(name, 5 if name == "b0" else 3) for name in arguments.variants.split(",")]
    many = million(seed=0)
    if arguments.json:
        print(json.dumps({"against_fvcore": rows, "million": many}, indent=2))
        return
    for row in rows:
        print(
            f"{row['variant']}: closed form {1e6 * float(row['closed_form_s']):.0f} us, "
            f"fvcore {float(row['fvcore_s']):.2f} s: {float(row['ratio']):,.0f} times faster"
        )
    print(
        f"{CANDIDATES:,} candidates: {many['seconds']:.2f} s, "
        f"{many['peak_megabytes']:.0f} MB beside the input"
    )


if __name__ == "__main__":
    main()
