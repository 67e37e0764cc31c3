"""Splits never leak: for any seed, train, validation and test share nothing and the test split stays put."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling.data import LARGEST_SEED, SPLIT_NAMES, cifar, fashion_mnist
from scaling.data.dataset import SplitName
from scaling.data.folders import split_folder

SEEDS = st.integers(0, LARGEST_SEED)
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of class folders; splitting needs names alone."""
    root = tmp_path_factory.mktemp("names")
    for number in range(300):
        path = root / f"class{number % 3}" / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return root


@settings(max_examples=20)
@given(seed=SEEDS, other=SEEDS)
def test_folders(names: Path, seed: int, other: int) -> None:
    parts = {
        split: [file.path for file in split_folder(names, split, seed=seed).files] for split in SPLIT_NAMES
    }
    together = [path for part in parts.values() for path in part]
    assert len(together) == len(set(together)) == 300
    assert len(parts["validation"]) == round((300 - len(parts["test"])) / 10)
    later = {
        split: {file.path for file in split_folder(names, split, seed=other).files} for split in SPLIT_NAMES
    }
    assert later["test"] == set(parts["test"])
    assert later["test"].isdisjoint(parts["train"])
    assert 10 <= len(parts["test"]) <= 60


@pytest.mark.parametrize(
    ("indices", "images", "validating"),
    [
        (lambda split, seed: cifar.split_indices(cifar.CIFAR10, split, seed=seed), 50_000, 5_000),
        (lambda split, seed: fashion_mnist.split_indices(split, seed=seed), 60_000, 10_000),
    ],
    ids=["cifar", "fashion-mnist"],
)
@settings(max_examples=15)
@given(seed=SEEDS)
def test_files(
    indices: Callable[[SplitName, int], Iterator[int]], images: int, validating: int, seed: int
) -> None:
    train, validation = set(indices("train", seed)), set(indices("validation", seed))
    assert train.isdisjoint(validation)
    assert train | validation == set(range(images))
    assert len(validation) == validating
    assert sorted(indices("test", seed)) == list(range(10_000))


FINAL_EVALUATIONS = {"scaling/library/training.py"}
"""`scaling train --test`: once, after the last epoch, never read by anything that chooses."""


def test_nothing_that_trains_or_searches_asks_for_the_test_split() -> None:
    """`"test"` is an argument nowhere but in the data sets; whoever adds a final evaluation names it here."""
    allowed = {"scaling/data", "scaling/published"} | FINAL_EVALUATIONS
    asking = []
    for path in sorted(
        [*ROOT.glob("scaling/**/*.py"), *ROOT.glob("benchmarks/*.py"), ROOT / "run_search.py"]
    ):
        place = path.relative_to(ROOT).as_posix()
        if any(place.startswith(folder) for folder in allowed):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            values = [*node.args, *(keyword.value for keyword in node.keywords)]
            if any(isinstance(value, ast.Constant) and value.value == "test" for value in values):
                asking.append(f"{place}:{node.lineno}")
    assert asking == []
