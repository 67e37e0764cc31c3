"""Who trains what: references first, then proposals, each network once, the budget exactly. Floor 5.

Claiming, telling and putting back happen under one lock (`locking`), so that two workers never take the same
network, the number of trials is exact, and a result is told once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from scaling.search.candidate import Candidate, references
from scaling.search.config import SearchConfig
from scaling.search.leases import LEASE, Lease
from scaling.search.realise import realise
from scaling.search.space import Space, on_target, specs_of
from scaling.search.surface import Direction
from scaling.serialization import architecture_key

DIED = "worker died"
EXPIRED = "lease expired"
PUT_BACK = "put_back"
"""Attribute of a trial that was ended so that a successor takes its place: why."""
TRIED = frozenset({PUT_BACK, LEASE, "worker"})
"""Attributes of one try, which its successor does not inherit."""
MOST_WORKERS_KILLED = 3
"""Workers that may die on one network before it counts as failed."""
ENUMERATED = "enumerated"
"""Note on a study whose whole space was queued: nothing is left to propose."""
EXHAUSTED = "space_exhausted"
"""Note on a study whose sampler found no further network on target."""
MOST_DROPS = 200
"""Proposals in a row that may be dropped before the space counts as exhausted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How the training of a claimed network ended.

    Args:
        outcome: `complete`, `diverged` or `failed`.
        value: mean accuracy of the seeds; None unless complete.
        error: what went wrong, if anything did.
    """

    outcome: str
    value: float | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A trial that this worker, and no other, is to train."""

    study: optuna.Study
    trial: optuna.Trial
    candidate: Candidate
    seeds: tuple[int, ...]


def prepare(config: SearchConfig, reference: optuna.Study, search: optuna.Study) -> None:
    """Queue the references, and the whole space where it is no larger than the budget.

    What is queued already is not queued again: a crash half-way is mended by the next call.
    """
    queued = {trial.user_attrs["trial"] for trial in reference.get_trials(deepcopy=False)}
    for number, candidate in enumerate(references(config)):
        if number not in queued:
            attributes = {"candidate": candidate.document(), "trial": number}
            reference.enqueue_trial({}, user_attrs=attributes)
    known = {key_of(trial) for trial in search.get_trials(deepcopy=False)}
    if config.search.trials == 0 or (known and ENUMERATED not in search.user_attrs):
        return
    space = on_target(config.baseline_spec, config.target, config.rounding_rules)
    if len(space) <= config.search.trials:
        search.set_user_attr(ENUMERATED, True)
        for candidate in _enumerated(config, space):
            if architecture_key(candidate.spec) in known:
                continue
            assert candidate.proposed is not None
            s, v = candidate.proposed.square()
            search.enqueue_trial({"s": s, "v": v}, user_attrs={"candidate": candidate.document()})


def _enumerated(config: SearchConfig, space: Space) -> Iterator[Candidate]:
    baseline = config.baseline_spec
    for spec in specs_of(baseline, space, config.rounding_rules):
        yield Candidate.of_spec(spec, baseline, config.target.factor)


def claim_reference(config: SearchConfig, study: optuna.Study) -> Claim | None:
    """Take the next queued reference, or None. Call under the lock."""
    while study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
        trial = study.ask()
        candidate = Candidate.of_document(trial.user_attrs["candidate"])
        if not candidate.feasible:
            drop(study, trial, "infeasible")
            continue
        if killed_too_many(study, trial):
            continue
        seeds = config.search.baseline_seeds if candidate.name == "baseline" else config.search.seeds
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
        study.sampler = make_sampler(config, worker=worker, trials=proposed(trials))
        trial = study.ask()
        s, v = trial.suggest_float("s", 0.0, 1.0), trial.suggest_float("v", 0.0, 1.0)
        candidate = _candidate(config, trial, s, v)
        if killed_too_many(study, trial):
            continue
        reason = _refusal(candidate, taken | known_keys(trials, but=trial.number))
        if reason != "duplicate":
            _number(trial, trials, first=len(list(references(config))))
        if reason is None:
            return Claim(study=study, trial=trial, candidate=candidate, seeds=config.search.seeds)
        drop(study, trial, reason)
    study.set_user_attr(EXHAUSTED, True)
    return None


def _candidate(config: SearchConfig, trial: optuna.Trial, s: float, v: float) -> Candidate:
    document = trial.user_attrs.get("candidate")
    if document is not None:  # queued: enumerated, or put back after an interruption
        return Candidate.of_document(document)
    direction = Direction.of_square(s, v)
    found = realise(direction, config.baseline_spec, config.target, config.rounding_rules)
    candidate = Candidate.of_proposal(direction, found)
    trial.set_user_attr("candidate", candidate.document())
    return candidate


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


def accepted(trials: Iterable[FrozenTrial]) -> list[FrozenTrial]:
    """Return the trials that count towards the budget: waiting, training, or ended by training itself."""
    return [
        trial
        for trial in trials
        if trial.state != TrialState.FAIL
        or ("outcome" in trial.user_attrs and PUT_BACK not in trial.user_attrs)
    ]


def known_keys(trials: Iterable[FrozenTrial], *, but: int) -> set[str]:
    """Return the keys of networks that need no second row: accepted ones, and those noted as infeasible."""
    listed = list(trials)
    noted = [
        *accepted(listed),
        *(trial for trial in listed if trial.user_attrs.get("dropped") == "infeasible"),
    ]
    return {key_of(trial) for trial in noted if trial.number != but}


def proposed(trials: Iterable[FrozenTrial]) -> int:
    """Return how often a sampler was asked: a trial that was put back is no new proposal."""
    return len({trial.user_attrs.get("lineage", trial.number) for trial in trials})


def key_of(trial: FrozenTrial) -> str:
    """Return the architecture key of a trial's network."""
    document = trial.user_attrs.get("candidate")
    return architecture_key(Candidate.of_document(document).spec) if document else ""


def make_sampler(config: SearchConfig, *, worker: int, trials: int) -> optuna.samplers.BaseSampler:
    """Make a sampler for one proposal.

    Its seed comes from (seed, worker, proposals so far) and it keeps no state of its own, so one worker
    proposes the same whether it was interrupted or not.
    """
    seed = (config.search.seed * 1_000_003 + worker * 10_007 + trials) % 2**32
    if config.search.sampler == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    return optuna.samplers.TPESampler(seed=seed, n_startup_trials=config.search.startup_trials)


def put_back(study: optuna.Study, trial: FrozenTrial, reason: str) -> None:
    """Queue an interrupted trial again with its parameters, network, lineage and finished seeds.

    The old try ends first: whoever still trains it can then no longer tell. A crash before the successor is
    queued is mended by `mend`. A trial whose worker died between noting its end and telling it is told, not
    queued; one that has ended is left alone. Call under the lock.
    """
    trial = study.get_trials(deepcopy=False)[trial.number]
    if trial.state.is_finished():
        return
    if "outcome" in trial.user_attrs or "dropped" in trial.user_attrs:
        _tell_noted(study, trial)
        return
    study._storage.set_trial_user_attr(trial._trial_id, PUT_BACK, reason)
    study.tell(trial.number, state=TrialState.FAIL)
    mend(study)


def _tell_noted(study: optuna.Study, trial: FrozenTrial) -> None:
    if trial.user_attrs.get("outcome") == "complete":
        top1 = [value["top1"] for key, value in trial.user_attrs.items() if key.startswith("result:")]
        study.tell(trial.number, sum(top1) / len(top1))
    else:
        study.tell(trial.number, state=TrialState.FAIL)


def mend(study: optuna.Study) -> None:
    """Queue the successor of every trial that was put back and has none yet. Call under the lock."""
    trials = study.get_trials(deepcopy=False)
    newest: dict[int, int] = {}
    for trial in trials:
        newest[lineage_of(trial)] = trial.number
    for trial in trials:
        attributes: dict[str, Any] = trial.user_attrs
        if PUT_BACK not in attributes or newest[lineage_of(trial)] != trial.number:
            continue
        if "candidate" not in attributes or not trial.state.is_finished():
            continue
        kept = {key: value for key, value in attributes.items() if key not in TRIED}
        kept["interruptions"] = [*attributes.get("interruptions", []), attributes[PUT_BACK]]
        study.enqueue_trial(trial.params, user_attrs=kept | {"lineage": lineage_of(trial)})


def lineage_of(trial: FrozenTrial) -> int:
    """Return the number of the first try of a trial's network."""
    return int(trial.user_attrs.get("lineage", trial.number))


def put_back_lost(study: optuna.Study, lost: Callable[[int, Lease], str | None]) -> None:
    """Put back every trial in training that is nobody's, and those that a function gives a reason for.

    Call under the lock: then nobody is half-way in a claim, and a trial without a lease is nobody's.

    Args:
        study: of references or of proposals.
        lost: from a trial's id and lease to why it is to be put back, or None.
    """
    mend(study)
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        lease = Lease.of(trial.user_attrs)
        reason = DIED if lease is None else lost(trial._trial_id, lease)
        if reason is not None:
            put_back(study, trial, reason)


def tell(claim: Claim, ending: Ending, lease: Lease) -> bool:
    """Tell how a trial ended, unless its lease was lost; return whether it stands. Call under the lock.

    Done again after a connection broke half-way, it tells nothing twice.
    """
    study, number = claim.study, claim.trial.number
    trial = study.get_trials(deepcopy=False)[number]
    held = Lease.of(trial.user_attrs)
    if held is None or held.holder != lease.holder or PUT_BACK in trial.user_attrs:
        return False
    if trial.state.is_finished():
        return True
    claim.trial.set_user_attr("outcome", ending.outcome)
    if ending.error is not None:
        claim.trial.set_user_attr("error", ending.error)
    if ending.value is not None:
        study.tell(number, ending.value)
    else:
        study.tell(number, state=TrialState.FAIL)
    return True
