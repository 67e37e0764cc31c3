"""Learning rates as a plan: ladders go on until the best rate is inside, whatever the order of results."""

from __future__ import annotations

import io
import json
import math
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner
from rated_setups import rated_setup
from rich.console import Console
from run_records import AtOnce
from tiny_setup import tiny_setup, tiny_tables, toml_of

from scaling.cli import group
from scaling.errors import ConfigError, ResultsError
from scaling.library.bracketing import RatesRun, bracket_rates
from scaling.library.loading import load_run
from scaling.library.progress import RunStopped
from scaling.network.serialization import architecture_key
from scaling.plans.study.rates import LAST_STEP, RatesPlan
from scaling.plans.study.rates_run import export_rates, rates_plan
from scaling.runs.executor import Ended
from scaling.runs.experiment_file import load_setup
from scaling.runs.job import Job
from scaling.runs.launch import Where
from scaling.runs.record import Record, RecordState
from scaling.runs.store import Store
from scaling.runs.task import Task

OPTIMA = {"baseline": 0, "depth@4": -3, "width@4": 1, "resolution@4": 2}
"""Doublings of the recipe's rate at which the loss is lowest."""
LIMITS = {"baseline": 2, "depth@4": 0, "width@4": 9, "resolution@4": 3}
"""From which on trainings diverge."""


@pytest.fixture(autouse=True)
def no_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys need the images' checksums; nothing is trained here."""
    monkeypatch.setattr(Job, "checksums", lambda job: ["of", str(job.spec.image_size)])


def plan_of(**changes: object) -> RatesPlan:
    return RatesPlan(setup=tiny_setup(), title="tiny", **changes)  # type: ignore[arg-type]


def record_of(job: Job, state: RecordState, loss: float | None = None) -> Record:
    result = {"top1": 0.5, "validation_loss": loss, "wall_s": 1.0, "epochs": 1, "validation_images": 50}
    return Record(
        key=job.key,
        identity=job.identity(),
        spec=job.spec,
        state=state,
        result=result if state == RecordState.COMPLETE else None,
        error="it broke" if state == RecordState.FAILED else None,
        provenance={},
    )


def made_up(plan: RatesPlan) -> Callable[[Job], Record]:
    """What trainings give whose best rate and divergence are known."""
    names = {one.key: one.name for one in plan.networks}

    def give(job: Job) -> Record:
        name = names[architecture_key(job.spec)]
        step = math.log2(job.recipe.learning_rate / plan.setup.recipe.learning_rate)
        if step >= LIMITS[name]:
            return record_of(job, RecordState.DIVERGED)
        return record_of(job, RecordState.COMPLETE, 1 + abs(step - OPTIMA[name]) + 0.1 * job.seed)

    return give


def run(plan: RatesPlan, chance: random.Random, give: Callable[[Job], Record]) -> dict[str, Record]:
    """Run a plan on one to five workers that end in any order; return the records in the order of ending."""
    workers, running, records = chance.randint(1, 5), dict[str, Job](), dict[str, Record]()
    while True:
        wanted = plan.next_jobs(records, workers)
        assert not any(job.key in records for job in wanted.jobs), "no job twice"
        for job in wanted.jobs[: workers - len(running)]:
            running[job.key] = job
        if not running:
            assert wanted.done
            return records
        key = chance.choice(sorted(running))
        records[key] = give(running.pop(key))


def test_any_order_of_results_finds_the_same_rates() -> None:
    plan = plan_of()
    give, everything = made_up(plan), list[set[str]]()
    for salt in range(20):
        records = run(plan, random.Random(salt), give)
        rates = plan.rates(records)
        assert rates is not None
        own = plan.setup.recipe.learning_rate
        best = {name.partition("@")[0]: own * 2.0**step for name, step in OPTIMA.items()}
        assert rates.best == best
        everything.append(set(records))
    assert all(one == everything[0] for one in everything)
    assert all(plan.next_jobs(records, 1).jobs == () for records in [run(plan, random.Random(0), give)])


def test_a_ladder_is_no_longer_than_it_needs_to_be() -> None:
    plan = plan_of()
    records = run(plan, random.Random(1), made_up(plan))
    steps = {
        ladder.network.name: [
            math.log2(rung.learning_rate / plan.setup.recipe.learning_rate) for rung in ladder.bracket.rungs
        ]
        for ladder in plan.ladders(records)
    }
    assert steps == {
        "baseline": [-1, 0, 1],
        "depth@4": [-4, -3, -2, -1, 0, 1],
        "width@4": [-1, 0, 1, 2],
        "resolution@4": [-1, 0, 1, 2, 3],  # 3 diverges, which brackets 2
    }


def test_one_diverged_seed_makes_a_rate_diverge() -> None:
    plan = plan_of()
    whole = made_up(plan)

    def give(job: Job) -> Record:
        fast = job.recipe.learning_rate > plan.setup.recipe.learning_rate
        return record_of(job, RecordState.DIVERGED) if fast and job.seed == 1 else whole(job)

    *_, baseline = plan.ladders(run(plan, random.Random(2), give))
    assert [rung.validation_loss is None for rung in baseline.bracket.rungs] == [False, False, True]


def test_where_every_rate_diverges_the_search_ends_without_rates() -> None:
    plan = plan_of()
    records = run(plan, random.Random(3), lambda job: record_of(job, RecordState.DIVERGED))
    assert plan.rates(records) is None
    lowest = plan.ladders(records)[0].bracket.rungs[0].learning_rate
    assert lowest == plan.setup.recipe.learning_rate * 2.0**-LAST_STEP


def test_what_failed_or_was_pruned_is_wanted_again() -> None:
    plan = plan_of()
    records = run(plan, random.Random(4), made_up(plan))
    job = plan.jobs(plan.networks[0], 0)[1]
    for state in (RecordState.FAILED, RecordState.PRUNED):
        wanted = plan.next_jobs({**records, job.key: record_of(job, state)}, 1)
        assert [one.key for one in wanted.jobs] == [job.key]
        assert not wanted.done
        assert plan.rates({**records, job.key: record_of(job, state)}) is None


def test_more_seeds_keep_the_earlier_ones() -> None:
    two, three = plan_of(), plan_of(seeds=(0, 1, 2))
    records = run(two, random.Random(5), made_up(two))
    assert {job.seed for job in three.next_jobs(records, 1).jobs} == {2}
    assert two.key() == three.key() != plan_of(factor=3.0).key()


def test_corners_are_one_dimension_each_at_achieved_cost() -> None:
    for ladder in plan_of().ladders({}):
        x = ladder.bracket.doublings
        assert sum(abs(value) > 0.2 for value in x) == (0 if ladder.network.factor == 1 else 1)
        assert sum(x) == pytest.approx(0 if ladder.network.factor == 1 else 2, abs=0.2)


def test_a_setups_own_rates_are_left_out() -> None:
    plan = RatesPlan(setup=rated_setup({"baseline": 0.04}), title="tiny")
    assert plan.setup == tiny_setup()
    assert plan.key() == plan_of().key()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"factor": 1.0}, "factor must be above 1"),
        ({"factor": 1000.0}, "factor must be above 1 and at most"),
        ({"factor": math.nan}, "factor must be above 1"),
        ({"seeds": ()}, "seeds must be different, and one at least"),
        ({"seeds": (1, 1)}, "seeds must be different"),
    ],
)
def test_bad_input_is_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        plan_of(**changes)


def test_a_factor_that_one_dimension_cannot_reach_is_named() -> None:
    setup = tiny_setup(data={"name": "fashion-mnist"}, baseline={"image_size": 28})
    with pytest.raises(ConfigError, match=r"no network of resolution .*; give another --factor"):
        _ = RatesPlan(setup=setup, title="tiny").networks


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a setup, and a store in which everything is trained."""
    (tmp_path / "tiny.toml").write_text(toml_of(tiny_tables()), encoding="utf-8")
    plan = rates_plan(tmp_path / "tiny.toml")
    store = Store(path=tmp_path / "trainings")
    for record in run(plan, random.Random(6), made_up(plan)).values():
        store.add(record)
    return tmp_path


def test_rates_are_written_exported_and_used(place: Path) -> None:
    setup, where = place / "tiny.toml", Where(store=Store(path=place / "trainings"))
    found = bracket_rates(setup, output=place / "run", where=where, train=False)
    assert found.rates is not None
    assert found.conclusion.startswith("Best learning rates, each inside its ladder: 0.01 at the baseline, ")
    assert len(found.ladders) == sum(len(one.bracket.rungs) for one in found.outcome.ladders)
    assert {path.suffix for path in found.folder.figures.iterdir()} == {".svg", ".png", ".csv"}
    assert "<img" in found._repr_html_()
    assert load_run(place / "run").rates == found.rates
    copy = export_rates(found.folder, setup)
    document = json.loads(copy.read_text(encoding="utf-8"))
    assert copy == place / "rates" / "tiny.json"
    assert document["provenance"]["config"]["factor"] == 4.0
    assert document["provenance"]["finished"]
    rated = 'rates = "rates/tiny.json"\n' + setup.read_text(encoding="utf-8")
    setup.write_text(rated, encoding="utf-8")
    assert load_setup(setup).rates_in_use == found.rates
    again = bracket_rates(setup, output=place / "run", where=where, train=False)
    assert again.rates == found.rates, "a ladder is around the recipe's rate, whatever the setup has"


@dataclass
class Pretends(AtOnce):
    """Answers every task at once by what is made up, or stops."""

    give: Callable[[Job], Record] = field(kw_only=True)

    def submit(self, task: Task) -> None:
        AtOnce.submit(self, task)
        ended = self.events.pop()
        record = None if self.interrupt else self.give(task.job)
        self.events.append(Ended(key=ended.key, record=record))


def test_a_run_that_was_stopped_goes_on_and_trains_nothing_twice(tmp_path: Path) -> None:
    plan, trained = plan_of(), list[str]()
    give, store = made_up(plan), Store(path=tmp_path / "trainings")

    def call(interrupt: signal.Signals | None = None) -> RatesRun:
        def noted(job: Job) -> Record:
            trained.append(job.key)
            return give(job)

        where = Where(store=store, executor=Pretends(interrupt=interrupt, give=noted))
        return bracket_rates(plan, output=tmp_path / "run", where=where, console=Console(file=io.StringIO()))

    with pytest.raises(RunStopped, match="missing"):
        call(signal.SIGTERM)
    found = call()
    assert found.rates is not None
    assert sorted(trained) == sorted(run(plan, random.Random(7), give))
    provenance = json.loads(found.folder.provenance.read_text(encoding="utf-8"))
    assert len(provenance["launches"]) == 2
    assert provenance["finished"]
    assert call().rates == found.rates
    assert len(trained) == len(set(trained))


def test_what_failed_is_named(tmp_path: Path) -> None:
    executor = Pretends(give=lambda job: record_of(job, RecordState.FAILED))
    where = Where(store=Store(path=tmp_path / "trainings"), executor=executor)
    quiet = Console(file=io.StringIO())
    found = bracket_rates(plan_of(), output=tmp_path / "run", where=where, console=quiet)
    assert "24 failed: it broke" in found.conclusion
    assert found.rates is None


def test_an_unfinished_run_has_nothing_to_export(place: Path) -> None:
    where = Where(store=Store(path=place / "trainings"))
    found = bracket_rates(place / "tiny.toml", seeds=3, output=place / "run", where=where, train=False)
    assert found.rates is None
    assert "missing" in found.conclusion
    with pytest.raises(ResultsError, match=r"has no rates\.json"):
        export_rates(found.folder, place / "tiny.toml")


def test_the_command_prints_one_document_and_exports(place: Path) -> None:
    command = ["study", "rates", "--setup", str(place / "tiny.toml"), "--store", str(place / "trainings")]
    done = CliRunner().invoke(group, [*command, "--output", str(place / "run"), "--export", "--json"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["missing"] == 0
    assert all(one["bracketed"] for one in document["ladders"])
    assert (place / "rates" / "tiny.json").exists()
    cost = CliRunner().invoke(group, [*command, "--plan", "--seeds", "3", "--json"])
    assert json.loads(cost.stdout)["trainings"] == 12  # the third seed of every first rung


def test_the_table_says_first_what_is_best(place: Path) -> None:
    command = ["study", "rates", "--setup", str(place / "tiny.toml"), "--store", str(place / "trainings")]
    done = CliRunner().invoke(group, [*command, "--output", str(place / "run"), "--report"])
    assert done.stdout.startswith("Best learning rates, each inside its ladder")
    assert "diverged" in done.stdout
    assert done.stdout.count("  best") == 4
