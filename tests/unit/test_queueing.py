"""What is queued before training: the whole table, a small space, the paper's grid."""

from __future__ import annotations

import optuna
import pytest
from search_runs import configuration

from scaling.cost import count_cost
from scaling.errors import SpecError
from scaling.network.serialization import architecture_key
from scaling.search.candidate import references
from scaling.search.claims import claim_candidate, prepare
from scaling.search.config import SearchConfig
from scaling.search.queueing import networks_planned, queue_of, space_of
from scaling.targets.grid import grid_of


def trained(config: SearchConfig) -> list[str]:
    """Claim everything, train nothing: keys of the networks in order."""
    reference, search = optuna.create_study(direction="maximize"), optuna.create_study(direction="maximize")
    prepare(config, reference, search)
    taken = {architecture_key(candidate.spec) for candidate in references(config)}
    keys = []
    while (claim := claim_candidate(config, search, taken, worker=0)) is not None:
        keys.append(architecture_key(claim.candidate.spec))
        claim.trial.set_user_attr("values", [0.5])
        claim.trial.set_user_attr("outcome", "complete")
        search.tell(claim.trial, 0.5)
    return keys


def test_exhaustive_trains_the_whole_table_whatever_the_budget() -> None:
    config = configuration(search={"sampler": "exhaustive", "trials": 0, "largest_image_size": 18})
    space = len(space_of(config))
    assert networks_planned(config) == space > 5
    keys = trained(config)
    on_target = {architecture_key(candidate.spec) for candidate in queue_of(config) or ()}
    standing = {architecture_key(candidate.spec) for candidate in references(config)}
    assert len(keys) == len(set(keys))
    assert set(keys) == on_target - standing


def test_a_sampler_proposes_where_the_budget_is_smaller_than_the_space() -> None:
    config = configuration(search={"trials": 3})
    assert queue_of(config) is None
    assert networks_planned(config) == 3
    assert len(trained(config)) == 3


@pytest.mark.parametrize("cost", ["achieved", "nominal"])
def test_the_grid_is_queued_each_network_once(cost: str) -> None:
    config = configuration(search={"sampler": "grid", "trials": 0, "cost": cost, "grid_step": 0.1})
    queue = queue_of(config)
    assert queue is not None
    keys = [architecture_key(candidate.spec) for candidate in queue]
    assert len(keys) == len(set(keys)) > 5
    points = grid_of(2.0, step=0.1, tolerance=0.05)
    assert len(keys) <= len(points)
    factors = [candidate.row(config)["achieved_factor"] for candidate in queue]
    if cost == "nominal":
        assert {candidate.compound for candidate in queue} <= set(points)
        assert all(candidate.feasible for candidate in queue)
        assert max(factors) / min(factors) > 1.2  # the formula does not hold cost
    else:
        assert all(abs(f / 2 - 1) <= 0.05 for c, f in zip(queue, factors, strict=True) if c.feasible)
        assert sum(candidate.feasible for candidate in queue) > 5
    feasible = {key for key, candidate in zip(keys, queue, strict=True) if candidate.feasible}
    assert set(trained(config)) == feasible - {architecture_key(c.spec) for c in references(config)}


def test_the_grid_is_every_point_near_the_factor_and_holds_the_papers() -> None:
    points = grid_of(2.0, step=0.05, tolerance=0.05)
    assert (1.2, 1.1, 1.15) in {(point.alpha, point.beta, point.gamma) for point in points}
    assert all(abs(point.nominal_factor / 2 - 1) <= 0.05 for point in points)
    brute = [
        (a, b, c)
        for a in range(0, 30)
        for b in range(0, 15)
        for c in range(0, 15)
        if abs((1 + a / 20) * (1 + b / 20) ** 2 * (1 + c / 20) ** 2 / 2 - 1) <= 0.05
    ]
    assert len(points) == len(brute) == len(set(points))


def test_grids_without_end_or_without_points_are_refused() -> None:
    with pytest.raises(SpecError, match="make the step larger"):
        grid_of(2.0, step=1e-4, tolerance=0.05)
    with pytest.raises(SpecError, match="make the step smaller"):
        grid_of(2.0, step=0.3, tolerance=0.05)


def test_a_nominal_sampler_is_not_held_to_the_target() -> None:
    config = configuration(search={"cost": "nominal", "trials": 3, "tolerance": 1e-9})
    assert queue_of(config) is None
    assert len(trained(config)) == 3


def test_costs_are_of_the_networks_that_are_queued() -> None:
    config = configuration(search={"sampler": "exhaustive", "metric": "activations"})
    base = count_cost(config.baseline_spec).activations
    for candidate in queue_of(config) or ():
        factor = candidate.row(config)["achieved_factor"]
        assert factor == count_cost(candidate.spec).activations / base
        assert abs(factor / 2 - 1) <= 0.05
