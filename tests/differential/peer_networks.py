"""Other people's EfficientNets, built on the meta device where they can be: the peers of this package.

A peer that is not installed skips its tests; with SCALING_REQUIRE_PEERS=1 it fails them.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

from scaling.agreement.peers import declare_torchvision_operators, peers_own_warnings
from scaling.model import TENSORFLOW, TORCHVISION, Numerics

os.environ.setdefault("KERAS_BACKEND", "torch")
OFFICIAL = tuple(f"b{number}" for number in range(8))


def import_peer(name: str) -> ModuleType:
    """Import a peer, or skip (or, where peers are required, fail) the test with the reason."""
    try:
        declare_torchvision_operators()
        with peers_own_warnings():
            return importlib.import_module(name)
    except ImportError as error:
        reason = f"peer {name} is not installed ({error}); .ci/install-peers installs it"
        if os.environ.get("SCALING_REQUIRE_PEERS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One implementation: how to build a variant of it, and the numerics that it uses."""

    name: str
    module: str
    make: Callable[[Any, str], nn.Module]
    numerics: Callable[[str], Numerics]
    image_size: Callable[[Any, str], int] | None = None
    any_image_size: bool = True

    def build(self, variant: str, *, device: str = "meta") -> nn.Module:
        library = import_peer(self.module)
        with peers_own_warnings(), torch.device(device):
            return self.make(library, variant).eval()

    def native_image_size(self, variant: str) -> int | None:
        """The side that the peer itself names for a variant, where it names one."""
        return None if self.image_size is None else self.image_size(import_peer(self.module), variant)


def _torchvision(library: Any, variant: str) -> nn.Module:
    model: nn.Module = getattr(library.models, f"efficientnet_{variant}")(weights=None)
    return model


def _torchvision_numerics(variant: str) -> Numerics:
    # torchvision/models/efficientnet.py gives b5, b6 and b7 TensorFlow's batch norm.
    if variant in ("b5", "b6", "b7"):
        return replace(TORCHVISION, batch_norm_epsilon=1e-3, batch_norm_momentum=0.01)
    return TORCHVISION


def _by_name(prefix: str) -> Callable[[Any, str], nn.Module]:
    def make(library: Any, variant: str) -> nn.Module:
        model: nn.Module = library.create_model(f"{prefix}efficientnet_{variant}", pretrained=False)
        return model

    return make


def _timm_image_size(library: Any, variant: str) -> int:
    sizes = library.get_pretrained_cfg(f"tf_efficientnet_{variant}").input_size
    return int(sizes[-1])


def _efficientnet_pytorch(library: Any, variant: str) -> nn.Module:
    model: nn.Module = library.EfficientNet.from_name(f"efficientnet-{variant}")
    return model


def _efficientnet_pytorch_image_size(library: Any, variant: str) -> int:
    return int(library.EfficientNet.get_image_size(f"efficientnet-{variant}"))


TORCH_PEERS = (
    Peer(name="torchvision", module="torchvision", make=_torchvision, numerics=_torchvision_numerics),
    Peer(name="timm", module="timm", make=_by_name(""), numerics=lambda _: TORCHVISION),
    Peer(
        name="timm-tf",
        module="timm",
        make=_by_name("tf_"),
        numerics=lambda _: TENSORFLOW,
        image_size=_timm_image_size,
    ),
    Peer(name="geffnet", module="geffnet", make=_by_name(""), numerics=lambda _: TORCHVISION),
    Peer(name="geffnet-tf", module="geffnet", make=_by_name("tf_"), numerics=lambda _: TENSORFLOW),
    Peer(
        name="efficientnet-pytorch",
        module="efficientnet_pytorch",
        make=_efficientnet_pytorch,
        numerics=lambda _: TENSORFLOW,
        image_size=_efficientnet_pytorch_image_size,
        any_image_size=False,  # its padding is fixed when it is built, for the native size
    ),
)


def learned_tensors(module: nn.Module) -> list[torch.Tensor]:
    """Parameters and batch-norm statistics in the order of the state dict."""
    return [
        tensor for name, tensor in module.state_dict().items() if not name.endswith("num_batches_tracked")
    ]


def shapes(module: nn.Module) -> list[tuple[int, ...]]:
    return [tuple(tensor.shape) for tensor in learned_tensors(module)]


def keras_network(
    variant: str, *, include_top: bool = True, image_size: int | None = None, device: str = "cpu"
) -> Any:
    """Build a Keras EfficientNet on the torch backend: fresh weights, or on `meta` none, for counts."""
    keras = import_peer("keras")
    if keras.backend.backend() != "torch":
        pytest.skip(f"Keras runs on {keras.backend.backend()}; set KERAS_BACKEND=torch")
    keras.backend.clear_session()  # or unnamed layers are numbered on from the network before
    shape = None if image_size is None else (image_size, image_size, 3)
    with peers_own_warnings(), keras.device(device):
        return getattr(keras.applications, f"EfficientNet{variant.upper()}")(
            weights=None, include_top=include_top, input_shape=shape
        )


def torch_layout(kind: str, values: torch.Tensor) -> torch.Tensor:
    """Turn a Keras kernel into torch's order of axes; other tensors stay as they are."""
    if kind == "DepthwiseConv2D":
        return values.permute(2, 3, 0, 1)
    if kind == "Conv2D" and values.ndim == 4:
        return values.permute(3, 2, 0, 1)
    if kind == "Dense" and values.ndim == 2:
        return values.T
    return values


def keras_tensors(model: Any) -> list[torch.Tensor]:
    """Keras's weights in the order of its layers and torch's axes, without the normalization layer's."""
    return [
        torch_layout(type(layer).__name__, variable.value.detach())
        for layer in model.layers
        if type(layer).__name__ != "Normalization"
        for variable in layer.weights
    ]
