"""The gradients of a depthwise convolution, computed in the way that is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

_HALVES = (torch.bfloat16, torch.float16)


def centre_tap(x_NC11: Tensor, weight_C1KK: Tensor) -> Tensor:
    """Multiply 1x1 maps by the centre tap; every other tap meets padding alone and has gradient 0."""
    middle = weight_C1KK.shape[-1] // 2
    tap_C11 = weight_C1KK[:, :, middle, middle, None]
    if x_NC11.dtype in _HALVES:
        # The gradient of the tap is a sum over the batch: in float32, as convolutions sum.
        return (x_NC11.float() * tap_C11.float()).to(x_NC11.dtype)
    return x_NC11 * tap_C11


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Where the map of a convolution lies within its padding."""

    top: int
    """Rows of padding above the map, whoever pads; `left` likewise."""
    left: int
    height: int
    """Of the map itself."""
    width: int
    stride: int
    edge: int
    """Padding that the convolution adds; 0 where the input is padded already."""

    def inner(self, x_NCHW: Tensor) -> Tensor:
        """Return the map without padding."""
        top, left = self.top - self.edge, self.left - self.edge
        return x_NCHW[:, :, top : top + self.height, left : left + self.width]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """Whether the weight gradient is a sum over output positions, and what torch computes is in float32."""

    by_positions: bool
    in_float32: bool


def depthwise(x_NCHW: Tensor, weight_C1KK: Tensor, window: Window, ways: Ways) -> Tensor:
    """Convolve (N, C, H, W) with (C, 1, K, K) as torch does; gradients are computed as `ways` says."""
    out_NCHW: Tensor = _Depthwise.apply(x_NCHW, weight_C1KK, window, ways)  # type: ignore[no-untyped-call]
    return out_NCHW


class _Depthwise(torch.autograd.Function):
    """torch's forward pass with gradients of our choice."""

    @staticmethod
    def forward(ctx: Any, x_NCHW: Tensor, weight_C1KK: Tensor, window: Window, ways: Ways) -> Tensor:
        """Convolve as torch does."""
        ctx.save_for_backward(x_NCHW, weight_C1KK)
        ctx.window, ctx.ways = window, ways
        channels = weight_C1KK.shape[0]
        return functional.conv2d(x_NCHW, weight_C1KK, None, window.stride, window.edge, 1, channels)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_NCHW: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        """Return the gradients that are wanted."""
        x_NCHW, weight_C1KK = ctx.saved_tensors
        wants_input, wants_weight = ctx.needs_input_grad[:2]
        by_positions = ctx.ways.by_positions
        grad_weight = None
        if wants_weight and by_positions:
            grad_weight = weight_gradient(grad_NCHW, ctx.window, x_NCHW, weight_C1KK)
        masks = (wants_input, wants_weight and not by_positions)
        grad_x, stock_weight = _stock_gradients(
            grad_NCHW, x_NCHW, weight_C1KK, ctx.window, masks, in_float32=ctx.ways.in_float32
        )
        return grad_x, grad_weight if by_positions else stock_weight, None, None


def _stock_gradients(
    grad_NCHW: Tensor,
    x_NCHW: Tensor,
    weight_C1KK: Tensor,
    window: Window,
    masks: tuple[bool, bool],
    *,
    in_float32: bool,
) -> tuple[Tensor | None, Tensor | None]:
    """Return torch's own gradients of input and weight, those that the masks ask for."""
    if not any(masks):
        return None, None
    tensors = [grad_NCHW, x_NCHW, weight_C1KK]
    if in_float32:
        tensors = [tensor.float() for tensor in tensors]
    stride, edge = [window.stride] * 2, [window.edge] * 2
    channels = weight_C1KK.shape[0]
    grad_x, grad_weight, _ = torch.ops.aten.convolution_backward(
        *tensors, None, stride, edge, [1, 1], False, [0, 0], channels, [*masks, False]
    )
    dtype = x_NCHW.dtype
    return (grad_x.to(dtype) if masks[0] else None, grad_weight.to(dtype) if masks[1] else None)


def weight_gradient(grad_NCHW: Tensor, window: Window, x_NCHW: Tensor, weight_C1KK: Tensor) -> Tensor:
    """Sum, over output positions, the window of the input times the gradient there; padding is left out.

    Returns:
        (C, 1, K, K) in the type of the weight; sums are float32 or better, a row of positions at a time.
    """
    size, stride = weight_C1KK.shape[-1], window.stride
    x_NHWC, grad_NHWC = (t.permute(0, 2, 3, 1) for t in (window.inner(x_NCHW), grad_NCHW))
    if x_NHWC.dtype in _HALVES:
        x_NHWC, grad_NHWC = x_NHWC.float(), grad_NHWC.float()
    total_KKC = x_NHWC.new_zeros(size, size, weight_C1KK.shape[0])
    for row in range(grad_NHWC.shape[1]):
        rows, taps_down = _overlap(row * stride - window.top, size, window.height)
        row_KKC = torch.zeros_like(total_KKC[taps_down])
        for column in range(grad_NHWC.shape[2]):
            columns, taps_right = _overlap(column * stride - window.left, size, window.width)
            products = x_NHWC[:, rows, columns] * grad_NHWC[:, row : row + 1, column : column + 1]
            row_KKC[:, taps_right] += products.sum(0)
        total_KKC[taps_down] += row_KKC
    return total_KKC.permute(2, 0, 1)[:, None].to(weight_C1KK.dtype).contiguous()


def _overlap(start: int, size: int, side: int) -> tuple[slice, slice]:
    """Return which pixels of an axis a window from `start` covers, and with which of its taps.

    >>> _overlap(-1, 3, 2)
    (slice(0, 2, None), slice(1, 3, None))
    """
    low, high = max(start, 0), max(min(start + size, side), 0)
    return slice(low, high), slice(low - start, high - start)
