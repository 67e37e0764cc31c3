"""The moving average of a network's weights, which is what the released training evaluates."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class MovingAverage:
    """Exponential moving average of every parameter and batch-norm statistic.

    It starts at the initial weights; its decay warms up as min(decay, (1 + n) / (10 + n)) after n steps.

    Args:
        model: what is averaged.
        decay: in (0, 1); .9999 as released.

    Source: tf.train.ExponentialMovingAverage with num_updates, applied after the step has been counted
        (tensorflow/tpu models/official/efficientnet/main.py, model_fn, and utils.py, get_ema_vars).
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.live = [value for value in model.state_dict().values() if value.is_floating_point()]
        self.average = [value.detach().clone() for value in self.live]
        self.share = torch.zeros((), device=self.live[0].device)

    def schedule(self, step: int) -> None:
        """Say how many steps will be done after this one; a tensor, so that a graph can hold the update."""
        self.share.fill_(1 - min(self.decay, (1 + step) / (10 + step)))

    @torch.no_grad()
    def update(self) -> None:
        """Move the average towards the weights."""
        difference = torch._foreach_sub(self.live, self.average)
        torch._foreach_mul_(difference, self.share)
        torch._foreach_add_(self.average, difference)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the network carry the average for a while."""
        kept = [value.clone() for value in self.live]
        self._copy(self.average)
        try:
            yield
        finally:
            self._copy(kept)

    @torch.no_grad()
    def _copy(self, values: list[Tensor]) -> None:
        torch._foreach_copy_(self.live, values)
