"""Laws: known exponents come back from synthetic networks, and what the data do not hold is refused."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from run_tables import row

from scaling.analysis.law_fits import Bootstrap, HeldOut, fit_networks
from scaling.analysis.law_networks import Network
from scaling.analysis.law_surface import first_step_bases, fit_surface, limit_bases
from scaling.analysis.laws import fit_cost_law
from scaling.analysis.power_sum import PowerSum, fit_power_sum
from scaling.cli import group
from scaling.errors import ResultsError
from scaling.runs.trials_table import read_trials, trials_frame

ROOT = Path(__file__).parents[3]
FEW = Bootstrap(resamples=40)
LAW = PowerSum(floor=0.12, amplitudes=(0.3,), exponents=(0.45,))
SURFACE = PowerSum(floor=0.1, amplitudes=(0.10, 0.15, 0.12), exponents=(0.9, 0.7, 1.1))


def synthetic(
    costs: Sequence[float], *, law: PowerSum = LAW, noise: float = 0.002, seeds: int = 3, start: int = 0
) -> list[Network]:
    """Networks whose errors follow a law by construction; nothing was trained."""
    random = np.random.default_rng(start)
    true = law.predict(np.array(costs)[:, None] / min(costs))
    return [
        Network(
            name=f"synthetic {cost:g}",
            strategy="synthetic",
            cost=cost,
            coefficients=None,
            errors=tuple((error + random.normal(0, noise, seeds)).tolist()),
        )
        for cost, error in zip(costs, true, strict=True)
    ]


def synthetic_surface(
    count: int, *, law: PowerSum = SURFACE, noise: float = 0.001, start: int = 7
) -> list[Network]:
    """Networks in all directions whose errors follow a surface by construction; nothing was trained."""
    random = np.random.default_rng(start)
    scales = np.exp(random.uniform(0, math.log(4), (count, 3)))
    return [
        Network(
            name=f"synthetic {number}",
            strategy="synthetic",
            cost=float(1e8 * d * w**2 * r**2),
            coefficients=(float(d), float(w), float(r)),
            errors=tuple((error + random.normal(0, noise, 2)).tolist()),
        )
        for number, ((d, w, r), error) in enumerate(zip(scales, law.predict(scales), strict=True))
    ]


# --- recovery ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exponents", [(0.7, 1.0, 0.8), (0.2, 1.5, 0.5), (1.1, 0.9, 2.0)])
@pytest.mark.parametrize("grid", [False, True])
def test_a_surface_without_noise_comes_back(exponents: tuple[float, ...], grid: bool) -> None:
    truth = PowerSum(floor=0.1, amplitudes=(0.1, 0.15, 0.12), exponents=exponents)
    values = np.array([1.0, 1.3, 1.7, 2.2])
    scale = np.array(np.meshgrid(values, values, values)).reshape(3, -1).T
    if not grid:
        scale = np.exp(np.random.default_rng(0).uniform(0, math.log(4), (64, 3)))
    found = fit_power_sum(scale, truth.predict(scale), np.ones(64))
    assert found.exponents == pytest.approx(truth.exponents, abs=1e-6)
    assert (found.floor, *found.amplitudes) == pytest.approx((0.1, 0.1, 0.15, 0.12), abs=1e-6)


@pytest.mark.parametrize("exponent", [-0.5, 0.1, 0.45, 2.0])
def test_a_law_in_one_cost_without_noise_comes_back(exponent: float) -> None:
    truth = PowerSum(floor=0.1, amplitudes=(0.02,), exponents=(exponent,))
    cost = np.geomspace(1, 50, 6)[:, None]
    found = fit_power_sum(cost, truth.predict(cost), np.ones(6))
    assert (*found.exponents, found.floor) == pytest.approx((exponent, 0.1), abs=1e-6)


def test_the_whole_fit_of_a_surface_without_noise_is_the_truth() -> None:
    truth = PowerSum(floor=0.1, amplitudes=(0.1, 0.15, 0.12), exponents=(0.7, 1.0, 0.8))
    surface = fit_surface(synthetic_surface(64, law=truth, noise=0), None, Bootstrap(resamples=20))
    assert surface.refusal is None
    for found, true in zip(surface.exponents().values(), truth.exponents, strict=True):
        assert (found.value, found.low, found.high) == pytest.approx((true, true, true), abs=1e-3)


@pytest.mark.slow
def test_intervals_cover_under_one_per_cent_of_noise() -> None:
    truth = PowerSum(floor=0.1, amplitudes=(0.1, 0.15, 0.12), exponents=(0.7, 1.0, 0.8))
    inside = []
    for start in range(10):
        networks = synthetic_surface(64, law=truth, noise=0.003, start=start)
        surface = fit_surface(networks, None, Bootstrap(resamples=40, seed=start))
        found = (*surface.exponents().values(), *surface.amplitudes().values())
        pairs = zip(found, (*truth.exponents, *truth.amplitudes), strict=True)
        inside += [one.low <= true <= one.high for one, true in pairs]
    assert sum(inside) >= 0.85 * len(inside)  # of 60


# --- a law in one cost -------------------------------------------------------------------------------------


def test_known_parameters_of_a_synthetic_law_lie_in_their_intervals() -> None:
    law = fit_cost_law("synthetic", synthetic(np.geomspace(1e8, 1e10, 9).tolist()), 0.002, FEW)
    assert law.refusal is None
    assert (law.networks, law.trainings, law.costs) == (9, 27, 9)
    assert law.exponent is not None and law.floor is not None and law.amplitude is not None  # noqa: PT018
    assert law.exponent.value == pytest.approx(0.45, abs=0.03)
    assert law.exponent.low <= 0.45 <= law.exponent.high
    assert law.floor.low <= 0.12 <= law.floor.high
    assert law.amplitude.low <= 0.3 <= law.amplitude.high
    assert law.held_out is not None
    assert law.held_out.networks == 1
    assert law.held_out.inside


def test_one_outlier_does_not_carry_the_law_away() -> None:
    networks = synthetic(np.geomspace(1e8, 1e10, 12).tolist(), noise=0.001)
    spoilt = networks[5]
    broken = [*networks[:5], Network(
        name=spoilt.name, strategy=spoilt.strategy, cost=spoilt.cost, coefficients=None,
        errors=tuple(error + 0.2 for error in spoilt.errors),
    ), *networks[6:]]  # fmt: skip
    cost = np.array([[one.cost / 1e8] for one in broken])
    found = fit_power_sum(cost, np.array([one.error for one in broken]), np.full(12, 0.001))
    assert found.exponents[0] == pytest.approx(0.45, abs=0.05)


def test_resamples_from_the_fit_end_where_many_starts_do() -> None:
    networks = synthetic(np.geomspace(1e8, 1e10, 8).tolist())
    scale = np.array([[one.cost / 1e8] for one in networks])
    error, noise = np.array([one.error for one in networks]), np.full(8, 0.002 / math.sqrt(3))
    first, random = fit_power_sum(scale, error, noise), np.random.default_rng(3)
    for _ in range(4):
        drawn = error + random.normal(0, 0.002, 8)
        near = fit_power_sum(scale, drawn, noise, near=first)
        far = fit_power_sum(scale, drawn, noise)
        assert near.exponents[0] == pytest.approx(far.exponents[0], abs=1e-5)


def test_the_same_seed_gives_the_same_intervals() -> None:
    networks = synthetic(np.geomspace(1e8, 1e9, 6).tolist())
    laws = [fit_cost_law("synthetic", networks, 0.002, Bootstrap(resamples=8, seed=5)) for _ in range(2)]
    assert laws[0] == laws[1]


@pytest.mark.parametrize(
    ("costs", "reason"),
    [
        ([1e8, 1.2e8, 1.5e8, 2e8, 3e8], "too short: 3-fold, a law needs 4-fold"),
        ([1e8, 1.01e8, 1.02e8, 2e8, 9e8], "3 distinct costs, a law needs 5"),
        ([1e8, 2e8, 4e8, 9e8], "too few networks: 4, 3 parameters need 5"),
    ],
)
def test_a_short_range_is_refused_before_anything_is_fitted(costs: list[float], reason: str) -> None:
    law = fit_cost_law("synthetic", synthetic(costs), 0.002, FEW)
    assert law.refusal is not None
    assert reason in law.refusal
    assert law.fit is None
    assert law.exponent is law.floor is law.amplitude is None


def test_an_error_that_falls_without_end_has_no_floor_to_name() -> None:
    """A floor of 0, and none in sight: the data say only that E is small, or how E and A trade places."""
    straight = PowerSum(floor=0.0, amplitudes=(0.5,), exponents=(0.2,))
    law = fit_cost_law("s", synthetic(np.geomspace(1e8, 1e9, 7).tolist(), law=straight, noise=0), None, FEW)
    assert "not identified: E is 0" in str(law.refusal)
    assert law.floor is not None


def test_errors_of_pure_noise_give_no_law() -> None:
    flat = PowerSum(floor=0.3, amplitudes=(0.0,), exponents=(1.0,))
    networks = synthetic(np.geomspace(1e8, 1e10, 8).tolist(), law=flat, noise=0.01)
    law = fit_cost_law("synthetic", networks, 0.01, FEW)
    assert law.refusal is not None
    assert "includes 0" in law.refusal or "not identified" in law.refusal


@pytest.mark.slow
def test_intervals_cover_and_noise_is_refused_as_often_as_the_docs_say() -> None:
    flat, costs = (
        PowerSum(floor=0.3, amplitudes=(0.0,), exponents=(1.0,)),
        np.geomspace(1e8, 1e10, 8).tolist(),
    )
    draws, covered, laws = Bootstrap(resamples=100), 0, 0
    for start in range(24):
        law = fit_cost_law("synthetic", synthetic(costs, noise=0.003, start=start), 0.003, draws)
        assert law.exponent is not None
        covered += law.exponent.low <= LAW.exponents[0] <= law.exponent.high
        noise = fit_cost_law("synthetic", synthetic(costs, law=flat, noise=0.01, start=start), 0.01, draws)
        laws += noise.refusal is None
    assert covered >= 21
    assert laws <= 2


def test_a_held_out_scale_off_the_law_is_seen() -> None:
    networks = synthetic(np.geomspace(1e8, 1e10, 8).tolist(), noise=0.001)
    last = networks[-1]
    worse = Network(
        name=last.name, strategy=last.strategy, cost=last.cost, coefficients=None,
        errors=tuple(error + 0.05 for error in last.errors),
    )  # fmt: skip
    law = fit_cost_law("synthetic", [*networks[:-1], worse], 0.001, FEW)
    assert law.held_out is not None
    assert not law.held_out.inside
    assert law.held_out.observed == pytest.approx(worse.error)


def rolling(costs: list[float]) -> tuple[HeldOut, ...]:
    law = fit_cost_law("synthetic", synthetic(costs), 0.002, FEW)
    assert law.fit is not None
    assert law.held_out == (law.fit.rolling[-1] if law.fit.rolling else None)
    return law.fit.rolling


def test_every_scale_above_five_others_is_predicted_from_those_below() -> None:
    costs = [1e8, 2e8, 4e8, 8e8, 1.6e9, 3.2e9, 3.25e9, 6.4e9]
    found = rolling(costs)
    assert [one.networks for one in found] == [2, 1]
    assert [one.fitted_below for one in found] == [1.6e9, 3.25e9]
    assert rolling(costs[:5]) == ()
    many = rolling(np.geomspace(1e8, 1e10, 20).tolist())
    assert len(many) == 5
    assert sum(one.networks for one in many) == 13
    with pytest.raises(ResultsError, match="3 parameters need as many points, got 2"):
        fit_networks(synthetic(costs)[:2], lambda some: np.array([[one.cost] for one in some]), 0.001, FEW)


def test_intervals_widen_where_the_law_changes_with_its_largest_scales() -> None:
    """Errors that no power law holds: each further scale moves E, as it does for B0 to B3, B4, …"""
    costs = np.geomspace(1e8, 1e10, 9)
    error = 0.15 + 0.1 * np.exp(-0.3 * np.log(costs / 1e8) - 0.08 * np.log(costs / 1e8) ** 2)
    networks = [
        Network(name="", strategy="bent", cost=cost, coefficients=None, errors=(one,))
        for cost, one in zip(costs.tolist(), error.tolist(), strict=True)
    ]
    law = fit_cost_law("bent", networks, None, FEW)
    assert law.fit is not None and law.floor is not None  # noqa: PT018
    alone = replace(law.fit, earlier=()).estimate(lambda one: one.floor)
    assert law.floor.high - law.floor.low > 1.5 * (alone.high - alone.low)
    assert law.floor.value == alone.value


# --- the surface -------------------------------------------------------------------------------------------


def test_known_exponents_of_a_synthetic_surface_and_their_bases_come_back() -> None:
    surface = fit_surface(synthetic_surface(60), 0.001, Bootstrap(resamples=25))
    assert surface.refusal is None
    for found, true in zip(surface.exponents().values(), SURFACE.exponents, strict=True):
        assert found.value == pytest.approx(true, abs=0.15)
        assert found.low <= true <= found.high
    bases = surface.bases()
    assert bases is not None
    alpha, beta, gamma = bases
    assert alpha.value * beta.value**2 * gamma.value**2 == pytest.approx(2)
    for found, true in zip(bases, limit_bases((0.9, 0.7, 1.1)), strict=True):
        assert found.low < found.value < found.high
        assert found.value == pytest.approx(true, abs=0.02)
    first = surface.bases(first_step=True)
    assert first is not None
    for found, true in zip(first, first_step_bases(SURFACE), strict=True):
        assert found.low - 0.02 <= true <= found.high + 0.02
    assert surface.held_out is not None


def test_the_papers_bases_are_the_limit_of_some_exponents() -> None:
    logs = [math.log(base) for base in (1.2, 1.1, 1.15)]
    exponents = tuple(1 / log for log in logs)
    product = 1.2 * 1.1**2 * 1.15**2
    assert limit_bases(exponents, product) == pytest.approx((1.2, 1.1, 1.15))  # type: ignore[arg-type]


def test_the_first_step_is_the_least_error_at_twice_the_cost() -> None:
    best = first_step_bases(SURFACE)
    assert best[0] * best[1] ** 2 * best[2] ** 2 == pytest.approx(2)
    least = SURFACE.predict(np.array([best]))[0]
    shares = np.random.default_rng(0).dirichlet([1, 1, 1], 500)
    others = np.exp(math.log(2) * shares / np.array([1, 2, 2]))
    assert (SURFACE.predict(others) >= least - 1e-9).all()


def test_large_steps_approach_the_limit() -> None:
    exponents = SURFACE.exponents
    far, farther = (np.log(first_step_bases(SURFACE, factor)) for factor in (1e30, 1e33))
    limit = np.log(limit_bases((exponents[0], exponents[1], exponents[2])))
    assert (farther - far) / math.log2(1e3) == pytest.approx(limit, rel=1e-3)


def test_a_dimension_that_does_not_help_gets_nothing() -> None:
    assert limit_bases((1.0, -0.5, 0.0)) == (2.0, 1.0, 1.0)
    assert limit_bases((-1.0, -0.5, 0.0)) == (1.0, 1.0, 1.0)
    assert first_step_bases(PowerSum(floor=0.1, amplitudes=(0, 0, 0), exponents=(1, 1, 1))) == (1, 1, 1)


def test_a_surface_is_refused_where_dimensions_cannot_be_separated() -> None:
    networks = synthetic_surface(12)
    few = fit_surface(networks[:8], 0.001, FEW)
    assert "too few networks: 8, 7 parameters need 9" in str(few.refusal)
    assert few.bases() is None
    assert few.exponents() == few.amplitudes() == {}
    together = [_scaled(one, (1.2**n, 1.1**n, 1.15**n)) for n, one in enumerate(networks)]
    assert "grew together" in str(fit_surface(together, 0.001, FEW).refusal)
    narrow = [_scaled(one, (1 + n % 4, 1.2, 1 + n % 3)) for n, one in enumerate(networks)]
    assert "width varies too little: 1 values over a factor 1.00" in str(
        fit_surface(narrow, 0.001, FEW).refusal
    )


def _scaled(network: Network, coefficients: tuple[float, float, float]) -> Network:
    depth, width, resolution = coefficients
    return Network(
        name=network.name,
        strategy=network.strategy,
        cost=depth * width**2 * resolution**2,
        coefficients=coefficients,
        errors=network.errors,
    )


# --- tables ------------------------------------------------------------------------------------------------


def test_a_surface_is_printed_with_bases_beside_the_papers(tmp_path: Path) -> None:
    rows = [
        row(number, "baseline" if number == 0 else f"n{number}", round(one.cost), 1 - error, seed,
            depth_coefficient=d, width_coefficient=w, image_size=round(100 * r))
        for number, (one, (d, w, r)) in enumerate(
            [(_scaled(synthetic_surface(1)[0], (1.0, 1.0, 1.0)), (1.0, 1.0, 1.0))]
            + [(one, one.coefficients or (1.0, 1.0, 1.0)) for one in synthetic_surface(30)]
        )
        for seed, error in enumerate(one.errors if number else (0.47, 0.4695))
    ]  # fmt: skip
    rows = [{**one, "macs": one["macs"] if one["trial"] else 100_000_000} for one in rows]
    path = tmp_path / "trials.csv"
    trials_frame(rows).assign(experiment="synthetic").to_csv(path, index=False)
    assert len(read_trials(path)) == len(rows)
    found = CliRunner().invoke(group, ["fit", str(path), "--resamples", "20", "--by", "kind"])
    assert found.exit_code == 0, found.output
    assert "31 networks" in found.output
    bases = [line for line in found.output.splitlines() if line.startswith(("alpha", "beta", "gamma"))]
    assert [line.split()[-1] for line in bases] == ["1.2", "1.1", "1.15"]
