"""Real processes that need no second import of torch: forked from one server that has it loaded."""

from __future__ import annotations

import contextlib
import ctypes
import json
import multiprocessing
import os
import resource
import signal
import sys
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    [f"scaling.cli.{name}" for name in ("running", "status", "best", "exporting", "report")]
)


def command_line(
    *arguments: object,
    log: Path,
    environ: dict[str, str] | None = None,
    file_size: int | None = None,
    rights: bool = True,
) -> BaseProcess:
    """Run `run_search.py`, or `scaling report`, in a process group of its own; what it prints goes to a file.

    Args:
        arguments: of the command line.
        log: takes standard output and error.
        environ: added to the environment.
        file_size: bytes that a file may have, which stands for a full disk.
        rights: of root, where these tests have them; without them it obeys the modes of files.
    """
    plain = [str(argument) for argument in arguments]
    return in_process(_run_command, plain, environ or {}, file_size, rights, log=log)


def in_process(function: Callable[..., None], *arguments: Any, log: Path) -> BaseProcess:
    """Call a function in a process group of its own; what it prints goes to a file."""
    process = CONTEXT.Process(target=_alone, args=(str(log), function, arguments))
    process.start()
    return process


def ended(process: BaseProcess, seconds: float = 240) -> int:
    """Wait for a process and return its exit status."""
    process.join(seconds)
    assert process.exitcode is not None, f"still running after {seconds:.0f} s"
    return process.exitcode


def trained(folder: Path) -> bool:
    """Whether a launch has trained everything and written its table; charts and report come after."""
    try:
        return json.loads((folder / "provenance.json").read_text())["finished"] is not None
    except (OSError, ValueError):
        return False


def kill_group(process: BaseProcess, number: signal.Signals = signal.SIGKILL) -> None:
    """Signal a process and those it started; that it has just ended by itself does not matter."""
    assert process.pid is not None
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def full_disk(pid: int, room: int) -> None:
    """Let a running process write no file beyond so many bytes, as if its disk were full."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (room, resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]))


def _alone(log: str, function: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    os.setsid()
    for number in (
        signal.SIGINT,
        signal.SIGTERM,
        signal.SIGHUP,
    ):  # as a terminal starts it, not as pytest was
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    sys.stdin = open(os.devnull)  # noqa: SIM115, PTH123
    function(*arguments)


def _run_command(arguments: list[str], environ: dict[str, str], file_size: int | None, rights: bool) -> None:
    os.environ.update(environ)
    from scaling.cli import group  # noqa: PLC0415
    from scaling.cli.output import run  # noqa: PLC0415
    from scaling.cli.search import search  # noqa: PLC0415

    sys.argv = ["run_search.py", *arguments]
    if file_size is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
    if not rights:
        nothing = (ctypes.c_uint32 * 6)()
        assert ctypes.CDLL(None).capset((ctypes.c_uint32 * 2)(0x20080522, 0), nothing) == 0
    run(group if arguments[0] == "report" else search, arguments)
