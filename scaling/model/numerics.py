"""The numerics of a network: what changes its outputs but not its architecture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from scaling.errors import SpecError
from scaling.network.conventions import Peer
from scaling.network.families import variant as official_variant
from scaling.network.rounding import choice


class Padding(StrEnum):
    """How convolutions pad."""

    SAME = "same"
    """TensorFlow's rule: the odd pixel goes to the bottom right, so stride 2 is asymmetric."""
    SYMMETRIC = "symmetric"
    """(kernel - 1) / 2 on every side, as in torchvision."""


def pads_by_hand(padding: Padding, stride: int) -> bool:
    """Return whether a convolution or pooling needs a padded copy; at stride 1 both rules pad alike."""
    match padding:
        case Padding.SAME:
            return stride > 1
        case Padding.SYMMETRIC:
            return False
        case _:
            assert_never(padding)


def same_padding(side: int, kernel_size: int, stride: int) -> tuple[int, int]:
    """Return TensorFlow's SAME padding of one axis: (before, after); the odd pixel goes after.

    >>> same_padding(224, 3, 2), same_padding(225, 3, 2), same_padding(14, 5, 1)
    ((0, 1), (1, 1), (2, 2))
    """
    total = max((-(-side // stride) - 1) * stride + kernel_size - side, 0)
    return total // 2, total - total // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Numerics:
    """Padding and batch norm: epsilon above 0; momentum as torch's, the share of the new batch, in (0, 1].

    Raises:
        SpecError: a value is out of range.
    """

    padding: Padding
    batch_norm_epsilon: float
    batch_norm_momentum: float

    def __post_init__(self) -> None:
        if not self.batch_norm_epsilon > 0:
            raise SpecError(f"batch_norm_epsilon must be above 0, got {self.batch_norm_epsilon}")
        if not 0 < self.batch_norm_momentum <= 1:
            raise SpecError(f"batch_norm_momentum must be in (0, 1], got {self.batch_norm_momentum}")


TENSORFLOW = Numerics(padding=Padding.SAME, batch_norm_epsilon=1e-3, batch_norm_momentum=0.01)
"""The released code, tensorflow/tpu efficientnet_model.py (momentum 0.99 in TensorFlow's sense)."""

TORCHVISION = Numerics(padding=Padding.SYMMETRIC, batch_norm_epsilon=1e-5, batch_norm_momentum=0.1)
"""torchvision/models/efficientnet.py, b0 to b4; its b5 to b7 have epsilon 1e-3 and momentum 0.01."""


_MOMENTUM_OF_TORCH = 0.1
"""torch's default, which timm and geffnet leave even where they set TensorFlow's epsilon."""


def numerics_of(peer: str, variant: str) -> Numerics:
    """Return the padding and batch norm that an implementation gives a variant.

    Args:
        peer: one of `scaling.network.conventions.Peer`.
        variant: b0 … b8, l2, lite0 … lite4; torchvision's batch norm changes at b5.

    Raises:
        SpecError: no such implementation or variant is known.

    Source: read off the modules that the peers build (tested); torchvision/models/efficientnet.py.

    >>> [numerics_of("torchvision", name).batch_norm_epsilon for name in ("b4", "b5")]
    [1e-05, 0.001]
    """
    known, name = choice(Peer, peer, "peer"), official_variant(variant).name
    match known:
        case Peer.TORCHVISION:
            return (
                replace(TENSORFLOW, padding=Padding.SYMMETRIC) if name in ("b5", "b6", "b7") else TORCHVISION
            )
        case Peer.TIMM | Peer.GEFFNET:
            return TORCHVISION
        case Peer.TIMM_TF | Peer.GEFFNET_TF:
            return replace(TENSORFLOW, batch_norm_momentum=_MOMENTUM_OF_TORCH)
        case Peer.TENSORFLOW | Peer.EFFICIENTNET_PYTORCH | Peer.KERAS:
            return TENSORFLOW
        case _:
            assert_never(known)
