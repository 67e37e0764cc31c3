"""A real training in a real process: killed at any moment, or on a disk that is full."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tiny_setup import tiny_setup

from scaling.network.serialization import to_json

pytestmark = pytest.mark.faults

PROGRAM = """
import json, resource, sys
from pathlib import Path
import torch
from tiny_setup import tiny_setup
from scaling.data import dataset_info, load_split
from scaling.errors import ScalingError
from scaling.training import Recipe, train_network

folder, largest_file = Path(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(1)
images = [load_split("glyphs", s, image_size=16, count=n, seed=0, cache_dir=folder.parent / "cache")
          for s, n in (("train", 400), ("validation", 50))]
recipe = Recipe(epochs=4, batch_size=10, dropout=0.2, stochastic_depth=0.2, ema_decay=0.99)
if largest_file:
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
def ended(curve):
    print("epoch", curve[-1].epoch, flush=True)
try:
    result = train_network(
        tiny_setup().baseline_spec, recipe, *images, dataset_info("glyphs"), seed=1,
        device=torch.device("cpu"), checkpoint=folder / "training.checkpoint",
        report=lambda step: print("step", step, flush=True), on_epoch=ended, checkpoint_s=0,
    )
except ScalingError as error:
    print("error", error, flush=True)
    sys.exit(2)
print("result", json.dumps([result.top1, result.loss, result.epochs]), flush=True)
"""


def start(folder: Path, largest_file: int = 0) -> subprocess.Popen[str]:
    here = Path(__file__).parents[1]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": f"{here}:{here.parent}"}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder), str(largest_file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def finished(folder: Path, largest_file: int = 0) -> tuple[int, str, str]:
    process = start(folder, largest_file)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def result(out: str) -> Any:
    return json.loads(out.splitlines()[-1].removeprefix("result "))


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    place = tmp_path_factory.mktemp("trainings")
    code, out, err = finished(place / "whole")
    assert (code, err) == (0, "")
    return place, result(out)


def kill_after(folder: Path, line: str, seconds: float = 0.0) -> None:
    with start(folder) as process:
        assert process.stdout is not None
        for printed in process.stdout:
            if printed.strip() == line:
                break
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


def test_killed_at_any_moment_a_training_loses_at_most_its_epoch(uninterrupted: tuple[Path, Any]) -> None:
    place, expected = uninterrupted
    folder = place / "killed"
    kill_after(folder, "step 17")  # in the first epoch, before there is a checkpoint
    kill_after(folder, "step 63", 0.003)  # in the second
    kill_after(folder, "epoch 3", 0.004)  # while the third checkpoint is written, or just before or after
    code, out, err = finished(folder)
    assert code == 0
    assert err == ""
    first = int(out.split("\n", 1)[0].removeprefix("step "))
    assert first in {81, 121}  # the third epoch's checkpoint was whole, or never there
    assert result(out) == expected


def test_a_full_disk_is_one_clear_error_and_what_was_there_goes_on_even_torn(
    uninterrupted: tuple[Path, Any],
) -> None:
    place, expected = uninterrupted
    folder = place / "full"
    kill_after(folder, "step 100")
    checkpoint = folder / "training.checkpoint"
    kept = checkpoint.read_bytes()
    code, out, err = finished(folder, largest_file=20_000)
    assert code == 2
    assert err == ""
    assert out.splitlines()[-1].startswith("error cannot write ")
    assert "File too large" in out
    assert checkpoint.read_bytes() == kept
    assert sorted(path.name for path in folder.iterdir()) == [checkpoint.name, f"{checkpoint.name}.before"]
    checkpoint.write_bytes(kept[:-1000])
    code, out, err = finished(folder)  # there is room again
    assert code == 0
    assert out.startswith("step 41\n")  # from the checkpoint before
    assert err.count("\n") == 1
    assert "is refused: it is torn" in err
    assert result(out) == expected


def command(place: Path, output: str, *more: str) -> list[str]:
    """`scaling train` of six epochs, into a folder and a store of its own."""
    (place / "tiny.json").write_text(to_json(tiny_setup().baseline_spec))
    (place / "recipe.toml").write_text("epochs = 6\nbatch_size = 5\nlearning_rate = 0.02\ndropout = 0.3\n")
    return [
        *(sys.executable, "-m", "scaling", "train", str(place / "tiny.json"), "--data", "glyphs"),
        *("--recipe", str(place / "recipe.toml"), "--image-size", "16", "--train", "500"),
        *("--validation", "50", "--batch-norm-momentum", "0.1", "--device", "cpu", "--kernels", "fixed"),
        *("--output", str(place / output), "--store", str(place / f"store of {output}"), "--json", *more),
    ]


def pipes() -> dict[str, Any]:
    return {
        "env": os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])},
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
    }


def ended(place: Path, output: str) -> tuple[dict[str, Any], str]:
    done = subprocess.run(command(place, output), check=True, timeout=300, **pipes())
    return json.loads(done.stdout), done.stderr


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    place = tmp_path_factory.mktemp("whole")
    return place / "whole", ended(place, "whole")[0]


def signalled(place: Path, number: signal.Signals) -> tuple[int, str]:
    """Send a signal in the third epoch; return the exit status and what was said from there."""
    with subprocess.Popen(command(place, "parts"), start_new_session=True, **pipes()) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("epoch 2/6"):
                break
        process.send_signal(number)
        rest = process.stderr.read()
    return process.returncode, rest


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_keeps_the_last_epoch_and_the_same_command_goes_on(
    number: signal.Signals, tmp_path: Path, whole: tuple[Path, dict[str, Any]]
) -> None:
    code, rest = signalled(tmp_path, number)
    assert code == 130
    assert "stopped; the same command goes on" in rest
    assert "Traceback" not in rest
    folder = tmp_path / "parts"
    assert not (folder / "result.json").exists()
    found, said = ended(tmp_path, "parts")
    assert "epoch 2/6" not in said  # no 30 s had passed: the stop itself kept it
    assert "epoch 6/6" in said
    same_as_whole(folder, found, whole)
    assert len(json.loads((folder / "provenance.json").read_text())["launches"]) == 2


def same_as_whole(folder: Path, found: dict[str, Any], whole: tuple[Path, dict[str, Any]]) -> None:
    where, expected = whole
    same = ("loss", "top1", "validation_loss", "record")
    assert [found[name] for name in same] == [expected[name] for name in same]
    assert (folder / "weights.safetensors").read_bytes() == (where / "weights.safetensors").read_bytes()
    curves = [pd.read_csv(one / "metrics.csv").drop(columns="seconds") for one in (folder, where)]
    pd.testing.assert_frame_equal(*curves)


def test_a_killed_training_goes_on_in_a_folder_that_nobody_holds(
    tmp_path: Path, whole: tuple[Path, dict[str, Any]]
) -> None:
    code, _ = signalled(tmp_path, signal.SIGKILL)
    assert code == -signal.SIGKILL
    found, _ = ended(tmp_path, "parts")
    same_as_whole(tmp_path / "parts", found, whole)


def test_a_second_launch_hears_who_trains(tmp_path: Path) -> None:
    with subprocess.Popen(command(tmp_path, "parts"), start_new_session=True, **pipes()) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("epoch 1/6"):
                break
        process.send_signal(signal.SIGSTOP)
        second = subprocess.run(command(tmp_path, "parts"), check=False, timeout=300, **pipes())
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGCONT)
        process.stderr.read()
    assert second.returncode == 2
    assert f"another run is using {tmp_path / 'parts'}: process {process.pid} on" in second.stderr
    assert process.returncode == 130


def test_weights_that_find_no_room_are_one_error_and_cost_nothing(
    tmp_path: Path, whole: tuple[Path, dict[str, Any]]
) -> None:
    (tmp_path / "parts" / "weights.safetensors").mkdir(parents=True)  # a folder where the file should go
    (tmp_path / "parts" / "run.json").write_text((whole[0] / "run.json").read_text())
    failed = subprocess.run(command(tmp_path, "parts"), check=False, timeout=300, **pipes())
    assert failed.returncode == 2
    assert failed.stderr.splitlines()[-1].startswith("scaling: cannot write")
    (tmp_path / "parts" / "weights.safetensors").rmdir()
    found, said = ended(tmp_path, "parts")
    assert "epoch" not in said.split("kernels:")[1]  # its last epoch was kept
    same_as_whole(tmp_path / "parts", found, whole)
