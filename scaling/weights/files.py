"""Weight files: safetensors as our own format, pickles (tensors only) and Keras's h5 from and for others."""

from __future__ import annotations

import json
import os
import pickle
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save, save_file
from torch import Tensor

from scaling.atomic_write import write_whole
from scaling.errors import WeightsError
from scaling.network.architecture import ArchitectureSpec
from scaling.network.rounding import choice
from scaling.network.serialization import architecture_key
from scaling.weights.keras import read_h5, write_h5
from scaling.weights.schemes import WeightsSource
from scaling.weights.transfer import own_state, theirs_from_own

FORMAT = "scaling-weights-1"
_WRAPPERS = ("state_dict", "model")
"""Keys under which training scripts of timm and torchvision keep the state dict beside other things."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnWeights:
    """What our own file holds: tensors by our names; of which network, and whose, empty where unknown."""

    state: Mapping[str, Tensor]
    variant: str = ""
    source: str = ""
    architecture: str = ""


def read_state(path: Path) -> dict[str, Any]:
    """Read a state dict from .safetensors, .weights.h5, or a pickle of tensors (.pth, .pt, .bin).

    Pickles are opened with `weights_only=True`: nothing in them is run.

    Raises:
        WeightsError: the file is missing, damaged, or holds more than tensors.
    """
    _check_file(path)
    if path.suffix == ".safetensors":
        return dict(_read_safetensors(path)[0])
    if path.suffix in (".h5", ".hdf5"):
        return dict(read_h5(path))
    return _read_pickle(path)


def write_state(path: Path, spec: ArchitectureSpec, state: Mapping[str, Tensor], to: str) -> None:
    """Write exported weights for another implementation: h5 for Keras, for others a pickle or safetensors.

    The file appears whole or not at all.

    Raises:
        WeightsError: the ending does not suit the implementation, or the file cannot be written.
    """
    if choice(WeightsSource, to, "to") == WeightsSource.KERAS:
        if not path.name.endswith(".weights.h5"):
            raise WeightsError(f"Keras takes weights from files that end in .weights.h5, got {path.name!r}")
        _whole(path, lambda place: write_h5(place, spec, state), suffix=".weights.h5")
    elif path.suffix in (".safetensors", ".pth", ".pt", ".bin"):
        save_as = save_file if path.suffix == ".safetensors" else torch.save
        _whole(path, lambda place: save_as(dict(state), place), suffix=path.suffix)
    else:
        raise WeightsError(f"the output must end in .pth, .pt, .bin or .safetensors, got {path.name!r}")


def write_own(path: Path, spec: ArchitectureSpec, state: Mapping[str, Tensor], *, source: str) -> None:
    """Write weights of ours as safetensors, with the network's key, its name and the source beside them.

    The file appears whole or not at all; equal weights give equal bytes.

    Raises:
        ResultsError: the file cannot be written.
        WeightsError: the ending is another, or a tensor does not fit.
    """
    if path.suffix != ".safetensors":
        raise WeightsError(f"our own format ends in .safetensors, got {path.name!r}")
    checked = theirs_from_own(spec, own_state(spec, state, WeightsSource.OWN), WeightsSource.OWN)
    notes = {"architecture": architecture_key(spec), "variant": spec.name, "source": source}
    write_whole(path, _in_order(save(checked, metadata={"format": FORMAT, **notes})))


def _in_order(content: bytes) -> bytes:
    """Return a safetensors file with its notes sorted; the library writes them in an order of chance."""
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors begin at a multiple of 8
    return len(text).to_bytes(8, "little") + text + content[start:]


def read_own(path: Path, spec: ArchitectureSpec) -> OwnWeights:
    """Read weights of ours for a network; a file without notes is judged by its tensors alone.

    Raises:
        WeightsError: the file cannot be read, notes another network, or its tensors do not fit.
    """
    _check_file(path)
    if path.suffix != ".safetensors":
        raise WeightsError(f"our own format ends in .safetensors, got {path.name!r}")
    state, notes = _read_safetensors(path)
    key = notes.get("architecture", "")
    if key and key != architecture_key(spec):
        raise WeightsError(
            f"{path} holds weights of {notes.get('variant') or 'another network'} (architecture {key}), "
            f"not of {spec.name} ({architecture_key(spec)})"
        )
    return OwnWeights(
        state=own_state(spec, state, WeightsSource.OWN),
        variant=notes.get("variant", ""),
        source=notes.get("source", ""),
        architecture=key,
    )


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise WeightsError(f"expected a file of weights, got {path}, which is not one")


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} is not a safetensors file: {error}") from None


def _read_pickle(path: Path) -> dict[str, Any]:
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                declared = sum(one.file_size for one in archive.infolist())
            if declared > path.stat().st_size:  # torch.save compresses nothing
                raise ValueError(f"it declares {declared:,} bytes, more than it has")
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise WeightsError(
            f"{path} holds more than tensors, or is damaged; only pickles of tensors are opened"
        ) from None
    except (OSError, EOFError, RuntimeError, ValueError, LookupError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{path} is not a file that torch.save wrote: {error}") from None
    for key in _WRAPPERS:
        if isinstance(loaded, dict) and isinstance(loaded.get(key), dict):
            loaded = loaded[key]
    if not isinstance(loaded, dict):
        raise WeightsError(f"{path} must hold a state dict, got {type(loaded).__name__}")
    return {str(name): value for name, value in loaded.items()}


def _whole(path: Path, write: Callable[[Path], object], *, suffix: str) -> None:
    """Write beside the place and rename, so that no reader ever meets half a file."""
    beside = path.with_name(f".{path.name}.{os.getpid()}{suffix}")
    try:
        write(beside)
        beside.replace(path)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise WeightsError(f"{path} cannot be written: {error}") from None
    finally:
        beside.unlink(missing_ok=True)
