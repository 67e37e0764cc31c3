"""The best of a search, trained again with fresh seeds before it is called best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scaling.plans.networks import CONFIRM, PlannedNetwork
from scaling.plans.search.config import SearchConfig
from scaling.plans.search.history import Fate, Pruned
from scaling.plans.search.samplers import Sampler
from scaling.plans.search.surface import best_built, seen_of
from scaling.plans.search.trial import SearchTrial, TrialState, make_trial
from scaling.runs.plan import Records


def top_trials(
    config: SearchConfig, trials: Sequence[SearchTrial], records: Records, pruned: Mapping[str, Pruned]
) -> list[SearchTrial]:
    """Return the complete proposals of the highest accuracy, best first; the earlier of equals leads.

    Args:
        config: says how many.
        trials: of proposals.
        records: what there is.
        pruned: decisions.
    """
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

    Args:
        config: says how many, and which seeds.
        trials: of references and proposals, all ended.
        records: what there is.
        pruned: decisions.
    """
    first = len(trials)
    if config.search.sampler == Sampler.SURFACE:
        observations = seen_of(config, trials, records).observations
        chosen = best_built(config, observations, config.search.confirm)
        number_of = {one.network.key: one.number for one in reversed(trials) if one.jobs}
        if chosen:
            return [
                make_trial(
                    config,
                    first + index,
                    one.network,
                    Fate.ACCEPTED,
                    confirms=number_of.get(one.network.key),
                )
                for index, one in enumerate(chosen)
            ]
    best = top_trials(config, [t for t in trials if t.proposal is not None], records, pruned)
    return [
        make_trial(config, first + index, _again(trial.network), Fate.ACCEPTED, confirms=trial.number)
        for index, trial in enumerate(best)
    ]


def _again(network: PlannedNetwork) -> PlannedNetwork:
    return PlannedNetwork(
        name=CONFIRM,
        kind=CONFIRM,
        spec=network.spec,
        factor=network.factor,
        compound=network.compound,
        shares=network.shares,
    )
