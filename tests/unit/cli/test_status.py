"""`run_search.py status`: what is left, what is trained, what went wrong, at any moment of a run."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest
from picture_folders import two_classes
from recorded_runs import CONFIG, REFERENCES, TRAININGS, a_run, add, shown
from search_runs import configuration, record_of, store_of

from scaling.atomic_write import write_json
from scaling.cli.status import best_line, clock, progress_line, rendered, status_document
from scaling.cost import count_cost
from scaling.library.searching import load_search
from scaling.plans.search.trial import SearchTrial, reference_trials
from scaling.provenance import utc_now
from scaling.report import save_report
from scaling.runs.coordinator import Started
from scaling.runs.folder import RunFolder, held
from scaling.runs.job import Job
from scaling.runs.progress import StatusWriter
from scaling.runs.record import RecordState
from scaling.runs.store import Known

BASELINE, DEPTH, WIDTH = REFERENCES[:3]


def document(folder: RunFolder) -> dict[str, Any]:
    return status_document(load_search(folder.path).status())


def macs(trial: SearchTrial) -> int:
    assert trial.network.spec is not None
    return count_cost(trial.network.spec).macs


def test_before_the_first_training_everything_is_to_come(tmp_path: Path) -> None:
    found = document(a_run(tmp_path / "run", 0))
    assert found["finished"] is False
    assert found["networks"] == {"training": 0, "to_come": len(REFERENCES) + CONFIG.search.trials}
    assert found["trainings"] == {"done": 0, "left": TRAININGS}
    assert (found["share_of_work"], found["eta_s"], found["best"], found["silent_s"]) == (0, None, None, None)


def test_work_is_counted_in_multiply_adds(tmp_path: Path) -> None:
    config = configuration(search={"trials": 0, "baseline_seeds": [0, 1, 2]})
    found = document(a_run(tmp_path / "run", 3, config=config))
    done, left = 3 * macs(BASELINE), sum(map(macs, REFERENCES[1:]))
    assert found["share_of_work"] == pytest.approx(done / (done + left))
    assert found["trainings"] == {"done": 3, "left": 4}
    assert found["eta_s"] == pytest.approx(left * 3 * 2.0 / done)  # a training took two seconds


def test_what_is_trained_now_is_named(tmp_path: Path) -> None:
    folder = a_run(tmp_path / "run", 3)
    first, second = (job.key for job in DEPTH.jobs.values())
    now = {"worker": "1", "steps": 7, "epochs": 2, "since": utc_now()}
    write_json(folder.progress, {"at": utc_now(), "running": {first: now, second: now}})
    found = document(folder)
    assert [(one["label"], one["seed"], one["epochs"]) for one in found["training"]] == [
        (DEPTH.label(), 0, 2),
        (DEPTH.label(), 1, 2),
    ]
    assert found["silent_s"] < 60
    left = found["trainings"]["left"] * 2.0 / 2
    assert left * 0.9 < found["eta_s"] < left * 3, "two workers share what is left"
    assert "nothing is being trained" not in shown("status", str(folder.path))
    write_json(folder.progress, {"at": "2020-01-01T00:00:00+00:00", "running": {first: now}})
    assert "nothing was heard for" in shown("status", str(folder.path))


def test_the_best_so_far_comes_with_its_interval_and_its_rivals(tmp_path: Path) -> None:
    top1 = {BASELINE.number: 0.50, DEPTH.number: 0.60, WIDTH.number: 0.59}
    trial_of = {job.key: one.number for one in REFERENCES for job in one.jobs.values()}
    folder = a_run(tmp_path / "run", 7, top1=lambda job: top1[trial_of[job.key]] + 0.02 * job.seed)
    found = document(folder)["best"]
    assert (found["trial"], found["top1"]) == (DEPTH.number, pytest.approx(0.61))
    mean = (3 * 0.52 + 2 * 0.61 + 2 * 0.60) / 7  # 50 images say less than the seeds' own spread would
    deviation = (mean * (1 - mean) / 50) ** 0.5
    assert found["half_width"] == pytest.approx(2.7764451 * deviation / 2**0.5)
    assert (found["networks"], found["not_distinguishable"]) == (3, 2)
    assert "± " in best_line(found)
    assert "2 of 2 others" in best_line(found)


def test_one_seed_each_has_no_interval(tmp_path: Path) -> None:
    config = configuration(search={"trials": 0, "baseline_seeds": [0]})
    best = document(a_run(tmp_path / "run", 1, config=config))["best"]
    assert best["half_width"] is None
    assert "no interval yet" in best_line(best)


def test_failures_come_with_their_reasons(tmp_path: Path) -> None:
    folder = a_run(tmp_path / "run", 0)
    failed = {"state": RecordState.FAILED, "error": "no [/a]"}
    for one, how in ((BASELINE, failed), (DEPTH, failed), (WIDTH, {"state": RecordState.DIVERGED})):
        for job in one.jobs.values():
            add(folder, record_of(job, **how))
    assert document(folder)["failures"] == [
        {"reason": "failed: no [/a]", "trials": [0, 1]},
        {"reason": "diverged: the loss stopped being finite", "trials": [2]},
    ]
    assert "trial 0, 1: failed: no [/a]" in shown("status", str(folder.path))


def test_an_end_is_an_end(tmp_path: Path) -> None:
    folder = a_run(tmp_path / "run")
    found = document(folder)
    assert (found["finished"], found["eta_s"], found["share_of_work"]) == (True, 0, 1)
    assert found["trainings"] == {"done": TRAININGS, "left": 0}
    assert progress_line(found).startswith("finished: ")
    assert shown("status", str(folder.path), "--watch").startswith("finished: ")


def test_it_reads_a_folder_before_anything_was_trained(tmp_path: Path) -> None:
    folder = a_run(tmp_path / "early", 0)
    assert "nothing is being trained" in shown("status", str(folder.path))
    assert [path.name for path in folder.path.iterdir()] == ["run.json", "provenance.json"]
    later = a_run(tmp_path / "later", 3)
    text = shown("status", str(later.path))
    assert "highest so far: baseline, 51.0 ± " in text
    assert max(map(len, text.splitlines())) <= 60


def test_reading_needs_no_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = two_classes(tmp_path / "pictures")
    data = {"name": f"imagefolder:{pictures}", "train": 3, "validation": 1}
    config = configuration(data=data, search={"trials": 1, "baseline_seeds": [0, 1]})
    folder = a_run(tmp_path / "run", 3, config=config)
    first = reference_trials(config)[1].jobs[0]
    now = StatusWriter(folder, Known(store=store_of(folder.path)), lambda _event: None)
    now(Started(job=first, key=first.key))
    before = document(folder)
    shutil.rmtree(pictures)
    monkeypatch.setattr(Job, "checksums", lambda _job: pytest.fail("data were loaded"))
    assert {**document(folder), "silent_s": 0, "training": []} == {**before, "silent_s": 0, "training": []}
    assert document(folder)["training"][0]["label"] == before["training"][0]["label"]
    assert before["trainings"]["done"] == 3
    assert load_search(folder.path).result["choice"] is not None
    save_report(folder.path, tmp_path / "report.html")


def test_a_run_that_was_killed_is_said_to_be_interrupted_at_once(tmp_path: Path) -> None:
    folder = a_run(tmp_path / "run", 3)
    write_json(folder.progress, {"at": utc_now(), "running": {}})
    with held(folder):
        assert not document(folder)["interrupted"]
        owner = (folder.path / "run.owner.json").read_text()
    (folder.path / "run.owner.json").write_text(owner.replace(f'"pid": {os.getpid()}', '"pid": 999999999'))
    assert document(folder)["interrupted"]
    assert "was interrupted: `run_search.py resume` goes on" in shown("status", str(folder.path))
    (folder.path / "run.owner.json").write_text(owner.replace(socket.gethostname(), "elsewhere"))
    assert not document(folder)["interrupted"], "nothing is known of processes of another machine"


def test_words_of_people_are_not_markup(tmp_path: Path) -> None:
    config = configuration(question="Is [/a] better?")
    assert "Is [/a] better?" in shown("status", str(a_run(tmp_path / "[/b]", 0, config=config).path))


def test_clocks_are_readable() -> None:
    assert [clock(one) for one in (0.4, 59.6, 3599, 3600, 100_000)] == [
        "0:00 min", "1:00 min", "59:59 min", "1:00 h", "27:46 h",
    ]  # fmt: skip


def test_json_is_the_whole_status(tmp_path: Path) -> None:
    folder = a_run(tmp_path / "run", 3)
    said = json.loads(shown("status", str(folder.path), "--json"))
    assert said == {**document(folder), "conclusion": None}  # the run goes on
    assert rendered(document(folder))
    assert re.search(r"\d+ % of the work, 3 of \d+ trainings", progress_line(document(folder)))
