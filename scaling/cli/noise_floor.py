"""Prints a noise floor: how far seeds alone move an accuracy, and how many of them a comparison needs."""

from __future__ import annotations

import math

from scaling.analysis.floor import NoiseReport
from scaling.cli.output import console, table_of


def print_noise(report: NoiseReport) -> None:
    """Print a noise floor in points of top-1, and the seeds that it asks for."""
    floor, (low, high) = report.floor, report.limits
    if report.top1 is not None:
        top1 = report.top1
        console.print(
            f"top-1 {100 * top1.value:.2f} % ({100 * top1.low:.2f} to {100 * top1.high:.2f}: 95 % t interval "
            f"of the mean of {top1.count} seeds)"
        )
    spreads = table_of("in points of top-1", "std. dev.")
    spreads.add_row(
        "from seed to seed",
        f"{100 * floor.standard_deviation:.2f} ({100 * low:.2f} to {100 * high:.2f})",
    )
    if report.parts is not None:
        spreads.add_row("  of it: finitely many images", _root(report.parts.sampling))
        spreads.add_row("  of it: networks that differ", _root(report.parts.training))
    spreads.add_row("choice of validation images", f"{100 * report.validation_error:.2f}")
    console.print(spreads)
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
    needed = table_of("difference", "seeds each", "if spread low", "if high")
    for row in report.needed:
        needed.add_row(
            f"{100 * row.difference:g} points", _count(row.seeds), _count(row.at_low), _count(row.at_high)
        )
    console.print(needed)
    console.print("Two-sided t-test at 95 %, power 80 %, one comparison.")


def _root(variance: float) -> str:
    return f"{100 * math.sqrt(variance):.2f}" if variance >= 0 else "0 (not seen)"


def _count(seeds: int | None) -> str:
    return "over a million" if seeds is None else f"{seeds:,}"
