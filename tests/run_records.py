"""Small jobs, plans and records for tests of the machinery: what trains them does not matter."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np

from scaling.runs.job import Job
from scaling.runs.plan import Records, Wanted
from scaling.runs.record import Record, RecordState
from scaling.runs.setup import Setup
from scaling.training.curve import Curve, EpochEnd


def setup(**tables: dict[str, Any]) -> Setup:
    """A two-stage network at 16 px on a few glyphs; `recipe={"epochs": 3}` changes one table."""
    plain: dict[str, Any] = {
        "data": {"name": "glyphs", "train": 100, "validation": 50},
        "baseline": {
            "name": "tiny-b0",
            "image_size": 16,
            "stem_stride": 1,
            "stem_channels": 8,
            "stages": ["r1_k3_s22_e1_i8_o8_se0.25", "r2_k3_s22_e2_i8_o16_se0.25"],
            "head_channels": 32,
        },
        "rounding": {"coefficient_rounding": "none", "channel_divisor": 2, "repeat_rule": "round"},
        "numerics": {"batch_norm_momentum": 0.1},
        "engine": {"kernels": "fixed", "device": "cpu"},
        "recipe": {"epochs": 2, "batch_size": 25, "dropout": 0.0, "stochastic_depth": 0.0},
    }
    for table, changes in tables.items():
        plain[table] = {**plain.get(table, {}), **changes}
    return Setup.model_validate(plain)


SETUP = setup()


def jobs(count: int, made_of: Setup = SETUP) -> list[Job]:
    return [made_of.job(made_of.baseline_spec, seed=seed) for seed in range(count)]


def toml_of(plain: dict[str, Any]) -> str:
    """Write tables of plain values as TOML, as far as JSON's way of writing them is TOML's too."""
    lines = []
    for table, entries in plain.items():
        lines += [f"[{table}]", *(f"{key} = {json.dumps(value)}" for key, value in entries.items())]
    return "\n".join(lines) + "\n"


def point(epoch: int, top1: float = 0.5) -> EpochEnd:
    return EpochEnd(
        epoch=epoch,
        steps=4 * epoch,
        loss=1 / epoch,
        validation_loss=2 / epoch,
        top1=top1,
        learning_rate=0.01,
        seconds=0.1,
    )


@lru_cache(maxsize=1000)
def record_of(job: Job, state: RecordState = RecordState.COMPLETE, **changes: Any) -> Record:
    """What a training of this job might have given: its seed decides."""
    right = np.arange(50) < 10 + job.seed % 40
    result = {"top1": int(right.sum()) / 50, "validation_images": 50, "wall_s": 1.0, "epochs": 2}
    complete = state == RecordState.COMPLETE
    made = Record(
        key=job.key,
        identity=job.identity(),
        spec=job.spec,
        state=state,
        curve=(point(1), point(2, result["top1"])),
        result=result if complete else None,
        right=right if complete else None,
        error="ValueError: no" if state == RecordState.FAILED else None,
        provenance={"network": job.spec.name, "finished": "2025-01-01T00:00:00+00:00"},
    )
    return replace(made, **changes)


@dataclass(slots=True)
class ListPlan:
    """All of some jobs, in their order.

    Args:
        jobs: what is wanted.
        ends_early: whether a job is pruned after an epoch.
        adaptive: whether the plan says that results may change what is wanted.
    """

    jobs: Sequence[Job]
    ends_early: Callable[[Job, Curve], bool] = lambda _job, _curve: False
    adaptive: bool = False
    asked: int = field(default=0)

    def next_jobs(self, records: Records, room: int) -> Wanted:
        del room
        self.asked += 1
        left = tuple(job for job in self.jobs if not settled(records, job))
        return Wanted(jobs=left, done=not (self.adaptive and left))

    def prune(self, job: Job, curve: Curve, records: Records) -> bool:
        del records
        return self.ends_early(job, curve)


def settled(records: Records, job: Job) -> bool:
    record = records.get(job.key)
    return record is not None and (record.state.settled or record.state == RecordState.PRUNED)


def untimed(record: Record) -> dict[str, Any]:
    """A record as plain data, without times and where it was made."""
    plain = record.document()
    del plain["provenance"], plain["digest"]
    for one in plain["curve"]:
        del one["seconds"]
    result = plain["result"] or {}
    for name in list(result):
        if name.endswith(("_s", "_ms", "_ms_batch_1")) or name == "images_per_s":
            del result[name]
    return plain
