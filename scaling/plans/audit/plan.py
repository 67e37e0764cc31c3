"""An audit as a plan: its networks, what each proxy makes of them, and in which order they are trained."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from scaling.errors import ConfigError
from scaling.network.architecture import SMALLEST_IMAGE, ArchitectureSpec
from scaling.network.coefficients import ScalingCoefficients
from scaling.network.generation import scale
from scaling.plans.audit.config import Audit, ProxyTable
from scaling.runs.job import Job
from scaling.runs.plan import Records, Wanted, never_pruned
from scaling.runs.record import Record
from scaling.runs.setup import Setup
from scaling.targets.space import on_target, specs_of
from scaling.targets.target import Target

ANCHOR = "anchor"
Results = Mapping[str, Sequence[Sequence[Record | None]]]
"""By the name of a way to train: one row a network, one column a seed; None where it is not trained yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trainings:
    """The trainings of one way to judge networks."""

    name: str
    jobs: tuple[tuple[Job, ...], ...]

    @property
    def macs(self) -> float:
        """Multiply-adds of all of them, forward and backward."""
        return sum(job.train_macs for row in self.jobs for job in row)


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


def anchor_networks(audit: Audit) -> tuple[ArchitectureSpec, ...]:
    """Return networks on target at each factor, as far apart as they can be, factors in turn.

    Raises:
        ConfigError: there are not so many.
    """
    wanted, setup = audit.config.anchors, audit.setup
    found: list[ArchitectureSpec] = []
    shares = np.array_split(np.arange(wanted.networks), len(wanted.factors))
    for factor, share in zip(wanted.factors, shares, strict=True):
        target = Target(
            factor=factor, tolerance=wanted.tolerance, largest_image_size=setup.largest_image_size
        )
        space = on_target(setup.baseline_spec, target, setup.rounding_rules)
        specs = list(specs_of(setup.baseline_spec, space, setup.rounding_rules))
        if len(specs) < len(share):
            raise ConfigError(
                f"there are {len(specs)} networks at {factor:g}× where {len(share)} were wanted: take fewer, "
                "more factors or a wider tolerance"
            )
        sizes = space.candidates.image_size / setup.baseline_spec.image_size
        growth = np.log(np.column_stack([space.depth_coefficient, space.width_coefficient, sizes]))
        found += [specs[index] for index in _spread(growth, len(share))]
    return tuple(replace(spec, name=f"network {number}") for number, spec in enumerate(found))


def _spread(points: np.ndarray, count: int) -> list[int]:
    """Return indices of points, each as far from the earlier ones as can be, the most central first."""
    if count == 0:
        return []
    chosen = [int(np.argmin(((points - points.mean(0)) ** 2).sum(1)))]
    while len(chosen) < count:
        apart = ((points[:, None] - points[chosen][None]) ** 2).sum(2).min(1)
        apart[chosen] = -1
        chosen.append(int(np.argmax(apart)))
    return chosen


def trainings_of(audit: Audit, networks: tuple[ArchitectureSpec, ...]) -> tuple[Trainings, ...]:
    """Return the anchors' trainings, then each proxy's."""
    anchors = audit.config.anchors
    whole = ProxyTable(name=ANCHOR, epochs=anchors.epochs, seeds=anchors.seeds)
    return tuple(
        Trainings(
            name=way.name,
            jobs=tuple(tuple(_jobs(audit, cheaper(audit, spec, way), way)) for spec in networks),
        )
        for way in (whole, *audit.config.proxies)
    )


def cheaper(audit: Audit, spec: ArchitectureSpec, proxy: ProxyTable) -> ArchitectureSpec:
    """Return what a proxy trains in a network's place: narrower, of smaller images, or itself."""
    size = max(SMALLEST_IMAGE, round(spec.image_size * proxy.image_size))
    if proxy.width < 1:
        narrow = ScalingCoefficients(
            depth_coefficient=1.0, width_coefficient=proxy.width, resolution_coefficient=1.0
        )
        spec = replace(scale(spec, narrow, audit.setup.rounding_rules), name=spec.name, dropout=spec.dropout)
    return replace(spec, image_size=size)


def _jobs(audit: Audit, spec: ArchitectureSpec, proxy: ProxyTable) -> Iterator[Job]:
    train = max(audit.setup.recipe.batch_size, math.floor(audit.images * proxy.train))
    epochs = audit.config.anchors.epochs if proxy.epochs is None else proxy.epochs
    for seed in proxy.seeds:
        yield audit.setup.job(spec, seed=seed, epochs=epochs, train=train)
