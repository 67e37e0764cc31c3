"""`explain`: what it says of the official variants, and how it looks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scaling import RoundingRules, SpecError, generate, variant
from scaling.cli import group
from scaling.cli.output import run
from scaling.cost import count_cost
from scaling.network.families import COMPOUND_FAMILY, released_coefficients
from scaling.targets.explanation import PAPER_BASES, answer, explain, released_grid

PAPER: dict[str, Any] = dict(PAPER_BASES)
OFFICIAL = tuple(released_coefficients())


@pytest.mark.parametrize("name", OFFICIAL)
def test_the_exact_candidate_the_last_step_and_the_rows_are_the_release(name: str) -> None:
    found, spec = explain(name), variant(name)
    exact, cost = found.exact, count_cost(spec)
    assert exact.spec == found.released == spec
    assert exact.cost.params == found.cost.params == found.steps[-1].params == cost.params
    assert found.steps[-1].macs == cost.macs
    assert exact.compound.nominal_factor == pytest.approx(2**exact.compound.phi)
    assert found.interval[0] <= exact.compound.phi <= found.interval[1]
    assert name in found.grid
    assert (found.grid == COMPOUND_FAMILY) == (name in COMPOUND_FAMILY)
    assert tuple(row.channels for row in found.rows) == spec.channels
    assert [row.repeats for row in found.rows[1:-1]] == [stage.repeats for stage in spec.stages]
    # Six decimals of the bases and four of phi must be enough for a reader who types them in.
    bases = {key: round(getattr(exact.compound, key), 6) for key in ("alpha", "beta", "gamma")}
    assert generate(**bases, phi=round(exact.compound.phi, 4)) == spec


def test_only_b3_needs_the_rule_against_losing_a_tenth() -> None:
    marked = {name: [row.name for row in explain(name).rows if row.by_minimum] for name in OFFICIAL}
    assert {name: rows for name, rows in marked.items() if rows} == {"b3": ["stage1"]}


@pytest.mark.parametrize("name", OFFICIAL[1:])
def test_what_the_papers_bases_give(name: str) -> None:
    found = explain(name)
    assert (found.by_paper is not None) == (name in {"b1", "b2", "b3", "b4"})
    assert (found.by_paper_printed is not None) == (name in {"b1", "b2"})
    assert found.by_paper_unrounded is None
    if found.by_paper is not None:
        for phi in found.by_paper:
            assert generate(**PAPER, phi=phi) == variant(name)


IMPLIED = {
    "b4": (3.22, 3.53, 3.78), "b5": (4.32, 4.93, 5.09), "b6": (5.24, 6.17, 6.14), "b7": (6.21, 7.27, 7.05),
}  # fmt: skip


@pytest.mark.parametrize("name", IMPLIED)
def test_each_range_is_where_its_dimension_has_the_released_integers(name: str) -> None:
    """The three ranges meet exactly where the paper's bases give b4, and nowhere for larger ones."""
    found = explain(name)
    assert tuple(round(one.phi, 2) for one in found.implied_by_paper) == IMPLIED[name]
    low = max(one.low for one in found.implied_by_paper)
    high = min(one.high for one in found.implied_by_paper)
    assert (low <= high) == (found.by_paper is not None) == (name == "b4")
    if found.by_paper is not None:
        assert (low, high) == pytest.approx(found.by_paper, abs=1e-9)


def test_answers_name_the_phis_they_speak_of_and_what_is_often_copied() -> None:
    found = explain("b4")
    paper, exact = answer(found)
    assert found.by_paper is not None
    assert f"{found.by_paper[0]:.4f}" in paper
    assert paper.count("none") == 2
    assert f"{found.exact.compound.phi:.4f}" in exact
    assert "none, with or without" in answer(explain("b7"))[0]
    assert "phi 0" in answer(explain("b0"))[0]
    assert found.copied is not None
    assert (found.copied.compound.phi, found.copied.spec) == (4, generate(**PAPER, phi=4))
    assert explain("l2").copied is None


def test_unknown_names() -> None:
    for unknown in ("b9", ""):
        with pytest.raises(SpecError):
            explain(unknown)
    with pytest.raises(SpecError):
        released_grid(["b1", "b99"])
    assert [entry.name for entry in released_grid(["EfficientNet-B1"])] == ["b1"]


@pytest.mark.parametrize("name", OFFICIAL)
@pytest.mark.parametrize(("columns", "most_lines"), [(60, 46), (80, 44)])
def test_one_screen(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    columns: int,
    most_lines: int,
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    run(group, ["explain", name])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= most_lines
    assert max(map(len, lines)) <= columns
    assert any(f"Which phi gives {name}?" in line for line in lines)


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    run(group, ["explain", "b4", "--json"])
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert document["name"] == "b4"
    assert document["released"]["params"] == count_cost(variant("b4")).params
    assert document["formula"][0]["phi"] == 4
    assert document["phi"]["paper_printed_coefficients"] is None
    assert [one["dimension"] for one in document["implied_phi"]["paper"]] == ["depth", "width", "resolution"]
    exact = document["formula"][-1]
    bases = {key: exact[key] for key in ("alpha", "beta", "gamma", "phi")}
    assert generate(**bases, rounding=RoundingRules()) == variant("b4")
