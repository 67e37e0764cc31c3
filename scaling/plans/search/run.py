"""One search in its folder: run it, or go on with it; read it at any moment."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import pandas as pd
from sqlalchemy import URL

from scaling.errors import ResultsError
from scaling.network.serialization import architecture_key
from scaling.plans.launching import document_in
from scaling.plans.search.candidates import networks_planned
from scaling.plans.search.config import SearchConfig, parse_config
from scaling.plans.search.history import History, open_history, read_history
from scaling.plans.search.plan import SearchPlan
from scaling.plans.search.projection import Projection, shown
from scaling.plans.search.storage_url import require_driver, sqlite_url
from scaling.plans.search.table import all_trials, frame_of, proposals_frame
from scaling.plans.search.trial import SearchTrial, TrialState, proposed_trials, reference_trials
from scaling.runs.coordinator import Listener, RunEnd, Started, silent
from scaling.runs.executor import Ended, Event
from scaling.runs.folder import RunFolder, held, open_folder
from scaling.runs.launch import Where, launch, packing_of
from scaling.runs.plan import Records
from scaling.runs.progress import recorded_data
from scaling.runs.record import Record
from scaling.runs.run_provenance import finish_provenance, is_ended, start_provenance
from scaling.runs.store import Known, Store
from scaling.runs.trials_table import read_trials, write_trials
from scaling.targets.space import image_sizes
from scaling.training.kernels import Progress, no_progress
from scaling.training.machine import Packing

KIND = "search"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchState:
    """A search as its folder and the store have it at one moment.

    `frozen` is the table of trials where that is all there is: exported results.
    """

    folder: RunFolder
    config: SearchConfig
    history: History
    records: Records
    frozen: pd.DataFrame | None = None

    def search_trials(self) -> list[SearchTrial]:
        """Return the networks that are known by now."""
        return all_trials(self.config, self.history, self.records)

    def trials(self) -> pd.DataFrame:
        """Return the table of trials."""
        if self.frozen is not None:
            return self.frozen
        return frame_of(self.config, self.search_trials(), self.history, self.records)

    def trained(self) -> list[Record]:
        """Return the records of its trainings; none of exported results."""
        trials = [] if self.frozen is not None else self.search_trials()
        found = (self.records.get(job.key) for trial in trials for job in trial.jobs.values())
        return [record for record in found if record is not None]

    def proposals(self) -> pd.DataFrame:
        """Return one row a proposal, in order."""
        return proposals_frame(self.history, self.config)


def read_search(folder: RunFolder, *, unverified: bool = False) -> SearchState:
    """Read a search at any moment; nothing is locked, and nothing is changed.

    Raises:
        ConfigError: its configuration is not valid in this version.
        ResultsError: the folder is not a search's, or a file is damaged.
    """
    document = document_in(folder, KIND, called="a search")
    known = Known(store=Store(path=folder.store()))
    recorded = recorded_data(folder, known)
    config = parse_config(document["config"], where=str(folder.config), recorded=recorded)
    live = folder.proposals.exists() or folder.records.exists()
    exported = folder.trials.exists() and not live
    frozen = read_trials(folder.trials, unverified=unverified) if exported else None
    return SearchState(
        folder=folder,
        config=config,
        history=read_history(folder.proposals),
        records=known,
        frozen=frozen,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """What is known before the first training of a launch.

    Args:
        continued: whether an earlier launch was here.
        finished: whether nothing is left to train.
        networks: that will be trained beside the references, at most.
    """

    config: SearchConfig
    folder: RunFolder
    continued: bool
    finished: bool
    plan: SearchPlan
    packing: Packing
    networks: int


def run_search(
    config: SearchConfig,
    folder: RunFolder,
    where: Where,
    *,
    storage: URL | None = None,
    announce: Callable[[Announced], None] = lambda _found: None,
    listener: Listener = silent,
    progress: Progress = no_progress,
    warn: Callable[[str], None] = lambda _message: None,
) -> tuple[RunEnd, SearchState]:
    """Run a search, or go on with it; the tables in its folder are written at the end, however it came.

    It is not launched by `run_in_folder` as other plans are: its plan is made from the history, which only
    the holder of the folder may go on with, and asking it for jobs writes proposals down. The study is a
    database at `storage`, SQLite in the folder if None. `announce` is called before the first training;
    `warn` takes a line about what is not as it should be, but stops nothing.

    Raises:
        ConfigError: no network is on target, the folder holds a run of another configuration, or the driver
            of the database is not installed.
        DataError: data are missing.
        ResultsError: another run uses the folder, or something cannot be written; what was written is whole.
    """
    config = parse_config(config.document(), where=str(folder.config))  # one that was read loads no data
    url = storage or sqlite_url(folder.study)
    require_driver(url)
    sizes = image_sizes(config.baseline_spec, config.target, config.setup.rounding_rules)
    config.setup.check_pictures(sizes[-1])
    with held(folder):
        continued = open_folder(
            folder,
            KIND,
            config.document(),
            config.key(),
            store=where.store.path,
            device=config.setup.device,
        )
        known = Known(store=where.store, retry=True)
        history = open_history(folder.proposals)
        state = SearchState(folder=folder, config=config, history=history, records=known)
        if continued:
            _refuse_less(state)
            _keep_table(state, warn)
        finished = continued and is_finished(state)
        plan = SearchPlan(config, history)
        example = config.setup.job(config.baseline_spec, seed=0)
        # The baseline, as dear as what is searched: memory grows about as the cost does.
        packing = packing_of([example], where, config.setup.engine, most=10**6, scale=config.target.factor)
        whole = finished and is_ended(folder)  # then its provenance is too
        record = None if whole else start_provenance(folder, config.document(), config.key(), example)
        announce(
            Announced(
                config=config,
                folder=folder,
                continued=continued,
                finished=finished,
                plan=plan,
                packing=packing,
                networks=networks_planned(config),
            )
        )
        projection = Projection(config, url)
        keeper = _StudyKeeper(plan, known, projection, listener)
        end = RunEnd.STOPPED
        try:
            end = launch(
                plan,
                folder,
                where,
                known=known,
                packing=packing,
                engine=config.setup.engine,
                listener=keeper,
                progress=progress,
            )
        finally:
            try:
                trials = write_tables(state)
            finally:
                behind = projection.close(stopped=end == RunEnd.STOPPED)
                if behind:
                    warn(f"the Optuna study is behind ({behind}): run_search.py export --study makes it anew")
        if record is not None:
            finish_provenance(folder, record, finished=not (trials["state"] == "waiting").any())
        return end, state


def _refuse_less(state: SearchState) -> None:
    """Refuse to go on where the history lacks networks that were trained: proposals would be made anew.

    Raises:
        ResultsError: it does.
    """
    trials = [*reference_trials(state.config), *proposed_trials(state.config, state.history)]
    owned = {job.key for trial in trials for job in trial.jobs.values()}
    known = {trial.network.key for trial in trials}
    named = state.folder.keys()
    for key in named:
        record = None if key in owned else state.records.get(key)
        if record is not None and architecture_key(record.spec) not in known:
            raise ResultsError(
                f"{state.folder.proposals} lacks networks that were trained, such as {record.spec.name!r} in "
                f"the record {key}; nothing is touched: put the file back, or give another --output"
            )


def _keep_table(state: SearchState, warn: Callable[[str], None]) -> None:
    """Keep a copy of a table of trials that is damaged, or lists trainings whose records are gone."""
    path = state.folder.trials
    if not path.exists() or path.stat().st_size == 0:
        return
    try:
        table = read_trials(path)
        listed = table.loc[table["state"].isin(["complete", "diverged"]), "record"].dropna()
        lost = sum(key not in state.records for key in listed)
        why = f"lists {lost} trainings that have no record any more; they run again"
    except ResultsError:
        lost, why = 1, "is damaged; it is made again"
    if lost:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        try:
            copy = shutil.copy(path, path.with_name(f"trials.before-{stamp}.csv"))
        except OSError as error:
            raise ResultsError(f"cannot keep a copy of {path}: {error.strerror}") from None
        warn(f"{path} {why}; the table so far is kept as {copy}")


def write_tables(state: SearchState) -> pd.DataFrame:
    """Write trials.csv and proposals.csv, and return the table of trials."""
    trials = state.trials()
    write_trials(state.folder.trials, trials)
    write_trials(state.folder.path / "proposals.csv", state.proposals())
    return trials


class _StudyKeeper:
    """Shows every proposal to the projected study when it begins and whenever it has news."""

    def __init__(self, plan: SearchPlan, known: Known, projection: Projection, listener: Listener) -> None:
        self.plan, self.known, self.projection, self.listener = plan, known, projection, listener
        for trial in plan.trials:
            self._show(trial)
        projection.start()

    def __call__(self, event: Started | Event) -> None:
        if isinstance(event, Started | Ended) and (trial := self.plan.owner.get(event.key)):
            self._show(trial)
        self.listener(event)

    def _show(self, trial: SearchTrial) -> None:
        if trial.proposal is not None and trial.jobs:
            proposal = self.plan.history.proposals[trial.proposal]
            self.projection.show(shown(self.plan.config, proposal, trial, self.plan.history, self.known))


def is_finished(state: SearchState) -> bool:
    """Whether nothing is left to train.

    Of a live run that is what its plan says; exported results are as finished as their table.
    """
    if state.frozen is not None:
        return not (state.frozen["state"] == "waiting").any()
    history = History(proposals=list(state.history.proposals), pruned=dict(state.history.pruned))
    wanted = SearchPlan(state.config, history).next_jobs(state.records, 1)
    return wanted.done and not wanted.jobs


def failed_of(state: SearchState) -> dict[str, list[int]]:
    """Return why trials have no accuracy, and the numbers of those trials, by reason."""
    found: dict[str, list[int]] = {}
    for trial in [] if state.frozen is not None else state.search_trials():
        own = trial.state(state.records, state.history.pruned)
        if own in {TrialState.FAILED, TrialState.DIVERGED}:
            records = (state.records.get(job.key) for job in trial.jobs.values())
            reasons = [one.error for one in records if one is not None and one.error]
            reason = reasons[0] if reasons else "the loss stopped being finite"
            found.setdefault(f"{own}: {reason}", []).append(trial.number)
    return found
