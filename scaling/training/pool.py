"""Processes that train: they leave signals to their launcher, stop when told, never outlive it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from typing import TypeVar

import torch

from scaling.errors import ResultsError
from scaling.training.machine import Packing

TERMINATION_GRACE_S = 5.0
"""Seconds that a process which was sent SIGTERM leaves its launcher, which was sent it too, to stop it."""
Argument = TypeVar("Argument")
Result = TypeVar("Result")


@dataclass(slots=True, kw_only=True)
class _Mine:
    """What a worker process was told when it began; a process that nobody launched never stops."""

    stop: Event | None = None
    number: int = 0


_MINE = _Mine()


def stop_asked() -> bool:
    """Say, in a worker process, whether its launcher wants it to stop."""
    return _MINE.stop is not None and _MINE.stop.is_set()


def worker_number() -> int:
    """Return this worker's number among its launcher's, from 0."""
    return _MINE.number


def run_in_processes(
    function: Callable[[Argument], Result], arguments: Sequence[Argument], packing: Packing, *, died: str
) -> Generator[Result]:
    """Yield what a function gives for each argument, as it comes, several at a time in processes.

    Ctrl-C (or SIGTERM under `termination_as_ctrl_c`), or closing this generator, stops every process at its
    next look at `stop_asked`; callers hold it in `contextlib.closing`, so that an error of their own closes
    it too.

    Args:
        function: of a module; it looks at `stop_asked` often.
        arguments: that processes can be sent.
        packing: processes, and threads of each.
        died: what to say if a process dies, which ends the others.

    Raises:
        ResultsError: a process died.
    """
    if not arguments:
        return
    context = multiprocessing.get_context("spawn")
    stop, numbers = context.Event(), context.Value("i", 0)
    with ProcessPoolExecutor(
        min(packing.workers, len(arguments)),
        context,
        initializer=_begin,
        initargs=(stop, numbers, os.getpid(), packing.threads),
    ) as pool:
        try:
            with without_ctrl_c(), _termination_held():
                waiting = [pool.submit(function, argument) for argument in arguments]
            for done in as_completed(waiting):
                yield done.result()
        except BrokenProcessPool:
            raise ResultsError(died) from None
        except BaseException:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


@contextmanager
def without_ctrl_c() -> Iterator[None]:
    """Start processes that ignore Ctrl-C from their first instruction; the launcher alone answers it."""
    with _answered(signal.SIGINT, signal.SIG_IGN):
        yield


@contextmanager
def termination_as_ctrl_c() -> Iterator[None]:
    """Let SIGTERM stop what runs here as Ctrl-C does; that it comes again changes nothing.

    Batch systems send it to a process and to its shell, so twice.

    Raises:
        KeyboardInterrupt: SIGTERM came.
    """

    def interrupt(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise KeyboardInterrupt

    with _answered(signal.SIGTERM, interrupt):
        yield


@contextmanager
def _answered(number: signal.Signals, handler: Callable[..., None] | signal.Handlers) -> Iterator[None]:
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)


@contextmanager
def _termination_held() -> Iterator[None]:
    """Start processes that meet SIGTERM only when they are ready for it: a batch system sends it to all."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(stop: Event, numbers: Synchronized[int], parent: int, thread_count: int) -> None:
    signal.signal(signal.SIGTERM, _leave_later)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    torch.set_num_threads(thread_count)
    _MINE.stop = stop
    with numbers.get_lock():
        _MINE.number = numbers.value
        numbers.value += 1
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()


def _leave_later(*_: object) -> None:
    """End this process if nobody else does, so that a launcher which stops is not told that it died."""
    leave = threading.Timer(TERMINATION_GRACE_S, os._exit, (128 + signal.SIGTERM,))
    leave.daemon = True
    leave.start()


def _leave_with(parent: int) -> None:
    """End this process soon after its launcher; a worker that waits for work would never notice by itself."""
    while os.getppid() == parent:
        time.sleep(0.3)
    os._exit(1)
