"""The networks that throughput is compared over: ours, and the peers' that are installed."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from scaling import build_model, variant
from scaling.agreement.peers import declare_torchvision_operators, peer_installed, peers_own_warnings
from scaling.model import EfficientNet, KernelTable
from scaling.model.folding import fold_batch_norms
from scaling.training import Recipe
from scaling.training.step import Step

RECIPE = Recipe(epochs=1, optimizer="sgd", learning_rate=0.001, weight_decay=1e-5)  # type: ignore[arg-type]
"""Nesterov SGD; random labels do not diverge at this rate. Peers take the optimizer as torch makes it."""
CLASSES = 1000
Pass = Callable[[], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """A network and a way to run it.

    Args:
        name: whose network.
        layout: "as it comes" or "channels_last", and whatever else was done.
        run: one step or one forward pass.
    """

    name: str
    layout: str
    run: Pass


def _torchvision() -> nn.Module:
    declare_torchvision_operators()
    module: nn.Module = importlib.import_module("torchvision.models").efficientnet_b0()
    return module


def _timm() -> nn.Module:
    module: nn.Module = importlib.import_module("timm").create_model("efficientnet_b0")
    return module


def _efficientnet_pytorch() -> nn.Module:
    library: Any = importlib.import_module("efficientnet_pytorch")
    module: nn.Module = library.EfficientNet.from_name("efficientnet-b0")
    return module


PEERS = {
    "torchvision": _torchvision,
    "timm": _timm,
    "efficientnet-pytorch": _efficientnet_pytorch,
}


def installed() -> tuple[list[str], list[str]]:
    """Return the peers that are here, and those that are not."""
    here = [name for name in PEERS if peer_installed(name)]
    return here, [name for name in PEERS if name not in here]


def batch(count: int, image_size: int, *, channels_last: bool) -> tuple[Tensor, Tensor]:
    """Return random images and labels."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(count, 3, image_size, image_size, generator=generator)
    if channels_last:
        images = images.contiguous(memory_format=torch.channels_last)
    return images, torch.randint(CLASSES, (count,), generator=generator)


def own_network(image_size: int, kernels: KernelTable | None) -> EfficientNet:
    """Return our B0, channels last, as the engine trains it."""
    model = build_model(replace(variant("b0"), image_size=image_size), seed=0, kernels=kernels)
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def trainings(image_size: int, count: int, kernels: KernelTable | None) -> Iterator[Contestant]:
    """Yield training steps: our engine's, ours without its kernels, and the peers' in both layouts."""
    for name, table in (("this engine", kernels), ("this engine, stock kernels", None)):
        step = Step(own_network(image_size, table).train(), RECIPE, total_steps=1_000_000)
        images, labels = batch(count, image_size, channels_last=True)
        yield Contestant(
            name=name,
            layout="channels_last",
            run=lambda s=step, x=images, y=labels: s(x, y),  # type: ignore[misc]
        )
    for name in installed()[0]:
        for channels_last in (False, True):
            yield _peer_training(name, image_size, count, channels_last=channels_last)


def _peer_training(name: str, image_size: int, count: int, *, channels_last: bool) -> Contestant:
    model = _peer(name, channels_last=channels_last).train()
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=RECIPE.learning_rate,
        momentum=RECIPE.momentum,
        nesterov=True,
        weight_decay=RECIPE.weight_decay,
    )
    images, labels = batch(count, image_size, channels_last=channels_last)

    def step() -> None:
        optimizer.zero_grad()
        functional.cross_entropy(model(images), labels).backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return Contestant(name=name, layout=_layout(channels_last), run=step)


def evaluations(image_size: int, count: int, kernels: KernelTable | None) -> Iterator[Contestant]:
    """Yield forward passes: ours plain, folded, folded in bfloat16, and the peers' in both layouts."""
    model = own_network(image_size, kernels).eval()
    folded = fold_batch_norms(model)
    half = fold_batch_norms(model).to(torch.bfloat16)
    images, _ = batch(count, image_size, channels_last=True)
    for layout, network, pictures in (
        ("channels_last", model, images),
        ("channels_last, folded", folded, images),
        ("channels_last, folded, bfloat16", half, images.bfloat16()),
    ):
        yield Contestant(name="this engine", layout=layout, run=_inference(network, pictures))
    for name in installed()[0]:
        for channels_last in (False, True):
            pictures, _ = batch(count, image_size, channels_last=channels_last)
            peer = _peer(name, channels_last=channels_last).eval()
            yield Contestant(name=name, layout=_layout(channels_last), run=_inference(peer, pictures))


def _inference(network: nn.Module, images: Tensor) -> Pass:
    @torch.no_grad()
    def run() -> Tensor:
        logits: Tensor = network(images)
        return logits

    return run


def _peer(name: str, *, channels_last: bool) -> nn.Module:
    torch.manual_seed(0)
    with peers_own_warnings():
        model = PEERS[name]()
    return model.to(memory_format=torch.channels_last) if channels_last else model  # type: ignore[call-overload]


def _layout(channels_last: bool) -> str:
    return "channels_last" if channels_last else "as it comes"
