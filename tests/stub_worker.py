"""A worker that trains nothing: `python -m stub_worker`. The seed of a job decides what happens."""

from __future__ import annotations

import os
import signal
import sys
import time

from run_records import record_of

from scaling.errors import ResultsError
from scaling.runs.executor import Ended, EpochEnded, Stepped
from scaling.runs.record import Record, RecordState
from scaling.runs.store import Store
from scaling.runs.task import Task
from scaling.runs.worker_process import Inbox, main

DEADLY, ENDLESS = 1001, 1002


def answer(task: Task, inbox: Inbox, number: int) -> Ended:
    """Answer at once with a made-up record; die, or wait to be stopped, where the seed says so."""
    record = record_of(task.job)
    inbox.say(Stepped(key=task.key, worker=str(number), steps=1))
    if task.job.seed == DEADLY:
        os.kill(os.getpid(), signal.SIGKILL)
    if task.job.seed == ENDLESS:
        while task.key not in inbox.stopped:
            time.sleep(0.01)
        if not inbox.stopped.pop(task.key):
            return Ended(key=task.key)
        record = record_of(task.job, RecordState.PRUNED)
    inbox.say(EpochEnded(key=task.key, curve=record.curve))
    return _kept(record, Store(path=task.store))


def _kept(record: Record, store: Store) -> Ended:
    try:
        return Ended(key=record.key, record=store.add(record))
    except ResultsError as error:
        return Ended(key=record.key, problem=str(error))


if __name__ == "__main__":
    main(sys.argv[1:], answer)
