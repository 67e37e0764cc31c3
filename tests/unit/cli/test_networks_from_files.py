"""What any command prints as JSON, any command that takes a network reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from commands import document, printed

from scaling import variant
from scaling.cli import group
from scaling.errors import ConfigError, SpecError
from scaling.network.baseline_files import network_named
from scaling.network.serialization import to_json

NAME = "mobilenetv2"
COMMANDS: dict[str, list[str]] = {
    "describe": ["describe", "NETWORK", "--json"],
    "count": ["count", "NETWORK", "--no-trace", "--json"],
    "summary": ["summary", "NETWORK", "--json"],
    "draw": ["draw", "NETWORK", "-o", "OUTPUT.svg"],
    "diff": ["draw", "b0", "NETWORK", "--diff", "-o", "OUTPUT.svg"],
    "stages": ["tables", "stages", "--variants", "NETWORK"],
    "family": ["tables", "family", "--variants", "b0,NETWORK"],
    "latency": ["latency", "NETWORK", "--json"],
    # Each of these reads the network before it misses something.
    "evaluate": ["evaluate", "NETWORK", "--weights", "x.pth", "--data", "imagefolder:missing"],
    "weights": ["weights", "import", "x.pth", "--from", "timm", "-o", "OUTPUT.pth", "--variant", "NETWORK"],
    "train": ["train", "NETWORK", "--data", "glyphs", "--recipe", "absent.toml"],
}  # fmt: skip


def as_spec() -> str:
    return to_json(network_named(NAME))


def as_described() -> str:
    return printed("describe", NAME, "--json")


def as_result() -> str:
    return json.dumps({"outcome": "complete", "top1": 0.5, "spec": json.loads(as_spec())})


def of(arguments: list[str], network: str, output: Path) -> str:
    """What a command gives for a network: what it prints or says it lacks, and the file that it writes."""
    named = [part.replace("NETWORK", network).replace("OUTPUT", str(output)) for part in arguments]
    outcome = CliRunner().invoke(group, named, standalone_mode=False)
    written = "".join(path.read_text() for path in sorted(output.parent.glob(f"{output.name}.*")))
    return f"{outcome.stdout}{outcome.exception!r}{written}".replace(str(output), "")


@pytest.mark.parametrize("written", [as_spec, as_described, as_result], ids=lambda one: str(one.__name__))
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_a_file_is_as_good_as_its_name(
    command: list[str], written: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scaling.cli.latency._kept_here", lambda _device: [])
    file = tmp_path / "network.json"
    file.write_text(written())
    expected = of(command, NAME, tmp_path / "by-name")
    assert "SpecError" not in expected
    assert of(command, str(file), tmp_path / "by-file") == expected


def test_a_network_of_nobody_is_described(tmp_path: Path) -> None:
    spec = replace(variant("b0"), image_size=96, name="", derivation=None)
    (tmp_path / "own.json").write_text(to_json(spec))
    found = document("describe", tmp_path / "own.json")
    assert (found["baseline"], found["phi"], found["depth_coefficient"]) == (None, None, None)
    assert found["image_size"] == 96
    assert "96²" in printed("describe", tmp_path / "own.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{torn", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ('{"spec": []}', "is not an architecture"),
        ("[1]", "is not an architecture"),
        ('{"name": "b0"}', "is not an architecture"),
    ],
    ids=["torn", "deep", "other spec", "list", "no spec"],
)
def test_what_is_no_network_is_refused_in_words(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "odd.json").write_text(text)
    with pytest.raises(SpecError, match=message):
        network_named(str(tmp_path / "odd.json"))
    with pytest.raises(ConfigError, match="cannot read the network"):
        network_named(str(tmp_path / "absent.json"))
