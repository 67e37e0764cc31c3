"""Servers that send too much, too slowly or nonsense: bytes and seconds are bounded, nothing is believed."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import socket
import threading
import zipfile
from collections.abc import Iterable, Iterator
from itertools import repeat
from pathlib import Path

import numpy as np
import pytest

from scaling.data import downloading, fashion_mnist
from scaling.data.downloading import receive
from scaling.data.fashion_mnist import IdxFile
from scaling.errors import DataError, WeightsError
from scaling.weights import read_state

MOST = 100_000


@contextlib.contextmanager
def sending(*headers: str, body: Iterable[bytes]) -> Iterator[str]:
    """Serve one answer to one client, as long as that listens; give the address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            client, _ = listener.accept()
            with client, contextlib.suppress(OSError):
                client.recv(4096)
                client.sendall("\r\n".join(["HTTP/1.1 200 OK", *headers, "", ""]).encode())
                for piece in body:
                    client.sendall(piece)

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/file"
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture(autouse=True)
def _direct(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.mark.parametrize("headers", [(), (f"Content-Length: {10**12}",), ("Content-Length: abc",)])
def test_an_endless_body_is_left_at_its_limit(headers: tuple[str, ...], tmp_path: Path) -> None:
    part = tmp_path / "file.part"
    with (
        sending(*headers, body=repeat(bytes(10_000))) as url,
        pytest.raises(DataError, match="more than the 100,000 bytes"),
    ):
        receive(url, part, most=MOST)
    assert part.stat().st_size == 0


@pytest.mark.parametrize("length", ["abc", "-1", "", "9" * 5000, "１０"])
def test_a_length_that_is_none_is_not_believed(length: str, tmp_path: Path) -> None:
    with sending(f"Content-Length: {length}", body=[b"whole"]) as url, contextlib.suppress(DataError):
        receive(url, tmp_path / "file.part", most=MOST)
    assert (tmp_path / "file.part").read_bytes() in {b"whole", b""}


def test_a_server_that_dribbles_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloading, "PATIENCE_S", 0.3)
    done = threading.Event()

    def dribble() -> Iterator[bytes]:
        while not done.wait(0.05):
            yield b"x"

    with sending(body=dribble()) as url:
        with pytest.raises(DataError, match="too slowly"):
            receive(url, tmp_path / "file.part", most=MOST)
        done.set()


def test_images_are_not_unpacked_beyond_what_they_should_be(tmp_path: Path) -> None:
    raw = bytes([0, 0, 8, 1, 0, 0, 0, 2, 5, 7])
    file = IdxFile(name="labels", md5=hashlib.md5(raw).hexdigest(), shape=(2,))
    path = tmp_path / "labels.gz"
    path.write_bytes(gzip.compress(raw))
    assert fashion_mnist._verified(path, file) == raw
    path.write_bytes(gzip.compress(raw + bytes(10_000_000)))
    with pytest.raises(DataError, match=hashlib.md5(raw + bytes(1)).hexdigest()):
        fashion_mnist._verified(path, file)


def test_weights_are_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/0", np.zeros(10_000_000, "u1").tobytes())
    with pytest.raises(WeightsError, match="declares 10,000,000 bytes, more than it has"):
        read_state(path)
