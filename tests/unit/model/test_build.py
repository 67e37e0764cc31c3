"""The torch module: shapes, padding, stochastic depth, initial weights."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, TypeVar

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_network import SMALL
from torch import Tensor, nn
from torch.nn import functional

from scaling import SpecError, StageSpec, build_model, variant
from scaling.model import (
    TENSORFLOW,
    TORCHVISION,
    EfficientNet,
    MBConv,
    Numerics,
    Padding,
    StochasticDepth,
)
from scaling.model.layers import SamePaddingConv2d
from scaling.model.numerics import same_padding
from scaling.network.families import released_coefficients

BOTH = pytest.mark.parametrize("numerics", [TENSORFLOW, TORCHVISION], ids=["same", "symmetric"])


Kind = TypeVar("Kind", bound=nn.Module)


def every(model: nn.Module, kind: type[Kind]) -> Iterator[Kind]:
    return (module for module in model.modules() if isinstance(module, kind))


@BOTH
@pytest.mark.parametrize("name", released_coefficients())
def test_official_variants_map_images_to_logits(name: str, numerics: Numerics) -> None:
    spec = variant(name)
    model = build_model(spec, numerics=numerics, device="meta").eval()
    images = torch.empty(2, 3, spec.image_size, spec.image_size, device="meta")
    assert model(images).shape == (2, 1000)
    side = math.ceil(spec.image_size / 32)
    assert model.features(images).shape == (2, spec.head.out_channels, side, side)


@BOTH
@pytest.mark.parametrize("size", [8, 31, 32, 33, 65])
def test_any_image_size_goes_through(size: int, numerics: Numerics) -> None:
    model = build_model(SMALL, numerics=numerics).eval()
    assert model(torch.zeros(1, 3, size, size)).shape == (1, 10)
    assert model(torch.zeros(1, 3, size, size + 5)).shape == (1, 10)
    assert model.features(torch.zeros(1, 3, size, size)).shape[2] == math.ceil(math.ceil(size / 2) / 2)


def test_a_model_trains_in_both_directions() -> None:
    model = build_model(SMALL, seed=0).train()
    model(torch.randn(4, 3, 33, 33)).square().mean().backward()
    assert all(
        parameter.grad is not None and parameter.grad.isfinite().all() for parameter in model.parameters()
    )


class Textbook:
    """The forward pass written out with functions, eating the state dict's tensors in order."""

    def __init__(self, model: EfficientNet) -> None:
        state = model.state_dict().items()
        self.tensors = iter([value for name, value in state if not name.endswith("num_batches_tracked")])
        self.spec, self.numerics = model.spec, model.numerics

    def convolve_and_normalise(self, maps: Tensor, *, stride: int = 1, depthwise: bool = False) -> Tensor:
        weight, scale, shift, mean, variance = (next(self.tensors) for _ in range(5))
        kernel, side = weight.shape[-1], maps.shape[-1]
        if self.numerics.padding == Padding.SAME:
            before, after = tensorflow_same(side, kernel, stride)
        else:
            before = after = kernel // 2
        maps = functional.pad(maps, (before, after, before, after))
        maps = functional.conv2d(maps, weight, stride=stride, groups=weight.shape[0] if depthwise else 1)
        deviation = (variance + self.numerics.batch_norm_epsilon).sqrt()
        mean, deviation, scale, shift = (each[:, None, None] for each in (mean, deviation, scale, shift))
        normalised: Tensor = (maps - mean) / deviation * scale + shift
        return normalised

    def block(self, into: Tensor, stage: StageSpec, index: int) -> Tensor:
        maps, stride = into, 1 if index else stage.stride
        if stage.expand_ratio != 1:
            maps = swish(self.convolve_and_normalise(maps))
        maps = swish(self.convolve_and_normalise(maps, stride=stride, depthwise=True))
        if stage.se_ratio:
            reduce, reduce_bias, expand, expand_bias = (next(self.tensors) for _ in range(4))
            pooled = maps.mean((2, 3), keepdim=True)
            squeezed = swish(functional.conv2d(pooled, reduce, reduce_bias))
            maps = maps * functional.conv2d(squeezed, expand, expand_bias).sigmoid()
        maps = self.convolve_and_normalise(maps)
        return maps + into if maps.shape == into.shape else maps

    def logits(self, maps: Tensor) -> Tensor:
        maps = swish(self.convolve_and_normalise(maps, stride=self.spec.stem.stride))
        for stage in self.spec.stages:
            for index in range(stage.repeats):
                maps = self.block(maps, stage, index)
        pooled = swish(self.convolve_and_normalise(maps)).mean((2, 3))
        return functional.linear(pooled, next(self.tensors), next(self.tensors))


def swish(maps: Tensor) -> Tensor:
    return maps * maps.sigmoid()


@BOTH
@pytest.mark.parametrize("size", [32, 33])
@torch.no_grad()
def test_logits_are_those_of_the_forward_pass_written_out(size: int, numerics: Numerics) -> None:
    model = build_model(SMALL, numerics=numerics, seed=2).eval()
    generator = torch.Generator().manual_seed(3)
    for tensor in model.state_dict().values():
        if tensor.ndim == 1:  # fresh statistics are 0 and 1 and would hide what uses them
            tensor.add_(torch.rand(tensor.shape, generator=generator))
    images = torch.randn(2, 3, size, size, generator=generator)
    expected = Textbook(model).logits(images)
    assert expected.std() > 0.01
    torch.testing.assert_close(model(images), expected, rtol=1e-4, atol=1e-5)


def tensorflow_same(side: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's documentation of SAME, in its own words of remainders."""
    total = max(kernel - (side % stride or stride), 0)
    return total // 2, total - total // 2


@given(side=st.integers(1, 600), kernel=st.sampled_from([1, 3, 5, 7, 9]), stride=st.integers(1, 4))
def test_same_padding_is_tensorflows_rule(side: int, kernel: int, stride: int) -> None:
    before, after = same_padding(side, kernel, stride)
    assert (before, after) == tensorflow_same(side, kernel, stride)
    assert (side + before + after - kernel) // stride + 1 == math.ceil(side / stride)


def test_a_same_convolution_of_an_even_image_starts_at_its_first_pixel() -> None:
    layer = SamePaddingConv2d(1, 1, 3, stride=2, bias=False)
    nn.init.ones_(layer.weight)
    images = torch.zeros(1, 1, 4, 4)
    images[0, 0, 0, 0] = images[0, 0, 3, 3] = 1
    # Windows start at 0 and 2 and reach one pixel beyond the end.
    assert layer(images).tolist() == [[[[1, 0], [0, 1]]]]


def test_a_symmetric_convolution_of_an_even_image_starts_one_pixel_before_it() -> None:
    layer = build_model(replace(SMALL, in_channels=1), numerics=TORCHVISION).stem.conv
    assert isinstance(layer, nn.Conv2d)
    assert not isinstance(layer, SamePaddingConv2d)
    assert (layer.padding, layer.stride) == ((1, 1), (2, 2))


@BOTH
def test_batch_norm_has_the_numerics(numerics: Numerics) -> None:
    norms = list(every(build_model(SMALL, numerics=numerics), nn.BatchNorm2d))
    assert len(norms) == 1 + 2 * 2 + 2 * 3 + 1
    assert {(norm.eps, norm.momentum) for norm in norms} == {
        (numerics.batch_norm_epsilon, numerics.batch_norm_momentum)
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"batch_norm_epsilon": 0.0},
        {"batch_norm_epsilon": math.nan},
        {"batch_norm_momentum": 0.0},
        {"batch_norm_momentum": 1.1},
        {"batch_norm_momentum": math.nan},
    ],
)
def test_numerics_have_ranges(changes: dict[str, Any]) -> None:
    (name,) = changes
    with pytest.raises(SpecError, match=name):
        replace(TENSORFLOW, **changes)


def test_blocks_with_a_skip_survive_as_the_spec_says_and_others_always() -> None:
    spec = variant("b0")
    model = build_model(spec, device="meta")
    found = [
        block.stochastic_depth.survival if block.stochastic_depth is not None else None
        for block in every(model, MBConv)
    ]
    skips = [index > 0 for stage in spec.stages for index in range(stage.repeats)]
    assert sum(skips) == 9
    assert found == [
        survival if skip else None for survival, skip in zip(spec.block_survival(), skips, strict=True)
    ]


@pytest.mark.parametrize("survival", [0.5, 0.8])
def test_stochastic_depth_keeps_whole_samples_and_the_expectation(survival: float) -> None:
    torch.manual_seed(3)
    found = StochasticDepth(survival).train()(torch.ones(20_000, 2, 1, 1))
    assert (found[:, 0] == found[:, 1]).all()
    assert sorted(found.unique().tolist()) == pytest.approx([0, 1 / survival])
    # Four standard errors of a mean of 20,000.
    error = 4 * math.sqrt((1 - survival) / survival / 20_000)
    assert found.mean().item() == pytest.approx(1, abs=error)


@pytest.mark.parametrize(("survival", "training"), [(0.5, False), (1.0, True)])
def test_stochastic_depth_is_the_identity_in_evaluation_or_when_all_survive(
    survival: float, training: bool
) -> None:
    maps = torch.randn(8, 2, 3, 3)
    assert torch.equal(StochasticDepth(survival).train(training)(maps), maps)


def test_evaluation_is_deterministic_and_training_is_not() -> None:
    model, images = (
        build_model(replace(SMALL, stochastic_depth=0.9, dropout=0.5), seed=0),
        torch.randn(8, 3, 33, 33),
    )
    assert torch.equal(model.eval()(images), model.eval()(images))
    assert not torch.equal(model.train()(images), model.train()(images))


def test_dropout_is_the_specs() -> None:
    model = build_model(variant("b7"), device="meta")
    assert [layer.p for layer in every(model, nn.Dropout)] == [0.5]


def test_initial_convolutions_are_normal_with_the_released_fan_out() -> None:
    # tensorflow/tpu efficientnet_model.py: N(0, sqrt(2 / (k² · out))), a depthwise kernel has one output.
    for layer in every(build_model(variant("b0"), seed=1), nn.Conv2d):
        outputs = 1 if layer.groups > 1 else layer.out_channels
        expected = math.sqrt(2 / (layer.kernel_size[0] ** 2 * outputs))
        count = layer.weight.numel()
        assert layer.weight.mean().item() == pytest.approx(0, abs=5 * expected / math.sqrt(count))
        assert layer.weight.std().item() == pytest.approx(expected, rel=5 / math.sqrt(2 * count))
        if layer.bias is not None:
            assert not layer.bias.any()


def test_the_initial_classifier_is_uniform_by_its_classes() -> None:
    weight = build_model(variant("b0"), seed=1).classifier.weight
    bound = 1 / math.sqrt(1000)
    assert weight.abs().max().item() <= bound
    assert weight.abs().max().item() == pytest.approx(bound, rel=1e-3)
    assert weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.01)
    assert not build_model(variant("b0"), seed=1).classifier.bias.any()


def test_initial_batch_norm_is_the_identity() -> None:
    for norm in every(build_model(SMALL), nn.BatchNorm2d):
        assert norm.running_mean is not None
        assert norm.running_var is not None
        assert (norm.weight == 1).all()
        assert not norm.bias.any()
        assert not norm.running_mean.any()
        assert (norm.running_var == 1).all()
        assert norm.num_batches_tracked is not None
        assert norm.num_batches_tracked.item() == 0


def states(model: nn.Module) -> list[torch.Tensor]:
    return list(model.state_dict().values())


def test_a_seed_makes_the_weights_and_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    one, same, other = (build_model(SMALL, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(a, b) for a, b in zip(states(one), states(same), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(states(one), states(other), strict=True))


def test_without_a_seed_the_global_generator_decides() -> None:
    torch.manual_seed(5)
    one = build_model(SMALL)
    torch.manual_seed(5)
    assert all(torch.equal(a, b) for a, b in zip(states(one), states(build_model(SMALL)), strict=True))


def test_numerics_do_not_change_weights_or_their_names() -> None:
    one, other = (build_model(SMALL, numerics=each, seed=1) for each in (TENSORFLOW, TORCHVISION))
    assert one.state_dict().keys() == other.state_dict().keys()
    assert all(torch.equal(a, b) for a, b in zip(states(one), states(other), strict=True))


def test_released_numerics() -> None:
    assert Numerics(padding=Padding.SAME, batch_norm_epsilon=1e-3, batch_norm_momentum=0.01) == TENSORFLOW
    assert TORCHVISION.padding == Padding.SYMMETRIC
    assert TORCHVISION.batch_norm_epsilon == 1e-5
