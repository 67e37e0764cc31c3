"""The study's database: SQLite or PostgreSQL, several writers, each queued trial run once."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Literal

import optuna
from optuna.storages import RDBStorage
from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event

from scaling.errors import ConfigError
from scaling.search.location import (
    file_of,
    is_sqlite,
    mounts,
    printable,
    refuse_network_file_system,
    sqlite_url,
)
from scaling.search.locking import AdvisoryClaimLock, FileClaimLock
from scaling.search.patience import DATABASE_ERRORS, Patience, explained

Direction = Literal["maximize", "minimize"]
BUSY_TIMEOUT_S = 60
"""Seconds a writer waits for another before it gives up."""

POSTGRESQL: dict[str, Any] = {
    "pool_pre_ping": True,
    # A worker's thread, its lease's thread and the lock use one connection each.
    "pool_size": 3,
    "max_overflow": 3,
    "connect_args": {
        "connect_timeout": 10,
        "application_name": "efficientnet-scaling",
        # A connection whose other end is gone without a word is noticed within about a minute.
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
    },
}


def open_storage(place: URL | Path, *, create: bool = True, patience: Patience | None = None) -> RDBStorage:
    """Open, or create, the database of a study.

    Args:
        place: URL of SQLite or PostgreSQL, or the path of a SQLite file.
        create: make the tables where there are none.
        patience: how long to wait, from now on, for a server that goes away.

    Raises:
        ConfigError: SQLite on a network file system; the driver of PostgreSQL is not installed.
        ResultsError: no database of Optuna's, or one that cannot be reached or written.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    logging.getLogger("optuna.storages._rdb.storage").addFilter(_worth_reading)
    url = sqlite_url(place) if isinstance(place, Path) else place
    try:
        storage = _opened(url, create)
        storage.get_all_studies()
    except ImportError:
        raise ConfigError("PostgreSQL needs psycopg: pip install 'efficientnet-scaling[cluster]'") from None
    except (*DATABASE_ERRORS, RuntimeError, AssertionError) as error:
        shown = str(file_of(url)) if is_sqlite(url) else printable(url)
        raise explained(error, shown) from None
    if patience is not None:
        patience.guard(storage.engine)
    return storage


def _worth_reading(record: logging.LogRecord) -> bool:
    # Optuna asks once more in a slower way, whatever went wrong, and prints the whole query before.
    return "Falling back to a slower alternative" not in record.getMessage()


def close_storage(storage: RDBStorage) -> None:
    """Close the connections of this thread, and those that nobody uses."""
    storage.remove_session()
    storage.engine.dispose()


@contextmanager
def connected(place: URL | Path, *, create: bool = True) -> Iterator[RDBStorage]:
    """Open the database of a study for as long as it is looked at; errors as `open_storage`."""
    storage = open_storage(place, create=create)
    try:
        yield storage
    finally:
        close_storage(storage)


def _opened(url: URL, create: bool) -> RDBStorage:
    # Optuna fills a template: braces of a URL are doubled.
    text = url.render_as_string(hide_password=False).replace("{", "{{").replace("}", "}}")
    if is_sqlite(url):
        refuse_network_file_system(file_of(url), mounts())
        settings: dict[str, Any] = {"connect_args": {"timeout": BUSY_TIMEOUT_S}}
    else:
        settings = dict(POSTGRESQL)
    with _tables_made_by_one(url) if create else nullcontext():
        storage = RDBStorage(text, engine_kwargs=settings, skip_table_creation=not create)
    if is_sqlite(url):
        serialise_writers(storage.engine)
    return storage


@contextmanager
def _tables_made_by_one(url: URL) -> Iterator[None]:
    """Hold a lock while tables are looked for and made: two workers may be the first at the same time."""
    if is_sqlite(url):
        if file_of(url).parent.is_dir():  # the error about a missing folder is the database's
            with FileClaimLock(url).held():
                yield
        else:
            yield
        return
    engine = create_engine(url, poolclass=NullPool, connect_args=POSTGRESQL["connect_args"])
    with AdvisoryClaimLock(engine, "tables").held():
        yield


def serialise_writers(engine: Engine) -> None:
    """Make every transaction take SQLite's write lock when it begins.

    SQLite ignores SELECT … FOR UPDATE, by which Optuna lets only one worker take a queued trial; without this
    two workers can take the same one.
    """

    def on_connect(connection: Any, record: object) -> None:
        del record
        connection.isolation_level = None  # the driver must not begin transactions of its own
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.close()

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)
    engine.dispose()


def open_study(
    storage: RDBStorage, name: str, directions: Sequence[Direction] = ("maximize",)
) -> optuna.Study:
    """Open, or create, a study; by default one that maximises accuracy."""
    return optuna.create_study(
        storage=storage, study_name=name, directions=list(directions), load_if_exists=True
    )
