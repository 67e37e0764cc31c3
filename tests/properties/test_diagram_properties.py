"""Drawings of any network: counts add up, and no text meets another or leaves its box."""

from __future__ import annotations

from drawing_checks import check, counted
from hypothesis import given, settings
from spec_strategies import architectures

from scaling import ArchitectureSpec
from scaling.drawings import (
    difference_drawing,
    family_drawing,
    module_drawing,
    stage_drawing,
    variant_drawing,
)
from scaling.network.decomposition import layers


@settings(max_examples=15)
@given(architectures(most_stages=5, widest=2000, largest_image=900))
def test_any_network_is_drawn_with_its_counts(spec: ArchitectureSpec) -> None:
    drawing = variant_drawing(spec)
    assert sum(counted(drawing)) == len(layers(spec))
    within = [stage_drawing(spec, number + 1) for number in range(len(spec.stages))]
    assert sum(sum(counted(each)) for each in within) == sum(bool(one.sub_block) for one in layers(spec))
    check(drawing)


@settings(max_examples=15)
@given(architectures(most_stages=5, widest=2000, largest_image=900), architectures(widest=2000))
def test_any_network_is_drawn_in_every_way(spec: ArchitectureSpec, other: ArchitectureSpec) -> None:
    check(module_drawing(spec))
    check(stage_drawing(spec, len(spec.stages)))
    check(difference_drawing(spec, other))
    check(family_drawing([spec, other]))
