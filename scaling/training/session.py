"""The moving parts of one training, what is kept of them between epochs, and how its network is judged."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from scaling.errors import ScalingError
from scaling.training.augmentation import Augmenter
from scaling.training.batches import ALL, Share, Source, in_order, shuffled, stream_seed
from scaling.training.distributed import Processes, alone
from scaling.training.measurement import SavedBytes, StepClock
from scaling.training.step import Step, autocast, copied

EVALUATION_BATCH = 500
Report = Callable[[int], None]
"""Called after each step with the number of steps done."""


class TrainingInterruptedError(ScalingError):
    """Training was asked to stop; nothing of the epoch in flight is kept."""


class Session:
    """One training between its epochs: take an epoch, keep a state, go back to one.

    Whatever is random within an epoch is seeded by the training's seed and the epoch's number, so a state
    holds no generator.
    """

    def __init__(
        self,
        step: Step,
        data: Source,
        seed: int,
        report: Report,
        should_stop: Callable[[], bool],
        *,
        augmenter: Augmenter | None = None,
        processes: Processes | None = None,
    ) -> None:
        self.step, self.data, self.seed = step, data, seed
        self.report, self.should_stop = report, should_stop
        self.augmenter, self.device = augmenter, data.mean_C11.device
        self.processes = alone(self.device) if processes is None else processes
        self.clock = StepClock(self.device)
        self.epoch, self.loss, self.memory_bytes = 0, math.nan, 0
        self.train_s = 0.0
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
        self.good = self.state()

    def run_epoch(self) -> bool:
        """Train one epoch; False when loss or weights stopped being finite, and nothing of it is kept.

        Out of memory on a GPU, the epoch starts again with batches in twice as many pieces.

        Raises:
            TrainingInterruptedError: `should_stop` said so.
            ScalingError: out of memory at the smallest piece.
        """
        start = time.perf_counter()
        loss = self._epoch()
        while loss is None:
            self.restore(self.good)
            self.step.halve()
            self.good = self.state()
            loss = self._epoch()
        if not (math.isfinite(loss) and _finite(self.step.model)):
            return False
        self.epoch, self.loss = self.epoch + 1, loss
        self.train_s += time.perf_counter() - start
        self.good = self.state()
        return True

    def _epoch(self) -> float | None:
        """Return the mean loss, or None when memory ran out; what the attempt held is free by then."""
        try:
            return self._steps()
        except torch.OutOfMemoryError:
            if self.processes.share.processes > 1:
                raise ScalingError(  # the others are in the middle of a step and cannot start again
                    f"out of memory with {self.step.micro_batch} images at a time in each process: "
                    "set the recipe's micro_batch below that; the same command goes on from the last epoch"
                ) from None
        self.step.optimizer.zero_grad(set_to_none=True)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        return None

    def _steps(self) -> float:
        self.step.model.train()
        torch.manual_seed(stream_seed("layers", self.seed, self.epoch, self.processes.share.rank))
        total, count = torch.zeros((), device=self.device), 0
        self.clock.mark()
        batches = shuffled(
            self.data,
            self.step.recipe.batch_size,
            seed=self.seed,
            epoch=self.epoch,
            augmenter=self.augmenter,
            share=self.processes.share,
        )
        for images, labels in batches:
            if self.should_stop():
                raise TrainingInterruptedError("training was interrupted")
            total += self._one(images, labels)
            count += 1
            self.clock.mark()
            self.report(self.step.done)
        self.processes.average_statistics(self.step)
        self.processes.mean([total])
        loss = float(total) / count  # the epoch's only wait for the device
        self.clock.close()
        if self.device.type == "cuda":
            self.memory_bytes = torch.cuda.max_memory_allocated(self.device)
        return loss

    def _one(self, images: Tensor, labels: Tensor) -> Tensor:
        if self.memory_bytes or self.device.type == "cuda":
            return self.step(images, labels)
        saved = SavedBytes(self.step)
        with saved.counting():
            loss = self.step(images, labels)
        self.memory_bytes = saved.total()
        return loss

    def state(self) -> dict[str, Any]:
        """Return a copy of all that the rest of the training depends on, and of its figures so far."""
        return {
            "step": copied(self.step.state()),
            "epoch": self.epoch,
            "loss": self.loss,
            "memory_bytes": self.memory_bytes,
            "train_s": self.train_s,
            "times_ms": list(self.clock.times_ms),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back, or forward, to a state."""
        self.step.restore(state["step"])
        self.epoch, self.loss, self.train_s = state["epoch"], state["loss"], state["train_s"]
        self.memory_bytes = state["memory_bytes"]
        self.clock = StepClock(self.device, state["times_ms"])
        self.good = state


@torch.no_grad()
def _finite(model: nn.Module) -> bool:
    values = [value for value in model.state_dict().values() if value.is_floating_point()]
    return bool(torch.stack([value.isfinite().all() for value in values]).all())


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a network gave on a split, image by image.

    Args:
        right_N: bool (N,): whether the largest logit is the label's.
        loss_N: float32 (N,): cross-entropy in nats, without label smoothing.
    """

    right_N: Tensor
    loss_N: Tensor

    @property
    def top1(self) -> float:
        """Fraction of images answered right."""
        return int(self.right_N.sum()) / max(len(self.right_N), 1)

    @property
    def loss(self) -> float:
        """Mean cross-entropy in nats; nan without images."""
        return float(self.loss_N.double().mean())


@torch.no_grad()
def answers_of(
    model: nn.Module,
    split: Source,
    *,
    share: Share = ALL,
    gather: Callable[[Tensor], Tensor] = lambda mine: mine,
) -> Answers:
    """Return a network's answers on a split, in evaluation mode."""
    model.eval()
    right = [torch.zeros(0, dtype=torch.bool, device=split.mean_C11.device)]
    loss = [torch.zeros(0, device=split.mean_C11.device)]
    for images, labels in in_order(split, EVALUATION_BATCH, share=share):
        with autocast(images.device):
            logits = model(images)
        right.append(logits.argmax(1) == labels)
        loss.append(functional.cross_entropy(logits.float(), labels, reduction="none"))
    return Answers(right_N=gather(torch.cat(right)), loss_N=gather(torch.cat(loss)))
