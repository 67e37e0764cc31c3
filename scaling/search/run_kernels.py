"""The kernel table of a run: made by its first launch, kept with its study. Floor 5."""

from __future__ import annotations

import torch

from scaling.model import KernelTable
from scaling.search.run import Run
from scaling.training.engine import best_device
from scaling.training.kernels import Progress, kernels_for, write_kernels

KERNELS = "kernels"
"""Note on the study of proposals: the table as JSON, or null for torch's own convolutions."""


def run_kernels(
    run: Run, *, threads: int | None = None, progress: Progress | None = None
) -> KernelTable | None:
    """Return a run's kernel table; what the study has wins, whatever this machine would choose.

    Where it has none yet, one is chosen as the configuration says, left with the study, and written to
    kernels.json in the run's folder for people to read.

    Args:
        run: the run, opened.
        threads: of a training; torch's current number if None.
        progress: called while measuring, which takes seconds.

    Raises:
        ConfigError: the table in the study is damaged.
    """
    if KERNELS not in run.search.user_attrs:
        device, options = best_device(run.config.search.device), run.config.engine
        table = kernels_for(
            options.kernels,
            device,
            threads=threads or torch.get_num_threads(),
            dtype=options.dtype(device.type),
            progress=progress or (lambda _done, _total: None),
        )
        run.exclusively(lambda: _leave(run, table))
    text = run.search.user_attrs[KERNELS]
    if text is None:
        return None
    table = KernelTable.from_json(text, where="the kernel table of the study")
    path = run.folder.kernels
    if run.folder.path.exists() and not path.exists():
        write_kernels(path, table)
    return table


def _leave(run: Run, table: KernelTable | None) -> None:
    # Another worker may have been faster; the first one counts.
    if KERNELS not in run.search.user_attrs:
        run.search.set_user_attr(KERNELS, None if table is None else table.to_json())
