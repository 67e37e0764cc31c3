"""Every figure by name, and how it gets onto the disk with its data beside it. Floor 7."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from scaling.errors import ConfigError
from scaling.figures.family import draw_family, family_frame
from scaling.figures.family_flops import draw_family_flops, family_flops_frame
from scaling.figures.family_params import draw_family_params, family_params_frame
from scaling.figures.run_accuracy import RunCost, draw_run, run_frame
from scaling.figures.style import Size, new_figure, save_figure, save_frame, theme

FAMILY_FIGURES = {
    "family": family_frame,
    "family_params": family_params_frame,
    "family_flops": family_flops_frame,
}
"""Published figures of the family, by name, with what makes their data."""
RUN_FIGURES: dict[str, RunCost] = {"run_params": "params", "run_flops": "macs"}
"""Figures of one run, by name, with the cost on their abscissa."""
FORMATS_BY_DEFAULT = ("svg", "png")


def family_figure(name: str, size: Size = "double") -> Figure:
    """Return a figure of the published family, drawn.

    Args:
        name: one of `FAMILY_FIGURES`.
        size: one or two columns wide.

    Raises:
        ConfigError: nothing has that name.
    """
    if name not in FAMILY_FIGURES:
        raise ConfigError(f"expected a figure among {', '.join(FAMILY_FIGURES)}; got {name!r}")
    frame = FAMILY_FIGURES[name]()
    with theme():
        if name == "family":
            figure = new_figure(size, 3.2 if size == "double" else 6.0)
            panels = figure.subplots(1, 2) if size == "double" else figure.subplots(2, 1)
            draw_family(frame, panels[0], panels[1])
            return figure
        figure = new_figure(size, 4.0 if size == "double" else 3.1)
        draw = draw_family_params if name == "family_params" else draw_family_flops
        draw(frame, figure.add_subplot())
    return figure


def run_figure(
    trials: pd.DataFrame, name: str, size: Size = "double", *, title: str, noise: float | None = None
) -> Figure:
    """Return a figure of one run, drawn from however many trials there are.

    Args:
        trials: the table of trials, one row a (trial, seed).
        name: one of `RUN_FIGURES`.
        size: one or two columns wide.
        title: experiment and data set.
        noise: difference in top-1 (a fraction) below which two trials are not distinguishable.

    Raises:
        ConfigError: nothing has that name.
        ResultsError: a column is missing.
    """
    if name not in RUN_FIGURES:
        raise ConfigError(f"expected a figure among {', '.join(RUN_FIGURES)}; got {name!r}")
    frame = run_frame(trials)
    with theme():
        figure = new_figure(size, 3.6)
        draw_run(frame, figure.add_subplot(), x=RUN_FIGURES[name], noise=noise, title=title)
    return figure


def save_family_figures(
    directory: Path,
    formats: Sequence[str] = FORMATS_BY_DEFAULT,
    *,
    names: Sequence[str] = tuple(FAMILY_FIGURES),
    sizes: Sequence[Size] = ("double",),
) -> list[Path]:
    """Write figures of the published family, and the data of each as CSV.

    NAME.svg is two columns wide, NAME_single.svg one.

    Raises:
        ConfigError: an unknown name or format.
        ResultsError: the folder cannot be written.
    """
    paths = []
    for name in names:
        for size in sizes:
            figure = family_figure(name, size)
            title = "ImageNet accuracy against cost, published: EfficientNet-B0 to B7 and rivals"
            paths += save_figure(figure, directory / stem(name, size), formats, title=title)
        paths.append(save_frame(FAMILY_FIGURES[name](), directory / f"{name}.csv"))
    return paths


def save_run_figures(
    trials: pd.DataFrame,
    directory: Path,
    *,
    title: str,
    noise: float | None = None,
    formats: Sequence[str] = FORMATS_BY_DEFAULT,
    names: Sequence[str] = tuple(RUN_FIGURES),
    sizes: Sequence[Size] = ("double",),
) -> list[Path]:
    """Write the figures of one run, and the data of each as CSV; may be called at any moment of the run.

    Args:
        trials: the table of trials, one row a (trial, seed).
        directory: where the files go.
        title: experiment and data set.
        noise: difference in top-1 (a fraction) below which two trials are not distinguishable.
        formats: among svg, png and pdf.
        names: among `RUN_FIGURES`.
        sizes: NAME.svg is two columns wide, NAME_single.svg one.

    Raises:
        ConfigError: an unknown name or format.
        ResultsError: a column is missing, or the folder cannot be written.
    """
    paths = []
    for name in names:
        for size in sizes:
            figure = run_figure(trials, name, size, title=title, noise=noise)
            paths += save_figure(figure, directory / stem(name, size), formats, title=f"{title}: own runs")
        paths.append(save_frame(run_frame(trials), directory / f"{name}.csv"))
    return paths


def stem(name: str, size: Size) -> str:
    """Return a figure's file name without its ending.

    >>> stem("family", "double"), stem("family", "single")
    ('family', 'family_single')
    """
    return name if size == "double" else f"{name}_{size}"
