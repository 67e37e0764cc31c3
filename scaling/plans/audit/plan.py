"""An audit as a plan: every anchor and every proxy, what says most of all of them first."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from scaling.network.architecture import ArchitectureSpec
from scaling.plans.audit.config import Audit
from scaling.plans.audit.judging import Results
from scaling.plans.audit.networks import Trainings, anchor_networks, trainings_of
from scaling.runs.job import Job
from scaling.runs.plan import Records, Wanted, never_pruned
from scaling.runs.record import Record
from scaling.runs.setup import Setup


@dataclass(frozen=True, kw_only=True)
class AuditPlan:
    """What an audit trains: every network as an anchor, then by each proxy."""

    audit: Audit
    networks: tuple[ArchitectureSpec, ...]
    trainings: tuple[Trainings, ...]
    kind: ClassVar[str] = "audit"
    counted: ClassVar[bool] = True
    prune = staticmethod(never_pruned)

    @staticmethod
    def of(audit: Audit) -> AuditPlan:
        """Return the plan of an audit.

        Raises:
            ConfigError: there are not so many networks.
        """
        networks = anchor_networks(audit)
        return AuditPlan(audit=audit, networks=networks, trainings=trainings_of(audit, networks))

    @cached_property
    def jobs(self) -> tuple[Job, ...]:
        """Every training once: anchors' first seeds and proxies before further seeds."""
        most = max(len(row) for one in self.trainings for row in one.jobs)
        jobs = (
            row[seed] for seed in range(most) for one in self.trainings for row in one.jobs if seed < len(row)
        )
        return tuple({job.key: job for job in jobs}.values())

    @cached_property
    def labels(self) -> Mapping[str, str]:
        """What each training is, by its key, for people."""
        return {
            job.key: f"{job.spec.name}, {one.name}"
            for one in self.trainings
            for row in one.jobs
            for job in row
        }

    def next_jobs(self, records: Records, room: int) -> Wanted:
        """Return what is not settled; nothing depends on results."""
        del room
        return Wanted(jobs=self.missing(records), done=True)

    def missing(self, records: Records) -> tuple[Job, ...]:
        """Return the jobs without a settled record, the most urgent first."""
        found = ((job, records.get(job.key)) for job in self.jobs)
        return tuple(job for job, record in found if record is None or not record.state.settled)

    def trained(self, records: Records) -> list[Record]:
        """Return the records of its trainings."""
        return [record for job in self.jobs if (record := records.get(job.key)) is not None]

    def results(self, records: Records) -> Results:
        """Return the records of every way to train: one row a network, one column a seed."""
        return {
            one.name: [[records.get(job.key) for job in row] for row in one.jobs] for one in self.trainings
        }

    @property
    def setup(self) -> Setup:
        """What is trained, and how."""
        return self.audit.setup

    def document(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "audit": self.audit.config.model_dump(mode="json"),
            "setup": self.setup.document(),
            "changes": list(self.audit.changes),
        }

    def key(self) -> str:
        """Return a hash of what it trains and scores; rules and words may change."""
        named = {"anchors", "proxies", "scores"}
        plain = {**self.audit.config.model_dump(mode="json", include=named), "setup": self.setup.key()}
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]
