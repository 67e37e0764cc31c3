"""`scaling invert` and `scaling explain`: from released networks back to alpha, beta, gamma and phi."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import click

from scaling.atomic_write import LARGEST_DOCUMENT, read_regular
from scaling.cli.arguments import DEFAULT_BASELINE, base_options, rounding_options, with_rounding
from scaling.cli.explained import explanation_document, explanation_tables
from scaling.cli.options import PATH
from scaling.cli.output import Columns, answer, console, json_option, print_table, table_by
from scaling.errors import ConfigError
from scaling.network.baseline_files import baseline_from
from scaling.network.families import COMPOUND_FAMILY
from scaling.network.rounding import CoefficientRounding
from scaling.targets.explanation import answer as conclusion
from scaling.targets.explanation import explain as explained
from scaling.targets.explanation import released_grid
from scaling.targets.inversion import Conflict, GridEntry, Inversion, Solution, evidence, grid_from_json
from scaling.targets.inversion import invert as inverted

_BASES = ("alpha", "beta", "gamma")


@click.command()
@click.option(
    "--variants", help=f"Official names with commas between.  [default: {','.join(COMPOUND_FAMILY)}]"
)
@click.option(
    "--grid",
    type=PATH,
    help="JSON instead: a list of {name, depth_coefficient, width_coefficient, image_size}.",
)
@rounding_options
@click.option(
    "--match",
    default="realised",
    show_default=True,
    help="'realised' (repeats, channels, image size) or 'coefficients' (as printed).",
)
@base_options()
@json_option
def invert(
    variants: str | None,
    grid: Path | None,
    coefficient_rounding: CoefficientRounding | None,
    image_size_step: int | None,
    match: str,
    as_json: bool,
    **bases: float | None,
) -> None:
    """Find alpha, beta, gamma and a phi each that give a set of networks.

    Either every base on alpha·beta²·gamma² = 2 that gives them all exactly, or a smallest conflict. A base
    that is given is fixed.
    """
    start = with_rounding(baseline_from(DEFAULT_BASELINE), coefficient_rounding, image_size_step)
    found = inverted(start.spec, _entries(variants, grid), start.rounding, match=match, **bases)
    answer(inversion_document(found), as_json, lambda: _print_inversion(found))


def _entries(variants: str | None, grid: Path | None) -> tuple[GridEntry, ...]:
    if grid is None:
        names = COMPOUND_FAMILY if variants is None else tuple(name.strip() for name in variants.split(","))
        return released_grid(names)
    if variants is not None:
        raise ConfigError("give --variants or --grid, not both")
    try:
        text = read_regular(grid, LARGEST_DOCUMENT)
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


def _print_inversion(found: Inversion) -> None:
    if found.solution is not None:
        _print_solution(found, found.solution)
    elif found.conflict is not None:
        _print_conflict(found, found.conflict)


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
    bounds = zip(_BASES, solution.region.bounds(), strict=True)
    print_table(
        ("", "central triple", "from", "to"),
        ((name, repr(getattr(solution, name)), f"{low:.6g}", f"{high:.6g}") for name, (low, high) in bounds),
    )
    product = solution.alpha * solution.beta**2 * solution.gamma**2
    console.print(f"alpha·beta²·gamma² = {product:.6g}\n")
    # Ends of intervals are rounded to their inner side, so that what is printed holds.
    columns: Columns = {
        "variant": "{row.name}",
        "phi": lambda row: f"{solution.phi[row.name]:.6f}",
        "from": lambda row: f"{math.ceil(solution.intervals[row.name][0] * 1e6) / 1e6:.6f}",
        "to": lambda row: f"{math.floor(solution.intervals[row.name][1] * 1e6) / 1e6:.6f}",
        "depth": "{row.depth_coefficient:g}",
        "width": "{row.width_coefficient:g}",
        "image": "{row.image_size}",
    }
    console.print(table_by(columns, found.grid))
    console.print("\nEvery phi between from and to gives the variant: checked with the generator.")


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
    for name, dimension in product(conflict.variants, conflict.dimensions):
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

    def printed() -> None:
        console.print(f"[bold]{found.name}[/bold]: what was released, and what the formula gives")
        for table in explanation_tables(found):
            console.print(table)
            console.print()
        for line in conclusion(found):
            console.print(line)

    answer(explanation_document(found), as_json, printed)
