"""An audit as a plan: its networks, its trainings, and every order of their results; nothing is trained."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from tiny_audit import AUDIT, audit_files
from tiny_study import made_up, run

from scaling.cost import count_cost
from scaling.plans.audit.config import load_audit
from scaling.plans.audit.judging import judge
from scaling.plans.audit.plan import AuditPlan, anchor_networks, cheaper
from scaling.runs.job import Job
from scaling.runs.record import RecordState


@pytest.fixture(autouse=True)
def no_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys need the images' checksums; nothing is trained here."""
    monkeypatch.setattr(Job, "checksums", lambda job: ["of", str(job.spec.image_size)])


@pytest.fixture
def plan(tmp_path: Path) -> AuditPlan:
    return AuditPlan.of(load_audit(audit_files(tmp_path)))


def test_networks_are_on_target_and_apart(plan: AuditPlan) -> None:
    base = count_cost(plan.setup.baseline_spec).macs
    assert len(set(plan.networks)) == 5
    assert all(1.6 <= count_cost(spec).macs / base <= 2.4 for spec in plan.networks)
    assert len({spec.image_size for spec in plan.networks}) > 1
    assert plan.networks == anchor_networks(plan.audit)


def test_proxies_change_what_they_say_and_nothing_else(plan: AuditPlan) -> None:
    anchor, short, narrow = plan.trainings
    assert [one.name for one in plan.trainings] == ["anchor", "short", "narrow"]
    (first, second), (cheap,), (small,) = anchor.jobs[0], short.jobs[0], narrow.jobs[0]
    assert (first.seed, second.seed, cheap.seed, small.seed) == (0, 1, 100, 100)
    assert (first.recipe.epochs, cheap.recipe.epochs, small.recipe.epochs) == (2, 1, 2)
    assert (first.data.train, cheap.data.train, small.data.train) == (60, 60, 30)
    assert cheap.spec == first.spec
    assert small.spec.image_size == round(0.9 * first.spec.image_size)
    assert small.spec.stages[0].out_channels < first.spec.stages[0].out_channels
    assert [s.repeats for s in small.spec.stages] == [s.repeats for s in first.spec.stages]
    assert short.macs == pytest.approx(anchor.macs / 4)  # half the epochs of half the seeds
    assert cheaper(plan.audit, plan.networks[0], plan.audit.config.proxies[0]) == plan.networks[0]


def test_further_seeds_come_last(plan: AuditPlan) -> None:
    assert [job.seed for job in plan.next_jobs({}, 1).jobs] == [0] * 5 + [100] * 10 + [1] * 5
    assert {plan.labels[job.key] for job in plan.jobs[:5]} == {f"network {n}, anchor" for n in range(5)}


@pytest.mark.parametrize("salt", range(20))
def test_any_order_of_results_trains_each_once_and_concludes_the_same(plan: AuditPlan, salt: int) -> None:
    chance, whole = random.Random(salt), {job.key: made_up(job) for job in plan.jobs}
    records = {key: one for key, one in whole.items() if chance.random() < 0.5}
    missing = whole.keys() - records.keys()
    started = run(plan, chance, records, made_up)
    assert len(started) == len(missing)
    assert set(started) == missing
    found, expected = (
        judge(plan.audit, plan.networks, plan.trainings, plan.results(one), []).table
        for one in (records, whole)
    )
    assert found.equals(expected)


def test_what_failed_is_wanted_again(plan: AuditPlan) -> None:
    whole = {job.key: made_up(job, salt="a") for job in plan.jobs}
    failed = {key for key, one in whole.items() if one.state == RecordState.FAILED}
    assert {job.key for job in plan.next_jobs(whole, 1).jobs} == failed != set()


def test_trainings_that_two_ways_share_are_one(tmp_path: Path) -> None:
    twin = '[[proxies]]\nname = "the same"\nepochs = 1\n[scores]'
    plan = AuditPlan.of(load_audit(audit_files(tmp_path, audit=AUDIT.replace("[scores]", twin))))
    assert len(plan.jobs) == 20
    assert sum(len(row) for one in plan.trainings for row in one.jobs) == 25
