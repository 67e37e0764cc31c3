"""Depthwise convolutions whose gradients take the fast way for their shape.

On small maps oneDNN leaves its fast depthwise kernels for a generic grouped one: at 32 px those gradients
are most of a training step. What is computed stays the same; only the last bits of sums may differ.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from scaling.atomic_write import json_of
from scaling.errors import ConfigError
from scaling.model.depthwise_gradients import Ways, Window, centre_tap, depthwise
from scaling.model.numerics import Padding, pads_by_hand, same_padding


class Kernel(StrEnum):
    """How one shape is computed. The forward pass is torch's own, except for `centre`."""

    STOCK = "stock"
    """torch's own gradients."""
    CENTRE = "centre"
    """A 1x1 map meets the centre tap alone: multiply by it."""
    POSITIONS = "positions"
    """The weight gradient as a sum over output positions of window times gradient."""
    FLOAT32 = "float32"
    """Both gradients in float32; for bfloat16, whose stride-2 gradients are slow."""
    POSITIONS_FLOAT32 = "positions-float32"
    """The weight gradient by positions, the input gradient in float32."""
    MATRIX = "matrix"
    """A 1x1 convolution over all channels as a product of matrices; not for depthwise ones."""


_WAYS: dict[Kernel, Ways | None] = {
    Kernel.STOCK: None,
    Kernel.POSITIONS: Ways(by_positions=True, in_float32=False),
    Kernel.FLOAT32: Ways(by_positions=False, in_float32=True),
    Kernel.POSITIONS_FLOAT32: Ways(by_positions=True, in_float32=True),
}


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class KernelShape:
    """What a kernel is chosen by; the side is the square map's without padding, dtype is torch's name of it.

    A kernel_size of 1 is a convolution over all channels, an odd one above it a depthwise convolution.

    Raises:
        ConfigError: torch has no such floating-point type, or a number is out of range.
    """

    side: int
    kernel_size: int
    stride: int
    dtype: str

    def __post_init__(self) -> None:
        if min(self.side, self.kernel_size, self.stride) < 1 or self.kernel_size % 2 == 0:
            raise ConfigError(
                f"a depthwise shape has side and stride of at least 1, an odd kernel, got {self}"
            )
        dtype = getattr(torch, self.dtype, None)
        if not (isinstance(dtype, torch.dtype) and dtype.is_floating_point):
            raise ConfigError(f"expected torch's name of a floating-point type, got {self.dtype!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelTable:
    """Which kernel each shape takes; a shape that is not listed takes torch's own.

    Args:
        choices: shape and kernel, one entry a shape, in the order of shapes.
        origin: where the table comes from, for people; two tables of the same choices have the same key.

    Raises:
        ConfigError: a shape comes twice, or a kernel cannot compute its shape.

    >>> FIXED_KERNELS.kernel(side=2, kernel_size=5, stride=1, dtype="float32").value
    'positions'
    >>> KernelTable.from_json(FIXED_KERNELS.to_json()) == FIXED_KERNELS
    True
    """

    choices: tuple[tuple[KernelShape, Kernel], ...]
    origin: str

    def __post_init__(self) -> None:
        shapes = [shape for shape, _ in self.choices]
        if shapes != sorted(set(shapes)):
            raise ConfigError("a kernel table lists every shape once, in order")
        for shape, kernel in self.choices:
            if kernel == Kernel.CENTRE and shape.side != 1:
                raise ConfigError(f"kernel 'centre' computes 1x1 maps only, got {shape}")
            pointwise = shape.kernel_size == 1
            if kernel != Kernel.STOCK and (kernel == Kernel.MATRIX) != pointwise:
                raise ConfigError(f"kernel {kernel.value!r} does not compute {shape}")

    @staticmethod
    def of(choices: Iterable[tuple[KernelShape, Kernel]], *, origin: str) -> KernelTable:
        """Make a table of choices in any order."""
        return KernelTable(choices=tuple(sorted(choices)), origin=origin)

    def kernel(self, *, side: int, kernel_size: int, stride: int, dtype: str) -> Kernel:
        """Return the kernel of one shape."""
        wanted = KernelShape(side=side, kernel_size=kernel_size, stride=stride, dtype=dtype)
        return dict(self.choices).get(wanted, Kernel.STOCK)

    def by_side(self, kernel_size: int, stride: int) -> dict[tuple[int, torch.dtype], Kernel]:
        """Return the kernels of one convolution by side and type of its input."""
        return {
            (shape.side, getattr(torch, shape.dtype)): kernel
            for shape, kernel in self.choices
            if (shape.kernel_size, shape.stride) == (kernel_size, stride)
        }

    def key(self) -> str:
        """Return a hash of the choices: equal keys compute equal bits on the same machine."""
        return hashlib.sha256(json.dumps(self._plain()).encode()).hexdigest()[:16]

    def to_json(self) -> str:
        """Return the table as JSON."""
        document = {"schema_version": 1, "origin": self.origin, "kernels": self._plain()}
        return json.dumps(document) + "\n"

    def _plain(self) -> list[list[Any]]:
        return [[s.side, s.kernel_size, s.stride, s.dtype, kernel.value] for s, kernel in self.choices]

    @staticmethod
    def from_json(text: str, *, where: str = "kernel table") -> KernelTable:
        """Read a table.

        Raises:
            ConfigError: the text is not such a table; the message begins with `where`.
        """
        try:
            document = json_of(text)
            if document["schema_version"] != 1:
                raise ConfigError(f"expected schema_version 1, got {document['schema_version']!r}")
            choices = tuple(_entry(row) for row in document["kernels"])
            return KernelTable(choices=choices, origin=str(document["origin"]))
        except KeyError as error:
            raise ConfigError(f"{where}: {error} is missing") from None
        except (ValueError, TypeError) as error:  # ConfigError is a ValueError
            raise ConfigError(f"{where}: {error}") from None


def _entry(row: list[Any]) -> tuple[KernelShape, Kernel]:
    side, kernel_size, stride, dtype, kernel = row
    if not all(isinstance(number, int) for number in (side, kernel_size, stride)):
        raise ConfigError(f"expected whole numbers in {row}")
    return KernelShape(side=side, kernel_size=kernel_size, stride=stride, dtype=str(dtype)), Kernel(kernel)


def _fixed(shape: KernelShape) -> Kernel:
    if shape.kernel_size == 1:
        return Kernel.MATRIX if shape.side <= 4 and shape.stride == 1 else Kernel.STOCK
    if shape.side == 1:
        return Kernel.CENTRE
    slow_input = shape.dtype == "bfloat16" and shape.stride > 1
    if shape.side < shape.kernel_size:  # where oneDNN's fast weight gradient gives up
        return Kernel.POSITIONS_FLOAT32 if slow_input else Kernel.POSITIONS
    return Kernel.FLOAT32 if slow_input else Kernel.STOCK


_FIXED_SHAPES = [
    KernelShape(side=side, kernel_size=kernel_size, stride=stride, dtype=dtype)
    for side, kernel_size, stride, dtype in product(
        (*range(1, 33), 56, 112), (1, 3, 5, 7), (1, 2), ("float32", "bfloat16")
    )
]
FIXED_KERNELS = KernelTable.of(
    [(shape, _fixed(shape)) for shape in _FIXED_SHAPES if _fixed(shape) != Kernel.STOCK], origin="fixed"
)
"""A rule by shape alone: 1x1 by its centre, maps narrower than the kernel by positions, bfloat16 at stride
2 in float32, 1x1 convolutions of maps up to 4x4 as products of matrices.

It needs no measurement, so two machines choose alike."""


class DepthwiseConv2d(nn.Conv2d):
    """A depthwise convolution without bias; parameters and state dict are those of `nn.Conv2d`."""

    def __init__(
        self, channels: int, kernel_size: int, *, stride: int, padding: Padding, kernels: KernelTable
    ) -> None:
        self.pads_by_hand = pads_by_hand(padding, stride)
        symmetric = 0 if self.pads_by_hand else (kernel_size - 1) // 2
        super().__init__(
            channels, channels, kernel_size, stride=stride, padding=symmetric, groups=channels, bias=False
        )
        self.choices = kernels.by_side(kernel_size, stride)
        self.pads_by_taps = False
        """For inference: where SAME pads by hand, a tap of zero does it, and no padded copy is written."""

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Convolve (N, C, H, W) to (N, C, H', W')."""
        weight, device = self.weight, x_NCHW.device.type
        if torch.is_autocast_enabled(device):
            dtype = torch.get_autocast_dtype(device)
            x_NCHW, weight = x_NCHW.to(dtype), weight.to(dtype)
        height, width = int(x_NCHW.shape[2]), int(x_NCHW.shape[3])
        kernel = self.choices.get((height, x_NCHW.dtype)) if height == width else None
        if kernel == Kernel.CENTRE:
            return self._biased(centre_tap(x_NCHW, weight))
        if self.pads_by_hand and self.pads_by_taps:
            return self._padded_by_taps(x_NCHW, weight)
        size, stride, edge = int(self.kernel_size[0]), int(self.stride[0]), int(self.padding[0])
        top, left = edge, edge
        if self.pads_by_hand:
            (top, bottom), (left, right) = (same_padding(side, size, stride) for side in (height, width))
            x_NCHW = functional.pad(x_NCHW, (left, right, top, bottom))
        ways = _WAYS[kernel or Kernel.STOCK]
        if ways is None or not torch.is_grad_enabled():
            bias = None if self.bias is None else self.bias.to(weight.dtype)
            return functional.conv2d(x_NCHW, weight, bias, stride, edge, 1, self.groups)
        window = Window(top=top, left=left, height=height, width=width, stride=stride, edge=edge)
        return self._biased(depthwise(x_NCHW, weight, window, ways))

    def _padded_by_taps(self, x_NCHW: Tensor, weight: Tensor) -> Tensor:
        """Pad both sides alike, as convolutions can; where SAME does not, a tap of zero shifts the window."""
        size, stride = int(self.kernel_size[0]), int(self.stride[0])
        (top, bottom), (left, right) = (same_padding(int(side), size, stride) for side in x_NCHW.shape[2:])
        weight = functional.pad(weight, (right - left, 0, bottom - top, 0))
        bias = None if self.bias is None else self.bias.to(weight.dtype)
        return functional.conv2d(x_NCHW, weight, bias, stride, (bottom, right), 1, self.groups)

    def _biased(self, x_NCHW: Tensor) -> Tensor:
        """Add the bias, which only a folded batch norm brings."""
        return x_NCHW if self.bias is None else x_NCHW + self.bias.to(x_NCHW.dtype)[:, None, None]
