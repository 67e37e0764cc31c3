"""The colours of drawings and charts: Okabe & Ito's palette, fills light enough to print black text on.

The palette's yellow is left out, too pale for a line. Every colour repeats what a label says, so that nothing
is lost on a grey printer.
"""

from __future__ import annotations

from dataclasses import dataclass

INK, GREY, FAINT, WHITE = "#1a1a1a", "#6b6b6b", "#dcdcdc", "#ffffff"
VERMILION, BLUE, GREEN, ORANGE = "#d55e00", "#0072b2", "#009e73", "#e69f00"
PURPLE, SKY = "#cc79a7", "#56b4e9"
BROWN, VIOLET = "#8c5a2b", "#5e4b9c"  # two more for charts of ten families; markers differ too


@dataclass(frozen=True, slots=True, kw_only=True)
class Paint:
    """Fill, edge and text colour of a box."""

    fill: str
    edge: str
    text: str = INK


PANEL = Paint(fill="#f7f7f7", edge="#c9c9c9")
PLAIN = Paint(fill=WHITE, edge=GREY)
NOTHING = Paint(fill="none", edge="none")

# What a layer does. Lightness differs too: depthwise is darker than dense convolution.
LAYER_PAINTS: dict[str, Paint] = {
    "input": PLAIN,
    "convolution": Paint(fill="#d3e6f4", edge=BLUE),
    "depthwise": Paint(fill="#8fc1e3", edge=BLUE),
    "norm": Paint(fill="#ededed", edge="#8f8f8f"),
    "activation": Paint(fill="#d2ebe2", edge=GREEN),
    "reshape": Paint(fill="#fdebc8", edge="#b87f00"),
    "combine": Paint(fill="#f5d0b8", edge=VERMILION),
    "dropout": Paint(fill="#f3dde9", edge="#a8568a"),
}

# Stages of a network from first to last: one hue that darkens, so that order can be read in grey too.
STAGE_FILLS = ("#dbeaf5", "#bcd9ee", "#97c4e4", "#6dabd6", "#3f8fc5", "#1a6fa8", "#0b4f7d")


def stage_fill(index: int, count: int) -> str:
    """Return the fill of a stage, spread over the ramp when there are not seven.

    >>> stage_fill(0, 7), stage_fill(3, 4) == STAGE_FILLS[-1]
    ('#dbeaf5', True)
    """
    last = len(STAGE_FILLS) - 1
    return STAGE_FILLS[round(index * last / max(1, count - 1))]
