"""Module names of other implementations in torch: their path of each of our modules.

torchvision counts by position: a block is a sequence that leaves out what it does not have. timm, whose names
geffnet shares, has a trap: `conv_pw` is the projection in a block without expansion, and the expansion in
every other, whose projection is `conv_pwl`; the norms count from 1 in the order of the block.
efficientnet-lite-pytorch has EfficientNet-PyTorch's names; timm's ResNets have torchvision's.

Source: torchvision/models/efficientnet.py, mobilenetv2.py and resnet.py; efficientnet_pytorch/model.py;
    timm/models/_efficientnet_blocks.py (DepthwiseSeparableConv, InvertedResidual), geffnet the same.
"""

from __future__ import annotations

from scaling.network.operation import Part
from scaling.weights.places import Place

Names = dict[tuple[Part, bool], str]
"""By part, and whether it is the norm behind it."""


def _pairs(**names: str) -> Names:
    """Read `stem="conv1 bn1"`: a part's convolution, and its norm where it has one."""
    return {
        (Part(part), bool(norm)): name
        for part, both in names.items()
        for norm, name in enumerate(both.split())
    }


_PYTORCH = _pairs(
    stem="_conv_stem _bn0",
    expand="_expand_conv _bn0",
    depthwise="_depthwise_conv _bn1",
    reduce="_se_reduce",
    gate="_se_expand",
    project="_project_conv _bn2",
    head="_conv_head _bn1",
    classifier="_fc",
)
_TIMM = _pairs(
    stem="conv_stem bn1",
    depthwise="conv_dw bn1",
    reduce="se.conv_reduce",
    gate="se.conv_expand",
    project="conv_pw bn2",
    pointwise="conv_pw bn2",
    head="conv_head bn2",
    classifier="classifier",
)
_TIMM_EXPANDING = _TIMM | _pairs(expand="conv_pw bn1", depthwise="conv_dw bn2", project="conv_pwl bn3")
_RESNET = _pairs(
    stem="conv1 bn1",
    narrow="conv1 bn1",
    spatial="conv2 bn2",
    project="conv3 bn3",
    shortcut="downsample.0 downsample.1",
    classifier="fc",
)


def efficientnet_pytorch(place: Place) -> str:
    """Return the path of a module in EfficientNet-PyTorch's network."""
    return _of_table(place, _PYTORCH, f"_blocks.{place.block}")


def timm(place: Place) -> str:
    """Return the path of a module in timm's and geffnet's network."""
    return _of_table(
        place, _TIMM_EXPANDING if place.expands else _TIMM, f"blocks.{place.stage}.{place.index}"
    )


def resnet(place: Place) -> str:
    """Return the path of a module in torchvision's and timm's ResNet."""
    return _of_table(place, _RESNET, f"layer{place.stage + 1}.{place.index}")


def _of_table(place: Place, names: Names, block: str) -> str:
    name = names[place.part, place.norm]
    return name if place.stage < 0 else f"{block}.{name}"


def torchvision(place: Place) -> str:
    """Return the path of a module in torchvision's EfficientNet."""
    squeeze = place.expands + 1
    inside = {
        Part.REDUCE: f"{squeeze}.fc1",
        Part.GATE: f"{squeeze}.fc2",
        Part.PROJECT: f"{squeeze + place.squeezes}.{place.norm:d}",
    }
    block = f"features.{place.stage + 1}.{place.index}.block"
    return _by_position(place, head=place.stages + 1, block=block, inside=inside)


def mobilenet_v2(place: Place) -> str:
    """Return the path of a module in torchvision's MobileNetV2."""
    # All but the projection have an activation, hence a sequence of their own.
    inside = {Part.PROJECT: f"{place.expands + 1 + place.norm}"}
    block = f"features.{place.block + 1}.conv"
    return _by_position(place, head=place.block + 1, block=block, inside=inside)


def _by_position(place: Place, *, head: int, block: str, inside: dict[Part, str]) -> str:
    outside = {
        Part.STEM: f"features.0.{place.norm:d}",
        Part.HEAD: f"features.{head}.{place.norm:d}",
        Part.CLASSIFIER: "classifier.1",
    }
    if place.part in outside:
        return outside[place.part]
    begins = {Part.EXPAND: f"0.{place.norm:d}", Part.DEPTHWISE: f"{place.expands:d}.{place.norm:d}"}
    return f"{block}.{(begins | inside)[place.part]}"
