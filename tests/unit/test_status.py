"""`run_search.py status`: what is left, who works, what went wrong, at any moment of a run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import FrozenTrial, TrialState
from recorded_runs import CONFIG, REFERENCES, run_folder, shown, trial
from search_runs import configuration

from scaling.cli.status import best_line, clock, progress_line, rendered, status_document
from scaling.cost import count_cost
from scaling.errors import ConfigError, ResultsError
from scaling.search.candidate import Candidate
from scaling.search.remaining import Piece, seconds_left
from scaling.search.snapshot import snapshot

BASELINE, DEPTH, WIDTH = REFERENCES[:3]


def document(*queued: FrozenTrial, proposals: Sequence[FrozenTrial] = (), **notes: Any) -> dict[str, Any]:
    return status_document(snapshot(CONFIG, queued, proposals, notes))


def macs(candidate: Candidate) -> int:
    return count_cost(candidate.spec).macs


def test_before_the_first_trial_everything_is_to_come() -> None:
    found = document()
    assert found["finished"] is False
    assert found["networks"] == {"training": 0, "to_come": len(REFERENCES) + 3}
    assert found["trainings"] == {"done": 0, "left": 3 + 2 * (len(REFERENCES) - 1) + 2 * 3}
    assert (found["share_of_work"], found["eta_s"], found["best"], found["quiet_s"]) == (0, None, None, None)


def test_work_is_counted_in_multiply_adds() -> None:
    found = document(
        trial(0, BASELINE, TrialState.COMPLETE, [0.5, 0.6, 0.4]),
        trial(1, DEPTH, TrialState.WAITING),
        space_exhausted=True,
    )
    done, left = 3 * macs(BASELINE), 2 * macs(DEPTH)
    assert found["share_of_work"] == pytest.approx(done / (done + left))
    assert found["trainings"] == {"done": 3, "left": 2}
    # One network is left, so one of the two workers trains it alone, at the baseline's speed.
    assert found["eta_s"] == pytest.approx(left * 3 * 2.0 / done)


def test_a_training_under_way_shortens_the_time_left() -> None:
    begun = trial(1, DEPTH, TrialState.RUNNING, [0.7], ago_s=3.0, worker=1)
    found = document(trial(0, BASELINE, TrialState.COMPLETE, [0.5, 0.6, 0.4]), begun, space_exhausted=True)
    (worker,) = found["workers"]
    assert (worker["worker"], worker["trial"], worker["seed"], worker["seeds_done"]) == ("1", 1, 1, 1)
    assert worker["since_s"] == pytest.approx(1.0, abs=0.5)  # the first seed took two of the three seconds
    speed = (3 * macs(BASELINE) + macs(DEPTH)) / 8.0
    assert found["eta_s"] == pytest.approx(max(0.0, macs(DEPTH) / speed - 1.0), abs=0.5)


def test_the_next_network_goes_to_the_worker_that_is_free_first() -> None:
    long, short = Piece(trainings=1, work=9.0, since_s=1.0), Piece(trainings=1, work=4.0)
    assert seconds_left([long], 1.0, 1) == 8.0
    assert seconds_left([long, short, short], 1.0, 2) == 8.0
    assert seconds_left([long, short, short, short], 1.0, 2) == 12.0
    assert seconds_left([Piece(trainings=1, work=1.0, since_s=50.0)], 1.0, 1) == 0.0


def test_the_best_so_far_comes_with_its_interval_and_its_rivals() -> None:
    found = document(
        trial(0, BASELINE, TrialState.COMPLETE, [0.50, 0.52, 0.54]),
        trial(1, DEPTH, TrialState.COMPLETE, [0.60, 0.62]),
        trial(2, WIDTH, TrialState.COMPLETE, [0.59, 0.61]),
    )["best"]
    assert found["trial"] == 1
    assert found["top1"] == pytest.approx(0.61)
    deviation = ((2 * 0.02**2 + 2 * 0.01**2 * 2) / 4) ** 0.5  # pooled: 2 + 1 + 1 degrees of freedom
    assert found["half_width"] == pytest.approx(2.7764451 * deviation / 2**0.5)
    assert (found["networks"], found["not_distinguishable"]) == (3, 1)
    assert "± " in best_line(found)
    assert "1 of 2 others" in best_line(found)


def test_one_seed_each_has_no_interval() -> None:
    config = configuration(search={"trials": 0, "baseline_seeds": [0]})
    found = snapshot(config, [trial(0, BASELINE, TrialState.COMPLETE, [0.5])], [], {})
    best = status_document(found)["best"]
    assert best["half_width"] is None
    assert "no interval yet" in best_line(best)


def test_failures_come_with_their_reasons_and_restarts_are_counted_once() -> None:
    failed = {"outcome": "failed", "error": "ValueError: no\nmore lines"}
    lost = {"lineage": 4, "worker": 0}
    found = document(
        trial(0, BASELINE, TrialState.FAIL, **failed),
        trial(1, DEPTH, TrialState.FAIL, **failed),
        trial(2, WIDTH, TrialState.FAIL, [None], outcome="diverged"),
        proposals=[
            trial(3, REFERENCES[3], TrialState.FAIL, **lost, interruptions=["worker died"]),
            trial(3, REFERENCES[3], TrialState.RUNNING, **lost, interruptions=["worker died", "stopped"]),
        ],
    )
    assert found["failures"] == [
        {"state": "failed", "reason": "ValueError: no", "trials": (0, 1)},
        {"state": "diverged", "reason": "the loss stopped being finite", "trials": (2,)},
    ]
    assert found["interruptions"] == {"worker died": 1, "stopped": 1}


def test_an_end_is_an_end() -> None:
    ended = [trial(n, one, TrialState.COMPLETE, [0.5, 0.5, 0.5]) for n, one in enumerate(REFERENCES)]
    found = document(*ended, enumerated=True)
    assert (found["finished"], found["eta_s"], found["share_of_work"]) == (True, 0, 1)
    assert progress_line(found).startswith("finished: ")


def test_a_proposal_that_was_dropped_makes_room_for_another() -> None:
    dropped = trial(5, DEPTH, TrialState.FAIL, dropped="infeasible")
    before, after = (
        document(trial(0, BASELINE, TrialState.WAITING)),
        document(trial(0, BASELINE, TrialState.WAITING), proposals=[dropped]),
    )
    assert before["trainings"] == after["trainings"]
    assert after["networks"]["infeasible"] == 1


def test_it_reads_a_folder_before_and_after_its_database_is_there(tmp_path: Path) -> None:
    early = run_folder(tmp_path / "early")
    assert "nobody is training" in shown("status", str(early.path))
    assert not early.database.exists()
    later = run_folder(tmp_path / "later", trial(0, BASELINE, TrialState.COMPLETE, [0.5, 0.6, 0.4]))
    assert json.loads(shown("status", str(later.path), "--json"))["best"]["top1"] == pytest.approx(0.5)
    text = shown("status", str(later.path))
    assert "highest so far: baseline, 50.0 ± " in text
    assert max(map(len, text.splitlines())) <= 60


def test_watching_a_finished_run_ends_at_once(tmp_path: Path) -> None:
    ended = [trial(n, one, TrialState.COMPLETE, [0.5, 0.5, 0.5]) for n, one in enumerate(REFERENCES)]
    folder = run_folder(tmp_path / "run", *ended)
    assert shown("status", str(folder.path), "--watch").startswith("finished: ")


def test_what_is_no_run_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="not the folder of a run"):
        shown("status", str(tmp_path))
    with pytest.raises(ConfigError, match="not both"):
        shown("status", str(tmp_path), "--watch", "--json")


def test_clocks_are_readable() -> None:
    assert [clock(one) for one in (0.4, 59.6, 3599, 3600, 100_000)] == [
        "0:00 min", "1:00 min", "59:59 min", "1:00 h", "27:46 h",
    ]  # fmt: skip


def test_rendering_needs_no_terminal() -> None:
    assert rendered(document(trial(0, BASELINE, TrialState.RUNNING, worker="node-3:17")))
