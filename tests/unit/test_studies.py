"""Studies: their files, their networks, their conclusions by rule."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from search_runs import ROOT, configuration

from scaling.analysis.blocks import blocks_of, contrast, corrected
from scaling.errors import ConfigError, ResultsError
from scaling.search.config import load_config
from scaling.studies.conclusions import concluded
from scaling.studies.config import Expectation, ExpectedSpread, Size, load_study, parse_study, proxy_file
from scaling.studies.networks import NOTHING, Found, Scene, directions, members_of
from scaling.studies.trials import Bench, jobs_of, trials_of

STUDIES = (
    "dimensions",
    "width_depth_resolution",
    "methods",
    "search_then_family",
    "noise",
    "law",
    "other_baselines",
)


def document(**changes: Any) -> dict[str, Any]:
    size = {"proxy": "x-{data}.toml", "seeds": [0, 1]}
    return {
        "schema_version": 1,
        "kind": "study",
        "name": "tiny",
        "question": "?",
        "prediction": "!",
        "design": {"kind": "ladder", "strategies": ["compound", "depth"], "factors": [2.0], "tolerance": 0.2},
        "sizes": {"quick": size, "standard": size},
        **changes,
    }


def bench(proxy: dict[str, Any] | None = None, **changes: Any) -> Bench:
    study = parse_study(document(**changes), where="test")
    found = configuration(**(proxy or {}))
    return Bench(study=study, size=study.table(Size.QUICK), proxy=found, title="tiny")


def scene() -> Scene:
    return bench().scene


SHIPPED = [(name, data) for name in STUDIES for data in ("glyphs", "fashion-mnist")]
SHIPPED.remove(("other_baselines", "fashion-mnist"))  # its proxies are of glyphs


@pytest.mark.parametrize(("name", "data"), SHIPPED)
def test_studies_that_ship_are_whole(name: str, data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    study, path = load_study(name)
    assert study.name == name
    for size in (Size.QUICK, Size.STANDARD):
        proxy = load_config(proxy_file(study, path, size, data))
        assert proxy.data.name == data
        one = Bench(study=study, size=study.table(size), proxy=proxy, title=name)
        members = one.members(NOTHING)
        names = {member.name for member in members}
        if study.design.kind != "search_then_family":
            assert {part for expect in study.expect for part in (*expect.more, *expect.less)} <= names
        assert sum(member.problem is None for member in members) >= min(len(members), 3) - 1
    assert study.table(Size.QUICK).minutes[data] > 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"desing": {}}, "unknown key 'desing'; did you mean 'design'?"),
        ({"kind": "search"}, "expected kind 'study', got 'search'"),
        ({"design": {"kind": "ladder", "strategies": ["deep"], "factors": [2.0]}}, "expected a strategy"),
        ({"design": {"kind": "tower"}}, "design"),
        ({"expect": [{"claim": "x", "more": ["a"], "less": ["b", "c"]}]}, "equally many networks"),
        (
            {"sizes": {"quick": {"proxy": "x", "seeds": [0, 0]}, "standard": {"proxy": "x", "seeds": [0]}}},
            "must be different",
        ),
        (
            {
                "sizes": {
                    "quick": {"proxy": "x", "seeds": [0], "learning_rates": [2.0]},
                    "standard": {"proxy": "x", "seeds": [0]},
                }
            },
            "hold 1.0",
        ),
        (
            {
                "design": {
                    "kind": "ladder", "strategies": ["a"], "factors": [2.0], "own": [{"name": "a"}],
                }
            },
            "one of bases, shares and points",
        ),
    ],
)  # fmt: skip
def test_bad_files_get_one_line(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as refused:
        parse_study(document(**changes), where="mine.toml")
    assert str(refused.value).startswith("mine.toml: ")


def test_missing_studies_and_proxies_name_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(ConfigError, match="studies in experiments/: dimensions, law, methods"):
        load_study("nothing")
    study, path = load_study("methods")
    with pytest.raises(ConfigError, match="there is no proxy .*there are: .*glyphs-quick"):
        proxy_file(study, path, Size.QUICK, "cifar10")
    with pytest.raises(ConfigError, match="--plan"):
        study.table(Size.PAPER)


def test_a_ladder_is_the_baseline_and_every_strategy_at_every_cost() -> None:
    design = {"kind": "ladder", "strategies": ["depth", "mine"], "factors": [2.0, 3.0], "tolerance": 0.1}
    own = {**design, "own": [{"name": "mine", "shares": [0.0, 0.5, 0.5]}]}
    members = bench(design=own).members(NOTHING)
    assert [one.name for one in members] == ["baseline", "depth@2", "mine@2", "depth@3", "mine@3"]
    mine = members[2]
    assert mine.shares is not None
    assert mine.shares.shares == (0, 0.5, 0.5)
    assert mine.spec is not None
    assert mine.spec.image_size > members[0].spec.image_size  # type: ignore[union-attr]


def test_what_cannot_be_on_target_says_so_and_is_not_trained() -> None:
    one = bench(
        {"search": {"largest_image_size": 16}},
        design={
            "kind": "ladder",
            "strategies": ["resolution", "tinynet"],
            "factors": [2.0],
            "metric": "params",
        },
    )
    members = one.members(NOTHING)
    assert members[1].problem is not None
    assert "no network of resolution is within 5 % of 2 times the baseline's params" in members[1].problem
    assert "tinynet is for" in str(members[2].problem)
    trials = trials_of(one, members)
    assert [bool(trial.jobs) for trial in trials] == [True, False, False]


def test_a_grid_has_its_multipliers() -> None:
    design = {"kind": "grid", "depths": [1.0, 2.0], "widths": [1.0, 2.0], "resolutions": [1.0]}
    names = [one.name for one in bench(design=design).members(NOTHING)]
    assert names == ["baseline", "d1-w2-r1", "d2-w1-r1", "d2-w2-r1"]


def test_the_lattice_holds_every_split_of_log_cost() -> None:
    found = directions(3)
    assert len(found) == 10
    assert {one.name for one in found} >= {"d3", "w3", "r3", "d1-w1-r1"}


def test_step_two_follows_from_fresh_seeds_not_from_those_that_chose() -> None:
    study = parse_study(
        document(
            design={
                "kind": "search_then_family", "strategies": ["compound"], "directions": 2, "confirm": 2,
                "phis": [1.0], "tolerance": 0.2,
            }
        ),
        where="test",
    )  # fmt: skip
    step1 = members_of(study.design, scene(), NOTHING)
    assert {one.kind for one in step1[1:]} == {"search"}
    names = [one.name for one in step1 if one.kind == "search" and one.problem is None]
    searched = {name: 0.5 + 0.01 * number for number, name in enumerate(names)}
    first, second = sorted(names, key=lambda name: -searched[name])[:2]
    step2 = members_of(study.design, scene(), Found(searched=searched, confirmed={}))
    assert [one.name for one in step2 if one.kind == "confirm"] == [first, second]
    done = Found(searched=searched, confirmed={first: 0.4, second: 0.6})
    family = members_of(study.design, scene(), done)
    assert [one.name for one in family[-2:]] == ["winner@2", "compound@2"]
    (chosen,) = (one for one in family if one.kind == "confirm" and one.name == second)
    assert family[-2].shares == chosen.shares


def test_trainings_are_paired_and_come_seed_by_seed() -> None:
    sizes = document()["sizes"]
    quick = {**sizes["quick"], "learning_rates": [0.5, 1.0, 2.0]}
    one = bench(sizes={**sizes, "quick": quick})
    trials = trials_of(one, one.members(NOTHING))
    assert [trial.learning_rate_factor for trial in trials] == [1, 1, 1, 0.5, 0.5, 0.5, 2, 2, 2]
    jobs = jobs_of(trials)
    assert [job.seed for job in jobs] == [0] * 9 + [1] * 9
    rates = {job.recipe.learning_rate for job in jobs}
    assert rates == {factor * one.proxy.recipe.learning_rate for factor in (0.5, 1, 2)}


def rows(means: dict[str, float], *, seeds: int = 4, noise: float = 0.004, rate: float = 1.0) -> pd.DataFrame:
    random = np.random.default_rng(11)
    shift = 0.05 * random.standard_normal(seeds)  # a seed that is good for all networks
    found = [
        {
            "name": name, "architecture": name, "kind": "reference", "state": "complete", "seed": seed,
            "target_factor": 1.0 if name == "baseline" else 2.0, "learning_rate_factor": rate,
            "top1": mean + shift[seed] + noise * random.standard_normal(),
        }
        for name, mean in means.items()
        for seed in range(seeds)
    ]  # fmt: skip
    return pd.DataFrame(found)


def expect(more: str, less: str, predicted: str = "more") -> Expectation:
    return Expectation.model_validate(
        {"claim": f"{more} > {less}", "more": [more], "less": [less], "predicted": predicted}
    )


MEANS = {"baseline": 0.7, "a@2": 0.8, "b@2": 0.75, "c@2": 0.7501}


def test_pairs_by_seed_see_what_the_spread_over_seeds_would_hide() -> None:
    trials = rows(MEANS)
    found = concluded(
        trials, [expect("a@2", "b@2"), expect("c@2", "a@2"), expect("b@2", "c@2")], validation_images=1000
    )
    assert [one.verdict for one in found.expected] == ["holds", "contradicted", "not told apart"]
    assert found.verdict == "does not hold"
    assert found.survives is None
    assert dict(found.noise)[1.0].standard_deviation > 0.03  # unpaired, nothing could be told
    assert found.leaders == ((1.0, 2.0, "a@2"),)
    same = concluded(trials, [expect("b@2", "c@2", "same")], validation_images=1000)
    assert same.verdict == "holds"


def test_a_conclusion_that_another_learning_rate_turns_does_not_survive() -> None:
    other = {**MEANS, "a@2": 0.7, "b@2": 0.8}
    trials = pd.concat([rows(MEANS), rows(other, rate=2.0)], ignore_index=True)
    found = concluded(trials, [expect("a@2", "b@2")], validation_images=1000)
    assert (found.verdict, found.survives) == ("holds", False)
    kept = pd.concat([rows(MEANS), rows(MEANS, rate=2.0)], ignore_index=True)
    assert concluded(kept, [expect("a@2", "b@2")], validation_images=1000).survives


def test_networks_that_are_missing_are_not_measured() -> None:
    found = concluded(rows(MEANS), [expect("d@2", "a@2")], validation_images=1000)
    assert (found.verdict, found.expected[0].contrast) == ("not measured yet", None)
    assert concluded(rows({"a@2": 0.5}), [], validation_images=10).verdict == "no rule"


def test_a_predicted_spread_of_seeds_is_judged_by_its_interval() -> None:
    trials = rows({"a@2": 0.8}, seeds=12)  # seeds move all networks by about 6 points

    def judged(low: float, high: float) -> tuple[str, str]:
        spread = ExpectedSpread(low=low, high=high)
        found = concluded(trials, [], validation_images=1000, spread=spread)
        assert found.spread is not None
        return found.spread.verdict, found.verdict

    assert judged(0.5, 50) == ("holds", "holds")
    assert judged(0.5, 1) == ("contradicted", "does not hold")
    assert judged(0.5, 100 * float(trials["top1"].std())) == ("not told apart", "not shown")
    alone = concluded(
        rows({"a@2": 0.8}, seeds=1), [], validation_images=1000, spread=ExpectedSpread(low=1, high=2)
    )
    assert alone.verdict == "not measured yet"


def test_one_network_under_two_names_is_equal_and_counts_once() -> None:
    trials = rows(MEANS)
    twin = trials[trials["name"] == "a@2"].assign(name="e@2")
    found = concluded(pd.concat([trials, twin]), [expect("a@2", "e@2")], validation_images=1000)
    measured = found.expected[0].contrast
    assert measured is not None
    assert measured.value == 0
    alone = concluded(trials, [expect("a@2", "b@2")], validation_images=1000)
    assert found.noise == alone.noise


def test_two_networks_are_scipys_paired_t_test() -> None:
    trials = rows({"a": 0.7, "b": 0.71}, seeds=6)
    a, b = (trials[trials["name"] == name]["top1"].to_numpy() for name in "ab")
    found = contrast(blocks_of(trials), ["b"], ["a"])
    referee = stats.ttest_rel(b, a)
    assert found.p == pytest.approx(float(referee.pvalue))
    interval = referee.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_a_difference_of_differences_weighs_four_networks() -> None:
    blocks = blocks_of(rows(MEANS))
    found = contrast(blocks, ["a@2", "a@2"], ["baseline", "b@2"])
    single = contrast(blocks, ["a@2"], ["b@2"])
    assert found.value == pytest.approx(
        2 * blocks.means["a@2"] - blocks.means["baseline"] - blocks.means["b@2"]
    )
    assert (found.high - found.low) / (single.high - single.low) == pytest.approx(3**0.5)


def test_a_network_without_a_seed_that_others_have_is_left_out() -> None:
    trials = rows(MEANS)
    torn = trials[~((trials["name"] == "b@2") & (trials["seed"] == 1))]
    assert blocks_of(torn).left_out == ("b@2",)
    with pytest.raises(ResultsError, match="two seeds in common"):
        blocks_of(trials[trials["seed"] == 0])
    with pytest.raises(ResultsError, match="no comparison"):
        contrast(blocks_of(torn), ["b@2"], ["a@2"])


def test_pure_noise_is_told_apart_as_often_as_promised() -> None:
    random, told = np.random.default_rng(3), 0
    for _ in range(100):
        values = random.standard_normal((4, 3))
        frame = pd.DataFrame(
            [{"name": str(i), "seed": j, "top1": values[i, j]} for i in range(4) for j in range(3)]
        )
        blocks = blocks_of(frame)
        found = corrected([contrast(blocks, [str(i)], ["0"]) for i in (1, 2, 3)])
        told += any(one.told for one in found)
    assert told / 100 < 0.1  # a family-wise error of 5 % at most, and what a hundred draws allow
