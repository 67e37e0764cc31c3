"""Networks that are queued before training: a small space, the whole table, the grid. Floor 5."""

from __future__ import annotations

from collections.abc import Iterator

from scaling.search.candidate import Candidate
from scaling.search.config import SearchConfig
from scaling.search.samplers import Sampler
from scaling.search.space import on_target, specs_of


def queue_of(config: SearchConfig) -> tuple[Candidate, ...] | None:
    """Return everything that the search will train, or None where a sampler is to propose it.

    `exhaustive` queues every network on target, whatever the budget. Any other sampler has nothing to
    choose where the whole space fits into the budget, so then it is queued too.
    """
    space = on_target(config.baseline_spec, config.target, config.rounding_rules)
    if config.search.sampler == Sampler.EXHAUSTIVE or len(space) <= config.search.trials:
        return tuple(_enumerated(config))
    return None


def _enumerated(config: SearchConfig) -> Iterator[Candidate]:
    baseline, rounding = config.baseline_spec, config.rounding_rules
    for spec in specs_of(baseline, on_target(baseline, config.target, rounding), rounding):
        yield Candidate.of_spec(spec, baseline, config.target.factor)
