"""Cost of many networks at once: the same rows as `closed_form`, over numpy arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from scaling.cost.counts import Counts, add, count_run
from scaling.errors import SpecError
from scaling.network.architecture import SMALLEST_IMAGE, ArchitectureSpec, HeadSpec
from scaling.network.operations import Run, lowered

Array = NDArray[np.int64]
CHUNK = 16_384
"""Networks at a time: their intermediate arrays stay within the processor's cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """Networks that share a baseline's kinds of blocks, kernels, strides and expand ratios.

    Args:
        repeats: int64 (N, stages).
        channels: int64 (N, stages + 2): stem, every stage's out_channels, head (0 for none).
        image_size: int64 (N,), pixels.
    """

    repeats: Array
    channels: Array
    image_size: Array

    def __len__(self) -> int:
        """Return N."""
        return len(self.image_size)

    def part(self, start: int, stop: int) -> Candidates:
        """Return networks start to stop."""
        rows = slice(start, stop)
        return Candidates(
            repeats=self.repeats[rows], channels=self.channels[rows], image_size=self.image_size[rows]
        )

    def runs(self, baseline: ArchitectureSpec) -> Iterator[Run]:
        """Lower all of them at once; the baseline gives what they share."""
        return lowered(baseline, list(self.channels.T), list(self.repeats.T), self.image_size)

    @staticmethod
    def of(specs: Sequence[ArchitectureSpec], *, baseline: ArchitectureSpec) -> Candidates:
        """Collect specs scaled from a baseline.

        Raises:
            SpecError: one differs from it in more than repeats, channels and image size.
        """
        for spec in specs:
            if _skeleton(spec) != _skeleton(baseline):
                raise SpecError(
                    f"{spec.name} is not {baseline.name} scaled: kernels, strides, ratios, image channels or "
                    "classes differ"
                )
        return Candidates(
            repeats=np.array([[stage.repeats for stage in spec.stages] for spec in specs], np.int64),
            channels=np.array([spec.channels for spec in specs], np.int64),
            image_size=np.array([spec.image_size for spec in specs], np.int64),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Cost of each candidate: int64 (N,) each, exact; and of what."""

    macs: Array
    params: Array
    activations: Array
    baseline: ArchitectureSpec
    candidates: Candidates


def _skeleton(spec: ArchitectureSpec) -> ArchitectureSpec:
    """Return what scaling leaves alone: the spec with repeats, channels and image size taken out."""
    # A bottleneck's channels are a multiple of its ratio; a head that is left out stays so.
    narrow = [1, *(stage.expand_ratio for stage in spec.stages)]
    stages = tuple(
        replace(stage, repeats=1, in_channels=into, out_channels=out)
        for stage, (into, out) in zip(spec.stages, pairwise(narrow), strict=True)
    )
    stem, head = replace(spec.stem, out_channels=1), HeadSpec(out_channels=min(1, spec.head.out_channels))
    return replace(spec, stem=stem, stages=stages, head=head, image_size=SMALLEST_IMAGE)


def count_costs(baseline: ArchitectureSpec, candidates: Candidates) -> Costs:
    """Count many networks exactly; equal to `count_cost` of each. The baseline gives what they share.

    >>> from scaling import variant
    >>> specs = [variant("b0"), variant("b7")]
    >>> count_costs(variant("b0"), Candidates.of(specs, baseline=variant("b0"))).macs.tolist()
    [385814752, 37745884192]
    """
    chunks = [
        _chunk(baseline, candidates.part(start, start + CHUNK)) for start in range(0, len(candidates), CHUNK)
    ]
    empty = np.empty(0, np.int64)
    macs, params, activations = (
        np.concatenate(pieces) for pieces in zip(*chunks, (empty, empty, empty), strict=True)
    )
    return Costs(macs=macs, params=params, activations=activations, baseline=baseline, candidates=candidates)


def _chunk(baseline: ArchitectureSpec, candidates: Candidates) -> Counts:
    return reduce(add, map(count_run, candidates.runs(baseline)))
