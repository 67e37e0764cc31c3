"""The process that draws at the side: it answers no Ctrl-C, and leaves with a launcher that is killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from search_runs import ROOT, wait_until, workers_of

pytestmark = pytest.mark.faults

LAUNCHER = """
import sys
from scaling.cli.aside import drawing_aside

if __name__ == "__main__":
    with drawing_aside() as aside:
        aside.prepare()
        aside.pool.submit(int).result()
        print("ready", flush=True)
        sys.stdin.read()
"""


def test_what_draws_at_the_side_leaves_with_its_launcher(tmp_path: Path) -> None:
    script = tmp_path / "launcher.py"
    script.write_text(LAUNCHER)
    command = [sys.executable, str(script)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as one:
        assert one.stdout
        assert one.stdout.readline() == "ready\n"
        (aside,) = workers_of(one.pid)
        status = Path(f"/proc/{aside}/status").read_text()
        ignored = int(status.partition("SigIgn:")[2].split()[0], 16)
        assert ignored & 0b10, "Ctrl-C is the launcher's"
        one.kill()
    wait_until(lambda: not Path(f"/proc/{aside}").exists(), seconds=20, what="it leaves")
