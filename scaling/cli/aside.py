"""A second process that draws a part of a run's charts; it is ready when the trainings end."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module

from scaling.training.pool import without_ctrl_c


@dataclass(slots=True, kw_only=True)
class Aside:
    """What draws at the side.

    Args:
        pool: the second process; it starts with the first thing it is asked for.
        prepared: whether it was asked to get ready.
    """

    pool: Executor
    prepared: bool = False

    def prepare(self) -> None:
        """Import what draws, here and there, once; it takes seconds that an idle core can spare."""
        if self.prepared:
            return
        self.prepared = True
        with without_ctrl_c():
            self.pool.submit(int)
        import_module("scaling.cli.concluding")


@contextmanager
def drawing_aside() -> Iterator[Aside]:
    """Give a second process that can draw, and end it with the block."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, initializer=_get_ready) as pool:
        yield Aside(pool=pool)


def _get_ready() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None

    def leave_with_it() -> None:  # a launcher that was killed cannot say so
        parent.join()
        os._exit(1)

    threading.Thread(target=leave_with_it, daemon=True).start()
    import_module("scaling.figures")
