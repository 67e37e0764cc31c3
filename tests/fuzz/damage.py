"""Hypothesis strategies: files of ours that were damaged, byte by byte or value by value."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import strategies as st

NASTY_TEXT = (
    "", "\x00", "\x1b[2J", "\n", "\ufeff", "\udcff", "é", '"', "'", "[", "]", "{", "}", "=", ",", "#", "\\",
    "[/a]",
    "[" * 3000, "{" * 3000, '{"a":' * 500, "1" * 5000, "a." * 100, "x" * 9_000, "nan", "inf", "-inf", "1e999",
    "-1", "0", "0.5", "9" * 40, "true", "null", "None", "../../x", "/dev/zero", "1979-05-27", "0x", "b0",
)  # fmt: skip
NASTY_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 0.5, -0.0, 1e308, 10**40, -(10**40), 2**63, float("nan"), float("inf"),
    float("-inf"), "", "x", "\x00", "\x1b[2J\n", "x" * 5000, "nan", [], [[]], {}, {"a": 1}, [None], [1, "a"],
)  # fmt: skip
Path = tuple[str | int, ...]


@st.composite
def damaged_bytes(draw: st.DrawFn, whole: bytes) -> bytes:
    """A file of which a part was cut out, doubled or replaced by something nasty, or another file."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=100))
    for _ in range(draw(st.integers(1, 3))):
        start, length = draw(st.integers(0, len(whole))), draw(st.sampled_from([0, 0, 1, 4, 20, 10**6]))
        new = draw(st.sampled_from(NASTY_TEXT)).encode("utf-8", "surrogateescape")
        if draw(st.booleans()):
            new = whole[start : start + length] * 2
        whole = whole[:start] + new + whole[start + length :]
    return whole


def _places(value: Any, at: Path = ()) -> list[Path]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for key, one in items for place in _places(one, (*at, key)))]


@st.composite
def damaged_document(draw: st.DrawFn, whole: Any) -> Any:
    """A document one or two of whose values are missing or something nasty."""
    found = copy.deepcopy(whole)
    for _ in range(draw(st.integers(1, 2))):
        if not (places := _places(found)[1:]):
            break
        *above, last = draw(st.sampled_from(places))
        inner = found
        for key in above:
            inner = inner[key]
        if draw(st.integers(0, 4)) == 0:
            del inner[last]
        else:
            inner[last] = copy.deepcopy(draw(st.sampled_from(NASTY_VALUES)))
    return found


def damaged_json(whole: bytes) -> st.SearchStrategy[bytes]:
    """A JSON file that was damaged either way."""
    values = damaged_document(json.loads(whole)).map(lambda one: json.dumps(one).encode())
    return st.one_of(damaged_bytes(whole), values, values)
