"""The grid that an inversion must reproduce: printed coefficients and image sizes, by name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from textwrap import shorten
from typing import ClassVar

from pydantic import TypeAdapter, ValidationError

from scaling.errors import ConfigError, SpecError
from scaling.network.architecture import LARGEST_IMAGE, SMALLEST_IMAGE, ArchitectureSpec
from scaling.network.coefficients import ScalingCoefficients
from scaling.network.generation import scale
from scaling.network.rounding import CoefficientRounding, RoundingRules
from scaling.toml_errors import first_problem

_SAID_ALREADY = ("json_invalid", "missing", "extra_forbidden", "value_error")
"""Kinds of problem whose message or place already says what came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GridEntry:
    """One network of a grid, as a release prints it.

    Args:
        name: what the answer calls it; not empty.
        depth_coefficient: as printed, in (0, 1e6].
        width_coefficient: as printed, in (0, 1e6].
        image_size: side in pixels, 8 to 4096.

    Raises:
        SpecError: a value is out of its range.

    >>> GridEntry(name="b4", depth_coefficient=1.8, width_coefficient=1.4, image_size=380).image_size
    380
    """

    name: str
    depth_coefficient: float
    width_coefficient: float
    image_size: int
    __pydantic_config__: ClassVar = {"extra": "forbid", "strict": True, "allow_inf_nan": False}

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise SpecError("name must not be empty")
        if not SMALLEST_IMAGE <= self.image_size <= LARGEST_IMAGE:
            raise SpecError(
                f"image size must be between {SMALLEST_IMAGE} and {LARGEST_IMAGE}, got {self.image_size}"
            )
        self.coefficients(self.image_size)

    def coefficients(self, baseline_image_size: int) -> ScalingCoefficients:
        """Return the multipliers as printed; resolution is the ratio of image sizes."""
        return ScalingCoefficients(
            depth_coefficient=self.depth_coefficient,
            width_coefficient=self.width_coefficient,
            resolution_coefficient=self.image_size / baseline_image_size,
        )


def realise(baseline: ArchitectureSpec, entry: GridEntry, rounding: RoundingRules) -> ArchitectureSpec:
    """Build the network that an entry stands for.

    The printed coefficients and the image size are taken as they are; channels and repeats are rounded
    by the rules given.

    Raises:
        SpecError: the network would be out of range.

    >>> from scaling import variant
    >>> b4 = GridEntry(name="b4", depth_coefficient=1.8, width_coefficient=1.4, image_size=380)
    >>> realise(variant("b0"), b4, RoundingRules()) == variant("b4")
    True
    """
    as_printed = replace(rounding, coefficient_rounding=CoefficientRounding.NONE, image_size_step=1)
    try:
        return scale(baseline, entry.coefficients(baseline.image_size), as_printed)
    except SpecError as error:
        raise SpecError(f"grid entry {entry.name!r}: {error}") from None


def grid_from_json(text: str | bytes, source: str = "grid") -> tuple[GridEntry, ...]:
    """Read a grid: a JSON list of {name, depth_coefficient, width_coefficient, image_size}.

    Args:
        text: the document.
        source: what to call it in an error.

    Raises:
        ConfigError: not JSON, not such a list, an unknown or missing key, a value of another type or out of
            range, an empty list, or a name that comes twice.

    >>> grid_from_json('[{"name": "a", "depth_coefficient": 1, "width_coefficient": 1, "image_size": 224}]')
    (GridEntry(name='a', depth_coefficient=1.0, width_coefficient=1.0, image_size=224),)
    """
    try:
        grid = TypeAdapter(tuple[GridEntry, ...]).validate_json(text)
    except ValidationError as error:
        raise ConfigError(f"{source}: {first_problem(error)}{_what_came(error)}") from None
    check_names([entry.name for entry in grid])
    return grid


def _what_came(error: ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    if problem["type"] in _SAID_ALREADY:
        return ""
    return f", got {shorten(repr(problem['input']), 40)}"


def check_names(names: list[str]) -> None:
    """Refuse a grid without entries, or with a name that comes twice.

    Raises:
        ConfigError: as said.
    """
    if not names:
        raise ConfigError("a grid needs at least one entry, got none")
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"every name of a grid must come once, got {name!r} {names.count(name)} times")
