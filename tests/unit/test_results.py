"""The table of trials, provenance, and files that are whole or absent."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import resource
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from search_runs import ROOT, configuration

from scaling.atomic_write import write_json, write_text
from scaling.errors import ConfigError, ResultsError
from scaling.provenance import code_version, provenance, utc_now
from scaling.runs.exporting import export_run
from scaling.runs.folder import RunFolder
from scaling.runs.trials_table import DIGEST, MEASURED, TRIAL_COLUMNS, read_trials, trials_frame, write_trials

DESIGN = [
    "experiment",
    "trial",
    "seed",
    "kind",
    "alpha",
    "beta",
    "gamma",
    "phi",
    "depth_share",
    "width_share",
    "resolution_share",
    "realised_depth_share",
    "realised_width_share",
    "realised_resolution_share",
    "x_depth",
    "x_width",
    "x_resolution",
    "x_rounding",
    "depth_coefficient",
    "width_coefficient",
    "image_size",
    "params",
    "macs",
    "activations",
    "nominal_factor",
    "achieved_factor",
    "top1",
    "validation_loss",
    "fidelity_epochs",
    "wall_s",
    "state",
]
FINITE = st.floats(allow_nan=False, allow_infinity=False)


def test_columns_are_the_designs_then_two_names() -> None:
    own = [column for column in TRIAL_COLUMNS if column not in MEASURED]
    assert own == [*DESIGN, "name", "architecture", "record"]
    assert list(trials_frame([]).columns) == list(TRIAL_COLUMNS)


def test_an_unknown_column_is_refused() -> None:
    with pytest.raises(ResultsError, match="no column 'topone'"):
        trials_frame([{"trial": 0, "seed": 0, "topone": 0.5}])


def test_rows_are_sorted_by_trial_and_seed() -> None:
    frame = trials_frame([{"trial": t, "seed": s} for t, s in ((2, 0), (0, 1), (10, 0), (0, 0))])
    assert list(zip(frame["trial"], frame["seed"], strict=True)) == [(0, 0), (0, 1), (2, 0), (10, 0)]


ROW = st.fixed_dictionaries(
    {
        "trial": st.integers(0, 2**53),
        "seed": st.integers(0, 2**32 - 1),
        "experiment": st.sampled_from(["quick", "NA", "null", "nan", "None", "1e5", "007", "true"]),
        "state": st.sampled_from(["complete", "waiting"]),
        "architecture": st.text("0123456789abcdef", min_size=16, max_size=16),
        "top1": st.floats(0, 1),
        "macs": st.one_of(st.none(), st.integers(1, 10**18)),
        "wall_s": st.one_of(st.none(), st.floats(0, allow_infinity=False)),
        **{column: st.one_of(st.none(), FINITE) for column in ("alpha", "phi")},
    }
)


@given(rows=st.lists(ROW, min_size=1, max_size=5, unique_by=lambda row: (row["trial"], row["seed"])))
def test_the_csv_round_trips_exactly(
    rows: list[dict[str, object]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("csv") / "trials.csv"
    frame = trials_frame(rows)
    write_trials(path, frame)
    again = read_trials(path)
    pd.testing.assert_frame_equal(frame, again, check_exact=True)
    before = path.read_bytes()
    write_trials(path, again)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot read"),
        ("a,b\n1,2\n", "column 'experiment' is missing"),
        (",".join(TRIAL_COLUMNS) + "\nx,one" + "," * (len(TRIAL_COLUMNS) - 2) + "\n", "cannot read"),
    ],
)
def test_files_that_are_no_tables_are_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "trials.csv"
    path.write_text(text)
    with pytest.raises(ResultsError, match=message) as caught:
        read_trials(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(ResultsError, match="there is no"):
        read_trials(tmp_path / "none.csv")


def _write_on_a_full_disk(path: str, size: int, told: object) -> None:
    """A limit on file size stands for a full disk: writing beyond it fails half-way through the file."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    try:
        write_text(Path(path), "x" * size)
    except ResultsError as error:
        told.put(str(error))  # type: ignore[attr-defined]
    else:
        told.put("written")  # type: ignore[attr-defined]


@pytest.mark.parametrize(("size", "kept"), [(100_000, "old"), (100, "x" * 100)])
def test_a_full_disk_leaves_the_earlier_file_whole(size: int, kept: str, tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_text(path, "old")
    context = multiprocessing.get_context("spawn")
    told = context.SimpleQueue()
    process = context.Process(target=_write_on_a_full_disk, args=(str(path), size, told))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert ("cannot write" in told.get()) == (kept == "old")
    assert path.read_text() == kept
    assert [file.name for file in tmp_path.iterdir()] == ["file.txt"]


def test_files_are_written_into_new_folders_and_readable_by_all(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file.json"
    write_json(path, {"x": 0.1})
    assert json.loads(path.read_text()) == {"x": 0.1}
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_folder_in_the_way_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "below.txt", tmp_path):
        with pytest.raises(ResultsError, match="cannot write") as caught:
            write_text(path, "x")
        assert "\n" not in str(caught.value)
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_provenance_says_where_results_come_from() -> None:
    config = configuration(search={"seeds": [4, 2]})
    found = provenance(
        config=config.document(),
        config_key=config.key(),
        command=["/somewhere/run_search.py", "--fresh"],
        device="cpu",
        data_checksums={"train": "ab"},
        started=utc_now(),
        finished=None,
        lineage=3,
    )
    found = json.loads(json.dumps(found))
    assert found["command"] == ["run_search.py", "--fresh"]
    assert found["config"]["search"]["seeds"] == [4, 2]
    assert found["config"]["search"]["baseline_seeds"] == [0, 1, 2]
    assert found["config_key"] == config.key()
    assert found["data_checksums"] == {"train": "ab"}
    assert found["lineage"] == 3
    assert found["finished"] is None
    started = datetime.fromisoformat(found["started"])
    offset = started.utcoffset()
    assert offset is not None
    assert offset.total_seconds() == 0
    for package in ("torch", "optuna", "numpy", "pandas"):
        assert found["packages"][package]
    assert found["python"] == sys.version.split()[0]
    assert found["processor"] and found["cores"] >= 1 and found["platform"]  # noqa: PT018


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a checkout")
def test_the_commit_is_gits_own() -> None:
    commit, dirty = code_version()
    git = ["git", "-C", str(ROOT)]
    assert commit == subprocess.check_output([*git, "rev-parse", "HEAD"], text=True).strip()
    changes = subprocess.check_output([*git, "status", "--porcelain", "-uno"], text=True)
    assert dirty == bool(changes.strip())


def a_run(path: Path) -> RunFolder:
    folder = RunFolder(path=path)
    for name in ("trials.csv", "proposals.jsonl", "study.sqlite3", "run.lock"):
        write_text(path / name, name)
    document = {"schema_version": 1, "kind": "search", "config": {}, "store": "../trainings"}
    write_text(folder.config, json.dumps(document))
    write_text(folder.provenance, '{"finished": "then"}')
    for name in ("run_params.svg", "run_params.csv", "family_flops.svg"):
        write_text(folder.figures / name, name)
    return folder


def table() -> pd.DataFrame:
    return trials_frame([{"trial": 1, "seed": 0, "state": "complete", "top1": 0.25, "name": "NA"}])


def exported_provenance(target: Path) -> dict[str, object]:
    """The provenance of exported results, without the digest of their table, which is right."""
    found: dict[str, object] = json.loads((target / "provenance.json").read_text())
    assert found.pop(DIGEST) == hashlib.sha256((target / "trials.csv").read_bytes()).hexdigest()
    return found


def test_exports_take_tables_and_leave_databases(tmp_path: Path) -> None:
    kept = tmp_path / "results" / "x"
    copied = export_run(a_run(tmp_path / "run"), kept, table(), finished=True, force=False)
    names = {str(path.relative_to(kept)) for path in copied}
    figures = {"figures/run_params.svg", "figures/run_params.csv"}
    assert names == {"run.json", "trials.csv", "provenance.json", *figures}
    assert "store" not in json.loads((kept / "run.json").read_text()), "a path of this machine"
    assert all((kept / name).read_text() == Path(name).name for name in figures)
    pd.testing.assert_frame_equal(read_trials(kept / "trials.csv"), table())
    assert exported_provenance(kept) == {"finished": "then"}
    assert not list((tmp_path / "results").rglob("*.sqlite3"))


def test_a_run_that_goes_on_is_exported_without_an_end(tmp_path: Path) -> None:
    export_run(a_run(tmp_path / "run"), tmp_path / "kept", table(), finished=False, force=False)
    assert exported_provenance(tmp_path / "kept") == {"finished": None}


def test_parquet_keeps_the_types_of_columns(tmp_path: Path) -> None:
    export_run(a_run(tmp_path / "run"), tmp_path / "kept", table(), finished=True, force=False, parquet=True)
    found = pd.read_parquet(tmp_path / "kept" / "trials.parquet")
    pd.testing.assert_frame_equal(found.convert_dtypes().dropna(axis=1), table().dropna(axis=1))
    assert found.dtypes.astype(str).to_dict() == dict(TRIAL_COLUMNS)


def test_exports_of_nothing_are_refused(tmp_path: Path) -> None:
    def exported(folder: RunFolder, to: str) -> None:
        export_run(folder, tmp_path / to, table(), finished=True, force=False)

    with pytest.raises(ResultsError, match=r"has no run\.json"):
        exported(RunFolder(path=tmp_path / "none"), "results")
    run = a_run(tmp_path / "run")
    run.provenance.unlink()
    with pytest.raises(ResultsError, match=r"has no provenance\.json yet"):
        exported(run, "results")
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultsError, match="cannot export to"):
        exported(a_run(tmp_path / "again"), "file")
    (tmp_path / "again" / "provenance.json").write_text("[]")
    with pytest.raises(ResultsError, match="not a JSON object"):
        exported(RunFolder(path=tmp_path / "again"), "file")


def test_results_of_the_same_name_are_replaced_only_where_that_is_asked_for(tmp_path: Path) -> None:
    run, kept = a_run(tmp_path / "run"), tmp_path / "kept"
    export_run(run, kept, table(), finished=True, force=False)
    with pytest.raises(ConfigError, match="--force replaces them"):
        export_run(run, kept, table(), finished=False, force=False)
    assert exported_provenance(kept) == {"finished": "then"}
    export_run(run, kept, table(), finished=False, force=True)
    assert exported_provenance(kept) == {"finished": None}
