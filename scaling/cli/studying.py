"""What `scaling study` does between its options and its last line: train, write, print."""

from __future__ import annotations

from typing import Any

import pandas as pd
from rich.markup import escape

from scaling.analysis import usual_difference
from scaling.atomic_write import write_json
from scaling.cli.fit import print_report
from scaling.cli.fit_document import fit_document
from scaling.cli.kernels import measuring
from scaling.cli.output import console, counting_bars, emit_json, errors, table_of
from scaling.figures import save_run_figures
from scaling.figures.law import save_law
from scaling.runs.trials_table import at_own_rate
from scaling.studies.conclusions import Conclusions, Judged, JudgedSpread
from scaling.studies.config import Design, SearchThenFamily, Size
from scaling.studies.equality import calibration_words, training_words
from scaling.studies.folder import StudyFolder
from scaling.studies.outcome import Outcome, outcome_of, record_of, write_outcome
from scaling.studies.times import measured_times, measured_words
from scaling.studies.trials import Bench, state_of
from scaling.training.job import TrainingJob
from scaling.training.store import TrainingStore, packing_of_jobs, train_jobs
from scaling.training.trained import Trained

CHARTS: dict[str, tuple[str, ...]] = {
    "ladder": ("run_methods", "run_noise"),
    "grid": ("run_widths", "run_noise"),
    "search_then_family": ("run_methods", "run_triangle"),
    "noise": ("run_noise",),
}
"""Charts of each design."""


def train(bench: Bench, store: TrainingStore, *, workers: int | None) -> bool:
    """Train what is missing, and what follows from it; False where Ctrl-C or SIGTERM stopped it.

    A training that failed is tried once a launch.
    """
    study = bench.study
    errors.print(f"[bold]{escape(bench.title)}[/bold]: {escape(study.question)}")
    tried: set[str] = set()
    try:
        while True:
            state = state_of(bench, store)
            again = [job for key, job in state.failed.items() if key not in tried]
            jobs = [*state.missing, *again]
            if not jobs:
                return True
            tried |= set(state.failed)
            tried |= _train(store, jobs, workers)
    except KeyboardInterrupt:
        return False


def _train(store: TrainingStore, jobs: list[TrainingJob], workers: int | None) -> set[str]:
    packing = packing_of_jobs(jobs, store.device, workers)
    epochs = sorted({job.recipe.epochs for job in jobs})
    span = f"{epochs[0]}" if len(epochs) == 1 else f"{epochs[0]} to {epochs[-1]}"
    errors.print(f"{len(jobs)} trainings of {span} epochs; {packing}", soft_wrap=True)
    ended: set[str] = set()
    with measuring() as progress, counting_bars() as bars:
        bar = bars.add_task("trainings", total=len(jobs))

        def note(trained: Trained) -> None:
            ended.add(trained.key)
            bars.advance(bar)
            if trained.error is not None:
                errors.print(f"{trained.provenance['network']} failed: {trained.error}", soft_wrap=True)

        train_jobs(jobs, store, workers=workers, on_end=note, progress=progress)
    return ended


def conclude(
    bench: Bench, store: TrainingStore, folder: StudyFolder, size: Size, *, as_json: bool, quietly: bool
) -> None:
    """Write everything that a study has by now, and print it unless it was stopped."""
    state = state_of(bench, store)
    record = record_of(bench, state, store, folder)
    with measuring("measuring times") as progress:
        times = measured_times(bench, state.members, progress) if state.complete else None
    outcome = outcome_of(bench, state, size, record, times)
    write_outcome(outcome, folder, record)
    _charts(outcome, folder)
    if outcome.laws is not None:
        write_json(folder.laws, fit_document(outcome.laws))
    if quietly:
        errors.print(f"{len(state.missing)} trainings are missing; what the others show is written")
        return
    if as_json:
        emit_json(outcome.document)
        return
    print_outcome(outcome)
    console.print(f"\n{folder.path}", soft_wrap=True)


def _charts(outcome: Outcome, folder: StudyFolder) -> None:
    rows = at_own_rate(outcome.trials)
    named = rows.assign(name=rows["strategy"].where(rows["kind"] == "reference", rows["name"]))
    if not (named["state"] == "complete").any():
        return
    noise, design = usual_difference(named), outcome.bench.study.design
    for name in CHARTS[design.kind]:
        save_run_figures(
            _searched(named, design) if name == "run_triangle" else named,
            folder.figures,
            title=outcome.bench.title,
            noise=noise,
            names=(name,),
        )
    if outcome.laws is not None:
        save_law(outcome.laws, folder.figures / "law")


def _searched(trials: pd.DataFrame, design: Design) -> pd.DataFrame:
    """Return the networks at the cost that was searched; the family's larger ones share their directions."""
    return (
        trials[trials["target_factor"] == design.factor] if isinstance(design, SearchThenFamily) else trials
    )


def print_outcome(outcome: Outcome) -> None:
    """Print networks, learning rates, the prediction beside the outcome, and what all of it rests on."""
    found = outcome.conclusions
    _print_networks(outcome)
    if outcome.laws is not None:
        print_report(outcome.laws)
    _print_expected(found)
    if outcome.document["winner"] is not None:
        shares = outcome.document["winner"]["shares"]
        console.print("step 1 chose " + ", ".join(f"{name} {share:.2f}" for name, share in shares.items()))
    console.print(f"[bold]Predicted:[/bold] {escape(outcome.bench.study.prediction)}")
    console.print(f"[bold]Outcome:[/bold] {found.verdict}{_survival(found)}")
    _print_basis(outcome)


def _print_networks(outcome: Outcome) -> None:
    rates = sorted(
        {row["learning_rate_factor"] for row in outcome.document["networks"]}, key=lambda r: (r != 1, r)
    )
    headings = ["px", "cost", "n", "top-1 %", *(f"lr ×{rate:g}" for rate in rates[1:])]
    table = table_of("network", *headings)
    by_name: dict[tuple[str, str], dict[float, dict[str, Any]]] = {}
    for row in outcome.document["networks"]:
        by_name.setdefault((row["kind"], row["name"]), {})[row["learning_rate_factor"]] = row
    for (kind, name), rows in by_name.items():
        own = rows[1.0]
        size = "" if own["image_size"] is None else str(own["image_size"])
        cost = "" if own["achieved_factor"] is None else f"{own['achieved_factor']:.2f}×"
        others = [_mean(rows.get(rate)) for rate in rates[1:]]
        suffix = " again" if kind == "confirm" else ""
        table.add_row(
            f"{name}{suffix}", size, cost, str(len(own["seeds"])), _mean(own, interval=True), *others
        )
    console.print(table)
    for one in outcome.document["not_on_target"]:
        console.print(f"not trained: {one['problem']}", soft_wrap=False)


def _mean(row: dict[str, Any] | None, *, interval: bool = False) -> str:
    if row is None or row["mean"] is None:
        return ""
    reach = f"±{50 * (row['high'] - row['low']):.1f}" if interval and row["high"] is not None else ""
    return f"{100 * row['mean']:.1f}{reach}"


def _print_expected(found: Conclusions) -> None:
    if not found.expected:
        return
    for rate in dict.fromkeys(one.learning_rate_factor for one in found.expected):
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


def _survival(found: Conclusions) -> str:
    if found.survives is None:
        return ""
    kept = "the same at every learning rate" if found.survives else "NOT the same at every learning rate"
    return f"; {kept}"


def _print_basis(outcome: Outcome) -> None:
    found, bench = outcome.conclusions, outcome.bench
    members = outcome.state.members
    lines = [
        f"Equal {training_words(bench, members)}; seeds {list(bench.size.seeds)}, paired.",
        *calibration_words(bench, members),
        *measured_words(outcome.document.get("latency")),
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
    missing, gaps = len(outcome.state.missing), sum(one.state == "gap" for one in outcome.card)
    if missing or not outcome.state.final:
        lines.append(f"PARTIAL: {missing} trainings are missing" + ("" if missing else "; more follow") + ".")
    lines.append(f"Reproducibility card: {len(outcome.card)} items, gaps: {gaps} (card.md).")
    for line in lines:
        console.print(line)
