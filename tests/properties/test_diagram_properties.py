"""Drawings of any network: counts add up, and no text meets another or leaves its box."""

from __future__ import annotations

from hypothesis import given, settings
from spec_strategies import architectures

from scaling import ArchitectureSpec
from scaling.drawings import (
    Drawing,
    difference_drawing,
    family_drawing,
    module_drawing,
    stage_drawing,
    variant_drawing,
)
from scaling.drawings.drawing import Bounds, Role
from scaling.network.decomposition import layers


def check_texts(drawing: Drawing) -> None:
    page = Bounds(left=0, top=0, right=drawing.width, bottom=drawing.height)
    texts = [(text.text, text.bounds) for text in drawing.texts() if text.text.strip()]
    for index, (text, bounds) in enumerate(texts):
        assert page.holds(bounds), text
        assert not [other for other, where in texts[index + 1 :] if bounds.overlaps(where)], text
        for box in drawing.boxes():
            assert not box.bounds.overlaps(bounds) or box.bounds.holds(bounds), text


@settings(max_examples=15)
@given(architectures(most_stages=5, widest=2000, largest_image=900))
def test_any_network_is_drawn_with_its_counts(spec: ArchitectureSpec) -> None:
    drawing = variant_drawing(spec)
    counted = sum(int(text.text.split()[0]) for text in drawing.texts(Role.LAYERS))
    assert counted == len(layers(spec))
    check_texts(drawing)


@settings(max_examples=15)
@given(architectures(most_stages=5, widest=2000, largest_image=900), architectures(widest=2000))
def test_any_network_is_drawn_in_every_way(spec: ArchitectureSpec, other: ArchitectureSpec) -> None:
    check_texts(module_drawing(spec))
    check_texts(stage_drawing(spec, len(spec.stages)))
    check_texts(difference_drawing(spec, other))
    check_texts(family_drawing([spec, other]))
