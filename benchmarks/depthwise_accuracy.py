"""Does the choice of kernels move accuracy? python benchmarks/depthwise_accuracy.py [--output DIR].

Trains the baseline of experiments/quick.toml at 16 px, where most depthwise maps are small enough to leave
torch's own kernels, once with the fixed table and once with torch's own convolutions, with each of several
seeds. Pairs share seed, initial weights, order of images and validation images: what differs is the last bits
of sums. Prints the mean paired difference with its 95 % t interval; a few minutes on one core.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from scaling.environment import prepare_environment

prepare_environment()

import pandas as pd  # noqa: E402
import torch  # noqa: E402

from scaling.analysis.intervals import Interval, paired_difference  # noqa: E402
from scaling.atomic_write import write_json, write_text  # noqa: E402
from scaling.data import dataset_info  # noqa: E402
from scaling.model import FIXED_KERNELS, KernelTable  # noqa: E402
from scaling.plans.search.config import load_config  # noqa: E402
from scaling.provenance import provenance, utc_now  # noqa: E402
from scaling.runs.setup import Setup  # noqa: E402
from scaling.training import train_network  # noqa: E402

OVERRIDES = ("baseline.image_size=16", "data.train=4000")
CONFIG = Path(__file__).resolve().parents[1] / "experiments" / "quick.toml"
TABLES: dict[str, KernelTable | None] = {"fixed": FIXED_KERNELS, "stock": None}


def pairs(setup: Setup, seeds: int) -> pd.DataFrame:
    """Train every seed with both tables in turns; one row a training."""
    rows = []
    for seed in range(seeds):
        for name, table in TABLES.items():
            start = time.process_time()
            job = setup.job(setup.baseline_spec, seed=seed)
            result = train_network(
                job.spec,
                job.recipe,
                job.images("train"),
                job.images("validation"),
                dataset_info(job.data.name),
                seed=seed,
                device=torch.device("cpu"),
                numerics=job.numerics,
                kernels=table,
            )
            cpu_s = time.process_time() - start
            rows.append({"seed": seed, "kernels": name, "top1": result.top1, "cpu_s": round(cpu_s, 2)})
            print(f"seed {seed}  {name:<5}  {100 * result.top1:.2f} %  {cpu_s:.1f} s", flush=True)
    return pd.DataFrame(rows)


def summary(table: pd.DataFrame) -> tuple[Interval, str]:
    """Return the paired difference and the sentence that says it."""
    wide = table.pivot_table(index="seed", columns="kernels", values="top1")
    found = paired_difference(wide["fixed"].tolist(), wide["stock"].tolist())
    moved = "includes zero" if found.low <= 0 <= found.high else "EXCLUDES zero"
    spread = 100 * float(wide["stock"].std(ddof=1))
    return found, (
        f"fixed minus stock: {100 * found.value:+.2f} points, 95 % interval {100 * found.low:+.2f} to "
        f"{100 * found.high:+.2f}, which {moved}; {found.count} seeds, which spread by {spread:.2f} points"
    )


def main() -> None:
    """Train, print, save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--output", type=Path, help="folder for table and provenance")
    arguments = parser.parse_args()
    if arguments.seeds < 2:
        parser.error("--seeds must be at least 2: an interval needs several")
    torch.set_num_threads(1)
    setup, started = load_config(CONFIG, OVERRIDES).setup, utc_now()
    sums = setup.job(setup.baseline_spec, seed=0).checksums()
    record = provenance(
        config=setup.document(),
        config_key=setup.key(),
        command=sys.argv,
        device="cpu",
        data_checksums=dict(zip(("train", "validation"), sums, strict=True)),
        started=started,
        finished=None,
        threads=1,
        torch_cpu=torch.backends.cpu.get_cpu_capability(),
        kernels={name: None if table is None else table.key() for name, table in TABLES.items()},
    )
    table = pairs(setup, arguments.seeds)
    found, sentence = summary(table)
    print(f"\n{sentence}\ncommit {record['commit']}{' (changed since)' if record['dirty'] else ''}")
    if arguments.output:
        csv = arguments.output / "depthwise_accuracy.csv"
        write_text(csv, table.to_csv(index=False, lineterminator="\n"))
        difference = {"value": found.value, "low": found.low, "high": found.high, "seeds": found.count}
        record |= {"finished": utc_now(), "paired_difference_top1": difference}
        write_json(arguments.output / "depthwise_accuracy_provenance.json", record)
        print(csv)


if __name__ == "__main__":
    main()
