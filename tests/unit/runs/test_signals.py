"""Signals ask a run to stop; a second Ctrl-C leaves at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from scaling.runs.signals import ASKED, StopSignals

PROGRAM = """
import os, signal, sys
from scaling.runs.signals import StopSignals
with StopSignals() as signals:
    for name in sys.argv[1:]:
        os.kill(os.getpid(), getattr(signal, name))
        print(name, signals.asked, flush=True)
print("end")
"""


def after(*names: str) -> tuple[int, list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *names], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


@pytest.mark.parametrize("names", [["SIGINT"], ["SIGTERM"] * 3, ["SIGHUP"] * 2, ["SIGINT", "SIGTERM"]])
def test_it_is_noted_and_nothing_else(names: list[str]) -> None:
    assert after(*names) == (0, [*(f"{name} True" for name in names), "end"])


@pytest.mark.parametrize("names", [["SIGINT"] * 2, ["SIGTERM", "SIGINT", "SIGTERM", "SIGINT"]])
def test_a_second_ctrl_c_leaves_at_once(names: list[str]) -> None:
    code, lines = after(*names)
    assert code == 130
    assert lines == [f"{name} True" for name in names[:-1]]


def test_what_was_ignored_stays_ignored_and_the_rest_comes_back() -> None:
    earlier = {number: signal.getsignal(number) for number in ASKED}
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopSignals() as signals:
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) != earlier[signal.SIGTERM]
            os.kill(os.getpid(), signal.SIGHUP)
            assert not signals.asked
        assert signal.getsignal(signal.SIGTERM) == earlier[signal.SIGTERM]
    finally:
        signal.signal(signal.SIGHUP, earlier[signal.SIGHUP])


def test_in_another_thread_signals_are_left_as_they_are() -> None:
    seen: list[bool] = []

    def work() -> None:
        with StopSignals() as signals:
            seen.append(signals.asked)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10)
    assert seen == [False]
