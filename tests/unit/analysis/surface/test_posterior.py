from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from simulated_surfaces import FACTOR, TRUTHS, observed, powers

from scaling.analysis.surface import (
    Form,
    Observations,
    Response,
    answer,
    fit,
    observations_of,
    refusal_of,
)
from scaling.analysis.surface.answer import gains_of
from scaling.analysis.surface.observations import standard_points, star, triangle
from scaling.errors import ResultsError

EXACT = {"seed_spread": 1e-4, "network_spread": 0.0}


def table(**columns: list[object]) -> pd.DataFrame:
    rows = len(next(iter(columns.values())))
    base = {
        "state": ["complete"] * rows,
        "architecture": [f"network {row}" for row in range(rows)],
        "x_depth": [0.0] * rows,
        "x_width": [0.0] * rows,
        "x_resolution": [0.0] * rows,
        "top1": [0.5] * rows,
        "validation_loss": [1.0] * rows,
    }
    return pd.DataFrame({**base, **columns})


def test_a_plane_without_noise_is_recovered() -> None:
    def plane(x: np.ndarray) -> np.ndarray:
        return np.asarray(60 + x @ np.array([1.0, 2.0, 4.0]))

    found = observed(plane, np.random.default_rng(0), **EXACT)
    for form in Form:
        draws = fit(found, form).draw(500)
        assert gains_of(draws, FACTOR).mean(1) == pytest.approx([1, 2, 4], abs=0.05), form


@pytest.mark.parametrize("name", ["interior", "edge", "corner"])
def test_sums_of_powers_without_noise_are_predicted_where_nothing_was_trained(name: str) -> None:
    truth = TRUTHS[name]
    found = observed(truth, np.random.default_rng(1), **EXACT)
    between = triangle(4) * 1.5
    assert fit(found).expected(between) == pytest.approx(truth(between), abs=0.25)


def test_the_same_trainings_give_the_same_answer_to_the_bit() -> None:
    found = observed(TRUTHS["edge"], np.random.default_rng(2))
    assert answer(found, factor=FACTOR).document() == answer(found, factor=FACTOR).document()


def test_the_order_of_trainings_does_not_matter() -> None:
    found = observed(TRUTHS["edge"], np.random.default_rng(2))
    order = np.random.default_rng(3).permutation(len(found))
    mixed = Observations(
        x=found.x[order], y=found.y[order], network=found.network[order], ceiling=found.ceiling
    )
    at = triangle(3)
    assert fit(mixed).expected(at) == pytest.approx(fit(found).expected(at), abs=1e-8)


def test_more_trainings_make_it_surer() -> None:
    generator = np.random.default_rng(4)
    parts = [observed(TRUTHS["edge"], generator, rounding=0.0) for _ in range(4)]
    many = Observations(
        x=np.concatenate([one.x for one in parts]),
        y=np.concatenate([one.y for one in parts]),
        network=np.concatenate([one.network for one in parts]),
        ceiling=100.0,
    )

    def width(found: Observations) -> float:
        return float(np.ptp(np.quantile(gains_of(fit(found).draw(), FACTOR)[0], [0.025, 0.975])))

    assert width(many) < 0.75 * width(parts[0])


def test_noise_is_learned_and_never_below_its_floor() -> None:
    found = observed(TRUTHS["edge"], np.random.default_rng(5), seed_spread=3.0)
    spread = fit(found).draw().spread
    assert 1.0 < spread.mean() < 4.0
    assert fit(found).draw(least_spread=5.0).spread.min() == 5.0


def test_what_cannot_be_fitted_is_refused_by_name() -> None:
    few = Observations(x=np.zeros((3, 3)), y=np.arange(3.0), network=np.arange(3))
    assert refusal_of(few) == "3 networks are trained; a surface needs 6 or more"
    line = np.linspace(0, 2, 8)[:, None] * np.array([[1.0, 0.5, 0.5]])
    assert "did not vary" in str(refusal_of(Observations(x=line, y=np.arange(8.0), network=np.arange(8))))
    same = Observations(x=np.concatenate([np.zeros((1, 3)), star()]), y=np.ones(8), network=np.arange(8))
    assert refusal_of(same) == "all trainings reached the same"
    with pytest.raises(ResultsError, match="surface needs 6"):
        answer(few, factor=FACTOR)


def test_a_table_gives_what_is_complete_and_has_coordinates() -> None:
    trials = table(
        top1=[0.5, 0.6, 0.7, 0.8],
        state=["complete", "failed", "complete", "complete"],
        x_depth=[0.0, 1.0, None, 1.0],
        architecture=["a", "b", "c", "a"],
    )
    found = observations_of(trials)
    assert found.y.tolist() == [50, 80]
    assert found.network.tolist() == [0, 0]
    assert observations_of(trials, Response.LOSS).y.tolist() == [-1, -1]
    assert observations_of(trials, Response.ERROR).y == pytest.approx(
        [-100 * np.log(0.5), -100 * np.log(0.2)]
    )
    with pytest.raises(ResultsError, match="no column 'x_width'"):
        observations_of(trials.drop(columns="x_width"))


def test_a_network_without_a_mistake_has_a_finite_response() -> None:
    assert np.isfinite(observations_of(table(top1=[1.0, 0.0]), Response.ERROR).y).all()


def test_gains_do_not_depend_on_which_networks_were_trained() -> None:
    truth = powers(5, (10, 10, 20), (0.6, 0.6, 0.6))
    plane = np.hstack([np.ones((25, 1)), standard_points(FACTOR)])
    wanted = np.linalg.lstsq(plane, truth(standard_points(FACTOR)), rcond=None)[0][1:]
    found = observed(truth, np.random.default_rng(6), rounding=0.3, **EXACT)
    assert gains_of(fit(found).draw(500), FACTOR).mean(1) == pytest.approx(wanted, abs=0.3)
