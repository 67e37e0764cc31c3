"""A database that goes away while a study is opened, or while its lock is held."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from checking import MakeStudy
from postgres import Server, fresh_database
from scaling.search import run as opening
from scaling.search.candidate import references
from scaling.search.folder import RunFolder
from scaling.search.location import parsed
from scaling.search.locking import AdvisoryClaimLock, LockLostError
from scaling.search.patience import Patience, lost_contact
from scaling.search.run import Run, join_run, open_run
from search_runs import configuration
from sqlalchemy import NullPool, create_engine

from scaling.errors import ResultsError

pytestmark = pytest.mark.faults

CONFIG = configuration(search={"trials": 2, "baseline_seeds": [0]})
AWAY_S = 1.5


class Outage:
    """Stops a server once, and starts it again a little later from a thread of its own."""

    def __init__(self, server: Server) -> None:
        self.server, self.thread = server, threading.Thread(target=self._end)

    def begin(self) -> None:
        if self.thread.ident is None:
            self.server.stop()
            self.thread.start()

    def _end(self) -> None:
        time.sleep(AWAY_S)
        self.server.start()


@pytest.fixture
def outage(server: Server) -> Iterator[Outage]:
    made = Outage(server)
    yield made
    made.thread.join(60)


def then(function: Callable[..., Any], more: Callable[[], None]) -> Callable[..., Any]:
    """Return a function that does more when it has done its work."""

    def both(*arguments: Any, **named: Any) -> Any:
        value = function(*arguments, **named)
        more()
        return value

    return both


def queued(run: Run) -> list[int]:
    counts = [len(study.get_trials(deepcopy=False)) for study in run.studies]
    run.close()
    return counts


def test_a_worker_joins_although_the_server_goes_away_after_its_first_answer(
    make_study: MakeStudy, outage: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, folder = make_study(CONFIG, database="postgresql")
    monkeypatch.setattr(opening, "open_storage", then(opening.open_storage, outage.begin))
    run = join_run(parsed(place, where="test"), None, RunFolder(path=folder))
    assert outage.thread.ident is not None, "the server was never away"
    assert run.patience.limit_s == CONFIG.cluster.patience_s
    run.close()


def test_a_study_that_loses_its_database_while_it_is_filled_is_filled_once(
    server: Server, outage: Outage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = parsed(fresh_database(server, tmp_path.name), where="test")
    folder = RunFolder(path=tmp_path / "run")
    monkeypatch.setattr(opening, "prepare", then(opening.prepare, outage.begin))
    first = queued(open_run(CONFIG, folder, place))
    assert outage.thread.ident is not None, "the server was never away"
    assert first == queued(open_run(CONFIG, folder, place))
    assert first[0] == len(list(references(CONFIG)))


def test_a_launched_worker_waits_for_its_server_and_others_say_at_once_that_there_is_none(
    make_study: MakeStudy, outage: Outage
) -> None:
    place, folder = make_study(CONFIG, database="postgresql")
    url, run_folder = parsed(place, where="test"), RunFolder(path=folder)
    outage.begin()
    with pytest.raises(ResultsError, match="cannot use the study's database"):
        join_run(url, None, run_folder)
    assert outage.thread.is_alive(), "the server was back"
    open_run(CONFIG, run_folder, url, patience=Patience(limit_s=60)).close()


def test_a_lock_that_went_with_its_connection_is_missed_however_often_one_asks(
    server: Server, tmp_path: Path
) -> None:
    engine = create_engine(fresh_database(server, tmp_path.name), poolclass=NullPool)
    lock = AdvisoryClaimLock(engine, "tiny")
    with lock.held():
        engine.connect().close()
        server.stop()
        server.start()
        for _ in range(3):  # Optuna asks again by itself
            with pytest.raises(LockLostError) as found:
                engine.connect()
            assert lost_contact(found.value)
    with lock.held():
        engine.connect().close()
