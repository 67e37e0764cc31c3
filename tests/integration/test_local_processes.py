"""Worker processes of this machine, without faults: real trainings, many jobs, orderly ends."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import plan_program
import pytest
import torch
from plan_program import Program
from run_records import ListPlan, untimed
from stub_worker import ENDLESS

from scaling.runs.coordinator import Coordinator, RunEnd, Started
from scaling.runs.executor import Ended, Event, Stepped
from scaling.runs.processes import LocalProcesses
from scaling.runs.record import RecordState
from scaling.runs.store import Known
from scaling.runs.task import Task, Watch, run_task
from scaling.training.machine import Packing

TESTS = Path(plan_program.__file__).parent


def processes(workers: int, program: str = "stub_worker") -> LocalProcesses:
    return LocalProcesses(packing=Packing(workers=workers, threads=1, reason="test"), program=program)


def test_trainings_in_processes_are_those_of_this_process_bit_for_bit(tmp_path: Path) -> None:
    there = Program(place=tmp_path / "there", seeds=(0, 1))
    assert there.run() == 0
    here = Program(place=tmp_path / "here", seeds=(0, 1))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for job in here.jobs():
        kernels = here.store.kernels(job.kernels, job.device, threads=1)
        task = Task(job=job, key=job.key, kernels=kernels, store=here.store.path)
        assert run_task(task, Watch(), torch.device("cpu")) is not None
    torch.set_num_threads(threads)
    for job in here.jobs():
        records = [program.store.find(job.key) for program in (here, there)]
        assert untimed(records[0]) == untimed(records[1])
        assert len(records[0].curve) == 4
    assert there.folder.keys() == [job.key for job in there.jobs()]
    assert not list(there.store.path.glob("unfinished/*"))


def test_two_hundred_jobs_on_four_workers(tmp_path: Path) -> None:
    program = Program(place=tmp_path, seeds=range(200))
    ended: Counter[str] = Counter()
    workers: Counter[str] = Counter()

    def listener(event: Started | Event) -> None:
        if isinstance(event, Ended):
            ended[event.key] += 1
        if isinstance(event, Stepped):
            workers[event.worker] += 1

    one = Coordinator(
        plan=ListPlan(program.jobs()),
        known=Known(store=program.store),
        executor=processes(4),
        threads=1,
        listener=listener,
    )
    assert one.run() == RunEnd.DONE
    assert ended == Counter(job.key for job in program.jobs())
    assert sorted(program.store.keys()) == sorted(ended)
    assert set(workers) == {"0", "1", "2", "3"}


@pytest.mark.parametrize("prune", [True, False])
def test_a_task_is_stopped_for_good_or_to_go_on(prune: bool, tmp_path: Path) -> None:
    program = Program(place=tmp_path, seeds=(ENDLESS,))
    (job,) = program.jobs()
    executor = processes(1)
    task = Task(job=job, key=job.key, kernels=None, store=program.store.path)
    executor.submit(task)
    events: list[Event] = []
    while not events:
        events += executor.wait(1)
    executor.stop(None if not prune else job.key, prune=prune)
    executor.stop()
    while not isinstance(events[-1], Ended):
        events += executor.wait(1)
    executor.close()
    record = events[-1].record
    assert (record.state if record else None) == (RecordState.PRUNED if prune else None)
    assert not events[-1].died


def test_closing_leaves_no_process_behind_in_the_middle_of_a_task(tmp_path: Path) -> None:
    program = Program(place=tmp_path, seeds=(ENDLESS,))
    (job,) = program.jobs()
    executor = processes(1)
    executor.submit(Task(job=job, key=job.key, kernels=None, store=program.store.path))
    while not executor.wait(1):
        pass
    (pid,) = executor.pids()
    start = time.monotonic()
    executor.close()
    assert time.monotonic() - start < 4
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert executor.pids() == []
    executor.close()


def test_a_program_that_never_begins_ends_the_run_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Program(place=tmp_path, module="no_such_module").run() == 2
    said = capsys.readouterr().out.splitlines()[-1]
    assert said == "error worker processes end before they begin: exit status 1"


def test_a_run_from_standard_input_needs_no_guard(tmp_path: Path) -> None:
    text = f"""
from pathlib import Path
from plan_program import Program
raise SystemExit(Program(place=Path({str(tmp_path)!r}), stub=True).run())
"""
    environment = {**os.environ, "PYTHONPATH": f"{TESTS}:{TESTS.parent}"}
    done = subprocess.run(
        [sys.executable, "-"],
        input=text,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "end done"
