"""How much memory inference and a training step take at their peak, from the spec alone.

A training step is walked as autograd runs it: what every layer keeps for its backward pass; then backwards,
what is still kept, the gradients in flight, and the parameters' gradients so far. Float32, eager, an
optimizer that updates in place. Workspaces of convolution kernels are not in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

import numpy as np

from scaling.cost.memory import BYTES, peak_activation_bytes, peak_activation_bytes_of
from scaling.cost.vectorised import Candidates
from scaling.network.architecture import Activation, ArchitectureSpec
from scaling.network.operation import Operation, OperationKind, Part
from scaling.network.operations import Run, runs
from scaling.network.rounding import check_whole


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerMemory:
    """One layer as its backward pass finds it; numbers, or int64 (N,) for many networks."""

    kept: Any = 0
    """Elements of one image that it keeps for the backward pass."""
    alive: Any = 0
    """Elements of one image in gradients that its backward pass has in flight."""
    params: Any = 0
    statistics: Any = 0
    """Moving means and variances."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """Equal pieces of a network, one after another, by the layers of one; there may be none."""

    layers: tuple[LayerMemory, ...]
    number: Any

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

    >>> from scaling import variant
    >>> round(peak_bytes(variant("b0")) / 1e6), round(peak_bytes(variant("b7")) / 1e6)
    (35, 461)
    >>> round(peak_bytes(variant("b0"), MemoryUse(training=True, batch=16)) / 1e9, 2)
    1.51
    """
    maps = 0 if use.training else peak_activation_bytes(spec)
    return int(_peak(spec, runs(spec), maps, use))


def peak_bytes_of(baseline: ArchitectureSpec, candidates: Candidates, use: MemoryUse = INFERENCE) -> Any:
    """Return the same of many networks, int64 (N,); equal to `peak_bytes` of each."""
    maps: Any = 0 if use.training else peak_activation_bytes_of(baseline, candidates)
    return _peak(baseline, tuple(candidates.runs(baseline)), maps, use)


def _peak(spec: ArchitectureSpec, found: Sequence[Run], inference_maps: Any, use: MemoryUse) -> Any:
    pieces = tuple(_repeated(found, drops=spec.stochastic_depth > 0))
    image = found[0].rows[0].inputs
    params = sum(piece.number * piece.total("params") for piece in pieces)
    statistics = sum(piece.number * piece.total("statistics") for piece in pieces)
    if not use.training:
        return BYTES * (params + statistics) + use.batch * inference_maps
    # The update itself, in place, has every gradient and no map.
    most = np.maximum(params, _backward_peak(pieces, use.batch))
    return BYTES * (use.batch * image + (1 + use.moments) * params + statistics + most)


def _backward_peak(pieces: Sequence[Repeated], batch: int) -> Any:
    """Return the most elements alive in maps, their gradients and the parameters' gradients."""
    kept = sum(piece.number * piece.total("kept") for piece in pieces)
    made: Any = 0  # gradients of parameters so far
    most: Any = 0
    for piece in reversed(pieces):
        own, params = piece.total("kept"), piece.total("params")
        # Along equal pieces what is alive changes by equal steps: the last piece or the first has the most.
        ends = ((kept - own, made), (kept - piece.number * own, made + (piece.number - 1) * params))
        for before, after in ends:
            here = _piece_peak(piece.layers, before, after, batch)
            most = np.maximum(most, here * np.minimum(piece.number, 1))
        kept, made = kept - piece.number * own, made + piece.number * params
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


def _repeated(found: Iterable[Run], *, drops: bool) -> Iterator[Repeated]:
    """Yield a network's pieces; `drops`: whether stochastic depth makes a gradient of its own."""
    shared = False
    for run in found:
        yield Repeated(layers=tuple(_layers(run, shared=shared, drops=drops)), number=run.number)
        shared = _keeps_output(run.rows[-1])


def _keeps_output(row: Operation) -> bool:
    """Whether what an operation gives is kept already, so that the next operation need not keep it."""
    return row.activation is not None and _KEEPS_OUTPUT[row.activation]


def _layers(run: Run, *, shared: bool, drops: bool) -> Iterator[LayerMemory]:
    """Yield what every layer of a piece keeps and has in flight.

    Its input may be shared: kept already, by the ReLU that made it. Stochastic depth, where it drops, makes a
    gradient of its own.
    """
    rows = run.rows
    added = next((row.present for row in rows if row.kind == OperationKind.ADD), False)
    projected = next((row.present for row in rows if row.part == Part.SHORTCUT), False)
    round_it = added * rows[0].inputs  # the gradient that goes round the block, where there is a skip
    if run.stage:
        yield LayerMemory(alive=3 * round_it)  # both gradients of the block's input, and their sum
    for row in rows:
        # It is handed on at the end, unless a convolution in the shortcut has made one of its own.
        at_end = projected * round_it if row.part == Part.PROJECT and not drops else round_it
        for layer in _row_layers(row, rows, held=round_it, at_end=at_end, shared=shared):
            yield layer if row.present is True else _masked(layer, row.present)
        shared = _keeps_output(row)


def _row_layers(
    row: Operation, rows: Sequence[Operation], *, held: Any, at_end: Any, shared: bool
) -> Iterator[LayerMemory]:
    """Yield the layers of one row of a piece; squeeze-excitation's vectors come with its product."""
    match row.kind:
        case OperationKind.CONVOLUTION | OperationKind.DEPTHWISE:
            if not row.on_vectors:
                yield from _convolution(row, held=held, at_end=at_end, shared=shared)
        case OperationKind.MEAN:
            if row.part == Part.REDUCE:
                # The map's gradient, its product with the gate, and the gate's before it is summed.
                yield LayerMemory(kept=0 if shared else row.inputs, alive=3 * row.inputs + held)
        case OperationKind.MULTIPLY:
            yield _squeeze_excitation([each for each in rows if each.on_vectors])
        case OperationKind.ADD:
            if row.activation is not None:
                yield _elementwise(row)
        case OperationKind.MAX_POOL:
            yield from _max_pool(row)
        case OperationKind.LINEAR:
            yield _classifier(rows[0], row)
        case _:
            assert_never(row.kind)


def _convolution(row: Operation, *, held: Any, at_end: Any, shared: bool) -> Iterator[LayerMemory]:
    """Yield a convolution behind its padding, whose copy it keeps, its batch norm and its activation."""
    reads, out = row.padded_inputs, row.outputs
    match row.part:
        case Part.STEM:  # unpadded images are the caller's own, and get no gradient
            kept, alive = (reads if row.pads_by_hand else 0), out
        case Part.SHORTCUT:  # the block's input is kept; the branch's gradient waits
            kept, alive, at_end = 0, row.inputs + 2 * out, 0
        case _:
            if row.pads_by_hand:
                yield LayerMemory(alive=reads + row.inputs + held)
            kept, alive = (0 if shared and not row.pads_by_hand else reads), reads + out + held
    norm = 2 * row.out_channels
    yield LayerMemory(kept=kept, alive=alive, params=row.weights)
    yield _elementwise(row, held=at_end, params=norm, statistics=norm)
    if row.activation is not None:
        yield _elementwise(row, held=held)


def _elementwise(row: Operation, *, held: Any = 0, params: Any = 0, statistics: Any = 0) -> LayerMemory:
    """Return a norm, which keeps its input, or an activation, which keeps its input or its output."""
    return LayerMemory(kept=row.outputs, alive=2 * row.outputs + held, params=params, statistics=statistics)


def _max_pool(row: Operation) -> Iterator[LayerMemory]:
    """Yield padding and pooling, which keeps the padded copy and the places of the maxima, 8 bytes each."""
    padded, pooled = row.padded_inputs, row.outputs
    yield LayerMemory(alive=padded + row.inputs)
    yield LayerMemory(kept=padded + 2 * pooled, alive=padded + pooled)


def _squeeze_excitation(convolutions: Sequence[Operation]) -> LayerMemory:
    """Return its convolutions, activation, sigmoid and product as one: they keep vectors alone."""
    reduce, gate = convolutions
    kept = 3 * gate.out_channels + 2 * reduce.out_channels
    return LayerMemory(kept=kept, params=reduce.params + gate.params)


def _classifier(pool: Operation, linear: Operation) -> LayerMemory:
    """Return the top: a whole map of gradients; logits, their logarithms and the gradients of both."""
    kept = linear.in_channels + linear.out_channels
    return LayerMemory(kept=kept, alive=pool.inputs, params=linear.params)


def _masked(layer: LayerMemory, present: Any) -> LayerMemory:
    return LayerMemory(
        kept=present * layer.kept,
        alive=present * layer.alive,
        params=present * layer.params,
        statistics=present * layer.statistics,
    )
