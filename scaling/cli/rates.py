"""Prints the learning rates of a setup, bracketed before anything is compared, and what that costs."""

from __future__ import annotations

from scaling.cli.output import answer, console, say, table_of
from scaling.library.bracketing import RatesRun
from scaling.plans.study.rates import RatesPlan
from scaling.runs.store import Known, Store


def print_rates(run: RatesRun) -> None:
    """Print the best rate everywhere, then every ladder: validation loss, and top-1 below it."""
    outcome = run.outcome
    say(outcome.conclusion, style="bold")
    table = table_of("network", "rate", "validation loss", "top-1 %", "")
    table.columns[-1].justify = "left"
    for ladder in outcome.ladders:
        bracket = ladder.bracket
        for rung in bracket.rungs:
            diverged = rung.validation_loss is None
            best = rung == bracket.best
            table.add_row(
                bracket.name if rung == bracket.rungs[0] else "",
                f"{rung.learning_rate:g}",
                "diverged" if diverged else f"{rung.validation_loss:.4f}",
                "" if rung.top1 is None else f"{100 * rung.top1:.1f}",
                ("best" if not bracket.open_side else "best so far") if best else "",
                style="bold" if best else "",
            )
    console.print(table)
    seeds = len(outcome.plan.seeds)
    console.print(f"Means of {seeds} seed{'' if seeds == 1 else 's'}; best: lowest validation loss.")
    if outcome.rates is not None:
        slopes = zip(("depth", "width", "resolution"), outcome.rates.slopes, strict=True)
        words = ", ".join(f"{name} {slope:+.2f}" for name, slope in slopes)
        console.print(f"Doublings of the rate per doubling of cost: {words}; between them log-linear.")


def print_rates_cost(plan: RatesPlan, store: Store, as_json: bool) -> None:
    """Print how many trainings are missing, as far as that is known."""
    missing = plan.next_jobs(Known(store=store), 1).jobs
    macs = sum(job.train_macs for job in missing)
    document = {"title": plan.title, "trainings": len(missing), "train_macs": macs}
    text = (
        f"{plan.title}: {len(missing)} trainings are missing now, {macs / 1e12:.3g} tera multiply-adds; more "
        "follow where a best rate is at an end of its ladder."
    )
    answer(document, as_json, lambda: console.print(text))
