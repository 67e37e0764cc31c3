"""Checkpoints: whole or absent, verified when read, never running code."""

from __future__ import annotations

import hashlib
import io
import logging
import pickle
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from scaling.atomic_write import read_regular, whole_file
from scaling.errors import ResultsError

MAGIC = b"scaling checkpoint 1\n"
LARGEST = 2**40
"""Bytes; only what is no regular file is larger."""
_DIGEST = 64
log = logging.getLogger(__name__)


class CheckpointError(ResultsError):
    """A checkpoint that is torn, or another training's."""


def before(path: Path) -> Path:
    """Return where the checkpoint before the last one lies.

    >>> before(Path("runs/x.checkpoint")).name
    'x.checkpoint.before'
    """
    return path.with_name(f"{path.name}.before")


def save_checkpoint(path: Path, state: Mapping[str, Any], identity: Mapping[str, str]) -> None:
    """Write a checkpoint beside the last one, then rename both; at every moment one of them is whole.

    Raises:
        ResultsError: the disk is full, or the folder cannot be written; earlier checkpoints are untouched.
    """
    buffer = io.BytesIO()
    torch.save({"identity": dict(identity), "state": dict(state)}, buffer)
    payload = buffer.getbuffer()
    with whole_file(path) as file:
        file.write(MAGIC + hashlib.sha256(payload).hexdigest().encode() + b"\n")
        file.write(payload)
        file.flush()
        with suppress(FileNotFoundError):  # there is none yet, or another writer has just moved it
            path.replace(before(path))


def load_checkpoint(path: Path, identity: Mapping[str, str]) -> dict[str, Any]:
    """Read and verify one checkpoint.

    Raises:
        CheckpointError: the file is torn, is no checkpoint, or belongs to another training; it says which.
        FileNotFoundError: there is none.
    """
    try:
        content = read_regular(path, LARGEST)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise CheckpointError(f"it cannot be read ({error.strerror})") from None
    if not content.startswith(MAGIC):
        raise CheckpointError("it is not a checkpoint of this program")
    digest, payload = content[len(MAGIC) : len(MAGIC) + _DIGEST], content[len(MAGIC) + _DIGEST + 1 :]
    if hashlib.sha256(payload).hexdigest().encode() != digest:
        raise CheckpointError("it is torn: its checksum does not fit")
    try:
        document = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
        found, state = document["identity"], document["state"]
    except (pickle.UnpicklingError, RuntimeError, LookupError, TypeError, ValueError, EOFError) as error:
        raise CheckpointError(f"it cannot be read ({type(error).__name__})") from None
    for key in identity:
        if found.get(key) != identity[key]:
            raise CheckpointError(f"it belongs to another training: {key} not the same")
    return dict(state)


def latest_checkpoint(path: Path, identity: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the newest usable state, or None; each one that is refused gets one line in the log."""
    for candidate in (path, before(path)):
        try:
            return load_checkpoint(candidate, identity)
        except FileNotFoundError:
            continue
        except CheckpointError as error:
            log.warning("checkpoint %s is refused: %s", candidate, error)
    return None


def delete_checkpoint(path: Path) -> None:
    """Remove a checkpoint and the one before it, when what they led to is kept elsewhere."""
    path.unlink(missing_ok=True)
    before(path).unlink(missing_ok=True)
