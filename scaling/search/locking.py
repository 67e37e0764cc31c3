"""The lock under which a study's trials are claimed, told and put back: one holder at a time.

For SQLite a file beside the database; for PostgreSQL an advisory lock of a transaction, on a connection of
its own, so that workers need no folder in common. Both are let go when their holder dies.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from filelock import FileLock
from sqlalchemy import URL, Connection, Engine, event, text
from sqlalchemy.exc import DBAPIError, PendingRollbackError, SQLAlchemyError

from scaling.search.location import file_of, is_sqlite

FILE = "claim.lock"


class LockLostError(SQLAlchemyError):
    """The connection that held the lock broke: whatever was done under it is to be done again."""


class ClaimLock(Protocol):
    """What one process holds at a time."""

    def held(self) -> contextlib.AbstractContextManager[None]:
        """Hold the lock while a block runs."""


class FileClaimLock:
    """A file beside a SQLite database."""

    def __init__(self, place: URL) -> None:
        self._lock = FileLock(file_of(place).with_name(FILE))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock while a block runs."""
        with self._lock:
            yield


class AdvisoryClaimLock:
    """An advisory lock of a PostgreSQL transaction.

    The server lets go when the transaction or its connection ends, so a server that restarts takes the lock
    with it, and every connection. A block that then connects anew finds out: a new connection stands only
    while the lock's own still answers.
    """

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine, self._key = engine, advisory_key(name)
        self._mine = threading.local()
        event.listen(engine, "connect", self._still_held)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock while a block runs."""
        connection = self._engine.connect()
        try:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": self._key})
            self._mine.connection = connection
            yield
        finally:
            self._mine.connection = None
            # What was done under the lock stands, whatever becomes of the lock's own connection now.
            with contextlib.suppress(SQLAlchemyError):
                connection.rollback()
            with contextlib.suppress(SQLAlchemyError):
                connection.close()

    def _still_held(self, *_: object) -> None:
        connection: Connection | None = getattr(self._mine, "connection", None)
        if connection is not None:
            try:
                connection.execute(text("SELECT 1"))
            except (DBAPIError, PendingRollbackError) as error:  # the latter if it is asked once more
                raise LockLostError("the lock on claims went with its connection") from error


def advisory_key(name: str) -> int:
    """Return the 64-bit number, with sign, by which PostgreSQL knows a lock.

    >>> advisory_key("quick") == advisory_key("quick") != advisory_key("quick-references")
    True
    """
    digest = hashlib.sha256(f"efficientnet-scaling {name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def claim_lock(place: URL, engine: Engine, name: str) -> ClaimLock:
    """Return the lock of a study's claims.

    Args:
        place: the database.
        engine: of the database; a PostgreSQL lock takes one connection from it while it is held.
        name: of the experiment.
    """
    return FileClaimLock(place) if is_sqlite(place) else AdvisoryClaimLock(engine, name)
