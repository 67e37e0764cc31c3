"""Predicted peaks of memory against the tensors that are really alive, in inference and in training."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from spec_strategies import architectures
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from scaling import ArchitectureSpec, HeadSpec, StageSpec, StemSpec, build_model, variant
from scaling.cost.memory import peak_activation_bytes
from scaling.cost.peak_memory import MemoryUse, peak_bytes
from scaling.model import TENSORFLOW, TORCHVISION, Numerics
from scaling.network.architecture import BlockKind
from scaling.network.families import baseline_named


class LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sums the storages alive after every operator, on any device, the meta device included."""

    peak: int

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.alive: dict[int, int] = {}
        self.peak = 0

    def watch(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key not in self.alive:
            self.alive[key] = storage.nbytes()
            weakref.finalize(storage, self.alive.pop, key, None)
            self.peak = max(self.peak, sum(self.alive.values()))

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        del types
        out = func(*args, **(kwargs or {}))
        for each in tree_iter(out):
            if isinstance(each, torch.Tensor):
                self.watch(each)
        return out


@torch.no_grad()
def measured(spec: ArchitectureSpec, numerics: Numerics, *, device: str = "meta") -> int:
    model = build_model(spec, numerics=numerics, device=device).eval()
    images = torch.empty(1, spec.in_channels, spec.image_size, spec.image_size, device=device)
    live = LiveBytes()
    with live:
        live.watch(images)
        model(images)
    return live.peak


def measured_training(spec: ArchitectureSpec, batch: int, *, device: str = "meta") -> int:
    """Return the peak of forward and backward with weights and AdamW's moments."""
    model = build_model(spec, device=device).train()
    images = torch.empty(batch, spec.in_channels, spec.image_size, spec.image_size, device=device)
    labels = torch.zeros(batch, dtype=torch.int64, device=device)
    moments = [torch.empty_like(p) for p in model.parameters() for _ in range(2)]
    live = LiveBytes()
    with live:
        for lasting in (*model.parameters(), *model.buffers(), *moments, images):
            live.watch(lasting)
        functional.cross_entropy(model(images), labels).backward()  # type: ignore[no-untyped-call]
    return live.peak


def test_the_meter_sees_what_is_alive_and_what_is_freed() -> None:
    with LiveBytes() as live:
        first = torch.zeros(10, device="meta") + 1  # two of 40 bytes, then one
        del first
        torch.zeros(5, device="meta")
    assert live.peak == 80


@pytest.mark.parametrize("name", ["b0", "b1", "b3", "b7", "l2"])
def test_official_variants_to_the_byte(name: str) -> None:
    assert peak_activation_bytes(variant(name)) == measured(variant(name), TENSORFLOW)


@given(spec=architectures())
def test_random_networks(spec: ArchitectureSpec) -> None:
    # On the CPU: the meta device's batch norm returns statistics that no other device keeps in evaluation.
    estimate = peak_activation_bytes(spec)
    assert estimate == pytest.approx(measured(spec, TENSORFLOW, device="cpu"), rel=0.01)
    assert measured(spec, TORCHVISION, device="cpu") <= estimate * 1.01


@pytest.mark.parametrize("out_channels", [2, 4])
@pytest.mark.parametrize("kind", BlockKind)
def test_repeats_of_every_kind_of_block(kind: BlockKind, out_channels: int) -> None:
    # Random networks rarely have two blocks whose maps are as large as the stem's, and are the peak.
    stage = StageSpec(
        repeats=2,
        kernel_size=3,
        stride=1,
        expand_ratio=1 if kind == BlockKind.SEPARABLE else 2,
        in_channels=2,
        out_channels=out_channels,
        se_ratio=0,
        kind=kind,
    )
    spec = ArchitectureSpec(
        stem=StemSpec(out_channels=2, stride=1),
        stages=(stage,),
        head=HeadSpec(out_channels=0),
        image_size=8,
        in_channels=1,
        num_classes=1,
    )
    assert peak_activation_bytes(spec) == measured(spec, TENSORFLOW, device="cpu")


@pytest.mark.parametrize(
    ("name", "batch"),
    [("b0", 16), ("b3", 4), ("lite0", 16), ("mobilenetv1", 16), ("mobilenetv2", 16), ("resnet-50", 8)],
)
def test_training_steps_of_known_networks(name: str, batch: int) -> None:
    spec = baseline_named(name)
    predicted = peak_bytes(spec, MemoryUse(training=True, batch=batch))
    assert predicted == pytest.approx(measured_training(spec, batch), rel=0.01)


@given(spec=architectures())
@settings(max_examples=12, deadline=None)
def test_training_steps_of_random_networks(spec: ArchitectureSpec) -> None:
    predicted = peak_bytes(spec, MemoryUse(training=True, batch=16))
    # So small a network's gates, logits and counters weigh something.
    assert predicted == pytest.approx(measured_training(spec, 16), rel=0.05)


def test_inference_holds_weights_and_statistics_beside_the_maps() -> None:
    spec = variant("b0")
    model = build_model(spec, device="meta")
    lasting = sum(4 * t.numel() for t in model.state_dict().values() if t.is_floating_point())
    assert peak_bytes(spec) == lasting + peak_activation_bytes(spec)
