"""Which phi gives B4? An official variant beside what the formula gives, each rounding step laid open.

Everything is computed from the released grid and the paper's bases.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

from scaling.cost import Cost, count_cost
from scaling.errors import SpecError
from scaling.network import strategies
from scaling.network.architecture import ArchitectureSpec
from scaling.network.baselines import EFFICIENTNET_B0
from scaling.network.coefficients import CompoundCoefficients, ScalingCoefficients
from scaling.network.families import COMPOUND_FAMILY, released_coefficients, variant
from scaling.network.generation import scale
from scaling.network.rounding import ChannelRule, CoefficientRounding, RepeatRule, RoundingRules
from scaling.targets.inversion import Dimension, GridEntry, Match, Solution, invert, preimages

PAPER_BASES = dict(zip(("alpha", "beta", "gamma"), strategies.PAPER_BASES, strict=True))
"""Tan & Le 2019, arXiv:1905.11946, section 3.3."""

_EXACT = CoefficientRounding.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class FormulaNetwork:
    """What the formula gives at one (alpha, beta, gamma, phi), coefficient rounding as released."""

    label: str
    compound: CompoundCoefficients
    raw: ScalingCoefficients
    spec: ArchitectureSpec
    cost: Cost


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpliedPhi:
    """What one dimension of the release says about phi at given bases."""

    dimension: Dimension
    phi: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaledPiece:
    """A stem, stage or head: the baseline's numbers, times the coefficient, and rounded.

    Args:
        baseline_channels: before scaling.
        scaled_channels: times the width coefficient.
        by_minimum: whether the rule against losing over 10 % decided.
        baseline_repeats: None for stem and head, as are the next two.
        scaled_repeats: times the depth coefficient.
    """

    name: str
    baseline_channels: int
    scaled_channels: float
    channels: int
    by_minimum: bool
    baseline_repeats: int | None = None
    scaled_repeats: float | None = None
    repeats: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundingStep:
    """The network after one more rounding step."""

    name: str
    change: str
    params: int | None
    macs: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """An official variant explained.

    Args:
        copied: the paper's bases at phi = N, as often copied; None for a name without a number.
        exact: a triple and phi that give the network exactly.
        grid: the variants that the exact triple gives.
        implied_by_paper: what each dimension says about phi at the paper's bases.
        steps: from the formula's promise to the released network, at the exact triple.
        by_paper: phis with which the paper's bases give the integers; None where none does.
        by_paper_printed: likewise the printed coefficients and image size.
        by_paper_unrounded: likewise the integers, without rounding of the coefficients.
    """

    name: str
    released: ArchitectureSpec
    cost: Cost
    copied: FormulaNetwork | None
    exact: FormulaNetwork
    grid: tuple[str, ...]
    interval: tuple[float, float]
    implied_by_paper: tuple[ImpliedPhi, ...]
    implied_by_exact: tuple[ImpliedPhi, ...]
    rows: tuple[ScaledPiece, ...]
    steps: tuple[RoundingStep, ...]
    by_paper: tuple[float, float] | None
    by_paper_printed: tuple[float, float] | None
    by_paper_unrounded: tuple[float, float] | None


def released_grid(names: Sequence[str] = COMPOUND_FAMILY) -> tuple[GridEntry, ...]:
    """Return official variants as a grid to invert.

    Raises:
        SpecError: no release has that name.

    >>> [entry.image_size for entry in released_grid(("b0", "efficientnet-b7"))]
    [224, 600]
    """
    grid = released_coefficients()
    asked = [variant(name).name for name in names]
    for name in asked:
        if name not in grid:
            raise SpecError(f"expected one of {', '.join(grid)}, got {name!r}, which another grid holds")
    rows = [grid[name] for name in asked]
    return tuple(
        GridEntry(
            name=row.name,
            depth_coefficient=row.depth_coefficient,
            width_coefficient=row.width_coefficient,
            image_size=row.image_size,
        )
        for row in rows
    )


def explain(name: str) -> Explanation:
    """Explain an official variant: what the formula gives, what was released, and which phi lies between.

    Raises:
        SpecError: no release has that name.

    >>> b4 = explain("b4")
    >>> [round(one.phi, 2) for one in b4.implied_by_paper]
    [3.22, 3.53, 3.78]
    >>> b4.by_paper_printed is None, b4.exact.spec == b4.released
    (True, True)
    """
    released = variant(name)
    (entry,) = released_grid([name])
    grid, solution = _exact_solution(entry)
    bases = {"alpha": solution.alpha, "beta": solution.beta, "gamma": solution.gamma}
    exact = CompoundCoefficients(**bases, phi=solution.phi[entry.name])
    number = entry.name.removeprefix("b")
    copied = CompoundCoefficients(**PAPER_BASES, phi=int(number)) if number.isdigit() else None
    return Explanation(
        name=entry.name,
        released=released,
        cost=count_cost(released),
        copied=None if copied is None else _candidate(f"paper, phi = {number}", copied),
        exact=_candidate("exact triple", exact),
        grid=grid,
        interval=solution.intervals[entry.name],
        implied_by_paper=_implied(entry, PAPER_BASES),
        implied_by_exact=_implied(entry, bases),
        rows=_rows(released),
        steps=_steps(exact),
        by_paper=_paper_phis(entry, RoundingRules(), Match.REALISED),
        by_paper_printed=_paper_phis(entry, RoundingRules(), Match.COEFFICIENTS),
        by_paper_unrounded=_paper_phis(entry, RoundingRules(coefficient_rounding=_EXACT), Match.REALISED),
    )


def _exact_solution(entry: GridEntry) -> tuple[tuple[str, ...], Solution]:
    """The family's own triple where it covers the variant; else one for the variant and the baseline."""
    for names in (COMPOUND_FAMILY, ("b0", entry.name)):
        if entry.name in names:
            solution = _solution_of(names)
            if solution is not None:
                return names, solution
    raise SpecError(f"no alpha, beta, gamma and phi give {entry.name!r}")


@cache
def _solution_of(names: tuple[str, ...]) -> Solution | None:
    return invert(EFFICIENTNET_B0, released_grid(names)).solution


def _candidate(label: str, compound: CompoundCoefficients) -> FormulaNetwork:
    spec = scale(EFFICIENTNET_B0, compound)
    return FormulaNetwork(
        label=label, compound=compound, raw=compound.scaling_coefficients(), spec=spec, cost=count_cost(spec)
    )


def _paper_phis(entry: GridEntry, rounding: RoundingRules, match: Match) -> tuple[float, float] | None:
    solution = invert(EFFICIENTNET_B0, [entry], rounding, match=match, **PAPER_BASES).solution
    return None if solution is None else solution.intervals[entry.name]


def _implied(entry: GridEntry, bases: dict[str, float]) -> tuple[ImpliedPhi, ...]:
    asked = preimages(EFFICIENTNET_B0, entry, RoundingRules(), Match.REALISED)
    raw = entry.coefficients(EFFICIENTNET_B0.image_size)
    multipliers = (raw.depth_coefficient, raw.width_coefficient, raw.resolution_coefficient)
    implied = []
    for (dimension, interval), multiplier, base in zip(
        asked.items(), multipliers, bases.values(), strict=True
    ):
        assert interval is not None  # the released rules realise every released coefficient
        phis, phi = interval.over(math.log(base)), math.log(multiplier) / math.log(base)
        implied.append(ImpliedPhi(dimension=dimension, phi=phi, low=phis.low, high=phis.high))
    return tuple(implied)


def _rows(released: ArchitectureSpec) -> tuple[ScaledPiece, ...]:
    assert released.derivation is not None
    scaling, rules = released.derivation.scaling, released.derivation.rounding
    width, depth = scaling.width_coefficient, scaling.depth_coefficient
    without_minimum = replace(rules, channel_rule=ChannelRule.WITHOUT_MINIMUM)

    def row(name: str, before: int, after: int, repeats: tuple[int, int] | None = None) -> ScaledPiece:
        return ScaledPiece(
            name=name,
            baseline_channels=before,
            scaled_channels=before * width,
            channels=after,
            by_minimum=without_minimum.channels(before, width) != after,
            baseline_repeats=None if repeats is None else repeats[0],
            scaled_repeats=None if repeats is None else repeats[0] * depth,
            repeats=None if repeats is None else repeats[1],
        )

    start, pairs = EFFICIENTNET_B0, zip(EFFICIENTNET_B0.stages, released.stages, strict=True)
    return (
        row("stem", start.stem.out_channels, released.stem.out_channels),
        *(
            row(f"stage{number}", own.out_channels, new.out_channels, (own.repeats, new.repeats))
            for number, (own, new) in enumerate(pairs, start=1)
        ),
        row("head", start.head.out_channels, released.head.out_channels),
    )


def _steps(compound: CompoundCoefficients) -> tuple[RoundingStep, ...]:
    """Switch the released roundings on one by one, from the finest integers that a network can have."""
    finest = RoundingRules(
        coefficient_rounding=_EXACT,
        channel_rule=ChannelRule.ROUND,
        channel_divisor=1,
        repeat_rule=RepeatRule.ROUND,
    )
    rounded = replace(finest, coefficient_rounding=CoefficientRounding.RELEASED)
    multiples = replace(rounded, channel_rule=ChannelRule.RELEASED, channel_divisor=8)
    costs = [
        count_cost(scale(EFFICIENTNET_B0, compound, rules))
        for rules in (finest, rounded, multiples, RoundingRules())
    ]
    raw, last = compound.scaling_coefficients(), costs[-1].spec
    assert last.derivation is not None
    kept, pixels = last.derivation.scaling, EFFICIENTNET_B0.image_size * raw.resolution_coefficient
    # Cost grows with the square of the side; that is the one approximation here, of a fraction of a pixel.
    before_pixels = costs[0].macs * (pixels / last.image_size) ** 2
    blocks = [cost.spec.num_blocks for cost in costs]
    depth = f"depth {raw.depth_coefficient:.2f}→{kept.depth_coefficient}"
    width = f"width {raw.width_coefficient:.2f}→{kept.width_coefficient}"
    changes = (
        ("image_size", f"{pixels:.2f}→{last.image_size} px"),
        ("coefficients", f"{depth}, {width}"),
        ("channels", f"channels to multiples of {multiples.channel_divisor}"),
        ("repeats", f"repeats up: {blocks[2]}→{blocks[3]} blocks"),
    )
    promise = count_cost(EFFICIENTNET_B0).macs * compound.nominal_factor
    formula = f"formula: {compound.nominal_factor:.2f} × b0"
    return (
        RoundingStep(name="formula", change=formula, params=None, macs=promise),
        RoundingStep(
            name="integers",
            change=f"nearest integers, {blocks[0]} blocks",
            params=costs[0].params,
            macs=before_pixels,
        ),
        *(
            RoundingStep(name=name, change=change, params=cost.params, macs=cost.macs)
            for (name, change), cost in zip(changes, costs, strict=True)
        ),
    )


def answer(found: Explanation) -> tuple[str, str]:
    """Answer in two sentences which phi gives a variant."""
    bases = ", ".join(f"{base:g}" for base in PAPER_BASES.values())
    rounded, printed, unrounded = (
        _at(phis) for phis in (found.by_paper, found.by_paper_printed, found.by_paper_unrounded)
    )
    paper = f"Which phi gives {found.name}? With the paper's bases {bases}: "
    if found.by_paper is found.by_paper_printed is found.by_paper_unrounded is None:
        paper += "none, with or without rounding of the coefficients."
    else:
        paper += (
            f"its integers come at {rounded}, its printed coefficients at {printed}, "
            f"and without rounding of the coefficients its integers at {unrounded}."
        )
    triple, family = found.exact.compound, f"{found.grid[0]}–{found.grid[-1]}"
    together = f"all of {family} at phis of their own" if len(found.grid) > 2 else " and ".join(found.grid)
    exact = (
        f"With alpha {triple.alpha:.6f}, beta {triple.beta:.6f}, gamma {triple.gamma:.6f}, depth and width "
        f"rounded to one decimal: phi {triple.phi:.4f} gives it exactly; that triple gives {together}."
    )
    return paper, exact


def _at(phis: tuple[float, float] | None) -> str:
    if phis is None:
        return "none"
    return "phi 0" if phis[0] <= 0 <= phis[1] else f"phi {phis[0]:.4f} … {phis[1]:.4f}"
