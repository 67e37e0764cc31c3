"""Stem and strides for small inputs: the released strides divide by 32, which leaves 1 px of 32.

On such maps the outer taps of a depthwise kernel meet nothing but padding and never train. A policy sets
strides to 1 in the spec itself, so that cost, cache key and drawings know it; channels, repeats and kernels
stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from scaling.network.architecture import ArchitectureSpec
from scaling.network.operation import Part
from scaling.network.operations import operations
from scaling.network.rounding import choice
from scaling.network.sides import input_sides, out_size

LEAST_MAP = 4
"""Side of the last map in pixels that `early`, `late` and `auto` keep: every tap of a 5x5 kernel needs 3."""


class SmallInput(StrEnum):
    """Which strides become 1."""

    NONE = "none"
    """None: as released."""
    STEM = "stem"
    """The stem's, whatever the image size; its pooling goes too."""
    EARLY = "early"
    """From the stem on, as many as it takes for a last map of 4 px: fine maps throughout, dear."""
    LATE = "late"
    """From the last stage back, as many as it takes for a last map of 4 px: cheap, coarse early maps."""
    AUTO = "auto"
    """The policy that `docs/small_inputs.md` recommends, as yet `early`."""


RECOMMENDED = SmallInput.EARLY
"""What `auto` is; docs/small_inputs.md has the measured accuracies, which decide at 32 px alone."""


def for_small_input(spec: ArchitectureSpec, policy: SmallInput | str) -> ArchitectureSpec:
    """Return the network with the strides that a policy gives at the spec's own image size.

    A network that needs no change is returned as it is; a changed one adds the policy to its name. If all
    strides are 1 and the last map is still small, the image is too small for more.

    Raises:
        SpecError: no policy has that name.

    >>> from scaling import variant
    >>> b0 = replace(variant("b0"), image_size=64)
    >>> early = for_small_input(b0, "early")
    >>> early.name, early.stem.stride, last_map(b0), last_map(early)
    ('b0-early', 1, 2, 4)
    """
    chosen = choice(SmallInput, policy, "the small-input policy")
    chosen = RECOMMENDED if chosen == SmallInput.AUTO else chosen
    changed = _with_policy(spec, chosen)
    return spec if changed == spec else replace(changed, name=f"{spec.name}-{chosen}")


def _with_policy(spec: ArchitectureSpec, policy: SmallInput) -> ArchitectureSpec:
    strided = [place for place, stride in enumerate(_strides(spec)) if stride > 1]
    match policy:
        case SmallInput.NONE:
            return spec
        case SmallInput.STEM:
            return _unstrided(_unstrided(spec, 0), 1)
        case SmallInput.EARLY:
            return _until_large_enough(spec, strided)
        case SmallInput.LATE:
            return _until_large_enough(spec, strided[::-1])
        case SmallInput.AUTO:
            return _with_policy(spec, RECOMMENDED)
        case _:
            assert_never(policy)


def _until_large_enough(spec: ArchitectureSpec, places: Sequence[int]) -> ArchitectureSpec:
    for place in places:
        if last_map(spec) >= LEAST_MAP:
            break
        spec = _unstrided(spec, place)
    return spec


def _strides(spec: ArchitectureSpec) -> tuple[int, ...]:
    return (spec.stem.stride, spec.stem.pool_stride, *(stage.stride for stage in spec.stages))


def _unstrided(spec: ArchitectureSpec, place: int) -> ArchitectureSpec:
    """Return the network with one stride set to 1; place 0 is the stem's, 1 its pooling's."""
    if place < 2:
        stem = replace(spec.stem, stride=1) if place == 0 else replace(spec.stem, pool_stride=1)
        return replace(spec, stem=stem)
    stages = list(spec.stages)
    stages[place - 2] = replace(stages[place - 2], stride=1)
    return replace(spec, stages=tuple(stages))


def last_map(spec: ArchitectureSpec) -> int:
    """Return the side in pixels of the map that the head pools.

    >>> from scaling import variant
    >>> last_map(variant("b0")), last_map(replace(variant("b0"), image_size=32))
    (7, 1)
    """
    return input_sides(spec)[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleTaps:
    """How many weights of the blocks' k x k convolutions meet nothing but padding: their gradient is 0."""

    weights: int
    """Of these convolutions: depthwise, but in bottlenecks."""
    idle: int

    @property
    def share(self) -> float:
        """Idle weights over all of them."""
        return self.idle / self.weights


def idle_taps(spec: ArchitectureSpec) -> IdleTaps:
    """Count the k x k weights of blocks that never train because the map is too small for their kernel.

    Padding is SAME as released; with symmetric padding a strided block may differ by a row of taps.

    >>> from scaling import variant
    >>> idle_taps(variant("b0")).idle, round(idle_taps(replace(variant("b0"), image_size=32)).share, 3)
    (0, 0.744)
    """
    weights = idle = 0
    for row in operations(spec):
        if row.part in (Part.DEPTHWISE, Part.SPATIAL):
            used = _used_taps(row.kernel_size, row.stride, row.in_side)
            weights += row.weights
            idle += row.weights - row.weights // row.kernel_size**2 * used**2
    return IdleTaps(weights=weights, idle=idle)


def _used_taps(kernel: int, stride: int, side: int) -> int:
    """Return how many taps of an axis meet at least one pixel.

    >>> _used_taps(5, 1, 1), _used_taps(5, 1, 2), _used_taps(5, 1, 3), _used_taps(5, 2, 2)
    (1, 3, 5, 2)
    """
    out = out_size(side, stride)
    before = max((out - 1) * stride + kernel - side, 0) // 2
    return sum(
        any(0 <= place * stride + tap - before < side for place in range(out)) for tap in range(kernel)
    )
