"""Published figures as package data: each row carries its source, none is computed here.

`imagenet`: accuracy, params and FLOPs of Table 2; `scaling_methods`: Tables 3 and 7;
`released_coefficients`: the official grid; `lite_coefficients`: EfficientNet-Lite's;
`released_weights`: accuracy of downloadable weights;
`preprocessing`: how the images of released weights are prepared; `weight_files`: where those lie.
Accuracies are `top1` in percent as printed (`top1_percent` once in a frame of ours).
"""

from __future__ import annotations

import csv
from importlib.resources import files
from typing import Literal

Table = Literal[
    "imagenet",
    "scaling_methods",
    "released_coefficients",
    "lite_coefficients",
    "released_weights",
    "preprocessing",
    "weight_files",
]


def published(table: Table) -> tuple[dict[str, str], ...]:
    """Return the rows of a published table as printed, unparsed.

    >>> published("imagenet")[0]["model"], published("imagenet")[0]["top1"]
    ('EfficientNet-B0', '77.1')
    """
    text = files(__package__).joinpath(f"{table}.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))


def printed_macs(variant: str) -> int | None:
    """Return the FLOPs that the paper prints for an official variant, in multiply-adds, or None.

    Source: arXiv:1905.11946v5, Table 2 (two or three digits: B4, B5 and B7 differ from exact arithmetic).

    >>> printed_macs("b0"), printed_macs("l2")
    (390000000, None)
    """
    for row in published("imagenet"):
        if row["model"].lower() == f"efficientnet-{variant}":
            return round(float(row["macs_billions"]) * 1e9)
    return None
