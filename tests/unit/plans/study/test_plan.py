"""A study as a plan: what it wants next is a function of the records there are, whatever their order."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from tiny_study import FAMILY, LADDER, made_up, run, sizes, study_plan

from scaling.errors import ConfigError
from scaling.plans.experiment import Size
from scaling.plans.study.networks import NOTHING
from scaling.plans.study.plan import with_baseline_seeds
from scaling.runs.job import Job
from scaling.runs.record import Record, RecordState

GRID = {"kind": "grid", "depths": [1.0, 2.0], "widths": [1.0, 2.0], "resolutions": [1.0]}
RATES = sizes(learning_rates=[0.5, 1.0, 2.0])


@pytest.fixture(autouse=True)
def no_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys need the images' checksums; nothing is trained here."""
    monkeypatch.setattr(Job, "checksums", lambda job: ["of", str(job.spec.image_size)])


@pytest.mark.parametrize("design", [LADDER, GRID, FAMILY], ids=lambda design: str(design["kind"]))
@pytest.mark.parametrize("salt", ["", "a", "b"])
def test_any_order_of_results_trains_the_same_once_each(design: dict[str, Any], salt: str) -> None:
    chance = random.Random(salt)
    plan, everything = study_plan(design=design, sizes=RATES), list[set[str]]()
    for _ in range(40):
        records: dict[str, Record] = {}
        started = run(plan, chance, records, lambda job: made_up(job, salt=salt))
        assert len(started) == len(set(started)), "no job twice"
        state = plan.state(records)
        budget = {job.key for trial in state.trials for job in trial.jobs.values()}
        assert set(started) == budget, "nothing more than the study, nothing less"
        assert state.complete
        everything.append(budget)
    assert all(one == everything[0] for one in everything)


def test_the_same_history_gives_the_same_jobs_whoever_asks() -> None:
    chance, plan = random.Random(5), study_plan(design=FAMILY)
    records: dict[str, Record] = {}
    run(plan, chance, records, made_up)
    for share in (0.0, 0.3, 0.6, 1.0):
        part = {key: one for key, one in records.items() if chance.random() < share}
        mine = plan.next_jobs(part, 1)
        other = study_plan(design=FAMILY).next_jobs(dict(reversed(part.items())), 4)
        assert [job.key for job in mine.jobs] == [job.key for job in other.jobs]
        assert mine.done == other.done


def test_what_was_interrupted_and_what_failed_is_made_good_by_the_next_launch() -> None:
    chance, plan = random.Random(2), study_plan(design=FAMILY, sizes=RATES)
    whole: dict[str, Record] = {}
    run(plan, chance, whole, made_up)
    for _ in range(20):
        records = {key: one for key, one in whole.items() if chance.random() < 0.5}
        started = run(plan, chance, records, made_up)
        assert len(started) == len(whole) - (len(records) - len(started))
        assert records.keys() == whole.keys()
    torn = [made_up(job, salt="a") for trial in plan.state(whole).trials for job in trial.jobs.values()]
    again = {one.key: one for one in torn if one.state != RecordState.FAILED}
    run(plan, chance, again, made_up)  # as `Known(retry=True)` has it
    assert plan.state(again).complete


def test_what_another_plan_pruned_is_trained_whole() -> None:
    plan = study_plan()
    (first, *_) = plan.next_jobs({}, 1).jobs
    pruned = replace(made_up(first), state=RecordState.PRUNED, result=None)
    assert plan.next_jobs({first.key: pruned}, 1).jobs[0].key == first.key
    assert not plan.prune(first, (), {})


def test_the_family_follows_from_fresh_seeds_not_from_those_that_chose() -> None:
    plan = study_plan(design=FAMILY)
    records = {job.key: made_up(job) for job in plan.next_jobs({}, 1).jobs}
    confirming = plan.next_jobs(records, 1)
    assert not confirming.done
    assert {job.seed for job in confirming.jobs} == {7, 8}
    records |= {job.key: made_up(job) for job in confirming.jobs}
    assert plan.next_jobs(records, 1).done
    state = plan.state(records)
    fresh = {
        trial.network.name: sum(one.top1 or 0 for one in trial.results.values() if one) / len(trial.results)
        for trial in state.trials
        if trial.network.kind == "confirm"
    }
    by_name = {(one.kind, one.name): one for one in state.networks}
    chosen = by_name["confirm", max(fresh, key=fresh.__getitem__)]
    assert by_name["reference", "winner@2"].shares == chosen.shares


def test_trainings_are_paired_and_come_seed_by_seed() -> None:
    plan = study_plan(sizes=RATES)
    trials = plan.trials(NOTHING)
    assert [trial.learning_rate_factor for trial in trials] == [1, 1, 1, 0.5, 0.5, 0.5, 2, 2, 2]
    jobs = plan.next_jobs({}, 1).jobs
    assert [job.seed for job in jobs] == [0] * 9 + [1] * 9
    rates = {job.recipe.learning_rate for job in jobs}
    assert rates == {factor * plan.setup.recipe.learning_rate for factor in (0.5, 1, 2)}
    assert plan.label(jobs[0].key) == "baseline"
    assert plan.label(jobs[-1].key) == "depth@2 at ×2"
    assert plan.label("nothing") == "nothing"


def test_noise_of_the_baseline_alone_takes_more_seeds_under_the_same_key() -> None:
    plan = study_plan(design={"kind": "noise", "strategies": ["compound"], "tolerance": 0.2})
    few, many = (
        replace(plan, study=with_baseline_seeds(plan.study, Size.QUICK, seeds), _trials={})
        for seeds in (3, 5)
    )
    assert [job.seed for job in many.next_jobs({}, 1).jobs] == [0, 1, 2, 3, 4]
    assert {job.spec for job in many.next_jobs({}, 1).jobs} == {plan.space.baseline}
    records = {job.key: made_up(job) for job in few.next_jobs({}, 1).jobs}
    assert [job.seed for job in many.next_jobs(records, 1).jobs] == [3, 4]
    assert few.key() == many.key() != plan.key()
    for study, seeds, message in (
        (study_plan().study, 3, "study of noise"),
        (plan.study, 1, "between 2 and"),
    ):
        with pytest.raises(ConfigError, match=message):
            with_baseline_seeds(study, Size.QUICK, seeds)


def test_the_key_follows_results_and_the_prediction_and_not_workers() -> None:
    key = study_plan().key()
    assert study_plan(setup={"engine": {"workers": 7, "checkpoint_s": 1.0}}, command="x").key() == key
    assert study_plan(sizes=sizes(seeds=[3, 4])).key() == key
    for changed in (
        study_plan(setup={"recipe": {"epochs": 2}}),
        study_plan(prediction="?"),
        study_plan(sizes=RATES),
        study_plan(design={**LADDER, "metric": "params"}),
        study_plan(sizes=sizes(factors=[3.0])),
    ):
        assert changed.key() != key
