"""What a scaled network starts from.

A baseline is a spec like any other, written as block strings.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from scaling.network.architecture import Activation, ArchitectureSpec, Derivation, HeadSpec, StemSpec
from scaling.network.block_strings import stages_from_strings
from scaling.network.coefficients import ScalingCoefficients
from scaling.network.rounding import LITE, RELEASED, RoundingRules

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

EFFICIENTNET_LITE0 = replace(
    # tensorflow/tpu efficientnet/lite/efficientnet_lite_builder.py: B0's stages, no squeeze-excitation
    EFFICIENTNET_B0,
    stages=tuple(replace(stage, se_ratio=0.0) for stage in EFFICIENTNET_B0.stages),
    activation=Activation.RELU6,
    name="efficientnet-lite0",
)

MOBILENET_V1 = ArchitectureSpec(
    # Howard et al. 2017, arXiv:1704.04861, Table 1; ReLU6 as in tensorflow/models (slim) and timm
    stem=StemSpec(out_channels=32),
    stages=stages_from_strings(
        [
            "r1_k3_s11_e1_i32_o64_separable",
            "r2_k3_s22_e1_i64_o128_separable",
            "r2_k3_s22_e1_i128_o256_separable",
            "r6_k3_s22_e1_i256_o512_separable",
            "r2_k3_s22_e1_i512_o1024_separable",
        ]
    ),
    head=HeadSpec(out_channels=0),
    image_size=224,
    activation=Activation.RELU6,
    name="mobilenetv1",
    dropout=0.0,
    stochastic_depth=0.0,
)

MOBILENET_V2 = ArchitectureSpec(
    # Sandler et al. 2018, arXiv:1801.04381, Table 2; torchvision/models/mobilenetv2.py
    stem=StemSpec(out_channels=32),
    stages=stages_from_strings(
        [
            "r1_k3_s11_e1_i32_o16",
            "r2_k3_s22_e6_i16_o24",
            "r3_k3_s22_e6_i24_o32",
            "r4_k3_s22_e6_i32_o64",
            "r3_k3_s11_e6_i64_o96",
            "r3_k3_s22_e6_i96_o160",
            "r1_k3_s11_e6_i160_o320",
        ]
    ),
    head=HeadSpec(out_channels=1280),
    image_size=224,
    activation=Activation.RELU6,
    name="mobilenetv2",
    dropout=0.2,
    stochastic_depth=0.0,
)

RESNET_50 = ArchitectureSpec(
    # He et al. 2015, arXiv:1512.03385, Table 1; the 3x3 strides as in torchvision/models/resnet.py, which
    # makes 4.1 billion multiply-adds of that table's 3.8
    stem=StemSpec(out_channels=64, kernel_size=7, pool_stride=2),
    stages=stages_from_strings(
        [
            "r3_k3_s11_e4_i64_o256_bottleneck",
            "r4_k3_s22_e4_i256_o512_bottleneck",
            "r6_k3_s22_e4_i512_o1024_bottleneck",
            "r3_k3_s22_e4_i1024_o2048_bottleneck",
        ]
    ),
    head=HeadSpec(out_channels=0),
    image_size=224,
    activation=Activation.RELU,
    name="resnet-50",
    dropout=0.0,
    stochastic_depth=0.0,
)

EFFICIENTNETS = {spec.name: spec for spec in (EFFICIENTNET_B0, EFFICIENTNET_LITE0)}
"""The baselines of official families."""

BASELINES = EFFICIENTNETS | {spec.name: spec for spec in (MOBILENET_V1, MOBILENET_V2, RESNET_50)}

_LITE_NAMES = tuple(f"lite{number}" for number in range(5))


def known_baseline(name: str) -> ArchitectureSpec | None:
    """Return a baseline by its name, spelt with or without hyphens and underscores; None if there is none.

    >>> known_baseline("resnet50") == known_baseline("ResNet-50") == RESNET_50
    True
    """
    return _BY_PLAIN_NAME.get(_plain(name))


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


_BY_PLAIN_NAME = {_plain(name): spec for name, spec in BASELINES.items()}


def rules_of_baseline(name: str) -> RoundingRules:
    """Return the rounding rules under which a baseline's own family was released, or scaled in the paper.

    >>> rules_of_baseline("efficientnet-lite0").scaled_stem_and_head
    False
    """
    return LITE if name.lower().removeprefix("efficientnet-") in _LITE_NAMES else RELEASED


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """A network to scale, and by which rules."""

    spec: ArchitectureSpec
    rounding: RoundingRules

    def unscaled(self) -> ArchitectureSpec:
        """Return the network itself, not rounded, with a derivation that says so."""
        derivation = Derivation(
            baseline=self.spec.name,
            baseline_image_size=self.spec.image_size,
            compound=None,
            scaling=ScalingCoefficients(),
            rounding=self.rounding,
        )
        return replace(self.spec, derivation=derivation)
