"""What a search found, as plain data: the ranking, the choice by fresh seeds, and what was traded."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from scaling.analysis import NoiseFloor, ranked
from scaling.analysis.choosing import TEST, contenders
from scaling.analysis.cost_correlation import cost_correlation
from scaling.analysis.pareto import trained_front
from scaling.cost import count_cost
from scaling.errors import ResultsError
from scaling.network.architecture import ArchitectureSpec
from scaling.network.generation import scaled_to
from scaling.plans.search.config import SearchConfig
from scaling.plans.search.samplers import Sampler
from scaling.plans.search.search_table import CostRule
from scaling.plans.search.surface import search_surface

COLUMNS = (
    *("trial", "kind", "name", "alpha", "beta", "gamma", "phi", "image_size", "params", "macs"),
    *("achieved_factor", "architecture", "evidence", "seeds", "top1", "low", "high", "search_top1", "p"),
    "verdict",
)
PHIS = "0:7"


def result_document(config: SearchConfig, trials: pd.DataFrame, noise: NoiseFloor | None) -> dict[str, Any]:
    """Return what a search found, as result.json has it; `noise` is None where no network has two seeds."""
    spread = None
    if noise is not None:
        spread = {
            "standard_deviation": noise.standard_deviation,
            "degrees_of_freedom": noise.degrees_of_freedom,
            "least_difference_single_seeds": noise.least_difference(1, 1),
        }
    return {
        "experiment": config.name,
        "noise": spread,
        "ranking": _rows(ranked(trials, noise)),
        "surface": surface_document(config, trials),
        "choice": choice_document(trials, noise),
        "states": {str(state): int(count) for state, count in trials["state"].value_counts().items()},
        **_trade_offs(config, trials, noise),
    }


def surface_document(config: SearchConfig, trials: pd.DataFrame) -> dict[str, Any]:
    """Return what the trainings say together, or `refusal`: why they say nothing yet."""
    try:
        return search_surface(config, trials).document()
    except ResultsError as error:
        return {"refusal": str(error)}


def choice_document(trials: pd.DataFrame, noise: NoiseFloor | None) -> dict[str, Any] | None:
    """Return the winner, and all others by what the test says of them; None where nothing has an accuracy.

    `confirmed` says whether fresh seeds have made the winner; until then it only leads.
    """
    frame = contenders(trials, noise)
    if frame.empty:
        return None
    rows = _rows(frame[list(COLUMNS)])
    confirming = bool(((trials["kind"] == "confirm") & (trials["state"] == "waiting")).any())
    return {
        "confirmed": rows[0]["verdict"] == "best" and not confirming,
        "test": TEST,
        "winner": rows[0],
        "same": [row for row in rows[1:] if row["verdict"] in {"same", "unknown"}],
        "above": [row for row in rows[1:] if row["verdict"] == "above"],
        "below": [row for row in rows[1:] if row["verdict"] == "below"],
    }


def to_build(config: SearchConfig, result: dict[str, Any]) -> dict[str, Any] | None:
    """Return the network to build: the surface's where a surface chose what to train, else the winner."""
    if config.search.sampler == Sampler.SURFACE and result["surface"].get("network"):
        return dict(result["surface"]["network"])
    return None if result["choice"] is None else dict(result["choice"]["winner"])


def network_of(config: SearchConfig, row: pd.Series[Any]) -> ArchitectureSpec:
    """Return the network of a row of the table of trials, which says how the baseline was scaled.

    Raises:
        ResultsError: what comes out is not what the row says.
    """
    depth, width, size = (row[name] for name in ("depth_coefficient", "width_coefficient", "image_size"))
    if any(map(pd.isna, (depth, width, size))):
        raise ResultsError(f"trial {row['trial']} is {row['state']}: the table does not say its network")
    rules = config.setup.rounding_rules
    spec = scaled_to(config.baseline_spec, depth=depth, width=width, image_size=size, rounding=rules)
    cost = count_cost(spec)
    if (cost.params, cost.macs) != (row["params"], row["macs"]):
        raise ResultsError(
            f"the run's baseline, scaled as trial {row['trial']} was, has {cost.params:,} params and "
            f"{cost.macs:,} multiply-adds, not {row['params']:,} and {row['macs']:,}"
        )
    return spec


def train_command(folder: Path) -> str:
    """Return the command that trains the network to build, to its weights."""
    return f"scaling train --run {shlex.quote(str(folder))} --best"


def family_command(folder: Path, winner: dict[str, Any]) -> str | None:
    """Return the command that scales the run's baseline by the winner; None for the unscaled baseline."""
    if winner["alpha"] is None:
        return None
    bases = " ".join(f"--{base} {winner[base]:.10g}" for base in ("alpha", "beta", "gamma"))
    return f"scaling family {bases} --phi {PHIS} --config {shlex.quote(str(folder))}"


def traded(config: SearchConfig) -> list[str]:
    """Return the costs that a search of several objectives weighs against accuracy."""
    return [str(one) for one in config.search.objectives[1:]]


def _trade_offs(config: SearchConfig, trials: pd.DataFrame, noise: NoiseFloor | None) -> dict[str, Any]:
    """Return the spread of nominal cost and the Pareto front, where a search has them."""
    found: dict[str, Any] = {}
    if config.search.cost == CostRule.NOMINAL:
        correlation = cost_correlation(trials)
        found["nominal_cost"] = None if correlation is None else asdict(correlation)
    if traded(config):
        found["pareto_front"] = _rows(trained_front(trials, traded(config), noise))
    return found


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table, None where a value is missing."""
    plain = frame.astype(object)
    return plain.where(plain.notna(), None).to_dict("records")  # type: ignore[return-value]
