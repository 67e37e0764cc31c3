"""Searches with the sampler `surface`: what they train, when they end, what they say; nothing is trained."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up_search import MadeUpSearch
from search_runs import configuration
from simulated_surfaces import TRUTHS

from scaling.cost.doublings import doublings
from scaling.errors import ConfigError
from scaling.plans.search.conclusion import conclusion
from scaling.plans.search.config import SearchConfig, load_config
from scaling.plans.search.history import Fate, read_history
from scaling.plans.search.power import measured_spread, power_sentence, resolvable
from scaling.plans.search.result import result_document
from scaling.plans.search.surface import buildable, search_surface
from scaling.plans.search.table import trials_of
from scaling.plans.search.trial import SearchTrial
from scaling.runs.store import Store

QUICK = load_config(Path("experiments/quick.toml"))


def changed(**search: Any) -> SearchConfig:
    document = QUICK.document()
    return SearchConfig.model_validate({**document, "search": {**document["search"], **search}})


def accuracy(trial: SearchTrial, seed: int) -> list[float]:
    """The truth `edge`, and a seed's noise in proportion to the error."""
    assert trial.network.spec is not None
    x = np.array(doublings(trial.network.spec, QUICK.baseline_spec))
    expected = float(TRUTHS["edge"](x))
    noise = np.random.default_rng([seed, int(trial.network.key, 16)]).normal()
    epochs = next(iter(trial.jobs.values())).recipe.epochs
    reached = (expected + noise * (100 - expected) / 10) / 100
    return [reached * epoch / epochs for epoch in range(1, epochs + 1)]


@pytest.fixture(scope="module")
def finished() -> MadeUpSearch:
    return MadeUpSearch(QUICK, accuracy).run()


def document_of(search: MadeUpSearch) -> dict[str, Any]:
    trials = trials_of(search.config, search.history, search.records)
    found: dict[str, Any] = result_document(search.config, trials, None)["surface"]
    return found


def test_the_main_job_is_25_trainings_and_its_optimum_again(finished: MadeUpSearch) -> None:
    assert len(finished.records) == 27
    assert [trial.seeds for trial in finished.plan.confirming or []] == [QUICK.search.confirm_seeds]
    table = trials_of(QUICK, finished.history, finished.records)
    assert not table.duplicated(["trial", "seed"]).any()
    factors = table.loc[table["kind"] != "confirm", "achieved_factor"]
    near = [min(abs(factor / wanted - 1) for wanted in (1, 2, 4)) for factor in factors]
    assert max(near) <= QUICK.search.tolerance


def test_a_network_that_is_asked_for_again_gets_another_seed(finished: MadeUpSearch) -> None:
    repeats = [one for one in finished.history.proposals if one.fate == Fate.REPEAT]
    assert repeats
    pairs = [(one.network.key, one.seed) for one in finished.history.proposals]
    assert len(set(pairs)) == len(pairs)
    assert all(one.seed not in QUICK.search.confirm_seeds for one in finished.history.proposals)
    assert not [job for job in finished.sent if finished.sent.count(job) > 1]


@pytest.mark.parametrize("order", range(8))
def test_any_order_of_results_meets_the_budget(order: int) -> None:
    search, shuffle = MadeUpSearch(changed(trials=16, confirm=0), accuracy), random.Random(order)
    while search.send(room=shuffle.randint(1, 5)).jobs:
        search.train(shuffle.choice(list(search.running.values())))
    assert sum(one.fate.trains for one in search.history.proposals) == 16
    assert len(search.records) == 12 + 16


def test_an_interrupted_search_proposes_what_an_uninterrupted_one_does(tmp_path: Path) -> None:
    config = changed(trials=17, confirm=0)
    whole = MadeUpSearch(config, accuracy).run().points()
    cut = MadeUpSearch(config, accuracy, path=tmp_path / "proposals.jsonl")
    for networks in (2, 13, 15):
        cut.run(networks)
        cut.send()
        cut.begin()
    assert cut.run().points() == whole
    kept = read_history(tmp_path / "proposals.jsonl").proposals
    assert [one.seed for one in kept] == [one.seed for one in cut.history.proposals]


def test_it_stops_when_the_answer_is_sure_enough() -> None:
    sure = MadeUpSearch(changed(trials=200, stop={"contrast": 6.0, "regret": 3.0}), accuracy).run()
    assert 13 <= len(sure.history.proposals) < 40
    surer = MadeUpSearch(changed(trials=60, stop={"contrast": 1.5}), accuracy).run()
    assert len(surer.history.proposals) > len(sure.history.proposals)


@pytest.mark.parametrize(
    ("search", "words"),
    [
        ({"cost": "nominal"}, "compares networks at achieved cost"),
        ({"pruner": "median"}, "complete trials only"),
        ({"objectives": ["top1", "params"]}, "takes one objective"),
        ({"sampler": "tpe", "stop": {"regret": 1.0}}, "fits none"),
        ({"stop": {"regret": 0}}, "greater than 0"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(search: dict[str, Any], words: str) -> None:
    with pytest.raises((ConfigError, ValueError), match=words):
        changed(**search)


def test_the_result_says_what_a_script_reads(finished: MadeUpSearch) -> None:
    found = json.loads(json.dumps(document_of(finished)))
    assert found["network"]["trained"]["seeds"] == 2
    assert set(found["against"]) == {"depth", "width", "resolution", "compound"}
    assert found["gains"]["width"]["points_per_doubling"] > found["gains"]["depth"]["points_per_doubling"]
    assert set(found["loss_gains"]) == set(found["error_gains"]) == {"depth", "width", "resolution"}
    assert 0.5 < found["network"]["predicted_top1"]["value"] < 1


def test_the_conclusion_comes_first_and_every_figure_has_its_interval(finished: MadeUpSearch) -> None:
    sentences = conclusion(document_of(finished), "glyphs")
    assert sentences[0].startswith("On glyphs a doubling of cost is worth +")
    assert sentences[0].count("±") == 3
    assert sentences[0].endswith("(95 %).")
    assert any("the paper's shares" in one for one in sentences)
    assert conclusion({"refusal": "too few"}, "glyphs") == ["No surface can be fitted yet: too few."]


def test_before_there_are_networks_the_result_says_why() -> None:
    search = MadeUpSearch(QUICK, accuracy)
    assert "surface needs 6" in document_of(search)["refusal"]
    assert "surface needs 6" in document_of(MadeUpSearch(configuration()))["refusal"]


def test_networks_to_build_are_on_target() -> None:
    options = buildable(QUICK)
    assert len(options) > 20
    for one in options:
        assert one.network.spec is not None
        assert QUICK.target.excess(one.network.spec, QUICK.baseline_spec) == 0
        assert abs(sum(one.x) - math.log2(QUICK.target.factor)) < 0.4


def test_the_surface_of_a_table_is_that_of_the_run(finished: MadeUpSearch) -> None:
    trials = trials_of(QUICK, finished.history, finished.records)
    found = search_surface(QUICK, trials.sample(frac=1, random_state=0))
    again = document_of(finished)["gains"]["depth"]["points_per_doubling"]
    assert found.answer.gains["depth"].value == pytest.approx(again, abs=0.15)


def test_power_is_said_before_the_run(tmp_path: Path) -> None:
    assert measured_spread(QUICK, Store(path=tmp_path)) is None
    assert "not known" in power_sentence(QUICK, None, trials=13)
    assert "±1.6 points" in power_sentence(QUICK, 2.3, trials=13)
    few, many = (resolvable(QUICK, 2.3, trials=trials)["contrast"] for trials in (13, 60))
    assert many < 0.8 * few
