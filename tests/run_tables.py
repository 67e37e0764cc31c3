"""Tables of trials made by hand, and what can be measured on a drawing: for the tests of charts."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.text import Text

from scaling.figures.labels import overlaps

REFERENCES = {
    "baseline": (61_000, 6_100_000, 0.61, None),
    "depth": (98_000, 12_080_000, 0.64, (1.0, 0.0, 0.0)),
    "width": (220_000, 12_500_000, 0.67, (0.0, 1.0, 0.0)),
    "resolution": (61_000, 11_770_000, 0.66, (0.0, 0.0, 1.0)),
    "compound": (116_000, 11_400_000, 0.675, (0.28, 0.29, 0.43)),
}


def trial_rows(
    trial: int, name: str, shares: tuple[float, float, float] | None, **more: object
) -> dict[str, object]:
    depth, width, resolution = shares or (math.nan,) * 3
    return {
        "experiment": "quick",
        "trial": trial,
        "seed": 0,
        "kind": "reference" if name else "search",
        "name": name,
        "depth_share": depth,
        "width_share": width,
        "resolution_share": resolution,
        "realised_depth_share": depth,
        "realised_width_share": width,
        "realised_resolution_share": resolution,
        "fidelity_epochs": 4,
        "state": "complete",
        **more,
    }


def make_trials(
    searched: int, *, seeds: int = 1, references: int = 5, state: str = "complete"
) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    rows = []
    for trial, (name, (params, macs, top1, shares)) in enumerate(list(REFERENCES.items())[:references]):
        for seed in range(3 if name == "baseline" else seeds):
            measured = {"params": params, "macs": macs, "top1": top1 + generator.normal(0, 0.008)}
            rows.append(trial_rows(trial, name, shares, seed=seed, state=state, **measured))
    for trial in range(references, references + searched):
        shares = tuple(generator.dirichlet([1, 1, 1]))
        cost = {
            "params": int(61_000 * (1 + 2.6 * shares[1])),
            "macs": int(6.1e6 * generator.uniform(1.9, 2.1)),
        }
        for seed in range(seeds):
            top1 = 0.675 - 0.1 * (shares[0] - 0.3) ** 2 + generator.normal(0, 0.008)
            rows.append(trial_rows(trial, "", shares, seed=seed, state=state, top1=top1, **cost))
    return pd.DataFrame(rows)


def label_boxes(figure: Figure) -> dict[tuple[int, str], np.ndarray]:
    """Return where the letters of every label stand, in pixels, by panel and text."""
    figure.draw_without_rendering()
    boxes = {}
    for panel, ax in enumerate(figure.axes):
        for text in ax.findobj(Text):
            if str(text.get_gid()).startswith("label "):
                boxes[panel, text.get_text()] = np.asarray(Text.get_window_extent(text).extents)
    return boxes


def collisions(boxes: dict[tuple[int, str], np.ndarray]) -> list[tuple[str, str]]:
    pairs = itertools.combinations(boxes.items(), 2)
    return [(one[1], other[1]) for (one, a), (other, b) in pairs if overlaps(a, b.reshape(1, 4))]


def check_drawing(figure: Figure) -> None:
    """Labels apart and within the figure, titles whole and apart."""
    boxes = label_boxes(figure)
    assert collisions(boxes) == []
    width, height = figure.bbox.width, figure.bbox.height
    for text, box in boxes.items():
        assert (box[:2] >= -1).all() and (box[2:] <= (width + 1, height + 1)).all(), text  # noqa: PT018
    titles = [ax._left_title for ax in figure.axes if ax.get_title(loc="left")]  # type: ignore[attr-defined]
    for title in titles:
        assert title.get_window_extent().x1 <= width + 1, title.get_text()
    for one, other in itertools.pairwise(titles):
        assert not one.get_window_extent().overlaps(other.get_window_extent()), one.get_text()


def row(trial: int, name: str, macs: int, top1: float, seed: int = 0, **more: object) -> dict[str, object]:
    return {
        "experiment": "tiny",
        "trial": trial,
        "seed": seed,
        "kind": "reference" if name != "search" else "search",
        "name": name,
        "depth_coefficient": 1.0,
        "width_coefficient": 1.0,
        "image_size": 24,
        "macs": macs,
        "params": macs // 10,
        "activations": macs // 5,
        "top1": top1,
        "fidelity_epochs": 3,
        "state": "complete",
        "architecture": f"key {trial}",
        **more,
    }
