"""Commands that are given a run's folder find its study, and its password shows nowhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from search_runs import ROOT, environment
from sqlalchemy import make_url

from scaling.cli.found import note_place, place_of_run
from scaling.errors import ConfigError
from scaling.search.folder import RunFolder
from scaling.search.location import VARIABLE, sqlite_url


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    monkeypatch.delenv(VARIABLE, raising=False)
    return RunFolder(path=tmp_path)


def test_sqlite_in_the_folder_needs_no_note(folder: RunFolder) -> None:
    note_place(folder, sqlite_url(folder.database))
    assert not folder.storage_note.exists()
    assert place_of_run(folder, None, None) == sqlite_url(folder.database)


def test_a_server_without_password_is_found_again(folder: RunFolder) -> None:
    url = make_url("postgresql+psycopg://me@db/studies")
    note_place(folder, url)
    assert place_of_run(folder, None, None) == url


def test_a_password_is_neither_noted_nor_guessed(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "postgresql+psycopg://me:secret@db/studies"
    note_place(folder, make_url(secret))
    assert "secret" not in folder.storage_note.read_text()
    with pytest.raises(ConfigError, match=r"me:\*\*\*@db/studies; set SCALING_STORAGE"):
        place_of_run(folder, None, None)
    monkeypatch.setenv(VARIABLE, secret)
    assert place_of_run(folder, None, None) == make_url(secret)


def test_help_needs_no_torch() -> None:
    code = "import sys, scaling.cli.search; sys.exit('torch' in sys.modules or 'pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment(), check=False)
    assert done.returncode == 0
