"""Recipes and the learning-rate schedule."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling.errors import ConfigError
from scaling.training.recipe import Recipe
from scaling.training.schedules import warmup_cosine

SHARE = st.floats(0, 1)


@given(progress=SHARE, warmup=st.floats(0, 0.99))
def test_the_rate_is_never_negative_nor_above_its_peak(progress: float, warmup: float) -> None:
    assert 0 <= warmup_cosine(progress, warmup) <= 1


@given(a=SHARE, b=SHARE, warmup=st.floats(0, 0.99))
def test_the_rate_rises_until_warm_and_falls_after(a: float, b: float, warmup: float) -> None:
    early, late = sorted((a, b))
    if late < warmup:
        assert warmup_cosine(early, warmup) <= warmup_cosine(late, warmup)
    elif early >= warmup:
        assert warmup_cosine(early, warmup) >= warmup_cosine(late, warmup)


@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.5, 0.9])
def test_the_schedule_has_its_known_points(warmup: float) -> None:
    assert warmup_cosine(warmup, warmup) == 1.0
    assert warmup_cosine(1.0, warmup) == pytest.approx(0.0, abs=1e-15)
    assert warmup_cosine((1 + warmup) / 2, warmup) == pytest.approx(0.5)
    if warmup:
        assert warmup_cosine(0.0, warmup) == 0.0
        assert warmup_cosine(warmup / 4, warmup) == pytest.approx(0.25)


@pytest.mark.parametrize(
    "values",
    [
        {"epochs": 0},
        {"batch_size": 1},
        {"learning_rate": 0.0},
        {"learning_rate": -1.0},
        {"learning_rate": math.nan},
        {"learning_rate": math.inf},
        {"weight_decay": -0.1},
        {"weight_decay": math.nan},
        {"warmup": 1.0},
        {"warmup": -0.1},
        {"warmup": math.nan},
        {"label_smoothing": 1.0},
        {"dropout": 1.0},
        {"dropout": -0.5},
        {"stochastic_depth": 1.5},
    ],
)
def test_recipes_that_cannot_be_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(values))):
        Recipe(**{"epochs": 1, **values})
