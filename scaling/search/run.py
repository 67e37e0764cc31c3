"""An open run: its configuration, its two studies in their database, and the lock over both."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import optuna
from optuna.storages import RDBStorage
from sqlalchemy import URL

from scaling.errors import ConfigError, ResultsError
from scaling.provenance import package_version
from scaling.search.claims import prepare
from scaling.search.config import ClusterTable, SearchConfig, parse_config
from scaling.search.folder import RunFolder, difference
from scaling.search.location import file_of, is_sqlite, printable
from scaling.search.locking import ClaimLock, claim_lock
from scaling.search.patience import DATABASE_ERRORS, Patience, explained, lost_contact
from scaling.search.storage import close_storage, open_storage, open_study

PACKAGE = "efficientnet-scaling"
CONFIG, KEY, VERSION = "config", "config_key", "version"
"""Notes on the study of proposals: what it was made for, and by which version of this package."""
PREPARED = "prepared"
"""Note that everything to be queued was queued."""
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run whose studies are open.

    Args:
        config: the experiment.
        folder: where table, checkpoints and provenance are written.
        place: the database.
        storage: the same, opened.
        reference: the study of references, which no sampler sees.
        search: the study of proposals.
        lock: under which trials are claimed, told and put back.
        patience: with a database that is away.
    """

    config: SearchConfig
    folder: RunFolder
    place: URL
    storage: RDBStorage
    reference: optuna.Study
    search: optuna.Study
    lock: ClaimLock
    patience: Patience

    @property
    def studies(self) -> tuple[optuna.Study, optuna.Study]:
        """References, then proposals."""
        return self.reference, self.search

    @property
    def launch(self) -> str:
        """Name of whatever launches from this folder on this machine."""
        return f"{socket.gethostname()}:{self.folder.path.resolve()}"

    def close(self) -> None:
        """Close the connections of this thread, and those that nobody uses."""
        close_storage(self.storage)

    def exclusively(self, section: Callable[[], Value]) -> Value:
        """Run a section under the lock; where the database goes away meanwhile, run the whole of it again.

        Raises:
            ResultsError: the database cannot be used, or stayed away.
        """

        def attempt() -> Value:
            with self.lock.held():
                return section()

        return self.patiently(attempt)

    def patiently(self, section: Callable[[], Value]) -> Value:
        """Run a section; where the database goes away meanwhile, run it again.

        Raises:
            ResultsError: the database cannot be used, or stayed away.
        """
        return _insist(self.patience, self.place, section)


def _insist(patience: Patience, place: URL, section: Callable[[], Value]) -> Value:
    try:
        return patience.insist(section, lost_contact)
    except DATABASE_ERRORS as error:
        raise explained(error, shown(place)) from None


def shown(place: URL) -> str:
    """Return a database as messages name it."""
    return str(file_of(place)) if is_sqlite(place) else printable(place)


def studies(config: SearchConfig, storage: RDBStorage) -> tuple[optuna.Study, optuna.Study]:
    """Open the two studies of a run: references, which no sampler sees, and proposals."""
    directions = [one.direction for one in config.search.objectives]
    reference = open_study(storage, f"{config.name}-references", directions)
    return reference, open_study(storage, config.name, directions)


def open_run(config: SearchConfig, folder: RunFolder, place: URL, *, patience: Patience | None = None) -> Run:
    """Open a run's studies, made and filled once, before any worker starts.

    Args:
        config: the experiment.
        folder: of the run.
        place: the database.
        patience: for the first connection; none by default, as a wrong address is found out at once. From
            then on it is the configuration's.

    Raises:
        ConfigError: the study was made for another configuration; the first difference is shown.
        ResultsError: it was made by another version, or the database cannot be used.
    """
    patience = patience or Patience()
    storage = _first_contact(place, patience, create=True)
    patience.limit_s = config.cluster.patience_s
    lock = claim_lock(place, storage.engine, config.name)

    def prepared() -> tuple[optuna.Study, optuna.Study]:
        with lock.held():
            reference, search = studies(config, storage)
            _check_identity(search, config, place)
            if PREPARED not in search.user_attrs:
                prepare(config, reference, search)
                search.set_user_attr(PREPARED, True)
        return reference, search

    reference, search = _insist(patience, place, prepared)
    return Run(
        config=config,
        folder=folder,
        place=place,
        storage=storage,
        reference=reference,
        search=search,
        lock=lock,
        patience=patience,
    )


def _first_contact(place: URL, patience: Patience, *, create: bool) -> RDBStorage:
    return patience.insist(lambda: open_storage(place, create=create, patience=patience), lost_contact)


def join_run(place: URL, name: str | None, folder: RunFolder | None) -> Run:
    """Open a run that a launch has made; its configuration comes from the database.

    Args:
        place: the database.
        name: of the experiment; may be left out where there is only one.
        folder: for checkpoints; `runs/<experiment>` if None.

    Raises:
        ConfigError: there is no such experiment, or several.
        ResultsError: it was made by another version, or the database cannot be used.
    """
    if is_sqlite(place) and not file_of(place).exists():
        raise ConfigError(f"there is no database {file_of(place)}; start the study first: run_search.py run")
    patience = Patience()
    storage = _first_contact(place, patience, create=False)
    patience.limit_s = ClusterTable().patience_s  # the study's own, once it is read
    document = _only(_insist(patience, place, lambda: experiments(storage)), name, place)
    if PREPARED not in document:
        raise ConfigError(f"the study in {shown(place)} is not ready: start it with run_search.py run")
    _check_version(document, place)
    config = parse_config(document[CONFIG], where=f"the study in {shown(place)}")
    patience.limit_s = config.cluster.patience_s
    reference, search = _insist(patience, place, lambda: studies(config, storage))
    return Run(
        config=config,
        folder=folder or RunFolder.of(config.name),
        place=place,
        storage=storage,
        reference=reference,
        search=search,
        lock=claim_lock(place, storage.engine, config.name),
        patience=patience,
    )


def experiments(storage: RDBStorage) -> dict[str, dict[str, Any]]:
    """Return the notes on every study of proposals in a database, by name of the experiment."""
    found = storage.get_all_studies()
    return {study.study_name: study.user_attrs for study in found if CONFIG in study.user_attrs}


def _only(found: dict[str, dict[str, Any]], name: str | None, place: URL) -> dict[str, Any]:
    if name is None and len(found) == 1:
        return next(iter(found.values()))
    if name in found:
        return found[name]
    names = ", ".join(sorted(found)) or "none yet: start one with run_search.py run"
    wanted = "give --study NAME" if name is None else f"there is no study {name!r}"
    raise ConfigError(f"{wanted}; studies in {shown(place)}: {names}")


def _check_identity(search: optuna.Study, config: SearchConfig, place: URL) -> None:
    notes = search.user_attrs
    if CONFIG not in notes and not search.get_trials(deepcopy=False):
        search.set_user_attr(KEY, config.key())
        search.set_user_attr(VERSION, package_version(PACKAGE))
        search.set_user_attr(CONFIG, config.document())
        return
    _check_version(notes, place)
    if notes[KEY] != config.key():
        raise ConfigError(
            f"the study {config.name!r} in {shown(place)} has another configuration "
            f"({difference(notes[CONFIG], config.document())}); choose another name or another --output"
        )


def _check_version(notes: dict[str, Any], place: URL) -> None:
    made, here = notes.get(VERSION), package_version(PACKAGE)
    if made != here or CONFIG not in notes:
        raise ResultsError(
            f"the study in {shown(place)} was made by {PACKAGE} {made or 'before 0.1.0'}, this is {here}; "
            "go on with that version, or choose another name or another --output"
        )
