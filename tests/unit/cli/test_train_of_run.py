"""`scaling train --run`: a network of a search, trained to its weights; nothing is trained here."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from commands import refused
from recorded_runs import CONFIG, a_run, shown

from scaling.cli import group
from scaling.library.searching import load_search
from scaling.network.baseline_files import network_named
from scaling.network.serialization import architecture_key

QUICK = Path("results/quick")


class AskedError(Exception):
    """What a training was asked for, instead of the training."""


@pytest.fixture
def _no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    def train(network: Any, **given: Any) -> None:
        raise AskedError(network, given)

    monkeypatch.setattr("scaling.cli.train.train_network", train)


def asked(*arguments: object) -> tuple[Any, dict[str, Any]]:
    outcome = CliRunner().invoke(group, ["train", *map(str, arguments)], standalone_mode=False)
    assert isinstance(outcome.exception, AskedError), outcome.exception
    return outcome.exception.args[0], outcome.exception.args[1]


@pytest.mark.usefixtures("_no_training")
def test_every_trial_of_a_run_can_be_trained_as_the_run_trained_it(tmp_path: Path) -> None:
    folder = a_run(tmp_path / "run")
    trials = load_search(folder.path).trials
    for number, architecture in trials.groupby("trial")["architecture"].first().items():
        network, given = asked("--run", folder.path, "--trial", number)
        assert architecture_key(network) == architecture
        assert (given["data"], given["recipe"].epochs) == ("glyphs", CONFIG.setup.recipe.epochs)
        assert given["batch_norm_momentum"] == CONFIG.setup.numerics.batch_norm_momentum
    _, given = asked("--run", folder.path, "--trial", 1, "--recipe", "paper", "--data", "cifar10")
    assert (given["data"], given["recipe"]) == ("cifar10", "paper")


@pytest.mark.usefixtures("_no_training")
def test_best_prints_the_command_that_trains_it(tmp_path: Path) -> None:
    folder = a_run(tmp_path / "a run")
    document = json.loads(shown("best", str(folder.path), "--json"))
    network, _ = asked(*shlex.split(document["train"])[2:])
    assert architecture_key(network) == document["winner"]["architecture"]
    assert document["train"] in shown("best", str(folder.path), columns=200)
    assert asked("--run", folder.path)[0] == network


def test_what_best_prints_as_json_is_a_network_file(tmp_path: Path) -> None:
    file = tmp_path / "best.json"
    file.write_text(shown("best", str(QUICK), "--json"), encoding="utf-8")
    assert network_named(str(file)) == load_search(QUICK).network()


def test_of_a_surface_the_best_is_the_network_to_build() -> None:
    document = json.loads(shown("best", str(QUICK), "--json"))
    built = document["surface"]["network"]
    assert architecture_key(load_search(QUICK).network()) == built["architecture"]
    assert f"--gamma {built['gamma']:.10g}" in document["family"]


def test_what_does_not_go_together_is_one_line(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run").path
    assert "either a NETWORK or --run RUN" in refused("train", "--data", "glyphs")
    assert "either a NETWORK or --run RUN" in refused("train", "b0", "--run", run)
    assert "one of them" in refused("train", "--run", run, "--best", "--trial", 1)
    assert "has no trial 99" in refused("train", "--run", run, "--trial", 99)
    assert "expected --data" in refused("train", "b0")
