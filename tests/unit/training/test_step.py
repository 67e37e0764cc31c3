"""One step: whole or in pieces, on any optimizer, and what happens when memory runs out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tiny_setup import tiny_setup
from torch import Tensor, nn

from scaling.data import Split, dataset_info
from scaling.errors import ScalingError
from scaling.model import build_model
from scaling.training import Recipe, train_network
from scaling.training.optimizers import MovingAverage, TensorFlowRMSProp, make_optimizer
from scaling.training.step import Step

SPEC = replace(tiny_setup().baseline_spec, dropout=0.0, stochastic_depth=0.0)
NUMERICS = tiny_setup().model_numerics
RECIPE = Recipe(epochs=1, batch_size=24, optimizer="sgd", learning_rate=0.1, warmup=0.0)  # type: ignore[arg-type]


def batch(count: int = 24) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(count, SPEC.in_channels, 16, 16, generator=generator)
    return images, torch.randint(SPEC.num_classes, (count,), generator=generator)


def in_pieces(pieces: int) -> Recipe:
    return replace(RECIPE, micro_batch=-(-RECIPE.batch_size // pieces))


class WithoutNorm(nn.Module):
    """A small network whose images do not see each other."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = nn.Conv2d(SPEC.in_channels, 8, 3), nn.Linear(8, SPEC.num_classes)

    def forward(self, x_NCHW: Tensor) -> Tensor:  # noqa: N803
        logits: Tensor = self.last(self.first(x_NCHW).relu().mean((2, 3)))
        return logits


@pytest.mark.parametrize("pieces", [2, 4, 5])
def test_without_batch_norm_pieces_give_the_whole_batch(pieces: int) -> None:
    whole, split = (Step(WithoutNorm(), in_pieces(n), 10) for n in (1, pieces))
    for _ in range(3):
        losses = [float(step(*batch())) for step in (whole, split)]
        assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    for a, b in zip(whole.model.parameters(), split.model.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_with_batch_norm_pieces_differ_because_each_is_normalised_by_itself() -> None:
    whole, split = (Step(build_model(SPEC, numerics=NUMERICS, seed=0), in_pieces(n), 10) for n in (1, 2))
    for step in (whole, split):
        step.model.train()
        step(*batch())
    assert any(
        not torch.allclose(a, b, rtol=1e-3, atol=1e-5)
        for a, b in zip(whole.model.parameters(), split.model.parameters(), strict=True)
    )


def test_running_statistics_of_pieces_are_those_of_their_mean() -> None:
    images, labels = batch()
    model = nn.Sequential(nn.BatchNorm2d(SPEC.in_channels, momentum=0.3), WithoutNorm())
    step = Step(model, in_pieces(3), 10)
    model.train()
    step(images, labels)
    norm = model[0]
    assert isinstance(norm, nn.BatchNorm2d)
    means = torch.stack([part.mean((0, 2, 3)) for part in images.tensor_split(3)])
    variances = torch.stack([part.var((0, 2, 3)) for part in images.tensor_split(3)])
    torch.testing.assert_close(norm.running_mean, 0.3 * means.mean(0))
    torch.testing.assert_close(norm.running_var, 0.7 * torch.ones(1) + 0.3 * variances.mean(0))
    assert norm.momentum == 0.3


def test_clipping_bounds_the_step() -> None:
    recipe = replace(RECIPE, gradient_clip=1e-3, momentum=0.0, weight_decay=0.0, schedule="constant")  # type: ignore[arg-type]
    step = Step(WithoutNorm(), recipe, 10)
    before = [p.detach().clone() for p in step.model.parameters()]
    step(*batch())
    moved = sum(((a - b.detach()) ** 2).sum() for a, b in zip(before, step.model.parameters(), strict=True))
    assert float(moved) ** 0.5 == pytest.approx(1e-3 * 0.1, rel=1e-3)


def reference_rmsprop(weight: np.ndarray, gradients: list[np.ndarray], rates: list[float]) -> np.ndarray:
    """TensorFlow's update, written out: ms ← .9 ms + .1 g²; mom ← .9 mom + lr g / √(ms + ε); w ← w − mom."""
    mean_square, step = np.ones_like(weight), np.zeros_like(weight)
    for gradient, rate in zip(gradients, rates, strict=True):
        total = gradient + 0.01 * weight
        mean_square = 0.9 * mean_square + 0.1 * total**2
        step = 0.9 * step + rate * total / np.sqrt(mean_square + 1e-3)
        weight = weight - step
    return weight


def test_rmsprop_is_tensorflows_and_not_torchs() -> None:
    rng = np.random.default_rng(0)
    start, gradients = rng.normal(size=7), list(rng.normal(size=(5, 7)))
    rates = [0.1, 0.1, 0.05, 0.2, 0.01]
    ours = nn.Parameter(torch.from_numpy(start.copy()))
    torchs = nn.Parameter(torch.from_numpy(start.copy()))
    optimizer = TensorFlowRMSProp([{"params": [ours], "weight_decay": 0.01}], 0.1)
    other = torch.optim.RMSprop([torchs], 0.1, alpha=0.9, eps=1e-3, momentum=0.9, weight_decay=0.01)
    for gradient, rate in zip(gradients, rates, strict=True):
        for parameter, each in ((ours, optimizer), (torchs, other)):
            parameter.grad = torch.from_numpy(gradient.copy())
            each.param_groups[0]["lr"] = rate
            each.step()
    expected = torch.from_numpy(reference_rmsprop(start, gradients, rates))
    torch.testing.assert_close(ours.detach(), expected, rtol=1e-12, atol=0)
    assert not torch.allclose(torchs.detach(), expected, rtol=1e-2)


def test_a_rate_that_is_a_tensor_gives_the_same_step() -> None:
    results = []
    for rate in (0.1, torch.tensor(0.1, dtype=torch.float64)):
        weight = nn.Parameter(torch.arange(4.0, dtype=torch.float64))
        optimizer = TensorFlowRMSProp([weight], rate)
        weight.grad = torch.ones(4, dtype=torch.float64)
        optimizer.step()
        results.append(weight.detach())
    torch.testing.assert_close(*results)


@pytest.mark.parametrize(("biases", "optimizer"), [(False, "adamw"), (True, "rmsprop"), (False, "sgd")])
def test_decay_spares_batch_norm_and_unless_asked_for_biases(biases: bool, optimizer: str) -> None:
    model = build_model(SPEC, numerics=NUMERICS, seed=0)
    recipe = Recipe(epochs=1, weight_decay=0.3, decay_biases=biases, optimizer=optimizer)  # type: ignore[arg-type]
    made = make_optimizer(model, recipe)
    decay = {id(p): group["weight_decay"] for group in made.param_groups for p in group["params"]}
    for name, parameter in model.named_parameters():
        decayed = "norm" not in name and (biases or name.endswith("weight"))
        assert decay[id(parameter)] == (0.3 if decayed else 0.0), name
    assert len(decay) == len(list(model.parameters()))


def test_the_average_warms_up_and_covers_statistics() -> None:
    norm = nn.BatchNorm2d(2)
    average = MovingAverage(norm, 0.9)
    expected = torch.zeros(2)
    for step in range(1, 200):
        norm.running_mean.fill_(float(step))
        average.schedule(step)
        average.update()
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
        if step == 1:
            assert expected.tolist() == pytest.approx([9 / 11] * 2)
    with average.in_place():
        torch.testing.assert_close(norm.running_mean, expected)
    assert norm.running_mean.tolist() == [199.0, 199.0]
    assert int(norm.num_batches_tracked or 0) == 0  # counts are not averaged


def test_out_of_memory_halves_the_batch_and_the_epoch_starts_again(monkeypatch: pytest.MonkeyPatch) -> None:
    # A device that holds 13 images at a time.
    original, sizes = Step._backward, []

    def backward(self: Step, images: Tensor, *rest: Any) -> Tensor:
        sizes.append(len(images))
        if len(images) > 13 or (len(sizes) == 5 and self.pieces == 2):
            raise torch.OutOfMemoryError("no more")
        return original(self, images, *rest)

    split = Split(
        images=np.random.default_rng(0).integers(0, 256, (48, SPEC.in_channels, 16, 16), np.uint8),
        labels=np.arange(48) % SPEC.num_classes,
    )
    info, cpu = dataset_info("glyphs"), torch.device("cpu")

    def trained(recipe: Recipe) -> Any:
        return train_network(SPEC, recipe, split, split, info, seed=0, device=cpu, numerics=NUMERICS)

    monkeypatch.setattr(Step, "_backward", backward)
    result = trained(RECIPE)
    # 24 is too many; 12 fits until the second step; then the whole epoch again with 6.
    assert sizes == [24, 12, 12, 12, 12, *[6] * 8]
    assert (result.micro_batch, result.epochs) == (6, 1)
    monkeypatch.setattr(Step, "_backward", original)
    assert trained(in_pieces(4)).loss == result.loss  # nothing of the failed attempts is left


def test_too_little_memory_for_two_images_is_an_error_that_says_so() -> None:
    step = Step(WithoutNorm(), RECIPE, 10)
    for pieces in (2, 4, 8):
        step.halve()
        assert step.pieces == pieces
    assert step.micro_batch == 3
    with pytest.raises(ScalingError, match="out of memory with 3 images at a time, and batch norm needs 2"):
        step.halve()
