"""Put what a run has found where results are kept."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from scaling.atomic_write import read_json, write_json, write_whole
from scaling.errors import ConfigError, ResultsError
from scaling.runs.folder import RunFolder
from scaling.runs.trials_table import DIGEST, PROVENANCE, digest_of, write_trials


def export_run(
    folder: RunFolder,
    target: Path,
    trials: pd.DataFrame,
    *,
    finished: bool,
    force: bool,
    parquet: bool = False,
) -> list[Path]:
    """Write a run's table, and copy what it is, its provenance and charts; proposals and records stay behind.

    Raises:
        ConfigError: results of that name are there, or Parquet was asked for and pyarrow is not installed.
        ResultsError: the run lacks a file, or the target cannot be written.
    """
    if not force and (target / "provenance.json").exists():
        raise ConfigError(f"{target} holds results already; --force replaces them, --to writes elsewhere")
    packed = _parquet(trials) if parquet else None
    document = {key: value for key, value in folder.document().items() if key != "store"}
    try:
        provenance = read_json(folder.provenance)
    except FileNotFoundError:
        raise ResultsError(f"{folder.path} has no {folder.provenance.name} yet; has the run begun?") from None
    if not provenance:
        raise ResultsError(f"cannot read {folder.provenance}: it is not a JSON object")
    written = copied(folder.path, target, sorted(folder.figures.glob("run_*")))
    write_json(target / "run.json", document)
    write_trials(target / "trials.csv", trials)
    sealed(target, provenance if finished else {**provenance, "finished": None})
    written += [target / name for name in ("run.json", "provenance.json", "trials.csv")]
    if packed is not None:
        written.append(write_whole(target / "trials.parquet", packed))
    return written


def sealed(target: Path, provenance: Mapping[str, Any]) -> None:
    """Write the provenance of exported results, with the digest of their table."""
    write_json(target / PROVENANCE, {**provenance, DIGEST: digest_of(target / "trials.csv")})


def _parquet(trials: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    try:
        trials.to_parquet(buffer, engine="pyarrow", index=False)
    except ImportError:
        raise ConfigError("Parquet needs pyarrow: pip install 'efficientnet-scaling[parquet]'") from None
    return buffer.getvalue()


def copied(folder: Path, target: Path, sources: Iterable[Path]) -> list[Path]:
    """Copy files of a folder to where results are kept, each to its place; return the copies.

    Raises:
        ResultsError: a file is not there, or the target cannot be written.
    """
    copies = []
    try:
        for source in sources:
            copy = target / source.relative_to(folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copies.append(Path(shutil.copy(source, copy)))
    except FileNotFoundError as error:
        raise ResultsError(f"{folder} has no {Path(str(error.filename)).name}") from None
    except OSError as error:
        raise ResultsError(f"cannot export to {target}: {error.strerror}") from None
    return copies
