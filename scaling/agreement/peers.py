"""The other implementations as networks of one kind: built without dropout, imported only when asked for.

What a peer needs to be told (efficientnet-pytorch and Keras the image size, Keras the type) is told here.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from scaling.errors import ConfigError
from scaling.network.conventions import Peer
from scaling.network.rounding import choice
from scaling.weights import keras_state, set_keras_state

LayerLine = tuple[str, tuple[int, ...], int]
"""Name, output shape without the batch, and all weights, trained or not."""


TrainStep = Callable[[Tensor, Tensor], tuple[float, dict[str, Tensor]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherNetwork:
    """A network of another implementation, whatever it is made of.

    Args:
        params: trainable parameters.
        state: gives its weights by its own names.
        load: takes all of them, by its own names.
        logits: maps images (N, 3, H, W), values of order one, to logits (N, classes), in eval mode.
        train_step: maps such images and labels (N,) to the cross-entropy in train mode and every parameter's
            gradient by its own names.
        layers: its layers in order, where it counts layers as Keras does.
    """

    params: int
    state: Callable[[], Mapping[str, Tensor]]
    load: Callable[[Mapping[str, Tensor]], None]
    logits: Callable[[Tensor], Tensor]
    train_step: TrainStep
    layers: tuple[LayerLine, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Library:
    module: str
    package: str
    make: Callable[[Any, str, int], nn.Module] | None = None
    """Of (library, variant, image size); None for Keras, whose networks are no torch modules."""


def _torchvision(library: Any, variant: str, image_size: int) -> nn.Module:
    del image_size
    make = getattr(library.models, f"efficientnet_{variant}")
    model: nn.Module = make(weights=None, dropout=0.0, stochastic_depth_prob=0.0)
    return model


def _by_name(prefix: str, drop_path: str) -> Callable[[Any, str, int], nn.Module]:
    def make(library: Any, variant: str, image_size: int) -> nn.Module:
        del image_size
        name, off = f"{prefix}efficientnet_{variant}", {"drop_rate": 0.0, drop_path: 0.0}
        model: nn.Module = library.create_model(name, pretrained=False, **off)
        return model

    return make


def _efficientnet_pytorch(library: Any, variant: str, image_size: int) -> nn.Module:
    # Its padding is fixed when it is built, for one image size.
    model: nn.Module = library.EfficientNet.from_name(
        f"efficientnet-{variant}", image_size=image_size, dropout_rate=0.0, drop_connect_rate=0.0
    )
    return model


_GEFFNET_DROP, _TIMM_DROP = "drop_connect_rate", "drop_path_rate"
_LIBRARIES = {
    Peer.TORCHVISION: _Library(module="torchvision", package="torchvision", make=_torchvision),
    Peer.TIMM: _Library(module="timm", package="timm", make=_by_name("", _TIMM_DROP)),
    Peer.TIMM_TF: _Library(module="timm", package="timm", make=_by_name("tf_", _TIMM_DROP)),
    Peer.GEFFNET: _Library(module="geffnet", package="geffnet", make=_by_name("", _GEFFNET_DROP)),
    Peer.GEFFNET_TF: _Library(module="geffnet", package="geffnet", make=_by_name("tf_", _GEFFNET_DROP)),
    Peer.EFFICIENTNET_PYTORCH: _Library(
        module="efficientnet_pytorch", package="efficientnet-pytorch", make=_efficientnet_pytorch
    ),
    Peer.KERAS: _Library(module="keras", package="keras"),
}
PEERS = tuple(peer.value for peer in _LIBRARIES)
"""Every implementation that can be built here; the released code itself needs TensorFlow 1."""


def peer_installed(peer: str) -> bool:
    """Whether the library of a peer can be found; it is not imported.

    >>> peer_installed("tensorflow")
    Traceback (most recent call last):
    scaling.errors.ConfigError: peer 'tensorflow' cannot be built here; expected one of torchvision, timm, ...
    """
    return importlib.util.find_spec(_library(peer).module) is not None


def peer_version(peer: str) -> str | None:
    """Return the version of a peer's library, or None if it is not installed."""
    try:
        return version(_library(peer).package)
    except PackageNotFoundError:
        return None


def other_network(peer: str, variant: str, *, image_size: int, dtype: torch.dtype) -> OtherNetwork:
    """Build a peer's network on the CPU, dropout and stochastic depth off; load weights before you use it.

    Args:
        peer: one of `PEERS`.
        variant: b0 … b7.
        image_size: side of the images in pixels, at least 32.
        dtype: torch.float32 or torch.float64.

    Raises:
        ConfigError: the peer is unknown, not installed, or cannot be imported.
    """
    library = _library(peer)
    with peers_own_warnings():
        module = _imported(peer, library)
        if library.make is None:
            return _keras(module, variant, image_size, dtype)
        with torch.device("meta"):
            model = library.make(module, variant, image_size)
    return torch_network(model.to_empty(device="cpu").to(dtype).eval())


def _library(peer: str) -> _Library:
    if peer not in PEERS:
        raise ConfigError(f"peer {peer!r} cannot be built here; expected one of {', '.join(PEERS)}")
    return _LIBRARIES[choice(Peer, peer, "peer")]


def torch_network(model: nn.Module) -> OtherNetwork:
    """Return a torch module, in eval mode, as a network to compare with."""

    def load(state: Mapping[str, Tensor]) -> None:
        model.load_state_dict(dict(state))

    def train_step(images: Tensor, labels: Tensor) -> tuple[float, dict[str, Tensor]]:
        model.train().zero_grad()
        loss = functional.cross_entropy(model(images), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        model.eval()
        return float(loss.detach()), _gradients(model.named_parameters())

    return OtherNetwork(
        params=sum(parameter.numel() for parameter in model.parameters()),
        state=model.state_dict,
        load=load,
        logits=model,
        train_step=train_step,
    )


def _gradients(parameters: Iterable[tuple[str, Tensor]]) -> dict[str, Tensor]:
    return {name: parameter.grad for name, parameter in parameters if parameter.grad is not None}


def _keras(keras: Any, variant: str, image_size: int, dtype: torch.dtype) -> OtherNetwork:
    if keras.backend.backend() != "torch":
        raise ConfigError(f"Keras runs on {keras.backend.backend()}; set KERAS_BACKEND=torch")
    keras.backend.clear_session()  # or unnamed layers are numbered on from the network before
    make = getattr(keras.applications, f"EfficientNet{variant.upper()}")
    name = str(dtype).removeprefix("torch.")
    with _keras_type(keras, name):
        model = make(weights=None, input_shape=(image_size, image_size, 3), classifier_activation=None)

    def logits(images: Tensor) -> Tensor:
        # Its first layer divides by 255, and its channels come last.
        with _keras_type(keras, name):  # it casts inputs to the global type
            found: Tensor = model(images.permute(0, 2, 3, 1) * 255, training=False)
        return found

    def train_step(images: Tensor, labels: Tensor) -> tuple[float, dict[str, Tensor]]:
        for layer in model.layers:
            if isinstance(layer, keras.layers.Dropout):
                layer.rate = 0.0  # stochastic depth too: its networks take no rate for it
        with _keras_type(keras, name):
            logits = model(images.permute(0, 2, 3, 1) * 255, training=True)
        loss = functional.cross_entropy(logits, labels)
        loss.backward()  # type: ignore[no-untyped-call]
        variables = ((layer, one) for layer in model.layers for one in layer.trainable_weights)
        return float(loss.detach()), _gradients(
            (f"{layer.name}/{one.name}", one.value) for layer, one in variables
        )

    return OtherNetwork(
        params=sum(int(variable.value.numel()) for variable in model.trainable_weights),
        state=lambda: keras_state(model),
        load=lambda state: set_keras_state(model, state),
        logits=logits,
        train_step=train_step,
        layers=tuple(_layer_line(layer) for layer in model.layers),
    )


def _layer_line(layer: Any) -> LayerLine:
    shape = layer.output.shape if hasattr(layer, "output") else layer.batch_shape
    # Keras names the input after its class.
    name = "input" if layer.name == "input_layer" else layer.name
    return name, tuple(shape[1:]), layer.count_params()


@contextmanager
def _keras_type(keras: Any, name: str) -> Iterator[None]:
    """Build or run in a type of floats; Keras keeps it globally, so it is put back.

    Keras promotes float64 and float32 to float32, so its batch norm and pooling round to it whatever the
    type of the network; in here they keep their type.
    """
    narrowed = importlib.import_module("keras.src.backend.common.dtypes").BIT64_TO_BIT32_DTYPE
    kept = narrowed.pop("float64", None) if name == "float64" else None
    floats, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx(name)
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_floatx(floats)
        keras.config.set_dtype_policy(policy)
        if kept is not None:
            narrowed["float64"] = kept


@contextmanager
def peers_own_warnings() -> Iterator[None]:
    """Let pass what peers themselves are known to warn of; nothing of ours is in here."""
    with warnings.catch_warnings():
        # geffnet scripts its activations when it is imported.
        warnings.filterwarnings(
            "ignore", message="`torch.jit.script` is deprecated", category=DeprecationWarning
        )
        yield


def _imported(peer: str, library: _Library) -> Any:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    if not peer_installed(peer):
        raise ConfigError(f"peer {peer} is not installed; expected the package {library.package}")
    try:
        declare_torchvision_operators()
        return importlib.import_module(library.module)
    except (ImportError, RuntimeError) as error:
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise ConfigError(f"peer {peer} cannot be imported: {first}") from None


_DECLARED: list[torch.library.Library] = []
"""Kept, for operators go with the library that declared them."""


def declare_torchvision_operators() -> None:
    """Let a torchvision wheel built for CUDA be imported beside a CPU torch.

    Its compiled part then cannot be loaded, and the operators that it would register are missing when its
    Python part refers to them.
    """
    found = importlib.util.find_spec("torchvision")
    if found is None or not found.submodule_search_locations or hasattr(torch.ops.torchvision, "nms"):
        return
    for compiled in Path(found.submodule_search_locations[0]).glob("_C*.so"):
        try:
            torch.ops.load_library(str(compiled))  # type: ignore[no-untyped-call]
            return
        except (ImportError, OSError):
            continue
    library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")  # type: ignore[no-untyped-call]
    _DECLARED.append(library)
