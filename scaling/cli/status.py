"""`run_search.py status`: a run at this moment, from any terminal."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from scaling.analysis import noise_floor, ranked
from scaling.cli.found import place_of_run
from scaling.cli.output import console, emit_json, json_option, table_of
from scaling.cli.placing import storage_options
from scaling.errors import ConfigError
from scaling.search.folder import RunFolder
from scaling.search.snapshot import Snapshot, read_snapshot

QUIET_S = 600
"""Seconds without a sign of life after which the reader is told."""


@click.command()
@click.argument("run_folder", type=click.Path(path_type=Path))
@click.option("--watch", is_flag=True, help="Go on showing it until the run ends or Ctrl-C.")
@click.option(
    "--every", "every_s", type=click.FloatRange(min=0.5), default=2.0, help="Seconds between looks (2)."
)
@storage_options
@json_option
def status(
    run_folder: Path,
    watch: bool,
    every_s: float,
    storage: str | None,
    storage_file: Path | None,
    as_json: bool,
) -> None:
    """Show a run at this moment: progress, workers, best so far, failures, time left.

    It reads the run's database, so it works at any moment and from any terminal.
    """
    if watch and as_json:
        raise ConfigError("give --watch or --json, not both")
    folder = RunFolder(path=run_folder)
    place = place_of_run(folder, storage, storage_file)

    def look() -> dict[str, Any]:
        return status_document(read_snapshot(folder, place))

    if watch:
        _watch(look, every_s)
    elif as_json:
        emit_json(look())
    else:
        console.print(rendered(look()))


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


def status_document(found: Snapshot) -> dict[str, Any]:
    """Return a run's status as plain data; `null` where nothing can be said yet."""
    trials, left = found.trials, sum(piece.work for piece in found.left)
    with_result = trials[trials["top1"].notna() | (trials["state"] == "diverged")]
    done = float(with_result["macs"].sum())
    states = trials.groupby("trial")["state"].agg(
        lambda column: "waiting" if "waiting" in set(column) else column.iloc[-1]
    )
    return {
        "experiment": found.config.name,
        "question": found.config.question,
        "finished": found.finished,
        "networks": {
            **{str(state): count for state, count in sorted(Counter(states).items()) if state != "waiting"},
            "training": len(found.activities),
            "to_come": len(found.left) - len(found.activities),
        },
        "trainings": {"done": len(with_result), "left": sum(piece.trainings for piece in found.left)},
        "share_of_work": done / (done + left) if done + left > 0 else 0.0,
        "eta_s": found.eta_s,
        "quiet_s": found.quiet_s,
        "workers": [asdict(activity) for activity in found.activities],
        "best": _best(found),
        "failures": [asdict(failure) for failure in found.failures],
        "interruptions": found.interruptions,
    }


def _best(found: Snapshot) -> dict[str, Any] | None:
    """Return the network of the highest mean so far, with its 95 % interval and how many rival it."""
    noise = noise_floor(found.trials)
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
        f"[bold]{document['experiment']}[/bold]: {document['question']}",
        _bar(document["share_of_work"]),
        progress_line(document),
    ]
    if document["workers"]:
        parts += ["", _workers(document)]
    parts += ["", best_line(document["best"]), *_troubles(document)]
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


def _workers(document: dict[str, Any]) -> Table:
    table = table_of("worker", "trains", "seed", "since")
    table.columns[1].justify = "left"
    for one in document["workers"]:
        number = min(one["seeds_done"] + 1, one["seeds"])
        table.add_row(one["worker"], one["label"], f"{number} of {one['seeds']}", clock(one["since_s"]))
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
    return f"highest so far: {name}, {interval} ({seeds}, 95 %); {rivals} cannot be told from it"


def _troubles(document: dict[str, Any]) -> list[str]:
    lines = []
    for failure in document["failures"]:
        numbers = ", ".join(map(str, failure["trials"]))
        lines.append(f"{failure['state']}: trial {numbers}: {failure['reason']}")
    for reason, count in document["interruptions"].items():
        lines.append(f"put back {count}×: {reason}")
    quiet = document["quiet_s"]
    if not document["finished"] and not document["workers"]:
        lines.append("nobody is training: `run_search.py resume` goes on")
    elif not document["finished"] and quiet is not None and quiet > QUIET_S:
        lines.append(f"no network was begun or ended for {clock(quiet)}")
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
