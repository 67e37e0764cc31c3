"""The explorer: one HTML page whose arithmetic is the package's own, with nothing to load."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup

from scaling.cost import count_cost
from scaling.network.architecture import (
    LARGEST_IMAGE,
    MOST_BLOCKS,
    MOST_CHANNELS,
    SMALLEST_IMAGE,
    ArchitectureSpec,
)
from scaling.network.baselines import EFFICIENTNET_B0, EFFICIENTNETS, rules_of_baseline
from scaling.network.coefficients import LARGEST_COEFFICIENT
from scaling.network.families import lite_coefficients, released_coefficients, variant
from scaling.network.rounding import (
    RELEASED,
    ChannelRule,
    CoefficientRounding,
    HeadRule,
    RepeatRule,
    SqueezeRounding,
)
from scaling.network.serialization import to_json
from scaling.targets.explanation import released_grid
from scaling.targets.inversion import Match, invert

_SCRIPTS = ("arithmetic.js", "decomposition.js", "drawing.js", "blocks.js", "page.js")
_CHOICES = {
    "coefficient_rounding": CoefficientRounding,
    "channel_rule": ChannelRule,
    "repeat_rule": RepeatRule,
    "head_rule": HeadRule,
    "squeeze_rounding": SqueezeRounding,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Slider:
    """A control of the page; its number box takes any value."""

    name: str
    label: str
    low: float
    high: float
    step: float


SLIDERS = (
    (
        "compound",
        (
            Slider(name="alpha", label="alpha, depth base", low=1, high=2, step=0.001),
            Slider(name="beta", label="beta, width base", low=1, high=1.6, step=0.001),
            Slider(name="gamma", label="gamma, resolution base", low=1, high=1.6, step=0.001),
            Slider(name="phi", label="phi, compound coefficient", low=-2, high=8, step=0.01),
        ),
    ),
    (
        "direct",
        (
            Slider(name="depth", label="depth coefficient", low=0.2, high=6, step=0.1),
            Slider(name="width", label="width coefficient", low=0.2, high=6, step=0.1),
            Slider(name="image", label="image size, px", low=32, high=800, step=1),
        ),
    ),
)


def explorer_page() -> str:
    """Return the page, self-contained: no network, no other file; the same text every time.

    >>> page = explorer_page()
    >>> page.startswith("<!DOCTYPE html>"), "http://" in page.replace("http://www.w3.org/2000/svg", "")
    (True, False)
    """
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, keep_trailing_newline=True
    )
    # "</script>" must not end the element that holds the data.
    data = json.dumps(explorer_data(), sort_keys=True, separators=(",", ":")).replace("<", "\\u003c")
    return environment.from_string(_file("page.html.j2")).render(
        style=Markup(_file("page.css")),
        scripts=Markup("\n".join(_file(name) for name in _SCRIPTS)),
        data=Markup(data),
        baselines=tuple(EFFICIENTNETS),
        official=tuple(released_coefficients()) + tuple(lite_coefficients()),
        choices={name: [member.value for member in kind] for name, kind in _CHOICES.items()},
        slider_groups=SLIDERS,
        formula=one_formula(),
        version=version("efficientnet-scaling"),
    )


def explorer_data() -> dict[str, Any]:
    """Return what the page computes from: baselines, official variants, rules, limits.

    The page's own arithmetic knows the blocks of EfficientNets alone.
    """
    rules = asdict(RELEASED)
    return {
        "baselines": {name: _spec(spec) for name, spec in EFFICIENTNETS.items()},
        "baseline_rules": {name: asdict(rules_of_baseline(name)) for name in EFFICIENTNETS},
        "released_rules": rules,
        "choices": {name: [member.value for member in kind] for name, kind in _CHOICES.items()},
        "official": [_official(name) for name in (*released_coefficients(), *lite_coefficients())],
        "one_formula": one_formula(),
        "limits": {
            "smallest_image": SMALLEST_IMAGE,
            "largest_image": LARGEST_IMAGE,
            "most_blocks": MOST_BLOCKS,
            "most_channels": MOST_CHANNELS,
            "largest_coefficient": LARGEST_COEFFICIENT,
        },
        "defaults": {
            "mode": "compound",
            "baseline": "efficientnet-b0",
            # The paper's point: arXiv:1905.11946, section 4, step 1.
            "alpha": 1.2,
            "beta": 1.1,
            "gamma": 1.15,
            "phi": 1,
            "depth": 1,
            "width": 1,
            "image": 224,
            "rules": rules,
        },
    }


@cache
def one_formula() -> dict[str, Any]:
    """Return alpha, beta, gamma of one triple that gives B0 to B7, and the phi of each, in few digits.

    Approximation: the triple that `scaling invert` finds, at four decimals, its phis at three; the networks
    are still exactly the official ones (tested).

    >>> formula = one_formula()
    >>> formula["alpha"], formula["phi"]["b4"]
    (1.1913, 3.426)
    """
    found = invert(EFFICIENTNET_B0, released_grid(), rounding=RELEASED, match=Match.REALISED).solution
    assert found is not None, "the released grid has a solution under its own rules"
    bases = {name: round(float(getattr(found, name)), 4) for name in ("alpha", "beta", "gamma")}
    return {**bases, "phi": {name: round(float(phi), 3) for name, phi in found.phi.items()}}


def _spec(spec: ArchitectureSpec) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(to_json(spec))
    del document["derivation"]
    return document


def _official(name: str) -> dict[str, Any]:
    spec = variant(name)
    cost = count_cost(spec)
    row = (released_coefficients() | lite_coefficients())[name]
    assert spec.derivation is not None, "every official variant is scaled from a baseline"
    return {
        "name": name,
        "baseline": spec.derivation.baseline,
        "depth": row.depth_coefficient,
        "width": row.width_coefficient,
        "image_size": row.image_size,
        "params": cost.params,
        "macs": cost.macs,
        "spec": _spec(spec),
    }


def _file(name: str) -> str:
    return files("scaling.explorer").joinpath(name).read_text(encoding="utf-8").rstrip("\n")
