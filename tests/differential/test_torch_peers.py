"""torchvision, timm, geffnet and efficientnet-pytorch: same tensors, same counts, same outputs."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from peer_networks import OFFICIAL, TORCH_PEERS, Peer, learned_tensors, shapes
from torch import nn

from scaling import build_model, count_cost, variant
from scaling.cost.traced import count_with_torch
from scaling.model import Numerics, Padding

pytestmark = pytest.mark.peers


def name_of(peer: Peer) -> str:
    return peer.name


PEERS = pytest.mark.parametrize("peer", TORCH_PEERS, ids=name_of)
# tensorflow/tpu released b8 and l2 as well; of the peers timm holds both.
BEYOND = [(peer, name) for peer in TORCH_PEERS if peer.name == "timm-tf" for name in ("b8", "l2")]


@PEERS
@pytest.mark.parametrize("name", OFFICIAL)
def test_params_macs_and_the_shape_of_every_tensor_in_order(peer: Peer, name: str) -> None:
    theirs, spec = peer.build(name), variant(name)
    cost, image = count_cost(spec), (1, 3, spec.image_size, spec.image_size)
    assert sum(parameter.numel() for parameter in theirs.parameters()) == cost.params
    assert count_with_torch(theirs, image) == 2 * cost.macs
    assert shapes(theirs) == shapes(build_model(spec, device="meta"))


@pytest.mark.parametrize(("peer", "name"), BEYOND, ids=["b8", "l2"])
def test_b8_and_l2_too(peer: Peer, name: str) -> None:
    test_params_macs_and_the_shape_of_every_tensor_in_order(peer, name)


@pytest.mark.parametrize("peer", [peer for peer in TORCH_PEERS if peer.image_size], ids=name_of)
@pytest.mark.parametrize("name", OFFICIAL)
def test_native_image_sizes(peer: Peer, name: str) -> None:
    assert peer.native_image_size(name) == variant(name).image_size


@pytest.mark.parametrize("peer", [peer for peer in TORCH_PEERS if peer.any_image_size], ids=name_of)
@pytest.mark.parametrize("size", [64, 97])
def test_odd_and_even_image_sizes_count_the_same(peer: Peer, size: int) -> None:
    theirs, spec = peer.build("b0"), replace(variant("b0"), image_size=size)
    assert count_with_torch(theirs, (1, 3, size, size)) == 2 * count_cost(spec).macs


@PEERS
@pytest.mark.parametrize("name", ["b0", "b5"])
@torch.no_grad()
def test_the_same_weights_give_the_same_logits(peer: Peer, name: str) -> None:
    theirs, numerics = peer.build(name, device="cpu"), peer.numerics(name)
    weights = shaken_weights(build_model(variant(name), seed=7))
    for tensor, values in zip(learned_tensors(theirs), weights, strict=True):
        tensor.copy_(values)
    side = 96 if peer.any_image_size else variant(name).image_size
    images = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(8))
    expected = theirs(images)
    other = Padding.SYMMETRIC if numerics.padding == Padding.SAME else Padding.SAME
    same, shifted = (
        with_weights(weights, name, each)(images) for each in (numerics, replace(numerics, padding=other))
    )
    assert (same - expected).abs().max() < 1e-3 * expected.std()
    # The comparison can fail: the other padding moves maps by a pixel.
    assert (shifted - expected).abs().max() > 1e-1 * expected.std()


def shaken_weights(model: nn.Module) -> list[torch.Tensor]:
    """Give batch norm means, variances, scales and shifts of their own: fresh ones, 0 and 1, hide a swap."""
    generator = torch.Generator().manual_seed(9)
    for tensor in learned_tensors(model):
        if tensor.ndim == 1:
            tensor.add_(torch.rand(tensor.shape, generator=generator) * 0.5)
    return learned_tensors(model)


def with_weights(weights: list[torch.Tensor], name: str, numerics: Numerics) -> nn.Module:
    ours = build_model(variant(name), numerics=numerics).eval()
    for tensor, values in zip(learned_tensors(ours), weights, strict=True):
        tensor.copy_(values)
    return ours
