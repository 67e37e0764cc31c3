"""Training on a few real glyphs: deterministic, learning, stoppable."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from tiny_setup import tiny_setup

from scaling.data import Split, dataset_info, load_split
from scaling.errors import ScalingError
from scaling.model import MBConv, build_model
from scaling.training import Recipe, TrainingResult, train_network
from scaling.training.engine import (
    Outcome,
    TrainingInterruptedError,
    best_device,
    total_steps,
    zero_residual_branches,
)
from scaling.training.measurement import with_threads

SPEC = tiny_setup().baseline_spec
NUMERICS = tiny_setup().model_numerics
INFO = dataset_info("glyphs")
RECIPE = Recipe(epochs=1, batch_size=25, dropout=0.2, stochastic_depth=0.2)


@pytest.fixture(scope="module")
def splits(tmp_path_factory: pytest.TempPathFactory) -> tuple[Split, Split]:
    cache = tmp_path_factory.mktemp("glyphs")
    train = load_split("glyphs", "train", image_size=16, count=300, seed=0, cache_dir=cache)
    return train, load_split("glyphs", "validation", image_size=16, count=100, seed=0, cache_dir=cache)


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    with with_threads(1):
        yield


def trained(
    splits: tuple[Split, Split], recipe: Recipe = RECIPE, seed: int = 0, **more: Any
) -> TrainingResult:
    cpu = torch.device("cpu")
    return train_network(SPEC, recipe, *splits, INFO, seed=seed, device=cpu, numerics=NUMERICS, **more)


def weights_after(splits: tuple[Split, Split], seed: int, recipe: Recipe = RECIPE) -> list[torch.Tensor]:
    """Train, and return every parameter and buffer at the end."""
    kept: list[torch.Tensor] = []

    def keep(model: torch.nn.Module) -> None:
        kept.extend(value.clone() for value in model.state_dict().values())

    trained(splits, recipe, seed, on_trained=keep)
    return kept


def test_who_asks_is_told_which_images_were_right(splits: tuple[Split, Split]) -> None:
    told: list[torch.Tensor] = []
    result = trained(splits, on_judged=told.append)
    (right,) = told
    assert right.dtype == torch.bool
    assert len(right) == len(splits[1])
    assert float(right.double().mean()) == result.top1


def test_the_same_seed_gives_the_same_weights_bit_for_bit(splits: tuple[Split, Split]) -> None:
    torch.manual_seed(123)  # what came before must not matter
    first = weights_after(splits, seed=3)
    torch.rand(11)
    second = weights_after(splits, seed=3)
    other = weights_after(splits, seed=4)
    assert len(first) == len(second) > 20
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, other, strict=True))


def test_training_images_are_learnt(splits: tuple[Split, Split]) -> None:
    # Judged on the images that were trained on: whether gradients do their work, not how glyphs generalise.
    train, _ = splits
    recipe = Recipe(epochs=12, batch_size=25, learning_rate=0.02, dropout=0.0, stochastic_depth=0.0)
    top1 = trained((train, train), recipe).top1
    chance = 1 / INFO.num_classes
    three_deviations = 3 * math.sqrt(chance * (1 - chance) / len(train))
    assert top1 > chance + 3 * three_deviations


def test_an_absurd_rate_diverges(splits: tuple[Split, Split]) -> None:
    recipe = Recipe(epochs=3, batch_size=25, learning_rate=1e30, optimizer="sgd")  # type: ignore[arg-type]
    result = trained(splits, recipe)
    assert result.outcome == Outcome.DIVERGED
    assert math.isnan(result.top1)
    assert result.epochs < 3


def test_what_is_reported_is_what_was_done(splits: tuple[Split, Split]) -> None:
    steps: list[int] = []
    result = trained(splits, replace(RECIPE, epochs=2), report=steps.append)
    assert steps == list(range(1, total_steps(replace(RECIPE, epochs=2), 300) + 1))
    assert len(steps) == 24
    assert (result.outcome, result.epochs) == (Outcome.COMPLETE, 2)
    assert result.wall_s > 0
    assert result.images_per_s > 0
    assert 0 <= result.top1 <= 1


def test_training_stops_when_asked_and_at_once(splits: tuple[Split, Split]) -> None:
    steps: list[int] = []
    with pytest.raises(TrainingInterruptedError):
        trained(splits, report=steps.append, should_stop=lambda: len(steps) >= 5)
    assert steps == [1, 2, 3, 4, 5]


def test_zeroed_branches_make_every_block_with_a_skip_the_identity() -> None:
    model = build_model(SPEC, numerics=NUMERICS, seed=0)
    zero_residual_branches(model)
    model.eval()
    blocks = [module for module in model.modules() if isinstance(module, MBConv)]
    with_skip = [block for block in blocks if block.stochastic_depth is not None]
    assert 0 < len(with_skip) < len(blocks)
    for block in blocks:
        x = torch.randn(2, block.depthwise.conv.in_channels, 8, 8)
        if not isinstance(block.expand, torch.nn.Identity):
            x = torch.randn(2, block.expand.conv.in_channels, 8, 8)  # type: ignore[union-attr]
        with torch.no_grad():
            same = torch.equal(block(x), x) if block in with_skip else False
        assert same == (block in with_skip)


def test_the_recipe_sets_the_rate_of_every_step(
    splits: tuple[Split, Split], monkeypatch: pytest.MonkeyPatch
) -> None:
    rates: list[float] = []
    original = torch.optim.AdamW.step

    def step(self: torch.optim.AdamW, *arguments: Any) -> Any:
        rates.extend({group["lr"] for group in self.param_groups})
        return original(self, *arguments)

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    trained(splits, replace(RECIPE, learning_rate=0.01, warmup=0.25))
    assert len(rates) == 12
    assert rates[:3] == pytest.approx([0.01 * (n + 0.5) / 3 for n in range(3)])
    assert rates[3:] == sorted(rates[3:], reverse=True)
    assert max(rates) <= 0.01
    assert rates[-1] < 0.0005


def test_devices_are_named_or_found() -> None:
    assert best_device("cpu") == torch.device("cpu")
    assert best_device().type in {"cpu", "cuda"}
    with pytest.raises(ScalingError, match="must be auto, cpu or cuda"):
        best_device("tpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_here_is_refused() -> None:
    with pytest.raises(ScalingError, match="no GPU here"):
        best_device("cuda")
