"""How a chart gets onto the disk, with its data beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from matplotlib.figure import Figure

from scaling.errors import ConfigError
from scaling.figures.chart import Chart, RunChart
from scaling.figures.own_baselines import OwnRun
from scaling.figures.run_data import RunData
from scaling.figures.stage_costs import stage_costs_chart
from scaling.figures.style import Size, save_chart
from scaling.figures.table import FAMILY_CHARTS, PAPER_CHARTS, RUN_CHARTS, SEVERAL_RUNS_CHARTS, STAGE_COSTS
from scaling.network.families import variant

FORMATS_BY_DEFAULT = ("svg", "png")


def family_chart(name: str) -> Chart:
    """Return a chart that needs no run, by name; `stage_costs_b7` is that of any official variant.

    Raises:
        ConfigError: nothing has that name.
        SpecError: no variant has that name.
    """
    if name in FAMILY_CHARTS:
        return FAMILY_CHARTS[name]
    if name.startswith(f"{STAGE_COSTS}_"):
        return stage_costs_chart(variant(name.removeprefix(f"{STAGE_COSTS}_")))
    known = (*FAMILY_CHARTS, f"{STAGE_COSTS}_VARIANT")
    raise ConfigError(f"expected a figure among {', '.join(known)}; got {name!r}")


def run_chart(name: str) -> RunChart:
    """Return a chart of a run, by name.

    Raises:
        ConfigError: nothing has that name.
    """
    if name not in RUN_CHARTS:
        raise ConfigError(f"expected a figure among {', '.join(RUN_CHARTS)}; got {name!r}")
    return RUN_CHARTS[name]


def family_figure(name: str, size: Size = "double") -> Figure:
    """Return a chart of published figures or of the generator, drawn, one or two columns wide.

    Raises:
        ConfigError: nothing has that name.
    """
    chart = family_chart(name)
    return chart.figure(chart.frame(), size)


def run_figure(run: RunData, name: str, size: Size = "double") -> Figure:
    """Return a chart of one run, one of `RUN_CHARTS`, drawn from however many trials there are.

    Raises:
        ConfigError: nothing has that name.
        ResultsError: a column is missing.
    """
    chart = run_chart(name).of(run)
    return chart.figure(chart.frame(), size)


def save_family_figures(
    directory: Path,
    formats: Sequence[str] = FORMATS_BY_DEFAULT,
    *,
    names: Sequence[str] = PAPER_CHARTS,
    sizes: Sequence[Size] = ("double",),
) -> list[Path]:
    """Write charts that need no run, and the data of each as CSV.

    NAME.svg is two columns wide, NAME_single.svg one.

    Raises:
        ConfigError: an unknown name or format.
        ResultsError: the folder cannot be written.
    """
    charts = {name: family_chart(name) for name in names}
    return _save(charts, directory, formats, sizes)


def save_own_baselines(
    runs: Sequence[OwnRun], directory: Path, formats: Sequence[str], sizes: Sequence[Size]
) -> list[Path]:
    """Write the charts of several runs, one a baseline, and their data as CSV.

    Raises:
        ConfigError: an unknown format.
        ResultsError: the folder cannot be written.
    """
    charts = {name: replace(one, frame=partial(one.frame, runs)) for name, one in SEVERAL_RUNS_CHARTS.items()}
    return _save(charts, directory, formats, sizes)


def save_run_figures(
    run: RunData,
    directory: Path,
    formats: Sequence[str] = FORMATS_BY_DEFAULT,
    *,
    names: Sequence[str] = tuple(RUN_CHARTS),
    sizes: Sequence[Size] = ("double",),
) -> list[Path]:
    """Write charts of one run, among `RUN_CHARTS`, and the data of each as CSV; at any moment of the run.

    Raises:
        ConfigError: an unknown name or format.
        ResultsError: a column is missing, or the folder cannot be written.
    """
    charts = {name: run_chart(name).of(run) for name in names}
    return _save(charts, directory, formats, sizes, title=f"{run.title}: own runs")


def _save(
    charts: Mapping[str, Chart],
    directory: Path,
    formats: Sequence[str],
    sizes: Sequence[Size],
    *,
    title: str | None = None,
) -> list[Path]:
    """Write charts under a title, each under its caption if there is none."""
    paths = []
    for name, chart in charts.items():
        frame = chart.frame()
        figure, said = partial(chart.figure, frame), title or chart.caption
        paths += save_chart(name, frame, figure, directory, formats, title=said, sizes=sizes)
    return paths
