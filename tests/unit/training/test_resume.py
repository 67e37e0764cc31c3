"""A training that stops and goes on equals one that never stopped, bit for bit."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_setup import tiny_setup

from scaling.data import Split, dataset_info, load_split
from scaling.model import build_model
from scaling.model.depthwise import FIXED_KERNELS
from scaling.training import Recipe, TrainingResult, train_network
from scaling.training.augmentation import Augmentation
from scaling.training.curve import Curve
from scaling.training.engine import Outcome, TrainingInterruptedError

SPEC = tiny_setup().baseline_spec
NUMERICS = tiny_setup().model_numerics
INFO = dataset_info("glyphs")
EVERYTHING = Recipe(
    epochs=3,
    batch_size=25,
    dropout=0.2,
    stochastic_depth=0.2,
    label_smoothing=0.1,
    ema_decay=0.9,
    warmup=0.3,
    gradient_clip=5.0,
    augmentation=Augmentation(crop_padding=2, flip=True, brightness=0.2, erasing=0.2, mixup=0.2),
)


@pytest.fixture(scope="module")
def splits(tmp_path_factory: pytest.TempPathFactory) -> tuple[Split, Split]:
    cache = tmp_path_factory.mktemp("glyphs")
    train = load_split("glyphs", "train", image_size=16, count=100, seed=0, cache_dir=cache)
    return train, load_split("glyphs", "validation", image_size=16, count=50, seed=0, cache_dir=cache)


def trained(splits: tuple[Split, Split], recipe: Recipe, **more: Any) -> TrainingResult:
    cpu = torch.device("cpu")
    settings = {"seed": 5, "device": cpu, "numerics": NUMERICS, "kernels": FIXED_KERNELS}
    return train_network(SPEC, recipe, *splits, INFO, **(settings | more))


def final_state(path: Path) -> dict[str, Any]:
    """The last checkpoint's state, without what the clock gives."""
    content = path.read_bytes()
    payload = content[content.index(b"\n", 30) + 1 :]
    state = torch.load(io.BytesIO(payload), weights_only=True)["state"]
    step: dict[str, Any] = state["session"]["step"]
    return step | {"loss": state["session"]["loss"]}


def same(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b)


@pytest.mark.parametrize(
    ("optimizer", "stop_at"), [("adamw", 1), ("adamw", 6), ("adamw", 8), ("sgd", 6), ("rmsprop", 6)]
)
def test_resumed_equals_uninterrupted(
    splits: tuple[Split, Split], tmp_path: Path, optimizer: str, stop_at: int
) -> None:
    recipe = replace(EVERYTHING, optimizer=optimizer)  # type: ignore[arg-type]
    whole = trained(splits, recipe, checkpoint=tmp_path / "whole")
    done: list[int] = []
    with pytest.raises(TrainingInterruptedError):
        trained(
            splits,
            recipe,
            checkpoint=tmp_path / "parts",
            report=done.append,
            should_stop=lambda: len(done) >= stop_at,
        )
    again: list[int] = []
    resumed = trained(splits, recipe, checkpoint=tmp_path / "parts", report=again.append)
    assert again[0] == stop_at // 4 * 4 + 1  # only the epoch in flight was lost
    assert (resumed.top1, resumed.loss, resumed.epochs) == (whole.top1, whole.loss, whole.epochs)
    assert resumed.memory_bytes == whole.memory_bytes
    assert same(final_state(tmp_path / "whole"), final_state(tmp_path / "parts"))


@pytest.mark.parametrize(
    ("recipe", "more", "what"),
    [
        (replace(EVERYTHING, epochs=2), {}, "recipe"),
        (replace(EVERYTHING, epochs=1), {"kernels": None}, "kernels"),
    ],
)
def test_a_checkpoint_of_another_training_is_not_gone_on_from(
    recipe: Recipe,
    more: dict[str, Any],
    what: str,
    splits: tuple[Split, Split],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    trained(splits, replace(EVERYTHING, epochs=1), checkpoint=tmp_path / "one")
    steps: list[int] = []
    trained(splits, recipe, checkpoint=tmp_path / "one", report=steps.append, **more)
    assert steps[0] == 1
    assert f"{what} not the same" in caplog.messages[0]


def test_each_epoch_is_told_with_its_accuracy(splits: tuple[Split, Split]) -> None:
    curves: list[Curve] = []
    result = trained(splits, EVERYTHING, on_epoch=curves.append)
    ends = curves[-1]
    assert [len(curve) for curve in curves] == [1, 2, 3]
    assert [(end.epoch, end.steps) for end in ends] == [(1, 4), (2, 8), (3, 12)]
    assert all(math.isfinite(end.loss) and math.isfinite(end.validation_loss) for end in ends)
    assert all(end.seconds > 0 for end in ends)
    assert ends[-1].learning_rate < ends[0].learning_rate
    assert (result.top1, result.validation_loss) == (ends[-1].top1, ends[-1].validation_loss)
    assert result.curve == ends
    assert result.top1 == trained(splits, EVERYTHING).top1  # looking does not change the training


def test_what_on_epoch_raises_passes_through(splits: tuple[Split, Split]) -> None:
    class PrunedError(Exception):
        pass

    def prune(curve: Curve) -> None:
        if len(curve) == 2:
            raise PrunedError

    with pytest.raises(PrunedError):
        trained(splits, EVERYTHING, on_epoch=prune)


def test_a_diverged_training_keeps_its_last_good_figures(splits: tuple[Split, Split]) -> None:
    # The warm-up's first epoch is harmless, the peak is not.
    recipe = replace(EVERYTHING, epochs=30, optimizer="sgd", learning_rate=1e4, warmup=0.99)  # type: ignore[arg-type]
    curves: list[Curve] = []
    result = trained(splits, recipe, on_epoch=curves.append)
    ends = curves[-1]
    assert result.outcome == Outcome.DIVERGED
    assert 0 < result.epochs < 30
    assert (result.epochs, result.top1, result.loss) == (len(ends), ends[-1].top1, ends[-1].loss)
    assert math.isfinite(result.loss or math.nan)


def test_costs_are_measured(splits: tuple[Split, Split]) -> None:
    result = trained(splits, EVERYTHING)
    assert result.micro_batch == 25
    assert min(result.inference_ms_batch_1, result.inference_ms, result.train_step_ms) > 0
    assert result.images_per_s > 0
    weights = 4 * sum(p.numel() for p in _model().parameters())
    assert result.memory_bytes > 5 * weights  # weights, gradients, two moments, average, and maps
    larger = trained(splits, replace(EVERYTHING, batch_size=50)).memory_bytes
    assert result.memory_bytes < larger < 2 * result.memory_bytes


def test_a_set_smaller_than_a_batch_is_one_batch(splits: tuple[Split, Split]) -> None:
    steps: list[int] = []
    result = trained(splits, replace(EVERYTHING, epochs=2, batch_size=4096), report=steps.append)
    assert steps == [1, 2]
    assert result.micro_batch == 100
    assert (
        200 <= result.images_per_s * result.wall_s < 8192
    )  # 200 images were trained on, not two whole batches


def _model() -> torch.nn.Module:
    return build_model(SPEC, numerics=NUMERICS)
