"""Who trains a trial, and whether he still lives: leases that are renewed while a training goes on.

A lease counts its renewals. Whoever watches compares counts by his own monotonic clock, so no clock of any
machine needs to be right, and one that is set back kills nobody.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from types import TracebackType
from typing import Any

from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import RDBStorage

from scaling.search.patience import lost_contact

LEASE = "lease"
"""User attribute of a trial in training."""
RETRY_S = 1.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A worker's right to train a trial and to tell its result.

    Args:
        holder: the worker's name, used once.
        launch: machine and folder of the launch that started it; empty for one that joined by itself.
        renewals: how often it was renewed.
    """

    holder: str
    launch: str = ""
    renewals: int = 0

    def document(self) -> dict[str, Any]:
        """Return the lease as plain data."""
        return asdict(self)

    @staticmethod
    def of(attributes: Mapping[str, Any]) -> Lease | None:
        """Return the lease in a trial's user attributes, or None."""
        found = attributes.get(LEASE)
        return Lease(**found) if found else None


class LeaseWatch:
    """Tells which leases are no longer renewed.

    Time between two looks counts at most `longest_gap_s`: a watcher that was asleep, or that could not reach
    the database, does not take its own absence for somebody's death.

    Args:
        grace_s: seconds without renewal after which a lease has expired.
        longest_gap_s: the most that one look adds.

    >>> watch = LeaseWatch(grace_s=10, longest_gap_s=4)
    >>> [watch.expired({7: Lease(holder="a")}, now) for now in (0.0, 3.0, 500.0, 504.0)]
    [set(), set(), set(), {7}]
    """

    def __init__(self, *, grace_s: float, longest_gap_s: float) -> None:
        self.grace_s, self.longest_gap_s = grace_s, longest_gap_s
        self._seen: dict[int, tuple[Lease, float]] = {}
        self._last: float | None = None

    def expired(self, leases: Mapping[int, Lease], now: float) -> set[int]:
        """Look at the leases of all trials in training; return the ids of those that have expired.

        Args:
            leases: by trial id.
            now: seconds of this process's monotonic clock.
        """
        gap = 0.0 if self._last is None else min(max(0.0, now - self._last), self.longest_gap_s)
        self._last = now
        seen = {}
        for trial_id, lease in leases.items():
            before, unseen_s = self._seen.get(trial_id, (lease, -gap))
            seen[trial_id] = (lease, unseen_s + gap if before == lease else 0.0)
        self._seen = seen
        return {trial_id for trial_id, (_, unseen_s) in seen.items() if unseen_s >= self.grace_s}


class LeaseKeeper:
    """Renews the lease of one trial while a block runs, from a thread of its own.

    Args:
        storage: of the study.
        trial_id: of the trial.
        lease: as it was taken.
        heartbeat_s: seconds between renewals.
    """

    def __init__(self, storage: RDBStorage, trial_id: int, lease: Lease, *, heartbeat_s: float) -> None:
        self.storage, self.trial_id, self.lease = storage, trial_id, lease
        self.heartbeat_s = heartbeat_s
        self._lost, self._done = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)

    @property
    def lost(self) -> bool:
        """Whether somebody else has ended the trial."""
        return self._lost.is_set()

    def __enter__(self) -> LeaseKeeper:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join(timeout=RETRY_S)  # it may be waiting for a server that is away

    def _renew(self) -> None:
        wait_s = self.heartbeat_s
        while not self._done.wait(wait_s):
            wait_s = self.heartbeat_s
            renewed = replace(self.lease, renewals=self.lease.renewals + 1)
            try:
                self.storage.set_trial_user_attr(self.trial_id, LEASE, renewed.document())
                self.lease = renewed
            except UpdateFinishedTrialError:
                self._lost.set()
                break
            except Exception as error:  # a lease that is not renewed expires; training need not stop for it
                wait_s = min(RETRY_S, self.heartbeat_s)
                if not lost_contact(error):
                    _log.warning("cannot renew the lease of a trial: %s", error)
        self.storage.remove_session()
