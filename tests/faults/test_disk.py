"""A full disk ends a search with one clear line; nothing that was found is lost, and the run goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from checking import Left, check
from launches import wait_until, workers_of
from processes import ended, full_disk, kill_group, trained
from search_runs import training
from searching import REFERENCES, TRAININGS, Launch, begin_after, proposed, recorded

pytestmark = pytest.mark.faults


def goes_on(launch: Launch, folder: Path, undisturbed: Left) -> None:
    process = launch(log="again")
    wait_until(lambda: trained(folder / "run") or not process.is_alive(), what="the end of the trainings")
    kill_group(process)  # the charts are drawn elsewhere
    check(folder / "run", undisturbed)


def one_line(folder: Path, process_ended: int, words: str) -> None:
    assert process_ended == 2, (folder / "log").read_text()
    said = (folder / "log").read_text().splitlines()
    assert not [line for line in said if "Traceback" in line], said
    assert said[-1].startswith("scaling: cannot write "), said
    assert words in said[-1]
    assert not list((folder / "run").glob(".*")), "half a file is left"


@pytest.mark.parametrize(
    ("what", "room", "checkpoint_s"), [("checkpoint", 20_000, 0), ("trainings", 1000, 100)]
)
def test_a_full_disk_under_a_worker(
    what: str,
    room: int,
    checkpoint_s: int,
    tmp_path: Path,
    undisturbed_run: Path,
    undisturbed: Left,
    launch: Launch,
) -> None:
    begin_after(TRAININGS - 1, undisturbed_run, tmp_path)
    process = launch("--set", f"engine.checkpoint_s={checkpoint_s}")
    wait_until(lambda: bool(workers_of(process.pid or 0)), what="a worker")
    full_disk(workers_of(process.pid or 0)[0], room)
    one_line(tmp_path, ended(process), what)
    assert recorded(tmp_path / "run") == TRAININGS - 1
    goes_on(launch, tmp_path, undisturbed)


def test_a_full_disk_under_the_proposals(
    tmp_path: Path, undisturbed_run: Path, undisturbed: Left, launch: Launch
) -> None:
    begin_after(REFERENCES, undisturbed_run, tmp_path)
    process, output = launch(), tmp_path / "run"
    wait_until(lambda: training(output), what="the first proposal in training")
    before = output / "proposals.jsonl"
    whole = before.read_bytes()
    full_disk(process.pid or 0, len(whole) + 100)
    one_line(tmp_path, ended(process), str(output))
    assert before.read_bytes() == whole
    assert (proposed(output), recorded(output)) == (whole.count(b"\n"), REFERENCES + 1)
    goes_on(launch, tmp_path, undisturbed)


def test_a_full_disk_under_the_tables(
    tmp_path: Path, undisturbed_run: Path, undisturbed: Left, launch: Launch
) -> None:
    begin_after(TRAININGS - 1, undisturbed_run, tmp_path)
    process, output = launch(), tmp_path / "run"
    (output / "trials.csv").write_text("of before\n")
    wait_until(lambda: training(output), what="a training")
    full_disk(process.pid or 0, 1000)
    one_line(tmp_path, ended(process), "trials.csv")
    assert (output / "trials.csv").read_text() == "of before\n"
    assert recorded(output) == TRAININGS
    goes_on(launch, tmp_path, undisturbed)


def test_a_full_disk_under_the_report(
    tmp_path: Path, undisturbed_run: Path, undisturbed: Left, launch: Launch
) -> None:
    begin_after(TRAININGS, undisturbed_run, tmp_path)
    process, output = launch("--set", "engine.checkpoint_s=1"), tmp_path / "run"
    wait_until(lambda: trained(output), what="the tables")
    full_disk(process.pid or 0, 300_000)
    one_line(tmp_path, ended(process), "report.html")
    check(output, undisturbed)
