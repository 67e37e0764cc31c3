"""Pictures to inputs as torchvision's and timm's own transforms make them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import pytest
from peer_networks import import_peer, peers_own_warnings
from PIL import Image

from scaling.data.preprocessing import preprocess, preprocessing_named
from scaling.network.published import published

pytestmark = pytest.mark.peers

HOPPER = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
TOLERANCE = 2e-6
"""Of inputs of standard deviation about 1: float32 rounding; the pixels themselves must be equal."""


@pytest.fixture(params=["portrait", "landscape", "odd", "small"])
def picture(request: pytest.FixtureRequest) -> Image.Image:
    with Image.open(HOPPER) as image:
        whole = image.convert("RGB")
    return {
        "portrait": whole,
        "landscape": whole.transpose(Image.Transpose.ROTATE_90),
        "odd": whole.crop((0, 0, 501, 377)),
        "small": whole.resize((61, 97)),
    }[request.param]


def torchvision_weights(name: str, variant: str) -> Any:
    enum = getattr(import_peer("torchvision").models, f"EfficientNet_{variant.upper()}_Weights")
    return enum.IMAGENET1K_V2 if name.endswith("v2") else enum.IMAGENET1K_V1


TORCHVISION = [("torchvision", f"b{number}") for number in range(8)] + [("torchvision-v2", "b1")]
TIMM = [("timm", f"b{n}") for n in range(5)] + [("timm-tf", f"b{n}") for n in range(9)] + [("timm-tf", "l2")]


@pytest.mark.parametrize(("name", "variant"), TORCHVISION)
def test_torchvision_prepares_alike(name: str, variant: str, picture: Image.Image) -> None:
    ours = preprocessing_named(name, variant)
    transform = torchvision_weights(name, variant).transforms()
    assert [ours.resize, ours.crop] == [*transform.resize_size, *transform.crop_size]
    assert ours.interpolation.value == transform.interpolation.value
    assert [list(ours.mean), list(ours.std)] == [list(transform.mean), list(transform.std)]
    difference = (preprocess(picture, ours, ours.image_size(0)) - transform(picture)).abs().max()
    assert float(difference) <= TOLERANCE


def test_torchvision_has_no_other_weights() -> None:
    models = import_peer("torchvision").models
    released = {
        (f"b{n}", weight.name) for n in range(8) for weight in getattr(models, f"EfficientNet_B{n}_Weights")
    }
    names = {"torchvision": "IMAGENET1K_V1", "torchvision-v2": "IMAGENET1K_V2"}
    rows = [row for row in published("preprocessing") if row["name"] in names]
    assert {(row["variant"], names[row["name"]]) for row in rows} == released


@pytest.mark.parametrize(("name", "variant"), TIMM)
def test_timm_prepares_alike(name: str, variant: str, picture: Image.Image) -> None:
    ours = preprocessing_named(name, variant)
    timm = import_peer("timm")
    tag = {row["variant"]: row["tag"] for row in published("weight_files") if row["peer"] == name}[variant]
    prefix = "tf_" if name == "timm-tf" else ""
    config = timm.get_pretrained_cfg(f"{prefix}efficientnet_{variant}.{tag}").to_dict()
    with peers_own_warnings():
        data = import_peer("timm.data")
        settings = data.resolve_data_config(pretrained_cfg=config, use_test_size=True)
        transform = data.create_transform(**settings)
    assert settings["input_size"][-1] == ours.crop
    difference = (preprocess(picture, ours, ours.image_size(0)) - transform(picture)).abs().max()
    assert float(difference) <= TOLERANCE
