"""One network as a drawing, in any of its details."""

from __future__ import annotations

from typing import Literal, assert_never, get_args

from scaling.drawings.difference import difference_drawing
from scaling.drawings.drawing import Drawing
from scaling.drawings.modules import module_drawing
from scaling.drawings.network import variant_drawing
from scaling.drawings.silhouettes import family_drawing
from scaling.drawings.stage import stage_drawing
from scaling.errors import ConfigError
from scaling.network.architecture import ArchitectureSpec
from scaling.network.baselines import BASELINES
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
