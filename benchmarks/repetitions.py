"""Does the main job say the same with other seeds? Whole repetitions, every training with a seed of its own.

python benchmarks/repetitions.py [--repetitions 10] [--config FILE] [--output results/repetitions]

Repetition r trains with the seeds 10 r and above, the first one with those of the file. Of each the table has
Repetition r trains with the seeds 10 r and above, the first with those of the file. Of each the table has
the network to build. What is trained already is not trained again: the command goes on where it was stopped.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import pandas as pd

import scaling
from scaling.atomic_write import write_json, write_text
from scaling.cli.output import console, run
from scaling.library.searching import SearchRun
from scaling.plans.search.conclusion import conclusion
from scaling.provenance import provenance, utc_now
from scaling.runs.launch import Where
from scaling.runs.store import Store

EACH = 10
"""Seeds between one repetition and the next."""
PATH = click.Path(path_type=Path)


def repeated(config: Path, number: int, store: Store, folder: Path) -> SearchRun:
    """Run one repetition, or go on with it."""
    first = EACH * number
    overrides = [
        f"search.seeds=[{first}, {first + 1}]",
        f"search.baseline_seeds={[first + seed for seed in range(4)]}",
        "search.confirm=0",
    ]
    output = folder / f"repetition-{number}"
    return scaling.search(config, overrides=overrides, output=output, where=Where(store=store))


def row_of(number: int, surface: dict[str, Any]) -> dict[str, Any]:
    """Return one row of the table."""
    gains = {f"{name}_{key}": end for name, one in surface["gains"].items() for key, end in one.items()}
    contrasts = {
        f"{name}_{key}": end for name, one in surface["contrasts"].items() for key, end in one.items()
    }
    return {
        "repetition": number,
        "trainings": surface["trainings"],
        "significant_contrasts": sum(
            not one["low"] <= 0 <= one["high"] for one in surface["contrasts"].values()
        ),
        **gains,
        **contrasts,
        **{f"optimum_{name}": share for name, share in surface["optimum"]["shares"].items()},
        "interior_probability": surface["interior_probability"],
        "network": surface["network"]["architecture"],
        "conclusion": conclusion(surface, "glyphs")[0],
    }


def save(rows: list[dict[str, Any]], record: dict[str, Any], output: Path) -> None:
    """Write the table so far and where it comes from."""
    write_text(output / "repetitions.csv", pd.DataFrame(rows).to_csv(index=False, lineterminator="\n"))
    write_json(output / "provenance.json", {**record, "finished": utc_now()})


@click.command()
@click.option("--repetitions", type=click.IntRange(1, 100), default=10, help="How many (10).")
@click.option("--config", type=PATH, default=Path("experiments/quick.toml"), help="Experiment.")
@click.option("--store", type=PATH, default=Path("runs/trainings"), help="Of trainings.")
@click.option("--folder", type=PATH, default=Path("runs/repetitions"), help="Of runs.")
@click.option("--output", type=PATH, help="Folder for table and provenance.")
def main(repetitions: int, config: Path, store: Path, folder: Path, output: Path | None) -> None:
    """Repeat a search with other seeds, and compare what it says."""
    rows = list[dict[str, Any]]()
    record = provenance(  # once: what is written below would count as a change of the tree
        config={"experiment": str(config), "repetitions": repetitions},
        config_key="",
        command=sys.argv,
        device="cpu",
        data_checksums={},
        started=utc_now(),
        finished=None,
    )
    for number in range(repetitions):
        found = repeated(config, number, Store(path=store), folder).result["surface"]
        rows.append(row_of(number, found))
        console.print(rows[-1]["conclusion"], markup=False, soft_wrap=True)
        if output is not None:
            save(rows, record, output)
    two = sum(row["significant_contrasts"] >= 2 for row in rows)
    console.print(f"two contrasts or more are significant in {two} of {len(rows)} repetitions")


if __name__ == "__main__":
    run(main)
