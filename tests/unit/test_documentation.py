"""Every public name is documented: a docstring of its own, and its place in docs/library.md."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

import scaling

PAGE = (Path(__file__).parents[2] / "docs" / "library.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", scaling.__all__)
def test_a_public_name_is_documented(name: str) -> None:
    public = getattr(scaling, name)
    assert inspect.getdoc(public), f"{name} has no docstring"
    assert re.search(rf"`(?:scaling\.)?{name}`", PAGE), f"{name} is not in docs/library.md"


def test_the_page_names_nothing_that_is_not_public() -> None:
    table = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `")]
    named = {name for cell in table for name in re.findall(r"`(\w+)`", cell)}
    assert named == set(scaling.__all__) - {
        "SpecError",
        "ConfigError",
        "DataError",
        "ResultsError",
        "WeightsError",
    }
