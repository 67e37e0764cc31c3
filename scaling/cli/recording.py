"""Provenance of a run, written before training and completed at its end."""

from __future__ import annotations

import json
import sys
from typing import Any

from scaling.atomic_write import write_json
from scaling.data import checksum, dataset_info
from scaling.provenance import provenance, utc_now
from scaling.search.config import SearchConfig
from scaling.search.folder import RunFolder
from scaling.search.objective import images
from scaling.training.engine import best_device


def start_record(config: SearchConfig, folder: RunFolder) -> dict[str, Any]:
    """Write provenance before training; the data are loaded here, so that what is missing shows now."""
    size = config.baseline_spec.image_size
    checksums = {
        f"{split} at {size} px": checksum(images(config, split, size)) for split in ("train", "validation")
    }
    record = provenance(
        config=config.document(),
        config_key=config.key(),
        command=sys.argv,
        device=str(best_device(config.search.device)),
        data_checksums=checksums,
        started=utc_now(),
        finished=None,
        dataset_source=dataset_info(config.data.name).source,
    )
    record["launches"] = [
        *_earlier_launches(folder),
        {"started": record["started"], "commit": record["commit"]},
    ]
    record["started"] = record["launches"][0]["started"]
    write_json(folder.provenance, record)
    return record


def _earlier_launches(folder: RunFolder) -> list[dict[str, Any]]:
    """Return when, and by which code, this run was launched before; a damaged record counts as none."""
    try:
        launches = json.loads(folder.provenance.read_text(encoding="utf-8"))["launches"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return launches if isinstance(launches, list) else []
