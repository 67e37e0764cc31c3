"""How often a surface's regions and intervals hold the truth, in simulated searches of 25 trainings.

python benchmarks/surface_coverage.py [--searches 200] [--output results/surface_coverage]
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import click
import numpy as np
from simulated_surfaces import FACTOR, TRUTHS, observed

from scaling.analysis.surface import fit
from scaling.analysis.surface.answer import STEPS, gains_of, optimum_of
from scaling.analysis.surface.observations import standard_points, triangle
from scaling.atomic_write import write_json
from scaling.cli.output import console, run, table_of
from scaling.provenance import provenance, utc_now


def cover(name: str, searches: int) -> tuple[float, float]:
    """Return how often region and gains of simulated searches hold the truth."""
    truth, cells = TRUTHS[name], triangle(STEPS)
    best = cells[int(truth(cells * math.log2(FACTOR)).argmax())]
    points = standard_points(FACTOR)
    plane = np.hstack([np.ones((len(points), 1)), points])
    gains = np.linalg.lstsq(plane, truth(points), rcond=None)[0][1:]
    generator, held, inside = np.random.default_rng(7), 0, 0
    for _ in range(searches):
        draws = fit(observed(truth, generator)).draw(2000)
        held += bool((np.abs(optimum_of(draws, FACTOR).region - best).max(1) < 1e-9).any())
        low, high = np.quantile(gains_of(draws, FACTOR), [0.025, 0.975], axis=1)
        inside += int(((low < gains) & (gains < high)).sum())
    return held / searches, inside / searches / 3


@click.command()
@click.option("--searches", type=click.IntRange(2, 10_000), default=200, help="Of each truth (200).")
@click.option("--output", type=click.Path(path_type=Path), help="Folder for coverage.json and provenance.")
def main(searches: int, output: Path | None) -> None:
    """Say how often 95 % regions of the optimum and 95 % intervals of gains hold the truth."""
    record = provenance(
        config={"searches": searches},
        config_key="",
        command=sys.argv,
        device="cpu",
        data_checksums={},
        started=utc_now(),
        finished=None,
    )
    found = {name: dict(zip(("region", "gains"), cover(name, searches), strict=True)) for name in TRUTHS}
    table = table_of("optimum", "region holds it", "gains hold")
    for name, one in found.items():
        table.add_row(name, f"{100 * one['region']:.1f} %", f"{100 * one['gains']:.1f} %")
    console.print(table)
    if output is not None:
        write_json(output / "coverage.json", {"searches": searches, "coverage": found})
        write_json(output / "provenance.json", {**record, "finished": utc_now()})


if __name__ == "__main__":
    run(main)
