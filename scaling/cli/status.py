"""`run_search.py status`: a run at this moment, from any terminal."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.console import Group
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table

from scaling.analysis import noise_floor, ranked
from scaling.cli.options import run_folder_argument
from scaling.cli.output import answer, console, json_option, table_of
from scaling.errors import ConfigError
from scaling.library.searching import SearchRun, load_search
from scaling.plans.search.conclusion import conclusion
from scaling.plans.search.status import SearchStatus

QUIET_S = 600
"""Seconds without a word of the coordinator after which the reader is warned."""


@click.command()
@run_folder_argument
@click.option("--watch", is_flag=True, help="Go on showing it until the run ends or Ctrl-C.")
@click.option(
    "--every", "every_s", type=click.FloatRange(min=0.5), default=2.0, help="Seconds between looks (2)."
)
@json_option
def status(run_folder: Path, watch: bool, every_s: float, as_json: bool) -> None:
    """Show a run at this moment: progress, what is trained, best so far, failures, time left.

    It reads the run's folder and its records, so it works at any moment and from any terminal.
    """
    if watch and as_json:
        raise ConfigError("give --watch or --json, not both")

    def look() -> dict[str, Any]:
        found = load_search(run_folder)
        document = status_document(found.status())
        return {**document, "conclusion": _conclusion(found) if document["finished"] else None}

    if watch:
        _watch(look, every_s)
    else:
        document = look()
        answer(document, as_json, lambda: console.print(rendered(document)))


def _conclusion(found: SearchRun) -> str | None:
    """Return what a finished run has found, in a sentence; None where no surface can be fitted."""
    surface = found.result["surface"]
    return None if "refusal" in surface else conclusion(surface, found.config.setup.data.name)[0]


def _watch(look: Callable[[], dict[str, Any]], every_s: float) -> None:
    """Redraw in a terminal; elsewhere print a line whenever something has changed."""
    document, last = look(), ""
    with Live(rendered(document), console=console, auto_refresh=False) as live:
        while True:
            if console.is_terminal:
                live.update(rendered(document), refresh=True)
            elif (line := progress_line(document)) != last:
                click.echo(line)
                last = line
            if document["finished"]:
                break
            time.sleep(every_s)
            document = look()


def status_document(found: SearchStatus) -> dict[str, Any]:
    """Return a run's status as plain data; `null` where nothing can be said yet."""
    return {
        "experiment": found.experiment,
        "question": found.question,
        "finished": found.finished,
        "networks": found.networks,
        "trainings": {"done": found.done, "left": found.left},
        "share_of_work": found.share,
        "eta_s": found.eta_s,
        "silent_s": found.silent_s,
        "interrupted": found.interrupted,
        "training": [
            {
                "label": one.label,
                "seed": one.seed,
                "worker": one.worker,
                "since_s": one.since_s,
                "epochs": one.epochs,
            }
            for one in found.running
        ],
        "best": _best(found),
        "failures": [{"reason": reason, "trials": trials} for reason, trials in found.failures.items()],
    }


def _best(found: SearchStatus) -> dict[str, Any] | None:
    """Return the network of the highest mean so far, with its 95 % interval and how many rival it."""
    noise = noise_floor(found.trials, found.images)
    frame = ranked(found.trials, noise)
    if frame.empty:
        return None
    first = frame.iloc[0]
    return {
        "trial": int(first["trial"]),
        "kind": str(first["kind"]),
        "name": str(first["name"]),
        "top1": float(first["top1"]),
        "seeds": int(first["seeds"]),
        "half_width": None if noise is None else noise.reach(int(first["seeds"])),
        "networks": len(frame),
        "not_distinguishable": None if noise is None else int((frame["verdict"] == "same").sum()),
    }


def rendered(document: dict[str, Any]) -> Group:
    """Lay a status out for people, in 60 columns."""
    parts: list[Any] = [
        f"[bold]{escape(document['experiment'])}[/bold]: {escape(document['question'])}",
        _bar(document["share_of_work"]),
        progress_line(document),
    ]
    if document["training"]:
        parts += ["", _running(document)]
    said = document.get("conclusion") or best_line(document["best"])
    parts += ["", escape(said), *_troubles(document)]
    return Group(*parts)


def _bar(share: float) -> Table:
    grid = Table.grid()  # a bar alone ends without a new line
    grid.add_row(ProgressBar(total=1.0, completed=share, width=40))
    return grid


def progress_line(document: dict[str, Any]) -> str:
    """Say in one line how far a run is.

    >>> progress_line({"finished": True, "share_of_work": 1.0, "networks": {"complete": 7},
    ...     "trainings": {"done": 15, "left": 0}, "eta_s": 0.0})
    'finished: 15 trainings done; networks: 7 complete'
    """
    networks = ", ".join(
        f"{count} {state.replace('_', ' ')}" for state, count in document["networks"].items() if count
    )
    done, left = document["trainings"]["done"], document["trainings"]["left"]
    if document["finished"]:
        return f"finished: {done} trainings done; networks: {networks}"
    share, eta = 100 * document["share_of_work"], document["eta_s"]
    ending = (
        "time left not known before the first training ends" if eta is None else f"about {clock(eta)} left"
    )
    return f"{share:.0f} % of the work, {done} of {done + left} trainings, {ending}; networks: {networks}"


def _running(document: dict[str, Any]) -> Table:
    table = table_of("training", "seed", "epochs", "since")
    for one in document["training"]:
        seed = "" if one["seed"] is None else str(one["seed"])
        table.add_row(one["label"], seed, str(one["epochs"]), clock(one["since_s"]))
    return table


def best_line(best: dict[str, Any] | None) -> str:
    """Say which network is best so far, and how little that may mean."""
    if best is None:
        return "no network has an accuracy yet"
    name = best["name"] if best["kind"] == "reference" else f"trial {best['trial']}"
    seeds = "1 seed" if best["seeds"] == 1 else f"{best['seeds']} seeds"
    if best["half_width"] is None:
        return f"highest so far: {name}, {100 * best['top1']:.1f} % ({seeds}; no interval yet)"
    interval = f"{100 * best['top1']:.1f} ± {100 * best['half_width']:.1f} %"
    rivals = f"{best['not_distinguishable']} of {best['networks'] - 1} others"
    return f"highest so far: {name}, {interval} ({seeds}, 95 %); {rivals} not significantly different"


def _troubles(document: dict[str, Any]) -> list[str]:
    lines = []
    for failure in document["failures"]:
        numbers = ", ".join(map(str, failure["trials"]))
        lines.append(f"trial {numbers}: {escape(failure['reason'])}")
    silent = document["silent_s"]
    if not document["finished"] and document["interrupted"]:
        lines.append("the run was interrupted: `run_search.py resume` goes on where it died")
    elif not document["finished"] and silent is None:
        lines.append("nothing is being trained: `run_search.py resume` goes on")
    elif not document["finished"] and silent is not None and silent > QUIET_S:
        lines.append(f"nothing was heard for {clock(silent)}: `run_search.py resume` goes on where it died")
    return lines


def clock(seconds: float) -> str:
    """Write a duration as minutes or hours.

    >>> clock(65), clock(8040)
    ('1:05 min', '2:14 h')
    """
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02} h"
