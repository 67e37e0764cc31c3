"""The chart of learning rates: what is drawn of ladders, diverged rates and open ends."""

from __future__ import annotations

import pandas as pd
import pytest
from rated_setups import bracket

from scaling.figures.run_rates import run_rates_figure, run_rates_frame

BRACKETS = (
    bracket("baseline", 0.02),
    bracket("depth", 0.02, 1.0, 0.9, None),
    bracket("width", 0.02, 0.8, 0.9),
)


def test_the_frame_names_the_best_and_its_bracket() -> None:
    frame = run_rates_frame(BRACKETS)
    assert len(frame) == 3 + 3 + 2
    best = frame[frame["best"]].set_index("network")
    assert best["learning_rate"].to_dict() == {"baseline": 0.02, "depth": 0.02, "width": 0.01}
    assert best.loc["depth", ["bracket_low", "bracket_high"]].tolist() == [0.01, 0.04]
    assert pd.isna(best.loc["width", "bracket_low"]), "the ladder goes on"
    assert frame["validation_loss"].isna().sum() == 1


@pytest.mark.parametrize("size", ["single", "double"])
def test_every_network_is_a_line_and_a_diverged_rate_a_cross(size: str) -> None:
    figure = run_rates_figure(run_rates_frame(BRACKETS), size, title="mine")  # type: ignore[arg-type]
    (ax,) = figure.axes
    assert [len(line.get_xdata()) for line in ax.lines] == [3, 3, 2]
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["baseline", "depth", "width", "bracket of the best", "diverged"]
    ticks = [float(tick) for tick in ax.xaxis.get_majorticklocs()]
    assert ticks == [0.01, 0.02, 0.04]


def test_a_chart_of_nothing_says_so() -> None:
    (ax,) = run_rates_figure(run_rates_frame(()), title="mine").axes
    assert "no complete trial yet" in [text.get_text() for text in ax.texts]
