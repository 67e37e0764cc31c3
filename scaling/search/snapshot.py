"""A run as it stands at this moment, read from its database by anybody."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import optuna
import pandas as pd
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import URL

from scaling.search.candidate import Candidate, seeds_of
from scaling.search.config import SearchConfig
from scaling.search.confirmation import label_of
from scaling.search.folder import RunFolder
from scaling.search.location import file_of, is_sqlite, sqlite_url
from scaling.search.objective import seed_results
from scaling.search.packing import packing_of
from scaling.search.remaining import Piece, pieces, seconds_left, training_since, unproposed, work_per_second
from scaling.search.rows import frame_of, trial_state
from scaling.search.storage import connected


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """What one worker trains now.

    Args:
        worker: as the trial has it.
        trial: number in the table.
        label: the network in a few words.
        seed: that is being trained; None between the last seed and the end.
        seeds_done: of this network.
        seeds: of this network, in all.
        since_s: seconds since this seed was begun.
    """

    worker: str
    trial: int | None
    label: str
    seed: int | None
    seeds_done: int
    seeds: int
    since_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why trials have no accuracy.

    Args:
        state: `failed` or `diverged`.
        reason: in one line.
        trials: numbers in the table.
    """

    state: str
    reason: str
    trials: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A run at one moment.

    Args:
        config: of the run.
        trials: the table of trials.
        activities: what is being trained, by worker.
        failures: what went wrong, by reason.
        interruptions: how often a trial was put back, by reason.
        left: what is left of each network.
        eta_s: seconds to the end with the workers of now, or with the configured ones while none works; None
            before the first training has ended.
        quiet_s: seconds since a trial was begun or ended; None before the first.
    """

    config: SearchConfig
    trials: pd.DataFrame
    activities: tuple[Activity, ...]
    failures: tuple[Failure, ...]
    interruptions: dict[str, int]
    left: tuple[Piece, ...]
    eta_s: float | None
    quiet_s: float | None

    @property
    def finished(self) -> bool:
        """Whether nothing is left to train."""
        return not self.left


def read_snapshot(run: RunFolder, place: URL | None = None) -> Snapshot:
    """Read a run at any moment from its start on; nothing of it is changed.

    Args:
        run: its folder.
        place: its database; the folder's own SQLite file if None.

    Raises:
        ResultsError: the folder is not a run's, or its database cannot be read.
    """
    config, place = run.read_config(), place or sqlite_url(run.database)
    if is_sqlite(place) and not file_of(place).exists():
        return snapshot(config, [], [], {})
    with connected(place) as storage:
        known = {study.study_name for study in storage.get_all_studies()}
        studies = {
            name: optuna.load_study(study_name=name, storage=storage)
            for name in (f"{config.name}-references", config.name)
            if name in known
        }
        trials = {name: study.get_trials(deepcopy=False) for name, study in studies.items()}
        notes = studies[config.name].user_attrs if config.name in studies else {}
    return snapshot(config, trials.get(f"{config.name}-references", []), trials.get(config.name, []), notes)


def snapshot(
    config: SearchConfig,
    queued: Sequence[FrozenTrial],
    proposals: Sequence[FrozenTrial],
    notes: Mapping[str, object],
) -> Snapshot:
    """Return a run as its database has it.

    Args:
        config: of the run.
        queued: trials of the references.
        proposals: trials of the sampler.
        notes: user attributes of the study of proposals.
    """
    now_s, trials = time.time(), [*queued, *proposals]
    running = [t for t in trials if t.state == TrialState.RUNNING and "worker" in t.user_attrs]
    left = pieces(config, queued, proposals, unproposed(config, notes, proposals), now_s=now_s)
    speed, workers = work_per_second(trials), len(running) or packing_of(config).workers
    return Snapshot(
        config=config,
        trials=frame_of(config, trials),
        activities=tuple(_activity(config, trial, now_s) for trial in running),
        failures=_failures(trials),
        interruptions=_interruptions(trials),
        left=tuple(left),
        eta_s=0.0 if not left else None if speed is None else seconds_left(left, speed, workers),
        quiet_s=_quiet(trials, now_s),
    )


def _activity(config: SearchConfig, trial: FrozenTrial, now_s: float) -> Activity:
    candidate, results = Candidate.of_document(trial.user_attrs["candidate"]), seed_results(trial.user_attrs)
    number, seeds = trial.user_attrs.get("trial"), seeds_of(config, candidate)
    return Activity(
        worker=str(trial.user_attrs["worker"]),
        trial=number,
        label=label_of(candidate, trial.user_attrs),
        seed=next((seed for seed in seeds if seed not in results), None),
        seeds_done=len(results),
        seeds=len(seeds),
        since_s=training_since(trial, now_s),
    )


def _failures(trials: Iterable[FrozenTrial]) -> tuple[Failure, ...]:
    found: dict[tuple[str, str], list[int]] = {}
    for trial in trials:
        state = trial_state(trial)
        if state in {"failed", "diverged"}:
            reason = str(trial.user_attrs.get("error") or "the loss stopped being finite").splitlines()[0]
            found.setdefault((state, reason), []).append(trial.user_attrs["trial"])
    return tuple(
        Failure(state=state, reason=reason, trials=tuple(numbers))
        for (state, reason), numbers in found.items()
    )


def _interruptions(trials: Iterable[FrozenTrial]) -> dict[str, int]:
    """Count how often trials were put back; every try carries the list of those before it."""
    longest: dict[tuple[object, object], list[str]] = {}
    for trial in trials:
        reasons = trial.user_attrs.get("interruptions", [])
        key = (trial.user_attrs.get("candidate", {}).get("kind"), trial.user_attrs.get("lineage"))
        if len(reasons) > len(longest.get(key, [])):
            longest[key] = reasons
    return dict(Counter(reason for reasons in longest.values() for reason in reasons))


def _quiet(trials: Iterable[FrozenTrial], now_s: float) -> float | None:
    times = [
        time.timestamp()
        for trial in trials
        for time in (trial.datetime_start, trial.datetime_complete)
        if time is not None
    ]
    return max(0.0, now_s - max(times)) if times else None
