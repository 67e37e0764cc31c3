"""Scores without training: what they are made of, checked by hand, and what they must not do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from scaling import build_model, variant
from scaling.training.zero_cost import STABLE, ZeroCost, _jacobian_covariance, _synflow, zero_cost_score

SPEC = replace(variant("lite0"), image_size=32, num_classes=5, dropout=0.5, stochastic_depth=0.5)
IMAGES = torch.randn(8, 3, 32, 32, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(8) % 5


@pytest.mark.parametrize("score", list(ZeroCost))
def test_scores_repeat_and_depend_on_the_seed(score: ZeroCost) -> None:
    first, again, other = (zero_cost_score(score, SPEC, IMAGES, LABELS, seed=seed) for seed in (0, 0, 1))
    assert first == again != other
    assert np.isfinite(first)


def test_synflow_of_a_chain_is_its_product() -> None:
    chain = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False))
    for layer, weight in zip(chain, (-2.0, 3.0), strict=True):
        nn.init.constant_(layer.weight, weight)
    # Each weight times its gradient is the whole product, 6; there are two of them.
    assert _synflow(chain, torch.zeros(1, 1)) == pytest.approx(np.log(12.0))


def test_gradient_norm_is_the_sum_over_tensors() -> None:
    model = build_model(replace(SPEC, dropout=0.0, stochastic_depth=0.0), seed=0).train()
    functional.cross_entropy(model(IMAGES), LABELS).backward()  # type: ignore[no-untyped-call]
    expected = sum(float(p.grad.norm()) for p in model.parameters() if p.grad is not None)
    assert zero_cost_score(ZeroCost.GRAD_NORM, SPEC, IMAGES, LABELS, seed=0) == pytest.approx(
        expected, rel=1e-4
    )


def test_jacobian_covariance_prefers_images_that_are_told_apart() -> None:
    class Own(nn.Module):
        """Gives each image a gradient of its own."""

        def __init__(self, gradients: torch.Tensor) -> None:
            super().__init__()
            self.gradients = gradients

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return (images * self.gradients).flatten(1)

    generator = torch.Generator().manual_seed(0)
    apart = torch.randn(4, 1, 8, 8, generator=generator)
    alike = apart[:1] + 0.1 * torch.randn(4, 1, 8, 8, generator=generator)
    images = torch.ones(4, 1, 8, 8)
    far, near = (_jacobian_covariance(Own(one), images) for one in (apart, alike))
    assert far > near
    values = np.linalg.eigvalsh(np.corrcoef(apart.flatten(1).double().numpy())) + STABLE
    assert far == pytest.approx(-np.sum(np.log(values) + 1 / values))


def test_an_image_without_gradient_gives_the_worst_score() -> None:
    class Blind(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return 0 * images.flatten(1)

    assert _jacobian_covariance(Blind(), torch.ones(3, 1, 4, 4)) == -np.inf
