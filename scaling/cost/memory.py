"""How much memory the maps of one inference take, from the spec alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from scaling.cost.vectorised import Candidates
from scaling.network.architecture import ArchitectureSpec
from scaling.network.operation import Operation, OperationKind, Part
from scaling.network.operations import Run, runs

BYTES = 4
"""float32."""


def peak_activation_bytes(spec: ArchitectureSpec) -> int:
    """Estimate the peak memory of activations at inference: one image, float32, eager, weights left out.

    Follows the module as it runs: a layer's input, its convolution's output (and padded copy where the stride
    is above 1) and its norm's output are alive together, beside the inputs of the block, of the stage, of all
    stages and of the network. Workspaces of convolution kernels and the allocator's slack are not in it.

    >>> from scaling import variant
    >>> peak_activation_bytes(variant("b0"))
    13934976
    """
    return int(_peak(runs(spec)))


def peak_activation_bytes_of(baseline: ArchitectureSpec, candidates: Candidates) -> Any:
    """Estimate the same of many networks, int64 (N,); equal to `peak_activation_bytes` of each."""
    return _peak(candidates.runs(baseline))


def _peak(found: Iterable[Run]) -> Any:
    stem, *others = found
    image, peak = stem.rows[0].inputs, _most_alive(stem.rows)
    stage_input: Any = 0
    for run in others:
        entered = run.rows[0].inputs
        held = image
        if run.stage:
            # A caller holds the arguments of a call for as long as it runs: the stages' and the stage's.
            stage_input = entered if run.first == 0 else stage_input
            held = held + (stem.rows[-1].outputs if run.stage > 1 else 0) + (stage_input if run.first else 0)
        elif run.rows[0].part == Part.CLASSIFIER:
            break
        peak = np.maximum(peak, (held + _most_alive(run.rows)) * (run.number > 0))
    return BYTES * peak


def _most_alive(rows: Sequence[Operation]) -> Any:
    """Return the most elements alive in a piece, its input included."""
    entered, most = rows[0].inputs, 0
    for index, row in enumerate(rows):
        held = entered + (row.inputs if index else 0)
        padded = row.padded_inputs if row.pads_by_hand else 0
        # torch's max pooling also makes the places of the maxima, 8 bytes each.
        written = 3 if row.kind == OperationKind.MAX_POOL else 1
        alive = held + np.maximum(padded + written * row.outputs, (1 + row.norm) * row.outputs)
        if row.kind == OperationKind.MULTIPLY:
            alive = alive + row.out_channels  # the gate
        elif row.part == Part.SHORTCUT:  # the block's input again; the branch waits for it
            alive = entered + 3 * row.outputs
        most = np.maximum(most, alive * row.present)
    return most
