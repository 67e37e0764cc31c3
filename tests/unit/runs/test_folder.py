"""The folder of a run: whose it is, one coordinator at a time, whole lines, and nothing deleted."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from scaling.errors import ConfigError, ResultsError
from scaling.runs import folder as module
from scaling.runs.folder import (
    RunFolder,
    append_line,
    difference,
    held,
    open_folder,
    set_aside,
    whole_lines,
)

CONFIG = {"setup": {"recipe": {"epochs": 2}, "engine": {"workers": 1}}}


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(path=tmp_path / "a" / "run")


def opened(folder: RunFolder, config: dict[str, Any] | None = None, key: str = "k", **more: Any) -> bool:
    with held(folder):
        return open_folder(folder, "search", config or CONFIG, key, **more)


def test_a_new_folder_is_made_and_an_old_one_goes_on(folder: RunFolder) -> None:
    assert opened(folder) is False
    assert folder.document()["config"] == CONFIG
    assert opened(folder, {"other": 1}, "other") is False, (
        "nothing was trained: any configuration may have it"
    )
    folder.note_keys(["0" * 20])
    assert opened(folder, {"other": 1}, "other") is True


def test_another_configuration_kind_device_or_version_is_refused(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(folder, device="cpu")
    folder.note_keys(["0" * 20])
    content = folder.config.read_bytes()
    with pytest.raises(ConfigError, match=r"setup.recipe.epochs: 2 there, 3 here"):
        opened(folder, {"setup": {"recipe": {"epochs": 3}}}, "other")
    with pytest.raises(ConfigError, match="holds trainings on cpu, this is cuda"):
        opened(folder, device="cuda")
    with held(folder), pytest.raises(ConfigError, match="kind: 'search' there, 'study' here"):
        open_folder(folder, "study", CONFIG, "k")
    monkeypatch.setattr(module, "package_version", lambda _name: "99")
    with pytest.raises(ResultsError, match="this is 99"):
        opened(folder)
    assert folder.config.read_bytes() == content


def test_workers_are_no_difference() -> None:
    other = {"setup": {"recipe": {"epochs": 2}, "engine": {"workers": 9}}}
    assert difference({"config": CONFIG}, {"config": other}) == "no visible difference"


@pytest.mark.parametrize("name", ["records.txt", "proposals.jsonl", "trials.csv", "study.sqlite3"])
def test_results_without_their_configuration_are_left_alone(name: str, folder: RunFolder) -> None:
    folder.path.mkdir(parents=True)
    (folder.path / name).write_text("mine")
    with pytest.raises(ResultsError, match="nothing of it is touched"):
        opened(folder)
    assert (folder.path / name).read_text() == "mine"
    assert not folder.config.exists()


@pytest.mark.parametrize(
    "content", ["", "[]", "3", "null", "{", '{"kind": "search"}', "\xff", "[" * 100_000, "1" * 5000]
)
def test_a_damaged_configuration_is_one_line(content: str, folder: RunFolder) -> None:
    folder.path.mkdir(parents=True)
    folder.config.write_bytes(content.encode("latin-1"))
    with pytest.raises(ResultsError, match=r"run\.json") as caught:
        opened(folder)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400
    assert folder.config.read_bytes() == content.encode("latin-1")


def test_what_is_no_file_is_refused_and_never_waited_for(folder: RunFolder) -> None:
    folder.path.mkdir(parents=True)
    os.mkfifo(folder.config)
    with pytest.raises(ResultsError, match="not a regular file"):
        folder.document()
    folder.records.symlink_to("/dev/zero")
    with pytest.raises(ResultsError, match="not a regular file"):
        folder.keys()


def test_reading_what_is_no_run_is_refused_and_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r"is not the folder of a run: it has no run\.json"):
        RunFolder(path=tmp_path).document()
    assert RunFolder(path=tmp_path).keys() == []
    assert list(tmp_path.iterdir()) == []


def test_one_coordinator_at_a_time_and_the_second_says_whose_it_is(folder: RunFolder) -> None:
    opened(folder)
    with held(folder):
        said = rf"process {os.getpid()} on .+, since 20"
        for attempt in (opened, set_aside):
            with pytest.raises(ResultsError, match=f"another run is using .*{said}"):
                attempt(folder)
        assert folder.keys() == [], "reading takes no lock"
    opened(folder)
    assert not (folder.path / "run.owner.json").exists()


@pytest.mark.parametrize("owner", ["", "[]", "{}", '{"pid": 1}', "[" * 100_000])
def test_an_owner_that_cannot_be_read_is_said_to_be_unknown(owner: str, folder: RunFolder) -> None:
    with held(folder):
        (folder.path / "run.owner.json").write_text(owner)
        with pytest.raises(ResultsError, match="it does not say who"):
            opened(folder)
        hostile = {"pid": "\x1b[2J", "host": "a\nb", "since": "x" * 10_000}
        (folder.path / "run.owner.json").write_text(json.dumps(hostile)[:9_999])
        with pytest.raises(ResultsError) as caught:
            opened(folder)
        assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("error", "usable"),
    [
        (OSError(errno.ENOLCK, "No locks available"), True),
        (NotImplementedError("no flock"), True),
        (PermissionError(errno.EACCES, "Permission denied"), False),
        (OSError(errno.EROFS, "Read-only file system"), False),
    ],
)
def test_file_systems_without_locks_and_folders_that_cannot_be_written(
    error: Exception, usable: bool, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(type(FileLock(folder.path / "x")), "acquire", refused)
    if usable:
        with held(folder), pytest.raises(ResultsError, match="another run is using"):
            opened(folder)
        return
    with pytest.raises(ResultsError, match="cannot use the folder") as caught:
        opened(folder)
    assert str(error.args[1]) in str(caught.value)


def test_a_file_in_the_way_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ResultsError, match="cannot use the folder .*: File exists"):
        opened(RunFolder(path=tmp_path / "file"))
    assert (tmp_path / "file").read_text() == "mine"


def test_setting_aside_keeps_everything(folder: RunFolder) -> None:
    assert set_aside(folder) is None
    names = set()
    for number in range(3):
        opened(folder)
        folder.trials.write_text(f"results {number}")
        aside = set_aside(folder)
        assert not folder.path.exists()
        assert (aside / "trials.csv").read_text() == f"results {number}"
        names.add(aside.name)
    assert len(names) == 3
    folder.path.mkdir()
    assert set_aside(folder) is None
    (folder.path / "notes.md").write_text("mine")
    with pytest.raises(ResultsError, match="--fresh leaves it alone"):
        set_aside(folder)


def test_the_current_folder_can_be_set_aside(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(folder)
    monkeypatch.chdir(folder.path)
    aside = set_aside(RunFolder(path=Path()))
    assert (aside / "run.json").exists()


@pytest.mark.parametrize("name", ["", "..", "a/b", "/etc", "a b", "-x", "x" * 65, "a\n", "a\x1b"])
def test_no_name_leads_out_of_the_folder_of_runs(name: str) -> None:
    with pytest.raises(ConfigError, match="expected the name of an experiment"):
        RunFolder.of(name)
    assert RunFolder.of("quick-2").path == Path("runs/quick-2")


def test_a_line_that_broke_off_is_no_line_and_spoils_no_other(folder: RunFolder) -> None:
    folder.path.mkdir(parents=True)
    folder.note_keys(["one", "two"])
    for torn in (b"thr", b"x" * 10_000):
        with folder.records.open("ab") as file:
            file.write(torn)
        assert folder.keys() == ["one", "two"]
    folder.note_keys([])
    folder.note_keys(["three"])
    assert folder.keys() == ["one", "two", "three"]
    assert folder.records.read_bytes() == b"one\ntwo\nthree\n"
    folder.records.write_bytes(b"torn")
    folder.note_keys(["one"])
    assert folder.records.read_bytes() == b"one\n"


def test_a_disk_that_fills_in_the_middle_of_a_line_leaves_the_lines_before(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.path.mkdir(parents=True)
    folder.note_keys(["one"])

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ResultsError, match=r"cannot write .*records\.txt: No space left on device"):
        folder.note_keys(["two"])
    assert folder.records.read_bytes() == b"one\n"


@pytest.mark.parametrize("kept", range(12))
def test_lines_cut_anywhere_are_those_that_are_whole(kept: int, tmp_path: Path) -> None:
    path = tmp_path / "lines"
    for line in ("alpha", "beta", ""):
        append_line(path, line)
    path.write_bytes(path.read_bytes()[:kept])
    found = whole_lines(path.read_bytes())
    assert found == [b"alpha", b"beta", b""][: len(found)]
    assert len(found) == path.read_bytes().count(b"\n")


def reader(folder: RunFolder) -> list[Callable[[], object]]:
    return [folder.document, folder.keys, folder.started, folder.store]


def test_reading_leaves_a_folder_as_it_was(folder: RunFolder) -> None:
    opened(folder, store=folder.path / "trainings")
    folder.note_keys(["0" * 20])
    names = {path: path.stat().st_mtime_ns for path in folder.path.iterdir()}
    for read in reader(folder):
        read()
    assert {path: path.stat().st_mtime_ns for path in folder.path.iterdir()} == names
