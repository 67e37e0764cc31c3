"""Noise floor and ranking, on frames small enough to check by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from scaling.analysis import noise_floor, ranked, usual_difference
from scaling.runs.trials_table import trials_frame


def rows(
    trial: int, *top1: float, architecture: str | None = None, state: str = "complete"
) -> list[dict[str, object]]:
    return [
        {
            "trial": trial,
            "seed": seed,
            "top1": value,
            "state": state,
            "architecture": architecture or f"a{trial}",
            "kind": "search",
            "name": "search",
        }
        for seed, value in enumerate(top1)
    ]


def frame(*trials: list[dict[str, object]]) -> pd.DataFrame:
    return trials_frame([row for trial in trials for row in trial])


def test_the_floor_pools_variances_within_networks() -> None:
    noise = noise_floor(frame(rows(0, 0.60, 0.61, 0.62), rows(1, 0.70, 0.74), rows(2, 0.9)))
    assert noise is not None
    assert noise.degrees_of_freedom == 3
    assert noise.standard_deviation == pytest.approx(math.sqrt((2 * 0.0001 + 0.0008) / 3))


def test_one_network_gives_the_students_quantile() -> None:
    noise = noise_floor(frame(rows(0, 0.60, 0.61, 0.62)))
    assert noise is not None
    assert noise.least_difference(1, 1) == pytest.approx(4.302652729911275 * math.sqrt(2) * 0.01)
    assert noise.least_difference(4, 4) == pytest.approx(noise.least_difference(1, 1) / 2)


def test_the_usual_difference_is_that_of_the_median_number_of_seeds() -> None:
    trials = frame(rows(0, 0.60, 0.61, 0.62), rows(1, 0.70, 0.71, 0.72), rows(2, 0.9))
    noise = noise_floor(trials)
    assert noise is not None
    assert usual_difference(trials) == pytest.approx(noise.least_difference(3, 3))
    assert usual_difference(frame(rows(0, 0.5))) is None


def test_there_is_no_floor_without_repeated_seeds() -> None:
    assert noise_floor(frame(rows(0, 0.5), rows(1, 0.6))) is None
    assert noise_floor(frame(rows(0, 0.5, 0.6, state="failed"))) is None


def test_ranking_marks_what_noise_explains() -> None:
    trials = frame(rows(0, 0.60, 0.61, 0.62), rows(1, 0.68), rows(2, 0.66), rows(3, 0.1, state="diverged"))
    found = ranked(trials, noise_floor(trials))
    assert found["trial"].tolist() == [1, 2, 0]
    assert found["verdict"].tolist() == ["best", "same", "below"]
    assert found["seeds"].tolist() == [1, 1, 3]


def test_ranking_without_a_floor_says_so() -> None:
    trials = frame(rows(0, 0.6), rows(1, 0.5))
    assert ranked(trials, None)["verdict"].tolist() == ["best", "unknown"]


def test_ranking_of_nothing_is_empty() -> None:
    assert ranked(frame(rows(0, 0.6, state="waiting")), None).empty


def test_another_micro_batch_is_ranked_apart_however_good() -> None:
    trials = frame(rows(0, 0.60, 0.61), rows(1, 0.70), rows(2, 0.99, 0.98), rows(3, 0.98), rows(4, 0.5))
    sizes = [64, pd.NA, 64, 64, 32, 32, 64]  # trial 0 has a row of an older table, trial 2 two sizes
    found = ranked(trials.assign(micro_batch=pd.array(sizes, dtype="Int64")), noise_floor(trials))
    assert found["trial"].tolist() == [1, 0, 4, 2, 3]
    assert found["verdict"].tolist()[0] == "best"
    assert found["verdict"].tolist()[3:] == ["unknown", "unknown"]
    assert "unknown" not in found["verdict"].tolist()[:3]
