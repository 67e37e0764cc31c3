"""torchvision's module names of MobileNetV2: `features.2.conv.1.0`, by position in network and block.

Source: torchvision/models/mobilenetv2.py.
"""

from __future__ import annotations

from scaling.weights.places import Part, Place


def module_of(place: Place) -> str:
    """Return the path of a module in torchvision's MobileNetV2.

    >>> module_of(Place(module="stem.conv", part=Part.STEM, norm=False, stages=7))
    'features.0.0'
    """
    norm = int(place.norm)
    if place.part == Part.STEM:
        return f"features.0.{norm}"
    if place.part == Part.HEAD:
        return f"features.{place.block + 1}.{norm}"
    if place.part == Part.CLASSIFIER:
        return "classifier.1"
    # All but the projection have an activation, hence a sequence of their own.
    depthwise = int(place.expands)
    inside = {
        Part.EXPAND: f"0.{norm}",
        Part.DEPTHWISE: f"{depthwise}.{norm}",
        Part.PROJECT: f"{depthwise + 1 + norm}",
    }[place.part]
    return f"features.{place.block + 1}.conv.{inside}"
