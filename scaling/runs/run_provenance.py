"""Provenance of a run: written before training, completed at its end; every launch stays listed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from scaling.atomic_write import read_json, write_json
from scaling.data import dataset_info
from scaling.errors import ResultsError
from scaling.provenance import provenance, utc_now
from scaling.runs.folder import RunFolder
from scaling.runs.job import Job


def start_provenance(
    folder: RunFolder, config: Mapping[str, Any], key: str, example: Job, **more: object
) -> dict[str, Any]:
    """Write provenance before training; the data are loaded here, so that what is missing shows now.

    Raises:
        DataError: the data are missing, or hold fewer images.
        ResultsError: the folder cannot be written.
    """
    size = example.spec.image_size
    sums = zip(("train", "validation"), example.checksums(), strict=True)
    record = provenance(
        config=dict(config),
        config_key=key,
        command=sys.argv,
        device=example.device,
        data_checksums={f"{split} at {size} px": checksum for split, checksum in sums},
        started=utc_now(),
        finished=None,
        dataset_source=dataset_info(example.data.name).source,
        **more,
    )
    launch = {"started": record["started"], "commit": record["commit"]}
    record["launches"] = [*launches(folder), launch]
    record["started"] = record["launches"][0]["started"]
    write_json(folder.provenance, record)
    return record


def finish_provenance(folder: RunFolder, record: Mapping[str, Any], *, finished: bool) -> None:
    """Write provenance at the end of a launch; of a run that goes on it has no end."""
    write_json(folder.provenance, {**record, "finished": utc_now() if finished else None})


def is_ended(folder: RunFolder) -> bool:
    """Whether the provenance of a run has an end; a damaged one has none."""
    return bool(recorded(folder).get("finished"))


def launches(folder: RunFolder) -> list[dict[str, Any]]:
    """Return when, and by which code, a run was launched so far; a damaged file counts as none."""
    found = recorded(folder).get("launches")
    return found if isinstance(found, list) else []


def recorded(folder: RunFolder) -> dict[str, Any]:
    """Return the provenance of the last launch; empty where there was none, or it is damaged."""
    try:
        return read_json(folder.provenance)
    except (FileNotFoundError, ResultsError):
        return {}
