"""Experiment and setup files: read strictly; whatever is wrong is one line, at once."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from run_records import SETUP
from tiny_setup import toml_of

from scaling.errors import ConfigError
from scaling.runs.experiment_file import load_document, load_setup, override, validated
from scaling.runs.setup import Setup


def plain() -> dict[str, Any]:
    """The setup as people write it, without what is at its default."""
    return SETUP.model_dump(mode="json", exclude_defaults=True)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "setup.toml"
    path.write_text(toml_of(plain()))
    return path


def test_a_setup_is_read_with_overrides(file: Path) -> None:
    assert load_setup(file) == SETUP
    changed = load_setup(file, ["recipe.epochs=5", "data.train=60", "engine.kernels=stock"])
    assert (changed.recipe.epochs, changed.data.train, changed.engine.kernels) == (5, 60, "stock")


def test_a_byte_order_mark_is_read_over(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert load_setup(file) == SETUP


def test_an_experiment_names_a_setup_beside_it_or_holds_one(file: Path) -> None:
    named = file.with_name("named.toml")
    named.write_text('name = "a"\nsetup = "setup.toml"\n')
    document, text = load_document(named, ["recipe.epochs=7", "name=b"])
    assert text == ""
    assert document["name"] == "b"
    assert validated(Setup, document["setup"], where="test").recipe.epochs == 7
    own = file.with_name("own.toml")
    own.write_text('[setup.data]\nname = "glyphs"\n')
    document, text = load_document(own)
    assert document == {"setup": {"data": {"name": "glyphs"}}}
    assert text == own.read_text()


def test_what_is_wrong_is_named_with_its_line(file: Path) -> None:
    file.write_text(file.read_text().replace("epochs = 2", "epoch = 2"))
    number = 1 + file.read_text().splitlines().index("epoch = 2")
    with pytest.raises(
        ConfigError, match=rf"line {number}: unknown key 'recipe.epoch'; did you mean 'epochs'"
    ):
        load_setup(file)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a = " + "1" * 5000, "digits"),
        ("a = " + "[" * 100_000, "nested too deep"),
        ("a = " + "{b = " * 5_000, "nested too deep"),
        ("a = " + "[" * 50 + "]" * 50, "nested more than"),
        (".".join(["a"] * 50_000) + " = 1", "more than 16 parts"),
        (".".join(['"a"'] * 50_000) + " = 1", "more than 16 parts"),
        ("[" + " . ".join(["a"] * 50_000) + "]", "more than 16 parts"),
        ("\n".join(f"a{n}.b.c = 1" for n in range(12_000)), "unknown key"),
        ("a" * 200_000, "is not TOML"),
        ('"' * 200_000, "is not TOML"),
        ("#" * 300_000, "larger than"),
        ('"\\u001b[1m\\n" = 1', "unknown key"),
        ("\x1b = 1", "is not TOML"),
        ("a = 1\na = 2", "is not TOML"),
        ("a = \udcff", "not UTF-8"),
        ("", "data"),
    ],
)
def test_hostile_text_is_one_line_at_once(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    start = time.monotonic()
    with pytest.raises(ConfigError, match=message) as caught:
        load_setup(path)
    assert time.monotonic() - start < 5
    said = str(caught.value)
    assert said.isprintable()
    assert len(said) < 500


def test_what_is_no_file_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, message in (
        (tmp_path / "pipe", "not a regular file"),
        (Path("/dev/zero"), "not a regular file"),
        (tmp_path, "Is a directory"),
        (tmp_path / "none", "No such file"),
    ):
        with pytest.raises(ConfigError, match=message):
            load_setup(path)
    named = tmp_path / "named.toml"
    named.write_text('setup = "pipe"\n')
    with pytest.raises(ConfigError, match="not a regular file"):
        load_document(named)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.b=3", {"a": {"b": 3}}),
        ("a = [1, 2]", {"a": [1, 2]}),
        ("a=random", {"a": "random"}),
        ("a=x=y", {"a": "x=y"}),
        ("a=1\nb=2", {"a": "1\nb=2"}),
        ("a=" + "[" * 100_000, {"a": "[" * 100_000}),
        ("a=" + "1" * 5000, {"a": "1" * 5000}),
    ],
)
def test_an_override_is_a_toml_value_or_a_word(text: str, expected: dict[str, Any]) -> None:
    document: dict[str, Any] = {}
    override(document, text)
    assert document == expected


@pytest.mark.parametrize("text", ["", "a", "=1", " =1", ".".join(["a"] * 50_000) + "=1", "a=" + "x" * 10**6])
def test_what_is_no_override_is_one_short_line(text: str) -> None:
    with pytest.raises(ConfigError, match="expected --set") as caught:
        override({}, text)
    assert len(str(caught.value)) < 300
    with pytest.raises(ConfigError, match="'a' is a value, not a table"):
        override({"a": 1}, "a.b=1")
