"""Which implementation rounds how: the other EfficientNets by name, and their rounding rules.

What changes outputs but not the architecture (padding, batch norm) is in `scaling.model.numerics`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import assert_never

from scaling.network.rounding import HeadRule, RoundingRules, SqueezeRounding, choice


class Peer(StrEnum):
    """An implementation of EfficientNet whose conventions this package knows."""

    TENSORFLOW = "tensorflow"
    """The released code, tensorflow/tpu: the default everywhere."""
    TORCHVISION = "torchvision"
    """torchvision.models.efficientnet_b0 … b7."""
    TIMM = "timm"
    """timm's efficientnet_*: trained in torch."""
    TIMM_TF = "timm-tf"
    """timm's tf_efficientnet_*: the released weights."""
    GEFFNET = "geffnet"
    """geffnet's efficientnet_*."""
    GEFFNET_TF = "geffnet-tf"
    """geffnet's tf_efficientnet_*."""
    EFFICIENTNET_PYTORCH = "efficientnet-pytorch"
    """lukemelas/EfficientNet-PyTorch."""
    KERAS = "keras"
    """keras.applications.EfficientNetB0 … B7."""


def rounding_of(peer: str) -> RoundingRules:
    """Return the rounding rules of an implementation.

    timm and geffnet round the squeeze width where the others cut; the two agree on every multiple of 4, so on
    every width of the channel rule. torchvision's head is 4 times its last stage.

    Raises:
        SpecError: no such implementation is known; the message lists those that are.

    Source: tensorflow/tpu efficientnet_model.py, torchvision/models/efficientnet.py,
        timm/models/_efficientnet_blocks.py, geffnet/efficientnet_builder.py, efficientnet_pytorch/model.py,
        keras/applications/efficientnet.py.

    >>> rounding_of("torchvision").head_rule.value, rounding_of("timm").squeeze_rounding.value
    ('last-stage', 'round')
    """
    known = choice(Peer, peer, "peer")
    match known:
        case Peer.TORCHVISION:
            return RoundingRules(head_rule=HeadRule.LAST_STAGE)
        case Peer.TIMM | Peer.TIMM_TF | Peer.GEFFNET | Peer.GEFFNET_TF:
            return RoundingRules(squeeze_rounding=SqueezeRounding.ROUND)
        case Peer.TENSORFLOW | Peer.EFFICIENTNET_PYTORCH | Peer.KERAS:
            return RoundingRules()
        case _:
            assert_never(known)
