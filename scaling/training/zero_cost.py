"""Scores of networks that are not trained: cheap proxies of accuracy, to be audited before they are believed.

Each is of a freshly initialised network; higher is meant to be better.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from scaling.model import TENSORFLOW, Numerics, build_model
from scaling.model.layers import StochasticDepth
from scaling.network.architecture import ArchitectureSpec

STABLE = 1e-5
"""Added to eigenvalues before their logarithm, as in the source."""


class ZeroCost(StrEnum):
    """Which score."""

    SYNFLOW = "synflow"
    """Sum over parameters of |weight · gradient| where all weights are made positive (arXiv:2006.05467)."""
    GRAD_NORM = "grad_norm"
    """Sum over parameter tensors of their gradients' norms on one batch (arXiv:2101.08134)."""
    JACOBIAN_COVARIANCE = "jacobian_covariance"
    """How little images' input gradients go together: NASWOT's first form (arXiv:2006.04647v1)."""


def zero_cost_score(
    score: ZeroCost,
    spec: ArchitectureSpec,
    images_NCHW: Tensor,
    labels_N: Tensor,
    *,
    seed: int,
    numerics: Numerics = TENSORFLOW,
) -> float:
    """Return a score of a network at its initial weights; -inf where it is not finite.

    >>> from dataclasses import replace
    >>> from scaling import variant
    >>> spec = replace(variant("b0"), image_size=32, num_classes=4)
    >>> images, labels = torch.zeros(2, 3, 32, 32), torch.tensor([0, 1])
    >>> zero_cost_score(ZeroCost.SYNFLOW, spec, images, labels, seed=0) > 0
    True
    """
    model = build_model(spec, seed=seed, numerics=numerics)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        elif isinstance(module, StochasticDepth):
            module.survival = 1.0
    value = {
        ZeroCost.SYNFLOW: lambda: _synflow(model, images_NCHW[:1]),
        ZeroCost.GRAD_NORM: lambda: _grad_norm(model, images_NCHW, labels_N),
        ZeroCost.JACOBIAN_COVARIANCE: lambda: _jacobian_covariance(model, images_NCHW),
    }[score]()
    return value if np.isfinite(value) else -np.inf


def _synflow(model: nn.Module, image_1CHW: Tensor) -> float:
    """In evaluation mode a fresh batch norm is the identity; in float64, for products over depth are large.

    The logarithm keeps the order and the range of a plain number.
    """
    model.double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.abs_()
    model(torch.ones_like(image_1CHW, dtype=torch.float64)).sum().backward()
    flows = [(p.detach() * p.grad).abs().sum() for p in model.parameters() if p.grad is not None]
    return float(torch.stack(flows).sum().log())


def _grad_norm(model: nn.Module, images_NCHW: Tensor, labels_N: Tensor) -> float:
    model.train()
    functional.cross_entropy(model(images_NCHW), labels_N).backward()  # type: ignore[no-untyped-call]
    return float(torch.stack([p.grad.norm() for p in model.parameters() if p.grad is not None]).sum())


def _jacobian_covariance(model: nn.Module, images_NCHW: Tensor) -> float:
    model.train()
    images = images_NCHW.clone().requires_grad_()
    (jacobian,) = torch.autograd.grad(model(images).sum(), images)
    with np.errstate(invalid="ignore", divide="ignore"):
        correlations = np.corrcoef(jacobian.flatten(1).double().numpy())
    if not np.isfinite(correlations).all():
        return -np.inf
    values = np.linalg.eigvalsh(correlations) + STABLE
    return float(-np.sum(np.log(np.maximum(values, STABLE)) + 1 / np.maximum(values, STABLE)))
