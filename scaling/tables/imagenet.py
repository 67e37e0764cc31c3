"""Table 2 of the paper: the family and its rivals, our exact counts beside the printed ones.

Whether a printed figure agrees is worked out here, row by row, at the digits that were printed.
"""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from typing import Any

import pandas as pd

from scaling.cost import count_cost
from scaling.network.architecture import ArchitectureSpec
from scaling.network.decomposition import layers
from scaling.network.families import variant
from scaling.network.published import published
from scaling.tables.table import Table

OWN_FAMILY = "EfficientNet"
_AGREES = "agrees"
_WITH_STATISTICS = "counts the moving statistics of batch norm too"
_NOT_OURS = "published figures only"


def imagenet_table() -> Table:
    """Return the paper's Table 2 with exact params and multiply-adds, and every difference explained.

    Source: Tan & Le 2019, arXiv:1905.11946v5, Table 2.

    >>> data = imagenet_table().data
    >>> data.loc[data["model"] == "EfficientNet-B2", "params_note"].item()
    'counts the moving statistics of batch norm too'
    """
    data = pd.DataFrame([_row(row) for row in published("imagenet")])
    data["exact_params"] = data["exact_params"].astype("Int64")
    data["exact_macs"] = data["exact_macs"].astype("Int64")
    marks = _marks(data)
    shown = pd.DataFrame(
        {
            "model": data["model"],
            "top-1 %": data["top1_percent"],
            "top-5 %": data["top5_percent"],
            "params": data["params_millions"].map(lambda printed: f"{printed} M"),
            "exact params": [
                _count(count) + marks.get(note, "")
                for count, note in zip(data["exact_params"], data["params_note"], strict=True)
            ],
            "FLOPs": data["macs_billions"].map(lambda printed: f"{printed} B" if printed else "–"),
            "exact MACs": [
                _count(count) + marks.get(note, "")
                for count, note in zip(data["exact_macs"], data["macs_note"], strict=True)
            ],
        }
    )
    return Table(
        name="imagenet",
        caption="ImageNet: the family and its rivals as printed, beside exact counts",
        data=data,
        shown=shown,
        left=("model",),
        notes=(
            "Printed: arXiv:1905.11946v5, Table 2; FLOPs there are multiply-adds. "
            "An exact count without a mark gives the printed digits; rivals are published figures only.",
            *(f"{mark.strip()} {note}" for note, mark in marks.items()),
        ),
    )


def _row(row: dict[str, str]) -> dict[str, Any]:
    found = {
        "model": row["model"],
        "family": row["family"],
        "top1_percent": row["top1"],
        "top5_percent": row["top5"],
        "params_millions": row["params_millions"],
        "exact_params": None,
        "params_note": _NOT_OURS,
        "macs_billions": row["macs_billions"],
        "exact_macs": None,
        "macs_note": _NOT_OURS,
        "source": row["source"],
    }
    if row["family"] != OWN_FAMILY:
        return found
    spec = variant(row["model"].lower())
    cost = count_cost(spec)
    return found | {
        "exact_params": cost.params,
        "params_note": _params_note(row["params_millions"], spec, cost.params),
        "exact_macs": cost.macs,
        "macs_note": _macs_note(row["macs_billions"], cost.macs),
    }


def _params_note(printed: str, spec: ArchitectureSpec, params: int) -> str:
    if as_printed(params, 6, printed) == Decimal(printed):
        return _AGREES
    if as_printed(params + batch_norm_statistics(spec), 6, printed) == Decimal(printed):
        return _WITH_STATISTICS
    return f"printed {printed} M; exact arithmetic gives {params / 1e6:.2f} M"


def _macs_note(printed: str, macs: int) -> str:
    if as_printed(macs, 9, printed) == Decimal(printed):
        return _AGREES
    exact = macs / 1e9
    if as_printed(macs, 9, printed, rounding=ROUND_DOWN) == Decimal(printed):
        return f"printed {printed} B: exact arithmetic gives {exact:.2f} B, cut here, not rounded"
    off = 100 * (float(printed) / exact - 1)
    return f"printed {printed} B, {off:+.1f} % off: exact arithmetic gives {exact:.2f} B"


def as_printed(count: int, exponent: int, printed: str, *, rounding: str = ROUND_HALF_EVEN) -> Decimal:
    """Bring a count to the unit and the decimals of a printed figure, rounded half to even by default.

    >>> as_printed(5288548, 6, "5.3"), as_printed(4393771024, 9, "4.2")
    (Decimal('5.3'), Decimal('4.4'))
    """
    return (Decimal(count).scaleb(-exponent)).quantize(Decimal(printed), rounding=rounding)


def batch_norm_statistics(spec: ArchitectureSpec) -> int:
    """Count the moving means and variances of all batch norms; Keras's input normalization is none.

    >>> batch_norm_statistics(variant("b2"))
    67568
    """
    return sum(layer.statistics for layer in layers(spec) if layer.name != "normalization")


def _count(count: Any) -> str:
    return "–" if pd.isna(count) else f"{count:,}"


def _marks(data: pd.DataFrame) -> dict[str, str]:
    """Give every explanation a letter, in the order of its first row."""
    own = data[data["family"] == OWN_FAMILY]
    notes = dict.fromkeys([*own["params_note"], *own["macs_note"]])
    notes.pop(_AGREES, None)
    return {note: f" {chr(ord('a') + index)}" for index, note in enumerate(notes)}
