"""Equal outputs: every variant of every peer, from random weights carried both ways; and training's loss."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from peer_networks import OFFICIAL, import_peer
from torch import Tensor, nn
from torch.nn import functional

from scaling import build_model, export_weights, load_weights, variant
from scaling.agreement import PEERS, TOLERANCE, OtherNetwork, compare, other_network, randomise, verify
from scaling.model import TENSORFLOW, EfficientNet, Padding, numerics_of
from scaling.weights import theirs_from_own

TORCH = tuple(peer for peer in PEERS if peer != "keras")
MODULES = {"efficientnet-pytorch": "efficientnet_pytorch", "timm-tf": "timm", "geffnet-tf": "geffnet"}


def required(peer: str) -> None:
    import_peer(MODULES.get(peer, peer))


@pytest.mark.peers
@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("number", range(8))
def test_logits_and_counts_agree(peer: str, number: int) -> None:
    """Odd and even sizes take turns, so that every peer sees both and every variant does."""
    required(peer)
    sizes = (64, 65) if number == 0 else (64 + (number + PEERS.index(peer)) % 2,)
    for size in sizes:
        found = verify(peer, OFFICIAL[number], image_size=size)
        assert found.params_equal
        assert found.macs_equal
        assert found.layers_equal is (True if peer == "keras" else None)
        assert found.max_relative_float64 <= TOLERANCE
        assert found.max_relative_float32 < 1e-2
        assert found.agrees


@pytest.mark.peers
@pytest.mark.parametrize("peer", TORCH)
@pytest.mark.parametrize("name", ["b0", "b1"])
def test_loss_gradients_and_statistics_of_a_training_step(peer: str, name: str) -> None:
    """Dropout and stochastic depth off in both."""
    required(peer)
    spec = replace(variant(name), dropout=0.0, stochastic_depth=0.0)
    ours = build_model(spec, numerics=numerics_of(peer, name), seed=1).double().train()
    theirs = other_network(peer, name, image_size=64, dtype=torch.float64)
    assert theirs.module is not None
    generator = torch.Generator().manual_seed(3)
    images = torch.randn(4, 3, 64, 64, generator=generator, dtype=torch.float64)
    randomise(ours, images, seed=2)
    theirs.load(export_weights(ours, to=peer))
    labels = torch.randint(0, 1000, (4,), generator=generator)
    losses = [stepped(model, images, labels) for model in (ours, theirs.module.train())]
    assert losses[0] == pytest.approx(losses[1], rel=TOLERANCE)
    mine = theirs_from_own(spec, after_step(ours), peer)
    others = after_step(theirs.module)
    for key, expected in others.items():
        assert float((mine[key] - expected).abs().max()) <= 1e-9 * max(1.0, float(expected.abs().max())), key


def stepped(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    loss = functional.cross_entropy(model(images), labels)
    loss.backward()  # type: ignore[no-untyped-call]
    return float(loss.detach())


def after_step(model: nn.Module) -> dict[str, Tensor]:
    """Every parameter's gradient, and the statistics, in place of the state dict's tensors."""
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    found = {}
    for name, tensor in model.state_dict().items():
        gradient = gradients.get(name, tensor)
        assert gradient is not None
        found[name] = gradient
    return found


def as_other(model: EfficientNet) -> OtherNetwork:
    return OtherNetwork(
        params=sum(parameter.numel() for parameter in model.parameters()),
        state=model.state_dict,
        load=lambda state: load_weights(model, state),
        logits=model,
    )


@pytest.mark.parametrize(
    ("numerics", "agrees"),
    [
        (TENSORFLOW, True),
        (replace(TENSORFLOW, padding=Padding.SYMMETRIC), False),
        (replace(TENSORFLOW, batch_norm_epsilon=1e-5), False),
    ],
    ids=["equal", "padding", "epsilon"],
)
def test_a_planted_difference_is_seen(numerics: object, agrees: bool) -> None:
    spec = replace(variant("b0"), image_size=64)

    def make(dtype: torch.dtype) -> OtherNetwork:
        return as_other(build_model(spec, numerics=numerics, seed=9).to(dtype).eval())

    found = compare("own", spec, TENSORFLOW, make)
    assert found.params_equal
    assert found.macs_equal
    assert found.agrees == agrees
    assert (found.max_relative_float64 > 1e-6) != agrees


def test_a_planted_count_is_seen() -> None:
    spec = replace(variant("b0"), image_size=64)
    other = replace(as_other(build_model(spec, seed=9).eval()), params=1, layers=())

    def make(dtype: torch.dtype) -> OtherNetwork:
        other.logits.to(dtype)  # type: ignore[attr-defined]
        return other

    found = compare("own", spec, TENSORFLOW, make)
    assert (found.params_equal, found.macs_equal, found.layers_equal) == (False, True, False)
    assert not found.agrees
