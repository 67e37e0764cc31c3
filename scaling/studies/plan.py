"""What a study costs: networks, trainings, multiply-adds, and time where something was measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from scaling.baselines import rules_of_baseline
from scaling.cost import count_cost
from scaling.families import baseline_named
from scaling.rounding import CoefficientRounding
from scaling.search.target import Target
from scaling.strategies import compound
from scaling.studies.config import SearchThenFamily, StudyConfig
from scaling.studies.networks import CONFIRM, NOTHING, WINNER, Member, Scene, family_of, members_of, on_target
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
        row = _row(trial.member, base, len(trial.jobs), sum(one is not None for one in found.values()))
        if earlier is not None:
            row = replace(row, trainings=row.trainings + earlier.trainings, there=row.there + earlier.there)
        by_member[key] = row
    rows = list(by_member.values())
    later = [] if state.final else _later(bench, rows, base)
    missing = sum(job.train_macs for job in state.missing)
    images = bench.proxy.data.train * bench.proxy.recipe.epochs
    missing += sum(BACKWARD * (row.macs or 0) * images * row.trainings for row in later)
    speed = _macs_per_s(bench, state)
    return Plan(
        rows=(*rows, *later),
        trainings=sum(row.trainings for row in (*rows, *later)),
        there=sum(row.there for row in rows),
        train_macs=missing,
        core_s=None if speed is None else missing / speed,
        follows=bool(later),
    )


def _row(member: Member, base: int, trainings: int, there: int) -> Row:
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
        later.append(_row(one, base, design.confirm * len(design.confirm_seeds), 0))
    each = len(bench.size.seeds) * len(bench.size.learning_rates)
    for one in family_of(design, paper, scene):
        later.append(_row(one, base, 0 if one.problem else each, 0))
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


def paper_plan(study: StudyConfig) -> tuple[Plan, float]:
    """Return what the paper's own size takes, and multiply-adds of one epoch of its baseline.

    The baseline is the published one, rounding as released but for the coefficients, which are left as they
    are; the space of step 1 is this study's.
    """
    paper = study.sizes.paper
    baseline = baseline_named(paper.baseline)
    rounding = replace(rules_of_baseline(baseline.name), coefficient_rounding=CoefficientRounding.NONE)
    design = study.design
    tolerance = getattr(design, "tolerance", 0.05)
    scene = Scene(baseline=baseline, rounding=rounding, target=Target(tolerance=tolerance))
    if paper.factors is not None and hasattr(design, "factors"):
        design = design.model_copy(update={"factors": paper.factors})
    members = members_of(design, scene, NOTHING)
    if isinstance(design, SearchThenFamily):
        members += family_of(design, compound(name=WINNER), scene)
    base = count_cost(baseline).macs
    each = paper.seeds * paper.learning_rates
    rows = [_row(one, base, 0 if one.problem else each, 0) for one in members]
    images = paper.train * paper.epochs
    total = math.fsum(float(BACKWARD) * (row.macs or 0) * images * row.trainings for row in rows)
    plan = Plan(
        rows=tuple(rows),
        trainings=sum(row.trainings for row in rows),
        there=0,
        train_macs=total,
        core_s=None,
        follows=False,
    )
    return plan, float(BACKWARD * base * paper.train)


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
