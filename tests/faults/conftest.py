"""For all of these tests: glyphs drawn once, one undisturbed run, one PostgreSQL server."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path

import postgres
import pytest
from checking import Left, left_by
from processes import ended
from searching import Launch, launched


@pytest.fixture(scope="session", autouse=True)
def glyph_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Set before the first process starts: all of them inherit it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCALING_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("COLUMNS", "100")
        yield


@pytest.fixture(scope="session")
def server() -> Iterator[postgres.Server]:
    with postgres.server() as running:
        yield running


@pytest.fixture(scope="session")
def undisturbed_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run with one worker."""
    folder = tmp_path_factory.mktemp("undisturbed")
    launch = launched(folder)
    assert ended(launch, 600) == 0, (folder / "log").read_text()
    return folder / "run"


@pytest.fixture(scope="session")
def undisturbed(undisturbed_run: Path) -> Left:
    return left_by(undisturbed_run)


@pytest.fixture
def processes() -> Iterator[list[BaseProcess]]:
    """Processes that a test puts here are ended with it."""
    started: list[BaseProcess] = []
    yield started
    for process in started:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid or 0, signal.SIGKILL)
        process.kill()
        process.join(30)


@pytest.fixture
def launch(tmp_path: Path, processes: list[BaseProcess]) -> Launch:
    """Start the run of a test, or go on with it; what is left of it is ended after the test."""

    def start(*more: object, **options: object) -> BaseProcess:
        process = launched(tmp_path, *more, **options)  # type: ignore[arg-type]
        processes.append(process)
        return process

    return start
