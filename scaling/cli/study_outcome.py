"""Prints what a study has found: networks, the prediction beside the outcome, what all of it rests on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rich.markup import escape

from scaling.cli.fit import print_report
from scaling.cli.noise_floor import print_noise
from scaling.cli.output import Columns, console, table_by, table_of
from scaling.plans.networks import CONFIRM
from scaling.plans.study.card import Answer
from scaling.plans.study.conclusions import Conclusions, Judged, JudgedSpread
from scaling.plans.study.config import Noise
from scaling.plans.study.equality import calibration_words, measured_words, training_words
from scaling.plans.study.outcome import StudyOutcome
from scaling.runs.arithmetic import arithmetic_words


def print_outcome(outcome: StudyOutcome) -> None:
    """Print networks, learning rates, the prediction beside the outcome, and what all of it rests on."""
    found = outcome.conclusions
    console.print(f"[bold]{escape(outcome.conclusion)}[/bold]")
    _print_networks(outcome)
    if outcome.laws is not None:
        print_report(outcome.laws)
    _print_expected(found)
    if outcome.document["winner"] is not None:
        shares = outcome.document["winner"]["shares"]
        console.print("step 1 chose " + ", ".join(f"{name} {share:.2f}" for name, share in shares.items()))
    console.print(f"[bold]Predicted:[/bold] {escape(outcome.plan.study.prediction)}")
    if isinstance(outcome.plan.design, Noise) and outcome.noise is not None:
        print_noise(outcome.noise)
    _print_basis(outcome)


def _print_networks(outcome: StudyOutcome) -> None:
    rows = outcome.document["networks"]
    rates = sorted({row["learning_rate_factor"] for row in rows} - {1.0})
    by_name: dict[tuple[str, str], dict[float, dict[str, Any]]] = {}
    for row in rows:
        by_name.setdefault((row["kind"], row["name"]), {})[row["learning_rate_factor"]] = row
    columns: Columns = {
        "network": lambda row: row[1.0]["name"] + (" again" if row[1.0]["kind"] == CONFIRM else ""),
        "px": lambda row: str(row[1.0]["image_size"] or ""),
        "cost": lambda row: f"{row[1.0]['achieved_factor']:.2f}×" if row[1.0]["achieved_factor"] else "",
        "n": lambda row: str(len(row[1.0]["seeds"])),
        "top-1 %": lambda row: _mean(row[1.0], interval=True),
        **{f"lr ×{rate:g}": _mean_at(rate) for rate in rates},
    }
    console.print(table_by(columns, by_name.values()))
    for one in outcome.document["not_on_target"]:
        console.print(f"not trained: {one['problem']}", soft_wrap=False)


def _mean_at(rate: float) -> Callable[[Any], str]:
    return lambda row: _mean(row.get(rate))


def _mean(row: dict[str, Any] | None, *, interval: bool = False) -> str:
    if row is None or row["mean"] is None:
        return ""
    reach = f"±{50 * (row['high'] - row['low']):.1f}" if interval and row["high"] is not None else ""
    return f"{100 * row['mean']:.1f}{reach}"


def _print_expected(found: Conclusions) -> None:
    rates = [one.learning_rate_factor for one in found.expected]
    for rate in dict.fromkeys(rates if found.spread is None else [*rates, 1.0]):
        table = table_of(f"expected, learning rate ×{rate:g}", "points", "p", "")
        table.columns[0].no_wrap = False
        table.columns[-1].justify = "left"
        for one in found.expected:
            if one.learning_rate_factor == rate:
                table.add_row(escape(one.claim), *_contrast(one), one.verdict)
        if found.spread is not None and rate == 1:
            table.add_row(found.spread.claim, _standard_deviation(found.spread), "", found.spread.verdict)
        console.print(table)


def _standard_deviation(one: JudgedSpread) -> str:
    if one.floor is None:
        return ""
    low, high = one.floor.limits()
    return f"{100 * one.floor.standard_deviation:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def _contrast(one: Judged) -> tuple[str, str]:
    if one.contrast is None:
        return "", ""
    found = one.contrast
    gap = " " if console.width >= 72 else "\n"  # a narrow terminal breaks it here rather than anywhere
    points = f"{100 * found.value:+.1f}{gap}({100 * found.low:+.1f} to {100 * found.high:+.1f})"
    return points, "<.001" if found.p_holm < 0.001 else f"{found.p_holm:.3f}"


def _print_basis(outcome: StudyOutcome) -> None:
    found, plan, networks = outcome.conclusions, outcome.plan, outcome.state.networks
    lines = [
        f"Equal {training_words(plan, networks)}; seeds {list(plan.table.seeds)}, paired.",
        *calibration_words(plan, networks),
        *measured_words(outcome.document.get("latency")),
        *arithmetic_words(outcome.document["arithmetic"]),
    ]
    if found.validation_error is not None:
        lines.append(
            f"Judged on {found.validation_images:,} validation images: standard error "
            f"{100 * found.validation_error:.2f} points, which networks share."
        )
    for rate, floor in found.noise:
        lines.append(
            f"Seeds spread by {100 * floor.standard_deviation:.2f} points at learning rate ×{rate:g} "
            f"({floor.degrees_of_freedom} degrees of freedom)."
        )
    lines.append("±, brackets: 95 % t intervals, not corrected; p: Holm within a learning rate.")
    gaps = sum(one.state == Answer.GAP for one in outcome.card)
    lines.append(f"Reproducibility card: {len(outcome.card)} items, gaps: {gaps} (card.md).")
    for line in lines:
        console.print(line)
