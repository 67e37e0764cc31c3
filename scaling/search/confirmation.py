"""The best of a search, trained again with fresh seeds before anything is called best.

The highest of many noisy means is too high on average. The top candidates are therefore trained once more, as
`kind = confirm`, with seeds that did not choose them, and only those seeds rank them. They are queued beside
the references, where no sampler sees them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import optuna
from optuna.trial import FrozenTrial, TrialState

from scaling.search.candidate import CONFIRM, Candidate
from scaling.search.claims import key_of
from scaling.search.config import SearchConfig

CONFIRMS = "confirms"
"""Attribute of a trial of kind `confirm`: the number, in the table, of the proposal that it trains again."""


def top_candidates(config: SearchConfig, proposals: Iterable[FrozenTrial]) -> list[FrozenTrial]:
    """Return the complete proposals of the highest accuracy, best first; the earlier of equals leads.

    Args:
        config: says how many.
        proposals: trials of the sampler.
    """
    complete = [trial for trial in proposals if trial.state == TrialState.COMPLETE]
    return sorted(complete, key=lambda trial: (-trial.values[0], trial.number))[: config.search.confirm]


def is_confirm(trial: FrozenTrial) -> bool:
    """Whether a trial trains a candidate again."""
    return bool(trial.user_attrs.get("candidate", {}).get("kind") == CONFIRM)


def not_confirmed(
    config: SearchConfig, queued: Sequence[FrozenTrial], proposals: Sequence[FrozenTrial]
) -> list[FrozenTrial]:
    """Return the top candidates that are not queued for confirmation, best first.

    Args:
        config: says how many are to be confirmed.
        queued: trials of the references and of confirmations.
        proposals: trials of the sampler.
    """
    known = {key_of(trial) for trial in queued if is_confirm(trial)}
    return [trial for trial in top_candidates(config, proposals) if key_of(trial) not in known]


def queue_confirmation(config: SearchConfig, queue: optuna.Study, search: optuna.Study) -> bool:
    """Queue what is to be trained again; return whether anything was. Call under the lock, after the search.

    Done again after a crash half-way, it queues nothing twice.

    Args:
        config: the experiment.
        queue: the study of the references, which takes the confirmations too.
        search: the study of proposals, all ended.
    """
    queued, proposals = queue.get_trials(deepcopy=False), search.get_trials(deepcopy=False)
    number = max((trial.user_attrs.get("trial", -1) for trial in (*queued, *proposals)), default=-1)
    added = False
    for trial in not_confirmed(config, queued, proposals):
        number += 1
        candidate = Candidate.of_document(trial.user_attrs["candidate"])
        again = replace(candidate, kind=CONFIRM, name=CONFIRM)
        attributes = {"candidate": again.document(), "trial": number, CONFIRMS: trial.user_attrs["trial"]}
        queue.enqueue_trial({}, user_attrs=attributes)
        added = True
    return added


def label_of(candidate: Candidate, attributes: Mapping[str, object]) -> str:
    """Name a trial for a reader.

    Args:
        candidate: its network.
        attributes: its user attributes.
    """
    name = candidate.name
    if candidate.kind == "search":
        name = f"trial {attributes.get('trial')}"
    elif candidate.kind == CONFIRM:
        name = f"trial {attributes.get(CONFIRMS)} again"
    return f"{name} at {candidate.spec.image_size} px"
