"""Made-up brackets of learning rates, and setups that carry them."""

from __future__ import annotations

from typing import Any

from tiny_setup import tiny_setup, tiny_tables

from scaling.runs.rates import BracketedRate, LearningRates, Rung
from scaling.runs.setup import Setup

ORIGIN = (0.0, 0.0, 0.0)
CORNERS = {"depth": (2.0, 0.0, 0.1), "width": (0.0, 2.1, 0.0), "resolution": (0.0, 0.0, 1.9)}


def rung(learning_rate: float, loss: float | None, top1: float | None = 0.5) -> Rung:
    return Rung(learning_rate=learning_rate, validation_loss=loss, top1=None if loss is None else top1)


def bracket(name: str, best: float, *losses: float | None) -> BracketedRate:
    """A ladder of three rungs around a rate, or of as many as there are losses, from half of it on."""
    ladder = losses or (1.0, 0.9, 1.1)
    rungs = tuple(rung(best * 2.0 ** (number - 1), loss) for number, loss in enumerate(ladder))
    return BracketedRate(name=name, doublings=CORNERS.get(name, ORIGIN), rungs=rungs)


def rates(setup: str = "", **best: float) -> LearningRates:
    """Rates of 0.02 everywhere but where others are given."""
    names = ("baseline", *CORNERS)
    return LearningRates(
        setup=setup,
        factor=4.0,
        seeds=(0, 1),
        networks=tuple(bracket(name, best.get(name, 0.02)) for name in names),
    )


def rated_setup(best: dict[str, float], **tables: dict[str, Any]) -> Setup:
    """The tiny setup with rates that were bracketed for it, then changed where tables are given."""
    plain = tiny_tables(**tables)
    return Setup.model_validate({**plain, "rates": rates(tiny_setup().rates_key(), **best)}).check()
