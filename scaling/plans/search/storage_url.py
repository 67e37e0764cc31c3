"""Where the projected study of a search lies, and that a password shows nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from scaling.errors import ConfigError
from scaling.toml_errors import read_text

VARIABLE = "SCALING_STORAGE"
"""Environment variable that names the database."""


def locate(text: str | None, file: Path | None, environ: Mapping[str, str], default: Path) -> URL:
    """Return the database's URL: from the command line, a file, the environment, or the run's folder.

    Args:
        text: `--storage`, without a password.
        file: `--storage-file`, which may hold one and is then its owner's alone.
        environ: may name the database as SCALING_STORAGE.
        default: SQLite file to use where nothing is said.

    Raises:
        ConfigError: no URL of SQLite or PostgreSQL; a password on the command line; a file others can read.

    >>> locate(None, None, {"SCALING_STORAGE": "postgresql://me:secret@db/studies"}, Path("study.sqlite3"))
    postgresql+psycopg://me:***@db/studies
    """
    if text is not None and file is not None:
        raise ConfigError("give --storage or --storage-file, not both")
    if text is not None:
        url = parsed(text, where="--storage")
        if has_password(url):
            raise ConfigError(
                "a password on the command line is seen by everyone on this machine; "
                f"set {VARIABLE}, or give --storage-file FILE"
            )
        return url
    if file is not None:
        return _from_file(file)
    if environ.get(VARIABLE):
        return parsed(environ[VARIABLE], where=VARIABLE)
    return sqlite_url(default)


def sqlite_url(path: Path) -> URL:
    """Return the URL of a SQLite file."""
    return URL.create("sqlite", database=str(path))


def parsed(text: str, *, where: str) -> URL:
    """Read a URL; an error never repeats it, because it may hold a password.

    >>> parsed("postgresql://db/studies", where="--storage").drivername
    'postgresql+psycopg'
    """
    try:
        url = make_url(text.strip())
    except (ArgumentError, ValueError):
        raise ConfigError(
            f"{where} is no URL; expected postgresql+psycopg://USER@HOST/DATABASE or sqlite:///FILE"
        ) from None
    if url.drivername in {"postgresql", "postgresql+psycopg"}:
        return url.set(drivername="postgresql+psycopg")
    if url.drivername == "sqlite" and url.database and url.database != ":memory:" and not url.query:
        return url
    raise ConfigError(
        f"{where}: expected postgresql+psycopg://USER@HOST/DATABASE or sqlite:///FILE, got {url.drivername}"
    )


def _from_file(file: Path) -> URL:
    try:
        mode = file.stat().st_mode
    except OSError as error:
        raise ConfigError(f"cannot read the storage file {file}: {error.strerror}") from None
    text = read_text(file, "the storage file")
    url = parsed(text, where=str(file))
    if has_password(url) and mode & 0o077:
        raise ConfigError(f"{file} holds a password and others can read it; run: chmod 600 {file}")
    return url


def require_driver(url: URL) -> None:
    """See that a database of its kind can be met at all.

    Raises:
        ConfigError: it takes a package that is not installed.
    """
    if url.get_backend_name() == "postgresql" and find_spec("psycopg") is None:
        raise ConfigError("PostgreSQL needs psycopg: pip install 'efficientnet-scaling[postgresql]'")


def has_password(url: URL) -> bool:
    """Whether a URL holds a secret."""
    return url.password is not None or any("password" in key for key in url.query)


def printable(url: URL) -> str:
    """Return a URL that may be shown: without passwords.

    >>> printable(make_url("postgresql+psycopg://me:secret@db/studies?sslpassword=other"))
    'postgresql+psycopg://me:***@db/studies'
    """
    secret = [key for key in url.query if "password" in key]
    return url.difference_update_query(secret).render_as_string(hide_password=True)
