"""The drawings of the official family as files, the same bytes every time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from scaling.drawings.difference import difference_drawing
from scaling.drawings.drawing import Drawing
from scaling.drawings.modules import module_drawing
from scaling.drawings.network import variant_drawing
from scaling.drawings.rendering import save_drawing
from scaling.drawings.silhouettes import family_drawing, scaling_ways_drawing
from scaling.network.baselines import EFFICIENTNET_B0
from scaling.network.families import COMPOUND_FAMILY, variant


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
    """Write the drawings of the official family.

    Args:
        directory: made if need be.
        formats: among svg, png and pdf.

    Raises:
        ConfigError: an unknown format.
        ResultsError: the folder cannot be written.
    """
    return [
        save_drawing(drawing, directory / f"{name}.{form}")
        for name, drawing in official_drawings()
        for form in formats
    ]
