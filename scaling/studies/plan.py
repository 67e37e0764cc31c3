"""What a study costs: networks, trainings, multiply-adds, and time where something was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from scaling.cost import count_cost
from scaling.network.strategies import compound
from scaling.studies.config import SearchThenFamily
from scaling.studies.networks import CONFIRM, WINNER, Member, family_of, on_target
from scaling.studies.trials import Bench, State
from scaling.training.job import BACKWARD


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A network of a plan.

    Args:
        member: the network.
        macs: multiply-adds of one image; None where there is no network.
        achieved_factor: its cost over the baseline's multiply-adds; likewise.
        trainings: seeds times learning rates; 0 where it is not on target.
        there: how many of them the store has.
    """

    member: Member
    macs: int | None
    achieved_factor: float | None
    trainings: int
    there: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a study takes.

    Args:
        rows: its networks; what follows from results is costed by what it will cost, not by what it will be.
        trainings: of all rows.
        there: how many are trained already.
        train_macs: multiply-adds of what is missing, forward and backward.
        core_s: seconds of one worker for what is missing, by trainings measured before; None if none were.
        follows: whether networks are yet to be chosen.
    """

    rows: tuple[Row, ...]
    trainings: int
    there: int
    train_macs: float
    core_s: float | None
    follows: bool


def plan_of(bench: Bench, state: State) -> Plan:
    """Return what a study at a size that can be run takes, beyond what is trained already."""
    base = count_cost(bench.scene.baseline).macs
    by_member: dict[tuple[str, str], Row] = {}
    for trial, found in zip(state.trials, state.results, strict=True):
        key = (trial.member.kind, trial.member.name)
        earlier = by_member.get(key)
        row = row_of(trial.member, base, len(trial.jobs), sum(one is not None for one in found.values()))
        if earlier is not None:
            row = replace(row, trainings=row.trainings + earlier.trainings, there=row.there + earlier.there)
        by_member[key] = row
    rows = list(by_member.values())
    later = [] if state.final else _later(bench, rows, base)
    missing = sum(job.train_macs for job in state.missing)
    images = bench.proxy.data.train
    missing += sum(
        BACKWARD * (row.macs or 0) * images * bench.epochs(row.member) * row.trainings for row in later
    )
    speed = _macs_per_s(bench, state)
    return Plan(
        rows=(*rows, *later),
        trainings=sum(row.trainings for row in (*rows, *later)),
        there=sum(row.there for row in rows),
        train_macs=missing,
        core_s=None if speed is None else missing / speed,
        follows=bool(later),
    )


def row_of(member: Member, base: int, trainings: int, there: int) -> Row:
    """Return a row, its cost counted.

    Args:
        member: the network.
        base: multiply-adds of the baseline.
        trainings: of it.
        there: how many of them the store has.
    """
    macs = None if member.spec is None else count_cost(member.spec).macs
    return Row(
        member=member,
        macs=macs,
        achieved_factor=None if macs is None else macs / base,
        trainings=trainings,
        there=there,
    )


def _later(bench: Bench, rows: Sequence[Row], base: int) -> list[Row]:
    """Return stand-ins for what follows from results: confirmations, and a family of the paper's shares."""
    design, scene = bench.study.design, bench.scene
    if not isinstance(design, SearchThenFamily):
        return []
    confirming = any(row.member.kind == CONFIRM for row in rows)
    paper = compound(name=WINNER)
    later = []
    if not confirming:
        one = on_target(paper, design.factor, scene, kind=CONFIRM, name="confirmations")
        later.append(row_of(one, base, design.confirm * len(design.confirm_seeds), 0))
    each = len(bench.size.seeds) * len(bench.size.learning_rates)
    for one in family_of(design, paper, scene):
        later.append(row_of(one, base, 0 if one.problem else each, 0))
    return later


def _macs_per_s(bench: Bench, state: State) -> float | None:
    """Return the median speed of the trainings that this study has already."""
    images = BACKWARD * bench.proxy.data.train
    speeds = [
        images * count_cost(trial.member.spec).macs * one.result["epochs"] / one.wall_s
        for trial, found in zip(state.trials, state.results, strict=True)
        for one in found.values()
        if trial.member.spec is not None and one is not None and one.result is not None and one.wall_s > 0
    ]
    return median(speeds) if speeds else None


def plan_document(plan: Plan) -> dict[str, Any]:
    """Return a plan as plain data."""
    return {
        "trainings": plan.trainings,
        "there": plan.there,
        "train_macs": plan.train_macs,
        "core_s": plan.core_s,
        "follows": plan.follows,
        "networks": [
            {
                "name": row.member.name,
                "kind": row.member.kind,
                "image_size": None if row.member.spec is None else row.member.spec.image_size,
                "macs": row.macs,
                "achieved_factor": row.achieved_factor,
                "trainings": row.trainings,
                "there": row.there,
                "problem": row.member.problem,
            }
            for row in plan.rows
        ],
    }
