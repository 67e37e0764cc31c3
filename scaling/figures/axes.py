"""What the axes of charts share: names, units of costs, ticks, titles."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from scaling.figures.run_data import RunData

OWN_ACCURACY = "Top-1 accuracy on validation (%)"
PRINTED_ACCURACY = "ImageNet top-1 accuracy (%)"
PRINTED_MACS = "FLOPs (multiply-adds, billions, as printed)"
COST_NAMES = {
    "macs": ("FLOPs", "multiply-adds"),
    "params": ("Parameters", ""),
    "activations": ("Activations", ""),
}
SCALES = ((1e9, "billions"), (1e6, "millions"), (1e3, "thousands"))


def scale_of(costs: pd.Series[float]) -> tuple[float, str]:
    """Return the divisor and the word of a cost's axis.

    >>> scale_of(pd.Series([2e6, 5e5]))
    (1000000.0, 'millions')
    """
    largest = costs.max() if len(costs) else 0.0
    return next(((size, unit) for size, unit in SCALES if largest >= size), (1.0, ""))


def cost_label(cost: str, unit: str) -> str:
    """Name the axis of a cost in a unit of `scale_of`.

    >>> cost_label("macs", "millions"), cost_label("macs", ""), cost_label("params", "millions")
    ('FLOPs (multiply-adds, millions)', 'FLOPs (multiply-adds)', 'Parameters (millions)')
    """
    name, what = COST_NAMES[cost]
    bracket = ", ".join(word for word in (what, unit) if word)
    return f"{name} ({bracket})" if bracket else name


def accuracy_axes(ax: Axes, run: RunData, cost: str, costs: pd.Series[float]) -> float:
    """Name the axes of a run's cost and accuracy; return what the costs are to be divided by."""
    divisor, unit = scale_of(costs)
    ax.set(title=run.heading, xlabel=cost_label(cost, unit), ylabel=OWN_ACCURACY)
    return divisor


def plain_ticks(ax: Axes, x: Sequence[float], y: Sequence[float]) -> None:
    """Put ticks at these values of logarithmic axes, and write them as plain numbers."""
    for axis, ticks in ((ax.xaxis, x), (ax.yaxis, y)):
        axis.set_major_locator(FixedLocator(ticks))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def name_rows(ax: Axes, names: Sequence[str], *, size: float = 6.5) -> None:
    """Write a name beside each row of a chart, the first on top."""
    ax.set_yticks(range(len(names)), names, fontsize=size)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.grid(visible=False, axis="y")


def head_figure(ax: Axes, title: str) -> None:
    """Write the title of a figure whose panels have their own, or whose axes would cut it off."""
    ax.figure.suptitle(title, x=0.01, ha="left", fontsize=7.5, fontweight="bold")
