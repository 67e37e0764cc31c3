"""One suite that every sampler passes, as the plan of a search asks it; and what is particular to some."""

from __future__ import annotations

import logging
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from made_up_search import MadeUpSearch
from search_runs import configuration

from scaling.errors import ConfigError
from scaling.network.serialization import architecture_key
from scaling.plans.search.candidates import references
from scaling.plans.search.config import SearchConfig
from scaling.plans.search.history import Fate
from scaling.plans.search.samplers import (
    POPULATION,
    Sampler,
    cmaes_point,
    make_sampler,
    proposal_seed,
    qmc_point,
)
from scaling.plans.search.table import PROPOSAL_COLUMNS, proposals_frame

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


@EACH
def test_proposals_stay_in_the_box_meet_the_budget_and_are_the_same_interrupted_or_not(
    sampler: Sampler, objectives: tuple[str, ...], tmp_path: Path
) -> None:
    config = config_of(sampler, objectives)
    search = MadeUpSearch(config).run()
    whole, trained = search.points(), len(search.proposed())
    assert all(0 <= coordinate <= 1 for point in whole for coordinate in point)
    assert trained == config.search.trials or (sampler.queues and trained > 5)
    assert MadeUpSearch(config).run().points() == whole
    cut = MadeUpSearch(config, path=tmp_path / "proposals.jsonl")
    for networks in (1, 3, 4):
        cut.run(networks)
        cut.send()
        cut.begin()
    assert cut.run().points() == whole


@EACH
def test_only_feasible_new_networks_are_trained(sampler: Sampler, objectives: tuple[str, ...]) -> None:
    config = config_of(sampler, objectives, limits={"max_params": 7000})
    search = MadeUpSearch(config).run()
    keys = [trial.network.key for trial in search.proposed()]
    for trial in search.proposed():
        assert trial.network.spec is not None
        assert config.target.within_limits(trial.network.spec)
        factor = trial.network.factor or config.target.factor
        target = replace(config.target, factor=factor) if factor > 1 else config.target
        assert factor == 1 or target.excess(trial.network.spec, config.baseline_spec) == 0
    if sampler != Sampler.SURFACE:  # which trains some of them again, with another seed
        assert len(keys) == len(set(keys)) > 3
        assert not set(keys) & {architecture_key(one.spec) for one in references(config) if one.spec}


@EACH
def test_no_warning_is_logged(
    sampler: Sampler, objectives: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    optuna.logging.enable_propagation()
    with caplog.at_level(logging.WARNING):
        MadeUpSearch(config_of(sampler, objectives, trials=5)).run()
    optuna.logging.disable_propagation()
    assert [record.message for record in caplog.records] == []


@EACH
def test_two_at_once_are_not_alike(sampler: Sampler, objectives: tuple[str, ...]) -> None:
    config = config_of(sampler, objectives, trials=TRIALS)
    search = MadeUpSearch(config).run(4)
    search.send(room=2)
    first, second = (search.trial(job).network for job in search.running.values())
    assert first.key != second.key


@pytest.mark.parametrize("sampler", [name for name in Sampler if not name.queues and name != Sampler.SURFACE])
def test_another_seed_proposes_otherwise(sampler: Sampler) -> None:
    first, second = (MadeUpSearch(config_of(sampler, seed=seed)).run(3).points() for seed in (0, 1))
    assert first != second


@pytest.mark.parametrize("sampler", [name for name in Sampler if name.queues])
def test_a_sampler_that_lists_its_networks_is_never_asked(sampler: Sampler) -> None:
    with pytest.raises(ConfigError, match="never asked"):
        make_sampler(sampler, seed=0, proposed=0, startup_trials=1)


def test_cmaes_ends_near_the_best_point() -> None:
    told: list[tuple[Any, float]] = []
    for number in range(10 * POPULATION):
        point = cmaes_point(told, seed=3, ask_seed=proposal_seed(3, number))
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
    search = MadeUpSearch(config_of("random", trials=4)).run()
    frame = proposals_frame(search.history, search.config)
    assert list(frame.columns) == list(PROPOSAL_COLUMNS)
    assert frame["number"].tolist() == list(range(len(search.history.proposals)))
    assert set(frame["fate"]) <= {str(fate) for fate in Fate}
    assert (frame["fate"] == "accepted").sum() == 4
    assert frame["proposed_at"].str.endswith("+00:00").all()
    assert frame.loc[frame["fate"] == "duplicate", "trial"].isna().all()
    accepted = frame.loc[frame["fate"] == "accepted", "trial"]
    assert accepted.tolist() == [one.number for one in search.proposed()]
    assert set(frame["architecture"]) == {one.network.key for one in search.history.proposals}


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
        ({"confirm": 1, "seeds": [3], "confirm_seeds": [2, 3]}, "must be fresh, but 3 is among"),
    ],
)
def test_pairs_that_do_not_go_together_are_refused_when_read(search: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        configuration(search=search)
    assert message in str(caught.value)
