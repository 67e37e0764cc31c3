"""How far a search is: what is being trained, what is left, and how long that takes at the speed shown."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from scaling.cost import count_cost
from scaling.plans.networks import SEARCH
from scaling.plans.search.candidates import enumerated
from scaling.plans.search.run import SearchState, failed_of, is_finished
from scaling.plans.search.samplers import Sampler
from scaling.plans.search.trial import SearchTrial, TrialState
from scaling.runs.progress import read_progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A training at this moment: its network in a few words, seconds since it was sent, epochs finished."""

    label: str
    seed: int | None
    worker: str
    since_s: float
    epochs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchStatus:
    """A search at one moment.

    Args:
        finished: whether nothing is left to train.
        trials: the table of trials.
        images: that judged each training; None for all.
        networks: how many are in which state.
        done: trainings that have ended.
        left: trainings that are to come, those of networks yet to be proposed included.
        share: of the work that is done, in [0, 1].
        eta_s: seconds to the end at the speed shown so far; None before the first training has ended.
        failures: numbers of trials by what went wrong.
        silent_s: seconds since the coordinator last wrote; None where none is at work.
        interrupted: whether the coordinator, a process of this machine, was killed.
    """

    experiment: str
    question: str
    finished: bool
    trials: pd.DataFrame
    images: int | None
    networks: dict[str, int]
    done: int
    left: int
    share: float
    eta_s: float | None
    running: tuple[Running, ...]
    failures: dict[str, list[int]]
    silent_s: float | None
    interrupted: bool


def status_of(state: SearchState) -> SearchStatus:
    """Return how far a search is, at any moment and from any terminal."""
    trials, finished = state.trials(), is_finished(state)
    progress = read_progress(state.folder)
    ended = trials[trials["top1"].notna() | (trials["state"] == "diverged")]
    left = [] if finished else _left(state)
    done_work, seconds = float(ended["macs"].sum()), float(ended["wall_s"].sum())
    speed = done_work / seconds if seconds > 0 else None
    running = tuple(_running(state, progress.running))
    workers = max(1, len(running))
    states = Counter(_network_states(trials).tolist())
    waiting, training = states.pop("waiting", 0), len({one.label for one in running})
    return SearchStatus(
        experiment=state.config.name,
        question=state.config.question,
        finished=finished,
        trials=trials,
        images=state.config.setup.data.validation,
        networks={
            **dict(sorted(states.items())),
            "training": training,
            "to_come": max(0, waiting + _to_come(state) - training),
        },
        done=len(ended),
        left=len(left),
        share=done_work / (done_work + sum(left)) if done_work + sum(left) > 0 else 0.0,
        eta_s=0.0 if not left else None if speed is None else _seconds_left(left, speed, workers),
        running=running,
        failures=failed_of(state),
        silent_s=progress.silent_s,
        interrupted=progress.interrupted,
    )


def _network_states(trials: pd.DataFrame) -> pd.Series[str]:
    return trials.groupby("trial")["state"].agg(
        lambda column: "waiting" if "waiting" in set(column) else column.iloc[-1]
    )


def _to_come(state: SearchState) -> int:
    """Return how many proposals are still to be made."""
    if state.frozen is not None or enumerated(state.config) is not None:
        return 0
    made = sum(one.fate.trains for one in state.history.proposals)
    return max(0, state.config.search.trials - made)


def _left(state: SearchState) -> list[float]:
    """Return the multiply-adds of one image of every training that is to come."""
    search, left, proposed = state.config.search, list[float](), list[SearchTrial]()
    for trial in state.search_trials():
        if trial.network.kind == SEARCH and trial.jobs:
            proposed.append(trial)
        if trial.state(state.records, state.history.pruned) == TrialState.WAITING:
            missing = len(trial.jobs) - len(trial.results(state.records))
            left += [_macs(trial)] * missing
    usual = search.target_factor * count_cost(state.config.baseline_spec).macs
    if proposed:
        usual = sum(map(_macs, proposed)) / len(proposed)
    to_come = _to_come(state)
    left += [usual] * (to_come * (1 if search.sampler == Sampler.SURFACE else len(search.seeds)))
    confirming = any(one.confirms is not None for one in state.search_trials())
    if not confirming:
        left += [usual] * (min(search.confirm, to_come + len(proposed)) * len(search.confirm_seeds))
    return left


def _macs(trial: SearchTrial) -> float:
    assert trial.network.spec is not None
    return float(count_cost(trial.network.spec).macs)


def _seconds_left(left: Sequence[float], speed: float, workers: int) -> float:
    """Return when the last worker ends if each takes the next training as it becomes free."""
    free = [0.0] * workers
    for work in left:
        heapq.heapreplace(free, free[0] + work / speed)
    return max(free)


def _running(state: SearchState, progress: Mapping[str, Mapping[str, Any]]) -> list[Running]:
    if not progress:
        return []
    now, found = datetime.now(UTC), []
    owners = {job.key: (t, seed) for t in state.search_trials() for seed, job in t.jobs.items()}
    for key, one in progress.items():
        trial, seed = owners.get(key, (None, None))
        since = datetime.fromisoformat(str(one["since"]))
        found.append(
            Running(
                label=key[:8] if trial is None else trial.label(),
                seed=seed,
                worker=str(one["worker"]),
                since_s=max(0.0, (now - since).total_seconds()),
                epochs=int(one["epochs"]),
            )
        )
    return found
