"""How much memory inference and a training step take at their peak, from the spec alone. Floor 3.

A training step is walked as autograd runs it: what every layer keeps for its backward pass; then backwards,
what is still kept, the gradients in flight, and the parameters' gradients so far. Float32, eager, an
optimizer that updates in place. Workspaces of convolution kernels are not in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scaling.architecture import Activation, ArchitectureSpec, StageSpec, out_size
from scaling.cost.memory import BYTES, peak_activation_bytes
from scaling.cost.vectorised import Candidates
from scaling.cost.vectorised_memory import peak_activation_bytes_of
from scaling.cost.work import padded_side, squeeze_of
from scaling.rounding import check_whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
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
class Run:
    """Equal pieces of a network, one after another.

    Args:
        layers: of one piece, in order.
        number: of pieces; may be 0.
    """

    layers: tuple[Layer, ...]
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


INFERENCE = MemoryUse()
"""Of one image."""


def peak_bytes(spec: ArchitectureSpec, use: MemoryUse = INFERENCE) -> int:
    """Return the bytes of tensors alive at the peak: images, maps, gradients, weights, statistics, optimizer.

    Args:
        spec: the network.
        use: inference or training, and of how many images.

    >>> from scaling import variant
    >>> round(peak_bytes(variant("b0")) / 1e6), round(peak_bytes(variant("b7")) / 1e6)
    (35, 485)
    >>> round(peak_bytes(variant("b0"), MemoryUse(training=True, batch=16)) / 1e9, 2)
    1.51
    """
    channels = [spec.stem.out_channels, *(s.out_channels for s in spec.stages), spec.head.out_channels]
    runs = tuple(_runs(spec, channels, [stage.repeats for stage in spec.stages], spec.image_size))
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


def _peak(runs: Sequence[Run], image: Any, inference_maps: Any, use: MemoryUse) -> Any:
    params = sum(run.number * run.total("params") for run in runs)
    statistics = sum(run.number * run.total("statistics") for run in runs)
    if not use.training:
        return BYTES * (params + statistics) + use.batch * inference_maps
    # The update itself, in place, has every gradient and no map.
    most = np.maximum(params, _backward_peak(runs, use.batch))
    return BYTES * (use.batch * image + (1 + use.moments) * params + statistics + most)


def _backward_peak(runs: Sequence[Run], batch: int) -> Any:
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


def _piece_peak(layers: Sequence[Layer], before: Any, made: Any, batch: int) -> Any:
    """Return the most elements alive in a piece's backward pass, with what earlier pieces keep."""
    kept = before + sum(layer.kept for layer in layers)
    most: Any = 0
    for layer in reversed(layers):
        made = made + layer.params
        most = np.maximum(most, batch * (kept + layer.alive) + made)
        kept = kept - layer.kept
    return most


def _runs(spec: ArchitectureSpec, channels: Any, repeats: Any, size: Any) -> Iterator[Run]:
    """Yield a network's pieces in order; `spec` gives what scaling leaves alone."""
    stem, side = spec.stem, out_size(size, spec.stem.stride)
    entered = spec.in_channels * padded_side(size, stem.kernel_size, stem.stride) ** 2
    if stem.stride == 1:
        entered = 0 * entered  # the caller's images themselves
    weights = stem.kernel_size**2 * spec.in_channels * channels[0]
    yield Run(
        layers=(
            # No gradient of the images is made.
            Layer(kept=entered, alive=channels[0] * side**2, params=weights),
            *_norm(channels[0], side, spec.activation),
        )
    )
    for number, stage in enumerate(spec.stages):
        into, out = channels[number], channels[number + 1]
        first = tuple(_block(stage, spec.activation, into, out, side, stage.stride))
        yield Run(layers=first)
        side = out_size(side, stage.stride)
        again = tuple(_block(stage, spec.activation, out, out, side, 1))
        yield Run(layers=again, number=repeats[number] - 1)
    into, out = channels[-2], channels[-1]
    yield Run(layers=(*_pointwise(into, out, side), *_norm(out, side, spec.activation)))
    classifier = (out + 1) * spec.num_classes
    # Pooling hands a whole map of gradients back; logits, their logarithms and the gradients of both.
    yield Run(layers=(Layer(kept=out + spec.num_classes, alive=out * side**2, params=classifier),))


def _block(
    stage: StageSpec, activation: Activation, into: Any, out: Any, side: Any, stride: int
) -> Iterator[Layer]:
    wide, smaller = into * stage.expand_ratio, out_size(side, stride)
    # The gradient that goes round the block, where there is a skip.
    held = (stride == 1) * (into == out) * out * smaller**2
    if stage.expand_ratio != 1:
        yield from _pointwise(into, wide, side, held=held)
        yield from _norm(wide, side, activation, held=held)
    # Where the stride is above 1, the padded copy is kept in place of the map.
    padded = wide * padded_side(side, stage.kernel_size, stride) ** 2
    gradients = np.maximum(wide * smaller**2 + padded, padded + wide * side**2 * (stride > 1))
    yield Layer(kept=padded, alive=gradients + held, params=stage.kernel_size**2 * wide)
    yield from _norm(wide, smaller, activation, held=held)
    if stage.se_ratio:
        squeeze = squeeze_of(stage, into)
        # The map's gradient, its product with the gate, and the gate's before it is summed.
        yield Layer(kept=wide * smaller**2, alive=3 * wide * smaller**2 + held)
        yield Layer(kept=3 * wide + 2 * squeeze, params=2 * wide * squeeze + squeeze + wide)
    yield from _pointwise(wide, out, smaller, held=held)
    yield from _norm(out, smaller, None, held=held)


def _pointwise(into: Any, out: Any, side: Any, *, held: Any = 0) -> Iterator[Layer]:
    yield Layer(kept=into * side**2, alive=(into + out) * side**2 + held, params=into * out)


def _norm(channels: Any, side: Any, activation: Activation | None, *, held: Any = 0) -> Iterator[Layer]:
    """Yield a batch norm, which keeps its input, and the activation after it, which keeps its own."""
    elements = channels * side**2
    yield Layer(kept=elements, alive=2 * elements + held, params=2 * channels, statistics=2 * channels)
    if activation is not None:
        yield Layer(kept=elements, alive=2 * elements + held)
