"""Every reader of files: whatever it reads, it gives a result or an error of ours, and soon."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from damage import damaged_bytes, damaged_document, damaged_json
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recorded_runs import a_run
from run_records import jobs
from run_records import record_of as made_record
from search_runs import store_of
from tiny_setup import tiny_setup, tiny_tables, toml_of

from scaling import build_model
from scaling.errors import ScalingError
from scaling.latency.calibration import read_calibration
from scaling.library.loading import load_run
from scaling.model.depthwise import FIXED_KERNELS
from scaling.network.baseline_files import read_baseline
from scaling.network.serialization import read_spec, to_json
from scaling.plans.audit.config import load_audit
from scaling.plans.search.config import load_config
from scaling.plans.search.history import read_history
from scaling.plans.search.sizing import read_overrides
from scaling.plans.study.files import load_study
from scaling.report.record import read_record as read_run
from scaling.runs.experiment_file import load_setup
from scaling.runs.rates import read_rates
from scaling.runs.record import _digest, read_record
from scaling.runs.trials_table import read_trials
from scaling.targets.inversion.grid import grid_from_json
from scaling.training.kernels import read_kernels
from scaling.training.recipes import read_recipe
from scaling.weights import read_own, read_state, write_own

pytestmark = pytest.mark.fuzz
SOON_S = 10.0
SPEC = tiny_setup().baseline_spec
OURS = settings(max_examples=120, suppress_health_check=list(HealthCheck))


def reads(read: Callable[[Path], object], path: Path, content: bytes) -> None:
    """Read a file; nothing but an error of ours may come out, in one line, and soon."""
    path.write_bytes(content)
    start, said = time.monotonic(), ""
    try:
        read(path)
    except ScalingError as error:
        said = str(error)
    assert "\n" not in said
    assert time.monotonic() - start < SOON_S


@dataclass(frozen=True)
class Case:
    """A file of ours, and what reads it."""

    name: str
    read: Callable[[Path], object]
    whole: Callable[[], bytes]
    damaged: Callable[[bytes], st.SearchStrategy[bytes]] = damaged_bytes


def toml(document: dict[str, Any]) -> bytes:
    return toml_of(document).encode()


def damaged_toml(whole: bytes) -> st.SearchStrategy[bytes]:
    """A TOML file that was damaged in its text, or in a value."""
    plain = {key: value for key, value in tiny_tables().items() if key.encode() in whole}
    values = damaged_document(plain).map(lambda one: toml(one) if isinstance(one, dict) else b"")
    return st.one_of(damaged_bytes(whole), values)


def damaged_record(whole: bytes) -> st.SearchStrategy[bytes]:
    """A record whose digest fits all the same, as of a foreign program."""

    def digested(one: dict[str, Any]) -> bytes:
        one.pop("digest", None)
        return json.dumps({**one, "digest": _digest(one)}).encode()

    return st.one_of(damaged_bytes(whole), damaged_document(json.loads(whole)).map(digested))


def damaged_lines(whole: bytes) -> st.SearchStrategy[bytes]:
    """A file of JSON documents, one a line, one of them damaged."""
    first, *rest = whole.splitlines(keepends=True)
    changed = damaged_document(json.loads(first)).map(
        lambda one: json.dumps(one).encode() + b"\n" + b"".join(rest)
    )
    return st.one_of(damaged_bytes(whole), changed)


def damaged_weights(whole: bytes) -> st.SearchStrategy[bytes]:
    """A safetensors file whose header says something else."""
    start = 8 + int.from_bytes(whole[:8], "little")

    def headed(one: Any) -> bytes:
        text = json.dumps(one).encode()
        return len(text).to_bytes(8, "little") + text + whole[start:]

    return st.one_of(damaged_bytes(whole), damaged_document(json.loads(whole[8:start])).map(headed))


RECORD = made_record(jobs(1)[0])


def of(path: str) -> Callable[[], bytes]:
    return Path(path).read_bytes


CASES = (
    Case("experiment.toml", load_config, of("experiments/quick.toml")),
    Case("setup.toml", load_setup, lambda: toml(tiny_tables()), damaged_toml),
    Case("study.toml", load_study, of("experiments/methods.toml")),
    Case("audit.toml", load_audit, of("experiments/audit.toml")),
    Case("recipe.toml", lambda path: read_recipe(str(path)), of("scaling/training/recipes/paper.toml")),
    Case(
        "baseline.toml",
        read_baseline,
        lambda: toml({key: tiny_tables()[key] for key in ("baseline", "rounding")}),
        damaged_toml,
    ),
    Case("strings.txt", read_baseline, lambda: "\n".join(tiny_tables()["baseline"]["stages"]).encode()),
    Case("spec.json", read_spec, lambda: to_json(SPEC).encode(), damaged_json),
    Case("kernels.json", read_kernels, lambda: FIXED_KERNELS.to_json().encode(), damaged_json),
    Case("latency.json", read_calibration, of("results/latency/inference.json"), damaged_json),
    Case("rates.json", read_rates, of("experiments/setups/rates/glyphs-small.json"), damaged_json),
    Case("plan.json", read_overrides, lambda: b'{"overrides": ["search.trials=3"]}', damaged_json),
    Case(
        "grid.json",
        lambda path: grid_from_json(path.read_bytes()),
        lambda: b'[{"name": "b0", "depth_coefficient": 1, "width_coefficient": 1, "image_size": 224}]',
        damaged_json,
    ),
    Case(
        "record.json",
        lambda path: read_record(path, RECORD.key),
        lambda: json.dumps(RECORD.document()).encode(),
        damaged_record,
    ),
    Case("trials.csv", read_trials, of("results/quick/trials.csv")),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@OURS
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused(
    case: Case, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = data.draw(case.damaged(case.whole()))
    reads(case.read, tmp_path_factory.getbasetemp() / case.name, content)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "own.safetensors"
    write_own(path, SPEC, build_model(SPEC, seed=0).state_dict(), source="own")
    return path


@OURS
@given(data=st.data())
def test_damaged_weights_and_their_notes_are_read_or_refused(data: st.DataObject, weights: Path) -> None:
    content = data.draw(damaged_weights(weights.read_bytes()))
    reads(lambda path: read_own(path, SPEC), weights.with_name("a.safetensors"), content)
    for ending in (".pth", ".weights.h5"):
        reads(read_state, weights.with_name(f"a{ending}"), content)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search's folder, all of which was trained."""
    return a_run(tmp_path_factory.mktemp("run") / "run").path


@pytest.mark.parametrize(
    ("name", "damaged"),
    [
        ("run.json", damaged_json),
        ("proposals.jsonl", damaged_lines),
        ("records.txt", damaged_bytes),
        ("trials.csv", damaged_bytes),
        ("provenance.json", damaged_json),
    ],
)
@settings(OURS, max_examples=40)
@given(data=st.data())
def test_a_run_with_a_damaged_file_is_read_or_refused(
    name: str, damaged: Callable[[bytes], st.SearchStrategy[bytes]], data: st.DataObject, run: Path
) -> None:
    whole = (run / name).read_bytes()
    try:
        for read in (load_run, read_run):
            reads(lambda path, read=read: read(path.parent), run / name, data.draw(damaged(whole)))  # type: ignore[misc]
    finally:
        (run / name).write_bytes(whole)


@settings(OURS, max_examples=100)
@given(data=st.data())
def test_a_run_with_a_foreign_record_is_read_or_refused(data: st.DataObject, run: Path) -> None:
    path = sorted(store_of(run).path.glob("*.json"))[0]
    whole = path.read_bytes()
    try:
        reads(lambda _: load_run(run), path, data.draw(damaged_record(whole)))
    finally:
        path.write_bytes(whole)


@settings(OURS, max_examples=60)
@given(data=st.data())
def test_a_damaged_history_is_read_or_refused(data: st.DataObject, run: Path) -> None:
    content = data.draw(damaged_lines((run / "proposals.jsonl").read_bytes()))
    reads(read_history, run.parent / "proposals.jsonl", content)
