"""How good a network is on held-out images: which answers are right, and their cross-entropy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from scaling.training.batches import ALL, Share, Source, in_order
from scaling.training.step import autocast

EVALUATION_BATCH = 500


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
