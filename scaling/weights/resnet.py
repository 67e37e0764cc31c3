"""The module names of ResNets in torchvision, which timm shares: `layer1.0.downsample.0` and so on.

Source: torchvision/models/resnet.py; timm/models/resnet.py.
"""

from __future__ import annotations

from scaling.weights.places import Part, Place

_INSIDE = {
    (Part.NARROW, False): "conv1",
    (Part.NARROW, True): "bn1",
    (Part.SPATIAL, False): "conv2",
    (Part.SPATIAL, True): "bn2",
    (Part.PROJECT, False): "conv3",
    (Part.PROJECT, True): "bn3",
    (Part.SHORTCUT, False): "downsample.0",
    (Part.SHORTCUT, True): "downsample.1",
}


def module_of(place: Place) -> str:
    """Return the path of a module in torchvision's and timm's ResNet.

    >>> module_of(Place(module="stem.norm", part=Part.STEM, norm=True, stages=4))
    'bn1'
    """
    if place.part == Part.STEM:
        return "bn1" if place.norm else "conv1"
    if place.part == Part.CLASSIFIER:
        return "fc"
    return f"layer{place.stage + 1}.{place.index}.{_INSIDE[place.part, place.norm]}"
