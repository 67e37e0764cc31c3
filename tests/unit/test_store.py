"""The store of trainings: what a key covers, records that vouch for themselves, nothing trained twice."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from search_runs import configuration

from scaling.errors import DataError
from scaling.model import TENSORFLOW
from scaling.network.architecture import ArchitectureSpec
from scaling.training.augmentation import Augmentation
from scaling.training.checkpoint import before
from scaling.training.job import TrainingJob
from scaling.training.options import KernelChoice
from scaling.training.recipe import Recipe
from scaling.training.store import TrainingStore, identity_of, train_jobs
from scaling.training.trained import Trained, TrainedState

CONFIG = configuration(recipe={"epochs": 2})
CPU = torch.device("cpu")


def job(seed: int = 0, *, spec: ArchitectureSpec = CONFIG.baseline_spec, data: str = "glyphs") -> TrainingJob:
    return TrainingJob(
        spec=spec,
        recipe=CONFIG.recipe,
        data=data,
        train=100,
        validation=50,
        data_seed=0,
        allow_upsampling=False,
        seed=seed,
        numerics=CONFIG.model_numerics,
        kernels=KernelChoice.FIXED,
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> TrainingStore:
    """With seeds 0 and 1 trained in this process."""
    store = TrainingStore(path=tmp_path_factory.mktemp("trainings"), device=CPU)
    train_jobs([job(0), job(1)], store, workers=0)
    return store


def recipe(one: TrainingJob, **changes: object) -> TrainingJob:
    return replace(one, recipe=replace(one.recipe, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        lambda one: replace(one, seed=1),
        lambda one: replace(one, data_seed=1),
        lambda one: replace(one, train=99),
        lambda one: replace(one, validation=49),
        lambda one: replace(one, allow_upsampling=True),
        lambda one: replace(one, numerics=TENSORFLOW),
        lambda one: replace(one, kernels=KernelChoice.STOCK),
        lambda one: replace(one, spec=replace(one.spec, image_size=17)),
        lambda one: recipe(one, learning_rate=0.02),
        lambda one: recipe(one, dropout=0.1),
        lambda one: recipe(one, augmentation=Augmentation(flip=True)),
    ],
)
def test_a_key_covers_what_the_result_depends_on(
    store: TrainingStore, change: Callable[[TrainingJob], TrainingJob]
) -> None:
    assert store.key(change(job())) != store.key(job())


def test_a_key_leaves_out_what_it_does_not_depend_on(store: TrainingStore) -> None:
    renamed = replace(job().spec, name="other", derivation=None)
    assert store.key(replace(job(), spec=renamed)) == store.key(job())
    # the network's own dropout, or the recipe's: the same training
    own = replace(recipe(job(), dropout=None), spec=replace(job().spec, dropout=0.0))
    assert store.key(own) == store.key(job())
    assert store.key(job()) != TrainingStore(path=store.path, device=torch.device("cuda")).key(job())


def test_defaults_of_the_recipe_are_left_out_of_an_identity() -> None:
    found = identity_of(job(), CPU)
    assert set(found["recipe"]) == {"epochs", "batch_size"}
    assert Recipe(epochs=2).learning_rate == 0.01  # what was left out


def test_what_is_there_is_not_trained_again(store: TrainingStore) -> None:
    ended: list[Trained] = []
    times = [store.record(store.key(job(seed))).stat().st_mtime_ns for seed in (0, 1)]
    found = train_jobs([job(1), job(0), job(1)], store, workers=0, on_end=ended.append)
    assert not ended
    assert [one.key for one in found] == [store.key(job(seed)) for seed in (1, 0, 1)]
    assert times == [store.record(store.key(job(seed))).stat().st_mtime_ns for seed in (0, 1)]
    assert not list((store.path / "unfinished").glob("*.checkpoint*"))


def test_a_record_holds_the_result_and_where_it_comes_from(store: TrainingStore) -> None:
    (found,) = store.find([job()])
    assert found is not None
    assert found.right is not None
    assert found.top1 == found.right.mean() == found.result["top1"]  # type: ignore[index]
    assert len(found.right) == 50
    assert found.provenance["torch"] == torch.__version__
    assert found.identity == json.loads(json.dumps(identity_of(job(), CPU)))


def test_processes_give_the_same_bits_in_the_order_of_the_jobs(store: TrainingStore, tmp_path: Path) -> None:
    """A failed and a diverged training end as such, and the others go on."""
    wild = recipe(job(3), learning_rate=1e30)
    too_few = replace(job(4), recipe=replace(job().recipe, micro_batch=3))  # 25 = 8·3 + 1: batch norm of one
    there = TrainingStore(path=tmp_path, device=CPU)
    ended: list[str] = []
    found = train_jobs(
        [wild, job(1), too_few, job(0)], there, workers=2, on_end=lambda one: ended.append(one.key)
    )
    assert sorted(ended) == sorted(one.key for one in found)
    assert found[0].state == TrainedState.DIVERGED
    assert (found[0].top1, found[1].state) == (None, TrainedState.COMPLETE)
    for one, seed in ((found[1], 1), (found[3], 0)):
        (same,) = store.find([job(seed)])
        assert same is not None
        assert one.right is not None
        assert np.array_equal(one.right, same.right)  # type: ignore[arg-type]
        assert one.result["loss"] == same.result["loss"]  # type: ignore[index]


def test_a_failed_training_is_recorded_and_tried_again(tmp_path: Path) -> None:
    store = TrainingStore(path=tmp_path, device=CPU)
    key = store.key(job())
    before(store.checkpoint(key)).mkdir(parents=True)  # a folder where the first checkpoint should go
    (failed, good) = train_jobs([job(), job(1)], store, workers=0)
    assert failed.state == TrainedState.FAILED
    assert failed.error is not None
    assert "checkpoint" in failed.error
    assert good.state == TrainedState.COMPLETE
    assert store.read(key) is not None
    before(store.checkpoint(key)).rmdir()
    (again,) = train_jobs([job()], store, workers=0)
    assert again.state == TrainedState.COMPLETE


@pytest.mark.parametrize(
    "damage", [lambda text: text[:60], lambda text: text.replace('"top1": 0.', '"top1": 1.')]
)
def test_a_damaged_record_is_refused_with_one_line(
    store: TrainingStore, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[str], str]
) -> None:
    key = store.key(job())
    other = TrainingStore(path=tmp_path, device=CPU)
    other.record(key).write_text(damage(store.record(key).read_text()))
    with caplog.at_level(logging.WARNING):
        assert other.read(key) is None
    assert len(caplog.records) == 1
    assert "is damaged" in caplog.text
    assert "it is trained again" in caplog.text


def test_what_another_process_holds_is_left_to_it(tmp_path: Path) -> None:
    there = TrainingStore(path=tmp_path, device=CPU)
    key = there.key(job())
    with there.held(key, wait=False) as mine, there.held(key, wait=False) as second:
        assert (mine, second) == (True, False)
    with there.held(key, wait=False) as again:
        assert again


def test_missing_data_are_said_before_anything_is_trained(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        train_jobs([job(data="nothing")], TrainingStore(path=tmp_path, device=CPU), workers=0)
    assert not list(tmp_path.iterdir())
