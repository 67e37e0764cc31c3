"""What a network costs, from its spec by arithmetic alone: exact to the unit, no tensor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import groupby

from scaling.cost.counts import Counts, add, count_run
from scaling.cost.memory import peak_activation_bytes
from scaling.html_views import html_of
from scaling.network.architecture import ArchitectureSpec
from scaling.network.decomposition import block_letters
from scaling.network.operations import runs


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceCost:
    """Cost of a piece, counted as in `Cost`.

    Its name is `stem`, `stage1` …, `head` (if there is one) or `classifier`; of a block `block1a` ….
    """

    name: str
    macs: int
    params: int
    activations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Cost of a whole network for one image at its own image size.

    Args:
        macs: multiply-adds of convolutions and linear layers (the paper's and fvcore's "FLOPs").
        params: trainable parameters.
        activations: outputs of convolutions and linear layers (pycls's convention).
        by_stage: stem, every stage, head if there is one, classifier; sums to the total.
        spec: the network counted.
    """

    macs: int
    params: int
    activations: int
    by_stage: tuple[PieceCost, ...]
    spec: ArchitectureSpec

    def __repr__(self) -> str:
        """Say in one line what it costs."""
        return (
            f"<Cost of {self.spec.name} at {self.spec.image_size} px: {self.macs:,} macs, "
            f"{self.params:,} params, {self.activations:,} activations>"
        )

    def _repr_html_(self) -> str | None:
        """Show the cost of every stage in a notebook."""
        return html_of(self)

    @property
    def peak_activation_bytes(self) -> int:
        """Estimated peak memory of activations at inference: one image, float32 (see `cost.memory`)."""
        return peak_activation_bytes(self.spec)

    @property
    def by_block(self) -> tuple[PieceCost, ...]:
        """The same with stages split into blocks; sums to the total. Counted when asked for."""
        return tuple(_block_pieces(self.spec))


def count_cost(spec: ArchitectureSpec) -> Cost:
    """Count a network exactly: no rounding, no approximation, no tensor.

    Source: equal to fvcore's conv and linear operators and to half of torch's FlopCounterMode (tested).

    >>> from scaling import variant
    >>> cost = count_cost(variant("b0"))
    >>> cost.macs, cost.params, cost.activations
    (385814752, 5288548, 6748036)
    """
    by_stage = tuple(_stage_pieces(spec))
    return Cost(
        macs=sum(piece.macs for piece in by_stage),
        params=sum(piece.params for piece in by_stage),
        activations=sum(piece.activations for piece in by_stage),
        by_stage=by_stage,
        spec=spec,
    )


def _piece(name: str, counts: Counts) -> PieceCost:
    macs, params, activations = counts
    return PieceCost(name=name, macs=macs, params=params, activations=activations)


def _stage_pieces(spec: ArchitectureSpec) -> Iterator[PieceCost]:
    for name, members in groupby(runs(spec), key=lambda run: run.piece):
        yield _piece(name, reduce(add, map(count_run, members)))


def _block_pieces(spec: ArchitectureSpec) -> Iterator[PieceCost]:
    for run in runs(spec):
        counts = count_run(run, 1)
        for index in range(run.first, run.first + run.number):
            name = f"block{run.stage}{block_letters(index)}" if run.stage else run.piece
            yield _piece(name, counts)
