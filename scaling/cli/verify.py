"""`scaling verify`: every installed implementation against this package, variant by variant."""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import pandas as pd

from scaling.agreement import PEERS, TOLERANCE, Agreement, peer_installed, peer_version
from scaling.agreement import verify as verify_peer
from scaling.atomic_write import write_json, write_text
from scaling.cli.options import PATH
from scaling.cli.output import Columns, answer, console, counting_bars, json_option, table_by
from scaling.errors import ConfigError
from scaling.network.families import variant as official_variant
from scaling.provenance import provenance, utc_now

VARIANTS = "b0,b1,b2,b3,b4,b5,b6,b7"
NATIVE = "native"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settings:
    variants: tuple[str, ...]
    peers: tuple[str, ...]
    image_size: int | None
    images: int
    seed: int

    def document(self) -> dict[str, Any]:
        plain = asdict(self)
        return {**plain, "image_size": NATIVE if self.image_size is None else self.image_size}


def _pixels(_context: click.Context, _parameter: click.Parameter, text: str) -> int | None:
    """Read a whole number of pixels; None is the variant's own size."""
    if text == NATIVE:
        return None
    try:
        return int(text)
    except ValueError:
        raise click.BadParameter(f"expected a whole number of pixels or {NATIVE!r}, got {text!r}") from None


@click.command()
@click.option("--variants", default=VARIANTS, help="Comma-separated; default b0 to b7.")
@click.option("--peers", default=",".join(PEERS), help=f"Comma-separated; default {', '.join(PEERS)}.")
@click.option(
    "--image-size", callback=_pixels, default="64", show_default=True, help="Odd or even, from 32, or native."
)
@click.option("--images", type=click.IntRange(min=1), default=3, show_default=True, help="At once.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of weights, statistics and images.")
@click.option("--output", type=PATH, help="Folder for table and provenance.")
@json_option
def verify(variants: str, peers: str, output: Path | None, as_json: bool, **how: Any) -> None:
    """Compare logits of other implementations from the same random weights, and their counts.

    Exit code 1 if a difference in float64 is above 1e-9, or parameters, multiply-adds or layers differ.
    """
    settings = _Settings(variants=_listed(variants), peers=_listed(peers), **how)
    for name in settings.variants:
        official_variant(name)
    started = utc_now()
    installed = [peer for peer in settings.peers if peer_installed(peer)]
    missing = [peer for peer in settings.peers if peer not in installed]
    if not installed:
        why = f"none of {', '.join(missing)} is installed" if missing else "name a peer with --peers"
        raise ConfigError(f"there is nothing to compare with: {why}")
    found = _verified(settings, installed)
    if output is not None:
        _write(output, found, missing, settings, started)
    agree, rows = all(row.agrees for row in found), [_plain(row) for row in found]
    document = {**settings.document(), "agree": agree, "not_installed": missing, "agreement": rows}
    answer(document, as_json, lambda: _show(found, missing))
    if not agree:
        sys.exit(1)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip()))


def _verified(settings: _Settings, peers: Sequence[str]) -> list[Agreement]:
    found = []
    with counting_bars() as bars:
        bar = bars.add_task("verify", total=len(settings.variants) * len(peers))
        for name in settings.variants:
            for peer in peers:
                bars.update(bar, description=f"{name} {peer}")
                row = verify_peer(
                    peer,
                    name,
                    image_size=settings.image_size,
                    images=settings.images,
                    seed=settings.seed,
                )
                found.append(row)
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


def _by_variant(found: Sequence[Agreement]) -> list[list[Agreement]]:
    names = dict.fromkeys(row.variant for row in found)
    return [[row for row in found if row.variant == name] for name in names]


def _show(found: Sequence[Agreement], missing: Sequence[str]) -> None:
    columns: Columns = {
        "peer": "{row.peer}",
        "params": lambda row: _word(row.params_equal),
        "MACs": lambda row: _word(row.macs_equal),
        "layers": lambda row: _word(row.layers_equal),
        "float64": "{row.max_relative_float64:.1e}",
        "float32": "{row.max_relative_float32:.1e}",
    }
    for rows in _by_variant(found):
        ours = rows[0]
        console.print(
            f"[bold]{ours.variant}[/bold] at {ours.image_size} px: {ours.params:,} params, "
            f"{ours.macs:,} multiply-adds, {ours.layers} layers"
        )
        console.print(table_by(columns, rows))
        console.print()
    if missing:
        console.print(f"not installed: {', '.join(missing)}")
    different = [row for row in found if not row.agrees]
    for row in different:
        console.print(f"{row.variant} {row.peer} differs")
    if found and not different:
        console.print(f"{len(found)} comparison(s) agree: float64 differs by at most {TOLERANCE:g}.")


def _write(
    folder: Path, found: Sequence[Agreement], missing: Sequence[str], settings: _Settings, started: str
) -> None:
    frame = pd.DataFrame([_plain(row) for row in found])
    write_text(folder / "agreement.csv", frame.to_csv(index=False, lineterminator="\n"))
    write_text(folder / "agreement.md", _markdown(found, missing, settings))
    config = settings.document()
    document = provenance(
        config=config,
        config_key=hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:16],
        command=sys.argv,
        device="cpu",
        data_checksums={},
        started=started,
        finished=utc_now(),
        peers={peer: peer_version(peer) for peer in settings.peers},
    )
    write_json(folder / "provenance.json", document)


def _markdown(found: Sequence[Agreement], missing: Sequence[str], settings: _Settings) -> str:
    notes = [f"Not installed: {', '.join(missing)}.", ""] if missing else []
    meaning = (
        "Largest relative difference of logits in float64, max abs(ours − theirs) / max abs(theirs), eval "
        f"mode, {settings.images} random image(s), the same random weights and batch-norm statistics carried "
        "both ways. Every cell also says that params and multiply-adds are equal to the unit, and with Keras "
        f"every layer's name, shape and weights. At most in float32: {_largest_float32(found)}."
    )
    return "\n".join(["# Agreement with other implementations", "", matrix(found), "", meaning, "", *notes])


def matrix(found: Sequence[Agreement]) -> str:
    """Return variants × peers as a Markdown table: our counts, and the difference from each peer."""
    rows = []
    for of_variant in _by_variant(found):
        ours = of_variant[0]
        counts = {
            "variant": ours.variant.upper(),
            "image": str(ours.image_size),
            "params": f"{ours.params:,}",
        }
        counts |= {"multiply-adds": f"{ours.macs:,}", "layers": str(ours.layers)}
        rows.append(counts | {row.peer: _cell(row) for row in of_variant})
    table = pd.DataFrame(rows)
    align = ["left"] + ["right"] * (len(table.columns) - 1)
    return str(table.to_markdown(index=False, disable_numparse=True, colalign=align)) if rows else ""


def _cell(row: Agreement) -> str:
    if not row.agrees:
        return "DIFFERS"
    return f"{row.max_relative_float64:.0e}" if row.max_relative_float64 else "0"


def _largest_float32(found: Sequence[Agreement]) -> str:
    return f"{max((row.max_relative_float32 for row in found), default=math.nan):.0e}"
