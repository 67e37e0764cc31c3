"""What a process must find in its environment before it imports torch."""

from __future__ import annotations

import os

ENVIRONMENT = {
    # Many shapes share a process; a small cache makes oneDNN build their kernels again and again.
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "4096",
}
"""Settings and their values, unless the user says otherwise."""


def prepare_environment() -> None:
    """Set what the user has not set; processes that are started from here find it too."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
