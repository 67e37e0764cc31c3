"""What a job's key covers, and what it leaves out."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from picture_folders import two_classes
from run_records import SETUP, setup

from scaling.errors import DataError
from scaling.model import TENSORFLOW
from scaling.runs.job import Job, fitted, key_of_identity
from scaling.runs.setup import Setup
from scaling.training.augmentation import Augmentation
from scaling.training.options import KernelChoice


def job(made_of: Setup = SETUP, seed: int = 0) -> Job:
    return made_of.job(made_of.baseline_spec, seed=seed)


def test_the_key_of_a_fixed_identity_is_what_it_always_was() -> None:
    """Changed on purpose only: with another key, everything that anybody has trained is trained again."""
    identity = job().identity()
    identity["data"]["checksums"] = ["train", "validation"]  # glyphs are drawn by the fonts of this machine
    assert identity == {
        "architecture": "ac430124d573a571",
        "dropout": 0.0,
        "stochastic_depth": 0.0,
        "recipe": {"epochs": 2, "batch_size": 25},
        "data": {
            "name": "glyphs",
            "train": 100,
            "validation": 50,
            "seed": 0,
            "allow_upsampling": False,
            "checksums": ["train", "validation"],
        },
        "numerics": {"padding": "same", "batch_norm_epsilon": 0.001, "batch_norm_momentum": 0.1},
        "kernels": "fixed",
        "device": "cpu",
        "seed": 0,
    }
    assert key_of_identity(identity) == "d03ede3db9f1c53c44a7"


@pytest.mark.parametrize(
    "change",
    [
        lambda one: replace(one, seed=1),
        lambda one: replace(one, device="cuda"),
        lambda one: replace(one, kernels=KernelChoice.STOCK),
        lambda one: replace(one, numerics=TENSORFLOW),
        lambda one: replace(one, data=one.data.model_copy(update={"train": 99})),
        lambda one: replace(one, data=one.data.model_copy(update={"validation": 49})),
        lambda one: replace(one, data=one.data.model_copy(update={"seed": 1})),
        lambda one: replace(one, data=one.data.model_copy(update={"allow_upsampling": True})),
        lambda one: replace(one, spec=replace(one.spec, image_size=17)),
        lambda one: replace(one, recipe=replace(one.recipe, learning_rate=0.02)),
        lambda one: replace(one, recipe=replace(one.recipe, epochs=3)),
        lambda one: replace(one, recipe=replace(one.recipe, dropout=0.1)),
        lambda one: replace(one, recipe=replace(one.recipe, augmentation=Augmentation(flip=True))),
    ],
)
def test_a_key_covers_what_the_result_depends_on(change: Callable[[Job], Job]) -> None:
    assert change(job()).key != job().key


@pytest.mark.parametrize(
    "same",
    [
        lambda: replace(job(), graphs=False),
        lambda: replace(job(), spec=replace(job().spec, name="other", derivation=None)),
        lambda: job(setup(engine={"kernels": "fixed", "device": "cpu", "workers": 7, "checkpoint_s": 1})),
        # the network's own dropout, or the recipe's: the same training
        lambda: replace(
            job(),
            spec=replace(job().spec, dropout=0.0),
            recipe=replace(job().recipe, dropout=None),
        ),
        lambda: pickle.loads(pickle.dumps(job())),
    ],
)
def test_a_key_leaves_out_what_it_does_not_depend_on(same: Callable[[], Job]) -> None:
    assert same().key == job().key


@pytest.mark.parametrize("train", [3, None])  # loaded before, or read while training
def test_a_folder_of_pictures_that_was_moved_is_the_same_data(train: int | None, tmp_path: Path) -> None:
    two_classes(tmp_path / "here")

    def key(place: str) -> str:
        data = {"name": f"imagefolder:{tmp_path / place}", "train": train, "validation": 1}
        return job(setup(data=data)).key

    before = key("here")
    (tmp_path / "here").rename(tmp_path / "there")
    assert key("there") == before
    two_classes(tmp_path / "changed", seed=9)
    assert key("changed") != before


def test_what_a_plan_changes_is_in_the_job() -> None:
    changed = SETUP.job(SETUP.baseline_spec, seed=3, learning_rate_factor=2.0, epochs=5, train=60)
    assert changed.recipe.learning_rate == 2 * SETUP.recipe.learning_rate
    assert (changed.recipe.epochs, changed.data.train, changed.data.validation, changed.seed) == (
        5,
        60,
        50,
        3,
    )
    assert changed.train_macs == pytest.approx(job().train_macs * 5 / 2 * 60 / 100)


def test_more_images_than_there_are_is_an_error_of_the_data() -> None:
    with pytest.raises(DataError):
        _ = job(setup(data={"train": 10**9})).key


def test_a_network_takes_the_datas_classes() -> None:
    assert fitted(SETUP.baseline_spec, "fashion-mnist", 20).num_classes == 10
