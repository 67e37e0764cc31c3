"""Real processes that need no second import of torch: forked from one server that has it loaded."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["scaling.cli.running", "scaling.cli.worker"])


def command_line(
    *arguments: object, log: Path, environ: dict[str, str] | None = None, file_size: int | None = None
) -> BaseProcess:
    """Run `run_search.py` in a process group of its own; what it prints goes to a file.

    Args:
        arguments: of the command line.
        log: takes standard output and error.
        environ: added to the environment.
        file_size: bytes that a file may have, which stands for a full disk.
    """
    plain = [str(argument) for argument in arguments]
    return _started(_run_command, (plain, str(log), environ or {}, file_size))


def joined(place: str, folder: Path, log: Path, *, train_s: float = 0.0, real: bool = False) -> BaseProcess:
    """Let a worker join a study through the library; its messages go to a file as JSON lines.

    Args:
        place: URL of the database.
        folder: of the run.
        log: takes the messages.
        train_s: seconds that a make-believe training takes.
        real: train the baseline for real.
    """
    return _started(_join, (place, str(folder), str(log), train_s, real))


def _started(target: Callable[..., None], arguments: tuple[Any, ...]) -> BaseProcess:
    process = CONTEXT.Process(target=target, args=arguments)
    process.start()
    return process


def ended(process: BaseProcess, seconds: float = 120) -> int:
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


def messages(log: Path) -> list[dict[str, Any]]:
    """What a joined worker has said so far."""
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def _alone(log: str) -> None:
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM):  # as a terminal would start it, not as pytest was started
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    sys.stdin = open(os.devnull)  # noqa: SIM115, PTH123


def _run_command(arguments: list[str], log: str, environ: dict[str, str], file_size: int | None) -> None:
    _alone(log)
    os.environ.update(environ)
    from scaling.cli.search import main  # noqa: PLC0415

    sys.argv = ["run_search.py", *arguments]
    if file_size is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
    main(arguments)


def _join(place: str, folder: str, log: str, train_s: float, real: bool) -> None:
    _alone(f"{log}.text")
    from scaling.search.folder import RunFolder  # noqa: PLC0415
    from scaling.search.joining import join  # noqa: PLC0415
    from scaling.search.location import parsed  # noqa: PLC0415
    from scaling.search.objective import evaluate  # noqa: PLC0415
    from scaling.search.run import join_run  # noqa: PLC0415
    from scaling.search.signals import StopSignals  # noqa: PLC0415

    run = join_run(parsed(place, where="test"), None, RunFolder(path=Path(folder)))
    with open(log, "a", buffering=1) as file, StopSignals(run.patience) as stop:  # noqa: PTH123

        def send(message: Any) -> None:
            file.write(json.dumps({**asdict(message), "pid": os.getpid()}) + "\n")

        pretend = make_believe(train_s)

        def train(config: Any, claim: Any, *arguments: Any, **more: Any) -> Any:
            chosen = evaluate if real and claim.candidate.name == "baseline" else pretend
            return chosen(config, claim, *arguments, **more)

        join(run, stop=stop, send=send, train=train)


def make_believe(train_s: float) -> Callable[..., Any]:
    """Return a training that only takes time; its accuracy is a number of the network's."""
    from scaling.network.serialization import architecture_key  # noqa: PLC0415
    from scaling.search.endings import Ending  # noqa: PLC0415
    from scaling.training.engine import TrainingInterruptedError  # noqa: PLC0415

    def train(config: Any, claim: Any, device: Any, *, should_stop: Any, **_: Any) -> Ending:
        del config, device
        end = time.monotonic() + train_s
        while time.monotonic() < end:
            if should_stop():
                raise TrainingInterruptedError("stopped")
            time.sleep(min(0.05, train_s))
        top1 = int(architecture_key(claim.candidate.spec)[:8], 16) / 16**8
        for seed in claim.seeds:
            result = {"top1": top1, "outcome": "complete", "epochs": 1, "wall_s": train_s}
            claim.trial.set_user_attr(f"result:{seed}", result)
        return Ending(outcome="complete", values=(top1,))

    return train
