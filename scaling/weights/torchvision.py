"""torchvision's module names: `features.2.0.block.1.0` and so on, all by position within the block.

Source: torchvision/models/efficientnet.py.
"""

from __future__ import annotations

from scaling.weights.places import Part, Place


def module_of(place: Place) -> str:
    """Return the path of a module in torchvision's network.

    >>> module_of(Place(module="stem.conv", part=Part.STEM, norm=False, stages=7))
    'features.0.0'
    """
    norm = int(place.norm)
    if place.part == Part.STEM:
        return f"features.0.{norm}"
    if place.part == Part.HEAD:
        return f"features.{place.stages + 1}.{norm}"
    if place.part == Part.CLASSIFIER:
        return "classifier.1"
    # A block is a sequence that leaves out what it does not have.
    depthwise = int(place.expands)
    squeeze = depthwise + 1
    project = squeeze + int(place.squeezes)
    inside = {
        Part.EXPAND: f"0.{norm}",
        Part.DEPTHWISE: f"{depthwise}.{norm}",
        Part.REDUCE: f"{squeeze}.fc1",
        Part.GATE: f"{squeeze}.fc2",
        Part.PROJECT: f"{project}.{norm}",
    }[place.part]
    return f"features.{place.stage + 1}.{place.index}.block.{inside}"
