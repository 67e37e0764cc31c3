"""What a notebook shows of networks and costs, that they pickle, copy and hash, and the lazy public names."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import scaling
from scaling.errors import ConfigError, SpecError, WeightsError
from scaling.weights import write_own

NAMES = ("b0", "b7", "lite2")
BASELINES = ("mobilenetv1", "resnet-50")


def networks() -> list[scaling.ArchitectureSpec]:
    scaled = scaling.generate(alpha=1.2, beta=1.1, gamma=1.15, phi=1.5)
    others = [scaling.create_model(name, device="meta").spec for name in BASELINES]
    return [*map(scaling.variant, NAMES), scaled, *others]


every_network = pytest.mark.parametrize("spec", networks(), ids=lambda spec: str(spec.name))


@every_network
def test_specs_and_costs_are_one_line(spec: scaling.ArchitectureSpec) -> None:
    cost = scaling.count_cost(spec)
    for text in (repr(spec), repr(cost)):
        assert "\n" not in text
        assert spec.name in text
        assert f"{spec.image_size} px" in text
    assert f"{cost.macs:,}" in repr(cost)


@every_network
@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_specs_and_costs_pickle_copy_and_hash(again: object, spec: scaling.ArchitectureSpec) -> None:
    assert callable(again)
    for one in (spec, scaling.count_cost(spec)):
        made = again(one)
        assert made == one
        assert hash(made) == hash(one)
        assert repr(made) == repr(one)
    assert again(spec).derivation == spec.derivation


@every_network
def test_a_notebook_shows_stages_and_a_drawing(spec: scaling.ArchitectureSpec) -> None:
    html = spec._repr_html_()
    assert html is not None
    assert html.count("<table") == html.count("<svg") == 1
    assert str(spec.stages[-1].out_channels) in html
    assert "<?xml" not in html


@every_network
def test_a_notebook_shows_the_cost_of_every_stage(spec: scaling.ArchitectureSpec) -> None:
    cost = scaling.count_cost(spec)
    html = cost._repr_html_()
    assert html is not None
    for piece in cost.by_stage:
        assert piece.name in html
        assert f"{piece.macs:,}" in html
    assert f"{cost.params:,}" in html


def test_importing_the_library_imports_nothing_heavy() -> None:
    code = "import scaling, sys; print(*({'torch', 'matplotlib', 'pandas'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_every_public_name_is_there() -> None:
    for name in scaling.__all__:
        assert getattr(scaling, name) is not None
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        scaling.nothing_of_the_kind  # noqa: B018


def test_drawings_show_and_save_themselves(tmp_path: Path) -> None:
    b1, b2 = scaling.variant("b1"), scaling.variant("b2")
    drawing = scaling.draw(b1)
    assert drawing._repr_svg_().startswith("<svg")
    path = drawing.save(tmp_path / "b1.svg")
    assert path.read_text(encoding="utf-8").endswith(drawing._repr_svg_())
    assert drawing.save(str(tmp_path / "b1.png")).read_bytes().startswith(b"\x89PNG")
    titles = [
        scaling.draw(b1, b2).title,
        scaling.draw(b1, detail="stage", stage=2).title,
        scaling.draw(b1, detail="module").title,
        scaling.draw(b1, detail="family").title,
        drawing.title,
    ]
    assert len(set(titles)) == len(titles)


def test_what_cannot_be_drawn(tmp_path: Path) -> None:
    b1 = scaling.variant("b1")
    with pytest.raises(ConfigError, match="another"):
        scaling.draw(b1, detail="another")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="stages 1 to 7"):
        scaling.draw(b1, detail="stage", stage=8)
    with pytest.raises(ConfigError, match="block by block"):
        scaling.draw(b1, b1, detail="module")
    with pytest.raises(ConfigError, match="svg"):
        scaling.draw(b1).save(tmp_path / "b1.gif")


def test_models_by_name_take_classes_channels_and_weights(tmp_path: Path) -> None:
    first = scaling.create_model("b0", num_classes=10, in_channels=1, seed=1)
    assert first.classifier.out_features == 10
    assert first.stem.conv.in_channels == 1
    file = tmp_path / "b0.safetensors"
    write_own(file, first.spec, first.state_dict(), source="own")
    second = scaling.create_model("b0", num_classes=10, in_channels=1, weights=file)
    assert all((second.state_dict()[name] == value).all() for name, value in first.state_dict().items())
    with pytest.raises(WeightsError, match="b0"):
        scaling.create_model("b0", weights=str(file))
    with pytest.raises(SpecError, match="b99"):
        scaling.create_model("b99")


def test_weights_of_others_bring_their_numerics(tmp_path: Path) -> None:
    import torch  # noqa: PLC0415

    made = scaling.create_model("b0", seed=1)
    file = tmp_path / "b0.pth"
    torch.save(scaling.export_weights(made, to="torchvision"), file)
    loaded = scaling.create_model("b0", weights=file, source="torchvision")
    assert loaded.numerics.padding == "symmetric"
    assert (loaded.classifier.weight == made.classifier.weight).all()
