"""Our tensor names beside each source's: a bijection that follows from the spec alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from torch import Tensor

from scaling.errors import WeightsError
from scaling.network.architecture import ArchitectureSpec, BlockKind
from scaling.weights import keras, module_names
from scaling.weights.places import Place, places


class WeightsSource(StrEnum):
    """Whose names the tensors carry."""

    OWN = "own"
    TORCHVISION = "torchvision"
    TIMM = "timm"
    TIMM_TF = "timm-tf"
    GEFFNET = "geffnet"
    GEFFNET_TF = "geffnet-tf"
    EFFICIENTNET_PYTORCH = "efficientnet-pytorch"
    KERAS = "keras"


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorName:
    """One tensor under our name and the source's, None where that keeps no such tensor.

    An optional one may be missing: a count of batches, which only resumed training could use.
    """

    own: str
    theirs: str | None
    place: Place
    optional: bool


_MODULES: dict[WeightsSource, Callable[[Place], str]] = {
    WeightsSource.OWN: lambda place: place.module,
    WeightsSource.TORCHVISION: module_names.torchvision,
    WeightsSource.TIMM: module_names.timm,
    WeightsSource.TIMM_TF: module_names.timm,
    WeightsSource.GEFFNET: module_names.timm,
    WeightsSource.GEFFNET_TF: module_names.timm,
    WeightsSource.EFFICIENTNET_PYTORCH: module_names.efficientnet_pytorch,
    WeightsSource.KERAS: lambda place: place.layer,
}
_RESNETS = (WeightsSource.TORCHVISION, WeightsSource.TIMM)
_SEPARABLE = (WeightsSource.TIMM, WeightsSource.TIMM_TF, WeightsSource.GEFFNET, WeightsSource.GEFFNET_TF)
"""Whose depthwise-separable blocks are named as their MBConv without expansion."""


def _scheme(spec: ArchitectureSpec, source: WeightsSource) -> Callable[[Place], str]:
    """Return how a source names the modules of such a network."""
    kinds = {stage.kind for stage in spec.stages}
    if source == WeightsSource.OWN:
        return _MODULES[source]
    if kinds == {BlockKind.BOTTLENECK} and source in _RESNETS and not spec.head.out_channels:
        return module_names.resnet
    allowed = {BlockKind.MBCONV, BlockKind.SEPARABLE} if source in _SEPARABLE else {BlockKind.MBCONV}
    if not kinds <= allowed:
        blocks = " and ".join(sorted(kinds - allowed))
        raise WeightsError(
            f"{source.value} has no names for a network like {spec.name}, with {blocks} blocks"
        )
    if source == WeightsSource.TORCHVISION and not any(stage.se_ratio for stage in spec.stages):
        return module_names.mobilenet_v2  # its EfficientNets all have squeeze-excitation
    return _MODULES[source]


def tensor_names(spec: ArchitectureSpec, source: WeightsSource) -> tuple[TensorName, ...]:
    """Return every tensor of a network under our name and the source's, in the order of the state dict.

    Raises:
        WeightsError: the source names no network of such blocks.

    >>> from scaling import variant
    >>> names = tensor_names(variant("b0"), WeightsSource.TIMM)
    >>> [name.theirs for name in names if name.own == "stages.0.0.project.conv.weight"]
    ['blocks.0.0.conv_pw.weight']
    """
    module_of = _scheme(spec, source)
    return tuple(
        TensorName(
            own=f"{place.module}.{tensor}",
            theirs=_their_name(module_of(place), place, tensor, source),
            place=place,
            optional=tensor == "num_batches_tracked",
        )
        for place in places(spec)
        for tensor in place.tensors()
    )


def _their_name(module: str, place: Place, tensor: str, source: WeightsSource) -> str | None:
    if source != WeightsSource.KERAS:
        return f"{module}.{tensor}"
    variable = keras.variable_of(place, tensor)
    return None if variable is None else f"{module}/{variable}"


def to_own(name: TensorName, values: Tensor, source: WeightsSource) -> Tensor:
    """Turn a source's tensor into our order of axes."""
    return keras.from_keras(name.place, values) if source == WeightsSource.KERAS else values


def to_theirs(name: TensorName, values: Tensor, source: WeightsSource) -> Tensor:
    """Turn a tensor of ours into the source's order of axes."""
    return keras.to_keras(name.place, values) if source == WeightsSource.KERAS else values


def is_ignored(name: str, source: WeightsSource) -> bool:
    """Whether an entry of a source belongs to no tensor of ours, and is known to."""
    return source == WeightsSource.KERAS and keras.is_ignored(name)
