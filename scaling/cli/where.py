"""Options that say where trainings run and where their records lie."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from scaling.cli.output import compose

if TYPE_CHECKING:
    from scaling.runs.launch import Where

STORE = Path("runs") / "trainings"
Command = TypeVar("Command", bound=Callable[..., Any])


def where_options(command: Command) -> Command:
    """Add the options; they arrive as the arguments of `where_of`."""
    return compose(
        click.option("--workers", type=click.IntRange(1, 256), help="Worker processes (by cores or GPU)."),
        click.option(
            "--store",
            "store_path",
            type=click.Path(path_type=Path),
            default=STORE,
            show_default=True,
            help="Folder of all trainings.",
        ),
        click.option(
            "--cluster",
            metavar="ADDRESS",
            help="Train on a Dask cluster: its scheduler's tls://host:port, or local to start one here.",
        ),
        click.option(
            "--scheduler-file",
            type=click.Path(path_type=Path),
            help="File in which Dask's scheduler says where it is, instead of --cluster.",
        ),
        click.option("--insecure-cluster", is_flag=True, help="Let a scheduler be without TLS."),
    )(command)


def where_of(
    *,
    workers: int | None = None,
    store_path: Path = STORE,
    cluster: str | None = None,
    scheduler_file: Path | None = None,
    insecure_cluster: bool = False,
) -> Where:
    """Return where trainings run, as the options say; a cluster is connected to when it is needed.

    Raises:
        ConfigError: options that do not go together, or a scheduler without TLS.
    """
    from scaling.runs.cluster import DaskExecutor  # noqa: PLC0415  it imports torch
    from scaling.runs.cluster_connection import Cluster  # noqa: PLC0415
    from scaling.runs.launch import Where  # noqa: PLC0415
    from scaling.runs.store import Store  # noqa: PLC0415

    store = Store(path=store_path)
    if cluster is None and scheduler_file is None:
        return Where(store=store, workers=workers)
    chosen = Cluster(
        address=cluster, scheduler_file=scheduler_file, insecure=insecure_cluster, workers=workers
    )
    return Where(store=store, executor=DaskExecutor(cluster=chosen))
