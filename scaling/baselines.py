"""What a scaled network starts from. Floor 2.

A baseline is a spec like any other, written as block strings.
"""

from __future__ import annotations

from scaling.architecture import Activation, ArchitectureSpec, HeadSpec, StemSpec
from scaling.block_strings import stages_from_strings
from scaling.rounding import LITE, RELEASED, RoundingRules

EFFICIENTNET_B0 = ArchitectureSpec(
    # Tan & Le 2019, arXiv:1905.11946, Table 1; tensorflow/tpu efficientnet_builder.py
    stem=StemSpec(out_channels=32),
    stages=stages_from_strings(
        [
            "r1_k3_s11_e1_i32_o16_se0.25",
            "r2_k3_s22_e6_i16_o24_se0.25",
            "r2_k5_s22_e6_i24_o40_se0.25",
            "r3_k3_s22_e6_i40_o80_se0.25",
            "r3_k5_s11_e6_i80_o112_se0.25",
            "r4_k5_s22_e6_i112_o192_se0.25",
            "r1_k3_s11_e6_i192_o320_se0.25",
        ]
    ),
    head=HeadSpec(out_channels=1280),
    image_size=224,
    name="efficientnet-b0",
    dropout=0.2,
)

EFFICIENTNET_LITE0 = ArchitectureSpec(
    # tensorflow/tpu efficientnet/lite/efficientnet_lite_builder.py: B0's stages, no squeeze-excitation
    stem=StemSpec(out_channels=32),
    stages=stages_from_strings(
        [
            "r1_k3_s11_e1_i32_o16",
            "r2_k3_s22_e6_i16_o24",
            "r2_k5_s22_e6_i24_o40",
            "r3_k3_s22_e6_i40_o80",
            "r3_k5_s11_e6_i80_o112",
            "r4_k5_s22_e6_i112_o192",
            "r1_k3_s11_e6_i192_o320",
        ]
    ),
    head=HeadSpec(out_channels=1280),
    image_size=224,
    activation=Activation.RELU6,
    name="efficientnet-lite0",
    dropout=0.2,
)

_LITE_NAMES = tuple(f"lite{number}" for number in range(5))

BASELINES = {spec.name: spec for spec in (EFFICIENTNET_B0, EFFICIENTNET_LITE0)}


def rules_of_baseline(name: str) -> RoundingRules:
    """Return the rounding rules under which a baseline's own family was released.

    >>> rules_of_baseline("efficientnet-lite0").scaled_stem_and_head
    False
    """
    return LITE if name.lower().removeprefix("efficientnet-") in _LITE_NAMES else RELEASED
