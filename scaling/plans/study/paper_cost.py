"""What the paper's own size of a study costs, baseline by baseline."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from scaling.cost import count_cost
from scaling.network.architecture import ArchitectureSpec
from scaling.network.baselines import rules_of_baseline
from scaling.network.coefficients import ScalingCoefficients
from scaling.network.families import baseline_named
from scaling.network.generation import scale
from scaling.network.rounding import CoefficientRounding, RoundingRules
from scaling.network.strategies import compound
from scaling.plans.networks import REFERENCE, PlannedNetwork
from scaling.plans.study.config import SearchThenFamily, StudyConfig
from scaling.plans.study.cost import CostRow, StudyCost, cost_document, row_of
from scaling.plans.study.networks import NOTHING, WINNER, ScalingSpace, family_of, networks_of
from scaling.plans.study.paper import PaperNetworks, PaperTable
from scaling.runs.job import BACKWARD
from scaling.targets.grid import grid_of
from scaling.targets.target import Target

GRID_FACTOR, GRID_TOLERANCE = 2.0, 0.05
"""alpha·beta²·gamma² ≈ 2 (arXiv:1905.11946, equation 3); the tolerance is ours, as in searches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperPart:
    """What was trained of one baseline.

    Args:
        baseline: its name.
        cost: of its networks; none is there already.
        epoch_macs: multiply-adds of one epoch of the baseline, forward and backward.
    """

    baseline: str
    cost: StudyCost
    epoch_macs: float


def paper_parts(study: StudyConfig) -> tuple[PaperPart, ...]:
    """Return what the paper's own size takes, by baseline.

    Baselines are the published ones, rounded as released but for the coefficients, which are left as they
    are. Where the file names no networks, its own design is costed at the factors of its paper's size.

    Raises:
        SpecError: multipliers make no network.
    """
    paper = study.sizes.paper
    if not paper.networks:
        spec, rules = _start(paper.baseline)
        return (_part(spec, _of_design(study, spec, rules), paper),)
    return tuple(_part(_start(one.baseline)[0], list(_of_networks(one)), paper) for one in paper.networks)


def _start(name: str) -> tuple[ArchitectureSpec, RoundingRules]:
    spec = baseline_named(name)
    return spec, replace(rules_of_baseline(spec.name), coefficient_rounding=CoefficientRounding.NONE)


def _part(baseline: ArchitectureSpec, rows: list[CostRow], paper: PaperTable) -> PaperPart:
    each, images = paper.seeds * paper.learning_rates, paper.train * paper.epochs
    rows = [replace(row, trainings=each * row.trainings) for row in rows]
    total = math.fsum(float(BACKWARD) * (row.macs or 0) * images * row.trainings for row in rows)
    cost = StudyCost(
        rows=tuple(rows),
        trainings=sum(row.trainings for row in rows),
        there=0,
        train_macs=total,
        core_s=None,
        follows=False,
    )
    epoch = float(BACKWARD * count_cost(baseline).macs * paper.train)
    return PaperPart(baseline=baseline.name, cost=cost, epoch_macs=epoch)


def _of_networks(wanted: PaperNetworks) -> Iterator[CostRow]:
    start, rules = _start(wanted.baseline)
    base = count_cost(start).macs
    yield row_of(_network(start.name, start), base, 1, 0)
    if wanted.grid_step is not None:
        points = grid_of(GRID_FACTOR, step=wanted.grid_step, tolerance=GRID_TOLERANCE)
        macs = [count_cost(scale(start, point.scaling_coefficients(), rules)).macs for point in points]
        yield _counted(f"grid of {len(points)}", fmean(macs), base, len(points))
    for depth, width, resolution in wanted.multipliers:
        by = ScalingCoefficients(
            depth_coefficient=depth, width_coefficient=width, resolution_coefficient=resolution
        )
        parts = {"d": depth, "w": width, "r": resolution}
        name = "-".join(f"{letter}{value:g}" for letter, value in parts.items() if value != 1)
        yield row_of(_network(name or "again", scale(start, by, rules)), base, 1, 0)
    for name in wanted.variants:
        yield row_of(_network(name, baseline_named(name)), base, 1, 0)
    for gmacs in wanted.printed_gmacs:
        yield _counted("as printed", 1e9 * gmacs, base, 1)


def _network(name: str, spec: ArchitectureSpec | None) -> PlannedNetwork:
    return PlannedNetwork(name=name, kind=REFERENCE, strategy=name, factor=None, spec=spec)


def _counted(name: str, macs: float, base: int, trainings: int) -> CostRow:
    """Return a row of networks that are not named one by one."""
    return CostRow(
        network=_network(name, None),
        macs=round(macs),
        achieved_factor=macs / base,
        trainings=trainings,
        there=0,
    )


def _of_design(study: StudyConfig, spec: ArchitectureSpec, rules: RoundingRules) -> list[CostRow]:
    """Return the networks of the study's own design, step 2 by the paper's shares."""
    design, paper = study.design, study.sizes.paper
    space = ScalingSpace(
        baseline=spec, rounding=rules, target=Target(tolerance=getattr(design, "tolerance", 0.05))
    )
    if paper.factors is not None and hasattr(design, "factors"):
        design = design.model_copy(update={"factors": paper.factors})
    networks = networks_of(design, space, NOTHING)
    if isinstance(design, SearchThenFamily):
        networks += family_of(design, compound(name=WINNER), space)
    base = count_cost(spec).macs
    return [row_of(one, base, 0 if one.problem else 1, 0) for one in networks]


def paper_document(study: StudyConfig, parts: tuple[PaperPart, ...]) -> dict[str, Any]:
    """Return the paper's size as plain data."""
    paper = study.sizes.paper
    return {
        "trainings": sum(part.cost.trainings for part in parts),
        "train_macs": math.fsum(part.cost.train_macs for part in parts),
        "epochs": paper.epochs,
        "train_images": paper.train,
        "note": paper.note,
        "baselines": [
            {
                "baseline": part.baseline,
                "baseline_epoch_macs": part.epoch_macs,
                **{key: cost_document(part.cost)[key] for key in ("trainings", "train_macs", "networks")},
            }
            for part in parts
        ],
    }
