"""What a network costs, stage by stage."""

from __future__ import annotations

from dataclasses import asdict

import pandas as pd

from scaling.cost import Cost, PieceCost
from scaling.tables.table import Table


def cost_table(cost: Cost) -> Table:
    """Return params, multiply-adds and activations of stem, stages, head and classifier, and their sums.

    >>> from scaling import count_cost, variant
    >>> cost_table(count_cost(variant("b0"))).shown.iloc[-1].tolist()
    ['whole network', '5,288,548', '385,814,752', '6,748,036']
    """
    whole = PieceCost(name="whole network", params=cost.params, macs=cost.macs, activations=cost.activations)
    data = pd.DataFrame([asdict(piece) for piece in (*cost.by_stage, whole)])
    data = data[["name", "params", "macs", "activations"]]
    shown = data.assign(**{column: data[column].map("{:,}".format) for column in data.columns[1:]})
    return Table(
        name="cost",
        caption=f"{cost.spec.name} at {cost.spec.image_size} px, one image",
        data=data,
        shown=shown.rename(columns={"name": "piece", "macs": "multiply-adds"}),
        left=("piece",),
    )
