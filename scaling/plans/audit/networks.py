"""The networks of an audit, and what each proxy makes of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from scaling.errors import ConfigError
from scaling.network.architecture import SMALLEST_IMAGE, ArchitectureSpec
from scaling.network.coefficients import ScalingCoefficients
from scaling.network.generation import scale
from scaling.plans.audit.config import Audit, ProxyTable
from scaling.runs.job import Job
from scaling.targets.space import on_target, specs_of
from scaling.targets.target import Target

ANCHOR = "anchor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trainings:
    """The trainings of one way to judge networks."""

    name: str
    jobs: tuple[tuple[Job, ...], ...]

    @property
    def macs(self) -> float:
        """Multiply-adds of all of them, forward and backward."""
        return sum(job.train_macs for row in self.jobs for job in row)


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
