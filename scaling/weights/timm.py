"""timm's module names, which geffnet shares: `blocks.1.0.conv_pw` and so on.

A trap: `conv_pw` is the projection in a block without expansion, and the expansion in every other, whose
projection is `conv_pwl`; the norms count from 1 in the order of the block.

Source: timm/models/_efficientnet_blocks.py (DepthwiseSeparableConv, InvertedResidual); geffnet the same.
"""

from __future__ import annotations

from scaling.weights.places import Part, Place

_OUTSIDE = {
    (Part.STEM, False): "conv_stem",
    (Part.STEM, True): "bn1",
    (Part.HEAD, False): "conv_head",
    (Part.HEAD, True): "bn2",
    (Part.CLASSIFIER, False): "classifier",
}
_SQUEEZE = {(Part.REDUCE, False): "se.conv_reduce", (Part.GATE, False): "se.conv_expand"}
_WITHOUT_EXPANSION = _SQUEEZE | {
    (Part.DEPTHWISE, False): "conv_dw",
    (Part.DEPTHWISE, True): "bn1",
    (Part.PROJECT, False): "conv_pw",
    (Part.PROJECT, True): "bn2",
}
_WITH_EXPANSION = _SQUEEZE | {
    (Part.EXPAND, False): "conv_pw",
    (Part.EXPAND, True): "bn1",
    (Part.DEPTHWISE, False): "conv_dw",
    (Part.DEPTHWISE, True): "bn2",
    (Part.PROJECT, False): "conv_pwl",
    (Part.PROJECT, True): "bn3",
}


def module_of(place: Place) -> str:
    """Return the path of a module in timm's and geffnet's network.

    >>> module_of(Place(module="head.norm", part=Part.HEAD, norm=True, stages=7))
    'bn2'
    """
    key = (place.part, place.norm)
    if key in _OUTSIDE:
        return _OUTSIDE[key]
    inside = _WITH_EXPANSION if place.expands else _WITHOUT_EXPANSION
    return f"blocks.{place.stage}.{place.index}.{inside[key]}"
