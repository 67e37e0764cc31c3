"""Keras's layer names, axes and weight files: `block2a_expand_conv/kernel` and so on.

Keras counts no batches, and its normalization layer (mean and variance of the image) has no part in our
network: it is passed over on import, and as fresh (0, 1, 0) on export. h5py is imported when a file is.

Source: keras/applications/efficientnet.py; keras/src/saving/saving_lib.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scaling.errors import WeightsError
from scaling.network.architecture import ArchitectureSpec
from scaling.network.decomposition import block_letters
from scaling.weights.places import Part, Place, places

NORMALIZATION = "normalization"
_VARIABLES = {
    "Conv2D": ("kernel", "bias"),
    "DepthwiseConv2D": ("kernel", "bias"),
    "Dense": ("kernel", "bias"),
    "BatchNormalization": ("gamma", "beta", "moving_mean", "moving_variance"),
}
_OUTSIDE = {
    (Part.STEM, False): "stem_conv",
    (Part.STEM, True): "stem_bn",
    (Part.HEAD, False): "top_conv",
    (Part.HEAD, True): "top_bn",
    (Part.CLASSIFIER, False): "predictions",
}
_INSIDE = {
    (Part.EXPAND, False): "expand_conv",
    (Part.EXPAND, True): "expand_bn",
    (Part.DEPTHWISE, False): "dwconv",
    (Part.DEPTHWISE, True): "bn",
    (Part.REDUCE, False): "se_reduce",
    (Part.GATE, False): "se_expand",
    (Part.PROJECT, False): "project_conv",
    (Part.PROJECT, True): "project_bn",
}
_NORM = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}


def module_of(place: Place) -> str:
    """Return the name of a layer in Keras's network.

    >>> module_of(Place(module="stem.norm", part=Part.STEM, norm=True, stages=7))
    'stem_bn'
    """
    key = (place.part, place.norm)
    if key in _OUTSIDE:
        return _OUTSIDE[key]
    return f"block{place.stage + 1}{block_letters(place.index)}_{_INSIDE[key]}"


def variable_of(place: Place, tensor: str) -> str | None:
    """Return Keras's name of a layer's tensor, or None for one that Keras does not keep."""
    if place.norm:
        return _NORM.get(tensor)
    return {"weight": "kernel", "bias": "bias"}[tensor]


def from_keras(place: Place, values: Tensor) -> Tensor:
    """Turn a tensor from Keras's order of axes into torch's."""
    if place.norm or values.ndim == 1:
        return values
    if values.ndim == 2:
        return values.T
    return values.permute(2, 3, 0, 1) if place.part == Part.DEPTHWISE else values.permute(3, 2, 0, 1)


def to_keras(place: Place, values: Tensor) -> Tensor:
    """Turn a tensor from torch's order of axes into Keras's."""
    if place.norm or values.ndim == 1:
        return values
    if values.ndim == 2:
        return values.T
    return values.permute(2, 3, 0, 1) if place.part == Part.DEPTHWISE else values.permute(2, 3, 1, 0)


def is_ignored(name: str) -> bool:
    """Whether an entry is Keras's own and belongs to no tensor of ours."""
    return name.startswith(f"{NORMALIZATION}/")


def keras_state(model: Any) -> dict[str, Tensor]:
    """Return the weights of a built Keras model by `layer/variable`, in Keras's axes.

    Args:
        model: a `keras.Model`, on any backend.
    """
    return {
        f"{layer.name}/{variable.name}": _values(variable.value)
        for layer in model.layers
        for variable in layer.weights
    }


def _values(value: Any) -> Tensor:
    """Copy what a Keras variable holds: a torch tensor on that backend, else something like an array."""
    return value.detach().cpu().clone() if isinstance(value, Tensor) else torch.from_numpy(np.array(value))


def set_keras_state(model: Any, state: Mapping[str, Tensor]) -> None:
    """Put exported weights into a built Keras model; its normalization layer stays as it is.

    Raises:
        WeightsError: the names differ; nothing is then changed.
    """
    wanted = {
        layer.name: [f"{layer.name}/{variable.name}" for variable in layer.weights]
        for layer in model.layers
        if layer.weights and layer.name != NORMALIZATION
    }
    names = {name for members in wanted.values() for name in members}
    if names != set(state):
        odd = ", ".join(sorted(names ^ set(state))[:8])
        raise WeightsError(f"the Keras model and the weights differ in {odd}")
    for layer, members in wanted.items():
        model.get_layer(layer).set_weights([state[name].detach().cpu().numpy() for name in members])


def read_h5(path: Path) -> dict[str, Tensor]:
    """Read a `.weights.h5` file by the layer names that Keras notes in it, or an `.h5` file of Keras 2.

    Raises:
        WeightsError: h5py is missing, or the file is not such a file.
    """
    h5py = _h5py(path)
    try:
        with h5py.File(path, "r") as file:
            return _by_layer(file["layers"]) if "layers" in file else _by_path(h5py, file)
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise WeightsError(
            f"{path} is not a .weights.h5 file with layer names, as Keras 3 writes them: {error}"
        ) from None


def _by_layer(layers: Mapping[str, Any]) -> dict[str, Tensor]:
    """Read `layers/conv2d_1/vars/0`: folders are numbered by class, the layer's name is an attribute."""
    state = {}
    for folder, group in layers.items():
        values, kind = group["vars"], _kind(folder)
        if kind not in _VARIABLES or not len(values):
            continue
        layer = str(values.attrs["name"])
        for index, variable in enumerate(_VARIABLES[kind][: len(values)]):
            state[f"{layer}/{variable}"] = torch.from_numpy(np.array(values[str(index)]))
    return state


def _by_path(h5py: Any, file: Any) -> dict[str, Tensor]:
    """Read `stem_conv/stem_conv/kernel:0` (Keras 2): names are the paths themselves."""
    state: dict[str, Tensor] = {}

    def keep(path: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            layer, variable = path.split("/")[-2:]
            state[f"{layer}/{variable.removesuffix(':0')}"] = torch.from_numpy(np.array(item))

    file.visititems(keep)
    return state


def write_h5(path: Path, spec: ArchitectureSpec, state: Mapping[str, Tensor]) -> None:
    """Write a `.weights.h5` file that Keras's `load_weights` takes; the image's normalization is left fresh.

    Raises:
        WeightsError: h5py is missing.
    """
    h5py, used = _h5py(path), dict[str, int]()
    with h5py.File(path, "w") as file:
        fresh = file.create_group(f"layers/{NORMALIZATION}/vars")
        fresh.attrs["name"] = NORMALIZATION
        channels = spec.in_channels
        _write_variables(fresh, [np.zeros(channels, "f4"), np.ones(channels, "f4"), np.zeros((), "i4")])
        for place in places(spec):
            layer, kind = module_of(place), _kind_of(place)
            folder = _FOLDERS[kind] + (f"_{used[kind]}" if used.get(kind) else "")
            used[kind] = used.get(kind, 0) + 1
            group = file.create_group(f"layers/{folder}/vars")
            group.attrs["name"] = layer
            names = [f"{layer}/{variable}" for variable in _VARIABLES[kind]]
            _write_variables(group, [state[name].detach().cpu().numpy() for name in names if name in state])


def _write_variables(group: Any, values: Iterable[Any]) -> None:
    for index, value in enumerate(values):
        group.create_dataset(str(index), data=value)


_FOLDERS = {
    "Conv2D": "conv2d",
    "DepthwiseConv2D": "depthwise_conv2d",
    "Dense": "dense",
    "BatchNormalization": "batch_normalization",
}


def _kind(folder: str) -> str | None:
    """Return the class whose layers lie in `conv2d`, `conv2d_1` and so on."""
    stem, _, number = folder.rpartition("_")
    name = stem if number.isdigit() else folder
    return {folder: kind for kind, folder in _FOLDERS.items()}.get(name)


def _kind_of(place: Place) -> str:
    if place.norm:
        return "BatchNormalization"
    if place.part == Part.CLASSIFIER:
        return "Dense"
    return "DepthwiseConv2D" if place.part == Part.DEPTHWISE else "Conv2D"


def _h5py(path: Path) -> Any:
    try:
        import h5py  # noqa: PLC0415  only Keras's files need it
    except ImportError:
        raise WeightsError(f"{path} needs the package h5py: pip install h5py") from None
    return h5py
