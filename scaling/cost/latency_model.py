"""Milliseconds of a network as a sum over kinds of layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from scaling.cost import Cost
from scaling.cost.vectorised import Costs
from scaling.cost.work import count_work, count_works
from scaling.errors import ConfigError

BY_KIND = {
    "ms_per_call": ("calls", 1.0),
    "ms_per_dense_gmac": ("dense_macs", 1e-9),
    "ms_per_pointwise_gmac": ("pointwise_macs", 1e-9),
    "ms_per_depthwise_gmac": ("depthwise_macs", 1e-9),
    "ms_per_linear_gmac": ("linear_macs", 1e-9),
    "ms_per_convolution_melement": ("convolution_elements", 1e-6),
    "ms_per_depthwise_melement": ("depthwise_elements", 1e-6),
    "ms_per_elementwise_melement": ("elementwise_elements", 1e-6),
    "ms_per_silu_melement": ("silu_elements", 1e-6),
}
"""Coefficients of kinds of layers: of which amount of `Work`, in which unit."""
OF_COST = {
    "ms_per_gmac": ("macs", 1e-9),
    "ms_per_mactivation": ("activations", 1e-6),
    "ms_per_mparam": ("params", 1e-6),
}
"""Coefficients of a whole network's cost."""
TERMS = (*OF_COST, *BY_KIND)


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyModel:
    """A linear model of the milliseconds of one batch; its coefficients come from a device.

    An approximation: time is taken to be a sum over layers, each in proportion to what its kind does, so no
    kernel's dependence on shapes is in it. Every coefficient is at least 0; all 0 means that none was given.
    `scaling latency --calibrate` fits those of kinds; the first three can be set by hand.

    Raises:
        ConfigError: a coefficient is negative or not finite.

    >>> from scaling import count_cost, variant
    >>> model = LatencyModel(base_ms=1.0, ms_per_gmac=2.0, ms_per_mactivation=0.5)
    >>> round(model.predict(count_cost(variant("b0"))), 3)
    5.146
    """

    base_ms: float = 0.0
    """Milliseconds whatever the network."""
    ms_per_gmac: float = 0.0
    """Milliseconds for 10^9 multiply-adds of one image, of any kind."""
    ms_per_mactivation: float = 0.0
    """For 10^6 activations, of any kind."""
    ms_per_mparam: float = 0.0
    """For 10^6 parameters."""
    ms_per_call: float = 0.0
    """For each operation that is started."""
    ms_per_dense_gmac: float = 0.0
    """For 10^9 multiply-adds of convolutions over all channels, kernels above 1x1."""
    ms_per_pointwise_gmac: float = 0.0
    """Of 1x1 convolutions."""
    ms_per_depthwise_gmac: float = 0.0
    """Of depthwise convolutions."""
    ms_per_linear_gmac: float = 0.0
    """Of squeeze-excitation and classifier."""
    ms_per_convolution_melement: float = 0.0
    """For 10^6 elements that dense and 1x1 convolutions read and write."""
    ms_per_depthwise_melement: float = 0.0
    """That depthwise convolutions read and write."""
    ms_per_elementwise_melement: float = 0.0
    """That norms, additions, gates, poolings and padding read and write."""
    ms_per_silu_melement: float = 0.0
    """That SiLU maps."""
    __pydantic_config__: ClassVar = {"extra": "forbid", "use_attribute_docstrings": True}

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if not (value >= 0 and math.isfinite(value)):
                raise ConfigError(f"latency {one.name} must be at least 0, got {value}")

    @property
    def known(self) -> bool:
        """Whether it says anything of a network's size."""
        return bool(self.terms)

    def predict(self, cost: Cost | Costs) -> Any:
        """Return milliseconds: a float for one network, float64 (N,) for many."""
        total: Any = self.base_ms
        for name, value in amounts(self.terms, cost).items():
            total = total + getattr(self, name) * value
        return total

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of the coefficients above 0, but the base's."""
        return tuple(name for name in TERMS if getattr(self, name) > 0)


NO_LATENCY = LatencyModel()
"""None was given."""


def amounts(terms: Sequence[str], cost: Cost | Costs) -> dict[str, Any]:
    """Return what coefficients multiply: floats for one network, float64 (N,) for many.

    Args:
        terms: names of coefficients, such as `ms_per_gmac`; not `base_ms`.
        cost: of one network or of many.
    """
    found = {name: OF_COST[name][1] * getattr(cost, OF_COST[name][0]) for name in terms if name in OF_COST}
    if kinds := [name for name in terms if name in BY_KIND]:
        work = (
            count_work(cost.spec) if isinstance(cost, Cost) else count_works(cost.baseline, cost.candidates)
        )
        found |= {name: BY_KIND[name][1] * getattr(work, BY_KIND[name][0]) for name in kinds}
    return found
