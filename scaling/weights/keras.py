"""Keras's layer names, axes and weight files: `block2a_expand_conv/kernel` and so on.

Keras counts no batches, and its normalization layer (mean and variance of the image) has no part in our
network: it is passed over on import, and as fresh (0, 1, 0) on export. h5py is imported when a file is.

Source: keras/applications/efficientnet.py; keras/src/saving/saving_lib.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scaling.errors import WeightsError, printable
from scaling.network.architecture import ArchitectureSpec
from scaling.network.operation import OperationKind
from scaling.weights.places import Place, places

NORMALIZATION = "normalization"
MOST_RATIO = 100
"""Bytes of tensors over those of their file; weights hardly compress."""
_FOLDERS = {
    OperationKind.CONVOLUTION: "conv2d",
    OperationKind.DEPTHWISE: "depthwise_conv2d",
    OperationKind.LINEAR: "dense",
}
_NORM_FOLDER = "batch_normalization"
_VARIABLES = dict.fromkeys(_FOLDERS.values(), ("kernel", "bias")) | {
    _NORM_FOLDER: ("gamma", "beta", "moving_mean", "moving_variance")
}
"""Of the layers of a class, by the folder of a file that they lie in."""
_NORM = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}


def variable_of(place: Place, tensor: str) -> str | None:
    """Return Keras's name of a layer's tensor, or None for one that Keras does not keep."""
    if place.norm:
        return _NORM.get(tensor)
    return {"weight": "kernel", "bias": "bias"}[tensor]


def from_keras(place: Place, values: Tensor) -> Tensor:
    """Turn a tensor from Keras's order of axes into torch's."""
    return _permuted(values, (2, 3, 0, 1) if place.kind == OperationKind.DEPTHWISE else (3, 2, 0, 1))


def to_keras(place: Place, values: Tensor) -> Tensor:
    """Turn a tensor from torch's order of axes into Keras's."""
    return _permuted(values, (2, 3, 0, 1) if place.kind == OperationKind.DEPTHWISE else (2, 3, 1, 0))


def _permuted(values: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Order the axes of a kernel; a matrix is transposed, a vector stays."""
    match values.ndim:
        case 2:
            return values.T
        case 4:
            return values.permute(axes)
        case _:
            return values


def is_ignored(name: str) -> bool:
    """Whether an entry is Keras's own and belongs to no tensor of ours."""
    return name.startswith(f"{NORMALIZATION}/")


def keras_state(model: Any) -> dict[str, Tensor]:
    """Return the weights of a built `keras.Model`, on any backend, by `layer/variable`, in Keras's axes."""
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
        WeightsError: h5py is missing, or the file is not such a file, or it takes data from elsewhere.
    """
    h5py = _h5py(path)
    try:
        with h5py.File(path, "r") as file:
            if (declared := _own_bytes(h5py, file)) > path.stat().st_size * MOST_RATIO:
                raise ValueError(f"it declares {declared:,} bytes of tensors, more than it can hold")
            return _by_layer(file["layers"]) if "layers" in file else _by_path(h5py, file)
    except (OSError, LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        reason = printable(str(error), 300)
        raise WeightsError(
            f"{path} is not a .weights.h5 file with layer names, as Keras 3 writes them: {reason}"
        ) from None


def _own_bytes(h5py: Any, file: Any) -> int:
    """Return the bytes that a file declares in all, before anything of it is read.

    Raises:
        ValueError: something in it lies in another file, or is a link; such a file could copy any other one.
    """
    found, left, seen = 0, [file], set()
    while left:
        item = left.pop()
        address = h5py.h5o.get_info(item.id).addr
        if isinstance(item, h5py.Dataset):
            if item.external or item.is_virtual:
                raise ValueError(f"{item.name} has its values in another file")
            found += item.size * item.dtype.itemsize
        elif isinstance(item, h5py.Group) and address not in seen:
            seen.add(address)
            for name in item:
                if not isinstance(item.get(name, getlink=True), h5py.HardLink):
                    raise ValueError(f"{item.name.rstrip('/')}/{name} is a link")
                left.append(item[name])
    return found


def _by_layer(layers: Mapping[str, Any]) -> dict[str, Tensor]:
    """Read `layers/conv2d_1/vars/0`: folders are numbered by class, the layer's name is an attribute."""
    state = {}
    for folder, group in layers.items():
        values, kind = group["vars"], re.sub(r"_\d+$", "", folder)
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
            kind = _NORM_FOLDER if place.norm else _FOLDERS[place.kind]
            number = used.get(kind, 0)
            used[kind] = number + 1
            group = file.create_group(f"layers/{kind}_{number}/vars" if number else f"layers/{kind}/vars")
            group.attrs["name"] = place.layer
            names = [f"{place.layer}/{variable}" for variable in _VARIABLES[kind]]
            _write_variables(group, [state[name].detach().cpu().numpy() for name in names if name in state])


def _write_variables(group: Any, values: Iterable[Any]) -> None:
    for index, value in enumerate(values):
        group.create_dataset(str(index), data=value)


def _h5py(path: Path) -> Any:
    try:
        import h5py  # noqa: PLC0415  only Keras's files need it
    except ImportError:
        raise WeightsError(f"{path} needs the package h5py: pip install h5py") from None
    return h5py
