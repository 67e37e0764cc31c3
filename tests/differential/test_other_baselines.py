"""MobileNetV1, MobileNetV2 and ResNet-50 beside timm's and torchvision's: counts, tensors, names, logits."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import pytest
import torch
from peer_networks import import_peer, learned_tensors, peers_own_warnings, shapes
from torch import nn

from scaling import build_model, count_cost, export_weights, load_weights
from scaling.cost.traced import count_with_torch
from scaling.model import TORCHVISION
from scaling.network.baselines import BASELINES
from scaling.weights.schemes import WeightsSource, tensor_names

pytestmark = pytest.mark.peers


def _torchvision(name: str) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        models: Any = importlib.import_module("torchvision.models")
        made: nn.Module = getattr(models, name)(weights=None)
        return made

    return make


def _timm(name: str) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        made: nn.Module = importlib.import_module("timm").create_model(name, pretrained=False)
        return made

    return make


PEERS = [
    ("mobilenetv1", "timm", _timm("mobilenetv1_100")),
    ("mobilenetv2", "torchvision", _torchvision("mobilenet_v2")),
    ("mobilenetv2", "timm", _timm("mobilenetv2_100")),
    ("resnet-50", "torchvision", _torchvision("resnet50")),
    ("resnet-50", "timm", _timm("resnet50")),
]


@pytest.mark.parametrize(("name", "peer", "make"), PEERS, ids=[f"{name}-{peer}" for name, peer, _ in PEERS])
@torch.no_grad()
def test_counts_tensors_names_and_logits(name: str, peer: str, make: Callable[[], nn.Module]) -> None:
    import_peer(peer)
    spec = BASELINES[name]
    with peers_own_warnings():
        theirs = make().eval().double()
    assert sum(parameter.numel() for parameter in theirs.parameters()) == count_cost(spec).params
    assert count_with_torch(theirs.float(), (1, 3, 224, 224)) == 2 * count_cost(spec).macs
    shake(theirs.double())
    ours = build_model(spec, numerics=TORCHVISION).eval().double()
    assert shapes(ours) == shapes(theirs)
    state = theirs.state_dict()
    assert {each.theirs for each in tensor_names(spec, WeightsSource(peer))} == set(state)
    load_weights(ours, state, source=peer)
    images = torch.randn(2, 3, 96, 96, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    expected = theirs(images)
    assert (ours(images) - expected).abs().max() <= 1e-9 * expected.abs().max()
    back = export_weights(ours, to=peer)
    assert all(torch.equal(back[key], value) for key, value in state.items())


def shake(model: nn.Module) -> None:
    """Give batch norm means, variances, scales and shifts of their own: fresh ones, 0 and 1, hide a swap."""
    generator = torch.Generator().manual_seed(9)
    for tensor in learned_tensors(model):
        if tensor.ndim == 1:
            tensor.add_(torch.rand(tensor.shape, generator=generator) * 0.5)
