"""The study's database: SQLite that several processes may write, each queued trial run once. Floor 5."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import optuna
from optuna.storages import RDBStorage
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import SQLAlchemyError

from scaling.errors import ResultsError

Direction = Literal["maximize", "minimize"]
BUSY_TIMEOUT_S = 60
"""Seconds a writer waits for another before it gives up."""


def open_storage(path: Path) -> RDBStorage:
    """Open, or create, the database of a run.

    Raises:
        ResultsError: the file is not a database of Optuna's, or cannot be written.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        storage = RDBStorage(f"sqlite:///{path}", engine_kwargs={"connect_args": {"timeout": BUSY_TIMEOUT_S}})
        serialise_writers(storage.engine)
        storage.get_all_studies()
    except (SQLAlchemyError, RuntimeError) as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise ResultsError(f"cannot use the study's database {path}: {reason}") from None
    return storage


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
