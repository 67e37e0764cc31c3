from __future__ import annotations

import numpy as np
import optuna
import pytest
from simulated_surfaces import FACTOR, TRUTHS, observed

from scaling.analysis.surface import fit
from scaling.analysis.surface.design import (
    Seen,
    candidates,
    missing_of_star,
    next_point,
    sharpness,
    star_points,
    worth,
)
from scaling.analysis.surface.observations import Observations
from scaling.plans.search.surface_sampler import FACTOR as FACTOR_NAME
from scaling.plans.search.surface_sampler import SurfaceSampler

EMPTY = Observations(x=np.empty((0, 3)), y=np.empty(0), network=np.empty(0, np.int64), ceiling=100.0)
STAR = [point.x for point in star_points(FACTOR)]


def test_the_star_comes_first_whatever_the_order_of_results() -> None:
    asked: list[np.ndarray] = []
    for wanted in star_points(FACTOR):
        found = next_point(Seen(observations=EMPTY, asked=asked), factor=FACTOR, seed=0)
        assert found == wanted
        asked.append(found.x)
    assert missing_of_star(asked, FACTOR) == []


def test_references_count_as_the_star_s() -> None:
    paper = np.array([0.279, 0.292, 0.429]) * 2
    missing = missing_of_star([paper, np.array([2.0, 0, 0])], FACTOR)
    assert len(missing) == len(STAR) - 2


def test_after_the_star_points_that_could_not_be_built_are_left_alone() -> None:
    found = observed(TRUTHS["edge"], np.random.default_rng(0))
    first = next_point(Seen(observations=found, asked=STAR), factor=FACTOR, seed=0)
    seen = Seen(observations=found, asked=[*STAR, first.x], impossible=[first.x])
    assert next_point(seen, factor=FACTOR, seed=0) != first


def test_what_runs_already_is_worth_less_again() -> None:
    found = observed(TRUTHS["edge"], np.random.default_rng(0))
    draws = fit(found).draw(1000)
    options = np.array([one.x for one in candidates(FACTOR)])
    before = worth(draws, options, [], FACTOR)
    best = int(before.argmax())
    after = worth(draws, options, [options[best]] * 3, FACTOR)
    assert after[best] < before[best]
    assert (after <= before.max() * (1 + 1e-9)).all()


def test_adapting_is_worth_more_than_repeating_the_star() -> None:
    """Twelve more trainings, each at the cost that it has: contrasts become narrower than by chance."""

    def after(pick: str, seed: int) -> float:
        generator = np.random.default_rng(seed)
        truth = TRUTHS["edge"]
        found, spent, place = observed(truth, generator, rounding=0.0), 0.0, 0
        while spent < 24:
            if pick == "adapt":
                point = next_point(Seen(observations=found, asked=STAR), factor=FACTOR, seed=place)
            else:
                point = star_points(FACTOR)[int(generator.integers(len(STAR)))]
            spent, place = spent + point.factor, place + 1
            y = truth(point.x) + generator.normal() * 0.1 * (100 - truth(point.x))
            known = np.abs(found.x - point.x).max(1) < 1e-9
            network = found.network[known][0] if known.any() else found.network.max() + 1
            found = Observations(
                x=np.vstack([found.x, point.x]),
                y=np.append(found.y, y),
                network=np.append(found.network, network),
                ceiling=100.0,
            )
        sure = sharpness(found, factor=FACTOR)
        assert sure is not None
        return sure.contrast

    adapted, chance = (np.mean([after(pick, seed) for seed in range(4)]) for pick in ("adapt", "chance"))
    assert adapted < 1.02 * chance


def test_the_sampler_works_in_any_study() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    truth, generator = TRUTHS["edge"], np.random.default_rng(0)

    def objective(trial: optuna.Trial) -> float:
        from scaling.targets.directions import Direction  # noqa: PLC0415

        s, v = trial.suggest_float("s", 0, 1), trial.suggest_float("v", 0, 1)
        factor = trial.suggest_float(FACTOR_NAME, 1, FACTOR)
        x = np.array(Direction.of_square(s, v).shares) * np.log2(factor)
        return float(truth(x) + generator.normal()) / 100

    def trained() -> list[dict[str, float]]:
        study = optuna.create_study(direction="maximize", sampler=SurfaceSampler(factor=FACTOR, seed=1))
        study.optimize(objective, n_trials=len(STAR) + 3)
        return [trial.params for trial in study.trials]

    found = trained()
    assert [one[FACTOR_NAME] for one in found[: len(STAR)]] == [point.factor for point in star_points(FACTOR)]
    assert all(1 <= one[FACTOR_NAME] <= FACTOR for one in found)
    assert found[: len(STAR)] == trained()[: len(STAR)]


def test_sharpness_needs_a_surface() -> None:
    assert sharpness(EMPTY, factor=FACTOR) is None
    sure = sharpness(observed(TRUTHS["corner"], np.random.default_rng(0)), factor=FACTOR)
    assert sure is not None
    assert 0 < sure.contrast < 10
    assert sure.regret == pytest.approx(sure.regret)
