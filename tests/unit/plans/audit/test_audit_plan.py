"""An audit as a plan: its networks, its trainings, and every order of their results; nothing is trained."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from tiny_audit import AUDIT, audit_files

from scaling.cost import count_cost
from scaling.plans.audit.config import Audit, load_audit
from scaling.plans.audit.judging import judge
from scaling.plans.audit.networks import anchor_networks, cheaper
from scaling.plans.audit.plan import AuditPlan
from scaling.runs.job import Job
from scaling.runs.record import Record, RecordState


@pytest.fixture(autouse=True)
def no_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys need the images' checksums; nothing is trained here."""
    monkeypatch.setattr(Job, "checksums", lambda job: ["of", str(job.spec.image_size)])


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    return load_audit(audit_files(tmp_path))


def made(job: Job, state: RecordState) -> Record:
    complete = state == RecordState.COMPLETE
    return Record(
        key=job.key,
        identity=job.identity(),
        spec=job.spec,
        state=state,
        result={"top1": int(job.key[:4], 16) / 2**16 if complete else None, "wall_s": 1.0},
        provenance={},
    )


def test_networks_are_on_target_and_apart(audit: Audit) -> None:
    networks = anchor_networks(audit)
    assert len(set(networks)) == 5
    base = count_cost(audit.setup.baseline_spec).macs
    for spec in networks:
        assert 1.6 <= count_cost(spec).macs / base <= 2.4
    assert len({spec.image_size for spec in networks}) > 1
    assert networks == anchor_networks(audit)


def test_proxies_change_what_they_say_and_nothing_else(audit: Audit) -> None:
    plan = AuditPlan.of(audit)
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
    assert cheaper(audit, plan.networks[0], audit.config.proxies[0]) == plan.networks[0]


def test_further_seeds_come_last(audit: Audit) -> None:
    plan = AuditPlan.of(audit)
    seeds = [job.seed for job in plan.next_jobs({}, 1).jobs]
    assert seeds == [0] * 5 + [100] * 10 + [1] * 5
    assert {plan.labels[job.key] for job in plan.jobs[:5]} == {f"network {n}, anchor" for n in range(5)}


@pytest.mark.parametrize("salt", range(40))
def test_any_order_of_results_trains_each_once_and_concludes_the_same(audit: Audit, salt: int) -> None:
    """One to six workers end in any order; some trainings fail, and another launch tries them again."""
    plan, chance = AuditPlan.of(audit), random.Random(salt)
    records: dict[str, Record] = {}
    trained: list[str] = []
    for launch in range(2):
        running: dict[str, Job] = {}
        room, over = chance.randint(1, 6), set[str]()
        while True:
            wanted = plan.next_jobs(records, room)
            assert wanted == plan.next_jobs(dict(records), room + 1)
            assert wanted.done
            left = [job for job in wanted.jobs if job.key not in running and job.key not in over]
            for job in left[: room - len(running)]:
                running[job.key] = job
            if not running:
                break
            key = chance.choice(sorted(running))
            failed = launch == 0 and int(key[-1], 16) < 3
            records[key] = made(running.pop(key), RecordState.FAILED if failed else RecordState.COMPLETE)
            over.add(key)
            trained += [] if failed else [key]
    assert len(trained) == len(set(trained)) == len(plan.jobs) == 20
    assert plan.next_jobs(records, 1).jobs == ()
    found = judge(audit, plan.networks, plan.trainings, plan.results(records), [])
    whole = {job.key: made(job, RecordState.COMPLETE) for job in plan.jobs}
    assert found.table.equals(judge(audit, plan.networks, plan.trainings, plan.results(whole), []).table)


def test_trainings_that_two_ways_share_are_one(tmp_path: Path) -> None:
    twin = '[[proxies]]\nname = "the same"\nepochs = 1\n[scores]'
    plan = AuditPlan.of(load_audit(audit_files(tmp_path, audit=AUDIT.replace("[scores]", twin))))
    assert len(plan.jobs) == 20
    assert sum(len(row) for one in plan.trainings for row in one.jobs) == 25
