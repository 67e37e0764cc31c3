"""One network as a drawing, in any of its details; and those of the official family, as files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, assert_never, get_args

from scaling.drawings.difference import difference_drawing
from scaling.drawings.drawing import Drawing
from scaling.drawings.modules import module_drawing
from scaling.drawings.network import variant_drawing
from scaling.drawings.rendering import save_drawing
from scaling.drawings.silhouettes import family_drawing, scaling_ways_drawing
from scaling.drawings.stage import stage_drawing
from scaling.errors import ConfigError
from scaling.network.architecture import ArchitectureSpec
from scaling.network.baselines import BASELINES, EFFICIENTNET_B0
from scaling.network.families import COMPOUND_FAMILY, lite_coefficients, official_name, variant

Detail = Literal["family", "variant", "stage", "module"]
DETAILS: tuple[Detail, ...] = get_args(Detail)


def draw(
    spec: ArchitectureSpec,
    other: ArchitectureSpec | None = None,
    *,
    detail: Detail = "variant",
    stage: int = 1,
) -> Drawing:
    """Draw a network; the drawing shows itself in a notebook and is written by `save`.

    Args:
        spec: the network.
        other: one to compare it with, what differs in red; `detail` must then be `variant`.
        detail: `variant`: block by block. `stage`: one stage, layer by layer. `module`: the modules that its
            blocks are made of. `family`: beside the official variants of its family, or its baseline.
        stage: number of the stage, from 1, for `stage`.

    Raises:
        ConfigError: there is no such detail or stage.

    >>> from scaling import variant
    >>> draw(variant("b4")).title
    'EfficientNet-B4 block by block'
    """
    if detail not in DETAILS:
        raise ConfigError(f"expected a detail among {', '.join(DETAILS)}; got {detail!r}")
    if other is not None:
        if detail != "variant":
            raise ConfigError(f"two networks are compared block by block, not by {detail}")
        return difference_drawing(spec, other)
    match detail:
        case "variant":
            return variant_drawing(spec)
        case "stage":
            return stage_drawing(spec, stage)
        case "module":
            return module_drawing(spec)
        case "family":
            return family_drawing(_family_of(spec))
        case _:
            assert_never(detail)


def _family_of(spec: ArchitectureSpec) -> list[ArchitectureSpec]:
    """Return the official family of an official network, else the network beside its baseline."""
    name = official_name(spec)
    if name is None:
        known = BASELINES.get(spec.derivation.baseline) if spec.derivation else None
        return [spec] if known is None or known == spec else [known, spec]
    if name in lite_coefficients():
        return [variant(each) for each in lite_coefficients()]
    return [variant(each) for each in dict.fromkeys((*COMPOUND_FAMILY, name))]


def official_drawings() -> Iterator[tuple[str, Drawing]]:
    """Yield every drawing of the official family with its file's stem.

    >>> [name for name, _ in official_drawings()][:3]
    ['family', 'modules', 'scaling_ways']
    """
    specs = {name: variant(name) for name in COMPOUND_FAMILY}
    yield "family", family_drawing(list(specs.values()))
    yield "modules", module_drawing(specs["b7"])
    yield "scaling_ways", scaling_ways_drawing(EFFICIENTNET_B0)
    yield "b1_b2_difference", difference_drawing(specs["b1"], specs["b2"])
    for name, spec in specs.items():
        yield name, variant_drawing(spec)


def save_drawings(directory: Path, formats: Sequence[str] = ("svg", "png")) -> list[Path]:
    """Write the drawings of the official family as svg, png or pdf, into a folder that is made if need be.

    Raises:
        ConfigError: an unknown format.
        ResultsError: the folder cannot be written.
    """
    return [
        save_drawing(drawing, directory / f"{name}.{form}")
        for name, drawing in official_drawings()
        for form in formats
    ]
