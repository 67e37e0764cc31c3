"""The estimate of peak activation memory against the tensors that are really alive."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from spec_strategies import architectures
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from scaling import ArchitectureSpec, build_model, variant
from scaling.cost.memory import peak_activation_bytes
from scaling.model import TENSORFLOW, TORCHVISION, Numerics


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
