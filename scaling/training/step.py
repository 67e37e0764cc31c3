"""One optimizer step, free of waiting: what changes from step to step is a tensor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

from scaling.errors import ScalingError
from scaling.training.graph import GraphedUpdate
from scaling.training.optimizers import MovingAverage, make_optimizer, set_rate
from scaling.training.recipe import Recipe, learning_rate

SMALLEST_MICRO_BATCH = 2
"""Batch norm needs two images."""


class Step:
    """Forward, backward, update of one batch, in as many pieces as memory asks for.

    A call is `schedule` (the host writes this step's rate and averaging share) and `update` (the device
    works). `update` reads nothing back and branches on nothing but shapes, so a graph can capture it.

    In pieces, batch norm normalises each piece by itself; its running statistics move as if the pieces'
    statistics had been averaged first, so their memory in steps stays the same.

    Args:
        model: the network, in training mode when the step is called.
        forward: what is called in place of the model, such as its data-parallel wrapper.
        batch_size: images a call, where they are not the recipe's whole batch.
        graphs: record the update as a CUDA graph after a few steps.
    """

    def __init__(
        self,
        model: nn.Module,
        recipe: Recipe,
        total_steps: int,
        *,
        forward: nn.Module | None = None,
        batch_size: int | None = None,
        graphs: bool = False,
    ) -> None:
        self.model, self.recipe, self.total_steps = model, recipe, total_steps
        self.forward = model if forward is None else forward
        self.batch_size = batch_size or recipe.batch_size
        self.pieces, self.done = -(-self.batch_size // (recipe.micro_batch or self.batch_size)), 0
        self.optimizer = make_optimizer(model, recipe)
        self.graph = GraphedUpdate(self.update) if graphs else None
        self.average = None if recipe.ema_decay is None else MovingAverage(model, recipe.ema_decay)
        self.norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]

    def __call__(self, images_NCHW: Tensor, targets: Tensor) -> Tensor:
        """Take one step.

        Args:
            images_NCHW: normalised, on the model's device.
            targets: labels (N,) as int64, or shares of classes (N, K).

        Returns:
            The batch's mean loss, detached, still on the device.
        """
        self.schedule()
        run = self.update if self.graph is None else self.graph
        loss = run(images_NCHW, targets)
        self.done += 1
        return loss

    def schedule(self) -> None:
        """Set the rate in the middle of this step, and the share of the moving average."""
        set_rate(self.optimizer, learning_rate(self.recipe, (self.done + 0.5) / self.total_steps))
        if self.average is not None:
            self.average.schedule(self.done + 1)

    def update(self, images_NCHW: Tensor, targets: Tensor) -> Tensor:
        """Compute gradients and apply them."""
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.gradients(images_NCHW, targets)
        if self.recipe.gradient_clip is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.gradient_clip)
        self.optimizer.step()
        if self.average is not None:
            self.average.update()
        return loss

    def gradients(self, images_NCHW: Tensor, targets: Tensor) -> Tensor:
        """Add the batch's mean gradients to the parameters and return its mean loss."""
        if self.pieces == 1:
            return self._backward(images_NCHW, targets, 1.0)
        total = torch.zeros((), device=images_NCHW.device)
        parts = zip(images_NCHW.tensor_split(self.pieces), targets.tensor_split(self.pieces), strict=True)
        with self._equal_statistics() as next_piece:
            for piece, (images, wanted) in enumerate(parts):
                next(next_piece)
                last = piece == self.pieces - 1
                with nullcontext() if last else self._unsynchronised():
                    total += self._backward(images, wanted, len(images) / len(images_NCHW))
        return total

    def _backward(self, images_NCHW: Tensor, targets: Tensor, share: float) -> Tensor:
        with autocast(images_NCHW.device):
            logits = self.forward(images_NCHW)
            smoothing = self.recipe.label_smoothing
            loss = share * functional.cross_entropy(logits, targets, label_smoothing=smoothing)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    def _unsynchronised(self) -> AbstractContextManager[Any]:
        if isinstance(self.forward, DistributedDataParallel):
            return self.forward.no_sync()
        return nullcontext()

    @contextmanager
    def _equal_statistics(self) -> Iterator[Iterator[None]]:
        """Give piece i of k the momentum with which each weighs m / k in the running statistics."""
        momenta = [norm.momentum or 0.0 for norm in self.norms]

        def pieces() -> Iterator[None]:
            for piece in range(self.pieces):
                for norm, momentum in zip(self.norms, momenta, strict=True):
                    each = momentum / self.pieces
                    norm.momentum = each / (1 - (self.pieces - 1 - piece) * each)
                yield

        try:
            yield pieces()
        finally:
            for norm, momentum in zip(self.norms, momenta, strict=True):
                norm.momentum = momentum

    @property
    def micro_batch(self) -> int:
        """Images of the largest piece."""
        return -(-self.batch_size // self.pieces)

    def halve(self) -> None:
        """Split batches into twice as many pieces.

        Raises:
            ScalingError: pieces would be smaller than batch norm can use.
        """
        if self.batch_size // (2 * self.pieces) < SMALLEST_MICRO_BATCH:
            raise ScalingError(
                f"out of memory with {self.micro_batch} images at a time, and batch norm needs "
                f"{SMALLEST_MICRO_BATCH}: take a smaller network or image size"
            )
        self.pieces *= 2
        self._forget_graph()

    def _forget_graph(self) -> None:
        """A graph works on the tensors, and in the pieces, that it was recorded with."""
        if self.graph is not None:
            self.graph.reset()

    def state(self) -> dict[str, Any]:
        """Return everything that the next step depends on; tensors are not copied."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": [] if self.average is None else self.average.average,
            "done": self.done,
            "pieces": self.pieces,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state; its tensors are not kept."""
        rates = [group["lr"] for group in self.optimizer.param_groups]
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(copied(state["optimizer"]))
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate  # keeps a rate that is a tensor on the device
        if self.average is not None:
            torch._foreach_copy_(self.average.average, list(state["average"]))
        self.done, self.pieces = state["done"], state["pieces"]
        self._forget_graph()


def autocast(device: torch.device) -> torch.autocast:
    """Return bfloat16 autocast on a GPU; on a CPU float32, which is faster there at proxy sizes."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda")


def copied(state: Any) -> Any:
    """Return a state with every tensor copied to the host, layout kept.

    >>> copied({"a": [torch.ones(2), 3]})
    {'a': [tensor([1., 1.]), 3]}
    """
    if isinstance(state, Tensor):
        return state.detach().to("cpu", copy=True)
    if isinstance(state, dict):
        return {key: copied(value) for key, value in state.items()}
    if isinstance(state, list | tuple):
        return [copied(value) for value in state]
    return state
