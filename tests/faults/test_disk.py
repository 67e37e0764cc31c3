"""A full disk ends a run with one clear line, and nothing that was found before is lost."""

from __future__ import annotations

from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from checking import MakeStudy, check, opened, told_so_far
from processes import command_line, ended, joined
from search_runs import configuration

from scaling.runs.trials_table import read_trials

pytestmark = pytest.mark.faults
CONFIG = configuration(search={"trials": 1, "baseline_seeds": [0]}, cluster={"heartbeat_s": 1, "grace_s": 4})


def largest(folder: Path) -> int:
    return max(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("what", ["database", "checkpoint"])
def test_a_full_disk_under_a_worker_is_one_line_and_the_study_goes_on(
    what: str, make_study: MakeStudy, processes: list[BaseProcess], tmp_path: Path
) -> None:
    place, folder = make_study(CONFIG)
    # A limit on the size of files stands for the disk: the database may grow by a page or two and no more, or
    # everything but a checkpoint of 100 kB has room.
    room = largest(folder) + 8192 if what == "database" else 40_000
    if what == "checkpoint":
        place, folder = make_study(CONFIG, database="postgresql")
    log = tmp_path / "full.log"
    worker = command_line(
        "worker", "--storage-file", secret(tmp_path, place), "--output", folder, log=log, file_size=room
    )
    processes.append(worker)
    assert ended(worker) == 2
    said = log.read_text()
    assert "Traceback" not in said, said
    expected = "is the disk full?" if what == "database" else "cannot write the checkpoint"
    assert expected in said, said
    with opened(place, folder) as run:
        before = told_so_far(run)
    late = joined(place, folder, tmp_path / "late.log")
    processes.append(late)
    assert ended(late) == 0
    assert len(check(place, folder, networks=1)) == 6
    assert before <= 6


def secret(folder: Path, place: str) -> Path:
    path = folder / "storage"
    path.write_text(place)
    path.chmod(0o600)
    return path


def test_a_disk_that_fills_while_the_table_is_written_leaves_the_earlier_one(
    make_study: MakeStudy, processes: list[BaseProcess], tmp_path: Path
) -> None:
    place, folder = make_study(CONFIG, database="postgresql")
    finished = joined(place, folder, tmp_path / "all.log")
    processes.append(finished)
    assert ended(finished) == 0
    check(place, folder, networks=1)  # writes the table
    earlier = (folder / "trials.csv").read_bytes()
    log = tmp_path / "full.log"
    launch = command_line(
        "resume", folder, "--storage-file", secret(tmp_path, place), log=log, file_size=len(earlier) // 2
    )
    processes.append(launch)
    assert ended(launch) == 2
    assert "cannot write" in log.read_text(), log.read_text()
    assert "Traceback" not in log.read_text()
    assert (folder / "trials.csv").read_bytes() == earlier
    assert len(read_trials(folder / "trials.csv")) == 6
    assert not list(folder.glob(".trials.csv*")), "half a file was left"
