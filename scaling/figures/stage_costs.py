"""Where a network's cost lies: params, multiply-adds and activations by stage."""

from __future__ import annotations

from functools import partial

import pandas as pd
from matplotlib.axes import Axes

from scaling.cost import count_cost
from scaling.drawings.palette import BLUE, GREEN, ORANGE
from scaling.figures.axes import name_rows
from scaling.figures.chart import Chart, Layout
from scaling.figures.marks import LabelPlace, name_point
from scaling.network.architecture import ArchitectureSpec

QUANTITIES = {
    "params": ("Parameters", BLUE),
    "macs": ("Multiply-adds", ORANGE),
    "activations": ("Activations", GREEN),
}


def stage_costs_frame(spec: ArchitectureSpec) -> pd.DataFrame:
    """Return a network's cost by stem, stages, head and classifier, exact, with each piece's share.

    Args:
        spec: the network.

    >>> from scaling import variant
    >>> stage_costs_frame(variant("b0"))["macs"].sum()
    np.int64(385814752)
    """
    cost = count_cost(spec)
    rows = [
        {"network": display_name(spec), "piece": one.name} | {name: getattr(one, name) for name in QUANTITIES}
        for one in cost.by_stage
    ]
    frame = pd.DataFrame(rows)
    for quantity in QUANTITIES:
        frame[f"{quantity}_share"] = frame[quantity] / frame[quantity].sum()
    return frame


def draw_stage_costs(frame: pd.DataFrame, *axes: Axes) -> None:
    """Draw a panel of bars for parameters, multiply-adds and activations, a bar a stage."""
    places = range(len(frame))
    for (quantity, (name, color)), ax in zip(QUANTITIES.items(), axes, strict=True):
        shares = 100 * frame[f"{quantity}_share"]
        ax.barh(places, shares, color=color, height=0.72, zorder=2)
        for place, share in zip(places, shares, strict=True):
            label = name_point(ax, f"{share:.1f}", (share, place), LabelPlace(x=2.5, y=0), size=5.5)
            label.set_gid(f"label {place} {quantity}")
        ax.set(xlabel=f"{name} (% of {_human(int(frame[quantity].sum()))})", xlim=(0, 1.18 * shares.max()))
        name_rows(ax, [piece.replace("stage", "stage ") for piece in frame["piece"]])
    axes[0].set_title(f"{frame['network'].iloc[0]}: where its cost lies")


def display_name(spec: ArchitectureSpec) -> str:
    """Return a network's name as charts write it.

    >>> from scaling import variant
    >>> display_name(variant("b7"))
    'B7'
    """
    return spec.name.upper() if len(spec.name) <= 5 else spec.name


def _human(count: int) -> str:
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.2f} {unit}"
    return str(count)


def stage_costs_chart(spec: ArchitectureSpec) -> Chart:
    """Return the chart of one network's cost by stage."""
    return Chart(
        frame=partial(stage_costs_frame, spec),
        draw=draw_stage_costs,
        caption=f"Parameters, multiply-adds and activations of {display_name(spec)} by stage, exact.",
        layout=Layout(double=2.6, single=6.6, panels=3),
    )
