"""The referees: fvcore and torch's own counter on the built module. Floor 3; imports nothing from `model`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from fvcore.nn import FlopCountAnalysis
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True, slots=True, kw_only=True)
class FvcoreCount:
    """What fvcore counts in one forward pass of one image, in evaluation mode.

    Args:
        by_operator: conv and linear in multiply-adds; batch_norm (2 an element) and adaptive_avg_pool2d
            (1 an element) in fvcore's own units.
        unsupported: operators that nobody counts, with their calls.
    """

    by_operator: dict[str, int]
    unsupported: dict[str, int]

    @property
    def total(self) -> int:
        """Total as fvcore prints it: the units of its operators are mixed."""
        return sum(self.by_operator.values())

    @property
    def macs(self) -> int:
        """Convolutions and linear layers alone: the convention of this package."""
        return self.by_operator.get("conv", 0) + self.by_operator.get("linear", 0)


@torch.no_grad()
def count_with_fvcore(pieces: nn.Module | Sequence[nn.Module], input_shape: tuple[int, ...]) -> FvcoreCount:
    """Count a module with fvcore on real tensors.

    A trace keeps every intermediate map alive; pieces that run one after another are traced one by one, which
    gives the same counts in the memory of the largest piece.

    Args:
        pieces: a module, or modules that run one after another; switched to evaluation mode.
        input_shape: (N, C, H, W).

    Source: fvcore.nn.FlopCountAnalysis.

    >>> count_with_fvcore(nn.Conv2d(3, 8, 3, padding=1, bias=False), (1, 3, 10, 10)).by_operator
    {'conv': 21600}
    """
    x = torch.zeros(input_shape)
    counted: Counter[str] = Counter()
    unsupported: Counter[str] = Counter()
    for piece in [pieces] if isinstance(pieces, nn.Module) else pieces:
        analysis = FlopCountAnalysis(piece.eval(), x)
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        counted.update({name: int(count) for name, count in analysis.by_operator().items()})
        unsupported.update(analysis.unsupported_ops())
        x = piece(x)
    return FvcoreCount(
        by_operator=dict(counted.most_common()),
        unsupported={name.removeprefix("aten::"): calls for name, calls in unsupported.most_common()},
    )


@torch.no_grad()
def count_with_torch(module: nn.Module, input_shape: tuple[int, ...]) -> int:
    """Count a module with torch's FlopCounterMode: two operations a multiply-add, exactly 2 × macs.

    Args:
        module: may live on the meta device; the input is made there.
        input_shape: (N, C, H, W).

    >>> count_with_torch(nn.Conv2d(3, 8, 3, padding=1, bias=False), (1, 3, 10, 10))
    43200
    """
    device = next(module.parameters()).device
    images: Tensor = torch.zeros(input_shape, device=device)
    with FlopCounterMode(display=False) as counter:
        module.eval()(images)
    return int(counter.get_total_flops())
