"""Pictures to inputs: the table, the geometry, the numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from scaling.data.preprocessing import preprocess, preprocessing_named, preprocessing_names
from scaling.errors import ConfigError, DataError
from scaling.network.published import published


def test_every_row_can_be_used() -> None:
    for row in published("preprocessing"):
        variant = row["variant"].replace("*", "0") if row["variant"] != "*" else "b0"
        found = preprocessing_named(row["name"], variant)
        size = found.image_size(64)
        assert preprocess(Image.new("RGB", (80, 70)), found, size).shape == (3, size, size)
        assert row["source"]


@pytest.mark.parametrize(
    ("variant", "size", "share"),
    [("b0", 224, 0.875), ("b1", 240, 0.882), ("b5", 456, 0.934), ("b7", 600, 0.949)],
)
def test_the_released_crop(variant: str, size: int, share: float) -> None:
    """A white square of the cropped share on black: the input is white to its edges, and no more."""
    side = 2000
    crop = round(side * size / (size + preprocessing_named("tensorflow", variant).crop_padding))
    assert abs(crop / side - share) < 6e-4
    for margin, white in ((0, True), (8, False)):
        pixels = np.zeros((side, side + 500, 3), np.uint8)
        top, left = (side - crop) // 2 + margin, (side + 500 - crop) // 2 + margin
        pixels[top : top + crop - 2 * margin, left : left + crop - 2 * margin] = 255
        x = preprocess(Image.fromarray(pixels), preprocessing_named("advprop", variant), size)
        assert bool((x[:, 0, :] > 0.9).all()) == white
        assert bool((x[:, :, -1] > 0.9).all()) == white
        assert float(x[:, size // 2, size // 2].min()) == 1.0


@pytest.mark.parametrize(
    ("name", "variant", "black", "white"),
    [
        ("advprop", "b0", -1.0, 1.0),
        ("lite", "lite0", -127 / 128, 1.0),
        ("tensorflow", "b0", -0.485 / 0.229, (1 - 0.485) / 0.229),
    ],
)
def test_mean_and_deviation(name: str, variant: str, black: float, white: float) -> None:
    for value, expected in ((0, black), (255, white)):
        image = Image.new("RGB", (40, 30), (value, value, value))
        x = preprocess(image, preprocessing_named(name, variant), 32)
        assert x.dtype == torch.float32
        assert x.is_contiguous()
        assert float(x[0].mean()) == pytest.approx(expected, abs=1e-5)


def test_channels_are_red_green_blue() -> None:
    x = preprocess(Image.new("RGB", (9, 9), (255, 0, 51)), preprocessing_named("advprop", "b0"), 8)
    assert [round(float(channel.mean()), 4) for channel in x] == [1.0, -1.0, -0.6]


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "LA", "CMYK", "I;16"])
def test_every_mode_with_a_known_range_is_read(mode: str) -> None:
    image = Image.new(mode, (30, 20))
    if mode == "P":
        image.info["transparency"] = b"\x00\xff"
    assert preprocess(image, preprocessing_named("tensorflow", "b0"), 16).shape == (3, 16, 16)


def test_one_pixel_is_enough_and_a_strip_is_too_thin() -> None:
    assert preprocess(Image.new("RGB", (1, 1)), preprocessing_named("tensorflow", "b0"), 16).shape == (
        3,
        16,
        16,
    )
    with pytest.raises(DataError, match="1 x 9000 px is too thin"):
        preprocess(Image.new("RGB", (1, 9000)), preprocessing_named("torchvision", "b0"), 224)


def test_errors_say_what_there_is() -> None:
    with pytest.raises(
        ConfigError, match="for b8 must be one of tensorflow, advprop, timm-tf, got 'torchvision'"
    ):
        preprocessing_named("torchvision", "b8")
    with pytest.raises(DataError, match="gives images of 288 px, got 260"):
        preprocess(Image.new("RGB", (9, 9)), preprocessing_named("torchvision", "b2"), 260)
    assert "lite" in preprocessing_names("lite3")
    assert "lite" not in preprocessing_names("b3")


@pytest.mark.parametrize(
    "changes",
    [
        {"crop": None},
        {"crop_padding": 32},
        {"resize": 200},
        {"std": (0.0, 1.0, 1.0)},
        {"resize": None, "crop": None},
    ],
)
def test_half_a_preprocessing_is_refused(changes: dict[str, Any]) -> None:
    whole = preprocessing_named("torchvision", "b0")
    with pytest.raises(ConfigError):
        replace(whole, **changes)
