"""What operations cost, for one network and for arrays of many alike.

A run is counted as (macs, params, activations): multiply-adds and outputs of convolutions and linear layers,
and trainable parameters with batch-norm's two per channel.

Source: arXiv:1905.11946 (FLOPs as multiply-adds); facebookresearch/pycls and fvcore (activations).
"""

from __future__ import annotations

from typing import Any

from scaling.network.operation import OperationKind
from scaling.network.operations import Run

Counts = tuple[Any, Any, Any]


def count_run(run: Run, number: Any = None) -> Counts:
    """Count all pieces of a run, or so many of them."""
    macs: Any = 0
    params: Any = 0
    activations: Any = 0
    for row in run.rows:
        if not _COUNTED[row.kind]:
            continue
        weights, channels, pixels = row.weights, row.out_channels, row.out_side * row.out_side
        if row.present is not True:
            weights, channels = weights * row.present, channels * row.present
        macs = macs + weights * pixels
        params = params + weights + (row.bias + 2 * row.norm) * channels
        activations = activations + channels * pixels
    return _times((macs, params, activations), run.number if number is None else number)


_COUNTED = {
    OperationKind.CONVOLUTION: True,
    OperationKind.DEPTHWISE: True,
    OperationKind.LINEAR: True,
    OperationKind.MAX_POOL: False,
    OperationKind.MEAN: False,
    OperationKind.MULTIPLY: False,
    OperationKind.ADD: False,
}


def add(left: Counts, right: Counts) -> Counts:
    """Add two counts, amount by amount."""
    return left[0] + right[0], left[1] + right[1], left[2] + right[2]


def _times(counts: Counts, number: Any) -> Counts:
    if isinstance(number, int) and number == 1:  # spares arrays three products
        return counts
    return counts[0] * number, counts[1] * number, counts[2] * number
