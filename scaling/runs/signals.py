"""Stop when asked: Ctrl-C, SIGTERM as batch systems send it before they kill, SIGHUP of a closed terminal."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType, TracebackType

ASKED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopSignals:
    """Notes the first signal while a block runs; a second Ctrl-C leaves at once, with 130.

    A repeated SIGTERM changes nothing: batch systems send it to a process and to its shell. In a thread other
    than the main one signals are left as they are.
    """

    def __init__(self) -> None:
        self.received = 0
        self._interrupted = False
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> StopSignals:
        if threading.current_thread() is threading.main_thread():
            for number in ASKED:
                # nohup ignores SIGHUP: the terminal may go; None is a handler that Python cannot put back
                if signal.getsignal(number) not in {signal.SIG_IGN, None}:
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
        if number == signal.SIGINT and self._interrupted:
            os._exit(128 + signal.SIGINT)
        self._interrupted |= number == signal.SIGINT
        self.received = number
