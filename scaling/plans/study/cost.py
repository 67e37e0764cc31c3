"""What a study costs: networks, trainings, multiply-adds, and time where something was measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from scaling.cost import count_cost
from scaling.network.strategies import compound
from scaling.plans.networks import CONFIRM, PlannedNetwork
from scaling.plans.study.config import SearchThenFamily
from scaling.plans.study.networks import WINNER, family_of, on_target
from scaling.plans.study.plan import StudyPlan
from scaling.plans.study.state import StudyState
from scaling.runs.job import BACKWARD


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRow:
    """A network of a study.

    Args:
        network: that is trained.
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
        trainings: of all rows.
        there: how many are trained already.
        train_macs: multiply-adds of what is missing, forward and backward.
        core_s: seconds of one worker for what is missing, by trainings measured before; None if none were.
        follows: whether networks are yet to be chosen.
    """

    rows: tuple[CostRow, ...]
    trainings: int
    there: int
    train_macs: float
    core_s: float | None
    follows: bool

    @property
    def missing(self) -> int:
        """Trainings that are to come."""
        return self.trainings - self.there


def cost_of(plan: StudyPlan, state: StudyState) -> StudyCost:
    """Return what a study at a size that can be run takes, beyond what is trained already."""
    base = count_cost(plan.space.baseline).macs
    by_network: dict[tuple[str, str], CostRow] = {}
    for trial, found in zip(state.trials, state.results, strict=True):
        key = (trial.network.kind, trial.network.name)
        earlier = by_network.get(key)
        row = row_of(trial.network, base, len(trial.jobs), sum(one is not None for one in found.values()))
        if earlier is not None:
            row = replace(row, trainings=row.trainings + earlier.trainings, there=row.there + earlier.there)
        by_network[key] = row
    rows = list(by_network.values())
    later = [] if state.final else _later(plan, state, base)
    passes = sum(count_cost(job.spec).macs * job.recipe.epochs for job in state.missing)
    passes += sum((row.macs or 0) * plan.epochs(row.network) * row.trainings for row in later)
    missing = float(BACKWARD * plan.train_images * passes)
    speed = _macs_per_s(plan, state)
    return StudyCost(
        rows=(*rows, *later),
        trainings=sum(row.trainings for row in (*rows, *later)),
        there=sum(row.there for row in rows),
        train_macs=missing,
        core_s=None if speed is None else missing / speed,
        follows=bool(later),
    )


def row_of(network: PlannedNetwork, base: int, trainings: int, there: int) -> CostRow:
    """Return a row, its cost counted.

    Args:
        network: that is trained.
        base: multiply-adds of the baseline.
        trainings: of it.
        there: how many of them the store has.
    """
    macs = None if network.spec is None else count_cost(network.spec).macs
    return CostRow(
        network=network,
        macs=macs,
        achieved_factor=None if macs is None else macs / base,
        trainings=trainings,
        there=there,
    )


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


def _later(plan: StudyPlan, state: StudyState, base: int) -> list[CostRow]:
    each, design = len(plan.table.seeds) * len(plan.table.learning_rates), plan.design
    confirmations = design.confirm * len(design.confirm_seeds) if isinstance(design, SearchThenFamily) else 0
    rows = []
    for one in networks_to_come(plan, state):
        trainings = confirmations if one.kind == CONFIRM else 0 if one.problem else each
        rows.append(row_of(one, base, trainings, 0))
    return rows


def _macs_per_s(plan: StudyPlan, state: StudyState) -> float | None:
    """Return the median speed of the trainings that this study has already."""
    images = BACKWARD * plan.train_images
    speeds = [
        images * count_cost(trial.network.spec).macs * one.result["epochs"] / one.wall_s
        for trial, found in zip(state.trials, state.results, strict=True)
        for one in found.values()
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
