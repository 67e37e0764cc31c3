"""Pictures of other bit depths, and those that an EXIF tag turns: medical images, depth maps, telephones."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scaling.data.folders import centre_square
from scaling.data.imagefolder import Decoded, LabelledFile, Skipped, as_rgb, decode

RAMP = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
ORIENTATION = 0x0112
"""EXIF tag."""


def read(path: Path, *, lazily: bool = False) -> np.ndarray:
    found = decode(path.parent, LabelledFile(path=path, label=0), as_rgb, lazily=lazily)
    assert isinstance(found, Decoded), found
    return np.asarray(found.value)


@pytest.mark.parametrize("name", ["grey.png", "grey.tif"])
def test_16_bits_are_rescaled(name: str, tmp_path: Path) -> None:
    Image.fromarray(RAMP).save(tmp_path / name)
    expected = np.rint(RAMP / 257)
    np.testing.assert_array_equal(read(tmp_path / name), np.stack([expected] * 3, axis=-1))


def test_16_bits_of_the_other_byte_order_are_rescaled_too() -> None:
    swapped = Image.frombytes("I;16B", (64, 64), RAMP.astype(">u2").tobytes())
    np.testing.assert_array_equal(np.asarray(as_rgb(swapped))[..., 0], np.rint(RAMP / 257))


@pytest.mark.parametrize(("kind", "said"), [(np.int32, "32-bit"), (np.float32, "floating-point")])
def test_values_of_unknown_range_are_refused_by_name(kind: type, said: str, tmp_path: Path) -> None:
    path = tmp_path / "scan.tif"
    Image.fromarray((RAMP / 65535).astype(kind)).save(path)
    for lazily in (False, True):
        found = decode(tmp_path, LabelledFile(path=path, label=0), as_rgb, lazily=lazily)
        assert isinstance(found, Skipped)
        assert found.path == "scan.tif"
        assert f"{said} numbers" in found.reason


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("lazily", [False, True])
def test_pictures_are_upright_as_every_viewer_shows_them(
    orientation: int, lazily: bool, tmp_path: Path
) -> None:
    upright = np.zeros((40, 80, 3), np.uint8)
    upright[:20, :20] = 255  # the upper left is white
    turned = {
        1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud,
        5: lambda a: a.transpose(1, 0, 2), 6: np.rot90, 7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    Image.fromarray(np.ascontiguousarray(turned(upright))).save(tmp_path / "a.jpg", exif=exif, quality=95)
    found = read(tmp_path / "a.jpg", lazily=lazily)
    assert found.shape == upright.shape
    assert np.abs(found.astype(int) - upright).mean() < 2


def test_a_damaged_tag_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(_jpeg(b"Exif\0\0garbage that is no tag"))
    assert read(tmp_path / "a.jpg").shape == (8, 8, 3)


def _jpeg(exif: bytes) -> bytes:
    stream = BytesIO()
    Image.new("RGB", (8, 8), (9, 9, 9)).save(stream, "jpeg", exif=exif)
    return stream.getvalue()


def test_the_middle_of_a_bright_scan_is_not_white(tmp_path: Path) -> None:
    Image.fromarray(np.full((32, 32), 30000, np.uint16)).save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert set(np.unique(centre_square(image, image_size=16)[0])) == {117}
