"""Glyphs are drawn once, and one PostgreSQL server runs, for all of these tests."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path

import postgres
import pytest
from checking import MadeStudy, MakeStudy
from scaling.search.config import SearchConfig
from scaling.search.folder import RunFolder, open_folder
from scaling.search.location import parsed, sqlite_url
from scaling.search.run import open_run
from search_runs import configuration


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


@pytest.fixture
def make_study(tmp_path: Path, request: pytest.FixtureRequest) -> MakeStudy:
    """Make a study, filled and ready for workers."""

    def make(config: SearchConfig | None = None, *, database: str = "sqlite") -> MadeStudy:
        config = config or configuration()
        folder = RunFolder(path=tmp_path / "run")
        open_folder(folder, config)
        if database == "sqlite":
            place = sqlite_url(folder.database).render_as_string()
        else:
            place = postgres.fresh_database(request.getfixturevalue("server"), tmp_path.name)
        open_run(config, folder, parsed(place, where="test")).close()
        return place, folder.path

    return make


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
