"""Conclusions of studies, by rule."""

from __future__ import annotations

import pandas as pd
from study_rows import rows

from scaling.plans.study.conclusions import concluded
from scaling.plans.study.config import Expectation, ExpectedSpread


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
    assert [one.verdict for one in found.expected] == ["holds", "contradicted", "not significant"]
    assert found.verdict == "does not hold"
    assert found.survives is None
    assert dict(found.noise)[1.0].standard_deviation > 0.03  # unpaired, nothing would be significant
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
    assert judged(0.5, 100 * float(trials["top1"].std())) == ("not significant", "not shown")
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
