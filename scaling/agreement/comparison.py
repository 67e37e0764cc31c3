"""One network of this package and one of a peer, from the same random weights: what differs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from scaling.agreement.peers import LayerLine, OtherNetwork, other_network
from scaling.cost import count_cost
from scaling.errors import ConfigError, WeightsError
from scaling.model import EfficientNet, Numerics, build_model, numerics_of
from scaling.network.architecture import ArchitectureSpec
from scaling.network.decomposition import layers
from scaling.network.families import variant as official_variant
from scaling.weights import export_weights, load_weights

TOLERANCE = 1e-9
"""Largest relative difference of logits in float64 that is rounding: a million times its 2.2e-16 and more."""

VARIANTS = tuple(f"b{number}" for number in range(8))
"""Those that every peer has."""

SMALLEST_IMAGE = 32
"""Pixels: below, Keras refuses to build."""

IMAGES = 3
"""Compared at once, unless told otherwise: one would hide a mix-up of batch and channels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What a peer and this package compute from the same weights.

    Args:
        peer: one of `PEERS`.
        variant: b0 … b7.
        params_equal: whether trainable parameters are, to the unit.
        macs_equal: whether multiply-adds at this image size are, to the unit.
        layers_equal: whether layers are: names, output shapes, weights; None for peers other than Keras.
        params: trainable parameters of ours.
        macs: multiply-adds of ours at this image size.
        layers: of ours as Keras counts them, without the top.
        image_size: side of the images, pixels.
        max_relative_float64: max |a - b| / max |b| over logits a of ours, b of the peer's.
        max_relative_float32: likewise.
    """

    peer: str
    variant: str
    params_equal: bool
    macs_equal: bool
    layers_equal: bool | None
    params: int
    macs: int
    layers: int
    image_size: int
    max_relative_float64: float
    max_relative_float32: float

    @property
    def agrees(self) -> bool:
        """Whether counts are equal and float64 differs by no more than `TOLERANCE`."""
        counts = self.params_equal and self.macs_equal and self.layers_equal is not False
        return counts and self.max_relative_float64 <= TOLERANCE


def verify(
    peer: str, variant: str, *, image_size: int | None = 64, images: int = IMAGES, seed: int = 0
) -> Agreement:
    """Compare a peer's variant with this package's, from random weights carried both ways.

    Args:
        peer: one of `PEERS`, installed.
        variant: b0 … b7.
        image_size: side of the images in pixels, at least 32; None for the variant's own.
        images: how many, at least 1.
        seed: of weights, statistics and images.

    Raises:
        ConfigError: the peer or variant is unknown, the peer not installed, or the image too small.
        WeightsError: the tensors differ in name or shape, or do not come back bit for bit.
    """
    if variant not in VARIANTS:
        raise ConfigError(f"variant must be one of {', '.join(VARIANTS)}, got {variant!r}")
    official = official_variant(variant)
    size = official.image_size if image_size is None else image_size
    if size < SMALLEST_IMAGE:
        raise ConfigError(f"image size must be at least {SMALLEST_IMAGE} px, got {size}")
    return compare(
        peer,
        replace(official, image_size=size),
        numerics_of(peer, variant),
        lambda dtype: other_network(peer, variant, image_size=size, dtype=dtype),
        images=images,
        seed=seed,
    )


def compare(
    peer: str,
    spec: ArchitectureSpec,
    numerics: Numerics,
    make: Callable[[torch.dtype], OtherNetwork],
    *,
    images: int = IMAGES,
    seed: int = 0,
) -> Agreement:
    """Compare a network of a spec and these numerics with another, in float64 and float32.

    Weights go from ours to the other and back, and must come back bit for bit.

    Args:
        peer: whose names the other's tensors carry.
        spec: of ours, with the image size to compare at.
        numerics: of ours.
        make: builds the other in a type.
        images: how many, at least 1.
        seed: of weights, statistics and images.

    Raises:
        WeightsError: as `verify`.
    """
    model = build_model(spec, numerics=numerics, seed=seed).eval()
    generator = torch.Generator().manual_seed(seed + 2)
    shape = (images, spec.in_channels, spec.image_size, spec.image_size)
    batch = torch.randn(shape, generator=generator)
    randomise(model, batch, seed=seed + 1)
    # float32 first: widening keeps every weight exactly, narrowing would too but only after it.
    single = make(torch.float32)
    float32 = _difference(peer, model, single, batch)[0]
    params, lines = single.params, single.layers
    del single
    float64, macs = _difference(peer, model.double(), make(torch.float64), batch.double())
    cost = count_cost(spec)
    return Agreement(
        peer=peer,
        variant=spec.name,
        params_equal=params == cost.params,
        macs_equal=macs == cost.macs,
        layers_equal=None if lines is None else lines == _layer_lines(spec),
        params=cost.params,
        macs=cost.macs,
        layers=len(layers(spec)),
        image_size=spec.image_size,
        max_relative_float64=float64,
        max_relative_float32=float32,
    )


@torch.no_grad()
def randomise(model: EfficientNet, images: Tensor, *, seed: int) -> None:
    """Move every tensor off its initial value, and keep activations of order one.

    Kernels keep their scale, biases and shifts are N(0, 0.1), scales U(0.5, 1.5). Means and variances are
    those of these images, plus N(0, 0.1) deviations and times U(0.5, 1.5): with others, activations grow
    with depth.

    Args:
        model: ours, in any mode, which it keeps.
        images: (N, C, H, W), the model's type.
        seed: of everything drawn.
    """
    generator = torch.Generator().manual_seed(seed)

    def normal(tensor: Tensor) -> Tensor:
        return torch.randn(tensor.shape, generator=generator, dtype=tensor.dtype)

    def uniform(tensor: Tensor) -> Tensor:
        return torch.rand(tensor.shape, generator=generator, dtype=tensor.dtype) + 0.5

    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.weight.copy_(uniform(norm.weight))
        norm.bias.copy_(0.1 * normal(norm.bias))
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.weight.mul_(1 + 0.1 * normal(module.weight))
            if module.bias is not None:
                module.bias.copy_(0.1 * normal(module.bias))

    def settle(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        """Set a norm's statistics just before it is used, so that what follows sees what it will see."""
        variance, mean = torch.var_mean(inputs[0], dim=(0, 2, 3))
        state = norm.state_dict()
        state["running_mean"].copy_(mean + 0.1 * normal(mean) * variance.sqrt())
        state["running_var"].copy_(variance * uniform(variance))
        state["num_batches_tracked"].fill_(17)

    training = model.training
    hooks = [norm.register_forward_pre_hook(settle) for norm in norms]
    model.eval()(images)
    for hook in hooks:
        hook.remove()
    model.train(training)


@torch.no_grad()
def _difference(peer: str, model: EfficientNet, other: OtherNetwork, images: Tensor) -> tuple[float, int]:
    """Carry weights there and back; return the relative difference of logits and the other's MACs."""
    other.load(export_weights(model, to=peer))
    _check_return(peer, model, other)
    with FlopCounterMode(display=False) as counter:
        expected = other.logits(images)
    found = model(images)
    difference = float((found - expected).abs().max() / expected.abs().max())
    return difference, counter.get_total_flops() // (2 * len(images))


def _check_return(peer: str, model: EfficientNet, other: OtherNetwork) -> None:
    """Load the other's weights into a fresh network and raise unless every bit came back."""
    back = build_model(model.spec, device="meta").to_empty(device="cpu").to(next(model.parameters()).dtype)
    load_weights(back, other.state(), source=peer)
    before = model.state_dict()
    changed = [
        name
        for name, tensor in back.state_dict().items()
        # Keras keeps no counts of batches.
        if not name.endswith("num_batches_tracked") and not torch.equal(tensor, before[name])
    ]
    if changed:
        raise WeightsError(
            f"{len(changed)} tensors of {peer} {model.spec.name} came back changed: {changed[0]} …"
        )


def _layer_lines(spec: ArchitectureSpec) -> tuple[LayerLine, ...]:
    found = layers(spec, include_top=True)
    return tuple((layer.name, layer.output_shape, layer.params + layer.statistics) for layer in found)
