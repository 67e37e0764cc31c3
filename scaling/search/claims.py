"""Who trains what: references first, then proposals, each network once, the budget exactly.

Claiming, telling and putting back happen under one lock (`locking`), so that two workers never take the same
network, the number of trials is exact, and a result is told once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import optuna
from optuna.trial import FrozenTrial, TrialState

from scaling.network.serialization import architecture_key
from scaling.provenance import utc_now
from scaling.search.candidate import Candidate, references, seeds_of
from scaling.search.config import SearchConfig
from scaling.search.endings import DIED, EXPIRED, was_told
from scaling.search.queueing import queue_of
from scaling.search.samplers import Sampler, lineages, make_sampler
from scaling.search.search_table import CostRule

MOST_WORKERS_KILLED = 3
"""Workers that may die on one network before it counts as failed."""
ENUMERATED = "enumerated"
"""Note on a study whose whole space was queued: nothing is left to propose."""
EXHAUSTED = "space_exhausted"
"""Note on a study whose sampler found no further network on target."""
PATIENCE = 10
"""Proposals in a row that may be dropped before chance proposes instead of the sampler, which learns nothing
from a network that it has settled on, and would propose it for ever."""
MOST_DROPS = 200
"""Proposals in a row that may be dropped before the space counts as exhausted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A trial that this worker, and no other, is to train."""

    study: optuna.Study
    trial: optuna.Trial
    candidate: Candidate
    seeds: tuple[int, ...]


def prepare(config: SearchConfig, reference: optuna.Study, search: optuna.Study) -> None:
    """Queue the references, and the proposals that are known beforehand.

    What is queued already is not queued again: a crash half-way is mended by the next call.
    """
    queued = {trial.user_attrs["trial"] for trial in reference.get_trials(deepcopy=False)}
    for number, candidate in enumerate(references(config)):
        if number not in queued:
            attributes = {"candidate": candidate.document(), "trial": number}
            reference.enqueue_trial({}, user_attrs=attributes)
    known = {key_of(trial) for trial in search.get_trials(deepcopy=False)}
    if known and ENUMERATED not in search.user_attrs:
        return
    if (queue := queue_of(config)) is not None:
        search.set_user_attr(ENUMERATED, True)
        for candidate in queue:
            if architecture_key(candidate.spec) in known:
                continue
            assert candidate.proposed is not None
            s, v = candidate.proposed.square()
            search.enqueue_trial({"s": s, "v": v}, user_attrs={"candidate": candidate.document()})


def claim_reference(config: SearchConfig, study: optuna.Study) -> Claim | None:
    """Take the next queued reference or confirmation, or None. Call under the lock."""
    while study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
        trial = study.ask()
        candidate = Candidate.of_document(trial.user_attrs["candidate"])
        if not candidate.feasible:
            drop(study, trial, "infeasible")
            continue
        if killed_too_many(study, trial):
            continue
        seeds = seeds_of(config, candidate)
        return Claim(study=study, trial=trial, candidate=candidate, seeds=seeds)
    return None


def claim_candidate(
    config: SearchConfig, study: optuna.Study, taken: set[str], *, worker: int
) -> Claim | None:
    """Take the next proposal that is on target and new, or None at the end of budget or space.

    Args:
        config: the experiment.
        study: of proposals, not of references.
        taken: keys of the networks that references stand for.
        worker: number of this worker; no two propose alike because of seeds.
    """
    for _ in range(MOST_DROPS):
        trials = study.get_trials(deepcopy=False)
        waiting = any(trial.state == TrialState.WAITING for trial in trials)
        ended = {ENUMERATED, EXHAUSTED} & set(study.user_attrs)
        if not waiting and (ended or len(accepted(trials)) >= config.search.trials):
            return None
        study.sampler = make_sampler(
            Sampler.RANDOM if dropped_in_a_row(trials) >= PATIENCE else config.search.sampler,
            seed=config.search.seed,
            worker=worker,
            proposed=lineages(trials),
            startup_trials=config.search.startup_trials,
        )
        trial = study.ask()
        s, v = trial.suggest_float("s", 0.0, 1.0), trial.suggest_float("v", 0.0, 1.0)
        candidate = _candidate(config, trial, s, v)
        note_proposal(trial, worker)
        if killed_too_many(study, trial):
            continue
        reason = _refusal(candidate, taken | known_keys(trials, but=trial.number))
        if reason != "duplicate":
            _number(trial, trials, first=len(list(references(config))))
        if reason is None:
            trial.set_constraint("cost", _excess(config, candidate))
            return Claim(study=study, trial=trial, candidate=candidate, seeds=config.search.seeds)
        drop(study, trial, reason)
    study.set_user_attr(EXHAUSTED, True)
    return None


def _excess(config: SearchConfig, candidate: Candidate) -> float:
    """Return how far a network is off target, 0 where it is on it; told before training.

    A constant on target: a Gaussian process would else learn, and heed, what the tolerance allows anyway.
    """
    if config.search.cost == CostRule.NOMINAL:
        return 0.0
    return config.target.excess(candidate.spec, config.baseline_spec)


def _candidate(config: SearchConfig, trial: optuna.Trial, s: float, v: float) -> Candidate:
    document = trial.user_attrs.get("candidate")
    if document is not None:  # queued: enumerated, or put back after an interruption
        return Candidate.of_document(document)
    candidate = Candidate.of_square(config, s, v)
    trial.set_user_attr("candidate", candidate.document())
    return candidate


def note_proposal(trial: optuna.Trial, worker: int) -> None:
    """Note when, and by which worker, a network was first taken up; it stays when the trial is put back."""
    if "proposed_at" not in trial.user_attrs:
        trial.set_user_attr("proposed_at", utc_now())
        trial.set_user_attr("proposed_by", worker)


def _number(trial: optuna.Trial, trials: Iterable[FrozenTrial], *, first: int) -> None:
    """Give a trial its number in the table, after the references; one that was put back keeps its own."""
    if "trial" not in trial.user_attrs:
        given = {other.user_attrs["trial"] for other in trials if "trial" in other.user_attrs}
        trial.set_user_attr("trial", max(given, default=first - 1) + 1)


def _refusal(candidate: Candidate, known: set[str]) -> str | None:
    if architecture_key(candidate.spec) in known:
        return "duplicate"
    return None if candidate.feasible else "infeasible"


def drop(study: optuna.Study, trial: optuna.Trial, reason: str) -> None:
    """End a trial that will not be trained; it counts neither towards the budget nor for the sampler."""
    trial.set_user_attr("dropped", reason)
    study.tell(trial, state=TrialState.FAIL)


def killed_too_many(study: optuna.Study, trial: optuna.Trial) -> bool:
    """Whether a network killed so many workers (out of memory, say) that it has just been ended as failed."""
    deaths = sum(reason in {DIED, EXPIRED} for reason in trial.user_attrs.get("interruptions", []))
    if deaths < MOST_WORKERS_KILLED:
        return False
    trial.set_user_attr("outcome", "failed")
    trial.set_user_attr("error", f"{deaths} workers died while training it")
    study.tell(trial, state=TrialState.FAIL)
    return True


def dropped_in_a_row(trials: Sequence[FrozenTrial]) -> int:
    """Return how many of the last proposals became nothing new."""
    count = 0
    for trial in reversed(trials):
        if "dropped" not in trial.user_attrs:
            break
        count += 1
    return count


def accepted(trials: Iterable[FrozenTrial]) -> list[FrozenTrial]:
    """Return the trials that count towards the budget: waiting, training, or ended by training itself."""
    return [trial for trial in trials if trial.state != TrialState.FAIL or was_told(trial)]


def known_keys(trials: Iterable[FrozenTrial], *, but: int) -> set[str]:
    """Return the keys of networks that need no second row: accepted ones, and those noted as infeasible."""
    listed = list(trials)
    noted = [
        *accepted(listed),
        *(trial for trial in listed if trial.user_attrs.get("dropped") == "infeasible"),
    ]
    return {key_of(trial) for trial in noted if trial.number != but}


def key_of(trial: FrozenTrial) -> str:
    """Return the architecture key of a trial's network."""
    document = trial.user_attrs.get("candidate")
    return str(document["architecture"]) if document else ""
