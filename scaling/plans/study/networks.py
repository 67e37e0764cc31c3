"""The networks of a study, each on target or with the reason why not."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from scaling.errors import SpecError
from scaling.network.architecture import ArchitectureSpec
from scaling.network.coefficients import CompoundCoefficients, ScalingCoefficients
from scaling.network.generation import scale
from scaling.network.rounding import RoundingRules
from scaling.network.strategies import Shares, Strategy
from scaling.plans.networks import BASELINE, CONFIRM, REFERENCE, SEARCH, PlannedNetwork
from scaling.plans.study.config import Design, Grid, Ladder, Noise, SearchThenFamily
from scaling.targets.directions import Direction
from scaling.targets.realise import realise_strategy
from scaling.targets.shares import compound_of
from scaling.targets.target import Target

WINNER = "winner"
"""Strategy of step 2: the shares that won step 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingSpace:
    """What networks are made from: a baseline, its rounding, and what limits a target beside cost.

    Args:
        target: metric, tolerance and limits; its factor is replaced by each network's.
    """

    baseline: ArchitectureSpec
    rounding: RoundingRules
    target: Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is known while a study goes on; only networks that follow from results ask.

    Args:
        searched: name and mean top1 (fraction) of every finished direction, all its seeds counted.
        confirmed: the same of fresh seeds.
    """

    searched: tuple[tuple[str, float], ...] = ()
    confirmed: tuple[tuple[str, float], ...] = ()


NOTHING = Found()


def networks_of(design: Design, space: ScalingSpace, found: Found) -> list[PlannedNetwork]:
    """Return the networks that are known by now, the baseline first; later ones follow from results."""
    rest: Iterable[PlannedNetwork]
    match design:
        case Ladder():
            rest = _ladder(design.paths(), design.factors, space)
        case Grid():
            rest = _grid(design, space)
        case SearchThenFamily():
            rest = _search_then_family(design, space, found)
        case Noise():
            rest = _ladder(design.paths(), (design.factor,), space)
        case _:
            assert_never(design)
    unscaled = PlannedNetwork(
        name=BASELINE, kind=REFERENCE, strategy=BASELINE, factor=1.0, spec=space.baseline
    )
    return [unscaled, *rest]


def _ladder(
    paths: Sequence[Strategy], factors: tuple[float, ...], space: ScalingSpace
) -> list[PlannedNetwork]:
    return [on_target(path, factor, space) for factor in factors for path in paths]


def on_target(
    path: Strategy, factor: float, space: ScalingSpace, *, kind: str = REFERENCE, name: str | None = None
) -> PlannedNetwork:
    """Return a strategy's network at a cost, named STRATEGY@FACTOR unless given, or why it has none there."""
    name = name or f"{path.name}@{factor:g}"
    shares = None
    if isinstance(path, Shares):
        shares = Direction.of_shares((path.depth, path.width, max(0.0, 1 - path.depth - path.width)))
    empty = PlannedNetwork(name=name, kind=kind, strategy=path.name, factor=factor, spec=None, shares=shares)
    target = replace(space.target, factor=factor)
    try:
        along = realise_strategy(path, space.baseline, target, space.rounding)
    except SpecError as error:
        return replace(empty, problem=str(error))
    problem = None
    if not along.feasible:
        achieved, over = along.achieved_factor, not target.within_limits(along.spec)
        problem = (
            f"no network of {path.name} is within {100 * target.tolerance:g} % of {factor:g} times the "
            f"baseline's {target.metric}: the nearest is at {achieved:.3g}"
            + (f", {along.spec.image_size} px, beyond the limits" if over else "")
        )
    return replace(empty, spec=along.spec, compound=_compound(along.spec, factor), problem=problem)


def _compound(spec: ArchitectureSpec, factor: float) -> CompoundCoefficients | None:
    scaling = None if spec.derivation is None else spec.derivation.scaling
    if scaling is None or factor <= 1:
        return None
    volume = scaling.depth_coefficient * (scaling.width_coefficient * scaling.resolution_coefficient) ** 2
    return compound_of(scaling, factor) if volume > 1 else None


def _grid(design: Grid, space: ScalingSpace) -> Iterator[PlannedNetwork]:
    for depth, resolution, width in itertools.product(design.depths, design.resolutions, design.widths):
        if depth == resolution == width == 1:
            continue  # the baseline is there already
        name = f"d{depth:g}-w{width:g}-r{resolution:g}"
        multipliers = ScalingCoefficients(
            depth_coefficient=depth, width_coefficient=width, resolution_coefficient=resolution
        )
        spec, problem = None, None
        try:
            spec = scale(space.baseline, multipliers, space.rounding)
        except SpecError as error:
            problem = str(error)
        if spec is not None and not space.target.within_limits(spec):
            problem = f"{name} is beyond the limits: {spec.image_size} px"
        yield PlannedNetwork(
            name=name,
            kind=REFERENCE,
            strategy=f"d{depth:g}-r{resolution:g}",
            factor=None,
            spec=spec,
            compound=None if spec is None else _compound(spec, 2.0),
            problem=problem,
        )


def directions(parts: int) -> list[Shares]:
    """Return the shares of log-cost on a lattice: every way to give so many equal parts to three dimensions.

    >>> [one.name for one in directions(1)]
    ['r1', 'w1', 'd1']
    """
    found = []
    for depth, width in itertools.product(range(parts + 1), repeat=2):
        counts = {"d": depth, "w": width, "r": parts - depth - width}
        if counts["r"] >= 0:
            found.append(
                Shares(
                    name="-".join(f"{letter}{count}" for letter, count in counts.items() if count),
                    depth=depth / parts,
                    width=width / parts,
                    resolution=1 - depth / parts - width / parts if counts["r"] else 0.0,
                    source=f"lattice of {parts} parts",
                )
            )
    return found


def _search_then_family(design: SearchThenFamily, space: ScalingSpace, found: Found) -> list[PlannedNetwork]:
    lattice = (on_target(one, design.factor, space, kind=SEARCH) for one in directions(design.directions))
    step1 = _distinct(lattice)
    feasible = [one for one in step1 if one.problem is None]
    searched, confirmed = dict(found.searched), dict(found.confirmed)
    if not feasible or any(one.name not in searched for one in feasible):
        return step1
    ordered = sorted(feasible, key=lambda one: -searched[one.name])
    chosen = [replace(one, kind=CONFIRM) for one in ordered[: design.confirm]]
    if any(one.name not in confirmed for one in chosen):
        return [*step1, *chosen]
    best = max(chosen, key=lambda one: confirmed[one.name])
    assert best.shares is not None
    depth, width, resolution = best.shares.shares
    source = f"step 1 of this study: {best.name}"
    winner = Shares(name=WINNER, depth=depth, width=width, resolution=resolution, source=source)
    return [*step1, *chosen, *family_of(design, winner, space)]


def family_of(design: SearchThenFamily, winner: Strategy, space: ScalingSpace) -> list[PlannedNetwork]:
    """Return step 2: the winner's networks and those of the strategies it is held against, phi by phi."""
    factors = tuple(design.factor**phi for phi in design.phis)
    return _ladder([winner, *design.paths()], factors, space)


def _distinct(networks: Iterator[PlannedNetwork]) -> list[PlannedNetwork]:
    """Leave out what is the same network as an earlier one."""
    first: dict[str, PlannedNetwork] = {}
    for one in networks:
        first.setdefault(one.key or one.name, one)
    return list(first.values())


def winner_of(networks: list[PlannedNetwork]) -> PlannedNetwork | None:
    """Return the first network of the family by the winner of step 1, once it is known."""
    return next((one for one in networks if one.strategy == WINNER), None)
