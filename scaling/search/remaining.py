"""What a search still has to train, and how long that takes at the speed it has shown."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from optuna.trial import FrozenTrial, TrialState

from scaling.cost import count_cost
from scaling.search.candidate import Candidate, references, seeds_of
from scaling.search.claims import ENUMERATED, accepted
from scaling.search.config import SearchConfig
from scaling.search.confirmation import not_confirmed
from scaling.search.objective import seed_results
from scaling.search.queueing import networks_planned

Work = float
"""Multiply-adds of one image, summed over trainings: what a search's time goes with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What is left of one network.

    Args:
        trainings: seeds without a result.
        work: of these.
        since_s: seconds for which a worker has trained the first of them; None while none does.
    """

    trainings: int
    work: Work
    since_s: float | None = None


def pieces(
    config: SearchConfig,
    queued: Sequence[FrozenTrial],
    proposals: Sequence[FrozenTrial],
    to_come: int,
    *,
    now_s: float,
) -> list[Piece]:
    """Return what is left of every network, in the order of training.

    Args:
        config: the experiment.
        queued: trials of the references; where there is none, all of them are still to come.
        proposals: trials of the sampler.
        to_come: proposals that are still to be made; each counts as the mean of those made.
        now_s: seconds since the epoch.
    """
    known = [_piece(config, trial, now_s) for trial in (*queued, *proposals)]
    if not queued:
        known += [_whole(config, candidate) for candidate in references(config) if candidate.feasible]
    macs, search = _usual_macs(config, proposals), config.search
    proposal = Piece(trainings=len(search.seeds), work=macs * len(search.seeds))
    again = Piece(trainings=len(search.confirm_seeds), work=macs * len(search.confirm_seeds))
    confirms = _confirmations(config, queued, proposals, to_come)
    return [piece for piece in known if piece is not None] + [proposal] * to_come + [again] * confirms


def _confirmations(
    config: SearchConfig, queued: Sequence[FrozenTrial], proposals: Sequence[FrozenTrial], to_come: int
) -> int:
    """Return how many candidates are still to be queued for confirmation, at most."""
    if to_come == 0 and all(trial.state.is_finished() for trial in proposals):
        return len(not_confirmed(config, queued, proposals))
    return min(config.search.confirm, to_come + len(accepted(proposals)))


def _usual_macs(config: SearchConfig, proposals: Iterable[FrozenTrial]) -> float:
    documents = [
        trial.user_attrs["candidate"] for trial in accepted(proposals) if "candidate" in trial.user_attrs
    ]
    if not documents:
        return config.search.target_factor * count_cost(config.baseline_spec).macs
    found = [count_cost(Candidate.of_document(document).spec).macs for document in documents]
    return sum(found) / len(found)


def _whole(config: SearchConfig, candidate: Candidate) -> Piece:
    seeds = len(seeds_of(config, candidate))
    return Piece(trainings=seeds, work=float(count_cost(candidate.spec).macs * seeds))


def _piece(config: SearchConfig, trial: FrozenTrial, now_s: float) -> Piece | None:
    if trial.state.is_finished() or "candidate" not in trial.user_attrs:
        return None
    candidate, results = Candidate.of_document(trial.user_attrs["candidate"]), seed_results(trial.user_attrs)
    if not candidate.feasible:  # a reference that will be dropped
        return None
    missing = sum(seed not in results for seed in seeds_of(config, candidate))
    return Piece(
        trainings=missing,
        work=float(count_cost(candidate.spec).macs * missing),
        since_s=training_since(trial, now_s) if trial.state == TrialState.RUNNING else None,
    )


def unproposed(config: SearchConfig, notes: Mapping[str, object], proposals: Iterable[FrozenTrial]) -> int:
    """Return how many proposals the budget still allows.

    Args:
        config: the experiment.
        notes: user attributes of the study of proposals.
        proposals: its trials.
    """
    if notes.get("space_exhausted") or notes.get(ENUMERATED):
        return 0
    made = accepted(proposals)
    return max(0, config.search.trials - len(made)) if made else networks_planned(config)


def work_per_second(trials: Iterable[FrozenTrial]) -> float | None:
    """Return the speed of one worker, the mean over all finished trainings; None before there is one."""
    work = seconds = 0.0
    for trial in trials:
        results = seed_results(trial.user_attrs).values()
        if results:
            macs = count_cost(Candidate.of_document(trial.user_attrs["candidate"]).spec).macs
            work += macs * len(results)
            seconds += sum(result["wall_s"] for result in results)
    return work / seconds if seconds > 0 else None


def training_since(trial: FrozenTrial, now_s: float) -> float:
    """Return for how many seconds a running trial has trained the seed that it is at."""
    if trial.datetime_start is None:
        return 0.0
    finished_s = sum(float(result["wall_s"]) for result in seed_results(trial.user_attrs).values())
    return max(0.0, now_s - trial.datetime_start.timestamp() - finished_s)


def seconds_left(left: Sequence[Piece], speed: float, workers: int) -> float:
    """Return when the last worker ends if each takes the next network as it becomes free.

    Pruning is not foreseen; a training that takes longer than its work says counts as about to end.

    Args:
        left: in the order of training.
        speed: work per second of one worker.
        workers: how many share the work, at least 1.

    >>> running = Piece(trainings=1, work=10.0, since_s=5.0)
    >>> seconds_left([running, Piece(trainings=1, work=10.0), Piece(trainings=1, work=10.0)], 1.0, 2)
    15.0
    """
    busy = [max(0.0, piece.work / speed - piece.since_s) for piece in left if piece.since_s is not None]
    free = [*busy, *[0.0] * (workers - len(busy))]
    heapq.heapify(free)
    for piece in left:
        if piece.since_s is None:
            heapq.heapreplace(free, free[0] + piece.work / speed)
    return max(free)
