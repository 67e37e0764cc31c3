"""`run_search.py init`: a file that is complete, explained and valid as it is written."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from PIL import Image

from scaling.cli.search import search
from scaling.errors import ConfigError, DataError, ScalingError, SpecError
from scaling.plans.search.candidates import space_of
from scaling.plans.search.config import load_config, parse_config
from scaling.plans.search.settings import settings
from scaling.plans.search.template import experiment_toml

TEXT = experiment_toml(name="mine", data="glyphs", baseline=None, command="python run_search.py")
COMMENTED = re.compile(r"^#(?=[a-z0-9_]+ = )", flags=re.MULTILINE)


def shown(*arguments: str) -> str:
    outcome = CliRunner(env={"COLUMNS": "200"}).invoke(
        search, list(arguments), catch_exceptions=False, standalone_mode=False
    )
    return outcome.stdout


def paths(document: dict[str, Any], table: str = "") -> Iterator[str]:
    for key, value in document.items():
        if isinstance(value, dict):
            yield from paths(value, f"{table}{key}.")
        else:
            yield table + key


@pytest.mark.parametrize("data", ["glyphs", "fashion-mnist", "cifar10"])
@pytest.mark.parametrize("baseline", [None, "efficientnet-b0", "lite0"])
def test_a_new_file_is_valid_and_has_networks_on_target(
    data: str, baseline: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "new.toml"
    options = ["--baseline", baseline] if baseline else []
    printed = shown("init", "--data", data, *options, "--output", str(path))
    config = load_config(path)
    assert config.setup.data.name == data
    assert config.prediction == ""
    if baseline != "efficientnet-b0" or data != "glyphs":  # 224 px: counting takes seconds
        assert len(space_of(config)) > 20
    assert str(path) in printed


def test_every_setting_is_in_it_once_and_explained() -> None:
    full = tomllib.loads(COMMENTED.sub("", TEXT))
    known = settings()
    assert sorted(paths(full)) == sorted(one.path for one in known)
    assert [one.path for one in known if not one.meaning] == []
    assert [
        one.path for one in known if one.required and one.path not in set(paths(tomllib.loads(TEXT)))
    ] == []


def test_defaults_that_are_shown_are_the_defaults() -> None:
    active, full = tomllib.loads(TEXT), tomllib.loads(COMMENTED.sub("", TEXT))
    config = parse_config(active, where="test").document()
    for setting in settings():
        if setting.default is None or setting.path in set(paths(active)):
            continue
        there: Any = full
        ours: Any = config
        for part in setting.path.split("."):
            there, ours = there[part], ours[part]
        assert there == ours == setting.default, setting.path


def test_any_one_line_may_be_uncommented() -> None:
    refused = []
    for match in COMMENTED.finditer(TEXT):
        changed = tomllib.loads(TEXT[: match.start()] + TEXT[match.end() :])
        try:
            parse_config(changed, where="test")
        except ConfigError as error:
            refused.append(str(error))
    # A limit may be below the baseline's own cost; nothing is unknown or mistyped.
    assert not [one for one in refused if "unknown key" in one or "should be" in one]
    assert len(refused) < 5


@pytest.mark.parametrize("pictures", [12, 90])
def test_images_are_no_more_than_a_folder_has(pictures: int, tmp_path: Path) -> None:
    for index in range(pictures):
        folder = tmp_path / "pets" / ("cat" if index % 2 else "dog")
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 40), (index, 0, 0)).save(folder / f"{index}.png")
    path = tmp_path / "pets.toml"
    shown("init", "--data", f"imagefolder:{tmp_path / 'pets'}", "--output", str(path))
    setup = load_config(path).setup
    assert setup.data.train is not None
    assert setup.data.validation is not None
    assert 0.5 * pictures < setup.data.train + setup.data.validation <= pictures
    assert setup.recipe.batch_size == min(50, setup.data.train)
    job = setup.job(setup.baseline_spec, seed=0)
    assert len(job.images("train")) == setup.data.train
    assert len(job.images("validation")) == setup.data.validation


def test_an_existing_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("mine")
    with pytest.raises(ConfigError, match="exists already"):
        shown("init", "--output", str(path))
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        (["--name", "../escape"], ConfigError),
        (["--data", "nothing"], DataError),
        (["--baseline", "resnet-900"], SpecError),
    ],
)
def test_what_cannot_be_run_is_not_written(
    options: list[str], kind: type[ScalingError], tmp_path: Path
) -> None:
    with pytest.raises(kind):
        shown("init", *options, "--output", str(tmp_path / "new.toml"))
    assert not list(tmp_path.iterdir())
