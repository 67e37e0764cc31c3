"""EfficientNet-PyTorch's module names: `_blocks.1._expand_conv` and so on, blocks numbered through.

efficientnet-lite-pytorch has the same names. Source: efficientnet_pytorch/model.py.
"""

from __future__ import annotations

from scaling.weights.places import Part, Place

_OUTSIDE = {
    (Part.STEM, False): "_conv_stem",
    (Part.STEM, True): "_bn0",
    (Part.HEAD, False): "_conv_head",
    (Part.HEAD, True): "_bn1",
    (Part.CLASSIFIER, False): "_fc",
}
_INSIDE = {
    (Part.EXPAND, False): "_expand_conv",
    (Part.EXPAND, True): "_bn0",
    (Part.DEPTHWISE, False): "_depthwise_conv",
    (Part.DEPTHWISE, True): "_bn1",
    (Part.REDUCE, False): "_se_reduce",
    (Part.GATE, False): "_se_expand",
    (Part.PROJECT, False): "_project_conv",
    (Part.PROJECT, True): "_bn2",
}


def module_of(place: Place) -> str:
    """Return the path of a module in EfficientNet-PyTorch's network.

    >>> module_of(Place(module="stem.conv", part=Part.STEM, norm=False, stages=7))
    '_conv_stem'
    """
    key = (place.part, place.norm)
    return _OUTSIDE[key] if key in _OUTSIDE else f"_blocks.{place.block}.{_INSIDE[key]}"
