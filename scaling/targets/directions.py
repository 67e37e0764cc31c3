"""The constraint surface: directions of scaling as three shares of log-cost.

Every point of the unit square is feasible, so no sampler ever proposes in vain: with u = 1 - sqrt(1 - s),
alpha = T^u, beta = T^((1-u) v / 2), gamma = T^((1-u)(1-v) / 2), hence alpha·beta²·gamma² = T.
A sampler draws (s, v): uniform in the square is uniform over the triangle of shares, where uniform in u would
spend half of the cost on depth.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scaling.errors import SpecError
from scaling.network.coefficients import CompoundCoefficients


@dataclass(frozen=True, slots=True, kw_only=True)
class Direction:
    """Shares of log-cost spent on depth, width and resolution; they sum to 1.

    Args:
        depth_share: u, in [0, 1].
        width_share: (1 - u) v, in [0, 1].
        resolution_share: (1 - u)(1 - v), in [0, 1].

    Raises:
        SpecError: a share is outside [0, 1] or they do not sum to 1 within 1e-9.

    >>> compound = Direction(depth_share=1.0, width_share=0.0, resolution_share=0.0).bases(2.0, phi=1.0)
    >>> compound.alpha, compound.beta, compound.gamma
    (2.0, 1.0, 1.0)
    """

    depth_share: float
    width_share: float
    resolution_share: float

    def __post_init__(self) -> None:
        if not all(0 <= share <= 1 for share in self.shares):
            raise SpecError(f"cost shares must be between 0 and 1, got {self.shares}")
        if abs(sum(self.shares) - 1) > 1e-9:
            raise SpecError(f"cost shares must sum to 1, got {self.shares}")

    @property
    def shares(self) -> tuple[float, float, float]:
        """Depth, width, resolution."""
        return (self.depth_share, self.width_share, self.resolution_share)

    @staticmethod
    def of_square(s: float, v: float) -> Direction:
        """Return the direction of a point of the unit square (stick-breaking, uniform over the triangle).

        Args:
            s: in [0, 1]; depth's share is u = 1 - sqrt(1 - s).
            v: in [0, 1]; width's part of what depth leaves.
        """
        u, v = 1 - math.sqrt(1 - float(s)), float(v)
        return Direction(depth_share=u, width_share=(1 - u) * v, resolution_share=(1 - u) * (1 - v))

    @staticmethod
    def of_shares(shares: Sequence[float]) -> Direction:
        """Return the direction of depth, width and resolution shares, in this order."""
        depth, width, resolution = shares
        return Direction(depth_share=depth, width_share=width, resolution_share=resolution)

    @staticmethod
    def of_bases(alpha: float, beta: float, gamma: float) -> Direction:
        """Return the shares that bases of at least 1 spend.

        >>> [round(share, 3) for share in Direction.of_bases(1.2, 1.1, 1.15).shares]
        [0.279, 0.292, 0.428]
        """
        costs = [math.log(alpha), 2 * math.log(beta), 2 * math.log(gamma)]
        if min(costs) < 0 or sum(costs) <= 0:
            raise SpecError(f"bases must be at least 1 and not all 1, got {alpha:g}, {beta:g}, {gamma:g}")
        depth, width = costs[0] / sum(costs), costs[1] / sum(costs)
        return Direction(depth_share=depth, width_share=width, resolution_share=max(0.0, 1 - depth - width))

    def square(self) -> tuple[float, float]:
        """Return (s, v); v is 0.5 where all of the cost goes into depth.

        >>> [round(value, 9) for value in Direction.of_square(0.25, 0.75).square()]
        [0.25, 0.75]
        """
        rest = 1 - self.depth_share
        # The quotient of two rounded shares can end a last bit above 1.
        return 1 - rest**2, min(1.0, self.width_share / rest) if rest > 0 else 0.5

    def bases(self, target_factor: float, *, phi: float) -> CompoundCoefficients:
        """Return alpha, beta, gamma with alpha·beta²·gamma² = target_factor."""
        if not target_factor > 1:
            raise SpecError(f"target_factor must be above 1, got {target_factor:g}")
        return CompoundCoefficients(
            alpha=target_factor**self.depth_share,
            beta=target_factor ** (self.width_share / 2),
            gamma=target_factor ** (self.resolution_share / 2),
            phi=phi,
        )
