"""What a network gives a processor to do, by kind of layer: the terms of a time model.

Not a count of cost: nothing here is compared with other counters. Every quantity rises with depth, width and
image size, so a model with coefficients of at least 0 does too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any, assert_never

import numpy as np

from scaling.cost.vectorised import Candidates
from scaling.network.architecture import Activation, ArchitectureSpec
from scaling.network.operation import Operation, OperationKind, Part
from scaling.network.operations import Run, runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One image's work by kind of layer; each an int, or int64 (N,) for many networks.

    Args:
        calls: operations that are started: convolutions, norms, activations, additions, copies.
        dense_macs: multiply-adds of convolutions over all channels with kernels above 1x1.
        pointwise_macs: of 1x1 convolutions on maps.
        depthwise_macs: of depthwise convolutions.
        linear_macs: on single vectors: squeeze-excitation, classifier.
        convolution_elements: read and written by dense and pointwise convolutions.
        depthwise_elements: likewise by depthwise ones.
        elementwise_elements: read and written by norms, ReLU, additions, gates, poolings, padding.
        silu_elements: that SiLU maps.
    """

    calls: Any = 0
    dense_macs: Any = 0
    pointwise_macs: Any = 0
    depthwise_macs: Any = 0
    linear_macs: Any = 0
    convolution_elements: Any = 0
    depthwise_elements: Any = 0
    elementwise_elements: Any = 0
    silu_elements: Any = 0


NAMES = tuple(one.name for one in fields(Work))


def count_work(spec: ArchitectureSpec) -> Work:
    """Count the work of one network.

    >>> from scaling import variant
    >>> work = count_work(variant("b0"))
    >>> work.dense_macs + work.pointwise_macs + work.depthwise_macs + work.linear_macs
    385814752
    """
    work = _work(runs(spec), 0)
    return Work(**{name: int(getattr(work, name)) for name in NAMES})


def count_works(baseline: ArchitectureSpec, candidates: Candidates) -> Work:
    """Count the work of many networks, int64 (N,) each; equal to `count_work` of each.

    >>> from scaling import variant
    >>> specs = [variant("b0"), variant("b7")]
    >>> count_works(variant("b0"), Candidates.of(specs, baseline=variant("b0"))).calls.tolist()
    [243, 819]
    """
    return _work(candidates.runs(baseline), np.zeros_like(candidates.image_size))


def _work(found: Iterable[Run], nothing: Any) -> Work:
    total: dict[str, Any] = dict.fromkeys(NAMES, nothing)
    for run in found:
        for row in run.rows:
            # A first block's addition is left out: channels that round to equal ones would make work fall.
            if row.part == Part.SKIP and run.first == 0:
                continue
            number = run.number if row.present is True else run.number * row.present
            for name, amount in _amounts(row):
                total[name] = total[name] + amount * number
    return Work(**total)


def _amounts(row: Operation) -> Iterator[tuple[str, Any]]:
    """Yield what one row adds to which kinds of work."""
    yield "calls", 1 + row.pads_by_hand + row.norm + (row.activation is not None)
    if row.pads_by_hand:  # the copy that SAME padding makes
        yield "elementwise_elements", row.inputs + row.padded_inputs
    match row.kind:
        case OperationKind.CONVOLUTION | OperationKind.DEPTHWISE | OperationKind.LINEAR:
            yield from _convolution(row)
        case OperationKind.MEAN | OperationKind.MAX_POOL:
            yield "elementwise_elements", row.inputs
        case OperationKind.MULTIPLY:
            yield "calls", 1  # the sigmoid
            yield "elementwise_elements", 2 * row.inputs
        case OperationKind.ADD:
            yield "elementwise_elements", 3 * row.inputs
        case _:
            assert_never(row.kind)
    if row.norm:
        yield "elementwise_elements", 2 * row.outputs
    if row.activation is not None and not row.on_vectors:
        name, passes = _ACTIVATIONS[row.activation]
        yield name, passes * row.outputs


_ACTIVATIONS = {
    Activation.SILU: ("silu_elements", 1),
    Activation.RELU: ("elementwise_elements", 2),
    Activation.RELU6: ("elementwise_elements", 2),
}


def _convolution(row: Operation) -> Iterator[tuple[str, Any]]:
    macs = row.weights * row.out_side**2
    if row.on_vectors:
        yield "linear_macs", macs
        return
    if row.kind == OperationKind.DEPTHWISE:
        yield "depthwise_macs", macs
        yield "depthwise_elements", row.inputs + row.outputs
        return
    yield ("pointwise_macs" if row.kernel_size == 1 else "dense_macs"), macs
    yield "convolution_elements", row.inputs + row.outputs
