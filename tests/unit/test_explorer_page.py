"""The explorer's file: self-contained, the same every time; what it computes is tested in a browser."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from commands import printed

from scaling import count_cost, generate, variant
from scaling.explorer import explorer_data, explorer_page
from scaling.explorer.page import one_formula


def test_nothing_is_loaded_from_anywhere() -> None:
    page = explorer_page()
    assert "default-src 'none'" in page
    assert set(re.findall(r"""(?:src|href)=["']([^"']*)["']""", page)) == {"data:,", "#results"}
    assert re.findall(r"https?://[^\s\"']*", page) == ["http://www.w3.org/2000/svg"]


def test_the_page_is_the_same_every_time() -> None:
    assert explorer_page() == explorer_page()


def test_its_data_is_the_packages() -> None:
    text = re.search(r'<script type="application/json" id="data">(.*?)</script>', explorer_page(), re.DOTALL)
    assert text is not None
    data = json.loads(text[1])
    assert data == json.loads(json.dumps(explorer_data()))
    costs = {each["name"]: (each["params"], each["macs"]) for each in data["official"]}
    assert costs["lite4"] == (count_cost(variant("lite4")).params, count_cost(variant("lite4")).macs)


def test_one_formula_gives_the_family_in_the_digits_that_the_page_shows() -> None:
    formula = one_formula()
    bases = {name: formula[name] for name in ("alpha", "beta", "gamma")}
    assert list(formula["phi"]) == [f"b{number}" for number in range(8)]
    for name, phi in formula["phi"].items():
        assert generate(**bases, phi=phi) == variant(name)
    assert formula["alpha"] * formula["beta"] ** 2 * formula["gamma"] ** 2 == pytest.approx(2, abs=1e-3)


def test_every_setting_has_its_control() -> None:
    page, defaults = explorer_page(), explorer_data()["defaults"]
    names = (set(defaults) - {"mode", "rules"}) | set(defaults["rules"])
    assert [name for name in sorted(names) if f'id="{name}"' not in page] == []


def test_the_command_writes_it(tmp_path: Path) -> None:
    printed("explore", "-o", tmp_path / "new" / "x.html")
    assert (tmp_path / "new" / "x.html").read_text(encoding="utf-8") == explorer_page()
