"""Bad input: one line on standard error, exit code 2, nothing on standard output, never a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scaling.cli import group
from scaling.cli.output import run
from scaling.cli.search import search

PAPER = ["--alpha=1.2", "--beta=1.1", "--gamma=1.15", "--phi=1"]


def bases(**changes: str) -> list[str]:
    values = {"alpha": "1.2", "beta": "1.1", "gamma": "1.15", "phi": "1"} | changes
    return [f"--{name}={value}" for name, value in values.items()]


BAD = {
    "unknown name": (["b9"], "unknown variant 'b9'; expected one of b0"),
    "empty name": ([""], "unknown variant ''"),
    "nothing": ([], "missing --alpha, --beta, --gamma, --phi"),
    "no phi": (PAPER[:3], "missing --phi"),
    "both": (["b0", "--alpha=1.2"], "give a name or coefficients, not both"),
    "both, zero": (["b0", "--phi=0"], "give a name or coefficients, not both"),
    **{
        f"{name} {value}": (bases(**{name: value}), name)
        for name in ("alpha", "beta", "gamma")
        for value in ("0", "-1", "nan", "inf", "-inf", "word")
    },
    **{f"phi {value}": (bases(phi=value), "phi") for value in ("nan", "inf", "-inf", "1e308", "x")},
    "image 7": (["b0", "--image-size=7"], "between 8 and 4096, got 7"),
    "image 4097": (["b0", "--image-size=4097"], "between 8 and 4096, got 4097"),
    "image 0": (["b0", "--image-size=0"], "got 0"),
    "image -8": (["b0", "--image-size=-8"], "got -8"),
    "image scaled away": (bases(gamma="100", phi="2"), "image size"),
    "image scaled to nothing": (bases(phi="-40"), ""),
    "too many blocks": (bases(alpha="130"), "blocks must be between 1 and 2000, got 2080"),
    "too many params": (bases(beta="1000"), ""),
    "too many classes": (["b0", "--num-classes=1000000000"], ""),
    "huge classes": (["b0", "--num-classes=99999999999999999999"], "num_classes"),
    "no classes": (["b0", "--num-classes=0"], "num_classes"),
    "no channels": (["b0", "--in-channels=0"], "in_channels"),
    "half a class": (["b0", "--num-classes=1.5"], "1.5"),
    "unknown option": (["b0", "--depth=2"], "--depth"),
    "too many names": (["b0", "b1"], "b1"),
    "baseline": ([*PAPER, "--baseline=resnet"], "resnet"),
    "rounding": ([*PAPER, "--coefficient-rounding=half"], "half"),
    "rounding of a release": (["b0", "--coefficient-rounding=none"], "as released"),
    "step": ([*PAPER, "--image-size-step=0"], "image_size_step"),
}


def refused(capsys: pytest.CaptureFixture[str], command: list[str]) -> str:
    with pytest.raises(SystemExit) as leave:
        run(group, command)
    out, err = capsys.readouterr()
    assert leave.value.code == 2
    assert out == ""
    assert err.count("\n") == 1, err
    assert err.startswith("scaling: ")
    assert "Traceback" not in err
    return err


@pytest.mark.parametrize(("arguments", "message"), BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("json_too", [False, True], ids=["table", "json"])
def test_describe_refuses(
    arguments: list[str], message: str, json_too: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    err = refused(capsys, ["describe", *arguments, *(["--json"] if json_too else [])])
    assert message in err


@pytest.mark.parametrize("command", ["count", "summary"])
@pytest.mark.parametrize(
    "case", ["unknown name", "both", "phi nan", "image 7", "too many blocks", "unknown option"]
)
def test_every_command_that_takes_a_network_refuses_alike(
    command: str, case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, message = BAD[case]
    assert message in refused(capsys, [command, *arguments])


def test_params_beyond_the_limit_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert "1e+11 params" in refused(capsys, ["describe", *bases(beta="300", alpha="1", gamma="1")])


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["nothing"], "No such command 'nothing'"),
        (["--nothing"], "--nothing"),
        (["search", "--config", "none.toml"], "there is no none.toml here"),
        (["search", "export", "none"], "is not the folder of a run"),
        (["search", "export"], "RUN_FOLDER"),
    ],
)
def test_other_commands_refuse(command: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert message in refused(capsys, command)


def test_the_search_has_a_default_wherever_it_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as leave:
        run(search, ["--set", "search.trials=-1"])
    out, err = capsys.readouterr()
    assert (leave.value.code, out, err.count("\n")) == (2, "", 1)
    assert "quick.toml" in err
    assert list(tmp_path.iterdir()) == []


def real(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scaling", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_the_real_command_line_refuses() -> None:
    done = real("describe", *bases(alpha="nan"))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "alpha must be a finite number, got nan" in done.stderr


def test_a_base_below_one_warns_on_stderr_and_json_stays_pure() -> None:
    done = real("describe", *bases(beta="0.95"), "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["beta"] == 0.95
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("scaling: warning: beta = 0.95 is below 1")


def test_no_arguments_give_the_help_as_it_is_laid_out() -> None:
    done = real()
    assert done.returncode == 2
    lines = (done.stdout + done.stderr).splitlines()
    assert len(lines) > 10
    assert any(line.split()[:1] == ["describe"] for line in lines)


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    command = [sys.executable, "-m", "scaling", "summary", "b7", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    process.wait(60)
    assert "Traceback" not in err
    assert "Exception" not in err
