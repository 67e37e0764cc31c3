"""Networks that are queued before training: a small space, the whole table, the grid."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from scaling.network.serialization import architecture_key
from scaling.search.candidate import Candidate
from scaling.search.config import SearchConfig
from scaling.search.samplers import Sampler
from scaling.search.search_table import CostRule
from scaling.targets.directions import Direction
from scaling.targets.grid import grid_of
from scaling.targets.realise import Realisation, realise, realise_nominally
from scaling.targets.space import Space, on_target, specs_of


@lru_cache(maxsize=2)
def space_of(config: SearchConfig) -> Space:
    """Return every distinct network on target.

    Raises:
        SpecError: they are too many to list.
    """
    return on_target(config.baseline_spec, config.target, config.rounding_rules)


def queue_of(config: SearchConfig) -> tuple[Candidate, ...] | None:
    """Return everything that the search will train, or None where a sampler is to propose it.

    `grid` and `exhaustive` queue all of theirs, whatever the budget. Any other sampler has nothing to choose
    where the whole space fits into the budget, so then it is queued too. With cost `nominal` there is no
    target, hence no space.
    """
    search = config.search
    if search.sampler == Sampler.GRID:
        return tuple(_grid(config))
    if search.cost == CostRule.NOMINAL or (search.trials == 0 and search.sampler != Sampler.EXHAUSTIVE):
        return None
    if search.sampler == Sampler.EXHAUSTIVE or len(space_of(config)) <= search.trials:
        return tuple(_enumerated(config))
    return None


def networks_planned(config: SearchConfig) -> int:
    """Return how many networks the search will train beside its references, at most."""
    queue = queue_of(config)
    return config.search.trials if queue is None else len(queue)


def _enumerated(config: SearchConfig) -> Iterator[Candidate]:
    baseline, rounding = config.baseline_spec, config.rounding_rules
    for spec in specs_of(baseline, space_of(config), rounding):
        yield Candidate.of_spec(spec, baseline, config.target.factor)


def _grid(config: SearchConfig) -> Iterator[Candidate]:
    """Yield the grid's networks, each once; with cost `achieved` its points are directions."""
    search, seen = config.search, set[str]()
    points = grid_of(search.target_factor, step=search.grid_step, tolerance=search.grid_tolerance)
    for compound in points:
        direction = Direction.of_bases(compound.alpha, compound.beta, compound.gamma)
        found: Realisation
        if search.cost == CostRule.NOMINAL:
            found = realise_nominally(compound, config.baseline_spec, config.target, config.rounding_rules)
        else:
            found = realise(direction, config.baseline_spec, config.target, config.rounding_rules)
        if (key := architecture_key(found.spec)) not in seen:
            seen.add(key)
            yield Candidate.of_proposal(direction, found)
