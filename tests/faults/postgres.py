"""A PostgreSQL server of the test's own: loopback only, a free port, a password, a folder that goes away."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PASSWORD = "open:sesame/{42}%@"  # every character that a URL could break on
USER, DATABASE = "scaling", "postgres"


def binaries() -> Path:
    """Debian keeps the server's programs apart, by version."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    on_path = shutil.which("initdb")
    assert found or on_path, "PostgreSQL is not installed: apt-get install postgresql"
    return found[-1] if found else Path(str(on_path)).parent


def unprivileged() -> dict[str, int]:
    """PostgreSQL refuses to run as root; its package brings a user."""
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam("postgres")
    return {"user": entry.pw_uid, "group": entry.pw_gid}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(slots=True, kw_only=True)
class Server:
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        arguments = ["-D", str(self.folder / "data"), "-k", str(self.folder), "-p", str(self.port)]
        settings = ["listen_addresses=127.0.0.1", "fsync=off", "max_connections=60"]
        arguments += [part for setting in settings for part in ("-c", setting)]
        with (self.folder.parent / f"{self.folder.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(binaries() / "postgres"), *arguments],
                stdout=log, stderr=log, cwd="/", extra_groups=[] if unprivileged() else None,
                **unprivileged(),
            )  # fmt: skip
        ready = [str(binaries() / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        end = time.monotonic() + 60
        while subprocess.run(ready, check=False).returncode != 0:
            assert self.process.poll() is None, "the server left at once"
            assert time.monotonic() < end, "the server does not come up"
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT is PostgreSQL's fast shutdown: every connection is cut. SIGQUIT is as a crash."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(60)
            self.process = None

    @property
    def url(self) -> str:
        from sqlalchemy import URL  # noqa: PLC0415

        made = URL.create(
            "postgresql+psycopg",
            username=USER, password=PASSWORD, host="127.0.0.1", port=self.port, database=DATABASE,
        )  # fmt: skip
        return made.render_as_string(hide_password=False)


@contextmanager
def server() -> Iterator[Server]:
    """Make a cluster of databases in a temporary folder, serve it, and remove it."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        who = unprivileged()
        secret = folder / "secret"
        secret.write_text(PASSWORD)
        if who:
            for path in (folder, secret):
                os.chown(path, who["user"], who["group"])
        subprocess.run(
            [
                str(binaries() / "initdb"), "-D", str(folder / "data"), "-U", USER, "--no-sync",
                "--auth=scram-sha-256", f"--pwfile={secret}", "--encoding=UTF8", "--locale=C",
            ],
            check=True, stdout=subprocess.DEVNULL, cwd="/", extra_groups=[] if who else None, **who,
        )  # fmt: skip
        made = Server(folder=folder, port=free_port())
        made.start()
        try:
            yield made
        finally:
            made.stop(signal.SIGQUIT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        folder.with_name(f"{folder.name}.log").unlink(missing_ok=True)


def fresh_database(running: Server, name: str) -> str:
    """Make a database of the test's own in the running server."""
    from sqlalchemy import create_engine, make_url, text  # noqa: PLC0415

    url = make_url(running.url)
    name = "".join(letter if letter.isalnum() else "_" for letter in name.lower())
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    engine.dispose()
    return url.set(database=name).render_as_string(hide_password=False)
