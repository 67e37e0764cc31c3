"""A bar while kernels are measured."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from scaling.cli.output import counting_bars
from scaling.training.kernels import Progress


@contextmanager
def measuring(what: str = "measuring kernels") -> Iterator[Progress]:
    """Give what shows a bar from its first call on."""
    with counting_bars() as bars:
        bar = bars.add_task(what, visible=False)
        yield lambda done, total: bars.update(bar, completed=done, total=total, visible=True)
