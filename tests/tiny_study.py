"""Tiny studies: a document, a plan on a tiny setup, and records of trainings that never ran."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tiny_setup import tiny_setup, tiny_tables

from scaling.plans.experiment import Size
from scaling.plans.study.files import parse_study
from scaling.plans.study.plan import StudyPlan
from scaling.runs.job import Job
from scaling.runs.plan import Plan
from scaling.runs.record import Record, RecordState

FAMILY = {
    "kind": "search_then_family", "strategies": ["compound", "depth"], "directions": 2, "confirm": 2,
    "confirm_seeds": [7, 8], "phis": [1.0], "tolerance": 0.2,
}  # fmt: skip
LADDER = {"kind": "ladder", "strategies": ["compound", "depth"], "factors": [2.0], "tolerance": 0.2}


def study_document(**changes: Any) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "kind": "study",
        "name": "mini",
        "question": "?",
        "prediction": "!",
        "design": dict(LADDER),
        "sizes": sizes(),
        **changes,
    }


def sizes(**quick: Any) -> dict[str, Any]:
    """`sizes` of a document, whose quick size is changed."""
    size = {"setup": "tiny.toml", "seeds": [0, 1]}
    return {"quick": {**size, **quick}, "standard": size}


def study_plan(setup: dict[str, dict[str, Any]] | None = None, **changes: Any) -> StudyPlan:
    return StudyPlan(
        study=parse_study(study_document(**changes), where="test"),
        size=Size.QUICK,
        setup=tiny_setup(**(setup or {})),
        title="mini",
    )


def write_study(folder: Path, setup: dict[str, dict[str, Any]] | None = None, **changes: Any) -> Path:
    """Write NAME.toml and the tiny.toml that it names; return the study's path."""
    document = study_document(**changes)
    (folder / "tiny.toml").write_text(toml_of(tiny_tables(**(setup or {}))), encoding="utf-8")
    path = folder / f"{document['name']}.toml"
    path.write_text(toml_of(document), encoding="utf-8")
    return path


def toml_of(document: dict[str, Any]) -> str:
    """Write plain data as TOML, every table within one line."""

    def value(one: Any) -> str:
        if isinstance(one, dict):
            return "{" + ", ".join(f"{key} = {value(inner)}" for key, inner in one.items()) + "}"
        if isinstance(one, (list, tuple)):
            return "[" + ", ".join(map(value, one)) + "]"
        return json.dumps(one)

    return "".join(f"{key} = {value(one)}\n" for key, one in document.items())


def made_up(job: Job, *, salt: str = "", **provenance: Any) -> Record:
    """What a training might have given: figures, and now and then a failure, that depend on its key alone."""
    number = int(hashlib.sha256((salt + job.key).encode()).hexdigest()[:8], 16)
    kinds = [RecordState.FAILED, RecordState.DIVERGED, *[RecordState.COMPLETE] * 8]
    state = kinds[number % 10] if salt else RecordState.COMPLETE
    images = job.data.validation or 1
    result = {
        "top1": None if state == RecordState.DIVERGED else (number // 10 % images) / images,
        "loss": 1.0,
        "validation_loss": 1.0,
        "wall_s": 2.0,
        "epochs": job.recipe.epochs,
        "validation_images": images,
        "micro_batch": job.recipe.batch_size,
    }
    return Record(
        key=job.key,
        identity=job.identity(),
        spec=job.spec,
        state=state,
        result=None if state == RecordState.FAILED else result,
        error="it broke" if state == RecordState.FAILED else None,
        provenance={"device": "cpu", "processor": "p", "kernels": "fixed", "graphs": False, **provenance},
    )


def run(
    plan: Plan, chance: random.Random, records: dict[str, Record], give: Callable[[Job], Record]
) -> list[str]:
    """Run a plan on one to five workers that end in any order; return the keys in the order of starting."""
    workers, running, started = chance.randint(1, 5), dict[str, Job](), list[str]()
    while True:
        wanted = plan.next_jobs(records, workers)
        assert not any(job.key in records for job in wanted.jobs)
        for job in wanted.jobs:
            if len(running) < workers and job.key not in running:
                running[job.key] = job
                started.append(job.key)
        if not running:
            assert wanted.done
            return started
        key = chance.choice(sorted(running))
        records[key] = give(running.pop(key))
