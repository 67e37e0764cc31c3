"""The graphed step: the same training as ordinary steps. A stand-in for CUDA's capture runs on the CPU."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import torch
from tiny_setup import tiny_setup
from torch import Tensor

from scaling import build_model
from scaling.model import FIXED_KERNELS
from scaling.training import Recipe
from scaling.training.graph import WARM_UP_STEPS, GraphedUpdate, Replay, Update
from scaling.training.recipe import Optimizer
from scaling.training.step import Step

SETUP = tiny_setup()
STEPS = 8


def rerun(update: Update, images: Tensor, targets: Tensor) -> Replay:
    """Capture as CUDA does: nothing runs now; a replay runs on what the two buffers hold then."""
    return lambda: update(images, targets)


def step_of(recipe: Recipe, *, capture: Any = None) -> Step:
    spec = SETUP.baseline_spec
    model = build_model(spec, numerics=SETUP.model_numerics, seed=0, kernels=FIXED_KERNELS).train()
    step = Step(model.to(memory_format=torch.channels_last), recipe, STEPS)  # type: ignore[call-overload]
    if capture is not None:
        step.graph = GraphedUpdate(step.update, capture)
    return step


def batches(count: int = STEPS) -> list[tuple[Tensor, Tensor]]:
    generator, spec = torch.Generator().manual_seed(1), SETUP.baseline_spec
    shape = (10, spec.in_channels, spec.image_size, spec.image_size)
    return [
        (
            torch.randn(shape, generator=generator).contiguous(memory_format=torch.channels_last),
            torch.randint(spec.num_classes, (10,), generator=generator),
        )
        for _ in range(count)
    ]


def train(step: Step) -> list[float]:
    torch.manual_seed(7)
    return [float(step(images, labels)) for images, labels in batches()]


def assert_alike(one: Step, other: Step) -> None:
    for name, value in one.model.state_dict().items():
        assert torch.equal(value, other.model.state_dict()[name]), name


RECIPES = {
    "sgd": Recipe(epochs=1, batch_size=10, optimizer=Optimizer.SGD, gradient_clip=1.0, ema_decay=0.9),
    "adamw": Recipe(epochs=1, batch_size=10, micro_batch=5, dropout=0.2),
}


@pytest.mark.parametrize("name", RECIPES)
def test_a_graphed_training_is_the_ordinary_one_bit_for_bit(name: str) -> None:
    ordinary, graphed = step_of(RECIPES[name]), step_of(RECIPES[name], capture=rerun)
    assert train(ordinary) == train(graphed)
    assert_alike(ordinary, graphed)
    assert graphed.graph.replay is not None
    assert graphed.done == STEPS


def test_nothing_is_recorded_before_the_warm_up() -> None:
    calls: list[int] = []

    def counting(update: Update, images: Tensor, targets: Tensor) -> Replay:
        calls.append(step.done)
        assert images.is_contiguous(memory_format=torch.channels_last)
        return rerun(update, images, targets)

    step = step_of(RECIPES["sgd"], capture=counting)
    train(step)
    assert calls == [WARM_UP_STEPS]


def test_a_step_that_cannot_be_captured_stays_ordinary(caplog: pytest.LogCaptureFixture) -> None:
    def refuse(*_: object) -> Replay:
        raise RuntimeError("operation not permitted when stream is capturing\nand more")

    ordinary, graphed = step_of(RECIPES["sgd"]), step_of(RECIPES["sgd"], capture=refuse)
    with caplog.at_level(logging.WARNING):
        assert train(ordinary) == train(graphed)
    assert_alike(ordinary, graphed)
    assert len(caplog.records) == 1
    assert "steps stay ordinary" in caplog.text
    assert "and more" not in caplog.text


def test_a_restored_or_split_step_records_again() -> None:
    calls: list[int] = []

    def counting(update: Update, images: Tensor, targets: Tensor) -> Replay:
        calls.append(step.pieces)
        return rerun(update, images, targets)

    step = step_of(RECIPES["sgd"], capture=counting)
    train(step)
    step.restore(step.state())
    train(step)
    step.halve()
    train(step)
    assert calls == [1, 1, 2]


def test_out_of_memory_passes_through_and_forgets_the_recording() -> None:
    def too_large(*_: object) -> Replay:
        raise torch.OutOfMemoryError("no")

    step = step_of(RECIPES["sgd"], capture=too_large)
    with pytest.raises(torch.OutOfMemoryError):
        train(step)
    assert (step.graph.ordinary, step.graph.failed, step.graph.replay) == (0, False, None)


def test_another_shape_runs_ordinarily() -> None:
    step = step_of(RECIPES["sgd"], capture=rerun)
    train(step)
    images, labels = batches(1)[0]
    assert torch.isfinite(step(images[:6], labels[:6]))


def test_the_loss_of_a_step_outlives_the_next() -> None:
    held = torch.zeros(())

    def one_loss(update: Update, images: Tensor, targets: Tensor) -> Replay:
        def replay() -> Tensor:
            return held.copy_(update(images, targets))

        return replay

    step = step_of(RECIPES["sgd"], capture=one_loss)
    losses = [step(images, labels) for images, labels in batches()]
    assert len({float(loss) for loss in losses}) == STEPS
