"""The Optuna study of a search for others to look at: a projection of proposals and records.

It is never read back. Whatever happens to it, it can be made again from the run's folder; and a database that
is away holds nothing up: the run goes on, and the study catches up.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, create_trial
from optuna.trial import TrialState as OptunaState
from sqlalchemy import URL
from sqlalchemy.exc import DatabaseError, OperationalError, SQLAlchemyError

from scaling.errors import ConfigError, ResultsError
from scaling.plans.networks import named_shares, network_columns
from scaling.plans.search.asking import SQUARE, epoch_reports, excess
from scaling.plans.search.config import SearchConfig
from scaling.plans.search.history import History, Proposal
from scaling.plans.search.samplers import DIMENSIONS
from scaling.plans.search.storage_url import printable
from scaling.plans.search.trial import SearchTrial, TrialState, proposed_trials
from scaling.runs.plan import Records

KEY, NUMBER = "config_key", "proposal"
"""Attributes: of the study, what it was made for; of a trial, its number in the run's proposals."""
NETWORK = (
    *("alpha", "beta", "gamma", "phi", "depth_coefficient", "width_coefficient"),
    *("image_size", "params", "macs", "achieved_factor"),
)
"""Of a network's columns, those that the study has."""
RETRY_S = 5.0
LAST_S, AT_ONCE_S = 20.0, 2.0
"""Seconds that a study which is behind is waited for: at the end of a run, and of one that was stopped."""
DATABASE_ERRORS = (SQLAlchemyError, optuna.exceptions.StorageInternalError, OSError, ImportError)
"""Among them that the driver of the database is not installed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A proposal as the study shows it.

    Args:
        proposal: its number.
        params: s and v.
        attributes: flat, of one kind of value each; those that are not known are left out.
        state: of the trial; None while it is in training.
        values: of the objectives; empty where there are none.
        reports: accuracies by step.
        off_target: as Optuna's constraint, 0 where the network is on target.
    """

    proposal: int
    params: dict[str, float]
    attributes: dict[str, Any]
    state: OptunaState | None
    values: tuple[float, ...]
    reports: dict[int, float]
    off_target: float

    def created(self, state: OptunaState, **ended: Any) -> FrozenTrial:
        """Return a trial of Optuna's in a state, with values and reports where it has `ended`."""
        return create_trial(
            state=state,
            params=self.params,
            distributions=dict(SQUARE),
            user_attrs=self.attributes,
            **ended,
        )


def shown(
    config: SearchConfig, proposal: Proposal, trial: SearchTrial, history: History, records: Records
) -> Shown:
    """Return what the study says of a proposal."""
    results, state = trial.results(records), trial.state(records, history.pruned)
    values = tuple(trial.values(config, records)) if state == TrialState.COMPLETE else ()
    columns = network_columns(trial.network, config.baseline_spec, config.target)
    asked = proposal.network.shares
    attributes = {
        NUMBER: proposal.number,
        "trial": trial.number,
        **{name: columns[name] for name in NETWORK},
        **named_shares("", asked.shares if asked else (None, None, None)),
        "seeds": len(results),
        "loss": _mean([one.result["validation_loss"] for one in results if one.result]),
        "top1": _mean([one.top1 for one in results]),
    }
    return Shown(
        proposal=proposal.number,
        params=dict(zip(DIMENSIONS, (proposal.s, proposal.v), strict=True)),
        attributes={key: value for key, value in attributes.items() if value is not None},
        state=_STATES[state],
        values=values,
        reports=epoch_reports(trial, records, history.pruned),
        off_target=excess(config, proposal),
    )


_STATES: dict[TrialState, OptunaState | None] = {
    TrialState.WAITING: None,
    TrialState.COMPLETE: OptunaState.COMPLETE,
    TrialState.PRUNED: OptunaState.PRUNED,
    TrialState.DIVERGED: OptunaState.FAIL,
    TrialState.FAILED: OptunaState.FAIL,
    TrialState.INFEASIBLE: OptunaState.FAIL,
}


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


class Projection:
    """Keeps the study of a run in step, in a thread of its own."""

    def __init__(self, config: SearchConfig, url: URL) -> None:
        self.config, self.url = config, url
        self.waiting: dict[int, Shown] = {}
        self.changed = threading.Condition()
        self.closing = False
        self.last_s = LAST_S
        self.problem = ""
        self._ids: dict[int, int] | None = None
        self._storage: RDBStorage | None = None
        self.thread = threading.Thread(target=self._work, daemon=True)

    def start(self) -> None:
        """Begin; the database is met in the thread."""
        self.thread.start()

    def show(self, one: Shown) -> None:
        """Let a proposal be shown as it is now; later news of it replace earlier ones."""
        with self.changed:
            self.waiting[one.proposal] = one
            self.changed.notify()

    def close(self, *, stopped: bool = False) -> str:
        """Wait until everything is shown, not for ever; return why it is behind, or nothing."""
        with self.changed:
            self.closing, self.last_s = True, AT_ONCE_S if stopped else LAST_S
            self.changed.notify()
        self.thread.join(self.last_s)
        if self.thread.is_alive() or self.waiting:
            return self.problem or "the database does not answer"
        return ""

    def _work(self) -> None:
        try:
            self._keep_up()
        finally:
            self._leave()

    def _leave(self) -> None:
        if self._storage is not None:
            leave(self._storage)
        self._ids, self._storage = None, None  # met anew

    def _keep_up(self) -> None:
        end = float("inf")
        while True:
            with self.changed:
                while not self.waiting and not self.closing:
                    self.changed.wait()
                if self.closing:
                    end = min(end, time.monotonic() + self.last_s)
                if not self.waiting or time.monotonic() > end:
                    return
                batch = dict(self.waiting)
            try:
                for number, one in batch.items():
                    self._write(one)
                    with self.changed:
                        if self.waiting.get(number) is one:
                            del self.waiting[number]
            except DATABASE_ERRORS as error:
                self._away(f"{type(error).__name__}")
            except Exception as error:  # whatever is wrong with a database of others, the run goes on
                own = isinstance(error, ConfigError | ResultsError)
                self.problem = str(error) if own else f"{printable(self.url)}: {type(error).__name__}"
                return

    def _away(self, why: str) -> None:
        self.problem = f"{printable(self.url)} is away ({why})"
        self._leave()
        with self.changed:
            self.changed.wait(timeout=RETRY_S)

    def _write(self, one: Shown) -> None:
        if self._storage is None or self._ids is None:
            self._storage, self._study = opened(self.url, self.config)
            found = self._study.get_trials(deepcopy=False)
            self._ids = {t.user_attrs[NUMBER]: t._trial_id for t in found if NUMBER in t.user_attrs}
        write_shown(self._study, self._storage, one, self._ids)


def leave(storage: RDBStorage) -> None:
    """Close every connection to a database."""
    with suppress(*DATABASE_ERRORS):
        storage.remove_session()
        storage.engine.dispose()


def engine_settings(url: URL) -> dict[str, Any]:
    """Return how a database is connected to: PgBouncer gives each transaction another connection.

    >>> from sqlalchemy import make_url
    >>> engine_settings(make_url("postgresql+psycopg://db/studies"))
    {'connect_args': {'prepare_threshold': None}}
    """
    postgres = url.get_backend_name() == "postgresql"
    return {"connect_args": {"prepare_threshold": None}} if postgres else {}


def opened(url: URL, config: SearchConfig) -> tuple[RDBStorage, optuna.Study]:
    """Open, or make, the study of a search; a file that is no database is moved out of the way first.

    Raises:
        ConfigError: the study of that name is of another configuration.
    """
    try:
        storage = RDBStorage(url.render_as_string(hide_password=False), engine_kwargs=engine_settings(url))
        return storage, open_study(storage, config)
    except DatabaseError as error:
        if isinstance(error, OperationalError) or url.get_backend_name() != "sqlite":
            raise  # busy, or away
    damaged = Path(str(url.database))
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    damaged.rename(damaged.with_name(f"{damaged.name}.damaged-{stamp}"))
    return opened(url, config)


def open_study(storage: RDBStorage, config: SearchConfig) -> optuna.Study:
    """Open, or make, the study of a search.

    Raises:
        ConfigError: there is one of this name that was made for another configuration.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        storage=storage,
        study_name=config.name,
        directions=[one.direction for one in config.search.objectives],
        load_if_exists=True,
    )
    made_for = study.user_attrs.get(KEY)
    if made_for is None and not study.get_trials(deepcopy=False):
        study.set_user_attr(KEY, config.key())
        study.set_user_attr("question", config.question)
    elif made_for != config.key():
        raise ConfigError(
            f"the study {config.name!r} in {printable(storage.engine.url)} is of another configuration; "
            "choose another name or another --storage"
        )
    return study


def write_shown(study: optuna.Study, storage: RDBStorage, one: Shown, ids: dict[int, int]) -> None:
    """Bring a study's trial of a proposal up to date; `ids` are those of trials, and a new one is added."""
    if one.proposal not in ids or _tried_again(storage.get_trial(ids[one.proposal]).state, one.state):
        study.add_trial(one.created(OptunaState.RUNNING))
        ids[one.proposal] = study.get_trials(deepcopy=False)[-1]._trial_id
    trial_id = ids[one.proposal]
    frozen = storage.get_trial(trial_id)
    if frozen.state.is_finished() or one.state is None:
        return
    for key, value in one.attributes.items():
        if frozen.user_attrs.get(key) != value:
            storage.set_trial_user_attr(trial_id, key, value)
    for step, value in one.reports.items():
        if step not in frozen.intermediate_values:
            storage.set_trial_intermediate_value(trial_id, step, value)
    optuna.Trial(study, trial_id).set_constraint("cost", one.off_target)
    storage.set_trial_state_values(trial_id, one.state, one.values or None)


def _tried_again(before: OptunaState, now: OptunaState | None) -> bool:
    """Whether a trial that had failed is at work again, or has ended well: Optuna's trials end once."""
    return before == OptunaState.FAIL and now != OptunaState.FAIL


def all_shown(config: SearchConfig, history: History, records: Records) -> list[Shown]:
    """Return every proposal that is trained as the study shows it."""
    return [
        shown(config, history.proposals[trial.proposal], trial, history, records)
        for trial in proposed_trials(config, history)
        if trial.proposal is not None and trial.jobs
    ]


def rebuild_study(config: SearchConfig, history: History, records: Records, url: URL) -> int:
    """Make the study anew from proposals and records, in the place of one of the same name; count its trials.

    Raises:
        ConfigError: the study of that name is of another configuration.
        ResultsError: the database cannot be used.
    """
    try:
        storage, _ = opened(url, config)
        try:
            optuna.delete_study(study_name=config.name, storage=storage)
            study, ids = open_study(storage, config), dict[int, int]()
            every = all_shown(config, history, records)
            for one in every:
                write_shown(study, storage, one, ids)
        finally:
            leave(storage)
        return len(every)
    except DATABASE_ERRORS as error:
        raise ResultsError(f"cannot write the study to {printable(url)}: {type(error).__name__}") from None


def study_in_memory(config: SearchConfig, history: History, records: Records) -> optuna.Study:
    """Return the study as it would be kept, for Optuna's own charts."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    directions = [one.direction for one in config.search.objectives]
    study = optuna.create_study(study_name=config.name, directions=directions)
    for one in all_shown(config, history, records):
        ended = {"values": list(one.values) or None, "intermediate_values": dict(one.reports)}
        study.add_trial(one.created(one.state or OptunaState.RUNNING, **ended))
    return study
