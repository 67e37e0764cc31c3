"""What a worker of `--cluster local` does before anything else: it leaves signals to whoever started it."""

from __future__ import annotations

import signal
from typing import Any

from scaling.runs.worker_process import leave_later


def dask_setup(worker: Any) -> None:
    """Let Ctrl-C and a closed terminal be answered by the coordinator, which stops this worker in order."""
    del worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, leave_later)
