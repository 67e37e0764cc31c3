"""The `[sizes.paper]` table of a study's file: what the paper trained, network by network."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from scaling.network.families import baseline_named
from scaling.runs.setup import ConfigTable
from scaling.targets.target import LARGEST_FACTOR

Multiplier = Annotated[float, Field(gt=0, le=LARGEST_FACTOR)]
Known = Annotated[str, AfterValidator(lambda name: baseline_named(name) and name)]
"""A network that has a name here."""


class PaperNetworks(ConfigTable):
    """`[[sizes.paper.networks]]`: what was trained of one baseline; the baseline itself always was."""

    baseline: Known
    multipliers: tuple[tuple[Multiplier, Multiplier, Multiplier], ...] = Field(
        default=(), description="depth, width and resolution of each network"
    )
    variants: tuple[Known, ...] = Field(default=(), description="networks by their own names")
    printed_gmacs: tuple[float, ...] = Field(
        default=(), description="10^9 multiply-adds of networks whose multipliers were not printed"
    )
    grid_step: float | None = Field(
        default=None, ge=0.01, description="of alpha, beta, gamma at phi = 1: the grid of step 1"
    )


class PaperTable(ConfigTable):
    """`[sizes.paper]`: what the paper trained, for the planner.

    Without `networks`, the study's own design on `baseline` is what is costed.
    """

    baseline: str = "efficientnet-b0"
    networks: tuple[PaperNetworks, ...] = ()
    train: int = Field(default=1_281_167, ge=1)
    epochs: int = Field(default=350, ge=1)
    seeds: int = Field(default=1, ge=1)
    learning_rates: int = Field(default=1, ge=1)
    factors: tuple[Annotated[float, Field(gt=0, le=LARGEST_FACTOR)], ...] | None = None
    note: str = ""

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> PaperTable:
        if self.networks and self.factors is not None:
            raise ValueError("factors are of the study's own design: they do not go with networks")
        return self
