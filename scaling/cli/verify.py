"""`scaling verify`: every installed implementation against this package, variant by variant."""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import pandas as pd

from scaling.agreement import PEERS, TOLERANCE, Agreement, peer_installed, peer_version
from scaling.agreement import verify as verify_peer
from scaling.cli.output import console, counting_bars, emit_json, json_option, table_of
from scaling.cost import count_cost
from scaling.families import variant as official_variant
from scaling.results import provenance, write_json, write_text
from scaling.results.provenance import utc_now

VARIANTS = "b0,b1,b2,b3,b4,b5,b6,b7"


@click.command()
@click.option("--variants", default=VARIANTS, help="Comma-separated; default b0 to b7.")
@click.option("--peers", default=",".join(PEERS), help=f"Comma-separated; default {', '.join(PEERS)}.")
@click.option("--image-size", type=int, default=64, show_default=True, help="Pixels, odd or even, from 32.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of weights, statistics and images.")
@click.option("--output", type=click.Path(path_type=Path), help="Folder for table and provenance.")
@json_option
def verify(variants: str, peers: str, image_size: int, seed: int, output: Path | None, as_json: bool) -> None:
    """Compare logits of other implementations from the same random weights, and their counts.

    Exit code 1 if a difference in float64 is above 1e-9, or parameters, multiply-adds or layers differ.
    """
    names, asked, started = _listed(variants), _listed(peers), utc_now()
    for name in names:
        official_variant(name)
    installed = [peer for peer in asked if peer_installed(peer)]
    missing = [peer for peer in asked if peer not in installed]
    found = _verified(names, installed, image_size, seed)
    settings = {"variants": names, "peers": asked, "image_size": image_size, "seed": seed}
    if output is not None:
        _write(output, found, missing, settings, started)
    if as_json:
        rows = [_plain(row) for row in found]
        agree = all(row.agrees for row in found)
        emit_json({**settings, "agree": agree, "not_installed": missing, "agreement": rows})
    else:
        _show(found, missing)
    if not all(row.agrees for row in found):
        sys.exit(1)


def _listed(text: str) -> list[str]:
    return list(dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip()))


def _verified(names: Sequence[str], peers: Sequence[str], image_size: int, seed: int) -> list[Agreement]:
    found = []
    with counting_bars() as bars:
        bar = bars.add_task("verify", total=len(names) * len(peers))
        for name in names:
            for peer in peers:
                bars.update(bar, description=f"{name} {peer}")
                found.append(verify_peer(peer, name, image_size=image_size, seed=seed))
                bars.advance(bar)
    return found


def _plain(row: Agreement) -> dict[str, Any]:
    """Return a row as plain data; what is no number becomes None."""
    values = {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in asdict(row).items()
    }
    return {**values, "agrees": row.agrees}


def _word(equal: bool | None) -> str:
    return "" if equal is None else "equal" if equal else "DIFFER"


def _cells(row: Agreement) -> tuple[str, ...]:
    counts = (_word(row.params_equal), _word(row.macs_equal), _word(row.layers_equal))
    return (row.peer, *counts, f"{row.max_relative_float64:.1e}", f"{row.max_relative_float32:.1e}")


HEADINGS = ("params", "MACs", "layers", "float64", "float32")


def _show(found: Sequence[Agreement], missing: Sequence[str]) -> None:
    for name in dict.fromkeys(row.variant for row in found):
        rows = [row for row in found if row.variant == name]
        params = count_cost(official_variant(name)).params
        console.print(f"[bold]{name}[/bold], {params:,} parameters, {rows[0].image_size} px")
        table = table_of("peer", *HEADINGS)
        for row in rows:
            table.add_row(*_cells(row))
        console.print(table)
        console.print()
    if missing:
        console.print(f"not installed: {', '.join(missing)}")
    different = [row for row in found if not row.agrees]
    for row in different:
        console.print(f"{row.variant} {row.peer} differs")
    if found and not different:
        console.print(f"{len(found)} comparison(s) agree: float64 differs by at most {TOLERANCE:g}.")


def _write(
    folder: Path, found: Sequence[Agreement], missing: Sequence[str], settings: dict[str, Any], started: str
) -> None:
    frame = pd.DataFrame([_plain(row) for row in found])
    write_text(folder / "agreement.csv", frame.to_csv(index=False, lineterminator="\n"))
    write_text(folder / "agreement.md", _markdown(found, missing))
    document = provenance(
        config=settings,
        config_key=hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16],
        command=sys.argv,
        device="cpu",
        data_checksums={},
        started=started,
        finished=utc_now(),
        peers={peer: peer_version(peer) for peer in settings["peers"]},
    )
    write_json(folder / "provenance.json", document)


def _markdown(found: Sequence[Agreement], missing: Sequence[str]) -> str:
    lines = [
        "| variant | peer | " + " | ".join(HEADINGS) + " |",
        "|---|---|---|---|---|--:|--:|",
        *(f"| {row.variant} | " + " | ".join(_cells(row)) + " |" for row in found),
    ]
    notes = [f"Not installed: {', '.join(missing)}.", ""] if missing else []
    size = f"At {found[0].image_size} px. " if found else ""
    meaning = (
        f"{size}Largest relative difference of logits, max abs(ours − peer's) / max abs(peer's), eval mode, "
        "the same random weights and batch-norm statistics; params and MACs to the unit; layers are "
        "counted by Keras alone."
    )
    return "\n".join(["# Agreement with other implementations", "", meaning, "", *notes, *lines, ""])
