"""`scaling draw`: what networks are made of, as drawings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from scaling.cli.arguments import DEFAULT_BASELINE, spec_from_options, spec_options
from scaling.cli.options import FILE
from scaling.cli.output import json_option, say_written
from scaling.drawings import DETAILS, family_drawing, scaling_ways_drawing
from scaling.drawings import draw as draw_network
from scaling.drawings.details import Detail
from scaling.drawings.rendering import format_of
from scaling.errors import ConfigError
from scaling.network.baseline_files import baseline_from, network_named
from scaling.network.families import COMPOUND_FAMILY, variant


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
    type=FILE,
    help="FILE.svg, .pdf or .png (300 dots an inch). May be given several times.",
)
@json_option
def draw(
    other: str | None,
    detail: Detail,
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
        drawing = family_drawing([variant(name) for name in COMPOUND_FAMILY])
    else:
        spec = spec_from_options(**options)
        beside = None if other is None else network_named(other)
        drawing = draw_network(spec, beside, detail=detail, stage=1 if stage_number is None else stage_number)
    say_written([drawing.save(path) for path in outputs], as_json)


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
