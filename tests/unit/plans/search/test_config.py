"""Experiment files: read strictly, every mistake said in one line."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from search_runs import ROOT, configuration, document, experiment
from tiny_setup import toml_of

from scaling.errors import ConfigError
from scaling.plans.search.config import SearchConfig, load_config, parse_config

EXPERIMENTS = sorted(
    path
    for path in (ROOT / "experiments").rglob("*.toml")
    if tomllib.loads(path.read_text(encoding="utf-8")).get("kind") == "search"
)
"""Studies have a reader of their own, setups no kind."""


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_committed_experiments_are_valid_and_say_why(path: Path) -> None:
    config = load_config(path)
    assert config.name == path.stem
    assert config.question.endswith("?")
    assert config.prediction
    assert config.expected_minutes
    assert config.baseline_spec.num_classes > 1


def test_the_resolved_configuration_round_trips() -> None:
    config = configuration(search={"seeds": [3, 1], "largest_image_size": 20})
    again = parse_config(config.document(), where="again")
    assert again == config
    assert again.key() == config.key()
    assert again.document() == config.document()


def test_the_key_follows_results_and_not_workers() -> None:
    key = configuration().key()
    assert configuration(engine={"workers": 7, "checkpoint_s": 5}, command="x").key() == key
    for tables in (
        {"search": {"trials": 3}},
        {"search": {"seed": 1}},
        {"data": {"seed": 1}},
        {"recipe": {"learning_rate": 0.02}},
        {"numerics": {"batch_norm_momentum": 0.2}},
        {"baseline": {"stem_stride": 2}},
        {"engine": {"kernels": "stock"}},
    ):
        assert configuration(**tables).key() != key


def test_the_baseline_takes_classes_and_channels_from_the_data() -> None:
    spec = configuration().baseline_spec
    assert (spec.in_channels, spec.image_size, spec.stem.stride) == (1, 16, 1)
    named = document()
    named["setup"]["baseline"] = {"name": "b0", "image_size": 32, "stem_stride": 1}
    spec = parse_config(named, where="test").baseline_spec
    assert (spec.image_size, spec.stem.stride, spec.stem.out_channels) == (32, 1, 32)


@pytest.mark.parametrize(
    ("override", "table", "key", "value"),
    [
        ("search.trials=7", "search", "trials", 7),
        ("search.sampler=random", "search", "sampler", "random"),
        ('search.sampler="random"', "search", "sampler", "random"),
        ("search.seeds=[4, 5]", "search", "seeds", (4, 5)),
        ("recipe.learning_rate=1e-3", "recipe", "learning_rate", 0.001),
        ("data.allow_upsampling=true", "data", "allow_upsampling", True),
        ("data.train = 60", "data", "train", 60),
        ("setup.engine.workers=3", "engine", "workers", 3),
    ],
)
def test_overrides_are_typed(tmp_path: Path, override: str, table: str, key: str, value: object) -> None:
    config = load_config(experiment(tmp_path), [override])
    place = config.search if table == "search" else getattr(config.setup, table)
    assert getattr(place, key) == value


def test_later_overrides_win_and_new_tables_appear(tmp_path: Path) -> None:
    plain = document()
    del plain["setup"]["rounding"], plain["setup"]["numerics"]
    plain["setup"]["baseline"]["image_size"] = 24
    path = tmp_path / "x.toml"
    path.write_text(toml_of(plain))
    config = load_config(path, ["rounding.channel_divisor=4", "rounding.channel_divisor=2", "name=other"])
    assert (config.setup.rounding.channel_divisor, config.name) == (2, "other")


BAD = {
    "unknown table": ("serch.trials=3", "unknown key 'serch'; did you mean 'search'?"),
    "unknown key of a table in a table": (
        "recipe.augmentation.flp=true",
        "unknown key 'setup.recipe.augmentation.flp'; did you mean 'flip'?",
    ),
    "unknown key": ("search.trails=3", "unknown key 'search.trails'; did you mean 'trials'?"),
    "unknown recipe key": (
        "recipe.learning_rte=1", "unknown key 'setup.recipe.learning_rte'; did you mean 'learning_rate'"),
    "nothing near": ("search.zzz=3", "known keys: trials, seeds"),
    "no equals": ("search.trials", "expected --set table.key=value, got 'search.trials'"),
    "no key": ("=3", "expected --set table.key=value"),
    "into a value": ("name.x=3", "'name' is a value, not a table"),
    "table as value": ("recipe=3", "recipe"),
    "word for number": ("search.trials=many", "search.trials"),
    "negative": ("search.trials=-1", "search.trials"),
    "half a seed": ("search.seeds=[0.5]", "search.seeds"),
    "no seeds": ("search.seeds=[]", "search.seeds"),
    "seed twice": ("search.seeds=[1, 1]", "seeds must be different"),
    "seed below zero": ("search.seeds=[-1]", "seeds must be different, from 0"),
    "seed beyond torch": ("search.seeds=[99999999999999999999]", "from 0 to 4294967295"),
    "no workers": ("engine.workers=0", "setup.engine.workers"),
    "sampler": ("search.sampler=annealing", "'tpe', 'gp', 'cmaes', 'qmc', 'random'"),
    "device": ("engine.device=tpu", "setup.engine.device"),
    "target": ("search.target_factor=1", "target factor must be above 1"),
    "target nan": ("search.target_factor=nan", "target factor must be above 1"),
    "tolerance": ("search.tolerance=0", "tolerance must be between 0 and 1"),
    "cap of nothing": ("search.largest_image_size=0", "search.largest_image_size"),
    "cap below the baseline": (
        "search.largest_image_size=15", "the baseline itself is beyond search.limits or search.largest"),
    "stem stride": ("baseline.stem_stride=0", "stem stride must be between 1 and 4, got 0"),
    "image size": ("baseline.image_size=0", "image size must be between 8 and 4096, got 0"),
    "stages alone": ("baseline.stem_channels=0", "stem out_channels"),
    "channels": ("rounding.channel_divisor=16", "8 channels are not a multiple of channel_divisor 16"),
    "size step": ("rounding.image_size_step=7", "image size 16 is not a multiple of image_size_step 7"),
    "rule": ("rounding.repeat_rule=floor", "rounding.repeat_rule"),
    "momentum": ("numerics.batch_norm_momentum=0", "batch_norm_momentum must be in (0, 1], got 0"),
    "epochs": ("recipe.epochs=0", "epochs must be at least 1, got 0"),
    "rate": ("recipe.learning_rate=inf", "learning_rate must be above 0, got inf"),
    "optimizer": ("recipe.optimizer=adam", "'adamw', 'sgd' or 'rmsprop'"),
    "data": ("data.name=imagenet", "must be one of glyphs, fashion-mnist, "),
    "one image": ("data.train=1", "data.train"),
    "escape": ('name="../x"', "name: String should match pattern"),
    "slash": ('name="a/b"', "name: String should match pattern"),
    "hidden": ('name=".x"', "name: String should match pattern"),
    "line break": ('name="a\\n"', "name: String should match pattern"),
    "study": ("kind=study", "expected kind 'search', got 'study'"),
    "kind": ("kind=hunt", "kind"),
    "version": ("schema_version=1", "schema_version"),
    "block string": ('baseline.stages=["r1_k3"]', "r1_k3"),
    "stages that do not join": (
        'baseline.stages=["r1_k3_s11_e1_i8_o8_se0.25","r1_k3_s11_e1_i16_o8_se0.25"]', "16"),
}  # fmt: skip


@pytest.mark.parametrize(("override", "message"), BAD.values(), ids=BAD.keys())
def test_every_mistake_is_one_line(override: str, message: str, tmp_path: Path) -> None:
    path = experiment(tmp_path)
    with pytest.raises(ConfigError) as caught:
        load_config(path, [override])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_setup_is_a_table_or_a_file_beside_the_experiment(tmp_path: Path) -> None:
    plain = document()
    (tmp_path / "setups").mkdir()
    (tmp_path / "setups" / "mine.toml").write_text(toml_of(plain.pop("setup")))
    path = tmp_path / "named.toml"
    path.write_text(toml_of({**plain, "setup": "setups/mine.toml"}))
    assert load_config(path) == configuration()
    assert load_config(path, ["recipe.epochs=4"]) == configuration(recipe={"epochs": 4})
    path.write_text(toml_of({**plain, "setup": "setups/none.toml"}))
    with pytest.raises(ConfigError, match=r"cannot read the setup .*none.toml"):
        load_config(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "is not TOML"),
        ("a = 1\na = 2\n", "is not TOML"),
        ("", "expected kind 'search', got 'None'"),
        ("kind = 'search'\n", "schema_version"),
        ("[search]\ntrials = 1\n[search]\n", "is not TOML"),
    ],
)
def test_broken_files_are_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_files_that_are_no_text_are_refused(tmp_path: Path) -> None:
    binary = tmp_path / "x.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    for path, message in (
        (binary, "not UTF-8"),
        (tmp_path, "Is a directory"),
        (tmp_path / "none.toml", "No such file"),
    ):
        with pytest.raises(ConfigError, match=message):
            load_config(path)


def test_photographs_are_not_enlarged_unless_allowed() -> None:
    above = {"data": {"name": "fashion-mnist"}, "baseline": {"image_size": 32}}
    with pytest.raises(ConfigError, match=r"image size 32 is above the data's own, 28.*allow_upsampling"):
        configuration(**above)
    allowed = configuration(**{**above, "data": {"name": "fashion-mnist", "allow_upsampling": True}})
    assert allowed.target.largest_image_size is None
    capped = configuration(data={"name": "fashion-mnist"}, search={"largest_image_size": 40})
    assert capped.target.largest_image_size == 28


def test_stages_come_whole() -> None:
    for missing in ("stem_channels", "head_channels", "image_size"):
        plain = document()
        del plain["setup"]["baseline"][missing]
        with pytest.raises(ConfigError, match="stages also need"):
            parse_config(plain, where="test")
    plain = document()
    plain["setup"]["baseline"] = {"name": "b0", "head_channels": 64}
    with pytest.raises(ConfigError, match="go with stages"):
        parse_config(plain, where="test")


def test_a_configuration_cannot_be_changed() -> None:
    config: SearchConfig = configuration()
    with pytest.raises(ValueError, match="frozen"):
        config.search.trials = 5  # type: ignore[misc]
