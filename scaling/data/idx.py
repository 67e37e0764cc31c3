"""The idx format of MNIST and its heirs, parsed strictly."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from scaling.errors import DataError

_UNSIGNED_BYTE = 0x08


def read_bytes(file: Path) -> bytes:
    """Return the contents of a file, uncompressed if its name ends in .gz.

    Raises:
        DataError: it cannot be read or is not a whole gzip file.
    """
    try:
        raw = file.read_bytes()
        return gzip.decompress(raw) if file.suffix == ".gz" else raw
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{file} cannot be read: {error}") from None


def parse_idx(raw: bytes, *, shape: tuple[int, ...], where: str) -> np.ndarray:
    """Parse an idx file of unsigned bytes that must have this very shape.

    Raises:
        DataError: magic number, dimensions or length differ.

    Source: the idx description on the MNIST page: two zero bytes, type, number of dimensions, then each
        dimension as a big-endian 32-bit integer, then the values.

    >>> parse_idx(bytes([0, 0, 8, 1, 0, 0, 0, 2, 5, 7]), shape=(2,), where="example")
    array([5, 7], dtype=uint8)
    """
    header = 4 + 4 * len(shape)
    magic = bytes([0, 0, _UNSIGNED_BYTE, len(shape)])
    if raw[:4] != magic:
        raise DataError(
            f"{where} must begin with the bytes {magic.hex(' ')}, got {raw[:4].hex(' ') or 'none'}"
        )
    if len(raw) < header:
        raise DataError(f"{where} ends inside its header of {header} bytes, got {len(raw)}")
    found = struct.unpack(f">{len(shape)}I", raw[4:header])
    if found != shape:
        raise DataError(f"{where} must have the dimensions {shape}, got {found}")
    if len(raw) != header + math.prod(shape):
        raise DataError(f"{where} must be {header + math.prod(shape):,} bytes long, got {len(raw):,}")
    return np.frombuffer(raw, np.uint8, offset=header).reshape(shape)
