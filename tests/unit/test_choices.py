"""A member that nobody has listed is an error, never the last branch."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, TypeVar

import pandas as pd
import pytest

from scaling import RoundingRules, build_model, count_cost, scale, variant
from scaling.analysis.law_networks import published_source
from scaling.cost.memory import peak_activation_bytes
from scaling.cost.peak_memory import MemoryUse, peak_bytes
from scaling.cost.work import count_work
from scaling.data import load_split
from scaling.data.dataset import shuffled_indices
from scaling.drawings.drawing import Drawing, moved
from scaling.drawings.rendering import figure_of
from scaling.errors import ConfigError, DataError, SpecError
from scaling.figures.saving import family_figure, run_chart
from scaling.model.numerics import TENSORFLOW
from scaling.network.architecture import ArchitectureSpec
from scaling.network.conventions import rounding_of
from scaling.network.decomposition import layers
from scaling.network.rounding import RELEASED, squeeze_channels
from scaling.network.small_inputs import for_small_input
from scaling.network.strategies import strategy_named
from scaling.tables.table import Table, write_table
from scaling.targets.explanation import released_grid
from scaling.targets.inversion.preimage import preimages
from scaling.targets.inversion.solve import question
from scaling.targets.steps import realised
from scaling.targets.target import Target

Thing = TypeVar("Thing")
B0 = variant("b0")
LOUD = (AssertionError, KeyError, TypeError)


def changed(thing: Thing, **fields: Any) -> Thing:
    """Return a copy with fields that its own checks would refuse, as a new member of an enum would be."""
    made = copy.copy(thing)
    for name, value in fields.items():
        object.__setattr__(made, name, value)
    return made


def of_another_kind() -> ArchitectureSpec:
    stage = changed(B0.stages[2], kind="another")
    return changed(B0, stages=(*B0.stages[:2], stage, *B0.stages[3:]))


@pytest.mark.parametrize(
    "use",
    [
        count_cost,
        count_work,
        peak_activation_bytes,
        lambda spec: peak_bytes(spec, MemoryUse(training=True)),
        lambda spec: build_model(spec, device="meta"),
        layers,
        lambda spec: scale(spec, variant("b1").derivation.scaling),
        lambda spec: spec.stages[2].operator,
    ],
)
def test_an_unlisted_kind_of_block_is_no_mbconv(use: Callable[[ArchitectureSpec], object]) -> None:
    with pytest.raises(LOUD):
        use(of_another_kind())


@pytest.mark.parametrize(
    "use", [count_work, lambda spec: peak_bytes(spec, MemoryUse(training=True)), build_model]
)
def test_an_unlisted_activation(use: Callable[[ArchitectureSpec], object]) -> None:
    with pytest.raises(LOUD):
        use(changed(B0, activation="another"))


def test_an_unlisted_padding() -> None:
    with pytest.raises(LOUD):
        build_model(B0, numerics=changed(TENSORFLOW, padding="another"), device="meta")


@pytest.mark.parametrize("rule", ["coefficient_rounding", "channel_rule", "repeat_rule", "head_rule"])
def test_an_unlisted_rounding_rule(rule: str) -> None:
    with pytest.raises(LOUD):
        scale(B0, variant("b1").derivation.scaling, changed(RELEASED, **{rule: "another"}))


def test_an_unlisted_rounding_of_squeezes() -> None:
    with pytest.raises(LOUD):
        squeeze_channels(40, 0.25, "another")  # type: ignore[arg-type]


@pytest.mark.parametrize("split", ["another"])
def test_an_unlisted_split(split: Any) -> None:
    with pytest.raises(LOUD):
        shuffled_indices(split, train=10, validation=2, test=5, seed=0)


def test_an_unlisted_metric_is_not_macs() -> None:
    with pytest.raises(LOUD):
        changed(Target(), metric="another").amount(B0)


def test_unlisted_questions_of_the_inversion() -> None:
    entry = released_grid(["b1"])[0]
    match: Any = "another"
    with pytest.raises(LOUD):
        preimages(B0, entry, RoundingRules(), match)
    with pytest.raises(LOUD):
        question(B0, entry, RoundingRules(), match, (1.2, 1.1, 1.15))(1.0)
    with pytest.raises(LOUD):
        realised(B0, match)


def test_an_unlisted_format_of_tables_is_not_text() -> None:
    frame = pd.DataFrame({"stage": ["stem"]})
    form: Any = "another"
    with pytest.raises(LOUD):
        write_table(Table(name="t", caption="t", data=frame, shown=frame), form)


def test_an_unlisted_item_of_a_drawing_is_not_text() -> None:
    item: Any = object()
    with pytest.raises(LOUD):
        figure_of(Drawing(title="t", width=10, height=10, items=(item,)))
    with pytest.raises(LOUD):
        list(moved([item], 1, 1))


def test_an_unlisted_size_of_figures_is_not_the_single_column() -> None:
    size: Any = "triple"
    with pytest.raises(LOUD):
        family_figure("family", size)


@pytest.mark.parametrize(
    ("use", "error"),
    [
        (lambda: load_split("another", "train", image_size=28, count=1, seed=0), DataError),
        (lambda: strategy_named("another"), ConfigError),
        (lambda: for_small_input(B0, "another"), SpecError),
        (lambda: rounding_of("another"), SpecError),
        (lambda: family_figure("another"), ConfigError),
        (lambda: run_chart("another"), ConfigError),
        (lambda: published_source("ResNet", cost="another"), ConfigError),
    ],
)
def test_an_unlisted_name_is_said_in_words(use: Callable[[], object], error: type[Exception]) -> None:
    with pytest.raises(error, match="another"):
        use()
