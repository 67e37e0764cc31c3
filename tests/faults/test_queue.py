"""Two hundred queued trials and four processes: none run twice, none lost, the budget met exactly."""

from __future__ import annotations

from collections import Counter
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from checking import MakeStudy, check
from processes import ended, joined, messages
from scaling.search.candidate import references
from scaling.search.queueing import queue_of
from search_runs import configuration

from scaling.network.serialization import architecture_key

pytestmark = pytest.mark.faults
QUEUED, PROCESSES = 200, 4
CONFIG = configuration(
    search={"trials": 230, "tolerance": 0.2, "baseline_seeds": [0]}, rounding={"channel_divisor": 1}
)


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_two_hundred_queued_trials_and_four_processes(
    database: str, make_study: MakeStudy, processes: list[BaseProcess], tmp_path: Path
) -> None:
    known = {architecture_key(candidate.spec) for candidate in references(CONFIG)}
    queue = queue_of(CONFIG)
    assert queue is not None
    networks = len({architecture_key(candidate.spec) for candidate in queue} - known)
    assert networks >= QUEUED
    place, folder = make_study(CONFIG, database=database)
    logs = [tmp_path / f"worker-{number}.log" for number in range(PROCESSES)]
    processes += [joined(place, folder, log) for log in logs]
    assert [ended(process, 300) for process in processes] == [0] * PROCESSES
    told = check(place, folder, networks=networks)
    started = Counter(one["label"] for log in logs for one in messages(log) if one["event"] == "start")
    assert set(started.values()) == {1}, "trained more than once"
    assert sum(started.values()) == len(told) == networks + 5
    shares = [sum(one["event"] == "end" for one in messages(log)) for log in logs]
    assert min(shares) > 0, f"a process did nothing, so nothing was shown: {shares}"
