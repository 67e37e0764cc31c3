"""The networks of a study, each on target or with the reason why not."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from scaling.errors import SpecError
from scaling.network.architecture import ArchitectureSpec
from scaling.network.coefficients import CompoundCoefficients, ScalingCoefficients
from scaling.network.generation import scale
from scaling.network.rounding import RoundingRules
from scaling.network.serialization import architecture_key
from scaling.network.strategies import Shares, Strategy, strategy_named
from scaling.studies.config import BASELINE, Grid, Ladder, Noise, SearchThenFamily
from scaling.targets.directions import Direction
from scaling.targets.realise import realise_strategy
from scaling.targets.shares import compound_of
from scaling.targets.target import Target

WINNER = "winner"
"""Strategy of step 2: the shares that won step 1."""
REFERENCE, SEARCH, CONFIRM = "reference", "search", "confirm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What networks are made from: a baseline, its rounding, and what limits a target beside cost.

    Args:
        baseline: with the data's classes and channels.
        rounding: rules between coefficients and networks.
        target: metric, tolerance and limits; its factor is replaced by each network's.
    """

    baseline: ArchitectureSpec
    rounding: RoundingRules
    target: Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A network of a study.

    Args:
        name: `baseline`, `STRATEGY@FACTOR`, `dD-wW-rR`, or a direction.
        kind: `reference`, `search` (a direction of step 1) or `confirm`.
        strategy: how it was scaled; `baseline` for the baseline.
        factor: cost that was asked for; None where multipliers were.
        spec: the network; None where there is none.
        compound: bases and phi that its multipliers stand for; None where they stand for none.
        shares: of log-cost, as asked for; None where a path has no constant ones.
        problem: why it is not on target; None where it is.
    """

    name: str
    kind: str
    strategy: str
    factor: float | None
    spec: ArchitectureSpec | None
    compound: CompoundCoefficients | None = None
    shares: Direction | None = None
    problem: str | None = None


Scores = Mapping[str, float]
"""Mean top1 (fraction) of finished networks by name; those of kind confirm apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is known while a study goes on.

    Args:
        searched: mean top1 of finished directions by name, every seed counted.
        confirmed: the same of fresh seeds.
    """

    searched: Scores
    confirmed: Scores


NOTHING = Found(searched={}, confirmed={})


def members_of(design: Ladder | Grid | SearchThenFamily | Noise, scene: Scene, found: Found) -> list[Member]:
    """Return the networks that are known by now, the baseline first; later ones follow from what they give.

    Args:
        design: of the study.
        scene: what they are made from.
        found: results so far; a ladder and a grid do not ask.
    """
    rest: Iterable[Member]
    match design:
        case Ladder():
            rest = _ladder(design.paths(), design.factors, scene)
        case Grid():
            rest = _grid(design, scene)
        case SearchThenFamily():
            rest = _search_then_family(design, scene, found)
        case Noise():
            rest = _ladder([strategy_named(one) for one in design.strategies], (design.factor,), scene)
    return [baseline_of(scene), *rest]


def baseline_of(scene: Scene) -> Member:
    """Return the unscaled network."""
    return Member(name=BASELINE, kind=REFERENCE, strategy=BASELINE, factor=1.0, spec=scene.baseline)


def label(strategy: str, factor: float) -> str:
    """Name a network of a strategy at a cost.

    >>> label("compound", 2.0)
    'compound@2'
    """
    return f"{strategy}@{factor:g}"


def _ladder(
    paths: tuple[Strategy, ...] | list[Strategy], factors: tuple[float, ...], scene: Scene
) -> list[Member]:
    return [on_target(path, factor, scene) for factor in factors for path in paths]


def on_target(
    path: Strategy, factor: float, scene: Scene, *, kind: str = REFERENCE, name: str | None = None
) -> Member:
    """Return a strategy's network at a cost, or why it has none there.

    Args:
        path: the strategy.
        factor: cost wanted, times the baseline's.
        scene: what it is made from.
        kind: of the member.
        name: of the member; `STRATEGY@FACTOR` if None.
    """
    name = name or label(path.name, factor)
    shares = None
    if isinstance(path, Shares):
        shares = Direction.of_shares((path.depth, path.width, max(0.0, 1 - path.depth - path.width)))
    empty = Member(name=name, kind=kind, strategy=path.name, factor=factor, spec=None, shares=shares)
    target = replace(scene.target, factor=factor)
    try:
        along = realise_strategy(path, scene.baseline, target, scene.rounding)
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


def _grid(design: Grid, scene: Scene) -> Iterator[Member]:
    for depth, resolution, width in itertools.product(design.depths, design.resolutions, design.widths):
        if depth == resolution == width == 1:
            continue  # the baseline is there already
        name = f"d{depth:g}-w{width:g}-r{resolution:g}"
        multipliers = ScalingCoefficients(
            depth_coefficient=depth, width_coefficient=width, resolution_coefficient=resolution
        )
        spec, problem = None, None
        try:
            spec = scale(scene.baseline, multipliers, scene.rounding)
        except SpecError as error:
            problem = str(error)
        if spec is not None and not scene.target.within_limits(spec):
            problem = f"{name} is beyond the limits: {spec.image_size} px"
        yield Member(
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
        resolution = parts - depth - width
        if resolution < 0:
            continue
        counts = {"d": depth, "w": width, "r": resolution}
        name = "-".join(f"{letter}{count}" for letter, count in counts.items() if count)
        found.append(
            Shares(
                name=name,
                depth=depth / parts,
                width=width / parts,
                resolution=1 - depth / parts - width / parts if resolution else 0.0,
                source=f"lattice of {parts} parts",
            )
        )
    return found


def _search_then_family(design: SearchThenFamily, scene: Scene, found: Found) -> list[Member]:
    step1 = _distinct(
        on_target(one, design.factor, scene, kind=SEARCH) for one in directions(design.directions)
    )
    feasible = [one for one in step1 if one.problem is None]
    if any(one.name not in found.searched for one in feasible):
        return step1
    ordered = sorted(feasible, key=lambda one: -found.searched[one.name])
    chosen = [replace(one, kind=CONFIRM) for one in ordered[: design.confirm]]
    if any(one.name not in found.confirmed for one in chosen):
        return [*step1, *chosen]
    best = max(chosen, key=lambda one: found.confirmed[one.name])
    assert best.shares is not None
    depth, width, resolution = best.shares.shares
    winner = Shares(
        name=WINNER,
        depth=depth,
        width=width,
        resolution=resolution,
        source=f"step 1 of this study: {best.name}",
    )
    return [*step1, *chosen, *family_of(design, winner, scene)]


def family_of(design: SearchThenFamily, winner: Strategy, scene: Scene) -> list[Member]:
    """Return step 2: the winner's networks and those of the strategies it is held against, phi by phi."""
    factors = tuple(design.factor**phi for phi in design.phis)
    return _ladder([winner, *design.paths()], factors, scene)


def _distinct(members: Iterator[Member]) -> list[Member]:
    """Leave out what is the same network as an earlier one."""
    seen: set[str] = set()
    kept = []
    for one in members:
        key = one.name if one.spec is None else architecture_key(one.spec)
        if key not in seen:
            seen.add(key)
            kept.append(one)
    return kept


def winner_of(members: list[Member]) -> Member | None:
    """Return the first network of the family by the winner of step 1, once it is known."""
    return next((one for one in members if one.strategy == WINNER), None)
