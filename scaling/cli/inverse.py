"""`scaling invert` and `scaling explain`: from released networks back to alpha, beta, gamma and phi."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from scaling.cli.explained import explanation_document, explanation_tables
from scaling.cli.output import console, emit_json, json_option, table_of
from scaling.errors import ConfigError
from scaling.network.baselines import EFFICIENTNET_B0
from scaling.network.families import COMPOUND_FAMILY
from scaling.network.rounding import CoefficientRounding, RoundingRules, choice
from scaling.targets.explanation import answer, released_grid
from scaling.targets.explanation import explain as explained
from scaling.targets.inversion import Conflict, GridEntry, Inversion, Solution, evidence, grid_from_json
from scaling.targets.inversion import invert as inverted

_BASES = ("alpha", "beta", "gamma")


@click.command()
@click.option(
    "--variants", help=f"Official names with commas between.  [default: {','.join(COMPOUND_FAMILY)}]"
)
@click.option(
    "--grid",
    type=click.Path(path_type=Path),
    help="JSON instead: a list of {name, depth_coefficient, width_coefficient, image_size}.",
)
@click.option(
    "--coefficient-rounding",
    default="released",
    show_default=True,
    help="'released' (depth and width to one decimal) or 'none'.",
)
@click.option("--image-size-step", type=int, default=1, help="Round image sizes to this many pixels.")
@click.option(
    "--match",
    default="realised",
    show_default=True,
    help="'realised' (repeats, channels, image size) or 'coefficients' (as printed).",
)
@click.option("--alpha", type=float, help="Fix the depth base, above 0.")
@click.option("--beta", type=float, help="Fix the width base, above 0.")
@click.option("--gamma", type=float, help="Fix the resolution base, above 0.")
@json_option
def invert(
    variants: str | None,
    grid: Path | None,
    coefficient_rounding: str,
    image_size_step: int,
    match: str,
    alpha: float | None,
    beta: float | None,
    gamma: float | None,
    as_json: bool,
) -> None:
    """Find alpha, beta, gamma and a phi each that give a set of networks.

    Either every base on alpha·beta²·gamma² = 2 that gives them all exactly, or a smallest conflict.
    """
    rounding = RoundingRules(
        coefficient_rounding=choice(CoefficientRounding, coefficient_rounding, "--coefficient-rounding"),
        image_size_step=image_size_step,
    )
    entries = _entries(variants, grid)
    found = inverted(EFFICIENTNET_B0, entries, rounding, match=match, alpha=alpha, beta=beta, gamma=gamma)
    if as_json:
        emit_json(inversion_document(found))
    elif found.solution is not None:
        _print_solution(found, found.solution)
    elif found.conflict is not None:
        _print_conflict(found, found.conflict)


def _entries(variants: str | None, grid: Path | None) -> tuple[GridEntry, ...]:
    if grid is None:
        names = COMPOUND_FAMILY if variants is None else tuple(name.strip() for name in variants.split(","))
        return released_grid(names)
    if variants is not None:
        raise ConfigError("give --variants or --grid, not both")
    try:
        text = grid.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read the grid {str(grid)!r}: {error.strerror}") from None
    return grid_from_json(text, f"grid {grid}")


def inversion_document(found: Inversion) -> dict[str, Any]:
    """Return the `invert --json` document."""
    solution, conflict = found.solution, found.conflict
    return {
        "feasible": solution is not None,
        "coefficient_rounding": found.rounding.coefficient_rounding.value,
        "image_size_step": found.rounding.image_size_step,
        "match": found.match.value,
        **{key: getattr(solution, key, None) for key in (*_BASES, "phi", "intervals", "margin")},
        "region": None if solution is None else _region_document(solution),
        "conflict": None
        if conflict is None
        else {"variants": list(conflict.variants), "dimensions": [d.value for d in conflict.dimensions]},
    }


def _region_document(solution: Solution) -> dict[str, Any]:
    return {
        **dict(zip(_BASES, solution.region.bounds(), strict=True)),
        "polygons": [
            [dict(zip(_BASES, vertex, strict=True)) for vertex in polygon]
            for polygon in solution.region.polygons
        ],
    }


def _print_solution(found: Inversion, solution: Solution) -> None:
    console.print(f"[bold]Feasible[/bold]: one triple gives {_names(found)} exactly, {_terms(found)}.\n")
    bases = table_of("", "central triple", "from", "to")
    for name, (low, high) in zip(_BASES, solution.region.bounds(), strict=True):
        bases.add_row(name, repr(getattr(solution, name)), f"{low:.6g}", f"{high:.6g}")
    console.print(bases)
    product = solution.alpha * solution.beta**2 * solution.gamma**2
    console.print(f"alpha·beta²·gamma² = {product:.6g}\n")
    table = table_of("variant", "phi", "from", "to", "depth", "width", "image")
    for entry in found.grid:
        low, high = solution.intervals[entry.name]
        table.add_row(
            entry.name,
            f"{solution.phi[entry.name]:.6f}",
            f"{_inwards(low, up=True):.6f}",
            f"{_inwards(high, up=False):.6f}",
            f"{entry.depth_coefficient:g}",
            f"{entry.width_coefficient:g}",
            str(entry.image_size),
        )
    console.print(table)
    console.print("\nEvery phi between from and to gives the variant: checked with the generator.")


def _inwards(value: float, *, up: bool) -> float:
    """Round an end of an interval at six decimals to its inner side, so that what is printed holds."""
    return (math.ceil if up else math.floor)(value * 1e6) / 1e6


def _names(found: Inversion) -> str:
    return _list([entry.name for entry in found.grid])


def _terms(found: Inversion) -> str:
    step = found.rounding.image_size_step
    what = {"realised": "integers", "coefficients": "printed coefficients"}[found.match.value]
    pixels = "" if step == 1 else f", image sizes in steps of {step}"
    return f"matching {what}, coefficient rounding {found.rounding.coefficient_rounding.value}{pixels}"


def _print_conflict(found: Inversion, conflict: Conflict) -> None:
    given = [
        f"{name} {value:g}" for name, value in zip(_BASES, found.fixed, strict=True) if value is not None
    ]
    console.print(
        f"[bold]Infeasible[/bold]: no alpha, beta, gamma{' with ' + _list(given) if given else ''} "
        f"give {_names(found)}, {_terms(found)}.\n"
    )
    several = len(conflict.variants) > 1
    console.print(
        f"{_list(conflict.variants)} {'contradict each other' if several else 'cannot be had'} "
        f"in {_list(conflict.dimensions)}."
    )
    shown = evidence(found)
    for name in conflict.variants:
        for dimension in conflict.dimensions:
            if found.asked[name][dimension] is None:
                console.print(f"No {dimension} multiplier at all gives {name} under these rounding rules.")
    if shown is not None:
        console.print(
            f"{shown.quantity} would have to lie in {'both' if len(shown.ranges) == 2 else 'all'} of"
        )
        for name, (low, high) in shown.ranges.items():
            console.print(f"  {name:<11} {low:.4f} … {high:.4f}" if low < high else f"  {name:<11} {low:g}")
    if several or len(conflict.dimensions) > 1:
        which = "variants or dimensions" if several else "dimensions"
        console.print(f"Leave out any one of these {which}, and the rest of them has a solution.")


def _list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


@click.command()
@click.argument("name")
@json_option
def explain(name: str, as_json: bool) -> None:
    """Explain an official variant: which phi gives it, and what rounding did.

    NAME is an official variant (b0 … b8, l2).
    """
    found = explained(name)
    if as_json:
        emit_json(explanation_document(found))
        return
    console.print(f"[bold]{found.name}[/bold]: what was released, and what the formula gives")
    for table in explanation_tables(found):
        console.print(table)
        console.print()
    for line in answer(found):
        console.print(line)
