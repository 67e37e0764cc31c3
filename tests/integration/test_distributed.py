"""Two real processes against one: the same network, where one normalises per half batch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from tiny_setup import tiny_setup

from scaling.cli import group
from scaling.data import dataset_info, load_split
from scaling.errors import ConfigError
from scaling.network.serialization import to_json
from scaling.training import Recipe, train_network
from scaling.training.batches import Share
from scaling.training.distributed import Processes, joined

CPU = torch.device("cpu")


def train(folder: Path, micro_batch: int | None) -> None:
    """Train, and keep the network, the result and which validation images were right."""
    torch.set_num_threads(1)
    images = [
        load_split("glyphs", name, image_size=16, count=count, seed=0, cache_dir=folder / "cache")
        for name, count in (("train", 70), ("validation", 25))
    ]
    recipe = Recipe(
        epochs=2,
        batch_size=20,
        micro_batch=micro_batch,
        optimizer="sgd",  # type: ignore[arg-type]
        learning_rate=0.05,
        ema_decay=0.9,
        dropout=0.0,
        stochastic_depth=0.0,
    )
    setup = tiny_setup()
    found: dict[str, object] = {}
    with joined(CPU) as processes:
        result = train_network(
            setup.baseline_spec,
            recipe,
            *images,
            dataset_info("glyphs"),
            seed=2,
            device=processes.device,
            numerics=setup.model_numerics,
            checkpoint=folder / f"checkpoint{micro_batch}",
            on_judged=lambda right: found.update(right=right),
            on_trained=lambda model: found.update(
                model={name: value.clone() for name, value in model.state_dict().items()}
            ),
            processes=processes,
        )
        found.update(loss=result.loss, top1=result.top1, micro_batch=result.micro_batch)
        if processes.first:
            torch.save(found, folder / f"found{micro_batch}")


def torchrun(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script or module in two processes that train together."""
    here = Path(__file__)
    return subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *arguments],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": f"{here.parents[1]}:{here.parents[2]}"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.slow  # torch is imported three more times
def test_two_processes_equal_one_that_normalises_per_half_batch(tmp_path: Path) -> None:
    train(tmp_path, 10)
    done = torchrun(str(Path(__file__)), str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    one, two = (torch.load(tmp_path / f"found{name}", weights_only=True) for name in (10, None))
    assert one["micro_batch"] == two["micro_batch"] == 10
    assert two["loss"] == pytest.approx(one["loss"], rel=1e-4)
    assert two["top1"] == one["top1"]
    assert torch.equal(one["right"], two["right"])
    assert len(one["right"]) == 25
    for name, value in one["model"].items():
        if value.is_floating_point():  # one process counts each piece in num_batches_tracked
            torch.testing.assert_close(two["model"][name], value, rtol=1e-4, atol=1e-6, msg=name)


@pytest.mark.parametrize(("batch", "processes"), [(20, 3), (4, 4)])
def test_shares_are_equal_and_enough_for_batch_norm(batch: int, processes: int) -> None:
    with pytest.raises(ConfigError, match=f"a multiple of the {processes} processes"):
        Processes(share=Share(processes=processes), device=CPU).local_batch(batch)


@pytest.mark.slow
def test_of_two_processes_the_first_prints_and_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCALING_CACHE", str(tmp_path / "cache"))
    (tmp_path / "tiny.json").write_text(to_json(tiny_setup().baseline_spec))
    (tmp_path / "recipe.toml").write_text("epochs = 2\nbatch_size = 20\ndropout = 0.0\n")
    typed = [
        *(
            "train",
            str(tmp_path / "tiny.json"),
            "--data",
            "glyphs",
            "--recipe",
            str(tmp_path / "recipe.toml"),
        ),
        *("--train", "70", "--validation", "25", "--batch-norm-momentum", "0.1", "--device", "cpu"),
        *("--kernels", "fixed", "--output", str(tmp_path / "out"), "--store", str(tmp_path / "store")),
    ]
    done = torchrun("-m", "scaling", *typed, "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert done.stderr.count("epoch 2/2") == 1
    assert (document["micro_batch"], document["validation_images"]) == (10, 25)
    assert json.loads((tmp_path / "out" / "provenance.json").read_text())["processes"] == 2
    assert len(list((tmp_path / "store").glob("*.json"))) == 1
    again = torchrun("-m", "scaling", *typed, "--json")
    assert again.stdout == done.stdout
    assert again.stderr.count("is finished") == 1
    with pytest.raises(ConfigError, match=r"\(processes: 2 there, 1 here\)"):
        CliRunner().invoke(group, typed, catch_exceptions=False, standalone_mode=False)


if __name__ == "__main__":
    train(Path(sys.argv[1]), None)
