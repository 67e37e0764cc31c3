"""Recipes and the learning-rate schedule."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scaling.errors import ConfigError
from scaling.training.recipe import Recipe, learning_rate, one_cycle, warmup_cosine, warmup_staircase
from scaling.training.recipes import parse_recipe, read_recipe, recipe_names

SHARE = st.floats(0, 1)


@given(a=SHARE, b=SHARE, warmup=st.floats(0, 0.99))
def test_the_rate_rises_until_warm_and_falls_after(a: float, b: float, warmup: float) -> None:
    early, late = sorted((a, b))
    assert 0 <= warmup_cosine(early, warmup) <= 1
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


@given(a=SHARE, b=SHARE, warmup=st.floats(0, 0.99))
def test_one_cycle_rises_to_its_peak_and_falls_to_next_to_nothing(a: float, b: float, warmup: float) -> None:
    early, late = sorted((a, b))
    assert 0 < one_cycle(early, warmup) <= 1
    rising = late < warmup
    if rising or early >= warmup:
        assert (one_cycle(late, warmup) - one_cycle(early, warmup)) * (1 if rising else -1) >= -1e-12


def test_one_cycle_is_torchs() -> None:
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=2.0, total_steps=101, pct_start=0.31)
    for step in range(101):  # torch's peak is at step 0.31 * 101 - 1
        rising = (0.31 * 101 - 1) / 100
        assert 2.0 * one_cycle(step / 100, rising) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-6)
        optimizer.step()
        if step < 100:
            schedule.step()


@given(progress=SHARE, warmup=st.floats(0, 0.9), decay=st.floats(0.5, 1), stairs=st.floats(1, 200))
def test_a_staircase_never_rises_after_warm_up(
    progress: float, warmup: float, decay: float, stairs: float
) -> None:
    share = warmup_staircase(progress, warmup, decay=decay, stairs=stairs)
    assert 0 <= share <= 1
    if progress >= warmup:
        assert share == decay ** math.floor(progress * stairs)


def test_the_paper_recipe_has_the_released_rates() -> None:
    # lr = .256 * .97 ** floor(epoch / 2.4) from the first step on; for 5 epochs .256 * epoch / 5 instead.
    recipe = read_recipe("paper")
    for epoch in (0.5, 2.0, 4.9, 5.1, 7.1, 7.3, 100.0, 349.9):
        warm = 0.256 * epoch / 5
        expected = warm if epoch < 5 else 0.256 * 0.97 ** (epoch // 2.4)
        assert learning_rate(recipe, epoch / 350) == pytest.approx(expected), epoch


def test_the_paper_recipe_is_as_released() -> None:
    assert recipe_names() == ("paper", "small")
    recipe = read_recipe("paper")
    assert (recipe.batch_size, recipe.momentum, recipe.weight_decay) == (4096, 0.9, 1e-5)
    assert (recipe.label_smoothing, recipe.ema_decay, recipe.decay_biases) == (0.1, 0.9999, True)
    assert (recipe.dropout, recipe.stochastic_depth) == (None, None)
    assert (recipe.augmentation.crop_area, recipe.augmentation.flip) == (0.08, True)


def test_recipes_are_read_from_a_file_or_an_experiments_table(tmp_path: Path) -> None:
    keys = "epochs = 2\nschedule = 'one-cycle'\n"
    (tmp_path / "a.toml").write_text(keys + "[augmentation]\nflip = true\n")
    (tmp_path / "b.toml").write_text(
        "kind = 'search'\n[recipe]\n" + keys + "[recipe.augmentation]\nflip = true\n"
    )
    first, second = (read_recipe(str(tmp_path / f"{name}.toml")) for name in "ab")
    assert first == second
    assert (first.epochs, first.schedule, first.augmentation.flip) == (2, "one-cycle", True)
    assert hash(first) == hash(second)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"epochs": 1, "batchsize": 3}, r"unknown key 'batchsize'; did you mean 'batch_size'\?"),
        (
            {"epochs": 1, "augmentation": {"flop": 1}},
            r"unknown key 'augmentation.flop'; did you mean 'flip'\?",
        ),
        ({"epochs": 1, "augmentation": {"zzz": 1}}, "known keys: policy, "),
        ({"epochs": 1, "schedule": "linear"}, "schedule: Input should be 'cosine', 'exponential', "),
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({}, "epochs: "),
        ("text", "where: "),
        ({"epochs": 1, "ema_decay": 1.0}, "ema_decay must be above 0 and below 1, got 1.0"),
        ({"epochs": 1, "decay_rate": 0}, "decay_rate must be above 0"),
        ({"epochs": 1, "gradient_clip": 0}, "gradient_clip must be above 0"),
    ],
)
def test_a_bad_recipe_is_refused_in_one_line(table: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        parse_recipe(table, where="where")
    assert "\n" not in str(caught.value)


def test_a_recipe_that_is_not_there_or_not_toml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no recipe 'papper': expected paper, small or a TOML file"):
        read_recipe("papper")
    (tmp_path / "x.toml").write_text("epochs =")
    with pytest.raises(ConfigError, match="is not TOML"):
        read_recipe(str(tmp_path / "x.toml"))
    (tmp_path / "y.toml").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_recipe(str(tmp_path / "y.toml"))
