"""A network that is to be trained, and what a table says of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from scaling.cost import count_cost
from scaling.network.architecture import ArchitectureSpec
from scaling.network.coefficients import CompoundCoefficients
from scaling.network.generation import scale
from scaling.network.serialization import architecture_key, from_json, to_json
from scaling.network.strategies import PAPER_BASES
from scaling.search.config import SearchConfig
from scaling.search.search_table import CostRule
from scaling.targets.directions import Direction
from scaling.targets.realise import Realisation, realise, realise_nominally
from scaling.targets.shares import compound_of, realised_shares, with_compound

CONFIRM = "confirm"
"""Kind of a proposal that is trained again with fresh seeds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One network of a search.

    Args:
        kind: `reference`, `search` or `confirm`.
        name: `baseline`, `depth`, `width`, `resolution`, `compound`; the kind for all others.
        spec: the network.
        compound: its coefficients; None for the baseline.
        proposed: the shares that were asked for; None for the baseline.
        feasible: on target; references always are, they stand where the nominal formula puts them.
    """

    kind: str
    name: str
    spec: ArchitectureSpec
    compound: CompoundCoefficients | None
    proposed: Direction | None
    feasible: bool = True

    def row(self, config: SearchConfig) -> dict[str, Any]:
        """Return the columns of the table of trials that do not depend on training."""
        baseline, cost = config.baseline_spec, count_cost(self.spec)
        achieved = config.target.amount(self.spec) / config.target.amount(baseline)
        realised = realised_shares(self.spec, baseline)
        scaling = self.spec.derivation.scaling if self.spec.derivation else None
        return {
            "experiment": config.name,
            "kind": self.kind,
            "name": self.name,
            **{base: getattr(self.compound, base, None) for base in ("alpha", "beta", "gamma")},
            "phi": self.compound.phi if self.compound else 0.0,
            **_named_shares("", self.proposed.shares if self.proposed else (None, None, None)),
            **_named_shares("realised_", realised or (None, None, None)),
            "depth_coefficient": scaling.depth_coefficient if scaling else 1.0,
            "width_coefficient": scaling.width_coefficient if scaling else 1.0,
            "image_size": self.spec.image_size,
            "params": cost.params,
            "macs": cost.macs,
            "activations": cost.activations,
            "nominal_factor": self.compound.nominal_factor if self.compound else 1.0,
            "achieved_factor": achieved,
            "fidelity_epochs": config.recipe.epochs,
            "architecture": architecture_key(self.spec),
        }

    def document(self) -> dict[str, Any]:
        """Return the candidate as plain data, for the study's database."""
        return {
            "kind": self.kind,
            "name": self.name,
            "spec": to_json(self.spec),
            "architecture": architecture_key(self.spec),
            "proposed": self.proposed.shares if self.proposed else None,
            "feasible": self.feasible,
        }

    @staticmethod
    def of_document(document: dict[str, Any]) -> Candidate:
        """Read a candidate back."""
        spec = from_json(document["spec"])
        shares = document["proposed"]
        return Candidate(
            kind=document["kind"],
            name=document["name"],
            spec=spec,
            compound=spec.derivation.compound if spec.derivation else None,
            proposed=Direction.of_shares(shares) if shares else None,
            feasible=document["feasible"],
        )

    @staticmethod
    def of_proposal(direction: Direction, found: Realisation) -> Candidate:
        """Return what a sampler's direction became."""
        return Candidate(
            kind="search",
            name="search",
            spec=with_compound(found.spec, found.compound),
            compound=found.compound,
            proposed=direction,
            feasible=found.feasible,
        )

    @staticmethod
    def of_square(config: SearchConfig, s: float, v: float) -> Candidate:
        """Return what a sampler's point of the unit square becomes."""
        direction = Direction.of_square(s, v)
        baseline, target, rounding = config.baseline_spec, config.target, config.rounding_rules
        if config.search.cost == CostRule.NOMINAL:
            compound = direction.bases(target.factor, phi=1.0)
            return Candidate.of_proposal(direction, realise_nominally(compound, baseline, target, rounding))
        return Candidate.of_proposal(direction, realise(direction, baseline, target, rounding))

    @staticmethod
    def of_spec(spec: ArchitectureSpec, baseline: ArchitectureSpec, target_factor: float) -> Candidate:
        """Return a network of the enumerated space, with the coefficients and shares that it stands for."""
        assert spec.derivation is not None
        compound = compound_of(spec.derivation.scaling, target_factor)
        shares = realised_shares(spec, baseline)
        return Candidate(
            kind="search",
            name="search",
            spec=with_compound(spec, compound),
            compound=compound,
            proposed=Direction.of_shares(shares) if shares else None,
        )


def references(config: SearchConfig) -> Iterator[Candidate]:
    """Yield the unscaled baseline, the three single axes and the paper's point, realised nominally."""
    baseline = config.baseline_spec
    yield Candidate(kind="reference", name="baseline", spec=baseline, compound=None, proposed=None)
    factor = config.target.factor
    for name, bases in (
        ("depth", (factor, 1.0, 1.0)),
        ("width", (1.0, math.sqrt(factor), 1.0)),
        ("resolution", (1.0, 1.0, math.sqrt(factor))),
        ("compound", PAPER_BASES),
    ):
        alpha, beta, gamma = bases
        compound = CompoundCoefficients(alpha=alpha, beta=beta, gamma=gamma, phi=1.0)
        spec = scale(baseline, compound, config.rounding_rules)
        yield Candidate(
            kind="reference",
            name=name,
            spec=spec,
            compound=compound,
            proposed=Direction.of_bases(*bases),
            feasible=config.target.within_limits(spec),
        )


def seeds_of(config: SearchConfig, candidate: Candidate) -> tuple[int, ...]:
    """Return the seeds with which a network is trained."""
    if candidate.kind == CONFIRM:
        return config.search.confirm_seeds
    return config.search.baseline_seeds if candidate.name == "baseline" else config.search.seeds


def _named_shares(prefix: str, shares: tuple[float | None, ...]) -> dict[str, float | None]:
    names = ("depth_share", "width_share", "resolution_share")
    return {prefix + name: share for name, share in zip(names, shares, strict=True)}
