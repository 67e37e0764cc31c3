"""Kernel tables: measured once, kept, and what a run has saved wins."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch
from tiny_setup import tiny_setup

from scaling.cli.search import KERNEL_CHOICES
from scaling.model import FIXED_KERNELS, Kernel, KernelTable
from scaling.training import kernels
from scaling.training.kernels import Machine, kernels_for, measure_kernels, read_kernels
from scaling.training.options import EngineOptions, KernelChoice

CPU = torch.device("cpu")


@pytest.fixture
def few_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "SMALL_SIDES", (1, 2))


def measured(cache: Path, **more: object) -> KernelTable:
    return kernels_for(
        KernelChoice.MEASURED,
        CPU,
        threads=1,
        dtype="float32",
        cache_dir=cache,
        **more,  # type: ignore[arg-type]
    )


@pytest.mark.usefixtures("few_shapes")
def test_a_machine_is_measured_once(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    first = measured(tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 10) for done in range(11)]
    assert "measured" in first.origin
    assert "1 thread" in first.origin
    again = measured(tmp_path, progress=lambda *_: pytest.fail("measured twice"))
    assert again == first
    # A 1x1 map asks for one multiplication where torch runs a grouped convolution: no processor prefers that.
    assert first.kernel(side=1, kernel_size=5, stride=1, dtype="float32") == Kernel.CENTRE
    assert torch.get_num_threads() >= 1


@pytest.mark.usefixtures("few_shapes")
def test_another_number_of_threads_or_arithmetic_is_another_machine(tmp_path: Path) -> None:
    here = Machine.here(CPU, threads=1, dtype="float32")
    others = [Machine.here(CPU, threads=2, dtype="float32"), Machine.here(CPU, threads=1, dtype="bfloat16")]
    assert len({machine.path(tmp_path) for machine in (here, *others)}) == 3


@pytest.mark.usefixtures("few_shapes")
def test_a_damaged_cache_is_measured_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = Machine.here(CPU, threads=1, dtype="float32").path(tmp_path)
    path.parent.mkdir()
    path.write_text("{torn")
    with caplog.at_level(logging.WARNING):
        table = measured(tmp_path)
    assert "measured anew" in caplog.text
    assert read_kernels(path) == table


@pytest.mark.usefixtures("few_shapes")
def test_a_cache_that_cannot_be_written_costs_only_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "kernels").write_text("a file where the folder would be")
    with caplog.at_level(logging.WARNING):
        assert measured(tmp_path).choices
    assert "measured again next time" in caplog.text


def test_measuring_leaves_the_threads_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "SMALL_SIDES", (1,))
    before = torch.get_num_threads()
    measure_kernels(CPU, Machine.here(CPU, threads=before + 1, dtype="float32"))
    assert torch.get_num_threads() == before


def test_the_command_line_names_every_choice() -> None:
    assert [choice.value for choice in KernelChoice] == list(KERNEL_CHOICES)


def test_fixed_and_stock_need_no_measurement(tmp_path: Path) -> None:
    fixed = kernels_for(KernelChoice.FIXED, CPU, threads=1, dtype="float32", cache_dir=tmp_path)
    assert fixed == FIXED_KERNELS
    assert kernels_for(KernelChoice.STOCK, CPU, threads=1, dtype="float32", cache_dir=tmp_path) is None
    assert not any(tmp_path.iterdir())


def test_the_engine_table_shapes_the_key() -> None:
    plain, fixed = tiny_setup(engine={"kernels": "measured"}), tiny_setup()
    assert plain.engine == EngineOptions(device="cpu")
    assert plain.key() != fixed.key()
