"""The page itself: what the run's files hold, put into the template."""

from __future__ import annotations

import base64
import hashlib
import json
import shlex
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from scaling.atomic_write import write_text
from scaling.cost import count_cost
from scaling.drawings import render, variant_drawing
from scaling.figures import RUN_CHARTS, RunData
from scaling.figures.chart import RunChart
from scaling.network.architecture import ArchitectureSpec
from scaling.network.sides import input_sides
from scaling.provenance import utc_now
from scaling.report.findings import failures, findings, state_of
from scaling.report.front import front_of
from scaling.report.inline import embedded, inline_svg
from scaling.report.laws import CAPTION, RunLaws, laws_of
from scaling.report.record import RunRecord, read_record, trained_hours
from scaling.report.rows import columns_of, table_rows
from scaling.runs.setup import Setup
from scaling.tables import network_name


def save_report(folder: Path, output: Path, *, unverified: bool = False) -> Path:
    """Write the report of a run, or of its exported results, at any moment; the file is replaced in one step.

    `unverified` takes a table that was edited since it was exported.

    Raises:
        ResultsError: the folder is not a run's, a file is damaged, or the page cannot be written.
    """
    write_text(output, report_page(read_record(folder, unverified=unverified), now=utc_now()))
    return output


def report_page(
    record: RunRecord,
    *,
    now: str,
    charts: Mapping[str, RunChart] = RUN_CHARTS,
    figures: Path | None = None,
) -> str:
    """Return the report as one HTML document that loads nothing.

    Args:
        record: the run at this moment.
        now: when it was read, as text.
        charts: which to draw, in order, unless they say nothing about this run.
        figures: folder into which `save_run_figures` has just drawn them as SVG, to be used again; a chart
            that is not there is drawn.
    """
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("scaling.report"),
        autoescape=True,  # names, questions and errors come from users
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, script = _asset("report.css"), _asset("report.js")
    laws = laws_of(record)
    shown = {name: chart for name, chart in charts.items() if name not in record.left_out}
    page = templates.get_template("report.html.j2").render(
        style=Markup(style),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        zip=zip,
        **_content(record, now),
        charts=list(_charts(record.chart_data(), shown, figures, laws)),
        left_out=_left_out({name: why for name, why in record.left_out.items() if name in charts}),
        no_law=laws.refusal,
    )
    return page if page.endswith("\n") else page + "\n"


def _asset(name: str) -> str:
    return (files("scaling.report") / "templates" / name).read_text(encoding="utf-8")


def _content(record: RunRecord, now: str) -> dict[str, Any]:
    spec = record.best_spec()
    return {
        "name": record.name,
        "title": record.title,
        "question": record.config.get("question") or "No question was written down.",
        "prediction": record.config.get("prediction") or "No prediction was written down.",
        "state": state_of(record),
        "now": now,
        "findings": findings(record),
        "facts": list(_facts(record)),
        "front": front_of(record),
        "columns": columns_of(record),
        "rows": table_rows(record),
        "kinds": sorted(record.trials["kind"].dropna().unique()),
        "best": None if spec is None else _network(spec, record),
        "failures": failures(record.trials),
        "reasons": record.failures,
        "config": list(_settings(record.config)),
        "provenance": list(_settings({k: v for k, v in record.provenance.items() if k != "config"})),
        "commands": list(_commands(record)),
    }


def _facts(record: RunRecord) -> Iterator[tuple[str, str]]:
    """Cost of the study and how far it is."""
    trials, provenance = record.trials, record.provenance
    complete = trials[trials["state"] == "complete"]
    yield "networks trained", f"{len(record.ranking())}"
    pruned = int((trials["state"] == "pruned").sum())
    yield "trainings", f"{len(complete)} complete{f', {pruned} pruned' if pruned else ''} of {len(trials)}"
    hours = trained_hours(trials)
    yield "time in training", f"{60 * hours:.1f} minutes" if hours < 1 else f"{hours:.1f} hours"
    if record.settings is not None:
        yield "learning rate", _learning_rate(record.settings.setup)
    device = provenance.get("device") or "unknown"
    processor = provenance.get("processor")
    cores = provenance.get("cores")
    where = ", ".join(str(part) for part in (processor, f"{cores} cores" if cores else None) if part)
    yield "device", f"{device} ({where})" if where else str(device)
    yield "energy", "not measured"


def _learning_rate(setup: Setup) -> str:
    """Say which learning rates the networks had, and whether they were bracketed."""
    rates = setup.rates_in_use
    if rates is None:
        return f"{setup.recipe.learning_rate:g} for every network, not bracketed"
    best = ", ".join(f"{rate:g} {name}" for name, rate in rates.best.items())
    return f"bracketed at {rates.factor:g}×: {best}; interpolated between"


def _charts(
    run: RunData, charts: Mapping[str, RunChart], figures: Path | None, laws: RunLaws
) -> Iterator[dict[str, Any]]:
    for number, (name, chart) in enumerate(charts.items(), start=1):
        frame = chart.frame(run)
        yield {
            "name": name,
            "number": number,
            "caption": chart.caption,
            "alternative": chart.words(frame),
            "svg": Markup(_svg(name, chart, frame, run, figures)),
        }
    if laws.figure is not None:
        yield {
            "name": "law",
            "number": len(charts) + 1,
            "caption": CAPTION,
            "alternative": laws.words,
            "svg": Markup(inline_svg(laws.figure, "law-")),
        }


def _left_out(reasons: Mapping[str, str]) -> str:
    """Say in one line which charts are not drawn, those of one reason together."""
    names = {why: [name for name, own in reasons.items() if own == why] for why in reasons.values()}
    return "; ".join(f"{', '.join(some)}: {why}" for why, some in names.items())


def _svg(name: str, chart: RunChart, frame: pd.DataFrame, run: RunData, figures: Path | None) -> str:
    drawn = None if figures is None else figures / f"{name}.svg"
    if drawn is not None and drawn.is_file():
        return embedded(drawn.read_text(encoding="utf-8"), f"{name}-")
    return inline_svg(chart.figure(frame, run, "double"), f"{name}-")


def _network(spec: ArchitectureSpec, record: RunRecord) -> dict[str, Any]:
    cost, sides = count_cost(spec), input_sides(spec)
    stages = [
        {
            "name": f"stage {number}",
            "operator": f"{stage.operator}, {stage.kernel_size}×{stage.kernel_size}",
            "input": f"{side}×{side}×{stage.in_channels}",
            "channels": stage.out_channels,
            "repeats": stage.repeats,
            "stride": stage.stride,
            "piece": piece,
        }
        for number, (stage, side, piece) in enumerate(
            zip(spec.stages, sides, cost.by_stage[1:], strict=False), start=1
        )
    ]
    return {
        "name": network_name(record.ranking().iloc[0]),
        "spec": spec,
        "cost": cost,
        "stages": stages,
        "drawing": Markup(embedded(render(variant_drawing(spec), "svg").decode(), "network-", themed=False)),
    }


def _settings(document: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in document.items():
        if isinstance(value, dict):
            yield from _settings(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _commands(record: RunRecord) -> Iterator[tuple[str, str]]:
    """Yield what each command does and the command, quoted for a shell."""
    provenance, folder = record.provenance, str(record.folder)
    commit = provenance.get("commit")
    if commit:
        yield "the code it ran with", shlex.join(["git", "checkout", str(commit)])
    if isinstance(provenance.get("command"), list) and provenance["command"]:
        yield "the run, as it was started", shlex.join(["python", *map(str, provenance["command"])])
    if record.config.get("command"):
        yield "the run, as its experiment file says", str(record.config["command"])
    if (record.folder / "study.sqlite3").exists():
        yield "its winner, and the family", shlex.join(["python", "run_search.py", "best", folder])
    yield (
        "its charts, each with its data",
        shlex.join(["scaling", "figures", "--run", folder, "-o", "charts"]),
    )
    yield "this page", shlex.join(["scaling", "report", folder, "-o", "report.html"])
