"""Build the torch module of a spec, initialised as the released code does."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from scaling.model.blocks import MaxPool, make_block
from scaling.model.depthwise import KernelTable
from scaling.model.layers import ConvolutionNorm
from scaling.model.numerics import TENSORFLOW, Numerics
from scaling.network.architecture import ArchitectureSpec
from scaling.network.operations import pieces


class EfficientNet(nn.Module):
    """A network of a spec, whatever its blocks: stem, stages, head, pooling, dropout, classifier.

    `spec` and `numerics` are kept on the module. Where a spec has no pooling in its stem or no head, an
    identity stands there.
    """

    def __init__(
        self, spec: ArchitectureSpec, *, numerics: Numerics, kernels: KernelTable | None = None
    ) -> None:
        super().__init__()
        self.spec, self.numerics = spec, numerics
        (stem, *stem_pools), *others, _ = pieces(spec)
        self.stem = ConvolutionNorm(stem, numerics=numerics)
        self.stem_pool: nn.Module = nn.Identity()
        for row in stem_pools:
            self.stem_pool = MaxPool(row.stride, numerics.padding)
        stages, survival = [nn.Sequential() for _ in spec.stages], iter(spec.block_survival())
        self.stages = nn.Sequential(*stages)
        self.head: nn.Module = nn.Identity()
        for rows in others:
            number = rows[0].stage
            if number == 0:
                self.head = ConvolutionNorm(rows[0], numerics=numerics, kernels=kernels)
                continue
            kind, share = spec.stages[number - 1].kind, next(survival)
            block = make_block(kind, rows, survival=share, numerics=numerics, kernels=kernels)
            stages[number - 1].append(block)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(spec.dropout)
        self.classifier = nn.Linear(spec.feature_channels, spec.num_classes)

    def pieces(self) -> tuple[nn.Module, ...]:
        """Return stem, pooling, every block, head and classifier: run in turn they are the network."""
        blocks = (block for stage in self.stages for block in stage.children())
        top = nn.Sequential(self.pool, nn.Flatten(), self.dropout, self.classifier)
        every = (self.stem, self.stem_pool, *blocks, self.head, top)
        return tuple(piece for piece in every if not isinstance(piece, nn.Identity))

    def features(self, x_NCHW: Tensor) -> Tensor:
        """Map images (N, C, H, W) to the head's maps (N, features, H', W')."""
        maps_NCHW: Tensor = self.head(self.stages(self.stem_pool(self.stem(x_NCHW))))
        return maps_NCHW

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Map images (N, C, H, W) of any size to logits (N, classes)."""
        pooled_NC = self.pool(self.features(x_NCHW)).flatten(1)
        logits_NK: Tensor = self.classifier(self.dropout(pooled_NC))
        return logits_NK


def build_model(
    spec: ArchitectureSpec,
    *,
    numerics: Numerics = TENSORFLOW,
    seed: int | None = None,
    device: str | torch.device = "cpu",
    kernels: KernelTable | None = None,
) -> EfficientNet:
    """Build a network, ready to train.

    Args:
        spec: what to build.
        numerics: padding and batch norm; the released code's by default.
        seed: of the initial weights; None draws them from torch's global generator.
        device: where the parameters live; "meta" gives shapes without memory.
        kernels: how convolutions on small maps are computed; None for torch's own way. Parameters, their
            names and initial values are the same either way.

    Source: tensorflow/tpu efficientnet_model.py (initialisers).

    >>> from scaling import variant
    >>> model = build_model(variant("b0"), device="meta")
    >>> sum(p.numel() for p in model.parameters())
    5288548
    """
    with torch.device("meta"):
        model = EfficientNet(spec, numerics=numerics, kernels=kernels)
    if torch.device(device).type == "meta":
        return model
    model.to_empty(device="cpu")
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    for module in model.modules():
        _initialise(module, generator)
    return model.to(device)


@torch.no_grad()
def _initialise(module: nn.Module, generator: torch.Generator | None) -> None:
    """Conv N(0, sqrt(2 / (k² · out))), depthwise sqrt(2 / k²), dense U(±1/sqrt(classes)), biases 0."""
    if isinstance(module, nn.Conv2d):
        kernel = math.prod(module.kernel_size)
        # TensorFlow's depthwise kernel has one output a channel, hence its fan-out is k² alone.
        fan_out = kernel * (module.out_channels if module.groups == 1 else 1)
        module.weight.normal_(0.0, math.sqrt(2.0 / fan_out), generator=generator)
        if module.bias is not None:
            module.bias.zero_()
    elif isinstance(module, nn.Linear):
        bound = 1.0 / math.sqrt(module.out_features)
        module.weight.uniform_(-bound, bound, generator=generator)
        module.bias.zero_()
    elif isinstance(module, nn.BatchNorm2d):
        module.reset_parameters()
    elif next(module.parameters(recurse=False), None) is not None:
        raise TypeError(f"no initial values are known for the parameters of {type(module).__name__}")
