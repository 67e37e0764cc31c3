"""Predicted peak memory beside measured: python benchmarks/peak_memory.py.

Each network runs in a process of its own, by the engine's way (channels_last, its kernels, AdamW in
training). Two things are measured:

- `allocated`: most bytes that torch's CPU allocator had handed out at once during one pass, as its profiler
  reports them, with what was there before: images, weights, statistics, moments. Memory that convolution
  kernels take from it is in it. This is what is predicted. On a GPU: `torch.cuda.max_memory_allocated`.
- `resident`: growth of the process's resident memory from before the network was built to the peak of two
  passes that are not profiled. The C library's allocator keeps freed memory and torch loads code late, so
  this is no measure of tensors; it says what a machine must have beside an idle process with torch.

    --output DIR   writes peak_memory.csv and its provenance
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from scaling.environment import prepare_environment

prepare_environment()

import pandas as pd  # noqa: E402
import torch  # noqa: E402
from torch import Tensor  # noqa: E402
from torch.profiler import ProfilerActivity, profile  # noqa: E402

from scaling.atomic_write import write_json, write_text  # noqa: E402
from scaling.cost.peak_memory import MemoryUse, peak_bytes  # noqa: E402
from scaling.model import FIXED_KERNELS, build_model  # noqa: E402
from scaling.network.families import baseline_named  # noqa: E402
from scaling.provenance import provenance, utc_now  # noqa: E402
from scaling.training.recipe import Recipe  # noqa: E402
from scaling.training.step import Step  # noqa: E402


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is run.

    Args:
        network: a variant's or baseline's name.
        image_size: pixels.
        batch: images a pass.
        training: a training step; else inference.
    """

    network: str
    image_size: int
    batch: int
    training: bool


CASES = (
    Case(network="b0", image_size=224, batch=1, training=False),
    Case(network="b0", image_size=224, batch=16, training=False),
    Case(network="b0", image_size=32, batch=64, training=False),
    Case(network="b2", image_size=260, batch=4, training=False),
    Case(network="b4", image_size=380, batch=1, training=False),
    Case(network="b7", image_size=600, batch=1, training=False),
    Case(network="lite0", image_size=224, batch=8, training=False),
    Case(network="mobilenetv2", image_size=224, batch=8, training=False),
    Case(network="resnet-50", image_size=224, batch=8, training=False),
    Case(network="b0", image_size=224, batch=8, training=True),
    Case(network="b0", image_size=32, batch=128, training=True),
    Case(network="b0", image_size=64, batch=64, training=True),
    Case(network="b1", image_size=128, batch=16, training=True),
    Case(network="b2", image_size=96, batch=32, training=True),
    Case(network="b3", image_size=160, batch=8, training=True),
    Case(network="lite0", image_size=128, batch=16, training=True),
    Case(network="mobilenetv2", image_size=128, batch=16, training=True),
    Case(network="resnet-50", image_size=96, batch=16, training=True),
)


def run_case(case: Case) -> dict[str, float]:
    """Run a case in this process and return what was measured."""
    before = _status("VmRSS")
    spec = replace(baseline_named(case.network), image_size=case.image_size)
    model = build_model(spec, seed=0, kernels=FIXED_KERNELS)
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    images = torch.randn(case.batch, 3, case.image_size, case.image_size)
    images = images.contiguous(memory_format=torch.channels_last)
    lasting: list[Tensor] = [*model.parameters(), *model.buffers(), images]
    if case.training:
        recipe = Recipe(epochs=1, batch_size=case.batch, learning_rate=1e-4)
        step = Step(model.train(), recipe, total_steps=1_000)
        labels = torch.zeros(case.batch, dtype=torch.int64)
        for _ in range(2):
            step(images, labels)
        states = step.optimizer.state.values()
        lasting += [v for state in states for v in state.values() if isinstance(v, Tensor)]
        grown = _status("VmHWM") - before
        peak = _allocated(lambda: step(images, labels))
    else:
        model.eval()
        with torch.no_grad():
            for _ in range(2):
                model(images)
            grown = _status("VmHWM") - before
            peak = _allocated(lambda: model(images))
    there = sum(tensor.numel() * tensor.element_size() for tensor in lasting)
    return {"allocated": there + peak, "resident": grown}


def _allocated(run: object) -> int:
    """Return how far a pass's allocations rise above what was there; gradients of earlier steps are freed."""
    assert callable(run)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
        run()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        record.export_chrome_trace(str(path))
        events = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
    changes = sorted((e["ts"], e["args"]["Bytes"]) for e in events if e.get("name") == "[memory]")
    now = peak = 0
    for _, change in changes:
        now += change
        peak = max(peak, now)
    return peak


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def measured(case: Case) -> dict[str, Any]:
    """Run a case in a process of its own and put the prediction beside it."""
    command = [sys.executable, __file__, "--case", json.dumps(asdict(case))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    spec = replace(baseline_named(case.network), image_size=case.image_size)
    predicted = peak_bytes(spec, MemoryUse(training=case.training, batch=case.batch))
    return {
        "network": case.network,
        "image_size": case.image_size,
        "batch": case.batch,
        "mode": "training" if case.training else "inference",
        "predicted_bytes": predicted,
        "allocated_bytes": found["allocated"],
        "error": predicted / found["allocated"] - 1,
        "resident_bytes": found["resident"],
    }


def line_of(row: dict[str, Any]) -> str:
    """Say a row in a line."""
    return (
        f"{row['network']:>6s} {row['image_size']:>4} px {row['mode']:>9s}, batch {row['batch']:>3}: "
        f"predicted {row['predicted_bytes'] / 1e6:8,.1f} MB, allocated "
        f"{row['allocated_bytes'] / 1e6:8,.1f} MB ({100 * row['error']:+5.1f} %), "
        f"resident {row['resident_bytes'] / 1e6:8,.1f} MB"
    )


def save(output: Path, frame: pd.DataFrame, started: str) -> None:
    """Write the table and where it comes from."""
    write_text(output / "peak_memory.csv", frame.to_csv(index=False, lineterminator="\n"))
    record = provenance(
        config={"cases": [asdict(case) for case in CASES]},
        config_key="",
        command=sys.argv,
        device="cpu",
        data_checksums={},
        started=started,
        finished=utc_now(),
        torch_cpu=torch.backends.cpu.get_cpu_capability(),
        threads=int(os.environ.get("OMP_NUM_THREADS", "0")) or torch.get_num_threads(),
    )
    write_json(output / "peak_memory_provenance.json", record)


def main() -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, help="folder for the table")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        print(json.dumps(run_case(Case(**json.loads(arguments.case)))))
        return
    started, rows = utc_now(), []
    for case in CASES:
        row = measured(case)
        rows.append(row)
        print(line_of(row), flush=True)
    frame = pd.DataFrame(rows)
    for mode, found in frame.groupby("mode", sort=False):
        sizes = found["error"].abs()
        print(f"{mode}: median error {100 * sizes.median():.1f} %, largest {100 * sizes.max():.1f} %")
    if arguments.output:
        save(arguments.output, frame, started)


if __name__ == "__main__":
    main()
