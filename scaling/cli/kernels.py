"""A bar while kernels are measured, and the line that says how trainings will run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from scaling.cli.output import counting_bars, errors
from scaling.model import KernelTable
from scaling.training.kernels import Progress
from scaling.training.machine import Packing


@contextmanager
def measuring(what: str = "measuring kernels") -> Iterator[Progress]:
    """Give what shows a bar from its first call on."""
    with counting_bars() as bars:
        bar = bars.add_task(what, visible=False)
        yield lambda done, total: bars.update(bar, completed=done, total=total, visible=True)


def announce_engine(packing: Packing, kernels: KernelTable | None) -> None:
    """Print packing and kernels in one line."""
    origin = "torch's own" if kernels is None else kernels.origin
    errors.print(f"{packing}; kernels: {origin}", soft_wrap=True)
