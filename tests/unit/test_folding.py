"""Folded batch norms: the same function."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from scaling import build_model, variant
from scaling.model import FIXED_KERNELS, TENSORFLOW, TORCHVISION, EfficientNet, KernelTable, Numerics
from scaling.model.folding import fold_batch_norms

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


@pytest.mark.parametrize("kernels", [None, FIXED_KERNELS], ids=["stock", "fixed"])
@pytest.mark.parametrize("numerics", [TENSORFLOW, TORCHVISION], ids=["same", "symmetric"])
def test_a_folded_network_is_the_same_function(numerics: Numerics, kernels: KernelTable | None) -> None:
    model = network(numerics, kernels)
    images = torch.randn(2, 3, 33, 33, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    folded = fold_batch_norms(model)
    with torch.no_grad():
        torch.testing.assert_close(folded(images), model(images), rtol=1e-11, atol=1e-11)
        single, images = folded.float(), images.float()
        torch.testing.assert_close(single(images), model.float()(images), rtol=1e-4, atol=1e-4)
    assert not folded.training


def test_the_network_itself_stays_as_it_is() -> None:
    model = network(TENSORFLOW, FIXED_KERNELS).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    fold_batch_norms(model)
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert sum(isinstance(module, nn.BatchNorm2d) for module in model.modules()) == 49
