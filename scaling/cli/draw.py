"""`scaling draw`: what networks are made of, as drawings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from scaling.cli.arguments import DEFAULT_BASELINE, spec_from_options, spec_options
from scaling.cli.output import console, emit_json, json_option
from scaling.drawings import (
    Drawing,
    difference_drawing,
    family_drawing,
    module_drawing,
    save_drawing,
    scaling_ways_drawing,
    stage_drawing,
    variant_drawing,
)
from scaling.drawings.rendering import format_of
from scaling.drawings.saving import OFFICIAL
from scaling.errors import ConfigError
from scaling.network.architecture import ArchitectureSpec
from scaling.network.baseline_files import baseline_from, network_named
from scaling.network.baselines import BASELINES
from scaling.network.families import lite_coefficients, official_name, variant

DETAILS = ("family", "variant", "stage", "module")


@click.command()
@spec_options
@click.argument("other", required=False)
@click.option("--detail", type=click.Choice(DETAILS), default="variant", show_default=True)
@click.option("--stage", "stage_number", type=int, help="With --detail stage: which, from 1 (the default).")
@click.option("--diff", is_flag=True, help="Two networks side by side, what differs in red.")
@click.option("--scaling-ways", is_flag=True, help="Baseline, width, depth, resolution, compound (Fig. 2).")
@click.option("--factor", type=float, default=3.0, show_default=True, help="Nominal cost of --scaling-ways.")
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="FILE.svg, .pdf or .png (300 dots an inch). May be given several times.",
)
@json_option
def draw(
    other: str | None,
    detail: str,
    stage_number: int | None,
    diff: bool,
    scaling_ways: bool,
    factor: float,
    outputs: tuple[Path, ...],
    as_json: bool,
    **options: Any,
) -> None:
    """Draw a network, the family, one stage, or the modules they are made of.

    NAME OTHER --diff compares two; an own network is compared with NAME.

    NAME is an official variant (b0 … b8, l2, lite0 … lite4), a baseline (mobilenetv2, resnet-50 …), a file of
    your own, or FILE.json as a command prints it; or give --baseline, and to scale it --alpha --beta --gamma
    --phi.
    `--detail family` needs no NAME: B0 to B7 (lite0: the Lite family; an own network: beside its baseline).
    """
    for path in outputs:
        format_of(path)
    own = options["alpha"] is not None or options["baseline"] != DEFAULT_BASELINE
    if diff and own and other is None:  # the one name given is the network to compare with
        other, options["name"] = options["name"], None
    _check(other, detail, stage_number, diff, scaling_ways, factor)
    if scaling_ways:
        drawing = scaling_ways_drawing(baseline_from(options["baseline"]).spec, factor)
    elif detail == "family" and not own and options["name"] is None:
        drawing = family_drawing([variant(name) for name in OFFICIAL])
    else:
        drawing = _drawing(spec_from_options(**options), other, detail, stage_number)
    written = [str(save_drawing(drawing, path)) for path in outputs]
    if as_json:
        emit_json(written)
        return
    for name in written:
        console.print(f"wrote {name}", markup=False, soft_wrap=True)


def _check(
    other: str | None, detail: str, stage: int | None, diff: bool, scaling_ways: bool, factor: float
) -> None:
    if diff != (other is not None):
        raise ConfigError("--diff draws two networks: scaling draw b1 b2 --diff")
    if stage is not None and detail != "stage":
        raise ConfigError("--stage NUMBER goes with --detail stage")
    if scaling_ways and (diff or detail != "variant"):
        raise ConfigError("--scaling-ways is a drawing of its own; leave --detail and --diff out")
    if not 1 < factor <= 100:
        raise ConfigError(f"--factor must be above 1 and at most 100, got {factor:g}")


def _drawing(spec: ArchitectureSpec, other: str | None, detail: str, stage: int | None) -> Drawing:
    if other is not None:
        return difference_drawing(spec, network_named(other))
    if detail == "module":
        return module_drawing(spec)
    if detail == "stage":
        return stage_drawing(spec, 1 if stage is None else stage)
    return family_drawing(_family_of(spec)) if detail == "family" else variant_drawing(spec)


def _family_of(spec: ArchitectureSpec) -> list[ArchitectureSpec]:
    """Return the official family of an official network, else the network beside its baseline."""
    name = official_name(spec)
    if name is None:
        known = BASELINES.get(spec.derivation.baseline) if spec.derivation else None
        return [spec] if known is None or known == spec else [known, spec]
    if name in lite_coefficients():
        return [variant(each) for each in lite_coefficients()]
    names = OFFICIAL if name in OFFICIAL else (*OFFICIAL, name)
    return [variant(each) for each in names]
