"""`scaling.search` from where multiprocessing fails: a script without a guard, standard input, a thread."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from checking import Left, check
from search_runs import ROOT, experiment
from searching import TABLES, TRAININGS, begin_after

pytestmark = pytest.mark.faults
CALL = """
import scaling
run = scaling.search("tiny.toml", output="run")
print(run.finished, len(run.trials), run.best["kind"], sorted(run.figure_names)[0])
"""
IN_A_THREAD = f"""
import threading
def call():
    {CALL.strip().replace(chr(10), chr(10) + "    ")}
thread = threading.Thread(target=call)
thread.start()
thread.join()
"""


@pytest.mark.parametrize("way", ["script", "standard input"])
def test_a_search_is_called_from_anywhere(
    way: str, tmp_path: Path, undisturbed_run: Path, undisturbed: Left
) -> None:
    begin_after(TRAININGS - 2, undisturbed_run, tmp_path)
    experiment(tmp_path, **TABLES | {"engine": {"checkpoint_s": 0, "workers": 2}})
    (tmp_path / "script.py").write_text(CALL)
    done = subprocess.run(
        [sys.executable, "script.py" if way == "script" else "-"],
        input=None if way == "script" else IN_A_THREAD,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[:3] == ["True", str(TRAININGS), "search"], done.stderr
    assert "Traceback" not in done.stderr
    check(tmp_path / "run", undisturbed)
