"""What a Dask worker does before its first task: `dask worker --preload scaling.runs.cluster_preload`."""

from __future__ import annotations

import atexit
import os
import signal
from typing import Any

from scaling.runs import cluster_worker  # noqa: F401  with torch, so that a worker that has joined is ready
from scaling.runs.worker_process import leave_later


def dask_setup(worker: Any) -> None:
    """Leave Ctrl-C and SIGTERM, which whole groups of processes get, to whoever keeps this worker."""
    del worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, leave_later)
    atexit.register(os._exit, 0)  # taking torch apart takes seconds
