"""What a study costs, at our sizes or at the paper's: networks, trainings, multiply-adds, and time."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import fmean, median
from typing import Any

from scaling.cost import count_cost
from scaling.network.architecture import ArchitectureSpec
from scaling.network.baselines import rules_of_baseline
from scaling.network.coefficients import ScalingCoefficients
from scaling.network.families import baseline_named
from scaling.network.generation import scale
from scaling.network.rounding import CoefficientRounding, RoundingRules
from scaling.network.strategies import compound
from scaling.plans.networks import CONFIRM, REFERENCE, PlannedNetwork
from scaling.plans.study.config import PaperNetworks, PaperTable, SearchThenFamily, StudyConfig
from scaling.plans.study.networks import NOTHING, WINNER, ScalingSpace, family_of, networks_of, on_target
from scaling.plans.study.plan import StudyPlan
from scaling.plans.study.trials import StudyState
from scaling.runs.job import BACKWARD
from scaling.targets.grid import grid_of
from scaling.targets.target import Target

GRID_FACTOR, GRID_TOLERANCE = 2.0, 0.05
"""alpha·beta²·gamma² ≈ 2 (arXiv:1905.11946, equation 3); the tolerance is ours, as in searches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRow:
    """A network of a study.

    Args:
        macs: multiply-adds of one image; None where there is no network.
        achieved_factor: its cost over the baseline's multiply-adds; likewise.
        trainings: seeds times learning rates; 0 where it is not on target.
        there: how many of them the store has.
    """

    network: PlannedNetwork
    macs: int | None
    achieved_factor: float | None
    trainings: int
    there: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyCost:
    """What a study takes.

    Args:
        rows: its networks; what follows from results is costed by what it will cost, not by what it will be.
        train_macs: multiply-adds of what is missing, forward and backward.
        core_s: seconds of one worker for what is missing, by trainings measured before; None if none were.
        follows: whether networks are yet to be chosen.
    """

    rows: tuple[CostRow, ...]
    train_macs: float
    core_s: float | None = None
    follows: bool = False

    @property
    def trainings(self) -> int:
        """Of all rows."""
        return sum(row.trainings for row in self.rows)

    @property
    def there(self) -> int:
        """Trainings that the store has."""
        return sum(row.there for row in self.rows)

    @property
    def missing(self) -> int:
        """Trainings that are to come."""
        return self.trainings - self.there


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperPart:
    """What the paper trained of one baseline.

    Args:
        epoch_macs: multiply-adds of one epoch of the baseline, forward and backward.
    """

    baseline: str
    cost: StudyCost
    epoch_macs: float


def cost_of(plan: StudyPlan, state: StudyState) -> StudyCost:
    """Return what a study at a size that can be run takes, beyond what is trained already."""
    base, trainings, there = count_cost(plan.space.baseline).macs, Counter[Any](), Counter[Any]()
    for trial in state.trials:
        name = (trial.network.kind, trial.network.name)
        trainings[name] += len(trial.jobs)
        there[name] += sum(one is not None for one in trial.results.values())
    names = [(one.kind, one.name) for one in state.networks]
    rows = [
        row_of(one, base, trainings[name], there[name])
        for one, name in zip(state.networks, names, strict=True)
    ]
    coming = [] if state.final else networks_to_come(plan, state)
    later = [row_of(one, base, _trainings_to_come(plan, one)) for one in coming]
    passes = sum(count_cost(job.spec).macs * job.recipe.epochs for job in state.missing)
    passes += sum((row.macs or 0) * plan.epochs(row.network) * row.trainings for row in later)
    missing, speed = float(BACKWARD * plan.train_images * passes), _macs_per_s(plan, state)
    return StudyCost(
        rows=(*rows, *later),
        train_macs=missing,
        core_s=None if speed is None else missing / speed,
        follows=bool(later),
    )


def row_of(
    network: PlannedNetwork, base: int, trainings: int, there: int = 0, *, macs: int | None = None
) -> CostRow:
    """Return a row; multiply-adds are counted, beside `base` of the baseline, where they are not given."""
    if network.spec is not None:
        macs = count_cost(network.spec).macs
    factor = None if macs is None else macs / base
    return CostRow(network=network, macs=macs, achieved_factor=factor, trainings=trainings, there=there)


def networks_to_come(plan: StudyPlan, state: StudyState) -> list[PlannedNetwork]:
    """Return stand-ins for what follows from results: confirmations, and a family of the paper's shares."""
    design, space = plan.design, plan.space
    if not isinstance(design, SearchThenFamily):
        return []
    paper = compound(name=WINNER)
    family = family_of(design, paper, space)
    if any(one.kind == CONFIRM for one in state.networks):
        return family
    return [on_target(paper, design.factor, space, kind=CONFIRM, name="confirmations"), *family]


def _trainings_to_come(plan: StudyPlan, network: PlannedNetwork) -> int:
    if network.kind == CONFIRM and isinstance(plan.design, SearchThenFamily):
        return plan.design.confirm * len(plan.design.confirm_seeds)
    return 0 if network.problem else len(plan.table.seeds) * len(plan.table.learning_rates)


def _macs_per_s(plan: StudyPlan, state: StudyState) -> float | None:
    """Return the median speed of the trainings that this study has already."""
    images = BACKWARD * plan.train_images
    speeds = [
        images * count_cost(trial.network.spec).macs * one.result["epochs"] / one.wall_s
        for trial in state.trials
        for one in trial.results.values()
        if trial.network.spec is not None and one is not None and one.result is not None and one.wall_s > 0
    ]
    return median(speeds) if speeds else None


def cost_document(cost: StudyCost) -> dict[str, Any]:
    """Return the cost as plain data."""
    return {
        "trainings": cost.trainings,
        "there": cost.there,
        "train_macs": cost.train_macs,
        "core_s": cost.core_s,
        "follows": cost.follows,
        "networks": [
            {
                "name": row.network.name,
                "kind": row.network.kind,
                "image_size": None if row.network.spec is None else row.network.spec.image_size,
                "macs": row.macs,
                "achieved_factor": row.achieved_factor,
                "trainings": row.trainings,
                "there": row.there,
                "problem": row.network.problem,
            }
            for row in cost.rows
        ],
    }


def paper_parts(study: StudyConfig) -> tuple[PaperPart, ...]:
    """Return what the paper's own size takes, by baseline.

    Baselines are the published ones, rounded as released but for the coefficients, which are left as they
    are. Where the file names no networks, its own design is costed at the factors of its paper's size.

    Raises:
        SpecError: multipliers make no network.
    """
    paper = study.sizes.paper
    if not paper.networks:
        return (_part(paper.baseline, _of_design(study), paper),)
    return tuple(_part(one.baseline, list(_of_networks(one)), paper) for one in paper.networks)


def _start(name: str) -> tuple[ArchitectureSpec, RoundingRules]:
    spec = baseline_named(name)
    return spec, replace(rules_of_baseline(spec.name), coefficient_rounding=CoefficientRounding.NONE)


def _part(name: str, rows: list[CostRow], paper: PaperTable) -> PaperPart:
    each, images = paper.seeds * paper.learning_rates, paper.train * paper.epochs
    rows = [replace(row, trainings=each * row.trainings) for row in rows]
    total = math.fsum(float(BACKWARD) * (row.macs or 0) * images * row.trainings for row in rows)
    baseline = baseline_named(name)
    return PaperPart(
        baseline=baseline.name,
        cost=StudyCost(rows=tuple(rows), train_macs=total),
        epoch_macs=float(BACKWARD * count_cost(baseline).macs * paper.train),
    )


def _of_networks(wanted: PaperNetworks) -> Iterator[CostRow]:
    start, rules = _start(wanted.baseline)
    base = count_cost(start).macs
    yield row_of(_network(start.name, start), base, 1)
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
        yield row_of(_network(name or "again", scale(start, by, rules)), base, 1)
    for name in wanted.variants:
        yield row_of(_network(name, baseline_named(name)), base, 1)
    for gmacs in wanted.printed_gmacs:
        yield _counted("as printed", 1e9 * gmacs, base, 1)


def _network(name: str, spec: ArchitectureSpec | None) -> PlannedNetwork:
    return PlannedNetwork(name=name, kind=REFERENCE, strategy=name, factor=None, spec=spec)


def _counted(name: str, macs: float, base: int, trainings: int) -> CostRow:
    """Return a row of networks that are not named one by one."""
    row = row_of(_network(name, None), base, trainings, macs=round(macs))
    return replace(row, achieved_factor=macs / base)


def _of_design(study: StudyConfig) -> list[CostRow]:
    """Return the networks of the study's own design, step 2 by the paper's shares."""
    design, paper = study.design, study.sizes.paper
    spec, rules = _start(paper.baseline)
    target = Target(tolerance=getattr(design, "tolerance", 0.05))
    space = ScalingSpace(baseline=spec, rounding=rules, target=target)
    if paper.factors is not None and hasattr(design, "factors"):
        design = design.model_copy(update={"factors": paper.factors})
    networks = networks_of(design, space, NOTHING)
    if isinstance(design, SearchThenFamily):
        networks += family_of(design, compound(name=WINNER), space)
    return [row_of(one, count_cost(spec).macs, 0 if one.problem else 1) for one in networks]


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
