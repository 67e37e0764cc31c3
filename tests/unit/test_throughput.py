"""The throughput benchmark: its ratios, and its GPU parts as they run on a CPU."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import throughput_gpu
import training_throughput
from training_throughput import Row

CPU = torch.device("cpu")


def row(name: str, layout: str, images_per_s: float) -> Row:
    return Row(part="train-32", name=name, layout=layout, images_per_s=images_per_s)


def test_ratios_are_of_the_engine_to_peers_and_never_to_itself() -> None:
    rows = [
        row("this engine", "channels_last", 300.0),
        row("this engine, stock kernels", "channels_last", 290.0),
        row("timm", "as it comes", 100.0),
        row("timm", "channels_last", 150.0),
        row("torchvision", "channels_last", 200.0),
    ]
    assert training_throughput.ratios(rows) == [
        "3.00 times timm as it comes",
        "1.50 times the best peer in channels_last (torchvision)",
    ]
    assert training_throughput.ratios(rows[:2]) == []  # no peer is installed


def test_gpu_parts_run_on_a_cpu() -> None:
    ways = throughput_gpu.graphed_rows(CPU, None, image_size=16, count=4, steps=1)
    assert [name for name, _ in ways] == ["graphed, resident", "ordinary, resident", "ordinary, DataLoader"]
    assert all(speed > 0 for _, speed in ways)


def test_the_roofline_is_of_measured_ceilings(monkeypatch: pytest.MonkeyPatch) -> None:
    assert throughput_gpu.copy_ceiling(CPU, megabytes=1) > 1e6
    assert throughput_gpu.matmul_ceiling(CPU, side=64) > 1e6
    monkeypatch.setattr(throughput_gpu, "copy_ceiling", lambda _device: 1e12)
    monkeypatch.setattr(throughput_gpu, "matmul_ceiling", lambda _device: 1e15)
    line = throughput_gpu.roofline(CPU, throughput_gpu.variant("b0"), 2489.0)
    # 6 operations for each of 385,814,752 multiply-adds: forward, and twice that backward.
    assert "5.76 of 1000.00 TFLOP/s (0.6 %)" in line
    assert "of 1,000 GB/s" in line
