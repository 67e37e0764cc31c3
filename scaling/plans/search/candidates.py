"""The networks of a search: references, what a proposal becomes, and everything that is on target."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from scaling.network.architecture import ArchitectureSpec
from scaling.network.coefficients import CompoundCoefficients
from scaling.network.strategies import PAPER_BASES
from scaling.plans.networks import BASELINE, CONFIRM, REFERENCE, SEARCH, PlannedNetwork
from scaling.plans.search.config import SearchConfig
from scaling.plans.search.samplers import Sampler
from scaling.plans.search.search_table import CostRule
from scaling.targets.directions import Direction
from scaling.targets.grid import grid_of
from scaling.targets.realise import Realisation, realise, realise_nominally
from scaling.targets.shares import compound_of, realised_shares, with_compound
from scaling.targets.space import Space, on_target, specs_of

OFF_TARGET = "not on target"


def references(config: SearchConfig) -> Iterator[PlannedNetwork]:
    """Yield the baseline, and the three single axes and the paper's point at the target's achieved cost.

    With cost `nominal` they are what the formula gives, as everything else is.
    """
    baseline, factor = config.baseline_spec, config.target.factor
    yield PlannedNetwork(kind=REFERENCE, name=BASELINE, spec=baseline, factor=1.0)
    for name, bases in (
        ("depth", (factor, 1.0, 1.0)),
        ("width", (1.0, math.sqrt(factor), 1.0)),
        ("resolution", (1.0, 1.0, math.sqrt(factor))),
        ("compound", PAPER_BASES),
    ):
        alpha, beta, gamma = bases
        compound = CompoundCoefficients(alpha=alpha, beta=beta, gamma=gamma, phi=1.0)
        yield _realised(config, Direction.of_bases(*bases), compound, kind=REFERENCE, name=name)


def seeds_of(config: SearchConfig, network: PlannedNetwork) -> tuple[int, ...]:
    """Return the seeds with which a network is trained."""
    if network.kind == CONFIRM:
        return config.search.confirm_seeds
    return config.search.baseline_seeds if network.name == BASELINE else config.search.seeds


def of_square(config: SearchConfig, s: float, v: float, factor: float | None = None) -> PlannedNetwork:
    """Return what a sampler's point of the unit square becomes, at the target's cost or at another factor.

    At factor 1 that is the baseline.
    """
    if factor == 1.0:
        return PlannedNetwork(kind=SEARCH, name=BASELINE, spec=config.baseline_spec, factor=1.0)
    direction = Direction.of_square(s, v)
    return _realised(config, direction, direction.bases(config.target.factor, phi=1.0), factor=factor)


def _realised(
    config: SearchConfig,
    direction: Direction,
    compound: CompoundCoefficients,
    *,
    kind: str = SEARCH,
    name: str = SEARCH,
    factor: float | None = None,
) -> PlannedNetwork:
    """Return what a direction becomes at a cost; with cost `nominal`, what the formula gives."""
    baseline, target, rounding = config.baseline_spec, config.target, config.setup.rounding_rules
    found: Realisation
    if config.search.cost == CostRule.NOMINAL:
        found = realise_nominally(compound, baseline, target, rounding)
    else:
        found = realise(direction, baseline, replace(target, factor=factor or target.factor), rounding)
    return PlannedNetwork(
        kind=kind,
        name=name,
        spec=with_compound(found.spec, found.compound),
        factor=factor or target.factor,
        compound=found.compound,
        shares=direction,
        problem=None if found.feasible else OFF_TARGET,
    )


def _of_spec(config: SearchConfig, spec: ArchitectureSpec) -> PlannedNetwork:
    """Return a network of the enumerated space, with the coefficients and shares that it stands for."""
    assert spec.derivation is not None
    compound = compound_of(spec.derivation.scaling, config.target.factor)
    shares = realised_shares(spec, config.baseline_spec)
    return PlannedNetwork(
        kind=SEARCH,
        name=SEARCH,
        spec=with_compound(spec, compound),
        factor=config.target.factor,
        compound=compound,
        shares=Direction.of_shares(shares) if shares else None,
    )


@lru_cache(maxsize=2)
def space_of(config: SearchConfig) -> Space:
    """Return every distinct network on target.

    Raises:
        SpecError: they are too many to list.
    """
    return on_target(config.baseline_spec, config.target, config.setup.rounding_rules)


def enumerated(config: SearchConfig) -> tuple[PlannedNetwork, ...] | None:
    """Return everything that the search will train, or None where a sampler is to propose it.

    `grid` and `exhaustive` name all of theirs, whatever the budget. Any other sampler has nothing to choose
    where the whole space fits into the budget, so then it is named too. With cost `nominal` there is no
    target, hence no space.
    """
    search = config.search
    if search.sampler == Sampler.GRID:
        return tuple(_grid(config))
    if search.cost == CostRule.NOMINAL or (search.trials == 0 and search.sampler != Sampler.EXHAUSTIVE):
        return None
    if search.sampler == Sampler.SURFACE:
        return None
    if search.sampler == Sampler.EXHAUSTIVE or len(space_of(config)) <= search.trials:
        specs = specs_of(config.baseline_spec, space_of(config), config.setup.rounding_rules)
        return tuple(_of_spec(config, spec) for spec in specs)
    return None


def networks_planned(config: SearchConfig) -> int:
    """Return how many networks the search will train beside its references, at most."""
    listed = enumerated(config)
    return config.search.trials if listed is None else len(listed)


def _grid(config: SearchConfig) -> Iterator[PlannedNetwork]:
    """Yield the grid's networks, each once; with cost `achieved` its points are directions."""
    search, seen = config.search, set[str]()
    points = grid_of(search.target_factor, step=search.grid_step, tolerance=search.grid_tolerance)
    for compound in points:
        direction = Direction.of_bases(compound.alpha, compound.beta, compound.gamma)
        network = _realised(config, direction, compound)
        if network.key not in seen:
            seen.add(network.key)
            yield network
