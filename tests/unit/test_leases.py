"""Leases by counts and the watcher's own monotonic clock."""

from __future__ import annotations

import threading
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState
from search_runs import configuration, wait_until

from scaling.errors import ConfigError
from scaling.search.endings import Ending, mend, put_back, put_back_lost, running, tell
from scaling.search.leases import LEASE, Lease, LeaseKeeper, LeaseWatch
from scaling.search.storage import open_storage, open_study

MINE = Lease(holder="me")


def study(path: Path) -> optuna.Study:
    return open_study(open_storage(path / "study.sqlite3"), "one")


def leased(one: optuna.Study, lease: Lease = MINE) -> optuna.Trial:
    trial = one.ask()
    trial.set_user_attr("candidate", {"spec": "any"})
    trial.set_user_attr(LEASE, lease.document())
    return trial


def test_a_lease_that_is_renewed_never_expires() -> None:
    watch = LeaseWatch(grace_s=10, longest_gap_s=5)
    for second in range(100):
        assert watch.expired({1: Lease(holder="a", renewals=second // 9)}, float(second)) == set()


def test_one_that_is_not_renewed_expires_after_the_grace() -> None:
    watch = LeaseWatch(grace_s=10, longest_gap_s=5)
    found = [watch.expired({1: MINE}, float(second)) for second in range(12)]
    assert found == [set()] * 10 + [{1}] * 2


def test_a_watcher_that_slept_takes_its_own_absence_for_nobody_s_death() -> None:
    watch = LeaseWatch(grace_s=10, longest_gap_s=4)
    assert watch.expired({1: MINE}, 0.0) == set()
    assert watch.expired({1: MINE}, 1e6) == set()
    assert watch.expired({1: MINE}, 1e6 - 3600) == set()  # not even by a clock that goes back
    assert watch.expired({1: MINE}, 1e6) == set()


def test_a_trial_seen_for_the_first_time_has_the_whole_grace() -> None:
    watch = LeaseWatch(grace_s=4, longest_gap_s=4)
    watch.expired({}, 0.0)
    assert watch.expired({2: MINE}, 4.0) == set()
    assert watch.expired({2: MINE}, 8.0) == {2}


def test_a_lease_is_renewed_while_its_block_runs_and_lost_when_the_trial_ends(tmp_path: Path) -> None:
    one = study(tmp_path)
    trial = leased(one)
    storage = open_storage(tmp_path / "study.sqlite3")
    with LeaseKeeper(storage, trial._trial_id, MINE, heartbeat_s=0.05) as keeper:
        wait_until(lambda: keeper.lease.renewals >= 2, seconds=30, what="two renewals")
        assert Lease.of(running(one)[0].user_attrs) is not None
        assert not keeper.lost
        one.tell(trial, state=TrialState.FAIL)
        wait_until(lambda: keeper.lost, seconds=30, what="the lease is lost")
    assert "lease" not in {thread.name for thread in threading.enumerate()}


def test_a_result_is_told_once_and_only_by_the_holder(tmp_path: Path) -> None:
    one = study(tmp_path)
    trial = leased(one)
    good = Ending(outcome="complete", values=(0.5,))
    assert not tell(one, trial._trial_id, good, Lease(holder="another"))
    assert tell(one, trial._trial_id, good, MINE)
    assert tell(one, trial._trial_id, good, MINE)  # again, as after a connection that broke
    assert [t.value for t in one.trials] == [0.5]


def test_who_lost_a_lease_cannot_tell(tmp_path: Path) -> None:
    one = study(tmp_path)
    trial = leased(one)
    put_back_lost(one, lambda _, lease: "lease expired" if lease.holder == "me" else None)
    assert not tell(one, trial._trial_id, Ending(outcome="complete", values=(0.5,)), MINE)
    assert [t.state for t in one.trials] == [TrialState.FAIL, TrialState.WAITING]
    successor = one.trials[1].user_attrs
    assert successor["interruptions"] == ["lease expired"]
    assert LEASE not in successor


def test_a_trial_without_a_lease_is_nobody_s_and_others_are_left_alone(tmp_path: Path) -> None:
    one = study(tmp_path)
    kept, orphan = leased(one), one.ask()
    orphan.set_user_attr("candidate", {"spec": "any"})
    put_back_lost(one, lambda *_: None)
    assert [trial.number for trial in running(one)] == [kept.number]
    assert one.trials[orphan.number].state == TrialState.FAIL


def test_a_crash_before_the_successor_is_queued_is_mended_once(tmp_path: Path) -> None:
    one = study(tmp_path)
    trial = leased(one)
    trial.set_user_attr("put_back", "stopped")
    one.tell(trial, state=TrialState.FAIL)  # then the process died
    for _ in range(3):
        mend(one)
    assert [t.state for t in one.trials] == [TrialState.FAIL, TrialState.WAITING]
    put_back(one, one.trials[0], "stopped")
    assert len(one.trials) == 2


def test_a_grace_too_short_for_the_heartbeat_is_refused() -> None:
    assert (configuration().cluster.heartbeat_s, configuration().cluster.grace_s) == (2, 10)
    with pytest.raises(ConfigError, match="grace_s must be at least twice heartbeat_s"):
        configuration(cluster={"heartbeat_s": 60, "grace_s": 100})
