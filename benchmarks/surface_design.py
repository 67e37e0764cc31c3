"""Which trainings should follow the star: four ways at equal cost, in simulated searches with a known truth.

python benchmarks/surface_design.py [--searches 40] [--output results/surface_design]

Each simulated search trains the star of 25, then goes on until it has spent as much again as three
baselines at the target (12 times the baseline's cost), by one of: `narrow` (the sampler `surface`: what
takes most variance from the answer for its cost), `thompson` (the optimum of one draw of the posterior, at
the target's cost), `star` (the star again, in a random order), `random` (a random direction at the
target). Reported: half the width of the widest 95 % interval of a contrast, the expected regret that the
surface itself states, and the true regret of its choice.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import click
import numpy as np
import pandas as pd
from simulated_surfaces import FACTOR, TRUTHS, Truth

from scaling.analysis.surface import Observations, fit
from scaling.analysis.surface.design import Point, Seen, next_point, sharpness, star_points
from scaling.analysis.surface.observations import Array, standard_points, triangle
from scaling.atomic_write import write_json, write_text
from scaling.cli.output import console, run, table_of
from scaling.provenance import provenance, utc_now

SPENT = 12.0
STEPS = 20
SEED_SPREAD, NETWORK_SPREAD = 3.0, 0.6
"""Points: from seed to seed where the error is 30 %, and between networks, as on the glyph setups."""
CELLS = triangle(STEPS)


WHERE = ("interior", "edge", "corner")
"""The truths that are simulated, by where their optimum lies."""


class Simulation:
    """One search whose truth is known."""

    def __init__(self, truth: Truth, seed: int) -> None:
        self.truth, self.generator = truth, np.random.default_rng(seed)
        self.own: dict[tuple[float, ...], float] = {}
        self.x, self.y = np.empty((0, 3)), np.empty(0)
        for x in standard_points(FACTOR):
            self.train(x)

    def train(self, x: Array) -> None:
        """Train a network once."""
        key = tuple(np.round(x, 6))
        network = self.own.setdefault(key, float(self.generator.normal(0, NETWORK_SPREAD)))
        expected = float(self.truth(x)) + network
        noise = self.generator.normal() * SEED_SPREAD * (100 - expected) / 30
        self.x, self.y = np.vstack([self.x, x]), np.append(self.y, expected + noise)

    def observations(self) -> Observations:
        """Return what was seen so far."""
        network = np.unique(self.x.round(6), axis=0, return_inverse=True)[1].reshape(-1)
        return Observations(x=self.x, y=self.y, network=network.astype(np.int64), ceiling=100.0)


def narrow(search: Simulation, turn: int) -> Point:
    """What the sampler proposes."""
    star = [point.x for point in star_points(FACTOR)]
    return next_point(Seen(observations=search.observations(), asked=star), factor=FACTOR, seed=turn)


def thompson(search: Simulation, turn: int) -> Point:
    """The optimum of one draw."""
    heights = fit(search.observations()).draw(1, seed=turn).predict(CELLS * math.log2(FACTOR))
    return _at_target(CELLS[int(heights[:, 0].argmax())])


def star(search: Simulation, turn: int) -> Point:
    """A point of the star."""
    del turn
    points = star_points(FACTOR)
    return points[int(search.generator.integers(len(points)))]


def random(search: Simulation, turn: int) -> Point:
    """Any direction, at the target's cost."""
    del turn
    return _at_target(CELLS[int(search.generator.integers(len(CELLS)))])


WAYS = {"narrow": narrow, "thompson": thompson, "star": star, "random": random}


def _at_target(shares: Array) -> Point:
    depth, width, resolution = (float(share) for share in shares)
    return Point(shares=(depth, width, resolution), factor=FACTOR)


def outcome(truth: str, way: str, seed: int) -> dict[str, float | str]:
    """Return how sure and how good one search is after it has spent its budget."""
    search, spent, turn = Simulation(TRUTHS[truth], seed), 0.0, 0
    while spent < SPENT:
        point = WAYS[way](search, turn)
        search.train(point.x)
        spent, turn = spent + point.factor, turn + 1
    found = search.observations()
    sure, true = sharpness(found, factor=FACTOR), TRUTHS[truth](CELLS * math.log2(FACTOR))
    assert sure is not None
    choice = int(fit(found).expected(CELLS * math.log2(FACTOR)).argmax())
    return {
        "truth": truth,
        "way": way,
        "seed": seed,
        "trainings": len(found),
        "contrast": sure.contrast,
        "expected_regret": sure.regret,
        "regret": float(true.max() - true[choice]),
    }


@click.command()
@click.option("--searches", type=click.IntRange(2, 10_000), default=40, help="Of each truth and way (40).")
@click.option("--output", type=click.Path(path_type=Path), help="Folder for table and provenance.")
def main(searches: int, output: Path | None) -> None:
    """Compare ways to go on after the star."""
    started = utc_now()
    rows = [outcome(truth, way, seed) for truth in WHERE for way in WAYS for seed in range(searches)]
    frame = pd.DataFrame(rows)
    figures = ["trainings", "contrast", "expected_regret", "regret"]
    table = table_of("truth, way", "trainings", "contrast ±", "expected regret", "true regret")
    for (truth, way), group in frame.groupby(["truth", "way"], sort=False):
        means, reach = group[figures].mean(), 1.96 * group[figures].sem()
        cells = [f"{means[name]:.2f} ± {reach[name]:.2f}" for name in figures[1:]]
        table.add_row(f"{truth}, {way}", f"{means['trainings']:.0f}", *cells)
    console.print(table)
    if output is not None:
        write_text(output / "designs.csv", frame.to_csv(index=False, lineterminator="\n"))
        settings = {"searches": searches, "factor": FACTOR, "spent": SPENT, "seed_spread": SEED_SPREAD}
        record = provenance(
            config=settings,
            config_key="",
            command=sys.argv,
            device="cpu",
            data_checksums={},
            started=started,
            finished=utc_now(),
        )
        write_json(output / "provenance.json", record)


if __name__ == "__main__":
    run(main)
