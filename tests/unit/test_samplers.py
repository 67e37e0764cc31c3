"""One suite that every sampler passes, on the claims of a real study; and what is particular to some."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import optuna
import pytest
from search_runs import configuration

from scaling.errors import ConfigError
from scaling.network.serialization import architecture_key
from scaling.search.candidate import references
from scaling.search.claims import Claim, claim_candidate, key_of, prepare
from scaling.search.config import SearchConfig
from scaling.search.endings import put_back
from scaling.search.objectives import values_of
from scaling.search.proposals import PROPOSAL_COLUMNS, proposals_frame
from scaling.search.samplers import (
    POPULATION,
    Sampler,
    cmaes_point,
    proposal_seed,
    qmc_point,
)

SINGLE = [(name, ("top1",)) for name in Sampler]
MANY = [(name, ("top1", "params")) for name in Sampler if name.takes_many_objectives]
EACH = pytest.mark.parametrize(
    ("sampler", "objectives"),
    [*SINGLE, *MANY],
    ids=lambda value: value if isinstance(value, str) else len(value),
)
TRIALS = 8


def config_of(sampler: str, objectives: tuple[str, ...] = ("top1",), **search: Any) -> SearchConfig:
    trials = TRIALS - 3 if sampler == Sampler.GP else TRIALS  # it takes a tenth of a second a proposal
    wanted = {"trials": trials, "startup_trials": 3, "largest_image_size": 24, "grid_step": 0.1}
    return configuration(search={**wanted, "sampler": sampler, "objectives": list(objectives), **search})


def study_of(config: SearchConfig) -> optuna.Study:
    directions = [one.direction for one in config.search.objectives]
    reference, search = (optuna.create_study(directions=directions) for _ in range(2))
    prepare(config, reference, search)
    return search


def taken(config: SearchConfig) -> set[str]:
    return {architecture_key(candidate.spec) for candidate in references(config)}


def frozen(claim: Claim) -> Any:
    return claim.study.get_trials(deepcopy=False)[claim.trial.number]


def finish(config: SearchConfig, claim: Claim) -> None:
    """End a trial with a smooth accuracy of its shares, best at (0.5, 0.3, 0.2)."""
    assert claim.candidate.proposed is not None
    distance = np.subtract(claim.candidate.proposed.shares, (0.5, 0.3, 0.2))
    values = values_of(
        config.search.objectives, claim.candidate.spec, [{"top1": 0.8 - float(distance @ distance)}]
    )
    claim.trial.set_user_attr("values", values)
    claim.trial.set_user_attr("outcome", "complete")
    claim.study.tell(claim.trial, values)


def claims(
    config: SearchConfig, study: optuna.Study, *, interrupt_at: tuple[int, ...] = (), most: int = 10**6
) -> Iterator[Claim]:
    """Claim to the end of the search; at some claims be interrupted first."""
    done, known = 0, taken(config)
    while done < most and (claim := claim_candidate(config, study, known, worker=0)) is not None:
        if done in interrupt_at and "lineage" not in claim.trial.user_attrs:
            put_back(study, frozen(claim), "stopped")
            continue
        done += 1
        finish(config, claim)
        yield claim


def points(config: SearchConfig, **how: Any) -> list[tuple[float, float]]:
    found = claims(config, study_of(config), **how)
    return [(claim.trial.params["s"], claim.trial.params["v"]) for claim in found]


@EACH
def test_proposals_stay_in_the_box_and_the_budget_is_met(
    sampler: Sampler, objectives: tuple[str, ...]
) -> None:
    config = config_of(sampler, objectives)
    found = points(config)
    assert all(0 <= coordinate <= 1 for point in found for coordinate in point)
    assert len(found) == config.search.trials or (sampler.queues and len(found) > 5)


@EACH
def test_the_same_seed_proposes_the_same_interrupted_or_not(
    sampler: Sampler, objectives: tuple[str, ...]
) -> None:
    config = config_of(sampler, objectives)
    whole = points(config)
    assert points(config) == whole
    assert points(config, interrupt_at=(0, 3, 4)) == whole


@EACH
def test_only_feasible_new_networks_are_trained_and_their_constraint_is_known(
    sampler: Sampler, objectives: tuple[str, ...]
) -> None:
    config = config_of(sampler, objectives, limits={"max_params": 7000})
    study = study_of(config)
    keys = []
    for claim in claims(config, study):
        assert claim.candidate.feasible
        assert config.target.within_limits(claim.candidate.spec)
        assert frozen(claim).constraints == {"cost": 0.0}
        keys.append(architecture_key(claim.candidate.spec))
    assert len(keys) == len(set(keys)) > 3
    assert not set(keys) & taken(config)


@EACH
def test_queued_points_come_first_and_are_learnt_from(sampler: Sampler, objectives: tuple[str, ...]) -> None:
    config = config_of(sampler, objectives)
    study = study_of(config)
    if not sampler.queues:
        study.enqueue_trial({"s": 0.3, "v": 0.7})
        found = [(claim.trial.params["s"], claim.trial.params["v"]) for claim in claims(config, study)]
        assert found[0] == (0.3, 0.7)
        assert len(found) == config.search.trials


@EACH
def test_no_warning_is_logged(
    sampler: Sampler, objectives: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    optuna.logging.enable_propagation()
    with caplog.at_level(logging.WARNING):
        points(config_of(sampler, objectives, trials=5))
    optuna.logging.disable_propagation()
    assert [record.message for record in caplog.records] == []


@EACH
def test_two_workers_at_once_do_not_propose_alike(sampler: Sampler, objectives: tuple[str, ...]) -> None:
    config = config_of(sampler, objectives, trials=TRIALS)
    study = study_of(config)
    list(claims(config, study, most=4))
    both = [claim_candidate(config, study, taken(config), worker=worker) for worker in (0, 1)]
    first, second = (claim.trial.params for claim in both if claim is not None)
    assert first != second


@pytest.mark.parametrize("sampler", [name for name in Sampler if not name.queues])
def test_another_seed_proposes_otherwise(sampler: Sampler) -> None:
    assert points(config_of(sampler, seed=1), most=3) != points(config_of(sampler, seed=0), most=3)


def test_cmaes_ends_near_the_best_point() -> None:
    told: list[tuple[Any, float]] = []
    for number in range(10 * POPULATION):
        point = cmaes_point(told, seed=3, ask_seed=proposal_seed(3, 0, number))
        told.append((point, -float(((point - (0.8, 0.3)) ** 2).sum())))
    assert math.dist(np.mean([point for point, _ in told[-POPULATION:]], axis=0), (0.8, 0.3)) < 0.1
    assert max(value for _, value in told) > -0.002


def test_cmaes_waits_for_a_whole_generation() -> None:
    told = [(np.array([0.9, 0.9]), 1.0)] * (POPULATION - 1)
    assert (cmaes_point(told, seed=0, ask_seed=5) == cmaes_point([], seed=0, ask_seed=5)).all()
    whole = [(np.array([0.9 + n / 100, 0.9]), float(n)) for n in range(POPULATION)]
    assert (cmaes_point(whole, seed=0, ask_seed=5) != cmaes_point([], seed=0, ask_seed=5)).any()


def test_qmc_fills_the_square_more_evenly_than_chance() -> None:
    cells = {tuple((4 * qmc_point(index, seed=7)).astype(int)) for index in range(16)}
    assert len(cells) == 16  # each of 16 cells once: the property of a (0, 4, 2)-net


def test_what_was_proposed_when_is_on_record() -> None:
    config = config_of("random", trials=4)
    study = study_of(config)
    list(claims(config, study, interrupt_at=(1,)))
    frame = proposals_frame(study)
    assert list(frame.columns) == list(PROPOSAL_COLUMNS)
    assert len(frame) == len(study.trials)
    assert frame["end"].isin(["complete", "duplicate", "infeasible", "put back"]).all()
    assert (frame["end"] == "complete").sum() == 4
    assert frame["proposed_at"].str.endswith("+00:00").all()
    again = frame[frame.duplicated("lineage", keep=False)]
    assert again["end"].tolist() == ["put back", "complete"]
    assert again["proposed_at"].nunique() == 1
    assert again["interruptions"].tolist()[-1] == "stopped"
    assert {key_of(trial) for trial in study.trials} == set(frame["architecture"])


@pytest.mark.parametrize(
    ("search", "message"),
    [
        ({"sampler": "gp", "pruner": "median"}, "gp learns from complete trials only"),
        ({"sampler": "gp", "trials": 101}, "at most 100 trials, got 101"),
        ({"objectives": ["top1", "params"], "pruner": "median"}, "pruner median judges one objective, got 2"),
        ({"objectives": ["top1", "params"], "sampler": "cmaes"}, "sampler cmaes takes one objective, got 2"),
        ({"objectives": ["top1", "params"], "sampler": "gp"}, "sampler gp takes one objective, got 2"),
        ({"objectives": ["params"]}, "start with 'top1'"),
        ({"objectives": ["top1", "top1"]}, "objectives must be different"),
        ({"objectives": ["top1", "flops"]}, "search.objectives"),
        ({"pruner": "hyperband", "trials": 39}, "hyperband needs at least 40 trials, got 39"),
        ({"pruner": "wilcoxon", "seeds": [0, 1, 2, 3]}, "needs at least 5 seeds, got 4"),
        ({"pruner": "median", "sampler": "exhaustive"}, "exhaustive trains the whole table"),
        ({"pruner": "asha"}, "search.pruner"),
    ],
)
def test_pairs_that_do_not_go_together_are_refused_when_read(search: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        configuration(search=search)
    assert message in str(caught.value)
