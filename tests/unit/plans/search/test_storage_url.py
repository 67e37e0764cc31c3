"""Where the database is, and that a password shows nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import make_url

from scaling.errors import ConfigError
from scaling.plans.search.storage_url import VARIABLE, locate, parsed, printable

SECRET = "s3cret"
WITH_PASSWORD = f"postgresql+psycopg://me:{SECRET}@db/studies"
DEFAULT = Path("run/study.sqlite3")


def test_the_command_line_comes_before_the_environment_and_both_before_the_folder() -> None:
    environ = {VARIABLE: WITH_PASSWORD}
    assert locate(None, None, {}, DEFAULT).database == str(DEFAULT)
    assert locate(None, None, environ, DEFAULT).password == SECRET
    assert locate("sqlite:///x.sqlite3", None, environ, DEFAULT).database == "x.sqlite3"
    assert locate("postgresql://db/studies", None, {}, DEFAULT).drivername == "postgresql+psycopg"


@pytest.mark.parametrize("text", [WITH_PASSWORD, f"postgresql://me@db/studies?password={SECRET}"])
def test_a_password_on_the_command_line_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ConfigError, match=f"set {VARIABLE}, or give --storage-file FILE") as caught:
        locate(text, None, {}, DEFAULT)
    assert SECRET not in str(caught.value)


def test_a_file_with_a_password_is_its_owner_s_alone(tmp_path: Path) -> None:
    file = tmp_path / "storage"
    file.write_text(WITH_PASSWORD + "\n")
    file.chmod(0o640)
    with pytest.raises(ConfigError, match="others can read it; run: chmod 600") as caught:
        locate(None, file, {}, DEFAULT)
    assert SECRET not in str(caught.value)
    file.chmod(0o600)
    assert locate(None, file, {}, DEFAULT).password == SECRET
    with pytest.raises(ConfigError, match="not both"):
        locate("sqlite:///x", file, {}, DEFAULT)
    with pytest.raises(ConfigError, match="cannot read the storage file"):
        locate(None, tmp_path / "none", {}, DEFAULT)


@pytest.mark.parametrize(
    "text",
    [f"mysql://me:{SECRET}@db/x", f"no url {SECRET}", "sqlite://", "sqlite:///:memory:", f"://{SECRET}@"],
)
def test_other_databases_are_one_line_without_the_url(text: str) -> None:
    with pytest.raises(ConfigError, match="expected postgresql") as caught:
        parsed(text, where="--storage")
    assert SECRET not in str(caught.value)


def test_what_is_shown_has_no_password() -> None:
    for text in (WITH_PASSWORD, WITH_PASSWORD + f"?sslpassword={SECRET}&connect_timeout=3"):
        assert SECRET not in printable(make_url(text))
