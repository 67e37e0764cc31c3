"""Packing of trainings: cores, memory, what the user says."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from scaling import build_model, variant
from scaling.training.machine import (
    pack,
    training_alone,
    training_bytes,
)

CPU, GPU = torch.device("cpu"), torch.device("cuda")
GB = 10**9


@pytest.mark.parametrize(
    ("wanted", "device", "environ", "cores", "free", "expected"),
    [
        (None, CPU, {}, 8, 100 * GB, (8, 1)),
        (None, CPU, {}, 8, 6 * GB, (3, 2)),
        (None, CPU, {}, 2, 0, (1, 2)),
        (None, CPU, {"OMP_NUM_THREADS": "2"}, 8, 100 * GB, (4, 2)),
        (None, CPU, {"OMP_NUM_THREADS": "16"}, 8, 100 * GB, (1, 16)),
        (2, CPU, {}, 8, 0, (2, 4)),
        (3, CPU, {"OMP_NUM_THREADS": "1"}, 8, 0, (3, 1)),
        (3, CPU, {"OMP_NUM_THREADS": "many"}, 8, 0, (3, 2)),
        (None, GPU, {}, 16, 100 * GB, (4, 4)),
        (None, GPU, {}, 16, 4 * GB, (2, 8)),
        (None, GPU, {}, 2, 100 * GB, (2, 1)),
    ],
)
def test_packing(
    wanted: int | None,
    device: torch.device,
    environ: dict[str, str],
    cores: int,
    free: int,
    expected: tuple[int, int],
) -> None:
    packing = pack(wanted, device, bytes_each=GB, environ=environ, cores=cores, free_bytes=free)
    assert (packing.workers, packing.threads) == expected


def test_no_more_processes_than_trainings() -> None:
    packing = pack(None, CPU, bytes_each=0, most=3, environ={}, cores=8, free_bytes=100 * GB)
    assert (packing.workers, packing.threads) == (3, 2)


def test_a_training_alone_takes_the_threads_that_torch_has() -> None:
    alone = training_alone(processes=2)
    assert (alone.workers, alone.threads) == (1, torch.get_num_threads())
    assert "2 processes on one network" in str(alone)


def test_the_estimate_covers_what_a_backward_pass_keeps() -> None:
    spec, batch = replace(variant("b0"), image_size=64), 4
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    model = build_model(spec, seed=0).train()
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = model(torch.randn(batch, 3, 64, 64)).square().mean()
    own = sum(4 * p.numel() for p in model.parameters())
    loss.backward()  # type: ignore[no-untyped-call]
    needed = sum(kept.values()) + 4 * own  # gradients, two moments, averages beside the weights kept
    assert needed <= training_bytes(spec, batch) <= 1.5 * needed
