"""A tiny real audit: run, stopped, gone on with, reported, exported."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tiny_audit import audit_files

import scaling
from scaling.cli.study import study
from scaling.library.auditing import AuditRun
from scaling.runs.folder import RunFolder, held


@pytest.fixture(autouse=True)
def here(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        patch.setenv("SCALING_CACHE", str(tmp_path_factory.getbasetemp() / "glyphs"))
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


def call(*arguments: str) -> Result:
    environment = {"COLUMNS": "60"}
    return CliRunner().invoke(study, ["tiny.toml", *arguments], env=environment, catch_exceptions=False)


def test_a_tiny_real_audit_stops_goes_on_and_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    audit_files(tmp_path)
    folder = RunFolder(path=tmp_path / "runs" / "audits" / "tiny-glyphs")
    planned = json.loads(call("--plan", "--json").stdout)
    assert [(row["trainings"], row["there"]) for row in planned["trainings"]] == [(10, 0), (5, 0), (5, 0)]
    assert "The paper audited no proxy." in call("--size", "paper", "--plan").stdout
    assert "Too little is trained" in " ".join(call("--report").stdout.split())
    with monkeypatch.context() as patch:
        patch.setattr("scaling.runs.signals.StopSignals.asked", True)
        stopped = call("--workers", "1")
    assert stopped.exit_code == 130
    assert "the same command goes on from here" in stopped.stderr
    assert "Too little" in json.loads(folder.result.read_text())["conclusion"]
    assert json.loads(folder.provenance.read_text())["finished"] is None
    document = json.loads(call("--workers", "1", "--json").stdout)
    names = {row["name"] for row in document["proxies"]}
    assert names == {"short", "narrow", "synflow", "params", "macs", "activations"}
    assert document["anchors_trained"] == 5
    assert all(-1 <= row["spearman"]["low"] <= row["spearman"]["high"] <= 1 for row in document["proxies"])
    for file in ("audit.csv", "figures/audit_ranks.svg", "figures/audit_cost.png"):
        assert (folder.path / file).stat().st_size > 0
    provenance = json.loads(folder.provenance.read_text())
    assert len(provenance["data_checksums"]) >= 2
    assert len(provenance["launches"]) == 3  # of which the first was a report
    assert provenance["finished"] is not None
    records = tmp_path / "runs" / "trainings"
    assert set(folder.keys()) == {path.stem for path in records.glob("*.json")}
    assert call("--export").exit_code == 0
    exported = tmp_path / "results" / "audits" / "tiny-glyphs"
    assert (exported / "figures" / "audit_ranks.svg").is_file()
    assert not (exported / "run.json").exists()
    stamps = {one: one.stat().st_mtime_ns for one in records.glob("*.json")}
    again = call()
    assert stamps == {one: one.stat().st_mtime_ns for one in records.glob("*.json")}
    assert json.loads(folder.provenance.read_text()) == provenance
    assert max(map(len, again.stdout.splitlines()[:-1])) <= 60
    run = scaling.load_run(folder.path)
    assert isinstance(run, AuditRun)
    assert run.result["conclusion"] == document["conclusion"]
    with held(folder):
        assert "nothing was written: another run is using" in " ".join(call("--report").stdout.split())
