"""A database server that is away for a while ends no study: connect again, with capped waits."""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from optuna.exceptions import StorageInternalError
from sqlalchemy import Engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from scaling.errors import ResultsError
from scaling.search.locking import LockLostError

FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 10.0
Value = TypeVar("Value")
_log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Patience:
    """How long to wait for a server that is away; 0 is not at all.

    Args:
        limit_s: seconds without a connection after which it counts as gone.
        most_s: the most that `limit_s` counts for, whoever sets it; lowered when there is no more time.
    """

    limit_s: float = 0.0
    most_s: float = math.inf

    @property
    def _limit_s(self) -> float:
        return min(self.limit_s, self.most_s)

    def insist(self, attempt: Callable[[], Value], forgivable: Callable[[BaseException], bool]) -> Value:
        """Return what an attempt gives, trying again after forgivable errors until the limit.

        Waits double from a tenth of a second to ten; a random part keeps many workers from coming at once.
        """
        start, wait_s = time.monotonic(), FIRST_WAIT_S
        while True:
            try:
                return attempt()
            except Exception as error:
                if not forgivable(error) or time.monotonic() - start + wait_s > self._limit_s:
                    raise
                if wait_s == FIRST_WAIT_S:
                    _log.warning("the study's database is away; trying again for %.0f s", self._limit_s)
            time.sleep(wait_s * random.SystemRandom().uniform(0.5, 1.0))
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    def guard(self, engine: Engine) -> None:
        """Let whoever needs a new connection wait for the server."""

        def connect(dialect: Any, record: object, arguments: Any, settings: Any) -> Any:
            del record
            return self.insist(
                lambda: dialect.connect(*arguments, **settings),
                lambda error: isinstance(error, dialect.dbapi.OperationalError),
            )

        event.listen(engine, "do_connect", connect)


def lost_contact(error: BaseException | None) -> bool:
    """Whether an error says that the database was away or busy, not that what was asked of it is wrong."""
    while error is not None:
        if isinstance(error, LockLostError) or (isinstance(error, DBAPIError) and _away(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def _away(error: DBAPIError) -> bool:
    original = error.orig
    if error.connection_invalidated:
        return True
    names = {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(original).__mro__}
    if "psycopg.OperationalError" in names:
        return True
    return "sqlite3.OperationalError" in names and "locked" in str(original)


def explained(error: BaseException, where: str) -> ResultsError:
    """Return what went wrong with a database as one line of ours.

    Args:
        error: of SQLAlchemy, or of Optuna about one.
        where: the database, as it may be shown.
    """
    found: BaseException | None = error
    while found is not None and not isinstance(found, DBAPIError):
        found = found.__cause__ or found.__context__
    reason = (
        str(getattr(found, "orig", None) or error.__cause__ or error).strip() or type(error).__name__
    ).splitlines()[0]
    hint = (
        " (is the disk full?)" if "disk" in reason else ""
    )  # SQLite says "disk I/O error" of a full one too
    return ResultsError(f"cannot use the study's database {where}: {reason}{hint}")


DATABASE_ERRORS = (SQLAlchemyError, StorageInternalError)
"""What SQLAlchemy, and Optuna about it, raise."""
