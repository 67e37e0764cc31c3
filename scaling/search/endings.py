"""How a claimed trial ends: told once by whoever holds its lease, or put back for somebody else.

Everything here is called under the lock (`locking`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from scaling.provenance import utc_now
from scaling.search.leases import LEASE, Lease

DIED = "worker died"
EXPIRED = "lease expired"
PRUNED = "pruned"
PUT_BACK = "put_back"
"""Attribute of a trial that was ended so that a successor takes its place: why."""
TRIED = frozenset({PUT_BACK, LEASE, "worker"})
"""Attributes of one try, which its successor does not inherit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How the training of a claimed network ended.

    Args:
        outcome: `complete`, `pruned`, `diverged` or `failed`.
        values: of the objectives, mean over the seeds trained; empty where there is nothing to tell.
        error: what went wrong, if anything did.
    """

    outcome: str
    values: tuple[float, ...] = ()
    error: str | None = None


def tell(study: optuna.Study, trial_id: int, ending: Ending, lease: Lease) -> bool:
    """Tell how a trial ended, unless its lease was lost; return whether it stands.

    Done again after a connection broke half-way, it tells nothing twice.
    """
    trial = study._storage.get_trial(trial_id)
    held = Lease.of(trial.user_attrs)
    if held is None or held.holder != lease.holder or PUT_BACK in trial.user_attrs:
        return False
    if trial.state.is_finished():
        return True
    notes = {
        "error": ending.error,
        "values": list(ending.values) or None,
        "told_at": utc_now(),
        "outcome": ending.outcome,
    }
    for key, value in notes.items():  # the outcome last: who finds one can tell it
        if value is not None:
            study._storage.set_trial_user_attr(trial_id, key, value)
    _tell_noted(study, trial.number, ending.outcome, list(ending.values))
    return True


def _tell_noted(study: optuna.Study, number: int, outcome: str | None, values: list[float]) -> None:
    if values:
        study.tell(number, values)
    elif outcome == PRUNED:
        study.tell(number, state=TrialState.PRUNED)
    else:
        study.tell(number, state=TrialState.FAIL)


def was_told(trial: FrozenTrial) -> bool:
    """Whether a trial that has ended did so by training, not by being dropped or put back."""
    return "outcome" in trial.user_attrs and PUT_BACK not in trial.user_attrs


def put_back(study: optuna.Study, trial: FrozenTrial, reason: str) -> None:
    """Queue an interrupted trial again with its parameters, network, lineage and finished seeds.

    The old try ends first: whoever still trains it can then no longer tell. A crash before the successor is
    queued is mended by `mend`. A trial whose worker died between noting its end and telling it is told, not
    queued; one that has ended is left alone.
    """
    trial = study._storage.get_trial(trial._trial_id)
    notes = trial.user_attrs
    if trial.state.is_finished():
        return
    if "outcome" in notes or "dropped" in notes:
        _tell_noted(study, trial.number, notes.get("outcome"), notes.get("values", []))
        return
    study._storage.set_trial_user_attr(trial._trial_id, PUT_BACK, reason)
    study.tell(trial.number, state=TrialState.FAIL)
    mend(study)


def mend(study: optuna.Study) -> None:
    """Queue the successor of every trial that was put back and has none yet."""
    trials = study.get_trials(deepcopy=False)
    newest = {lineage_of(trial): trial.number for trial in trials}
    for trial in trials:
        notes: dict[str, Any] = trial.user_attrs
        if PUT_BACK not in notes or newest[lineage_of(trial)] != trial.number:
            continue
        if "candidate" not in notes or not trial.state.is_finished():
            continue
        kept = {key: value for key, value in notes.items() if key not in TRIED}
        kept["interruptions"] = [*notes.get("interruptions", []), notes[PUT_BACK]]
        study.enqueue_trial(trial.params, user_attrs=kept | {"lineage": lineage_of(trial)})


def lineage_of(trial: FrozenTrial) -> int:
    """Return the number of the first try of a trial's network."""
    return int(trial.user_attrs.get("lineage", trial.number))


def running(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials in training, read past the cache: that would read the whole queue each time."""
    storage = getattr(study._storage, "_backend", study._storage)
    return list(storage.get_all_trials(study._study_id, deepcopy=False, states=(TrialState.RUNNING,)))


def put_back_lost(study: optuna.Study, lost: Callable[[int, Lease], str | None]) -> None:
    """Put back every trial in training that is nobody's, and those that a function gives a reason for.

    Under the lock nobody is half-way in a claim, so a trial without a lease is nobody's.

    Args:
        study: of references or of proposals.
        lost: from a trial's id and lease to why it is to be put back, or None.
    """
    for trial in running(study):
        lease = Lease.of(trial.user_attrs)
        reason = DIED if lease is None else lost(trial._trial_id, lease)
        if reason is not None:
            put_back(study, trial, reason)
