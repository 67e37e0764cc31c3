"""`scaling runs`: look at the store of trainings, and tidy it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from scaling.cli.options import PATH
from scaling.cli.output import Columns, answer, compose, console, json_option, say, table_by
from scaling.errors import ResultsError, printable
from scaling.runs.record import Record
from scaling.runs.store import DEFAULT_STORE, Store
from scaling.runs.tidy import (
    StoredTraining,
    delete_unneeded,
    names_of,
    remove_trainings,
    stored_trainings,
    unneeded,
    whole_key,
)

WIDE = 104
"""Columns that the whole table needs."""
SHOWN = 10
"""Letters of a key that a table shows; enough to name it."""
LEVELS = "▁▂▃▄▅▆▇█"

ORDERS: dict[str, Callable[[StoredTraining], Any]] = {
    "when": lambda row: row.finished,
    "top1": lambda row: -1.0 if row.top1 is None else row.top1,
    "network": lambda row: row.network,
    "data": lambda row: row.data,
    "seed": lambda row: -1 if row.seed is None else row.seed,
    "epochs": lambda row: row.epochs,
    "state": lambda row: row.state,
}

places = compose(
    click.option("--store", "store_path", type=PATH, default=DEFAULT_STORE, help="The store."),
    click.option(
        "--runs",
        "runs_path",
        type=PATH,
        default=DEFAULT_STORE.parent,
        help="Folder of the runs, whose trainings are named.",
    ),
)


@click.group()
def runs() -> None:
    """Look at what was trained, and tidy it."""


@runs.command("ls")
@places
@click.option("--sort", type=click.Choice(list(ORDERS)), default="when", help="Order, the largest first.")
@click.option("--reverse", is_flag=True, help="The smallest first.")
@json_option
def ls(store_path: Path, runs_path: Path, sort: str, reverse: bool, as_json: bool) -> None:
    """List every training of the store."""
    del runs_path
    rows = sorted(stored_trainings(Store(path=store_path)), key=ORDERS[sort], reverse=not reverse)
    answer([asdict(row) for row in rows], as_json, lambda: _print_list(store_path, rows))


def _print_list(store_path: Path, rows: Sequence[StoredTraining]) -> None:
    """Print a table, all of it where nobody looks; a narrow terminal gets fewer columns, and a hint."""
    states = sorted(Counter(row.state for row in rows).items())
    counts = ", ".join(f"{count} {state}" for state, count in states)
    say(f"{len(rows)} trainings in {store_path}" + (f": {counts}" if rows else ""))
    if not rows:
        return
    wide = not console.is_terminal or console.width >= WIDE
    table = stored_table(rows, wide=wide)
    console.print(table, width=None if console.is_terminal else 200, crop=False)
    if not wide:
        console.print("data set and time: in a wider terminal, or with --json")


def stored_table(rows: Sequence[StoredTraining], *, wide: bool) -> Table:
    """Return a table of trainings, with data set and time where there is room for a wide one."""
    columns: Columns = {
        "key": lambda row: row.key[:SHOWN],
        "network": lambda row: _text(row.network, 24 if wide else 12),
        "seed": lambda row: "" if row.seed is None else str(row.seed),
        "epochs": "{row.epochs}",
        "top-1": lambda row: "" if row.top1 is None else f"{100 * row.top1:.1f} %",
        "state": "{row.state}",
    }
    if wide:
        columns["data"] = lambda row: _text(row.data, 14)
        columns["when"] = lambda row: row.finished[:16].replace("T", " ")
    table = table_by(columns, rows)
    for column in table.columns:
        column.no_wrap, column.overflow = True, "ellipsis"
    return table


def _text(foreign: str, most: int) -> str:
    line = printable(foreign)
    return escape(line if len(line) <= most else line[: most - 1] + "…")


@runs.command("show")
@click.argument("key")
@places
@json_option
def show(key: str, store_path: Path, runs_path: Path, as_json: bool) -> None:
    """Show one training: its result, its curve, and the runs that name it."""
    store = Store(path=store_path)
    whole = whole_key(store, key)
    record = store.find(whole)
    if record is None:
        raise ResultsError(f"the record {whole} is damaged; what names it trains it again")
    named_by = [str(path) for path in names_of(runs_path).get(whole, [])]
    document = {**record.document(), "named_by": named_by}
    answer(document, as_json, lambda: _print_record(record, named_by))


def _print_record(record: Record, named_by: Sequence[str]) -> None:
    """Print what a record says, its result first, then its curve, one row an epoch."""
    epochs, recipe = len(record.curve), record.identity.get("recipe", {}).get("epochs", "?")
    top1, images = record.top1, (record.result or {}).get("validation_images")
    result = "" if top1 is None else f": {100 * top1:.2f} % of {images} validation images right"
    lines = [f"{record.state}{result}, {epochs} of {recipe} epochs"]
    if record.error:
        lines.append(f"error     {_text(record.error, 300)}")
    figures = {
        "key": record.key,
        "network": record.provenance.get("network", ""),
        "data": record.identity.get("data", {}).get("name", ""),
        "seed": record.identity.get("seed", ""),
        "device": f"{record.provenance.get('device', '')}, kernels {record.provenance.get('kernels', '')}",
        "finished": record.provenance.get("finished", ""),
        "named by": ", ".join(named_by) or "no run",
    }
    lines += [f"{name:9s} {_text(str(value), 300)}" for name, value in figures.items()]
    if epochs > 1:
        lines.append(f"top-1     {sparkline([point.top1 for point in record.curve], console.encoding)}")
    for line in lines:
        console.print(line, soft_wrap=True)
    columns: Columns = {
        "epoch": "{row.epoch}",
        "loss": "{row.loss:.4f}",
        "validation loss": "{row.validation_loss:.4f}",
        "top-1": lambda row: f"{100 * row.top1:.2f} %",
        "learning rate": "{row.learning_rate:.2e}",
        "s": "{row.seconds:.1f}",
    }
    if record.curve:
        console.print(table_by(columns, record.curve))


def sparkline(values: Sequence[float], encoding: str = "utf-8", most: int = 60) -> str:
    """Return values as a row of bars, the smallest lowest; plain letters where there are no bars.

    >>> sparkline([0.1, 0.5, 0.9]), sparkline([0.1, 0.9], "ascii")
    ('▁▅█', '.#')
    """
    levels = LEVELS if "utf" in encoding.lower() else ".:-=+*%#"
    chosen = values if len(values) <= most else [values[i * len(values) // most] for i in range(most)]
    finite = [value for value in chosen if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    span = (high - low) or 1.0
    top = len(levels) - 1
    return "".join(
        levels[math.floor((v - low) / span * top + 0.5)] if math.isfinite(v) else " " for v in chosen
    )


@runs.command("rm")
@click.argument("keys", nargs=-1, required=True)
@places
@click.option("--force", is_flag=True, help="Although a run names it: it is trained again when that goes on.")
def rm(keys: tuple[str, ...], store_path: Path, runs_path: Path, force: bool) -> None:
    """Remove records by their keys, or the first letters of them."""
    store = Store(path=store_path)
    whole = sorted({whole_key(store, key) for key in keys})
    remove_trainings(store, whole, runs_path, force=force)
    console.print(f"removed {len(whole)} record{'s' if len(whole) > 1 else ''}")


@runs.command("gc")
@places
@click.option("--delete", is_flag=True, help="Delete it; without this nothing is touched.")
def gc(store_path: Path, runs_path: Path, delete: bool) -> None:
    """Show what no run needs: records, old checkpoints, temporary files.

    A record that any run below --runs names stays, and so does a checkpoint that may be in use.
    """
    store = Store(path=store_path)
    found = unneeded(store, runs_path)
    size = f"{found.bytes / 1e6:.1f} MB"
    if not found.files:
        console.print("nothing to tidy: every record is named by a run")
        return
    if delete:
        console.print(f"deleted {delete_unneeded(store, found, runs_path)} files, {size}")
        return
    console.print(f"{len(found.files)} files, {size}, are needed by no run; --delete removes them")
    for name, paths in (
        ("record", found.records), ("checkpoint", found.checkpoints), ("temporary file", found.temporary)
    ):  # fmt: skip
        for path in paths:
            console.print(f"{name}  {_text(str(path.relative_to(store.path)), 100)}", soft_wrap=True)
