"""What a search wants: accuracy, alone or against what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Literal

from scaling.cost import count_cost
from scaling.network.architecture import ArchitectureSpec


class Objective(StrEnum):
    """One thing to maximise (`top1`) or minimise (the others)."""

    TOP1 = "top1"
    """Fraction of validation images, mean over seeds."""
    PARAMS = "params"
    MACS = "macs"
    ACTIVATIONS = "activations"
    INFERENCE_MS = "inference_ms"
    """Measured with every training, mean over seeds."""
    MEMORY_BYTES = "memory_bytes"
    """Measured with every training, mean over seeds."""

    @property
    def direction(self) -> Literal["maximize", "minimize"]:
        """Which way is better."""
        return "maximize" if self == Objective.TOP1 else "minimize"


COUNTED = (Objective.PARAMS, Objective.MACS, Objective.ACTIVATIONS)


def values_of(
    objectives: Sequence[Objective], spec: ArchitectureSpec, results: Sequence[Mapping[str, Any]]
) -> list[float]:
    """Return a trained network's objectives, in their order; at least one of its seeds is complete.

    >>> from scaling import variant
    >>> values_of((Objective.TOP1, Objective.PARAMS), variant("b0"), [{"top1": 0.25}, {"top1": 0.75}])
    [0.5, 5288548.0]
    """
    cost = count_cost(spec)
    return [
        float(getattr(cost, one)) if one in COUNTED else sum(result[one] for result in results) / len(results)
        for one in objectives
    ]
