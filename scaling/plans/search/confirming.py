"""The best of a search, trained again with fresh seeds before it is called best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from scaling.plans.networks import CONFIRM, PlannedNetwork
from scaling.plans.search.config import SearchConfig
from scaling.plans.search.history import Pruned
from scaling.plans.search.samplers import Sampler
from scaling.plans.search.surface import best_built, seen_of
from scaling.plans.search.trial import SearchTrial, TrialState, make_trial
from scaling.runs.plan import Records


def top_trials(
    config: SearchConfig, trials: Sequence[SearchTrial], records: Records, pruned: Mapping[str, Pruned]
) -> list[SearchTrial]:
    """Return the complete proposals of the highest accuracy, best first; the earlier of equals leads."""
    complete = [
        (trial.values(config, records)[0], trial)
        for trial in trials
        if trial.state(records, pruned) == TrialState.COMPLETE
    ]
    ordered = sorted(complete, key=lambda one: (-one[0], one[1].number))
    return [trial for _, trial in ordered[: config.search.confirm]]


def confirmations(
    config: SearchConfig, trials: Sequence[SearchTrial], records: Records, pruned: Mapping[str, Pruned]
) -> list[SearchTrial]:
    """Return the best networks, with fresh seeds that did not choose them.

    The highest of many noisy means is too high on average; only these seeds rank the candidates. With the
    sampler `surface` they are those that the surface expects to be best, whether trained before or not.
    All of `trials`, references and proposals, have ended.
    """
    chosen: list[tuple[PlannedNetwork, int | None]] = []
    if config.search.sampler == Sampler.SURFACE:
        observations = seen_of(config, trials, records).observations
        number_of = {one.network.key: one.number for one in reversed(trials) if one.jobs}
        best_by_surface = best_built(config, observations, config.search.confirm)
        chosen = [(one.network, number_of.get(one.network.key)) for one in best_by_surface]
    if not chosen:
        best = top_trials(config, [t for t in trials if t.proposal is not None], records, pruned)
        chosen = [(replace(t.network, name=CONFIRM, kind=CONFIRM), t.number) for t in best]
    return [
        make_trial(config, number, network, confirms=confirms)
        for number, (network, confirms) in enumerate(chosen, start=len(trials))
    ]
