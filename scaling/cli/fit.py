"""`scaling fit`: laws of error against cost, with intervals, a scale held out, and refusals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.markup import escape
from rich.progress import Progress

from scaling.analysis.intervals import Estimate
from scaling.analysis.law_document import BASES, fit_document
from scaling.analysis.law_fits import RESAMPLES, Bootstrap, HeldOut
from scaling.analysis.law_networks import COSTS, DIMENSIONS, LawData
from scaling.analysis.law_report import LawReport
from scaling.analysis.law_surface import SurfaceLaw
from scaling.analysis.laws import CostLaw
from scaling.atomic_write import write_json
from scaling.cli.options import PATH
from scaling.cli.output import answer, console, counting_bars, json_option, print_table, say_written
from scaling.library.fitting import fit as fit_laws
from scaling.targets.explanation import PAPER_BASES

FITS = 2
"""Of a law: to every network, and to all but the largest."""


@click.command()
@click.argument("tables", metavar="[RUN_OR_CSV]...", type=PATH, nargs=-1)
@click.option("--published", metavar="FAMILY", help="A family of the paper's Table 2 instead.")
@click.option("--cost", default="macs", show_default=True, help=f"What C is: {', '.join(COSTS)}.")
@click.option("--by", metavar="COLUMN", help="Column whose values are the strategies (a reference's name).")
@click.option("--pool", is_flag=True, help="Take all tables as one experiment.")
@click.option("--resamples", type=int, default=RESAMPLES, show_default=True, help="Of the bootstrap.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the bootstrap.")
@click.option("-o", "--output", type=PATH, help="Folder for laws.json, law.svg, law.png and law.csv.")
@json_option
def fit(
    tables: tuple[Path, ...], resamples: int, seed: int, output: Path | None, as_json: bool, **what: Any
) -> None:
    """Fit error = E + A·C^(-a) to each way of scaling, and a surface in depth, width, resolution.

    RUN_OR_CSV are folders of runs or results, or tables of trials; experiments are fitted apart. Intervals
    are bootstrapped over networks and seeds; the largest scale is predicted by a law that has not seen it;
    where the data cannot tell there is no law, and the reason is printed.
    """
    with counting_bars() as bars:
        draws = _draws(bars, seed, resamples)
        reports = fit_laws(*tables, resamples=resamples, seed=seed, draws=draws, **what)
    documents = [fit_document(report) for report in reports]
    written = [] if output is None else _save(output, reports, documents)

    def printed() -> None:
        for report in reports:
            print_report(report)
        say_written(written)

    answer(documents, as_json, printed)


def _draws(bars: Progress, seed: int, resamples: int) -> Callable[[str], Bootstrap]:
    def of(name: str) -> Bootstrap:
        bar = bars.add_task(name, total=FITS * resamples)
        return Bootstrap(seed=seed, resamples=resamples, advance=lambda: bars.advance(bar))

    return of


def _save(output: Path, reports: list[LawReport], documents: list[dict[str, Any]]) -> list[Path]:
    from scaling.figures.law import save_law  # noqa: PLC0415  matplotlib takes a second, which is rarely needed

    write_json(output / "laws.json", documents)
    written = [output / "laws.json"]
    for number, report in enumerate(reports):
        name = "law" if len(reports) == 1 else f"law_{number + 1}"
        written += save_law(report, output / name)
    return written


def print_report(report: LawReport) -> None:
    """Print the laws of one source, then what was predicted, then where there is none."""
    source = report.source
    console.print(
        f"[bold]{escape(source.name)}[/bold]: error = E + A·(C / smallest)^(−a), C in {source.cost}"
    )
    console.print(_about(source))
    if fitted := [law for law in report.laws if law.refusal is None]:
        _print_laws(fitted)
    for law in report.laws:
        if law.refusal is not None:
            console.print(
                f"[bold]{law.strategy}[/bold] ({law.networks} networks): no law. {_sentence(law.refusal)}"
            )
    _print_surface(report.surface)
    console.print()


def _about(source: LawData) -> str:
    parts = [f"{source.epochs} epochs" if source.epochs is not None else ""]
    parts.append(
        "seeds: not known, one training each"
        if source.noise is None
        else f"seeds spread by {100 * source.noise:.2f} points"
    )
    if source.left_out:
        parts.append(f"{source.left_out} shorter trainings left out")
    return "; ".join(part for part in parts if part)


def _print_laws(laws: list[CostLaw]) -> None:
    rows: list[tuple[str, ...]] = []
    for law in laws:
        assert law.exponent is not None and law.floor is not None and law.amplitude is not None  # noqa: PT018
        about = (escape(law.strategy), str(law.networks), f"{law.factor:.3g}×")
        rows.append((*about, "a", *_cells(law.exponent, 2)))
        rows.append(("", "", "", "E %", *_cells(law.floor, 1, 100)))
        rows.append(("", "", "", "A %", *_cells(law.amplitude, 1, 100)))
    print_table(("strategy", "networks", "cost", "", "fitted", "from", "to"), rows)
    console.print("From, to: 95 %, of bootstrap resamples and model error.")
    for law in laws:
        console.print(f"[bold]{escape(law.strategy)}[/bold], largest held out: {_predicted(law.held_out)}")


def _predicted(held: HeldOut | None) -> str:
    if held is None:
        return "not tried, too few scales would be left."
    found = held.predicted
    verdict = "inside" if held.inside else "OUTSIDE"
    return (
        f"predicted {100 * found.value:.2f} % ({100 * found.low:.2f} to {100 * found.high:.2f}), measured "
        f"{100 * held.observed:.2f} %: off by {100 * (found.value - held.observed):+.2f} points, "
        f"{verdict} the interval."
    )


def _print_surface(surface: SurfaceLaw) -> None:
    console.print("[bold]surface[/bold]: error = E + A_d·d^(−p) + A_w·w^(−q) + A_r·r^(−s)")
    limit, first = surface.bases(), surface.bases(first_step=True)
    if surface.refusal is not None or limit is None or first is None:
        console.print(f"No law. {_sentence(surface.refusal or '')}")
        return
    rows = []
    for dimension, letter, power in zip(DIMENSIONS, "dwr", "pqs", strict=True):
        rows.append((f"{power} of {dimension}", *_cells(surface.exponents()[dimension], 2)))
        rows.append((f"A_{letter} %", *_cells(surface.amplitudes()[dimension], 1, 100)))
    print_table((f"{surface.networks} networks", "fitted", "from", "to"), rows)
    console.print(f"largest held out: {_predicted(surface.held_out)}")
    print_table(
        ("at α·β²·γ² = 2", "limit", "from", "to", "first", "from", "to", "paper"),
        (
            (name, *_cells(far, 3), *_cells(near, 3), f"{PAPER_BASES[name]:g}")
            for name, far, near in zip(BASES, limit, first, strict=True)
        ),
    )
    console.print(
        "limit: constant bases of ever larger networks, by the exponents alone; first: best step from the "
        "baseline to twice its cost."
    )


def _cells(one: Estimate, digits: int, unit: float = 1.0) -> tuple[str, str, str]:
    value, low, high = (f"{unit * figure:.{digits}f}" for figure in (one.value, one.low, one.high))
    return value, low, high


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
