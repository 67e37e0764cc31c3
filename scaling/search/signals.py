"""Stop when asked: Ctrl-C, or the SIGTERM that a batch system sends before it kills."""

from __future__ import annotations

import os
import signal
from types import FrameType, TracebackType

from scaling.search.patience import Patience

LAST_WAIT_S = 5.0
"""Seconds that a worker which is to stop still waits for a database that is away."""
ASKED = (signal.SIGINT, signal.SIGTERM)


class StopSignals:
    """Notes the first signal while a block runs; a second Ctrl-C leaves at once.

    A repeated SIGTERM changes nothing: batch systems send it to a process and to its shell. What leaves at
    once keeps its lease, which then expires.

    Args:
        patience: is cut short by the first signal.
        heed_ctrl_c: False in processes whose launcher alone answers Ctrl-C.
    """

    def __init__(self, patience: Patience, *, heed_ctrl_c: bool = True) -> None:
        self.patience, self.received = patience, 0
        self._numbers = ASKED if heed_ctrl_c else ASKED[1:]
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> StopSignals:
        for number in self._numbers:
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)  # type: ignore[arg-type]

    @property
    def asked(self) -> bool:
        """Whether a signal has come."""
        return self.received != 0

    def _note(self, number: int, frame: FrameType | None) -> None:
        del frame
        if number == self.received == signal.SIGINT:
            os._exit(128 + signal.SIGINT)
        self.received = number
        self.patience.most_s = LAST_WAIT_S
