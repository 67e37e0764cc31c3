"""Optimizers, the released training's RMSProp among them, and the moving average that it evaluates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from scaling.training.recipe import Optimizer, Recipe


class TensorFlowRMSProp(torch.optim.Optimizer):
    """RMSProp as TensorFlow 1 computes it.

    It differs from torch's in three ways: epsilon is inside the square root, the mean square starts at 1, and
    the learning rate is inside the momentum, so that a lower rate does not shrink steps already under way.

    Args:
        params: tensors or groups; a group may have its own weight_decay (L2, added to the gradient).
        lr: learning rate; a tensor on the parameters' device when a graph captures the step.
        decay: of the mean square.
        momentum: of the step.
        epsilon: added to the mean square.

    Source: tensorflow/core/kernels/training_ops.cc, ApplyRMSProp; the figures are those of
        tensorflow/tpu models/official/efficientnet/utils.py, build_optimizer.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float | Tensor,
        *,
        decay: float = 0.9,
        momentum: float = 0.9,
        epsilon: float = 1e-3,
    ) -> None:
        defaults = {"lr": lr, "decay": decay, "momentum": momentum, "epsilon": epsilon, "weight_decay": 0.0}
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient; nothing waits for the device."""
        assert closure is None
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            if not parameters:
                continue
            for parameter in parameters:
                if not self.state[parameter]:
                    self.state[parameter]["mean_square"] = torch.ones_like(parameter)
                    self.state[parameter]["step"] = torch.zeros_like(parameter)
            _apply(group, parameters, [self.state[p] for p in parameters])


def _apply(group: dict[str, Any], parameters: list[Tensor], states: list[dict[str, Tensor]]) -> None:
    gradients = [p.grad for p in parameters if p.grad is not None]
    squares, steps = [s["mean_square"] for s in states], [s["step"] for s in states]
    if group["weight_decay"]:
        gradients = list(torch._foreach_add(gradients, parameters, alpha=group["weight_decay"]))
    torch._foreach_mul_(squares, group["decay"])
    torch._foreach_addcmul_(squares, gradients, gradients, 1 - group["decay"])
    roots = torch._foreach_add(squares, group["epsilon"])
    torch._foreach_sqrt_(roots)
    moves = torch._foreach_div(gradients, roots)
    torch._foreach_mul_(moves, group["lr"])
    torch._foreach_mul_(steps, group["momentum"])
    torch._foreach_add_(steps, moves)
    torch._foreach_sub_(parameters, steps)


def make_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Make the recipe's optimizer; on a GPU the rate is a tensor, so that a graph can hold the step."""
    groups = parameter_groups(model, recipe)
    device = next(model.parameters()).device
    on_gpu = device.type == "cuda"
    rate = torch.tensor(recipe.learning_rate, device=device) if on_gpu else recipe.learning_rate
    match recipe.optimizer:
        case Optimizer.SGD:
            return torch.optim.SGD(
                groups, lr=rate, momentum=recipe.momentum, nesterov=recipe.momentum > 0, fused=True
            )
        case Optimizer.ADAMW:
            return torch.optim.AdamW(groups, lr=rate, fused=True, capturable=on_gpu)
        case Optimizer.RMSPROP:
            return TensorFlowRMSProp(groups, rate, momentum=recipe.momentum)


def parameter_groups(model: nn.Module, recipe: Recipe) -> list[dict[str, Any]]:
    """Split parameters by weight decay: kernels, and biases where the recipe says so; never batch norm.

    Source: tensorflow/tpu models/official/efficientnet/main.py, model_fn: L2 on every variable whose name
        lacks "batch_normalization", biases included.
    """
    norms = {id(p) for m in model.modules() if isinstance(m, nn.BatchNorm2d) for p in m.parameters()}

    def decays(parameter: Tensor) -> bool:
        return id(parameter) not in norms and (parameter.ndim > 1 or recipe.decay_biases)

    return [
        {"params": [p for p in model.parameters() if decays(p)], "weight_decay": recipe.weight_decay},
        {"params": [p for p in model.parameters() if not decays(p)], "weight_decay": 0.0},
    ]


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of every group; a rate that is a tensor is filled in place, without waiting."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


class MovingAverage:
    """Exponential moving average of every parameter and batch-norm statistic.

    It starts at the initial weights; its decay, in (0, 1) and .9999 as released, warms up as
    min(decay, (1 + n) / (10 + n)) after n steps.

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
