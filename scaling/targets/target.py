"""What a candidate must cost: one metric on target, and limits on any others."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, ClassVar, assert_never

import numpy as np
from numpy.typing import NDArray

from scaling.cost import Cost, count_cost
from scaling.cost.latency_model import NO_LATENCY, LatencyModel
from scaling.cost.vectorised import Costs
from scaling.errors import ConfigError, SpecError
from scaling.network.architecture import LARGEST_IMAGE, ArchitectureSpec

LARGEST_FACTOR = 128.0
"""B7 is 98 times B0; a target beyond this is a slip of the pen."""


class Metric(StrEnum):
    """What is brought on target."""

    MACS = "macs"
    PARAMS = "params"
    """Does not depend on the image size, which another limit must then bound."""
    ACTIVATIONS = "activations"
    LATENCY = "latency"
    """Predicted by a `LatencyModel`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a candidate may cost at most, beside its target; None for no limit."""

    max_macs: int | None = None
    """Multiply-adds."""
    max_params: int | None = None
    """Trainable parameters."""
    max_activations: int | None = None
    """Outputs of convolutions and linear layers."""
    max_latency_ms: float | None = None
    """Predicted by the search's latency model."""
    max_memory_bytes: int | None = None
    """Estimated peak of activations at inference, one image, float32."""
    __pydantic_config__: ClassVar = {"extra": "forbid", "use_attribute_docstrings": True}

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if value is not None and not value > 0:
                raise ConfigError(f"{one.name} must be above 0, got {value}")

    @property
    def bounds_image_size(self) -> bool:
        """Whether some limit ends the growth of the image alone."""
        return any((self.max_macs, self.max_activations, self.max_memory_bytes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a candidate must cost.

    Args:
        factor: multiple of the baseline's metric, above 0, at most 128, not 1; a search takes above 1.
        tolerance: largest relative deviation, in (0, 1).
        largest_image_size: pixels; None for no limit but the package's own.
        metric: what is brought on target.
        limits: on the other costs.
        latency: the model behind predicted latency.

    Raises:
        SpecError: a value is out of range.
    """

    factor: float = 2.0
    tolerance: float = 0.03
    largest_image_size: int | None = None
    metric: Metric = Metric.MACS
    limits: Limits = Limits()
    latency: LatencyModel = NO_LATENCY

    def __post_init__(self) -> None:
        if not 0 < self.factor <= LARGEST_FACTOR or self.factor == 1:
            raise SpecError(
                f"target factor must be above 0, not 1, and at most {LARGEST_FACTOR:g}, got {self.factor}"
            )
        if not 0 < self.tolerance < 1:
            raise SpecError(f"tolerance must be between 0 and 1, got {self.tolerance}")

    def met_by(self, achieved: float) -> bool:
        """Whether an achieved cost factor is within the tolerance."""
        return abs(achieved / self.factor - 1) <= self.tolerance

    def amount(self, spec: ArchitectureSpec) -> float:
        """Return a network's cost in the target's metric."""
        return float(self._measured(count_cost(spec)))

    def amounts(self, costs: Costs) -> NDArray[np.float64]:
        """Return the same of many networks, float64 (N,)."""
        return np.asarray(self._measured(costs), np.float64)

    def _measured(self, cost: Cost | Costs) -> Any:
        match self.metric:
            case Metric.MACS | Metric.PARAMS | Metric.ACTIVATIONS:
                return getattr(cost, self.metric)
            case Metric.LATENCY:
                return self.latency.predict(cost)
            case _:
                assert_never(self.metric)

    def within_limits(self, spec: ArchitectureSpec) -> bool:
        """Whether a network keeps every limit, the largest image size included."""
        cost, most = count_cost(spec), self.limits.max_memory_bytes
        return (
            all(value <= limit for limit, value in self.limited(cost))
            and (most is None or cost.peak_activation_bytes <= most)
            and spec.image_size <= (self.largest_image_size or LARGEST_IMAGE)
        )

    def limited(self, cost: Cost | Costs) -> list[tuple[float, Any]]:
        """Return every limit but memory's beside what it limits, of one network or of many."""
        limits = self.limits
        pairs = (
            (limits.max_macs, cost.macs),
            (limits.max_params, cost.params),
            (limits.max_activations, cost.activations),
            (limits.max_latency_ms, self.latency.predict(cost)),
        )
        return [(most, value) for most, value in pairs if most is not None]

    def excess(self, spec: ArchitectureSpec, baseline: ArchitectureSpec) -> float:
        """Return how far the cost factor is beyond the tolerance, relative; 0 where it is on target."""
        achieved = self.amount(spec) / self.amount(baseline)
        return max(0.0, abs(achieved / self.factor - 1) - self.tolerance)
