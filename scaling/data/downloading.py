"""Getting a file from a server that may be slow, endless or wrong: bytes and seconds are bounded."""

from __future__ import annotations

import time
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from scaling.errors import DataError, printable

CHUNK = 1 << 20
TIMEOUT_S = 30
"""Without a byte."""
PATIENCE_S, LEAST_PER_S = 60.0, 1000.0
"""A server may be slower than so many bytes a second for so long."""

Report = Callable[[int, int | None], None]
"""Called with the bytes at hand and, where the server says it, of how many."""


def receive(url: str, part: Path, *, most: int, report: Report = lambda _done, _total: None) -> None:
    """Get what is missing of a file; what arrived before a connection broke is kept and continued.

    Args:
        url: of the file.
        part: of it that is here, perhaps nothing yet.
        most: bytes that the whole may have; more are not kept.
        report: called as bytes arrive.

    Raises:
        DataError: the server cannot be reached, refuses, sends more or too slowly, or broke off.
        OSError: the file cannot be written.
    """
    have = part.stat().st_size if part.is_file() else 0
    request = Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urlopen(request, timeout=TIMEOUT_S) as response, part.open("ab") as stream:
            _copy(url, response, stream, have, most, report)
    except HTTPError as error:
        error.close()
        if error.code != 416:  # "range not satisfiable": all bytes are here already
            raise DataError(f"{url} was refused: {error.code} {printable(error.reason, 100)}") from None
    except (URLError, HTTPException, TimeoutError, ConnectionError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        raise DataError(
            f"{url} could not be downloaded ({printable(str(reason), 200)}); fetching needs the internet, "
            "and the same command goes on where it stopped"
        ) from None


def _copy(url: str, response: HTTPResponse, stream: BinaryIO, have: int, most: int, report: Report) -> None:
    if have and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
        stream.truncate(0)  # the server sends the whole file, whatever was asked
        have = 0
    length = response.headers.get("Content-Length", "")
    total = have + int(length) if length.isdecimal() and len(length) < 16 else None
    began, before = time.monotonic(), have
    while chunk := response.read1(CHUNK):
        have += len(chunk)
        if max(have, total or 0) > most:
            stream.truncate(0)
            raise DataError(f"{url} is more than the {most:,} bytes that it may have; nothing was kept")
        stream.write(chunk)
        report(have, total)
        seconds = time.monotonic() - began
        if seconds > PATIENCE_S and have - before < seconds * LEAST_PER_S:
            raise DataError(f"{url} sends too slowly, {(have - before) / seconds:.0f} bytes a second")
    if total is not None and have < total:
        raise DataError(
            f"{url} broke off after {have:,} of {total:,} bytes; the same command goes on where it stopped"
        )
