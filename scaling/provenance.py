"""Where a result comes from: code, configuration, machine, versions, times."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("efficientnet-scaling", "torch", "optuna", "fvcore", "numpy", "pandas", "scipy", "matplotlib")


def provenance(
    *,
    config: dict[str, Any],
    config_key: str,
    command: list[str],
    device: str,
    data_checksums: dict[str, str],
    started: str,
    finished: str | None,
    **more: object,
) -> dict[str, Any]:
    """Return the provenance of a run as plain data.

    Args:
        config: the resolved configuration.
        config_key: its hash.
        command: as typed, program first.
        device: what trained.
        data_checksums: SHA-256 by split.
        started: UTC, ISO 8601.
        finished: likewise, or None while the run goes on.
        more: whatever else the run knows of itself, as plain data.
    """
    commit, dirty = code_version()
    return {
        "schema_version": 1,
        "commit": commit,
        "dirty": dirty,
        "command": [Path(command[0]).name, *command[1:]] if command else [],
        "config_key": config_key,
        "config": config,
        "device": device,
        "processor": processor(),
        "cores": os.cpu_count(),
        "platform": platform.platform(),
        "python": sys.version.split()[0],
        "packages": {name: package_version(name) for name in PACKAGES},
        "data_checksums": data_checksums,
        "started": started,
        "finished": finished,
        **more,
    }


def utc_now() -> str:
    """Return the time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def code_version() -> tuple[str | None, bool | None]:
    """Return the commit of this code and whether it was changed since; (None, None) outside a checkout."""
    here = Path(__file__).resolve().parents[1]
    if not (here / ".git").exists():
        return None, None
    commit = _git(here, "rev-parse", "HEAD")
    changes = _git(here, "status", "--porcelain", "--untracked-files=no")
    return commit, None if changes is None else bool(changes)


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def package_version(name: str) -> str | None:
    """Return an installed package's version, or None."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def processor() -> str:
    """Return the processor's name, as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
