"""Prints a noise floor: how far seeds alone move an accuracy, and how many of them a comparison needs."""

from __future__ import annotations

import math

from scaling.analysis.floor import NoiseReport
from scaling.cli.output import Columns, console, print_table, table_by


def print_noise(report: NoiseReport) -> None:
    """Print a noise floor in points of top-1, and the seeds that it asks for."""
    floor, (low, high) = report.floor, report.limits
    if report.top1 is not None:
        top1 = report.top1
        console.print(
            f"top-1 {100 * top1.value:.2f} % ({100 * top1.low:.2f} to {100 * top1.high:.2f}: 95 % t interval "
            f"of the mean of {top1.count} seeds)"
        )
    spread = f"{100 * floor.standard_deviation:.2f} ({100 * low:.2f} to {100 * high:.2f})"
    spreads = [("from seed to seed", spread)]
    if report.parts is not None:
        spreads.append(("  of it: finitely many images", _root(report.parts.sampling)))
        spreads.append(("  of it: networks that differ", _root(report.parts.training)))
    spreads.append(("choice of validation images", f"{100 * report.validation_error:.2f}"))
    print_table(("in points of top-1", "std. dev."), spreads)
    console.print(
        f"Brackets: 95 % chi-square interval, {floor.degrees_of_freedom} degrees of freedom"
        f"{f', {report.networks} networks pooled' if report.networks > 1 else ''}. Parts add up as squares. "
        f"Last line: standard error of one accuracy on {report.validation_images:,} images, which networks "
        "judged on the same images share."
    )
    if report.parts is None:
        bound = min(report.validation_error / floor.standard_deviation, 1) if floor.standard_deviation else 1
        console.print(
            f"Finitely many images make at most {100 * bound**2:.0f} % of the variance from seed to seed."
        )
    columns: Columns = {
        "difference": lambda row: f"{100 * row.difference:g} points",
        "seeds each": lambda row: _count(row.seeds),
        "if spread low": lambda row: _count(row.at_low),
        "if high": lambda row: _count(row.at_high),
    }
    console.print(table_by(columns, report.needed))
    console.print("Two-sided t-test at 95 %, power 80 %, one comparison.")


def _root(variance: float) -> str:
    return f"{100 * math.sqrt(variance):.2f}" if variance >= 0 else "0 (not seen)"


def _count(seeds: int | None) -> str:
    return "over a million" if seeds is None else f"{seeds:,}"
