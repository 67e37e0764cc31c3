"""A network that its workers die of, and clocks that jump: neither costs the run more than it must."""

from __future__ import annotations

import os
import subprocess
import sys
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from checking import Left, check, contents
from deadly_worker import DEADLY
from launches import wait_until
from processes import command_line, ended, kill_group, trained
from recorded_runs import shown
from search_runs import ROOT, experiment, store_of, training
from searching import TABLES, TRAININGS, Launch, begin_after, recorded

from scaling.runs.folder import RunFolder
from scaling.runs.trials_table import read_trials

pytestmark = pytest.mark.faults
# libfaketime 0.9.10 refuses to sleep by a clock that it leaves alone (EINVAL), and Python sleeps by that one.
FAKED = """
import select, time
time.sleep = lambda seconds: select.select([], [], [], seconds)
from scaling.cli.search import main
main()
"""


def test_a_network_that_kills_three_workers_fails_alone_and_is_tried_again(
    tmp_path: Path,
    undisturbed_run: Path,
    undisturbed: Left,
    launch: Launch,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begin_after(TRAININGS, undisturbed_run, tmp_path)
    output, table = tmp_path / "run", undisturbed.trials
    (deadly,) = table[table["name"] == "resolution"].to_dict("records")
    (last,) = table[table["kind"] == "confirm"].tail(1)["record"]
    folder, store = RunFolder(path=output), store_of(output)
    for key in (deadly["record"], last):
        store.record(key).unlink()
    kept = set(undisturbed.records) - {deadly["record"], last}
    folder.records.write_text("".join(f"{key}\n" for key in sorted(kept)))
    monkeypatch.setenv(DEADLY, deadly["record"])
    program = "import os, sys; sys.path[:0] = sys.argv[1].split(os.pathsep); import searching; "
    program += "from pathlib import Path; searching.run_with('deadly_worker', *map(Path, sys.argv[2:]))"
    paths = os.pathsep.join(str(ROOT / place) for place in (".", "tests", "tests/faults"))
    done = subprocess.run(
        [sys.executable, "-c", program, paths, str(experiment(tmp_path, **TABLES)), str(output)],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = read_trials(folder.trials)
    assert found["state"].value_counts().to_dict() == {"complete": TRAININGS - 1, "failed": 1}
    (failure,) = (found.loc[found["state"] == "failed", "name"]).tolist()
    assert failure == "resolution"
    status = shown("status", str(output), columns=200)
    assert "3 worker processes died while training it" in status
    process = launch(log="again")
    wait_until(lambda: trained(output) or not process.is_alive(), what="the end of the trainings")
    wait_until(lambda: "failed" not in set(read_trials(folder.trials)["state"]), what="the table")
    kill_group(process)
    check(output, undisturbed)


def test_a_clock_that_goes_back_and_forward_moves_nothing(
    tmp_path: Path, undisturbed_run: Path, undisturbed: Left
) -> None:
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    assert library, "libfaketime is not installed: apt-get install faketime"
    begin_after(TRAININGS - 2, undisturbed_run, tmp_path)
    clock, output = tmp_path / "clock", tmp_path / "run"
    clock.write_text("+0\n")
    faked = {
        "LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1",
    }  # fmt: skip
    config = experiment(tmp_path, **TABLES)
    arguments = ["--config", config, "--output", output, "--store", store_of(output).path]
    command = [sys.executable, "-c", FAKED, *map(str, arguments)]
    faked["PYTHONPATH"] = str(ROOT)
    with subprocess.Popen(command, env={**os.environ, **faked}, stderr=subprocess.PIPE, text=True) as launch:
        try:
            wait_until(lambda: training(output), what="a training")
            clock.write_text("-2h\n")
            assert "of the work" in shown("status", str(output), columns=200)
            wait_until(
                lambda: recorded(output) == TRAININGS - 1 and training(output), what="the last training"
            )
            clock.write_text("+48h\n")
            wait_until(lambda: trained(output) or launch.poll() is not None, what="the end of the trainings")
        finally:
            launch.kill()
        assert launch.stderr
        said = launch.stderr.read()
        assert "Traceback" not in said, said
    check(output, undisturbed)


def test_what_reads_a_run_needs_no_right_to_write_it(
    undisturbed_run: Path, processes: list[BaseProcess], tmp_path: Path
) -> None:
    shared, logs = tmp_path / "shared", tmp_path / "logs"
    for folder in (shared, logs):
        folder.mkdir()
    begin_after(TRAININGS, undisturbed_run, shared)
    output, kept = shared / "run", logs / "kept"
    (output / "provenance.json").write_bytes((undisturbed_run / "provenance.json").read_bytes())
    before = contents(shared)
    for path in [shared, *shared.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    for arguments, code in (
        (["status", output, "--json"], 0),
        (["best", output], 0),
        (["export", output, "--to", kept], 0),
        (["report", output, "-o", logs / "page.html"], 0),
        (["report", output], 2),
        (["resume", output], 2),
    ):
        log = logs / f"{arguments[0]}-{code}.log"
        process = command_line(*arguments, log=log, rights=False)
        processes.append(process)
        assert ended(process) == code, log.read_text()
        assert "Traceback" not in log.read_text()
        if code:
            assert log.read_text().count("\n") == 1
    assert (logs / "page.html").exists()
    assert contents(shared) == before
