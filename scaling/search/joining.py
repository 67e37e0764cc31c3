"""A worker that nobody launched from here: by a batch system, another machine, a shell."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

import torch

from scaling.search.leases import Lease
from scaling.search.objective import evaluate
from scaling.search.run import Run
from scaling.search.signals import StopSignals
from scaling.search.worker import Evaluate, Message, Worker, new_name

FIRST_NUMBER = 1000
"""Of workers that join; a launch numbers its own from 0."""
JOINED = "joined"
"""Note on a study: how many workers have joined it."""


def join(run: Run, *, stop: StopSignals, send: Callable[[Message], None], train: Evaluate = evaluate) -> bool:
    """Claim and train until the study is done; False when a signal came before.

    Args:
        run: the study, opened.
        stop: the signals that end it early.
        send: takes the worker's messages.
        train: trains a claimed network.

    Raises:
        ResultsError: the database cannot be used, or stayed away.
    """
    number = run.exclusively(lambda: _next_number(run))
    worker = Worker(run, number=number, lease=Lease(holder=new_name()), send=send, train=train)
    return worker.work(lambda: stop.asked)


def _next_number(run: Run) -> int:
    joined = int(run.search.user_attrs.get(JOINED, 0))
    run.search.set_user_attr(JOINED, joined + 1)
    return FIRST_NUMBER + joined


def use_threads(environ: Mapping[str, str]) -> int:
    """Let torch use the cores that the batch system gave, and return how many.

    OMP_NUM_THREADS comes first, then SLURM_CPUS_PER_TASK, then what this process may run on.
    """
    for name in ("OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK"):
        if environ.get(name, "").isdigit() and int(environ[name]) > 0:
            threads = int(environ[name])
            break
    else:
        threads = len(os.sched_getaffinity(0))
    torch.set_num_threads(threads)
    return threads
