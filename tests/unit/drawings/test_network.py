"""Drawings as data: what they say is what the network has, and nothing overlaps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from drawing_checks import check, counted

from scaling import ArchitectureSpec, ConfigError, ResultsError, count_cost, generate, variant
from scaling.drawings import (
    Drawing,
    difference_drawing,
    family_drawing,
    module_drawing,
    render,
    save_drawing,
    scaling_ways,
    scaling_ways_drawing,
    stage_drawing,
    variant_drawing,
)
from scaling.drawings.drawing import Role
from scaling.drawings.pieces import compositions, modules_of
from scaling.network.small_inputs import for_small_input
from scaling.official import official_drawings

LAYERS = {"b0": 237, "b1": 339, "b2": 339, "b3": 384, "b4": 474, "b5": 576, "b6": 666, "b7": 813}
OWN = generate(alpha=1.3, beta=1.2, gamma=1.1, phi=1.7, baseline="efficientnet-lite0")
SMALL = for_small_input(replace(variant("b0"), image_size=32), "early")


def drawings() -> Iterator[tuple[str, Drawing]]:
    yield from official_drawings()
    for spec in (variant("lite0"), variant("l2"), OWN, SMALL):
        yield spec.name, variant_drawing(spec)
        yield f"modules of {spec.name}", module_drawing(spec)
        yield f"stages of {spec.name}", stage_drawing(spec, 1)
    for number in range(1, 8):
        yield f"b4 stage {number}", stage_drawing(variant("b4"), number)
    yield "own family", family_drawing([variant("lite0"), OWN])
    yield "differences of families", difference_drawing(variant("b7"), OWN)
    yield "ways from lite0", scaling_ways_drawing(variant("lite0"), 8.0)
    yield "up to l2", family_drawing([variant(name) for name in (*LAYERS, "b8", "l2")])


EVERY = dict(drawings())


@pytest.mark.parametrize(("name", "total"), LAYERS.items())
def test_layer_counts_on_the_drawing_add_up(name: str, total: int) -> None:
    drawing = variant_drawing(variant(name))
    assert sum(counted(drawing)) == total
    assert any(f"{total} layers without top" in text.text for text in drawing.texts(Role.NOTE))


def test_the_edges_of_b0_carry_its_shapes() -> None:
    shapes = [text.text for text in variant_drawing(variant("b0")).texts(Role.SHAPE)]
    assert shapes == [
        "image 224×224×3",
        *("112×112×32", "112×112×16", "56×56×24", "56×56×24", "28×28×40", "28×28×40"),
        *("14×14×80", "14×14×80", "14×14×112", "14×14×112", "7×7×192", "7×7×192", "7×7×320", "7×7×1280"),
    ]


def test_repeats_are_collapsed() -> None:
    times = [text.text for text in variant_drawing(variant("b7")).texts(Role.REPEATS)]
    assert times == ["×3", "×6", "×6", "×9", "×9", "×12", "×3"]


def test_every_skip_has_its_arrow() -> None:
    def skips(drawing: Drawing) -> int:
        return sum(len(line.points) == 4 for line in drawing.lines())

    assert skips(variant_drawing(variant("b0"))) == 5  # sub-block 3 of blocks 2 to 6
    assert skips(variant_drawing(variant("b7"))) == 7


def test_modules_are_those_of_the_official_drawings() -> None:
    found = {module.name: module.counts for module in modules_of(variant("b7"))}
    assert found == {
        "stem": (7,),
        "module1": (3,),
        "module2": (6, 7),
        "module3": (4,),
        "module4": (3,),
        "module5": (5,),
        "final": (3,),
        "top": (3,),
    }
    made_of = [(c.kind, c.modules, c.stages) for c in compositions(variant("b7"))]
    assert made_of == [
        (1, ("module1", "module3", "module4"), (1,)),
        (2, ("module2", "module3", "module4"), (2, 3, 4, 5, 6, 7)),
        (3, ("module1", "module3", "module5"), (1,)),
        (3, ("module2", "module3", "module5"), (2, 3, 4, 5, 6, 7)),
    ]


def test_a_first_block_with_a_skip_is_drawn_with_module_5() -> None:
    made_of = [(c.kind, c.modules[-1]) for c in compositions(replace_channels())]
    assert (1, "module5") in made_of


def replace_channels() -> ArchitectureSpec:
    b0 = variant("b0")
    first, second, *rest = b0.stages
    same = (replace(first, out_channels=32), replace(second, in_channels=32), *rest)
    return replace(b0, stages=same, name="equal")


def test_the_family_says_what_each_network_has() -> None:
    drawing = EVERY["family"]
    assert counted(drawing) == list(LAYERS.values())
    bars = len(drawing.boxes()) - 3 * len(LAYERS)  # image, stem and head of each
    assert bars == sum(variant(name).num_blocks for name in LAYERS)


def test_the_widths_of_bars_go_with_the_root_of_channels() -> None:
    boxes = family_drawing([variant("b0")]).boxes()
    stem, first, head = boxes[1], boxes[2], boxes[-1]
    assert stem.width / first.width == pytest.approx((32 / 16) ** 0.5)
    assert head.width / stem.width == pytest.approx((1280 / 32) ** 0.5)


def test_ways_to_scale_change_one_dimension_each() -> None:
    ways = dict(scaling_ways(variant("b0")))
    baseline = ways["baseline"]
    assert ways["width"].image_size == ways["depth"].image_size == 224
    assert ways["width"].num_blocks == ways["resolution"].num_blocks == baseline.num_blocks
    assert ways["depth"].head == ways["resolution"].head == baseline.head
    assert all(count_cost(spec).macs > 2.5 * count_cost(baseline).macs for spec in list(ways.values())[1:])


def test_a_difference_marks_channels_but_not_repeats_of_b1_and_b2() -> None:
    drawing = difference_drawing(variant("b1"), variant("b2"))
    assert not any(text.bold for text in drawing.texts(Role.REPEATS))
    bold = [text.text for text in drawing.texts(Role.LABEL) if text.bold and text.text.endswith("channels")]
    assert bold == [
        f"{channels} channels"
        for pair in ((40, 48), (80, 88), (112, 120), (192, 208), (320, 352), (1280, 1408))
        for channels in pair
    ]


def test_no_difference_is_marked_between_equal_networks() -> None:
    drawing = difference_drawing(variant("b3"), variant("b3"))
    assert not any(text.bold for text in drawing.texts(Role.SHAPE) + drawing.texts(Role.REPEATS))


@pytest.mark.parametrize("name", EVERY)
def test_no_text_meets_another_or_a_line_or_leaves_its_box_or_the_page(name: str) -> None:
    check(EVERY[name])


@pytest.mark.parametrize("name", [f"b{number}" for number in range(8)])
def test_pages_fit_a_paper(name: str) -> None:
    drawing = EVERY[name]
    assert drawing.width == 252.0  # a column of 3.5 inches
    assert drawing.height < 9 * 72


def test_no_official_drawing_is_wider_than_two_columns() -> None:
    assert {name: drawing.width for name, drawing in official_drawings() if drawing.width > 7.2 * 72} == {}


@pytest.mark.parametrize("form", ["svg", "png", "pdf"])
def test_the_same_drawing_gives_the_same_bytes(form: str) -> None:
    drawing = stage_drawing(variant("b0"), 1)
    content = render(drawing, form)
    assert content == render(stage_drawing(variant("b0"), 1), form)
    assert content.startswith({"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}[form])


def test_fonts_are_embedded_in_pdf_and_nothing_is_dated() -> None:
    content = render(stage_drawing(variant("b0"), 1), "pdf")
    assert b"FontFile2" in content
    assert b"CreationDate" not in content


def test_svg_has_a_text_alternative() -> None:
    assert b"<dc:title>EfficientNet-B0, block 1 in detail</dc:title>" in render(
        stage_drawing(variant("b0"), 1), "svg"
    )


def test_names_that_no_font_or_formula_expects_are_drawn() -> None:
    strange = replace(variant("b0"), name="cost $x^2$ {next} 中")
    assert render(variant_drawing(strange), "png").startswith(b"\x89PNG")


def test_mistakes_are_said(tmp_path: Path) -> None:
    drawing = stage_drawing(variant("b0"), 1)
    with pytest.raises(ConfigError, match=r"ending in \.svg, \.png or \.pdf; got 'b0\.gif'"):
        save_drawing(drawing, tmp_path / "b0.gif")
    with pytest.raises(ConfigError, match="stages 1 to 7, got 8"):
        stage_drawing(variant("b0"), 8)
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultsError, match="cannot write"):
        save_drawing(drawing, tmp_path / "file" / "b0.svg")
