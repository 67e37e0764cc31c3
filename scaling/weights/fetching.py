"""Fetching released weights: found in the cache or downloaded, checked, resumed. Needs the internet once.

timm's files come through huggingface_hub, if it is installed. The others are plain files on web servers;
their names carry the first digits of their SHA-256, as torch.hub expects. torch.hub itself begins an
interrupted download anew, hence `download` here.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from scaling.data.downloading import TIMEOUT_S, Report, receive
from scaling.data.locations import cache_folder
from scaling.errors import ConfigError, DataError
from scaling.network.published import published

HUB = "hub:"
MOST_BYTES = 4 * 2**30
"""Of a file of weights; the largest, of l2, has 2 GB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightFile:
    """One released file of weights.

    Args:
        peer: whose names and layout its tensors have.
        variant: such as b4.
        tag: the source's name of the training, such as IMAGENET1K_V1.
        place: address of the folder it lies in, or hub: and a repository of huggingface.co.
        file: its name.
        sha256_prefix: first hexadecimal digits of its SHA-256; empty where the hub itself gives the whole.
        source: where this was read.
    """

    peer: str
    variant: str
    tag: str
    place: str
    file: str
    sha256_prefix: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedFile:
    """A file of weights on this computer.

    Args:
        sha256: of the file as it is here.
        checked: what of its SHA-256 was known before, and agreed; a server that gives a file and its checksum
            vouches for the way, not for itself.
    """

    path: Path
    sha256: str
    checked: str


def released_files() -> tuple[WeightFile, ...]:
    """Return every released file that can be fetched, the first of a peer and variant being its default.

    >>> {file.peer for file in released_files()} == {"torchvision", "efficientnet-pytorch", "timm", "timm-tf"}
    True
    """
    return tuple(WeightFile(**row) for row in published("weight_files"))


def released_file(peer: str, variant: str, tag: str | None = None) -> WeightFile:
    """Return where the released weights of a peer and variant lie.

    Args:
        peer: torchvision, efficientnet-pytorch, timm (trained in torch) or timm-tf (ported from TensorFlow).
        variant: b0 to b7; timm has b0 to b4, timm-tf also b8 and l2.
        tag: one training of several, such as IMAGENET1K_V2; default the first.

    Raises:
        ConfigError: nothing is known to be released under that name.

    >>> released_file("torchvision", "b1").file
    'efficientnet_b1_rwightman-bac287d4.pth'
    """
    files = [file for file in released_files() if file.peer == peer]
    if not files:
        known = ", ".join(dict.fromkeys(file.peer for file in released_files()))
        raise ConfigError(f"released weights can be fetched from {known}; got {peer!r}")
    name = variant.lower().removeprefix("efficientnet-")
    of_variant = [file for file in files if file.variant == name]
    if not of_variant:
        known = ", ".join(dict.fromkeys(file.variant for file in files))
        raise ConfigError(f"{peer} has released weights of {known}; got {variant!r}")
    for file in of_variant:
        if tag in (None, file.tag):
            return file
    known = ", ".join(file.tag for file in of_variant)
    raise ConfigError(f"{peer} has released {name} as {known}; got {tag!r}")


def fetch(
    file: WeightFile, *, cache_dir: Path | None = None, report: Report = lambda _done, _total: None
) -> FetchedFile:
    """Return a released file of weights, from the cache if it is there, else downloaded and checked.

    Args:
        file: as `released_file` gives it.
        cache_dir: default as for data sets; files go to its folder `weights`.
        report: called as bytes arrive (the hub's client shows its own progress).

    Raises:
        DataError: it cannot be fetched, or its checksum is wrong; a wrong file is not kept.
    """
    folder = cache_folder(cache_dir) / "weights"
    if file.place.startswith(HUB):
        return _fetch_from_hub(file, folder / "hub")
    target = folder / file.peer / file.file
    return download(f"{file.place}/{file.file}", target, sha256_prefix=file.sha256_prefix, report=report)


def download(
    url: str, target: Path, *, sha256_prefix: str, report: Report = lambda _done, _total: None
) -> FetchedFile:
    """Download a file unless it is there; what an interrupted download left is kept and continued.

    Bytes arrive in a file beside the target, which is renamed when the checksum agrees.

    Raises:
        DataError: the server cannot be reached or refuses, the download broke off, the checksum is wrong, or
            the folder cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{target}.lock", timeout=TIMEOUT_S):
            return _download(url, target, sha256_prefix, report)
    except Timeout:
        raise DataError(
            f"{target} is being downloaded by another process; try again when it is done"
        ) from None
    except OSError as error:
        raise DataError(f"{target} cannot be written: {error.strerror or error}") from None


def _download(url: str, target: Path, sha256_prefix: str, report: Report) -> FetchedFile:
    known = f"agrees with the {len(sha256_prefix)} hexadecimal digits of its SHA-256 in its name"
    if target.is_file():
        digest = sha256_of(target)
        if digest.startswith(sha256_prefix):
            return FetchedFile(path=target, sha256=digest, checked=known)
        target.unlink()  # damaged since it was checked
    part = target.with_name(f"{target.name}.part")
    receive(url, part, most=MOST_BYTES, report=report)
    digest = sha256_of(part)
    if not digest.startswith(sha256_prefix):
        part.unlink()
        raise DataError(
            f"{url} has a wrong checksum: expected SHA-256 {sha256_prefix}…, got {digest[:16]}…; "
            "nothing was kept"
        )
    part.replace(target)
    return FetchedFile(path=target, sha256=digest, checked=known)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _fetch_from_hub(file: WeightFile, cache: Path) -> FetchedFile:
    """Fetch through huggingface_hub, which caches and resumes; check the SHA-256 that the hub announced."""
    try:
        client = importlib.import_module("huggingface_hub")
    except ImportError:
        raise DataError(
            "timm's weights lie on huggingface.co; install its client: pip install huggingface_hub"
        ) from None
    repository, endpoint = file.place.removeprefix(HUB), os.environ.get("HF_ENDPOINT")
    try:
        path = Path(client.hf_hub_download(repository, file.file, cache_dir=cache, endpoint=endpoint))
    except Exception as error:  # the client raises errors of several libraries
        first_line = (str(error).splitlines() or [""])[0]
        raise DataError(
            f"{repository} could not be fetched ({type(error).__name__}: {first_line}); fetching needs the "
            "internet, and the same command goes on where it stopped"
        ) from None
    # Stored in git-lfs, a file's entity tag is its SHA-256, and the client names the cached bytes by the tag.
    digest, announced = sha256_of(path), path.resolve().name
    known = re.fullmatch("[0-9a-f]{64}", announced) is not None
    if known and announced != digest:
        path.resolve().unlink()
        path.unlink(missing_ok=True)
        raise DataError(
            f"{repository}/{file.file} has a wrong checksum: expected SHA-256 {announced[:16]}…, got "
            f"{digest[:16]}…; it was removed from the cache"
        )
    checked = "agrees with the SHA-256 that its own server gave" if known else "no checksum was given"
    return FetchedFile(path=path, sha256=digest, checked=checked)
