"""Downloads from a server of the test's own: checksums, broken connections, resuming, being offline."""

from __future__ import annotations

import hashlib
import importlib
import json
import random
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner

import scaling.cli.weights
from scaling.errors import ConfigError, DataError
from scaling.weights import fetching
from scaling.weights.fetching import download, fetch, released_file, released_files, sha256_of

CONTENT = random.Random(0).randbytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
COMMIT = "0" * 40


@dataclass
class Server:
    """One file under every address; what it does can be changed while it runs."""

    content: bytes = CONTENT
    status: int | None = None
    break_after: int | None = None
    ranges: bool = True
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    address: str = ""


def handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.begin(0, 200)

        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            server.asked.append((self.path, wanted))
            if server.status is not None:
                self.send_error(server.status)
                return
            start = int(wanted.removeprefix("bytes=").split("-")[0]) if wanted and server.ranges else 0
            if start and start >= len(server.content):
                self.send_error(416)
                return
            self.begin(start, 206 if start else 200)
            rest = server.content[start:]
            self.wfile.write(rest if server.break_after is None else rest[: server.break_after])
            self.close_connection = True

        def begin(self, start: int, status: int) -> None:
            size = len(server.content)
            self.send_response(status)
            self.send_header("Content-Length", str(size - start))
            self.send_header("ETag", f'"{SHA256}"')
            self.send_header("X-Repo-Commit", COMMIT)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    plan = Server()
    running = ThreadingHTTPServer(("127.0.0.1", 0), handler(plan))
    plan.address = f"http://127.0.0.1:{running.server_port}"
    thread = Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield plan
    running.shutdown()
    thread.join()
    running.server_close()


def get(server: Server, folder: Path, prefix: str = SHA256[:8]) -> fetching.FetchedFile:
    return download(f"{server.address}/weights.pth", folder / "weights.pth", sha256_prefix=prefix)


def test_a_file_comes_once_and_stays(server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "made" / "on the way"
    seen: list[tuple[int, int | None]] = []
    found = download(
        f"{server.address}/weights.pth",
        folder / "weights.pth",
        sha256_prefix=SHA256[:8],
        report=lambda done, total: seen.append((done, total)),
    )
    assert found.path.read_bytes() == CONTENT
    assert found.sha256 == SHA256
    assert "8 hexadecimal digits" in found.checked
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert get(server, folder) == found
    assert server.asked == [("/weights.pth", None)]


def test_an_interrupted_download_goes_on(server: Server, tmp_path: Path) -> None:
    server.break_after = 100_000
    for done in (100_000, 200_000):
        with pytest.raises(DataError, match=f"broke off after {done:,} of 300,000 bytes"):
            get(server, tmp_path)
        assert not (tmp_path / "weights.pth").exists()
    server.break_after = None
    assert get(server, tmp_path).path.read_bytes() == CONTENT
    assert [wanted for _, wanted in server.asked] == [None, "bytes=100000-", "bytes=200000-"]
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize(
    ("name", "there", "ranges"),
    [
        ("weights.pth.part", b"something else entirely", False),  # and the server cannot resume
        ("weights.pth.part", CONTENT, True),
        ("weights.pth", CONTENT[:-1] + b"x", True),  # damaged in the cache
    ],
    ids=["no ranges", "all there", "damaged"],
)
def test_what_was_there_does_no_harm(
    server: Server, tmp_path: Path, name: str, there: bytes, ranges: bool
) -> None:
    server.ranges = ranges
    (tmp_path / name).write_bytes(there)
    assert get(server, tmp_path).path.read_bytes() == CONTENT


def test_a_wrong_checksum_keeps_nothing(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"wrong checksum: expected SHA-256 00000000…, got {SHA256[:16]}…"):
        get(server, tmp_path, "00000000")
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".lock"] == []


def test_a_rotten_beginning_is_found_and_the_next_try_is_right(server: Server, tmp_path: Path) -> None:
    (tmp_path / "weights.pth.part").write_bytes(bytes(1000))
    with pytest.raises(DataError, match="wrong checksum"):
        get(server, tmp_path)
    assert get(server, tmp_path).path.read_bytes() == CONTENT


def test_a_refusal_is_one_line(server: Server, tmp_path: Path) -> None:
    server.status = 404
    with pytest.raises(DataError, match="was refused: 404 Not Found") as caught:
        get(server, tmp_path)
    assert "\n" not in str(caught.value)


def test_offline_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/weights.pth"
    with pytest.raises(DataError, match="fetching needs the internet") as caught:
        download(address, tmp_path / "weights.pth", sha256_prefix="00000000")
    assert "\n" not in str(caught.value)


def test_a_folder_that_cannot_be_made(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot be written"):
        get(server, tmp_path / "file")


def test_fetch_finds_its_place_in_the_cache(server: Server, tmp_path: Path) -> None:
    file = replace(
        released_file("torchvision", "b0"), place=f"{server.address}/models", sha256_prefix=SHA256[:8]
    )
    found = fetch(file, cache_dir=tmp_path)
    assert found.path == tmp_path / "weights" / "torchvision" / file.file
    assert server.asked == [(f"/models/{file.file}", None)]


def test_every_released_file_is_named_and_checkable() -> None:
    files = released_files()
    assert len({(file.peer, file.variant, file.tag) for file in files}) == len(files)
    for file in files:
        hub = file.place.startswith("hub:timm/")
        assert hub or file.place.startswith("https://")
        assert hub == (file.sha256_prefix == "")
        assert hub or (len(file.sha256_prefix) == 8 and f"-{file.sha256_prefix}." in file.file)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("keras", "b0"), "from torchvision, efficientnet-pytorch, timm, timm-tf; got 'keras'"),
        (("torchvision", "b8"), "torchvision has released weights of b0, .*b7; got 'b8'"),
        (("torchvision", "b1", "V9"), "released b1 as IMAGENET1K_V1, IMAGENET1K_V2; got 'V9'"),
    ],
)
def test_what_is_not_released_is_said(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        released_file(*arguments)


def test_the_tag_chooses() -> None:
    assert released_file("torchvision", "b1", "IMAGENET1K_V2").sha256_prefix == "c27df63c"
    assert released_file("efficientnet-pytorch", "efficientnet-b0").tag == "standard"


def test_without_the_hub_client_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(DataError, match="pip install huggingface_hub"):
        fetch(released_file("timm-tf", "b4"), cache_dir=tmp_path)


def test_the_command_says_where_the_file_lies(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = replace(released_file("torchvision", "b0"), place=server.address, sha256_prefix=SHA256[:8])
    monkeypatch.setattr(scaling.cli.weights, "released_file", lambda *_: here)
    arguments = ["b0", "--from", "torchvision", "--cache-dir", str(tmp_path)]
    outcome = CliRunner().invoke(scaling.cli.weights.fetch, [*arguments, "--json"])
    document = json.loads(outcome.stdout)
    assert Path(document["path"]).read_bytes() == CONTENT
    assert (document["sha256"], document["tag"]) == (SHA256, "IMAGENET1K_V1")
    text = CliRunner().invoke(scaling.cli.weights.fetch, arguments).stdout
    assert f"scaling weights import {document['path']} --from torchvision --variant b0" in text


def test_the_command_names_what_is_not_released() -> None:
    outcome = CliRunner().invoke(scaling.cli.weights.fetch, ["b8", "--from", "torchvision"])
    assert isinstance(outcome.exception, ConfigError)


@pytest.fixture
def hub(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    monkeypatch.setenv("HF_ENDPOINT", server.address)
    constants = importlib.import_module("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    # The client keeps whole chunks of an interrupted download; its own are 10 MB.
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 50_000)
    return server


def test_the_hub_caches_and_is_checked(hub: Server, tmp_path: Path) -> None:
    file = released_file("timm-tf", "b0")
    found = fetch(file, cache_dir=tmp_path)
    assert found.path.read_bytes() == CONTENT
    assert found.sha256 == SHA256
    assert "its own server" in found.checked
    assert fetch(file, cache_dir=tmp_path) == found
    asked = [path for path, _ in hub.asked if "/resolve/" in path]
    assert asked == ["/timm/tf_efficientnet_b0.aa_in1k/resolve/main/model.safetensors"]


def test_the_hub_goes_on_after_a_broken_connection(hub: Server, tmp_path: Path) -> None:
    hub.break_after = 160_000
    assert fetch(released_file("timm", "b1"), cache_dir=tmp_path).path.read_bytes() == CONTENT
    wanted = [wanted for path, wanted in hub.asked if "/resolve/" in path]
    assert wanted[0] is None
    assert wanted[-1] is not None
    assert wanted[-1].startswith("bytes=150000-")


def test_the_hub_sends_something_else(hub: Server, tmp_path: Path) -> None:
    hub.content = bytes(len(CONTENT))
    file = released_file("timm", "b0")
    with pytest.raises(DataError, match="wrong checksum: expected SHA-256"):
        fetch(file, cache_dir=tmp_path)
    hub.content = CONTENT
    assert sha256_of(fetch(file, cache_dir=tmp_path).path) == SHA256


def test_the_hub_is_switched_off(hub: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    constants = importlib.import_module("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(DataError, match="fetching needs the internet") as caught:
        fetch(released_file("timm-tf", "b0"), cache_dir=tmp_path)
    assert "\n" not in str(caught.value)
    assert hub.asked == []


@pytest.mark.slow  # the client tries again for half a minute
def test_the_hub_is_out_of_reach(hub: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(DataError, match="could not be fetched") as caught:
        fetch(released_file("timm-tf", "b0"), cache_dir=tmp_path)
    assert "\n" not in str(caught.value)
    assert hub.asked == []
