"""One look for every figure, and the one way in which a figure reaches the disk.

Figures are `matplotlib.figure.Figure` objects on the Agg canvas: no window, no pyplot state.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, get_args

import matplotlib as mpl
import pandas as pd
import seaborn as sns
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from scaling.atomic_write import write_whole
from scaling.drawings.palette import INK
from scaling.drawings.rendering import FORMATS, file_content
from scaling.errors import ConfigError

Size = Literal["single", "double"]
SIZES: tuple[Size, ...] = get_args(Size)
WIDTH_INCHES: dict[Size, float] = {"single": 3.5, "double": 7.2}
"""One and two columns: 89 and 183 mm, the usual measures of journals."""

# Text becomes outlines in SVG and TrueType in PDF: the same look wherever the file is opened.
_RC: dict[str, object] = {
    "font.family": "DejaVu Sans",  # ships with matplotlib, so every machine draws the same
    "font.size": 7.0,
    "axes.titlesize": 7.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 7.0,
    "axes.labelsize": 7.0,
    "axes.linewidth": 0.6,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#ececec",
    "grid.linewidth": 0.5,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "savefig.dpi": 300,
    "svg.fonttype": "path",
    "svg.hashsalt": "scaling",  # else SVG identifiers are random and no two files are equal
    "pdf.fonttype": 42,
    "path.simplify": False,
    "text.parse_math": False,  # names come from users; a dollar sign is a dollar sign
}
_LOCK = threading.RLock()


@contextmanager
def theme() -> Iterator[None]:
    """Draw in the project's style; matplotlib's settings are as they were afterwards.

    The settings belong to the process, so threads take turns.

    >>> before = mpl.rcParams["font.size"]
    >>> with theme():
    ...     mpl.rcParams["font.size"]
    7.0
    >>> mpl.rcParams["font.size"] == before
    True
    """
    settings: Any = {**sns.axes_style("ticks"), **sns.plotting_context("paper"), **_RC}
    with _LOCK, mpl.rc_context(settings):
        yield


def new_figure(size: Size, height_inches: float) -> Figure:
    """Return an empty figure, one or two columns wide, laid out so that nothing is cut off.

    >>> float(new_figure("single", 2.5).get_figwidth())
    3.5
    """
    figure = Figure(figsize=(WIDTH_INCHES[size], height_inches), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def lay_out(figure: Figure) -> None:
    """Fix where everything is, so that every format shows the same layout and none works it out again.

    >>> figure = new_figure("single", 2.5)
    >>> ax = figure.subplots()
    >>> lay_out(figure)
    >>> bounds = ax.get_position().bounds
    >>> _ = ax.set_ylabel("a label that would take room")
    >>> lay_out(figure)
    >>> ax.get_position().bounds == bounds
    True
    """
    if (engine := figure.get_layout_engine()) is not None:
        with theme():
            engine.execute(figure)
    figure.set_layout_engine("none")


def save_figure(
    figure: Figure, path_stem: Path, formats: Sequence[str] = ("svg", "png"), *, title: str = ""
) -> list[Path]:
    """Write a figure, one file a format; the same figure gives the same bytes.

    Args:
        figure: what to write.
        path_stem: path without the ending; its folder is made if need be.
        formats: among svg, png (300 dots an inch) and pdf.
        title: text alternative, kept inside the file.

    Raises:
        ConfigError: an unknown format.
        ResultsError: the folder cannot be written.
    """
    for form in formats:
        if form not in FORMATS:
            raise ConfigError(f"expected a format among {', '.join(FORMATS)}; got {form!r}")
    lay_out(figure)
    paths = []
    for form in dict.fromkeys(formats):
        with theme():
            content = file_content(figure, form, title=title)
        paths.append(write_whole(path_stem.with_name(f"{path_stem.name}.{form}"), content))
    return paths


def save_chart(
    name: str,
    frame: pd.DataFrame,
    figure: Callable[[Size], Figure],
    directory: Path,
    formats: Sequence[str] = ("svg", "png"),
    *,
    title: str,
    sizes: Sequence[Size] = ("double",),
) -> list[Path]:
    """Write a chart in some sizes, NAME.svg two columns wide, NAME_single.svg one, and its data as NAME.csv.

    Raises:
        ConfigError: an unknown format.
        ResultsError: the folder cannot be written.
    """
    paths = []
    for size in sizes:
        place = directory / (name + {"double": "", "single": "_single"}[size])
        paths += save_figure(figure(size), place, formats, title=title)
    content = frame.to_csv(index=False, lineterminator="\n")  # floats round-trip
    return [*paths, write_whole(directory / f"{name}.csv", content.encode())]
