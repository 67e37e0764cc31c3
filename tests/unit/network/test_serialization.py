"""JSON of a spec: what goes in comes out, what is wrong is refused in one line."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scaling import SpecError, generate, variant
from scaling.errors import ConfigError
from scaling.network.serialization import architecture_key, from_json, read_spec, to_json

GENERATED = generate(alpha=1.2, beta=1.1, gamma=1.15, phi=-0.3, coefficient_rounding="none")
DOCUMENT: dict[str, Any] = json.loads(to_json(GENERATED))


def paths_of_objects(node: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(node, dict):
        yield path
    if isinstance(node, dict | list):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node[:1]):
            yield from paths_of_objects(value, (*path, key))


def changed(path: tuple[str | int, ...], key: str, value: object) -> str:
    document = json.loads(json.dumps(DOCUMENT))
    node = document
    for step in path:
        node = node[step]
    node[key] = value
    return json.dumps(document)


def test_nothing_derivable_is_written() -> None:
    assert set(DOCUMENT) == {
        "stem",
        "stages",
        "head",
        "image_size",
        "in_channels",
        "num_classes",
        "activation",
        "name",
        "dropout",
        "stochastic_depth",
        "derivation",
    }


@pytest.mark.parametrize(
    "path", list(paths_of_objects(DOCUMENT)), ids=lambda path: ".".join(map(str, path)) or "root"
)
def test_unknown_keys_are_refused_at_every_level(path: tuple[str | int, ...]) -> None:
    with pytest.raises(SpecError, match="surprise") as caught:
        from_json(changed(path, "surprise", 1))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ["stem", "stages", "head", "image_size"])
def test_missing_keys_are_refused_by_name(key: str) -> None:
    document = {name: value for name, value in DOCUMENT.items() if name != key}
    with pytest.raises(SpecError, match=rf"\b{key}\b"):
        from_json(json.dumps(document))


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        ((), "image_size", 7),
        ((), "image_size", 4097),
        ((), "image_size", 224.5),
        ((), "image_size", "large"),
        ((), "image_size", None),
        ((), "stages", []),
        ((), "name", "a\x1b[2J"),
        ((), "name", "a\nb"),
        ((), "name", "a" * 200_000),
        (("derivation",), "baseline", "\x9b"),
        ((), "dropout", 1.0),
        ((), "dropout", math.nan),
        (("stages", 0), "repeats", 0),
        (("stages", 0), "repeats", 1.5),
        (("stages", 0), "kernel_size", 4),
        (("stages", 0), "se_ratio", "many"),
        (("stages", 0), "squeeze_rounding", "up"),
        (("stages", 0), "in_channels", 8),
        (("derivation", "compound"), "alpha", -1.0),
        (("derivation", "rounding"), "channel_rule", "prime"),
    ],
)
def test_wrong_values_are_refused_in_one_line(path: tuple[str | int, ...], key: str, value: object) -> None:
    with pytest.raises(SpecError, match=r"^not an architecture: ") as caught:
        from_json(changed(path, key, value))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", "3", '"b0"', "{", "\x00", "NaN", "[" * 10_000])
def test_other_documents_are_refused_in_one_line(text: str) -> None:
    with pytest.raises(SpecError, match=r"^not an architecture: ") as caught:
        from_json(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("one", "other"), [(1, 1.0), (0, 0.0), (0.0, -0.0)])
def test_equal_specs_have_equal_keys_however_their_numbers_are_written(one: float, other: float) -> None:
    first, second = (
        replace(variant("b0"), stages=tuple(replace(s, se_ratio=ratio) for s in variant("b0").stages))
        for ratio in (one, other)
    )
    assert first == second
    assert architecture_key(first) == architecture_key(second)


def test_the_key_of_b0_is_the_same_on_every_machine() -> None:
    # Written into results and caches: a change here breaks what was stored before.
    assert architecture_key(variant("b0")) == "61b95bb4b95183db"


def test_a_file_that_is_no_network_is_one_line_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path, tmp_path / "none"):
        with pytest.raises(ConfigError, match="cannot read the network"):
            read_spec(path)
    for content in ("[" * 100_000, "1" * 5000, "{", "3", '{"spec": 3}'):
        (tmp_path / "x.json").write_text(content)
        with pytest.raises(SpecError) as caught:
            read_spec(tmp_path / "x.json")
        assert "\n" not in str(caught.value)
