"""How a chart gets onto the disk, with its data beside it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from scaling.errors import ConfigError
from scaling.figures.chart import FamilyChart, RunChart
from scaling.figures.run_data import RunData, SearchedSpace
from scaling.figures.style import Size, save_chart
from scaling.figures.table import FAMILY_CHARTS, PAPER_CHARTS, RUN_CHARTS, STAGE_COSTS, stage_costs_chart
from scaling.network.families import variant
from scaling.plans.search.surface import SearchSurface

FORMATS_BY_DEFAULT = ("svg", "png")


def family_figure(name: str, size: Size = "double") -> Figure:
    """Return a chart of published figures or of the generator, drawn.

    Args:
        name: one of `FAMILY_CHARTS`.
        size: one or two columns wide.

    Raises:
        ConfigError: nothing has that name.
    """
    chart = family_chart(name)
    return chart.figure(chart.frame(), size)


def run_figure(
    trials: pd.DataFrame,
    name: str,
    size: Size = "double",
    *,
    title: str,
    noise: float | None = None,
    space: SearchedSpace | None = None,
    surface: SearchSurface | None = None,
) -> Figure:
    """Return a chart of one run, drawn from however many trials there are.

    Args:
        trials: the table of trials, one row a (trial, seed).
        name: one of `RUN_CHARTS`.
        size: one or two columns wide.
        title: experiment and data set.
        noise: difference in top-1 (a fraction) below which two trials are not distinguishable.
        space: what was scaled, for charts that count networks of their own.
        surface: what its trainings say together, for the charts of that.

    Raises:
        ConfigError: nothing has that name.
        ResultsError: a column is missing.
    """
    chart, run = (
        run_chart(name),
        RunData(trials=trials, title=title, noise=noise, space=space, surface=surface),
    )
    return chart.figure(chart.frame(run), run, size)


def family_chart(name: str) -> FamilyChart:
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
    paths = []
    for name in names:
        chart = family_chart(name)
        frame = chart.frame()
        figure, title = partial(chart.figure, frame), chart.caption
        paths += save_chart(name, frame, figure, directory, formats, title=title, sizes=sizes)
    return paths


def save_run_figures(
    trials: pd.DataFrame,
    directory: Path,
    *,
    title: str,
    noise: float | None = None,
    space: SearchedSpace | None = None,
    surface: SearchSurface | None = None,
    formats: Sequence[str] = FORMATS_BY_DEFAULT,
    names: Sequence[str] = tuple(RUN_CHARTS),
    sizes: Sequence[Size] = ("double",),
) -> list[Path]:
    """Write the charts of one run, and the data of each as CSV; may be called at any moment of the run.

    Args:
        trials: the table of trials, one row a (trial, seed).
        directory: where the files go.
        title: experiment and data set.
        noise: difference in top-1 (a fraction) below which two trials are not distinguishable.
        space: what was scaled, for charts that count networks of their own.
        surface: what its trainings say together, for the charts of that.
        formats: among svg, png and pdf.
        names: among `RUN_CHARTS`.
        sizes: NAME.svg is two columns wide, NAME_single.svg one.

    Raises:
        ConfigError: an unknown name or format.
        ResultsError: a column is missing, or the folder cannot be written.
    """
    run, paths = RunData(trials=trials, title=title, noise=noise, space=space, surface=surface), []
    for name in names:
        chart = run_chart(name)
        frame = chart.frame(run)
        figure = partial(chart.figure, frame, run)
        paths += save_chart(name, frame, figure, directory, formats, title=f"{title}: own runs", sizes=sizes)
    return paths
