"""Folded batch norms: the same function."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from scaling import build_model, variant
from scaling.model import FIXED_KERNELS, TENSORFLOW, TORCHVISION, EfficientNet, KernelTable, Numerics
from scaling.model.folding import ProductPool, fold_batch_norms

SPEC = replace(variant("b0"), image_size=33)


def network(numerics: Numerics, kernels: KernelTable | None) -> EfficientNet:
    """Return B0 in float64 with batch norms away from their initial values."""
    model = build_model(SPEC, numerics=numerics, seed=1, kernels=kernels).double()
    generator = torch.Generator().manual_seed(2)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for value in (module.weight, module.running_var):
                assert isinstance(value, torch.Tensor)
                value.data.uniform_(0.5, 1.5, generator=generator)
            for value in (module.bias, module.running_mean):
                assert isinstance(value, torch.Tensor)
                value.data.normal_(0, 0.2, generator=generator)
    return model.eval()


def pictures(height: int, width: int) -> torch.Tensor:
    """Return two images of a size in float64."""
    generator = torch.Generator().manual_seed(3)
    return torch.randn(2, 3, height, width, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("kernels", [None, FIXED_KERNELS], ids=["stock", "fixed"])
@pytest.mark.parametrize("numerics", [TENSORFLOW, TORCHVISION], ids=["same", "symmetric"])
@pytest.mark.parametrize("size", [(33, 33), (64, 64), (45, 60)], ids=["odd", "even", "mixed"])
def test_a_folded_network_is_the_same_function(
    size: tuple[int, int], numerics: Numerics, kernels: KernelTable | None
) -> None:
    model, images = network(numerics, kernels), pictures(*size)
    folded = fold_batch_norms(model)
    with torch.no_grad():
        torch.testing.assert_close(folded(images), model(images), rtol=1e-11, atol=1e-11)
        single, images = folded.float(), images.float()
        torch.testing.assert_close(single(images), model.float()(images), rtol=1e-4, atol=1e-4)
    assert not folded.training


def test_in_bfloat16_it_stays_as_near_as_that_arithmetic_allows() -> None:
    model, images = network(TENSORFLOW, FIXED_KERNELS), pictures(64, 64)
    folded = fold_batch_norms(model)
    with torch.no_grad():
        logits = model(images)
        half = folded.bfloat16()(images.bfloat16()).double()
    assert (half - logits).abs().max() < 0.05 * logits.abs().max()


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=["NCHW", "NHWC"])
def test_a_pool_as_a_product_is_the_mean(layout: torch.memory_format) -> None:
    maps = (pictures(30, 28) + 3).bfloat16().contiguous(memory_format=layout)
    pooled = ProductPool()(maps)
    expected = maps.double().mean((2, 3), keepdim=True)
    torch.testing.assert_close(pooled.double(), expected, rtol=2**-7, atol=0)
    assert pooled.shape == (2, 3, 1, 1)


def test_the_network_itself_stays_as_it_is() -> None:
    model = network(TENSORFLOW, FIXED_KERNELS).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    fold_batch_norms(model)
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert sum(isinstance(module, nn.BatchNorm2d) for module in model.modules()) == 49
