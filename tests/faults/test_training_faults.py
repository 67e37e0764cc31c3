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

import pytest
from search_runs import configuration

from scaling.network.serialization import to_json

pytestmark = pytest.mark.faults

PROGRAM = """
import json, resource, sys
from pathlib import Path
import torch
from search_runs import configuration
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
        configuration().baseline_spec, recipe, *images, dataset_info("glyphs"), seed=1,
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
    assert out.splitlines()[-1].startswith("error cannot write the checkpoint")
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


def test_ctrl_c_stops_scaling_train_and_the_same_command_goes_on(tmp_path: Path) -> None:
    (tmp_path / "tiny.json").write_text(to_json(configuration().baseline_spec))
    (tmp_path / "recipe.toml").write_text("epochs = 6\nbatch_size = 5\nlearning_rate = 0.02\ndropout = 0.3\n")

    def command(output: str) -> list[str]:
        return [
            *(sys.executable, "-m", "scaling", "train", str(tmp_path / "tiny.json"), "--data", "glyphs"),
            *("--recipe", str(tmp_path / "recipe.toml"), "--image-size", "16", "--train", "500"),
            *(
                "--validation",
                "50",
                "--batch-norm-momentum",
                "0.1",
                "--device",
                "cpu",
                "--kernels",
                "fixed",
                "--json",
            ),
            *("--output", str(tmp_path / output)),
        ]

    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    pipes: dict[str, Any] = {
        "env": environment,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
    }
    with subprocess.Popen(command("parts"), start_new_session=True, **pipes) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("epoch 2/6"):
                break
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130
    assert "stopped; the same command goes on" in rest
    assert "Traceback" not in rest
    assert not (tmp_path / "parts" / "result.json").exists()
    done = [subprocess.run(command(name), check=True, timeout=300, **pipes) for name in ("parts", "whole")]
    assert "epoch 2/6" not in done[0].stderr
    assert "epoch 6/6" in done[0].stderr
    parts, whole = (json.loads(each.stdout) for each in done)
    assert (parts["loss"], parts["top1"]) == (whole["loss"], whole["top1"])
    assert [len((tmp_path / n / "metrics.csv").read_text().splitlines()) for n in ("parts", "whole")] == [
        7,
        7,
    ]
    assert len(json.loads((tmp_path / "parts" / "provenance.json").read_text())["launches"]) == 2
