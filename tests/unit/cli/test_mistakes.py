"""Bad input: one line on standard error, exit code 2, nothing on standard output, never a traceback."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from commands import refused
from tiny_setup import tiny_setup

from scaling.cli.search import search
from scaling.network.serialization import to_json

PAPER = ["--alpha=1.2", "--beta=1.1", "--gamma=1.15", "--phi=1"]
BASES = PAPER[:3]


def bases(**changes: str) -> list[str]:
    values = {"alpha": "1.2", "beta": "1.1", "gamma": "1.15", "phi": "1"} | changes
    return [f"--{name}={value}" for name, value in values.items()]


NETWORKS: list[tuple[list[str], str]] = [
    (["b9"], "unknown variant 'b9'; expected one of b0"),
    ([""], "unknown variant ''"),
    ([], "missing --alpha, --beta, --gamma, --phi"),
    (BASES, "missing --phi"),
    (["b0", "--alpha=1.2"], "give a name or coefficients, not both"),
    (["b0", "--phi=0"], "give a name or coefficients, not both"),
    *(
        (bases(**{name: value}), name)
        for name in ("alpha", "beta", "gamma")
        for value in ("0", "-1", "nan", "inf", "-inf", "word")
    ),
    *((bases(phi=value), "phi") for value in ("nan", "inf", "-inf", "1e308", "x")),
    *((["b0", f"--image-size={size}"], f"got {size}") for size in (7, 4097, 0, -8)),
    (bases(gamma="100", phi="2"), "image size"),
    (bases(phi="-40"), ""),
    (bases(alpha="130"), "blocks must be between 1 and 2000, got 2080"),
    (bases(beta="1000"), ""),
    (bases(beta="300", alpha="1", gamma="1"), "1e+11 params"),
    (["b0", "--num-classes=1000000000"], ""),
    (["b0", "--num-classes=99999999999999999999"], "num_classes"),
    (["b0", "--num-classes=0"], "num_classes"),
    (["b0", "--in-channels=0"], "in_channels"),
    (["b0", "--num-classes=1.5"], "1.5"),
    (["b0", "--depth=2"], "--depth"),
    (["b0", "b1"], "b1"),
    ([*PAPER, "--baseline=resnet"], "resnet"),
    ([*PAPER, "--coefficient-rounding=half"], "half"),
    (["b0", "--coefficient-rounding=none"], "as released"),
    ([*PAPER, "--image-size-step=0"], "image_size_step"),
]


@pytest.mark.parametrize(("arguments", "message"), NETWORKS, ids=str)
@pytest.mark.parametrize("more", [[], ["--json"]], ids=["table", "json"])
def test_what_is_no_network(arguments: list[str], message: str, more: list[str]) -> None:
    assert message in refused("describe", *arguments, *more)


@pytest.mark.parametrize("command", ["count", "summary"])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["b9"], "unknown variant"), (["b0", "--phi=0"], "not both"), (bases(phi="nan"), "phi"),
     (["b0", "--image-size=7"], "got 7"), (bases(alpha="130"), "blocks"), (["b0", "--depth=2"], "--depth")],
)  # fmt: skip
def test_every_command_that_takes_a_network_refuses_alike(
    command: str, arguments: list[str], message: str
) -> None:
    assert message in refused(command, *arguments)


MISTAKES = {
    "nothing": [("", "No such command 'nothing'")],
    "--nothing": [("", "--nothing")],
    "search": [
        ("--config none.toml", "there is no none.toml here"),
        *((f"{name} none", "is not the folder of a run") for name in (
            "status", "export", "resume", "best", "charts")),
        ("status none --watch --json", "not both"),
        ("export", "RUN_FOLDER"),
        ("--fresh status x", "options go after the command: status --…"),
    ],
    "family": [
        *((f"{' '.join(BASES)} --phi={text}", "--phi") for text in (
            "", "a", "2:1", "0:1:0", "0:1:-1", "0:1:2:3", "0:inf", "nan", "1,,2")),
        *((f"{' '.join(BASES)} --phi={text}", "values of phi") for text in ("0:1e9", "0:1:1e-9")),
        (f"{' '.join(BASES)} --phi 20:22", "phi 21: image size must be between"),
        (f"{' '.join(BASES)} --config x.toml --baseline efficientnet-lite0", "not both"),
        (" ".join(BASES[:2]), "--gamma"),
    ],
    "invert": [
        ("--variants b9", "b9"),
        ("--variants=", "''"),
        ("--variants b1,b1", "b1"),
        ("--variants b1 --grid x.json", "not both"),
        ("--grid no-such-file.json", "cannot read the grid"),
        ("--grid .", "cannot read the grid"),
        ("--match exactly", "exactly"),
        ("--coefficient-rounding two", "two"),
        ("--image-size-step 0", "0"),
        ("--alpha 0", "alpha"),
        ("--alpha many", "many"),
        ("--beta nan", "beta"),
    ],
    "explain": [("b12", "unknown variant 'b12'")],
    "budget": [
        ("--latency-ms 5", "--latency-ms needs --calibration FILE"),
        ("--latency-ms 5 --latency-model 1,2", "as three numbers, like 1,2,0.5; got '1,2'"),
        ("--order size", "expected --order among macs, params"),
        ("--top 0", "0 is not in the range 1<=x<=10000"),
        ("--alpha 0.5", "--alpha must be at least 1, got 0.5"),
        ("--macs -1", "a limit must be above 0, got macs -1.0"),
        ("--baseline b99", "b99"),
        ("--memory-of sleep", "--memory-of must be one of inference, training, got 'sleep'"),
    ],
    "latency": [
        ("b0", "this device is not calibrated"),
        ("b0 --calibrate", "--calibrate times a family of networks, not one"),
        ("--calibrate --mode sleep", "--mode must be one of inference, training, got 'sleep'"),
        ("--calibrate --networks 0", "0 is not in the range 1<=x<=1000"),
        ("--calibrate --image-sizes 9", "like 96,320; got '9'"),
        ("--calibrate --image-sizes 300,20", "image_size must go from above 0"),
        ("--calibrate --device tpu", "device must be auto, cpu or cuda"),
        ("--calibrate --family b99", "b99"),
        ("b0 --calibration absent.json", "cannot read absent.json"),
    ],
    "study": [
        ("rates --run x", "--run is for a study of noise"),
        ("noise --factor 2", "--factor is for rates"),
        ("nothing", "there is no study experiments/nothing.toml"),
    ],
    "draw": [
        ("b0 -o b0.gif", "ending in"),
        ("b1 b2 -o x.svg", "--diff draws two networks"),
        ("b1 --diff -o x.svg", "--diff draws two networks"),
        ("b1 b99 --diff -o x.svg", "unknown variant 'b99'"),
        ("b1 --stage 2 -o x.svg", "--stage NUMBER"),
        ("b1 --detail stage --stage 9 -o x.svg", "stages 1 to 7, got 9"),
        ("b1 --detail stage --stage 0 -o x.svg", "stages 1 to 7, got 0"),
        ("--scaling-ways --factor 1 -o x.svg", "above 1"),
        ("--scaling-ways --detail module -o x.svg", "drawing of its own"),
        ("-o x.svg", "expected a variant name"),
        ("b0 -o x.svg -o x.bmp", "ending in"),
    ],
    "tables": [
        ("trials", "--run FOLDER"),
        ("channels --run x", "--run FOLDER"),
        ("trials --run nowhere", "there is no nowhere"),
        ("channels --variants b0,b99", "unknown variant 'b99'"),
    ],
    "explore": [("-o x.pdf", "ending in .html; got 'x.pdf'")],
    "figures": [("--run nowhere -o x", "nowhere"), ("run_noise -o x", "--run FOLDER")],
    "fit": [
        ("", "either tables of trials or a published family"),
        ("x --published resnet", "either tables of trials or a published family"),
        ("--published resnet --cost time", "expected the cost among macs, params, activations"),
        ("--published resnet --resamples 3", "resamples must be between 20 and 20,000, got 3"),
        ("--published resnet --by kind", "by and pool go with tables"),
        ("nowhere.csv", "there is no nowhere.csv"),
    ],
    "verify": [
        ("--image-size large", "expected a whole number of pixels or 'native', got 'large'"),
        ("--images 0", "not in the range"),
        ("--variants b0 --peers caffe", "cannot be built here; expected one of torchvision"),
    ],
    "data": [
        ("fetch imagenet", "must be one of"),
        ("contact-sheet -o x.txt", "must end in .png, .svg or .pdf, got 'x.txt'"),
        ("contact-sheet -o x.png --image-size 4", "between 8 and 256, got 4"),
        ("contact-sheet -o x.png --seed -1", "got -1"),
        ("contact-sheet -o no/such/folder/x.png", "cannot be written"),
        ("show imagefolder:nowhere", "cannot be read"),
    ],
    "train": [
        ("b77 --data glyphs", "b77"),
        ("no.json --data glyphs", "cannot read the network no.json"),
        ("b0 --data imagenet", "imagenet"),
        ("b0 --data glyphs --recipe x", "no recipe 'x'"),
        ("b0 --data glyphs --epochs 0", "epochs must be at least 1, got 0"),
        ("b0 --data glyphs --device tpu", "device must be auto, cpu or cuda"),
        ("b0 --data glyphs --batch-norm-momentum 2", "batch_norm_momentum must be in (0, 1]"),
        ("b0 --data glyphs --image-size 1", "image size must be"),
        ("b0 --data glyphs --train 1", "train"),
        ("b0 --data glyphs --data-seed -1", "seed"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("command", "options", "message"),
    [(command, *one) for command, several in MISTAKES.items() for one in several],
)
def test_a_mistake_is_one_line_and_leaves_nothing_behind(
    command: str, options: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCALING_CACHE", str(tmp_path / "cache"))
    assert message in refused(command, *options.split())
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A training of a tiny network from a file."""
    monkeypatch.setenv("SCALING_CACHE", str(tmp_path / "cache"))
    (tmp_path / "tiny.json").write_text(to_json(tiny_setup().baseline_spec))
    return ["train", str(tmp_path / "tiny.json"), "--data", "glyphs", "--train", "50", "--validation", "20"]


def test_a_training_leaves_other_files_alone(tmp_path: Path, tiny: list[str]) -> None:
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "letter.txt").touch()
    assert "holds other files" in refused(*tiny, "--output", tmp_path / "others")
    assert {one.name for one in (tmp_path / "others").iterdir()} <= {"letter.txt", "run.lock"}


def test_without_tensorboard_the_option_is_refused(
    tmp_path: Path, tiny: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    original = importlib.import_module

    def without(name: str, package: str | None = None) -> Any:
        if name == "torch.utils.tensorboard":
            raise ImportError(name)
        return original(name, package)

    monkeypatch.setattr(importlib, "import_module", without)
    line = refused(*tiny, "--tensorboard", "--output", tmp_path / "out")
    assert "needs the package tensorboard" in line
    assert not (tmp_path / "out").exists()


def test_the_search_has_a_default_wherever_it_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "quick.toml" in refused("--set", "search.trials=-1", command=search)
    assert list(tmp_path.iterdir()) == []


def real(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command, env = [sys.executable, "-m", "scaling", *arguments], {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=env)


def test_a_full_disk_is_one_line() -> None:
    command = [sys.executable, "-m", "scaling", "describe", "b0"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120, check=False
        )
    assert (done.returncode, done.stderr) == (1, "scaling: cannot go on: No space left on device\n")


def test_letters_that_the_encoding_lacks_are_replaced() -> None:
    done = real("describe", "b0", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "depth ?1" in done.stdout


@pytest.mark.parametrize("ending", ["toml", "json", "csv", "d"])
@pytest.mark.parametrize(
    "command",
    ["describe FILE", "search run --config FILE", "search run --plan FILE --config QUICK", "study FILE",
     "train b0 --data glyphs --recipe FILE", "latency --calibrate --family FILE",
     "latency b0 --calibration FILE", "invert --grid FILE", "fit FILE", "search run --storage-file FILE"],
)  # fmt: skip
def test_what_is_no_regular_file_or_nested_too_deep_is_one_line(
    command: str, ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = Path("experiments/quick.toml").absolute()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCALING_CACHE", str(tmp_path / "cache"))
    file = tmp_path / f"x.{ending}"
    words = command.replace("FILE", str(file)).replace("QUICK", str(quick)).split()
    os.mkfifo(file)
    assert file.name in refused(*words)
    file.unlink()
    file.write_text("[" * 100_000)
    assert refused(*words)


def test_the_real_command_line_refuses() -> None:
    done = real("describe", *bases(alpha="nan"))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "alpha must be a finite number, got nan" in done.stderr


def test_a_base_below_one_warns_on_stderr_and_json_stays_pure() -> None:
    done = real("describe", *bases(beta="0.95"), "--json")
    assert (done.returncode, json.loads(done.stdout)["beta"], done.stderr.count("\n")) == (0, 0.95, 1)
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
