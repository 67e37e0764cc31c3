"""Train one network and say how good it became. Floor 4.

One code path: float32 with channels_last on a CPU, bfloat16 autocast with channels_last on a GPU.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

import torch
from torch import Tensor, nn
from torch.nn import functional

from scaling.architecture import ArchitectureSpec
from scaling.data.dataset import DatasetInfo, Split
from scaling.errors import ScalingError
from scaling.model import TENSORFLOW, MBConv, Numerics, build_model
from scaling.training.batches import DeviceSplit, in_order, shuffled, steps_per_epoch
from scaling.training.recipe import Optimizer, Recipe, warmup_cosine

EVALUATION_BATCH = 500


class TrainingInterruptedError(ScalingError):
    """Training was asked to stop; nothing of the epoch in flight is kept."""


class Outcome(StrEnum):
    """How a training ended."""

    COMPLETE = "complete"
    DIVERGED = "diverged"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult:
    """What one training gave.

    Args:
        outcome: complete, or diverged when the loss stopped being finite.
        top1: fraction of validation images right after the final epoch, never the best one; nan if diverged.
        epochs: epochs finished.
        wall_s: seconds of training and evaluation.
        images_per_s: training images a second.
    """

    outcome: Outcome
    top1: float
    epochs: int
    wall_s: float
    images_per_s: float


Report = Callable[[int], None]
"""Called after each step with the number of steps done."""

Judged = Callable[[Tensor], None]
"""Called once, after the final epoch, with which validation images were right: bool (N,), in order."""


def train_network(
    spec: ArchitectureSpec,
    recipe: Recipe,
    train: Split,
    validation: Split,
    info: DatasetInfo,
    *,
    seed: int,
    device: torch.device,
    numerics: Numerics = TENSORFLOW,
    report: Report = lambda _step: None,
    should_stop: Callable[[], bool] = lambda: False,
    on_judged: Judged = lambda _right: None,
) -> TrainingResult:
    """Train a network from scratch and evaluate it once, on validation, after the final epoch.

    The same seed, device, threads and versions give the same result on a CPU, bit for bit.

    Args:
        spec: the network; its classes and image channels must be the data's.
        recipe: how to train.
        train: training images at the spec's image size.
        validation: validation images at the spec's image size.
        info: the data set, for normalisation.
        seed: of initial weights, order of images, dropout and stochastic depth.
        device: where to train.
        numerics: padding and batch norm.
        report: called after every step.
        should_stop: asked before every step.
        on_judged: told which validation images were right; never called if the training diverged.

    Raises:
        TrainingInterruptedError: `should_stop` said so.
    """
    torch.manual_seed(seed)
    regularised = _regularised(spec, recipe)
    model = build_model(regularised, numerics=numerics, seed=seed, device=device)
    if recipe.zero_init_residual:
        zero_residual_branches(model)
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    start = time.perf_counter()
    session = _Session(model, recipe, DeviceSplit.of(train, info, device), seed, report, should_stop)
    for epoch in range(recipe.epochs):
        if not session.run_epoch(epoch):
            return _result(Outcome.DIVERGED, math.nan, epoch, start, session, start)
    trained = time.perf_counter()
    right = right_answers(model, DeviceSplit.of(validation, info, device))
    on_judged(right.cpu())
    top1 = int(right.sum()) / len(right)
    return _result(Outcome.COMPLETE, top1, recipe.epochs, start, session, trained)


def _result(
    outcome: Outcome, top1: float, epochs: int, start: float, session: _Session, trained: float
) -> TrainingResult:
    images = session.step * session.recipe.batch_size
    return TrainingResult(
        outcome=outcome,
        top1=top1,
        epochs=epochs,
        wall_s=time.perf_counter() - start,
        images_per_s=images / max(trained - start, 1e-9),
    )


def _regularised(spec: ArchitectureSpec, recipe: Recipe) -> ArchitectureSpec:
    dropout = spec.dropout if recipe.dropout is None else recipe.dropout
    depth = spec.stochastic_depth if recipe.stochastic_depth is None else recipe.stochastic_depth
    return replace(spec, dropout=dropout, stochastic_depth=depth)


class _Session:
    """The moving parts of one training: optimizer, schedule, step counter."""

    def __init__(
        self,
        model: nn.Module,
        recipe: Recipe,
        data: DeviceSplit,
        seed: int,
        report: Report,
        should_stop: Callable[[], bool],
    ) -> None:
        self.model, self.recipe, self.data, self.seed = model, recipe, data, seed
        self.report, self.should_stop = report, should_stop
        self.optimizer = make_optimizer(model, recipe)
        self.total_steps = total_steps(recipe, len(data))
        self.step = 0

    def run_epoch(self, epoch: int) -> bool:
        """Train one epoch; False when the loss stopped being finite."""
        self.model.train()
        loss = torch.zeros(())
        for images, labels in shuffled(self.data, self.recipe.batch_size, seed=self.seed, epoch=epoch):
            if self.should_stop():
                raise TrainingInterruptedError("training was interrupted")
            loss = self.run_step(images, labels)
            self.step += 1
            self.report(self.step)
        return math.isfinite(float(loss))

    def run_step(self, images_NCHW: Tensor, labels_N: Tensor) -> Tensor:
        """Forward, backward, update; returns the loss without waiting for the device."""
        rate = self.recipe.learning_rate * warmup_cosine(
            (self.step + 0.5) / self.total_steps, self.recipe.warmup
        )
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        with autocast(images_NCHW.device):
            logits = self.model(images_NCHW)
            loss = functional.cross_entropy(logits, labels_N, label_smoothing=self.recipe.label_smoothing)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return loss.detach()


def zero_residual_branches(model: nn.Module) -> None:
    """Set the last batch norm's weight of every residual branch to 0: each block starts as the identity."""
    for module in model.modules():
        if isinstance(module, MBConv) and module.stochastic_depth is not None:
            nn.init.zeros_(module.project.norm.weight)


def total_steps(recipe: Recipe, images: int) -> int:
    """Return the optimizer steps of a whole training.

    >>> total_steps(Recipe(epochs=2, batch_size=32), 100)
    6
    """
    return recipe.epochs * steps_per_epoch(images, recipe.batch_size)


def autocast(device: torch.device) -> torch.autocast:
    """Return bfloat16 autocast on a GPU; on a CPU float32, which is faster there at proxy sizes."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda")


def make_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Make the optimizer; weight decay acts on kernels and classifier weights, not on biases and norms."""
    decayed = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    if recipe.optimizer == Optimizer.SGD:
        return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=0.9, nesterov=True, fused=True)
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True)


@torch.no_grad()
def right_answers(model: nn.Module, split: DeviceSplit) -> Tensor:
    """Return for each image whether its largest logit is the label's, in evaluation mode: bool (N,)."""
    model.eval()
    right = []
    for images, labels in in_order(split, EVALUATION_BATCH):
        with autocast(images.device):
            right.append(model(images).argmax(1) == labels)
    return torch.cat(right)


def best_device(name: str = "auto") -> torch.device:
    """Return the device to train on: the one named, or a GPU where there is one.

    Raises:
        ScalingError: the named device is not here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name not in {"cpu", "cuda"}:
        raise ScalingError(f"device must be auto, cpu or cuda, got {name!r}")
    if name == "cuda" and not torch.cuda.is_available():
        raise ScalingError("device cuda was asked for, but torch sees no GPU here; use auto or cpu")
    return torch.device(name)
