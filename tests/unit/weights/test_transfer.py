"""Weights by names: nothing half-loaded, every error named, every round trip bit for bit."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from small_network import SMALL
from spec_strategies import MBCONV, architectures
from torch import Tensor

from scaling import (
    ArchitectureSpec,
    SpecError,
    WeightsError,
    build_model,
    export_weights,
    load_weights,
    variant,
)
from scaling.model import EfficientNet
from scaling.weights import WeightsSource, read_own, read_state, write_own, write_state
from scaling.weights.places import places
from scaling.weights.schemes import tensor_names

SOURCES = pytest.mark.parametrize("source", [source.value for source in WeightsSource])


def shaken(spec: ArchitectureSpec = SMALL, seed: int = 3) -> EfficientNet:
    """A model none of whose tensors is at its initial value."""
    model, generator = build_model(spec, seed=seed), torch.Generator().manual_seed(seed)
    for name, tensor in model.state_dict().items():
        if name.endswith("num_batches_tracked"):
            tensor.fill_(17)
        else:
            tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.1)
    return model


def snapshot(model: EfficientNet) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(one: dict[str, Tensor], other: dict[str, Tensor], *, counts: bool = True) -> bool:
    assert list(one) == list(other)
    return all(
        torch.equal(tensor, other[name])
        for name, tensor in one.items()
        if counts or not name.endswith("num_batches_tracked")
    )


@given(spec=architectures())
@settings(max_examples=20)
def test_places_are_the_state_dict_of_every_spec(spec: ArchitectureSpec) -> None:
    names = [f"{place.module}.{tensor}" for place in places(spec) for tensor in place.tensors()]
    assert names == list(build_model(spec, device="meta").state_dict())


@given(spec=architectures(kinds=MBCONV))
@settings(max_examples=20)
def test_names_are_a_bijection(spec: ArchitectureSpec) -> None:
    for source in WeightsSource:
        theirs = Counter(name.theirs for name in tensor_names(spec, source) if name.theirs is not None)
        assert max(theirs.values()) == 1


@SOURCES
def test_a_round_trip_keeps_every_bit(source: str) -> None:
    first, second = shaken(), build_model(SMALL, seed=4)
    load_weights(second, export_weights(first, to=source), source=source)
    counts = source != "keras"
    assert same(first.state_dict(), second.state_dict(), counts=counts)
    assert int(second.stem.norm.num_batches_tracked) == (17 if counts else 0)


@SOURCES
def test_exports_are_copies_with_memory_of_their_own(source: str) -> None:
    model = shaken()
    before, exported = snapshot(model), export_weights(model, to=source)
    for tensor in exported.values():
        assert tensor.is_contiguous()
        tensor.zero_()
    assert same(before, model.state_dict())


def test_the_trap_of_conv_pw() -> None:
    model = shaken()
    timm = export_weights(model, to="timm")
    state = model.state_dict()
    assert torch.equal(timm["blocks.0.1.conv_pw.weight"], state["stages.0.1.project.conv.weight"])
    assert torch.equal(timm["blocks.1.0.conv_pw.weight"], state["stages.1.0.expand.conv.weight"])
    assert torch.equal(timm["blocks.1.0.conv_pwl.weight"], state["stages.1.0.project.conv.weight"])


def test_keras_axes() -> None:
    model = shaken()
    keras, state = export_weights(model, to="keras"), model.state_dict()
    assert keras["stem_conv/kernel"].shape == (3, 3, 3, 8)
    assert keras["block1a_dwconv/kernel"].shape == (3, 3, 8, 1)
    assert keras["predictions/kernel"].shape == (32, 10)
    assert keras["stem_conv/kernel"][2, 1, 0, 5] == state["stem.conv.weight"][5, 0, 2, 1]
    assert not [name for name in keras if "num_batches" in name or "normalization" in name]


def test_numpy_arrays_and_keras_own_normalization_are_taken() -> None:
    arrays: dict[str, object] = {n: t.numpy() for n, t in export_weights(shaken(), to="keras").items()}
    arrays["normalization/mean"] = np.zeros(3)
    model = build_model(SMALL, seed=4)
    load_weights(model, arrays, source="keras")
    assert same(model.state_dict(), shaken().state_dict(), counts=False)
    with pytest.raises(WeightsError, match=r"1 unexpected \(block9z_bn/mean\)"):
        load_weights(model, arrays | {"block9z_bn/mean": np.zeros(3)}, source="keras")


@SOURCES
def test_every_problem_is_named_and_nothing_is_half_loaded(source: str) -> None:
    model, state = build_model(SMALL, seed=4), export_weights(shaken(), to=source)
    before, names = snapshot(model), [name for name in state if not name.endswith("num_batches_tracked")]
    gone, short = names[-1], names[5]
    del state[gone]
    state[short] = torch.zeros(7, 7)
    state["surplus.weight"] = torch.zeros(1)
    with pytest.raises(WeightsError) as caught:
        load_weights(model, state, source=source)
    assert (caught.value.missing, caught.value.unexpected) == ((gone,), ("surplus.weight",))
    assert caught.value.misshaped == (short,)
    message = str(caught.value)
    assert all(name in message for name in (gone, short, "surplus.weight", "small", source))
    assert "\n" not in message
    assert same(before, model.state_dict())


def test_many_problems_stay_one_line() -> None:
    with pytest.raises(WeightsError, match=r"and \d+ more\)") as caught:
        load_weights(build_model(SMALL), {}, source="timm")
    expected = [n for n in export_weights(shaken(), to="timm") if not n.endswith("num_batches_tracked")]
    assert list(caught.value.missing) == expected
    assert len(str(caught.value)) < 400


def test_counts_of_batches_may_be_missing() -> None:
    state = export_weights(shaken(), to="torchvision")
    bare = {name: tensor for name, tensor in state.items() if not name.endswith("num_batches_tracked")}
    model = shaken(seed=5)
    load_weights(model, bare, source="torchvision")
    assert same(model.state_dict(), shaken().state_dict(), counts=False)
    assert int(model.head.norm.num_batches_tracked) == 0


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("text", "conv_stem.weight must be a tensor, got str"),
        (torch.zeros(8, 3, 3, 3, dtype=torch.int8), "must hold floating-point numbers, got int8"),
        (torch.zeros(8, 3, 3, 3, device="meta"), "on the meta device"),
    ],
)
def test_values_that_are_no_weights(value: object, problem: str) -> None:
    model = build_model(SMALL, seed=4)
    before = snapshot(model)
    with pytest.raises(WeightsError, match=problem):
        load_weights(model, export_weights(shaken(), to="timm") | {"conv_stem.weight": value}, source="timm")
    assert same(before, model.state_dict())


def test_a_model_without_memory_and_an_unknown_source() -> None:
    with pytest.raises(WeightsError, match="into a model on the meta device"):
        load_weights(build_model(SMALL, device="meta"), export_weights(shaken()))
    with pytest.raises(SpecError, match=r"source must be one of own, torchvision, timm, .*got 'jax'"):
        load_weights(build_model(SMALL), {}, source="jax")
    with pytest.raises(SpecError, match="got 'tensorflow'"):
        export_weights(shaken(), to="tensorflow")


@SOURCES
def test_files_round_trip(source: str, tmp_path: Path) -> None:
    model, state = shaken(), export_weights(shaken(), to=source)
    if source == "keras":
        pytest.importorskip("h5py")
    for ending in [".weights.h5"] if source == "keras" else [".pth", ".safetensors"]:
        path = tmp_path / f"weights{ending}"
        write_state(path, SMALL, state, source)
        fresh = build_model(SMALL)
        load_weights(fresh, read_state(path), source=source)
        assert same(fresh.state_dict(), model.state_dict(), counts=source != "keras")
        assert list(tmp_path.iterdir()) == [path]
        path.unlink()


def test_files_of_keras_2_are_read_by_their_paths(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    model, path = shaken(), tmp_path / "legacy.h5"
    with h5py.File(path, "w") as file:
        for name, tensor in export_weights(model, to="keras").items():
            layer = name.split("/")[0]
            file.create_dataset(f"{layer}/{name}:0", data=tensor.numpy())
        file.create_dataset("normalization/normalization/mean:0", data=np.zeros(3, "f4"))
    fresh = build_model(SMALL)
    load_weights(fresh, read_state(path), source="keras")
    assert same(fresh.state_dict(), model.state_dict(), counts=False)


def test_our_own_file_notes_its_network(tmp_path: Path) -> None:
    path = tmp_path / "small.safetensors"
    write_own(path, SMALL, shaken().state_dict(), source="timm")
    found = read_own(path, SMALL)
    assert (found.variant, found.source) == ("small", "timm")
    assert same(dict(found.state), shaken().state_dict())
    with pytest.raises(WeightsError, match=r"holds weights of small \(.*not of b0"):
        read_own(path, variant("b0"))


def test_files_that_are_none(tmp_path: Path) -> None:
    for name in ("a.safetensors", "a.pth", "a.weights.h5"):
        path = tmp_path / name
        with pytest.raises(WeightsError, match="expected a file of weights"):
            read_state(path)
        path.write_bytes(b"not weights at all")
        with pytest.raises(WeightsError) as caught:
            read_state(path)
        assert name in str(caught.value)


def test_pickles_run_nothing(tmp_path: Path) -> None:
    torch.save({"weight": Path(tmp_path)}, tmp_path / "bad.pth")
    with pytest.raises(WeightsError, match="only pickles of tensors"):
        read_state(tmp_path / "bad.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(WeightsError, match="must hold a state dict, got list"):
        read_state(tmp_path / "list.pth")
    torch.save({"epoch": 3, "state_dict": {"w": torch.ones(1)}}, tmp_path / "wrapped.pth")
    assert list(read_state(tmp_path / "wrapped.pth")) == ["w"]


def test_endings_must_suit(tmp_path: Path) -> None:
    state = export_weights(shaken(), to="keras")
    with pytest.raises(WeightsError, match=r"end in \.weights\.h5"):
        write_state(tmp_path / "a.pth", SMALL, state, "keras")
    with pytest.raises(WeightsError, match="must end in"):
        write_state(tmp_path / "a.txt", SMALL, state, "timm")
    with pytest.raises(WeightsError, match=r"ends in \.safetensors"):
        write_own(tmp_path / "a.pth", SMALL, {}, source="own")
    with pytest.raises(WeightsError, match="cannot be written"):
        write_state(tmp_path / "none" / "a.pth", SMALL, state, "timm")
