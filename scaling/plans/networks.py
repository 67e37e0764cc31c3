"""A network that a plan wants trained, and what a table of trials says of it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scaling.analysis.surface import COORDINATES
from scaling.cost import count_cost
from scaling.cost.doublings import doublings
from scaling.network.architecture import ArchitectureSpec
from scaling.network.coefficients import CompoundCoefficients
from scaling.network.serialization import architecture_key, from_json, to_json
from scaling.runs.record import Record, RecordState
from scaling.runs.trials_table import MEASURED
from scaling.targets.directions import Direction
from scaling.targets.shares import realised_shares
from scaling.targets.target import Target

BASELINE = "baseline"
REFERENCE, SEARCH, CONFIRM = "reference", "search", "confirm"
"""Kinds: what everything is compared with; what was proposed; the best again, with fresh seeds."""
OPTIMUM = "optimum"
"""Name of a network that a surface expects to be best."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedNetwork:
    """A network of a plan, or why there is none.

    Args:
        name: `baseline`, a strategy, a direction, or the kind where it has none of its own.
        kind: `reference`, `search` or `confirm`.
        spec: the network; None where there is none.
        strategy: how it was scaled; the name where that says it.
        factor: cost that was asked for, times the baseline's; None where multipliers were.
        compound: bases and phi that its multipliers stand for; None where they stand for none.
        shares: of log-cost, as asked for; None where a path has no constant ones.
        problem: why it is not trained; None where it is.
    """

    name: str
    kind: str
    spec: ArchitectureSpec | None
    strategy: str = ""
    factor: float | None = None
    compound: CompoundCoefficients | None = None
    shares: Direction | None = None
    problem: str | None = None

    @property
    def key(self) -> str:
        """The architecture's key; empty where there is no network."""
        return "" if self.spec is None else architecture_key(self.spec)

    def document(self) -> dict[str, Any]:
        """Return the network as plain data."""
        return {
            "name": self.name,
            "kind": self.kind,
            "spec": None if self.spec is None else json.loads(to_json(self.spec)),
            "strategy": self.strategy,
            "factor": self.factor,
            "shares": None if self.shares is None else list(self.shares.shares),
            "problem": self.problem,
        }

    @staticmethod
    def of_document(document: Mapping[str, Any]) -> PlannedNetwork:
        """Read a network back; its coefficients are those that its spec notes.

        Raises:
            SpecError: the document holds no network of this version.
        """
        spec = None if document["spec"] is None else from_json(json.dumps(document["spec"]))
        shares = document["shares"]
        return PlannedNetwork(
            name=document["name"],
            kind=document["kind"],
            spec=spec,
            strategy=document["strategy"],
            factor=document["factor"],
            compound=spec.derivation.compound if spec is not None and spec.derivation else None,
            shares=None if shares is None else Direction.of_shares(shares),
            problem=document["problem"],
        )


def network_columns(network: PlannedNetwork, baseline: ArchitectureSpec, target: Target) -> dict[str, Any]:
    """Return the columns of the table of trials that say which network it is.

    Args:
        network: of the plan.
        baseline: that it was scaled from.
        target: whose metric `achieved_factor` is in.
    """
    base = {"kind": network.kind, "name": network.name}
    if network.spec is None:
        return base
    spec, compound = network.spec, network.compound
    cost, scaling = count_cost(spec), spec.derivation.scaling if spec.derivation else None
    return {
        **base,
        **{name: getattr(compound, name, None) for name in ("alpha", "beta", "gamma")},
        "phi": compound.phi if compound else 0.0,
        **named_shares("", network.shares.shares if network.shares else (None, None, None)),
        **named_shares("realised_", realised_shares(spec, baseline) or (None, None, None)),
        **dict(zip(COORDINATES, doublings(spec, baseline), strict=True)),
        "x_rounding": math.log2(cost.macs / count_cost(baseline).macs) - sum(doublings(spec, baseline)),
        "depth_coefficient": scaling.depth_coefficient if scaling else 1.0,
        "width_coefficient": scaling.width_coefficient if scaling else 1.0,
        "image_size": spec.image_size,
        "params": cost.params,
        "macs": cost.macs,
        "activations": cost.activations,
        "nominal_factor": compound.nominal_factor if compound else 1.0,
        "achieved_factor": target.amount(spec) / target.amount(baseline),
        "architecture": network.key,
    }


def named_shares(prefix: str, shares: tuple[float | None, ...]) -> dict[str, float | None]:
    """Return three shares by the names of their columns."""
    names = ("depth_share", "width_share", "resolution_share")
    return {prefix + name: share for name, share in zip(names, shares, strict=True)}


def training_columns(seed: int, record: Record | None, *, state: str = "waiting") -> dict[str, Any]:
    """Return the columns of the table of trials that training fills.

    Args:
        seed: of the training.
        record: what it gave; None where there is nothing yet.
        state: of a row without a record.
    """
    if record is None:
        return {"seed": seed, "state": state}
    base = {"seed": seed, "state": record.state.value, "record": record.key}
    if record.state == RecordState.PRUNED and record.curve:
        last = record.curve[-1]
        reached = {"top1": last.top1, "validation_loss": last.validation_loss, "fidelity_epochs": last.epoch}
        return base | reached
    if record.result is None:
        return base
    result = record.result
    return {
        **base,
        "top1": result["top1"],
        "validation_loss": _rounded(result["validation_loss"]),
        "wall_s": round(result["wall_s"], 3),
        "fidelity_epochs": result["epochs"],
        **{column: _rounded(result.get(column)) for column in MEASURED},
    }


def _rounded(value: float | None) -> float | None:
    """Six digits: more are below the noise of a measurement."""
    return float(f"{value:.6g}") if isinstance(value, float) else value
