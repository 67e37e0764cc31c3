"""Equal outputs: every variant of every peer, from random weights carried both ways; and training's loss."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from peer_networks import OFFICIAL, import_peer

from scaling import build_model, export_weights, variant
from scaling.agreement import (
    PEERS,
    TOLERANCE,
    OtherNetwork,
    compare,
    other_network,
    randomise,
    torch_network,
    verify,
)
from scaling.cli.verify import verify as command
from scaling.model import TENSORFLOW, Padding, numerics_of
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
@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("name", ["b0", "b1"])
def test_loss_and_gradients_of_a_training_step(peer: str, name: str) -> None:
    """Dropout and stochastic depth off in both; every parameter's gradient, by the peer's names."""
    required(peer)
    spec = replace(variant(name), dropout=0.0, stochastic_depth=0.0)
    model = build_model(spec, numerics=numerics_of(peer, name), seed=1).double()
    theirs = other_network(peer, name, image_size=64, dtype=torch.float64)
    generator = torch.Generator().manual_seed(3)
    images = torch.randn(4, 3, 64, 64, generator=generator, dtype=torch.float64)
    randomise(model, images, seed=2)
    theirs.load(export_weights(model, to=peer))
    labels = torch.randint(0, 1000, (4,), generator=generator)
    loss, gradients = torch_network(model).train_step(images, labels)
    their_loss, expected = theirs.train_step(images, labels)
    assert loss == pytest.approx(their_loss, rel=TOLERANCE)
    assert len(expected) == len(gradients)
    mine = theirs_from_own(spec, model.state_dict() | gradients, peer)
    for key, gradient in expected.items():
        most = 1e-9 * max(1.0, float(gradient.abs().max()))
        assert float((mine[key] - gradient).abs().max()) <= most, key


@pytest.mark.peers
@pytest.mark.parametrize("peer", TORCH)
def test_statistics_after_a_training_step(peer: str) -> None:
    """Means and variances move alike. Keras is left out: it keeps the biased variance of a batch."""
    required(peer)
    spec = replace(variant("b0"), dropout=0.0, stochastic_depth=0.0)
    model = build_model(spec, numerics=numerics_of(peer, "b0"), seed=1).double()
    theirs = other_network(peer, "b0", image_size=64, dtype=torch.float64)
    generator = torch.Generator().manual_seed(3)
    images = torch.randn(4, 3, 64, 64, generator=generator, dtype=torch.float64)
    theirs.load(export_weights(model, to=peer))
    before = {key: tensor.clone() for key, tensor in theirs.state().items()}
    for network in (torch_network(model), theirs):
        network.train_step(images, torch.arange(4))
    mine, moved = export_weights(model, to=peer), theirs.state()
    statistics = [key for key in moved if "running" in key]
    assert len(statistics) == 2 * 49
    for key in statistics:
        assert not torch.equal(moved[key], before[key])
        torch.testing.assert_close(mine[key], moved[key], rtol=1e-9, atol=1e-12)


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
        return torch_network(build_model(spec, numerics=numerics, seed=9).to(dtype).eval())

    found = compare("own", spec, TENSORFLOW, make)
    assert found.params_equal
    assert found.macs_equal
    assert found.agrees == agrees
    assert (found.max_relative_float64 > 1e-6) != agrees


def test_a_planted_count_is_seen() -> None:
    spec = replace(variant("b0"), image_size=64)
    other = replace(torch_network(build_model(spec, seed=9).eval()), params=1, layers=())

    def make(dtype: torch.dtype) -> OtherNetwork:
        other.logits.to(dtype)  # type: ignore[attr-defined]
        return other

    found = compare("own", spec, TENSORFLOW, make)
    assert (found.params_equal, found.macs_equal, found.layers_equal) == (False, True, False)
    assert not found.agrees


@pytest.mark.peers
def test_the_command_compares_at_native_size_and_writes_what_it_says(tmp_path: Path) -> None:
    required("geffnet-tf")
    arguments = ["--variants", "b0", "--peers", "geffnet-tf", "--image-size", "native", "--images", "1"]
    done = CliRunner().invoke(command, [*arguments, "--output", str(tmp_path), "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    (row,) = found["agreement"]
    assert found["agree"] is True
    assert (row["image_size"], row["params"], row["macs"]) == (224, 5_288_548, 385_814_752)
    assert row["max_relative_float64"] <= TOLERANCE
    assert "| B0" in (tmp_path / "agreement.md").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "provenance.json").read_text())["peers"]["geffnet-tf"]
