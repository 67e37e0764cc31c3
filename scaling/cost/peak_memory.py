"""How much memory inference and a training step take at their peak, from the spec alone.

A training step is walked as autograd runs it: what every layer keeps for its backward pass; then backwards,
what is still kept, the gradients in flight, and the parameters' gradients so far. Float32, eager, an
optimizer that updates in place. Workspaces of convolution kernels are not in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from scaling.cost.formulas import squeeze_of
from scaling.cost.memory import BYTES, peak_activation_bytes, peak_activation_bytes_of
from scaling.cost.vectorised import Candidates
from scaling.cost.work import padded_side
from scaling.network.architecture import POOL_KERNEL, Activation, ArchitectureSpec, BlockKind, StageSpec
from scaling.network.rounding import check_whole
from scaling.network.sides import out_size


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerMemory:
    """One layer as its backward pass finds it; numbers, or int64 (N,) for many networks.

    Args:
        kept: elements of one image that it keeps for the backward pass.
        alive: elements of one image in gradients that its backward pass has in flight.
        params: whose gradients it makes.
        statistics: moving means and variances.
    """

    kept: Any = 0
    alive: Any = 0
    params: Any = 0
    statistics: Any = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """Equal pieces of a network, one after another.

    Args:
        layers: of one piece, in order.
        number: of pieces; may be 0.
    """

    layers: tuple[LayerMemory, ...]
    number: Any = 1

    def total(self, name: str) -> Any:
        """Return an amount of one piece."""
        return sum(getattr(layer, name) for layer in self.layers)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryUse:
    """What memory is needed for.

    Args:
        training: a training step; else inference.
        batch: images of a pass, that batch norm normalises together in training; at least 1.
        moments: values that outlive a step for each parameter in training, at least 0: AdamW and RMSProp have
            2, SGD 1; a moving average of the weights is one more.

    Raises:
        SpecError: a number is out of range.
    """

    training: bool = False
    batch: int = 1
    moments: int = 2

    def __post_init__(self) -> None:
        check_whole("batch", self.batch, 1, 1_000_000)
        check_whole("moments", self.moments, 0, 100)


_KEEPS_OUTPUT = {Activation.SILU: False, Activation.RELU6: False, Activation.RELU: True}
"""ReLU keeps what it gives for the backward pass, the others what they get."""

INFERENCE = MemoryUse()
"""Of one image."""


def peak_bytes(spec: ArchitectureSpec, use: MemoryUse = INFERENCE) -> int:
    """Return the bytes of tensors alive at the peak: images, maps, gradients, weights, statistics, optimizer.

    Args:
        spec: the network.
        use: inference or training, and of how many images.

    >>> from scaling import variant
    >>> round(peak_bytes(variant("b0")) / 1e6), round(peak_bytes(variant("b7")) / 1e6)
    (35, 461)
    >>> round(peak_bytes(variant("b0"), MemoryUse(training=True, batch=16)) / 1e9, 2)
    1.51
    """
    runs = tuple(_runs(spec, spec.channels, [stage.repeats for stage in spec.stages], spec.image_size))
    maps = 0 if use.training else peak_activation_bytes(spec)
    return int(_peak(runs, spec.in_channels * spec.image_size**2, maps, use))


def peak_bytes_of(baseline: ArchitectureSpec, candidates: Candidates, use: MemoryUse = INFERENCE) -> Any:
    """Return the same of many networks, int64 (N,); equal to `peak_bytes` of each.

    Args:
        baseline: gives kernels, strides, expand and squeeze ratios, image channels and classes.
        candidates: repeats, channels and image sizes.
        use: inference or training, and of how many images.
    """
    runs = tuple(_runs(baseline, candidates.channels.T, candidates.repeats.T, candidates.image_size))
    maps: Any = 0 if use.training else peak_activation_bytes_of(baseline, candidates)
    return _peak(runs, baseline.in_channels * candidates.image_size**2, maps, use)


def _peak(runs: Sequence[Repeated], image: Any, inference_maps: Any, use: MemoryUse) -> Any:
    params = sum(run.number * run.total("params") for run in runs)
    statistics = sum(run.number * run.total("statistics") for run in runs)
    if not use.training:
        return BYTES * (params + statistics) + use.batch * inference_maps
    # The update itself, in place, has every gradient and no map.
    most = np.maximum(params, _backward_peak(runs, use.batch))
    return BYTES * (use.batch * image + (1 + use.moments) * params + statistics + most)


def _backward_peak(runs: Sequence[Repeated], batch: int) -> Any:
    """Return the most elements alive in maps, their gradients and the parameters' gradients."""
    kept = sum(run.number * run.total("kept") for run in runs)
    made: Any = 0  # gradients of parameters so far
    most: Any = 0
    for run in reversed(runs):
        own, params = run.total("kept"), run.total("params")
        # Along equal pieces what is alive changes by equal steps: the last piece or the first has the most.
        ends = ((kept - own, made), (kept - run.number * own, made + (run.number - 1) * params))
        for before, after in ends:
            here = _piece_peak(run.layers, before, after, batch)
            most = np.maximum(most, here * np.minimum(run.number, 1))
        kept, made = kept - run.number * own, made + run.number * params
    return most


def _piece_peak(layers: Sequence[LayerMemory], before: Any, made: Any, batch: int) -> Any:
    """Return the most elements alive in a piece's backward pass, with what earlier pieces keep."""
    kept = before + sum(layer.kept for layer in layers)
    most: Any = 0
    for layer in reversed(layers):
        made = made + layer.params
        most = np.maximum(most, batch * (kept + layer.alive) + made)
        kept = kept - layer.kept
    return most


def _runs(spec: ArchitectureSpec, channels: Any, repeats: Any, size: Any) -> Iterator[Repeated]:
    """Yield a network's pieces in order; `spec` gives what scaling leaves alone."""
    act, side = spec.activation, out_size(size, spec.stem.stride)
    yield Repeated(layers=tuple(_stem(spec, channels[0], size)))
    pooled = spec.stem.has_pool
    if pooled:
        yield Repeated(layers=tuple(_max_pool(channels[0], side, spec.stem.pool_stride)))
        side = out_size(side, spec.stem.pool_stride)
    shared, drops = _KEEPS_OUTPUT[act] and not pooled, spec.stochastic_depth > 0
    for number, stage in enumerate(spec.stages):
        into, out = channels[number], channels[number + 1]
        first = _BlockAt(into, out, side, stage.stride, act, shared, drops)
        yield Repeated(layers=tuple(_block(stage, first)))
        side = out_size(side, stage.stride)
        shared = _KEEPS_OUTPUT[act] and stage.ends_activated
        later = _BlockAt(out, out, side, 1, act, shared, drops)
        yield Repeated(layers=tuple(_block(stage, later)), number=repeats[number] - 1)
    features = channels[-2]
    if spec.head.out_channels:
        features = channels[-1]
        head = _pointwise(channels[-2], features, side, shared=shared)
        yield Repeated(layers=(head, *_norm(features, side, act)))
    classifier = (features + 1) * spec.num_classes
    # Pooling hands a whole map of gradients back; logits, their logarithms and the gradients of both.
    yield Repeated(
        layers=(LayerMemory(kept=features + spec.num_classes, alive=features * side**2, params=classifier),)
    )


def _stem(spec: ArchitectureSpec, channels: Any, size: Any) -> Iterator[LayerMemory]:
    stem, side = spec.stem, out_size(size, spec.stem.stride)
    padded = spec.in_channels * padded_side(size, stem.kernel_size, stem.stride) ** 2
    # Without padding it keeps the caller's images themselves; no gradient of the images is made.
    kept = padded if stem.stride > 1 and stem.kernel_size > 1 else 0
    weights = stem.kernel_size**2 * spec.in_channels * channels
    yield LayerMemory(kept=kept, alive=channels * side**2, params=weights)
    yield from _norm(channels, side, spec.activation)


def _max_pool(channels: Any, side: Any, stride: int) -> Iterator[LayerMemory]:
    """Yield padding and pooling, which keeps the padded copy and the places of the maxima, 8 bytes each."""
    padded = channels * padded_side(side, POOL_KERNEL, stride) ** 2
    pooled = channels * out_size(side, stride) ** 2
    yield LayerMemory(alive=padded + channels * side**2)
    yield LayerMemory(kept=padded + 2 * pooled, alive=padded + pooled)


class _BlockAt(NamedTuple):
    """Where a block stands.

    Args:
        into, out: its channels.
        side: of its input.
        stride: of its k x k convolution.
        activation: of the network.
        shared: whether its input is kept already, by the ReLU that made it.
        drops: whether stochastic depth makes a gradient of its own.
    """

    into: Any
    out: Any
    side: Any
    stride: int
    activation: Activation
    shared: bool
    drops: bool


def _block(stage: StageSpec, at: _BlockAt) -> Iterator[LayerMemory]:
    kinds = {BlockKind.BOTTLENECK: _bottleneck, BlockKind.SEPARABLE: _separable, BlockKind.MBCONV: _mbconv}
    return kinds[stage.kind](stage, at)


def _mbconv(stage: StageSpec, at: _BlockAt) -> Iterator[LayerMemory]:
    into, out, side, stride, act, shared, drops = at
    wide, smaller, relu = into * stage.expand_ratio, out_size(side, stride), _KEEPS_OUTPUT[act]
    # The gradient that goes round the block, where there is a skip.
    held = (stride == 1) * (into == out) * out * smaller**2
    yield LayerMemory(alive=3 * held)  # both gradients of the block's input, and their sum
    if stage.expand_ratio != 1:
        yield _pointwise(into, wide, side, held=held, shared=shared)
        yield from _norm(wide, side, act, held=held)
        shared = relu
    yield from _spatial(wide, side, stage.kernel_size, stride, held=held, shared=shared)
    yield from _norm(wide, smaller, act, held=held)
    if stage.se_ratio:
        squeeze = squeeze_of(stage, into)
        # The map's gradient, its product with the gate, and the gate's before it is summed.
        kept = 0 if relu else wide * smaller**2
        yield LayerMemory(kept=kept, alive=3 * wide * smaller**2 + held)
        yield LayerMemory(kept=3 * wide + 2 * squeeze, params=2 * wide * squeeze + squeeze + wide)
    yield _pointwise(wide, out, smaller, held=held, shared=relu and not stage.se_ratio)
    # Stochastic depth makes a gradient of its own; without it the one that goes round is handed on.
    yield from _norm(out, smaller, None, held=held if drops else 0)


def _separable(stage: StageSpec, at: _BlockAt) -> Iterator[LayerMemory]:
    into, out, side, stride, act, shared, _ = at
    smaller = out_size(side, stride)
    yield from _spatial(into, side, stage.kernel_size, stride, shared=shared)
    yield from _norm(into, smaller, act)
    yield _pointwise(into, out, smaller, shared=_KEEPS_OUTPUT[act])
    yield from _norm(out, smaller, act)


def _bottleneck(stage: StageSpec, at: _BlockAt) -> Iterator[LayerMemory]:
    into, out, side, stride, act, shared, drops = at
    inner, smaller, relu = out // stage.expand_ratio, out_size(side, stride), _KEEPS_OUTPUT[act]
    projects = 1 if stride > 1 else 1 * (into != out)
    ended = out * smaller**2
    # Its own convolution runs backwards first in a shortcut that has one.
    round_it = projects * into * side**2
    held = round_it + (1 - projects) * ended
    yield LayerMemory(alive=3 * into * side**2)  # both gradients of the block's input, and their sum
    yield _pointwise(into, inner, side, held=held, shared=shared)
    yield from _norm(inner, side, act, held=held)
    yield from _spatial(inner, side, stage.kernel_size, stride, held=held, shared=relu, dense=True)
    yield from _norm(inner, smaller, act, held=held)
    yield _pointwise(inner, out, smaller, held=held, shared=relu)
    yield from _norm(out, smaller, None, held=held if drops else round_it)
    yield LayerMemory(alive=projects * (2 * ended + into * side**2), params=projects * into * out)
    for layer in _norm(out, smaller, None):
        yield LayerMemory(
            kept=projects * layer.kept,
            alive=projects * layer.alive,
            params=projects * layer.params,
            statistics=projects * layer.statistics,
        )
    yield LayerMemory(kept=ended, alive=2 * ended)


def _pointwise(into: Any, out: Any, side: Any, *, held: Any = 0, shared: bool = False) -> LayerMemory:
    kept = 0 if shared else into * side**2
    return LayerMemory(kept=kept, alive=(into + out) * side**2 + held, params=into * out)


def _spatial(
    channels: Any,
    side: Any,
    kernel_size: int,
    stride: int,
    *,
    held: Any = 0,
    shared: bool = False,
    dense: bool = False,
) -> Iterator[LayerMemory]:
    """Yield a k x k convolution, depthwise unless dense, behind its padding, whose copy it keeps."""
    smaller, copied = out_size(side, stride), stride > 1 and kernel_size > 1
    padded = channels * padded_side(side, kernel_size, stride) ** 2
    weights = kernel_size**2 * channels * (channels if dense else 1)
    if copied:
        yield LayerMemory(alive=padded + channels * side**2 + held)
    kept = 0 if shared and not copied else padded
    yield LayerMemory(kept=kept, alive=padded + channels * smaller**2 + held, params=weights)


def _norm(channels: Any, side: Any, activation: Activation | None, *, held: Any = 0) -> Iterator[LayerMemory]:
    """Yield a batch norm, which keeps its input, and the activation after it."""
    elements = channels * side**2
    yield LayerMemory(kept=elements, alive=2 * elements + held, params=2 * channels, statistics=2 * channels)
    if activation is not None:
        yield LayerMemory(kept=elements, alive=2 * elements + held)
