"""Every distinct network of a family under limits, and what stops it from being larger.

No limit is ever met by a larger network and missed by a smaller one, so that each pair of depth and width has
one largest image size under each limit. These sizes say everything: nothing is sampled or left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scaling.cost import count_cost
from scaling.cost.latency_model import NO_LATENCY, LatencyModel
from scaling.cost.peak_memory import INFERENCE, MemoryUse, peak_bytes_of
from scaling.cost.vectorised import count_costs
from scaling.errors import SpecError
from scaling.network.architecture import LARGEST_IMAGE, ArchitectureSpec
from scaling.network.families import variant
from scaling.network.generation import scaled_to
from scaling.network.rounding import RELEASED, RoundingRules
from scaling.targets.steps import Index, first_where, steps_of
from scaling.targets.target import Target

AMOUNTS = ("macs", "params", "activations", "memory_bytes", "latency_ms", "image_size")
"""What a budget may limit."""
FAMILY = "family"
"""The limit that a family itself has: the cost of its largest member."""
MOST_PAIRS = 4_000_000
"""Of depth and width: some 200 MB."""


def largest_factor() -> float:
    """Return how many times B0's multiply-adds B7 has: as far as any family is enumerated.

    >>> round(largest_factor(), 2)
    97.83
    """
    return count_cost(variant("b7")).macs / count_cost(variant("b0")).macs


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Limits; None for none.

    Args:
        memory_bytes: peak of all tensors, float32, of the family's `memory`.
        latency_ms: predicted by a latency model.
    """

    macs: float | None = None
    params: float | None = None
    activations: float | None = None
    memory_bytes: float | None = None
    latency_ms: float | None = None
    image_size: float | None = None

    def __post_init__(self) -> None:
        for name, value in self.limits().items():
            if not (value > 0 and math.isfinite(value)):
                raise SpecError(f"a limit must be above 0, got {name} {value}")

    def limits(self) -> dict[str, float]:
        """Return the limits that are given, by name."""
        return {name: getattr(self, name) for name in AMOUNTS if getattr(self, name) is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Networks:
    """Networks of a family with what they cost, (N,) each.

    Args:
        depth, width: indices of their steps.
        depth_coefficient, width_coefficient: as rounded.
        image_size: pixels.
        amounts: of every name that `Budget` limits.
    """

    depth: Index
    width: Index
    depth_coefficient: NDArray[np.float64]
    width_coefficient: NDArray[np.float64]
    image_size: Index
    amounts: Mapping[str, NDArray[np.float64]]

    def __len__(self) -> int:
        """Return N."""
        return len(self.depth)


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """How one limit binds.

    Args:
        stops: networks of the Pareto set whose next step in some dimension it forbids.
        alone: of these, where no other limit forbids the same step.
        feasible_without: networks within all other limits.
        pareto_without: size of the Pareto set without it.
        largest_macs_without: most multiply-adds of a network without it.
    """

    limit: str
    most: float
    stops: int
    alone: int
    feasible_without: int
    pareto_without: int
    largest_macs_without: int


class Family:
    """Every distinct network of a baseline and its rounding, none below the baseline, up to B7's factor.

    Args:
        latency: the model behind predicted latency.
        memory: what memory is needed for; inference of one image if not given.

    Raises:
        SpecError: there are more than 4,000,000 pairs of depth and width.
    """

    def __init__(
        self,
        baseline: ArchitectureSpec,
        rounding: RoundingRules = RELEASED,
        latency: LatencyModel | None = None,
        memory: MemoryUse = INFERENCE,
    ) -> None:
        self.rounding, self.latency, self.memory = rounding, latency or NO_LATENCY, memory
        self.most_macs = largest_factor() * count_cost(baseline).macs
        target = Target(factor=largest_factor(), tolerance=1e-9)
        sizes = range(baseline.image_size, LARGEST_IMAGE + 1, rounding.image_size_step)
        self.steps = steps_of(baseline, target, rounding, sizes)
        self.baseline, (depths, widths) = self.steps.baseline, self.steps.shape
        if depths * widths > MOST_PAIRS:
            raise SpecError(
                f"{depths:,} depths × {widths:,} widths are more than {MOST_PAIRS:,}: take a "
                "larger channel divisor, or coefficient rounding 'released'"
            )
        self._largest: dict[tuple[str, float], Index] = {}
        self.within = self.largest_size(FAMILY, self.most_macs)

    def __len__(self) -> int:
        """Count the networks of the family."""
        return _count(self.within)

    def amounts(self, name: str, depth: Index, width: Index, size: Index) -> NDArray[np.float64]:
        """Return what a limit bounds, of networks by the indices of their steps."""
        networks = self.steps.candidates(depth, width, size)
        if name == "image_size":
            return networks.image_size.astype(np.float64)
        if name == "memory_bytes":
            return np.asarray(peak_bytes_of(self.baseline, networks, self.memory), np.float64)
        costs = count_costs(self.baseline, networks)
        if name == "latency_ms":
            return np.asarray(self.latency.predict(costs), np.float64)
        return np.asarray(getattr(costs, "macs" if name == FAMILY else name), np.float64)

    def largest_size(self, name: str, most: float) -> Index:
        """Return for each depth and width the index of the largest image size under a limit; −1 for none."""
        if (name, most) not in self._largest:
            found = np.full(self.steps.shape, -1, np.int64)
            alive = self._affordable(most) if name == FAMILY else self.within >= 0
            depth, width = np.nonzero(alive)
            last = np.full_like(depth, len(self.steps.sizes)) if name == FAMILY else self.within[alive] + 1
            found[alive] = -1 + first_where(
                lambda rows, size: self.amounts(name, depth[rows], width[rows], size) > most, last
            )
            self._largest[name, most] = found
        return self._largest[name, most]

    def spec(self, networks: Networks, index: int) -> ArchitectureSpec:
        """Return one network as the generator makes it."""
        return scaled_to(
            self.baseline,
            depth=float(networks.depth_coefficient[index]),
            width=float(networks.width_coefficient[index]),
            image_size=int(networks.image_size[index]),
            rounding=self.rounding,
        )

    def _affordable(self, most: float) -> NDArray[np.bool_]:
        """Return which depths and widths are within the family's cost at the smallest image size."""
        depths, widths = self.steps.shape
        first = first_where(
            lambda width, depth: self.amounts(FAMILY, depth, width, np.zeros_like(depth)) > most,
            np.full(widths, depths),
        )
        affordable: NDArray[np.bool_] = np.arange(depths)[:, None] < first[None, :]
        return affordable

    def under(self, limits: Mapping[str, float]) -> Index:
        """Return for each depth and width the index of the largest image size under all limits."""
        sizes = [self.within, *(self.largest_size(name, most) for name, most in limits.items())]
        joint: Index = np.minimum.reduce(sizes)
        return joint

    def networks(self, depth: Index, width: Index, size: Index) -> Networks:
        """Return networks by the indices of their steps, with what they cost."""
        steps, exact = self.steps, (self.steps.depth_coefficient[depth], self.steps.width_coefficient[width])
        depths, widths = (np.array([self.rounding.coefficient(one) for one in two.tolist()]) for two in exact)
        return Networks(
            depth=depth,
            width=width,
            depth_coefficient=depths,
            width_coefficient=widths,
            image_size=steps.sizes[size],
            amounts={name: self.amounts(name, depth, width, size) for name in AMOUNTS[:-1]},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetAnswer:
    """What a budget allows.

    Args:
        pareto: those that no other feasible one equals or exceeds in depth, width and image size at once.
        bindings: how each limit binds, the family's own among them.
    """

    family: int
    feasible: int
    pareto: Networks
    bindings: tuple[Binding, ...]


def spend(family: Family, budget: Budget) -> BudgetAnswer:
    """Return the Pareto set of a family under limits, exactly, and how each limit binds.

    >>> answer = spend(Family(variant("b0")), Budget(macs=4e8, image_size=240))
    >>> answer.pareto.image_size.tolist()
    [224]
    """
    limits = budget.limits()
    joint = family.under(limits)
    depth, width, size = _pareto(joint)
    every = {FAMILY: family.most_macs, **limits}
    allowed = {name: family.largest_size(name, most) for name, most in every.items()}
    forbids = {name: _forbidden(sizes, depth, width, size) for name, sizes in allowed.items()}
    forbidden = np.sum([*forbids.values()], axis=0)
    bindings = []
    for name, most in limits.items():
        without = family.under({other: value for other, value in limits.items() if other != name})
        rest = _pareto(without)
        macs = family.amounts("macs", *rest)
        bindings.append(
            Binding(
                limit=name,
                most=most,
                stops=int(forbids[name].any(1).sum()),
                alone=int((forbids[name] & (forbidden == 1)).any(1).sum()),
                feasible_without=_count(without),
                pareto_without=len(rest[0]),
                largest_macs_without=int(macs.max(initial=0)),
            )
        )
    return BudgetAnswer(
        family=len(family),
        feasible=_count(joint),
        pareto=family.networks(depth, width, size),
        bindings=tuple(bindings),
    )


def _count(largest: Index) -> int:
    return int((largest + 1).sum())


def _pareto(largest: Index) -> tuple[Index, Index, Index]:
    """Return the maximal (depth, width, size) indices of a set given by its largest sizes.

    Sizes never rise with depth or width, so that a network is exceeded exactly where the next depth or the
    next width allows its size too.
    """
    beyond = np.pad(largest, (0, 1), constant_values=-1)
    maximal = (largest >= 0) & (beyond[1:, :-1] < largest) & (beyond[:-1, 1:] < largest)
    depth, width = np.nonzero(maximal)
    return depth, width, largest[depth, width]


def _forbidden(allowed: Index, depth: Index, width: Index, size: Index) -> NDArray[np.bool_]:
    """Return (N, 3): whether a limit forbids a network's next depth, next width, next image size."""
    padded = np.pad(allowed, (0, 1), constant_values=-1)
    deeper, wider = padded[depth + 1, width] < size, padded[depth, width + 1] < size
    return np.stack([deeper, wider, allowed[depth, width] < size + 1], axis=1)


def nearest(networks: Networks, bases: tuple[float, float, float], image_size: int) -> int:
    """Return the index of the network whose growth is nearest to alpha, beta, gamma; as `cosines`."""
    return int(np.argmax(cosines(networks, bases, image_size)))


def cosines(networks: Networks, bases: tuple[float, float, float], image_size: int) -> NDArray[np.float64]:
    """Return the cosine of the angle between each network's growth, in logarithms, and alpha, beta, gamma.

    Args:
        networks: N of them; one that has not grown gets −1.
        bases: alpha, beta, gamma, each above 0, not all 1.
        image_size: the baseline's.

    Raises:
        SpecError: the bases have no direction.
    """
    direction = np.log(np.array(bases))
    norm = float(np.linalg.norm(direction))
    if not norm > 0:
        raise SpecError("alpha, beta and gamma of 1 have no direction")
    sizes = networks.image_size / image_size
    grown = np.log(np.stack([networks.depth_coefficient, networks.width_coefficient, sizes], axis=1))
    length = np.linalg.norm(grown, axis=1)
    found: NDArray[np.float64] = np.where(
        length > 0, grown @ direction / norm / np.maximum(length, 1e-12), -1.0
    )
    return found
