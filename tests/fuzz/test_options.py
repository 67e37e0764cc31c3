"""Values of options that nobody would write: a result, or one line and exit code 2, and soon."""

from __future__ import annotations

import contextlib
import io
import time
from pathlib import Path

import pytest
from damage import NASTY_TEXT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scaling.cli import group
from scaling.cli.output import run

pytestmark = pytest.mark.fuzz
SOON_S = 20.0
FROM_A_SHELL = [text for text in NASTY_TEXT if "\x00" not in text]
WORDS = st.one_of(
    st.sampled_from([*FROM_A_SHELL, "b0", "b1,b2", "lite0", "0:3", "0:1:0.25", "macs", "none", "10"]),
    st.integers(-(10**20), 10**20).map(str),
    st.integers(-3, 400).map(str),
    st.floats().map(str),
    st.floats(0, 3).map(str),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8),
)
BASES = ("--alpha=1.2", "--beta=1.1", "--gamma=1.15")
SCALED = ("alpha", "beta", "gamma", "phi", "baseline", "coefficient-rounding", "image-size-step")
OPTIONS: dict[str, tuple[str, ...]] = {
    "describe": (*SCALED, "num-classes", "in-channels", "image-size", "small-input"),
    "count": ("num-classes", "in-channels", "image-size", "small-input"),
    "summary": ("image-size", "num-classes"),
    "family": (*SCALED, "config"),
    "invert": ("variants", "grid", "match", "coefficient-rounding", "alpha", "beta", "gamma"),
    "explain": ("variants",),
    "budget": ("macs", "params", "activations", "memory-gb", "latency-ms", "latency-model", "order",
               "top", "alpha", "beta", "gamma", "phi", "baseline", "memory-of", "batch"),
    "tables": ("run", "variants", "format", "output"),
    "fit": ("published", "cost", "by", "seed", "resamples"),
    "runs ls": ("store", "sort"),
    "runs show": ("store", "runs"),
    "study": ("size", "data", "setup", "set", "seeds", "factor", "run", "workers"),
    "search plan": ("config", "set", "hours"),
    "search run": ("config", "set", "plan", "storage", "storage-file", "workers", "cluster"),
    "search status": (),
    "report": (),
    "data show": ("image-size", "measure"),
    "latency": ("calibration", "mode", "batch", "device"),
    "train": ("data", "recipe", "set", "epochs", "train", "image-size", "device"),
}  # fmt: skip
GIVEN = {
    "search plan": ["--hours=nan"],
    "search run": ["--storage=none"],
    "study": ["--factor=nan", "noise"],
    "fit": ["--resamples=3"],
    "train": ["b0", "--data=glyphs", "--epochs=0"],
}
"""What keeps a command from beginning its work: each is refused at last."""


@pytest.mark.parametrize("command", OPTIONS)
@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_the_values_are_a_command_ends_in_words(
    command: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    words = command.split()
    for option in data.draw(st.lists(st.sampled_from(OPTIONS[command] or ("x",)), max_size=3)):
        words.append(f"--{option}={data.draw(WORDS)}")
    words += GIVEN.get(command, [])  # the last of an option counts
    if data.draw(st.booleans()):
        words += ["--", data.draw(WORDS)]
    out, err, code, start = io.StringIO(), io.StringIO(), 0, time.monotonic()
    place = tmp_path_factory.getbasetemp() / "options"
    place.mkdir(exist_ok=True)
    with contextlib.chdir(place), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            run(group, words)
        except SystemExit as leave:
            code = int(leave.code or 0)
    assert code in {0, 1, 2}
    assert time.monotonic() - start < SOON_S
    assert "\x1b" not in out.getvalue() + err.getvalue()
    lines = [line for line in err.getvalue().splitlines() if not line.startswith("scaling: warning: ")]
    assert bool(lines) == (code != 0)
    assert not lines or lines[0].startswith(("scaling: ", "Usage: "))
    assert list(Path(place).iterdir()) == []
