"""The kernel table of a run: made by its first launch, kept with its study."""

from __future__ import annotations

import torch

from scaling.model import KernelTable
from scaling.search.config import SearchConfig
from scaling.search.folder import RunFolder
from scaling.search.run import Run
from scaling.training.engine import best_device
from scaling.training.kernels import (
    Progress,
    arithmetic,
    kernels_for,
    no_progress,
    read_kernels,
    write_kernels,
)

KERNELS = "kernels"
"""Note on the study of proposals: the table as JSON, or null for torch's own convolutions."""


def run_kernels(
    run: Run, *, threads: int | None = None, progress: Progress = no_progress
) -> KernelTable | None:
    """Return a run's kernel table; what the study has wins, whatever this machine would choose.

    Where it has none yet, one is chosen as the configuration says, left with the study for workers anywhere,
    and written to kernels.json in the run's folder for people.

    Args:
        run: the run, opened.
        threads: of a training; torch's current number if None.
        progress: called while measuring, which takes seconds.

    Raises:
        ConfigError: the table in the study is damaged.
        ResultsError: the folder cannot be written.
    """
    if KERNELS not in run.patiently(lambda: run.search.user_attrs):
        chosen = _chosen(run.config, threads, progress)
        run.exclusively(lambda: _leave(run, chosen))
    text = run.patiently(lambda: run.search.user_attrs)[KERNELS]
    if text is None:
        return None
    table = KernelTable.from_json(text, where="the kernel table of the study")
    if run.folder.path.exists() and not run.folder.kernels.exists():
        write_kernels(run.folder.kernels, table)
    return table


def folder_kernels(
    config: SearchConfig, folder: RunFolder, *, threads: int | None = None, progress: Progress = no_progress
) -> KernelTable | None:
    """Return the kernel table of a run without a study; kernels.json in its folder wins, once it is there.

    Args:
        config: the experiment.
        folder: of the run; it is there.
        threads: of a training; torch's current number if None.
        progress: called while measuring, which takes seconds.

    Raises:
        ConfigError: kernels.json is damaged.
        ResultsError: the folder cannot be written.
    """
    if folder.kernels.exists():
        return read_kernels(folder.kernels)
    table = _chosen(config, threads, progress)
    if table is not None:
        write_kernels(folder.kernels, table)
    return table


def _chosen(config: SearchConfig, threads: int | None, progress: Progress) -> KernelTable | None:
    device, options = best_device(config.search.device), config.engine
    return kernels_for(
        options.kernels,
        device,
        threads=threads or torch.get_num_threads(),
        dtype=arithmetic(device),
        progress=progress,
    )


def _leave(run: Run, table: KernelTable | None) -> None:
    # Another worker may have been faster; the first one counts.
    if KERNELS not in run.search.user_attrs:
        run.search.set_user_attr(KERNELS, None if table is None else table.to_json())
