"""`run_search.py charts`, and optuna-dashboard: what others draw is opened, not drawn again."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from recorded_runs import CONFIG, a_run, go_on, shown
from search_runs import ROOT

from scaling.errors import ResultsError
from scaling.runs.folder import RunFolder

CHARTS = {"history", "parallel", "slice", "contour", "rank", "edf", "timeline", "importances"}


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return a_run(tmp_path / "run", top1=lambda job: 0.5 + job.spec.image_size / 100)


def test_every_chart_is_optunas_and_works_without_network(run: RunFolder) -> None:
    printed = shown("charts", str(run.path), columns=200)
    pages = {path.stem: path.read_text(encoding="utf-8") for path in (run.path / "charts").glob("*.html")}
    assert set(pages) == CHARTS
    assert (run.path / "charts" / "plotly.min.js").stat().st_size > 1_000_000
    for name, page in pages.items():
        assert str(run.path / "charts" / f"{name}.html") in printed
        assert not re.findall(r'<(?:script|link)[^>]*(?:src|href)="https?:', page)
        assert "plotly.min.js" in page
    assert "top1" in pages["history"]


def test_charts_of_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="1 complete proposals; charts need 2"):
        shown("charts", str(a_run(tmp_path / "few", 13).path))


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def fetched(address: str, process: subprocess.Popen[bytes]) -> Any:
    for _ in range(600):
        assert process.poll() is None, "optuna-dashboard ended"
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:
                return json.load(answer)
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)
    raise AssertionError(f"no answer from {address}")


@pytest.mark.slow
def test_the_documented_command_opens_the_study_in_optuna_dashboard(run: RunFolder) -> None:
    documented = "optuna-dashboard sqlite:///runs/quick/study.sqlite3"
    assert documented in (ROOT / "docs" / "search.md").read_text(encoding="utf-8")
    go_on(run)
    port, command = free_port(), documented.replace("runs/quick/study.sqlite3", str(run.study)).split()
    process = subprocess.Popen([*command, "--port", str(port)], stderr=subprocess.DEVNULL)
    try:
        studies = fetched(f"http://127.0.0.1:{port}/api/studies", process)
        assert [study["study_name"] for study in studies["study_summaries"]] == [CONFIG.name]
        # It is on this machine alone unless something else is asked for.
        listening = Path("/proc/net/tcp").read_text(encoding="ascii")
        assert f"0100007F:{port:04X}" in listening
        assert f"00000000:{port:04X}" not in listening
    finally:
        process.terminate()
        process.wait(timeout=30)
