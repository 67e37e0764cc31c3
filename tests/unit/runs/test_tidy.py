"""Looking at a store and tidying it: nothing that a run names, and nothing that may be in use, is touched."""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from rich.console import Console
from run_records import PACKING, AtOnce, ListPlan, jobs, record_of

from scaling.cli import output
from scaling.cli.runs import runs as command
from scaling.cli.runs import sparkline, stored_table
from scaling.errors import ConfigError, ResultsError
from scaling.runs.coordinator import Started
from scaling.runs.executor import Event
from scaling.runs.folder import RunFolder
from scaling.runs.launch import Where, launch
from scaling.runs.record import RecordState
from scaling.runs.store import Store
from scaling.runs.tidy import (
    LIVE_S,
    delete_unneeded,
    names_of,
    remove_trainings,
    stored_trainings,
    unneeded,
    whole_key,
)
from scaling.training.checkpoint import save_checkpoint
from scaling.training.options import EngineOptions

JOBS = jobs(6)
NAMED, OTHER = JOBS[:3], JOBS[3:]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Runs that name three of six trainings; a failed one is among them."""
    store = Store(path=tmp_path / "trainings")
    for job in JOBS:
        store.add(record_of(job, RecordState.FAILED if job.seed == 2 else RecordState.COMPLETE))
    for name, named in (("first", NAMED[:2]), ("group/second", NAMED[1:])):
        folder = RunFolder(path=tmp_path / name)
        folder.path.mkdir(parents=True)
        folder.config.write_text("{}")
        folder.note_keys(job.key for job in named)
    return tmp_path


def store_of(place: Path) -> Store:
    return Store(path=place / "trainings")


def age(path: Path, seconds: float) -> Path:
    os.utime(path, (time.time() - seconds,) * 2)
    return path


def run(place: Path, *arguments: str) -> Result:
    where = ["--store", str(place / "trainings"), "--runs", str(place)]
    return CliRunner().invoke(command, [*arguments, *where])


def test_every_record_is_listed_with_its_result(place: Path) -> None:
    store_of(place).record(JOBS[0].key).write_text("{")
    rows = {row.key: row for row in stored_trainings(store_of(place))}
    assert set(rows) == {job.key for job in JOBS}
    assert rows[JOBS[0].key].state == "damaged"
    one = rows[JOBS[1].key]
    assert (one.state, one.data, one.seed, one.epochs, one.top1) == ("complete", "glyphs", 1, 2, 11 / 50)
    assert rows[JOBS[2].key].top1 is None
    assert stored_trainings(Store(path=place / "none")) == []


def test_which_runs_name_a_training(place: Path) -> None:
    (place / "linked").symlink_to(place / "group")  # and no link leads in a circle
    (place / "group" / "circle").symlink_to(place)
    names = names_of(place)
    assert set(names) == {job.key for job in NAMED}
    assert names[NAMED[1].key][0] == place / "first"
    assert len(names[NAMED[1].key]) >= 2


def test_a_run_that_is_one_training_names_it_by_its_configuration(place: Path) -> None:
    (place / "train").mkdir()
    RunFolder(path=place / "train").config.write_text(json.dumps({"kind": "train", "key": OTHER[0].key}))
    assert names_of(place)[OTHER[0].key] == [place / "train"]
    assert store_of(place).record(OTHER[0].key) not in unneeded(store_of(place), place).records


def test_a_key_is_found_by_its_first_letters(place: Path) -> None:
    store, key = store_of(place), JOBS[0].key
    assert whole_key(store, key) == whole_key(store, key[:10]) == key
    for wrong in ("", "abc", "../../etc/passwd", "x" * 20, "f" * 20, "\x1b[1m" * 50, key + "0"):
        with pytest.raises(ConfigError) as caught:
            whole_key(store, wrong)
        assert str(caught.value).isprintable()


def test_a_record_that_a_run_names_is_removed_by_force_alone(place: Path) -> None:
    store = store_of(place)
    with pytest.raises(ConfigError, match=rf"{NAMED[0].key} belongs to .*first"):
        remove_trainings(store, [OTHER[0].key, NAMED[0].key], place)
    assert len(list(store.keys())) == 6, "all of them or none"
    remove_trainings(store, [OTHER[0].key], place)
    remove_trainings(store, [NAMED[0].key], place, force=True)
    assert set(store.keys()) == {job.key for job in JOBS} - {OTHER[0].key, NAMED[0].key}


def test_what_nobody_needs_is_shown_and_only_then_deleted(place: Path) -> None:
    store = store_of(place)
    old = LIVE_S + 60
    checkpoint: Callable[[Any], Path] = lambda job: store.checkpoint(job.key)  # noqa: E731
    kept, gone = [], []
    for job, seconds, needed in (
        (NAMED[0], old, False),  # it has a record: nothing goes on from it
        (NAMED[2], old, True),  # it failed, and may go on
        (NAMED[1], 0, True),  # somebody may write it now
        (OTHER[0], old, False),
        (OTHER[1], 0, True),
        (OTHER[2], -old, True),  # a clock was set back since
    ):
        for _ in range(2):
            save_checkpoint(checkpoint(job), {}, {})
        both = [checkpoint(job), checkpoint(job).with_name(f"{checkpoint(job).name}.before")]
        (kept if needed else gone).extend(age(path, seconds) for path in both)
    for name, seconds, needed in (
        (f".{OTHER[0].key}.json.abc", old, False),
        (f".{OTHER[1].key}.json.abc", 0, True),
        (f"unfinished/.{OTHER[1].key}.checkpoint.abc", old, False),
        (".kernels-cpu.json.abc", old, False),
        ("kernels-cpu.json", old, True),
        ("notes.md", old, True),
        (".hidden", old, True),
    ):
        path = store.path / name
        path.write_text("x")
        (kept if needed else gone).append(age(path, seconds))
    kept += [store.record(job.key) for job in NAMED]
    gone += [store.record(job.key) for job in OTHER]
    found = unneeded(store, place)
    assert set(found.files) == set(gone)
    assert found.bytes == sum(path.stat().st_size for path in gone)
    assert delete_unneeded(store, found, place) == len(gone)
    assert not any(path.exists() for path in gone)
    assert all(path.exists() for path in kept)
    assert unneeded(store, place).files == ()


def test_what_a_run_names_in_the_meantime_stays(place: Path) -> None:
    store = store_of(place)
    found = unneeded(store, place)
    RunFolder(path=place / "first").note_keys([OTHER[0].key])
    assert delete_unneeded(store, found, place) == 2
    assert store.find(OTHER[0].key) is not None


@pytest.mark.parametrize("what", ["no run", "no folder", "damaged", "torn", "device"])
def test_where_nothing_says_what_is_needed_nothing_is_deleted(what: str, place: Path) -> None:
    runs, records = place, place / "first" / "records.txt"
    match what:
        case "no run":
            runs = place / "trainings"
        case "no folder":
            runs = place / "none"
        case "damaged":
            records.write_bytes(b"\xff\xfe\n")
        case "torn":
            (place / "first" / "run.json").write_text("{")
        case "device":
            records.unlink()
            records.symlink_to("/dev/zero")
    with pytest.raises(ResultsError):
        unneeded(store_of(place), runs)
    assert len(list(store_of(place).keys())) == 6


def test_tidying_beside_a_run_at_work_takes_nothing_of_it(tmp_path: Path) -> None:
    """A run finds half of its trainings in the store, and is tidied after at every event."""
    store, folder = Store(path=tmp_path / "trainings"), RunFolder(path=tmp_path / "run")
    folder.path.mkdir()
    folder.config.write_text("{}")
    for job in JOBS[:3]:
        store.add(record_of(job))
    stranger = jobs(7)[6]
    store.add(record_of(stranger))
    seen = []

    def tidy(event: Started | Event) -> None:
        seen.append(event)
        if isinstance(event, Started):
            age_all(store)
            save_checkpoint(store.checkpoint(event.key), {}, {})
        delete_unneeded(store, unneeded(store, tmp_path), tmp_path)
        assert all(store.find(job.key) for job in JOBS[:3])
        if isinstance(event, Started):
            assert store.checkpoint(event.key).exists()

    where = Where(store=store, executor=AtOnce())
    launch(ListPlan(JOBS), folder, where, packing=PACKING, engine=EngineOptions(), listener=tidy)
    assert len(seen) == 3 * 4
    assert set(store.keys()) == {job.key for job in JOBS}


def age_all(store: Store) -> None:
    for path in store.path.rglob("*.*"):
        age(path, LIVE_S + 60)


def test_the_command_lists_and_sorts(place: Path) -> None:
    found = run(place, "ls")
    assert found.exit_code == 0
    lines = found.output.splitlines()
    assert lines[0].startswith("6 trainings in ")
    assert "5 complete, 1 failed" in lines[0]
    assert sum(job.key[:10] in found.output for job in JOBS) == 6
    rows = json.loads(run(place, "ls", "--json", "--sort", "top1").output)
    accuracies = [row["top1"] or 0 for row in rows]
    assert accuracies == sorted(accuracies, reverse=True)
    assert json.loads(run(place, "ls", "--json", "--sort", "seed", "--reverse").output)[0]["seed"] == 0
    empty = CliRunner().invoke(command, ["ls", "--store", str(place / "none")])
    assert empty.output.startswith("0 trainings")


@pytest.mark.parametrize("width", [40, 60, 79, 104, 120])
def test_the_list_fits_its_terminal_and_shows_names_as_text(width: int, place: Path) -> None:
    rows = stored_trainings(store_of(place))
    rows[0] = replace(rows[0], network="[/red]\x1b[2J\n" + "x" * 500, data="imagefolder:" + "y" * 500)
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    console.print(stored_table(rows, wide=width >= 104))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(map(len, text.splitlines())) <= width
    assert len(text.splitlines()) == len(rows) + 1
    assert "\x1b" not in text
    if width >= 60:
        assert all(row.key[:10] in text for row in rows)
        assert "complete" in text


def test_the_command_shows_one_with_its_curve_and_its_runs(place: Path) -> None:
    found = run(place, "show", NAMED[1].key[:8])
    assert found.exit_code == 0
    assert found.output.splitlines()[0] == "complete: 22.00 % of 50 validation images right, 2 of 2 epochs"
    document = json.loads(run(place, "show", NAMED[1].key, "--json").output)
    assert document["key"] == NAMED[1].key
    assert len(document["named_by"]) == 2
    assert len(document["curve"]) == 2
    assert "no run" in run(place, "show", OTHER[0].key).output
    assert "failed, 2 of 2 epochs" in run(place, "show", NAMED[2].key).output
    store_of(place).record(NAMED[0].key).write_text("{")
    assert isinstance(run(place, "show", NAMED[0].key).exception, ResultsError)


def test_the_command_removes_and_tidies(place: Path) -> None:
    assert run(place, "rm", OTHER[0].key[:10]).output == "removed 1 record\n"
    assert isinstance(run(place, "rm", NAMED[0].key).exception, ConfigError)
    shown = run(place, "gc")
    assert shown.output.startswith("2 files, 0.0 MB, are needed by no run; --delete removes them")
    assert len(list(store_of(place).keys())) == 5
    assert run(place, "gc", "--delete").output.startswith("deleted 2 files")
    assert set(store_of(place).keys()) == {job.key for job in NAMED}
    assert run(place, "gc").output.startswith("nothing to tidy")


def test_the_group_knows_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    from scaling.cli import group  # noqa: PLC0415

    with pytest.raises(SystemExit) as left:
        output.run(group, ["runs", "show", "nothing!"])
    assert left.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_bars_rise_from_the_smallest_to_the_largest() -> None:
    assert sparkline([0.5, 0.5]) == "▁▁"
    assert sparkline([0.0, float("nan"), 1.0]) == "▁ █"
    assert len(sparkline([number / 999 for number in range(1000)])) == 60
    assert sparkline([]) == ""
