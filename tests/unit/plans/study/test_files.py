"""Files of studies: read strictly, changed by hand, every mistake in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tiny_setup import tiny_setup
from tiny_study import LADDER, sizes, study_document, write_study

from scaling.cli import group
from scaling.errors import ConfigError
from scaling.plans.experiment import Size
from scaling.plans.study.files import listed, load_study, parse_study
from scaling.plans.study.networks import NOTHING
from scaling.plans.study.run import study_plan

ROOT = Path(__file__).parents[4]
STUDIES = (
    "dimensions", "width_depth_resolution", "methods", "search_then_family", "noise", "law",
    "other_baselines",
)  # fmt: skip


@pytest.mark.parametrize("data", ["glyphs", "fashion-mnist"])
@pytest.mark.parametrize("name", STUDIES)
def test_studies_that_ship_are_whole(name: str, data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for size in ("quick", "standard"):
        plan = study_plan(name, size=size, data=data)
        assert plan.study.name == name
        assert plan.setup.data.name == data
        networks = plan.networks(NOTHING)
        names = {one.name for one in networks}
        if plan.design.kind != "search_then_family":
            assert {part for expect in plan.study.expect for part in (*expect.more, *expect.less)} <= names
        assert sum(one.problem is None for one in networks) >= min(len(networks), 3) - 1
    assert study_plan(name, data=data).table.minutes[data] > 0
    assert plan.study.command.startswith(f"scaling study {name}")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"desing": {}}, "unknown key 'desing'; did you mean 'design'?"),
        ({"kind": "search"}, "expected kind 'study', got 'search'"),
        ({"design": {**LADDER, "strategies": ["deep"]}}, "expected a strategy"),
        ({"design": {"kind": "tower"}}, "design"),
        ({"expect": [{"claim": "x", "more": ["a"], "less": ["b", "c"]}]}, "equally many networks"),
        ({"expect": [{"claim": "x", "mre": ["a"]}]}, "unknown key 'expect.mre'; did you mean 'more'"),
        ({"sizes": sizes(seeds=[0, 0])}, "must be different"),
        ({"sizes": sizes(learning_rates=[2.0])}, "hold 1.0"),
        ({"design": {**LADDER, "own": [{"name": "a"}]}}, "one of bases, shares and points"),
    ],
)  # fmt: skip
def test_bad_files_get_one_line(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as refused:
        parse_study(study_document(**changes), where="mine.toml")
    assert str(refused.value).startswith("mine.toml: ")
    assert "\n" not in str(refused.value)


def test_a_wrong_key_is_named_with_its_line(tmp_path: Path) -> None:
    text = (ROOT / "experiments" / "methods.toml").read_text()
    path = tmp_path / "mine.toml"
    path.write_text(text.replace("tolerance = ", "tolerence = "))
    line = 1 + text[: text.index("tolerance = ")].count("\n")
    with pytest.raises(ConfigError, match=f"mine.toml, line {line}: unknown key 'design.tolerence'"):
        load_study(path)


def test_missing_studies_and_setups_name_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert listed("study").keys() == set(STUDIES)
    with pytest.raises(ConfigError, match="studies in experiments/: dimensions, law, methods"):
        load_study("nothing")
    with pytest.raises(ConfigError, match="there is no setup .*there are: .*glyphs-quick"):
        study_plan("methods", data="cifar10")
    with pytest.raises(ConfigError, match="--plan"):
        load_study("methods").config.table(Size.PAPER)


def test_a_design_that_is_changed_by_hand_wins_over_the_sizes(tmp_path: Path) -> None:
    path = write_study(tmp_path, sizes=sizes(factors=[3.0]))
    assert load_study(path).config.sizes.quick.factors == (3.0,)
    changed = load_study(path, ["design.factors=[1.5]"]).config
    assert (changed.sizes.quick.factors, changed.design.kind) == (None, "ladder")


def test_changes_name_the_folder_unless_they_shape_no_result(tmp_path: Path) -> None:
    path, setup = write_study(tmp_path), tiny_setup(recipe={"epochs": 5})
    for suffix, *overrides in (
        ("",),
        ("", "engine.workers=1"),
        ("-recipe-epochs-2", "recipe.epochs=2"),
        ("-equal-compute-recipe-epochs-2", "recipe.epochs=2", "design.equal=compute"),
        ("-sizes-quick-seeds-5", "sizes.quick.seeds=[5]"),
    ):
        assert study_plan(path, overrides=overrides).title == f"mini-quick-glyphs{suffix}"
    assert study_plan(path, setup=tmp_path / "tiny.toml").title == "mini-quick-tiny"
    assert study_plan(path, setup=setup).setup == setup
    with pytest.raises(ConfigError, match="takes no overrides"):
        study_plan(path, setup=setup, overrides=["recipe.epochs=2"])
    with pytest.raises(ConfigError, match="unknown key 'design.metrc'; did you mean 'metric'"):
        study_plan(path, overrides=["design.metrc=params"])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("absent.json", "cannot read .*absent.json: No such file"),
        ("tiny.toml", "tiny.toml is no calibration: it is not JSON"),
        ("foreign.json", "foreign.json is no calibration: scaling latency --calibrate writes one"),
    ],
)
def test_a_calibration_that_is_none_gets_one_line(
    given: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_study(tmp_path)
    (tmp_path / "foreign.json").write_text(json.dumps({"kind": "study"}))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=message):
        study_plan(path, overrides=["design.metric=latency", f"design.latency.calibration={given}"])


def test_the_command_lists_studies_and_audits_and_costs_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    found = json.loads(CliRunner().invoke(group, ["study", "--json"]).stdout)
    assert {one["name"] for one in found} == {*STUDIES, "audit", "rates"}
    for wrong, message in (
        (["study", "methods", "--seeds", "4"], "study of noise"),
        (["study", "methods", "--run", "results/quick"], "--run is for a study of noise"),
        (["study", "audit", "--seeds", "4"], "are for studies, not for audits"),
        (["study", "methods", "--factor", "4"], "--factor is for rates"),
        (["study", "rates", "--run", "results/quick"], "--run is for a study of noise"),
        (["study", "rates", "--setup", "none.toml"], "cannot read the setup none.toml"),
        (["study", "rates", "--factor", "0.5", "--plan"], "factor must be above 1"),
        (["study", "rates", "--seeds", "0", "--plan"], "one at least"),
    ):
        assert message in str(CliRunner().invoke(group, wrong).exception)
