"""Files of weights that others wrote: nothing is read from elsewhere, and nothing larger than it can be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scaling.errors import WeightsError
from scaling.weights import read_state

h5py = pytest.importorskip("h5py")
SECRET = np.arange(16, dtype="f4")


def external_values(group: Any, folder: Path) -> None:
    group.create_dataset("0", (4, 4), "f4", external=[(str(folder / "secret.bin"), 0, 64)])


def external_link(group: Any, _folder: Path) -> None:
    group["0"] = h5py.ExternalLink("secret.h5", "/values")


def soft_link(group: Any, _folder: Path) -> None:
    group.create_dataset("1", data=SECRET)
    group["0"] = h5py.SoftLink("/layers/conv2d/vars/1")


def virtual_values(group: Any, _folder: Path) -> None:
    layout = h5py.VirtualLayout(shape=(16,), dtype="f4")
    layout[:] = h5py.VirtualSource("secret.h5", "values", shape=(16,))
    group.create_virtual_dataset("0", layout)


def declared_shape(group: Any, _folder: Path) -> None:
    group.create_dataset("0", (2**20, 2**20), "f4", chunks=(64, 64))


def declared_often(group: Any, _folder: Path) -> None:
    group.create_dataset("0", (2**10, 2**10), "f4", chunks=(64, 64))
    for number in range(1, 4096):
        group[str(number)] = group["0"]


def circle(group: Any, _folder: Path) -> None:
    group["0"] = group.file["layers"]


HOSTILE: dict[Callable[[Any, Path], None], str] = {
    external_values: "has its values in another file",
    external_link: "is a link",
    soft_link: "is a link",
    virtual_values: "has its values in another file",
    declared_shape: "more than it can hold",
    declared_often: "more than it can hold",
    circle: "as Keras 3 writes them",
}


@pytest.mark.parametrize("layers", ["layers", "stem"], ids=["Keras 3", "Keras 2"])
@pytest.mark.parametrize(("fill", "message"), HOSTILE.items(), ids=lambda one: getattr(one, "__name__", ""))
def test_hdf5_holds_its_own_values_and_no_more(
    fill: Callable[[Any, Path], None], message: str, layers: str, tmp_path: Path
) -> None:
    SECRET.tofile(tmp_path / "secret.bin")
    with h5py.File(tmp_path / "secret.h5", "w") as other:
        other["values"] = SECRET
    path = tmp_path / "a.weights.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("layers/conv2d/vars")
        group.attrs["name"] = "stem_conv"
        fill(group, tmp_path)
        if layers != "layers":
            file.move("layers", layers)
    if fill is circle and layers != "layers":
        assert read_state(path) == {}
        return
    with pytest.raises(WeightsError, match=message) as caught:
        read_state(path)
    assert str(caught.value).isprintable()
