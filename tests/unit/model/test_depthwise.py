"""The depthwise convolution: torch's values and gradients, whichever kernel its table names."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from spec_strategies import architectures
from torch import Tensor, nn

from scaling import ArchitectureSpec, ConfigError, build_model, variant
from scaling.model import (
    FIXED_KERNELS,
    TENSORFLOW,
    TORCHVISION,
    DepthwiseConv2d,
    Kernel,
    KernelShape,
    KernelTable,
    Padding,
)
from scaling.model.layers import convolution
from scaling.model.pointwise import PointwiseConv2d

RELATIVE = 7e-7
"""Of gradients in float32, largest difference over largest value."""
CHANNELS = 8
NUMERICS = {Padding.SAME: TENSORFLOW, Padding.SYMMETRIC: TORCHVISION}
SHAPES = [
    (side, kernel_size, stride, padding)
    for side, kernel_size, stride, padding in product((1, 2, 3, 4, 5, 7, 8), (3, 5, 7), (1, 2), Padding)
]


def only(kernel: Kernel, side: int, kernel_size: int, stride: int, dtype: str) -> KernelTable:
    shape = KernelShape(side=side, kernel_size=kernel_size, stride=stride, dtype=dtype)
    return KernelTable(choices=((shape, kernel),), origin="test")


def pair(
    kernel: Kernel, side: int, kernel_size: int, stride: int, padding: Padding, dtype: torch.dtype
) -> tuple[nn.Conv2d, DepthwiseConv2d]:
    """Return the stock convolution of the numerics and ours, of the same weights."""
    torch.manual_seed(side)
    stock = convolution(CHANNELS, CHANNELS, kernel_size, stride, CHANNELS, NUMERICS[padding])
    table = only(kernel, side, kernel_size, stride, str(dtype).removeprefix("torch."))
    ours = DepthwiseConv2d(CHANNELS, kernel_size, stride=stride, padding=padding, kernels=table)
    ours.load_state_dict(stock.state_dict())
    return stock.to(dtype), ours.to(dtype)


def passed(module: nn.Module, x: Tensor, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return output, input gradient and weight gradient."""
    x = x.clone().requires_grad_()
    module.zero_grad()
    out = module(x)
    out.backward(grad)
    weight = module.weight.grad
    assert x.grad is not None
    assert isinstance(weight, Tensor)
    return out.detach(), x.grad, weight


def difference(ours: Tensor, stock: Tensor) -> float:
    return float(((ours - stock).abs().max() / stock.abs().max()).detach())


def kernels_of(side: int) -> list[Kernel]:
    depthwise = [kernel for kernel in Kernel if kernel != Kernel.MATRIX]
    return [kernel for kernel in depthwise if kernel != Kernel.CENTRE or side == 1]


@pytest.mark.parametrize(("side", "kernel_size", "stride", "padding"), SHAPES)
def test_values_and_gradients_are_those_of_the_stock_convolution(
    side: int, kernel_size: int, stride: int, padding: Padding
) -> None:
    for kernel in kernels_of(side):
        stock, ours = pair(kernel, side, kernel_size, stride, padding, torch.float32)
        images = torch.randn(16, CHANNELS, side, side).contiguous(memory_format=torch.channels_last)
        grad = torch.randn_like(stock(images))
        expected, got = passed(stock, images, grad), passed(ours, images, grad)
        truth = passed(stock.double(), images.double(), grad.double())
        names = ("output", "input", "weight")
        for name, one, other, true in zip(names, got, expected, truth, strict=True):
            assert one.shape == other.shape
            # Above 4x4 torch's own weight gradient strays from the truth by more than that, ours does not.
            references = (other, true) if side > 4 else (other,)
            assert min(difference(one, each) for each in references) <= RELATIVE, (kernel, name)
        assert got[0].is_contiguous(memory_format=torch.channels_last)
        assert got[1].is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("padding", Padding)
@pytest.mark.parametrize(
    ("side", "kernel_size", "stride"), [(1, 3, 1), (1, 5, 2), (2, 5, 2), (3, 3, 1), (4, 3, 2)]
)
def test_gradients_are_true_in_float64(side: int, kernel_size: int, stride: int, padding: Padding) -> None:
    for kernel in kernels_of(side):
        if kernel in (Kernel.FLOAT32, Kernel.POSITIONS_FLOAT32):
            continue  # rounds to float32 by design
        _, ours = pair(kernel, side, kernel_size, stride, padding, torch.float64)
        images = torch.randn(2, CHANNELS, side, side, dtype=torch.float64, requires_grad=True)

        def convolve(x: Tensor, weight: Tensor, ours: DepthwiseConv2d = ours) -> Tensor:
            return torch.func.functional_call(ours, {"weight": weight}, x)

        assert torch.autograd.gradcheck(convolve, (images, ours.weight))


@pytest.mark.parametrize("shape", [(1, 5, 1), (2, 5, 2), (4, 3, 1), (8, 3, 2), (9, 5, 2)], ids=str)
def test_autocast_to_bfloat16_is_as_close_to_the_truth_as_the_stock_one(shape: tuple[int, int, int]) -> None:
    side, kernel_size, stride = shape
    exact, _ = pair(Kernel.STOCK, *shape, Padding.SAME, torch.float64)
    images = torch.randn(16, CHANNELS, side, side)
    grad = torch.randn_like(exact(images.double()))
    truth = passed(exact, images.double(), grad)
    for kernel in kernels_of(side):
        stock, ours = pair(kernel, *shape, Padding.SAME, torch.float32)
        table = only(kernel, side, kernel_size, stride, "bfloat16")
        ours = DepthwiseConv2d(CHANNELS, kernel_size, stride=stride, padding=Padding.SAME, kernels=table)
        ours.load_state_dict(stock.state_dict())
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert ours(images).dtype == torch.bfloat16
            expected = passed(stock, images, grad.bfloat16())
            got = passed(ours, images, grad.bfloat16())
        for one, other, true in zip(got, expected, truth, strict=True):
            assert one.dtype == other.dtype
            assert difference(one, true) <= 1.5 * difference(other, true) + 2**-9


def test_only_wanted_gradients_are_computed() -> None:
    _, ours = pair(Kernel.POSITIONS, 4, 3, 1, Padding.SAME, torch.float32)
    ours.weight.requires_grad_(False)
    images = torch.randn(2, CHANNELS, 4, 4, requires_grad=True)
    ours(images).sum().backward()
    assert images.grad is not None
    assert ours.weight.grad is None
    ours.weight.requires_grad_(True)
    ours(images.detach()).sum().backward()
    assert ours.weight.grad is not None


def test_oblong_maps_and_unlisted_shapes_take_the_stock_way() -> None:
    stock, ours = pair(Kernel.POSITIONS, 4, 3, 2, Padding.SAME, torch.float32)
    for height, width in ((4, 6), (1, 4), (9, 9)):
        images = torch.randn(2, CHANNELS, height, width)
        assert torch.equal(stock(images), ours(images))


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("side", [1, 2, 4])
def test_products_of_matrices_are_the_stock_convolution(side: int, bias: bool) -> None:
    torch.manual_seed(side)
    stock = nn.Conv2d(24, CHANNELS, 1, bias=bias)
    table = only(Kernel.MATRIX, side, 1, 1, "float32")
    ours = PointwiseConv2d(24, CHANNELS, bias=bias, kernels=table)
    ours.load_state_dict(stock.state_dict())
    images = torch.randn(16, 24, side, side).contiguous(memory_format=torch.channels_last)
    grad = torch.randn_like(stock(images))
    for one, other in zip(passed(ours, images, grad), passed(stock, images, grad), strict=True):
        assert one.shape == other.shape
        assert difference(one, other) <= RELATIVE
    assert ours(images).is_contiguous(memory_format=torch.channels_last)
    # Another layout takes the stock way, to the bit.
    if side > 1:
        assert torch.equal(ours(images.contiguous()), stock(images.contiguous()))


def test_products_of_matrices_under_autocast() -> None:
    stock = nn.Conv2d(24, CHANNELS, 1)
    ours = PointwiseConv2d(24, CHANNELS, bias=True, kernels=only(Kernel.MATRIX, 2, 1, 1, "bfloat16"))
    ours.load_state_dict(stock.state_dict())
    images = torch.randn(16, 24, 2, 2).contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert ours(images).dtype == torch.bfloat16
        assert difference(ours(images).float(), stock(images).float()) < 2**-7


@settings(max_examples=20)
@given(architectures())
def test_the_state_dict_is_identical(spec: ArchitectureSpec) -> None:
    small = replace(spec, image_size=32)
    stock, ours = build_model(small, device="meta"), build_model(small, device="meta", kernels=FIXED_KERNELS)
    assert {name: value.shape for name, value in stock.state_dict().items()} == {
        name: value.shape for name, value in ours.state_dict().items()
    }


def test_initial_weights_and_logits_are_those_of_the_stock_network() -> None:
    spec = replace(variant("b0"), image_size=32, dropout=0.0, stochastic_depth=0.0)
    stock, ours = build_model(spec, seed=3), build_model(spec, seed=3, kernels=FIXED_KERNELS)
    for name, value in stock.state_dict().items():
        assert torch.equal(value, ours.state_dict()[name]), name
    assert sum(isinstance(module, DepthwiseConv2d) for module in ours.modules()) == 16
    images = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(ours.eval()(images), stock.eval()(images))


choices = st.lists(
    st.tuples(
        st.builds(
            KernelShape,
            side=st.integers(2, 40),
            kernel_size=st.sampled_from((3, 5, 7)),
            stride=st.integers(1, 2),
            dtype=st.sampled_from(("float32", "bfloat16")),
        ),
        st.sampled_from(kernels_of(2)),
    ),
    unique_by=lambda pair: pair[0],
)


@given(choices)
def test_tables_round_trip_through_json(entries: list[tuple[KernelShape, Kernel]]) -> None:
    table = KernelTable.of(entries, origin="a property")
    again = KernelTable.from_json(table.to_json())
    assert again == table
    assert again.key() == table.key()
    for shape, kernel in entries:
        found = table.kernel(
            side=shape.side, kernel_size=shape.kernel_size, stride=shape.stride, dtype=shape.dtype
        )
        assert found == kernel


def test_the_key_follows_the_choices_alone() -> None:
    renamed = replace(FIXED_KERNELS, origin="elsewhere")
    assert renamed.key() == FIXED_KERNELS.key()
    assert replace(renamed, choices=renamed.choices[1:]).key() != FIXED_KERNELS.key()


def row(text: str) -> str:
    return f'{{"schema_version": 1, "origin": "x", "kernels": [{text}]}}'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "here: Expecting"),
        ("[]", "here: list indices"),
        ('{"schema_version": 1, "origin": "x"}', "here: 'kernels' is missing"),
        ('{"schema_version": 2, "origin": "x", "kernels": []}', "schema_version 1, got 2"),
        (row('[1, 3, 1, "float32"]'), "here: not enough"),
        (row('[1, 3, 1, "float32", "fast"]'), "'fast'"),
        (row('[1, 3, 1, "int8", "stock"]'), "'int8'"),
        (row('[1, 4, 1, "float32", "stock"]'), "odd kernel"),
        (row('["1", 3, 1, "float32", "stock"]'), "whole"),
        (row('[2, 3, 1, "float32", "centre"]'), "1x1 maps only"),
        (row('[2, 3, 1, "float32", "matrix"]'), "'matrix' does not compute"),
        (row('[2, 1, 1, "float32", "positions"]'), "'positions' does not compute"),
        (row('[2, 3, 1, "float32", "stock"], [2, 3, 1, "float32", "stock"]'), "every shape once"),
    ],
)
def test_damaged_tables_are_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match="here") as caught:
        KernelTable.from_json(text, where="here")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
