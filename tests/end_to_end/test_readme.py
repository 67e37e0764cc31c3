"""README shows what the program prints, and names the commands that CI runs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


PAGES = {
    "table": "README.md",
    "quick": "README.md",
    "staircase": "docs/search.md",
    "agreement": "docs/weights.md",
    "coverage": "docs/surface.md",
    "speed": "docs/training.md",
    "latency": "docs/latency.md",
}


@pytest.mark.parametrize("part", PAGES)
def test_numbers_are_the_programs(part: str) -> None:
    printed = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "readme_numbers.py"), part],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    marker = rf"<!-- python docs/readme_numbers.py {part} -->\n(.*?)\n<!-- end -->"
    shown = re.search(marker, (ROOT / PAGES[part]).read_text(encoding="utf-8"), re.DOTALL)
    assert shown is not None
    assert shown.group(1).strip() == printed


def test_readme_is_one_page() -> None:
    words = re.sub(r"<!-- python.*?<!-- end -->", "", README, flags=re.DOTALL).split()
    assert len(words) <= 900  # beside what the program writes
    commands = [
        line for block in re.findall(r"```bash\n(.*?)```", README, re.DOTALL) for line in block.splitlines()
    ]
    assert len(commands) <= 12


def test_tables_of_findings_are_the_programs() -> None:
    program = ROOT / "docs" / "findings_tables.py"
    printed = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, check=True
    ).stdout
    page = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
    shown = re.search(r"<!-- python docs/findings_tables.py -->\n(.*?)\n<!-- end -->", page, re.DOTALL)
    assert shown is not None
    assert shown.group(1).strip() == printed.strip() != ""


NUMBER = r"([+−]?\d+\.\d)"


def test_intervals_in_the_words_of_findings_are_those_of_the_results() -> None:
    page = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
    words = page[: page.index("<!-- python docs/findings_tables.py -->")]
    said = re.findall(rf"{NUMBER}(?: points)?, {NUMBER} to {NUMBER}", words)
    measured = {
        tuple(round(sign * 100 * one["measured"][key], 1) for key in keys)
        for path in (ROOT / "results" / "studies").glob("*/result.json")
        for kind in ("expected", "pairs")
        for one in json.loads(path.read_text(encoding="utf-8"))["conclusions"][kind]
        if one["measured"] is not None
        for sign, keys in ((1, ("value", "low", "high")), (-1, ("value", "high", "low")))
    }
    assert len(said) >= 10
    for triple in said:
        assert tuple(float(number.replace("−", "-")) for number in triple) in measured, triple


def test_ci_runs_the_readmes_test_command() -> None:
    commands = re.findall(r"```bash\n(python3 -m venv .*?)\n```", README)
    assert len(commands) == 2
    assert commands[1] in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


def test_every_linked_file_exists() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_the_python_example_runs() -> None:
    example = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert example is not None
    subprocess.run([sys.executable, "-W", "error", "-c", example.group(1)], check=True, timeout=120)
