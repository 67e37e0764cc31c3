"""Table 3 from own runs: published above, own below, never on one axis."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result
from run_tables import make_trials

from scaling.cli import group
from scaling.errors import ConfigError
from scaling.figures.own_baselines import (
    OWN_BASELINES,
    OwnRun,
    own_baselines_frame,
    published_baseline,
)
from scaling.runs.experiment_file import load_setup


def trials(seeds: int = 2) -> pd.DataFrame:
    found = make_trials(3, seeds=seeds)
    return found.assign(architecture=found["trial"].astype(str))


def study() -> pd.DataFrame:
    """A study's table: names with their factor, and a learning rate that is not the recipe's."""
    rows = trials()
    rows = rows[rows["kind"] == "reference"]
    rows = rows.assign(name=rows["name"].where(rows["name"] == "baseline", rows["name"] + "@2"))
    rows = rows.assign(strategy=rows["name"].str.partition("@")[0], learning_rate_factor=1.0)
    again = rows.assign(trial=rows["trial"] + 50, top1=0.1, learning_rate_factor=0.5)
    return pd.concat([rows, again], ignore_index=True)


def test_both_kinds_of_accuracy_have_columns_of_their_own() -> None:
    frame = own_baselines_frame([OwnRun(baseline="mobilenetv2-small", title="x on glyphs", trials=trials())])
    published, own = (frame[frame["source"] == source] for source in ("published", "own runs"))
    assert published["baseline"].unique().tolist() == ["MobileNetV2"]
    assert published["top1_percent"].min() > 70
    assert published[["top1_mean", "top1_low", "seeds"]].isna().all(axis=None)
    assert own["top1_percent"].isna().all()
    assert own["top1_mean"].between(0, 1).all()
    assert set(own["method"]) == {"baseline", "depth", "width", "resolution", "compound"}
    assert (own["top1_low"] < own["top1_mean"]).all()


def test_a_study_is_taken_at_its_own_learning_rate() -> None:
    runs = [OwnRun(baseline="resnet-small", title="methods", trials=table) for table in (study(), trials())]
    frame = own_baselines_frame(runs)
    own = frame[frame["source"] == "own runs"]
    first, second = (own[own["panel"] == panel] for panel in (0, 1))
    columns = ["method", "macs", "seeds", "top1_mean"]
    assert first[columns].values.tolist() == second[columns].values.tolist()


def test_published_and_own_never_share_an_axis() -> None:
    runs = [
        OwnRun(baseline="mobilenetv1", title="a", trials=trials()),
        OwnRun(baseline="mine", title="b", trials=trials()),
    ]
    figure = OWN_BASELINES.figure(own_baselines_frame(runs), "single")
    titles = [ax.get_title(loc="left") or ax.get_title() for ax in figure.axes]
    assert sum("own runs" in title for title in titles) == 2
    assert sum(title.startswith("Published") for title in titles) == 1
    assert all(not ("own runs" in title and "Published" in title) for title in titles)
    words = [text.get_text() for ax in figure.axes for text in ax.texts]
    assert words == ["nothing published of this baseline"]


def test_setups_of_other_baselines_are_those_of_table_3() -> None:
    setups = Path("experiments/setups").glob("glyphs-*net*.toml")
    found = [published_baseline(load_setup(path).baseline_spec.name) for path in sorted(setups)]
    assert found == ["MobileNetV1", "MobileNetV2", "ResNet-50"]


def test_the_command_draws_several_runs_and_asks_for_them(tmp_path: Path) -> None:
    arguments = ["figures", "own_baselines", "--run", "results/quick", "-o", str(tmp_path), "--format", "svg"]
    assert call(*arguments).exit_code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"own_baselines.svg", "own_baselines.csv"}
    with pytest.raises(ConfigError, match="draws runs, one a baseline"):
        call("figures", "own_baselines", "-o", "x")
    two = ["--run", "results/quick", "--run", "results/quick"]
    with pytest.raises(ConfigError, match="draws one run"):
        call("figures", "run_noise", *two, "-o", "x")


def call(*arguments: str) -> Result:
    return CliRunner().invoke(group, arguments, catch_exceptions=False, standalone_mode=False)
