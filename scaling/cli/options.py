"""Options and arguments that several commands share; none of it imports torch."""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from scaling.cli.output import compose
from scaling.network.rounding import choice

if TYPE_CHECKING:
    from sqlalchemy import URL

    from scaling.runs.folder import RunFolder
    from scaling.runs.launch import Where

PATH = click.Path(path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
STORE = Path("runs") / "trainings"
Command = TypeVar("Command", bound=Callable[..., Any])

run_folder_argument = click.argument("run_folder", type=PATH)
device_option = click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
num_classes_option = click.option("--num-classes", type=int, help="Outputs of the classifier (1000).")
cache_option = click.option("--cache-dir", type=PATH, help="Where downloads are kept.")
workers_option = click.option(
    "--workers", type=click.IntRange(1, 256), help="Worker processes (by cores or GPU)."
)
unverified_option = click.option(
    "--unverified", is_flag=True, help="Take a trials.csv that was edited since it was exported."
)
overrides_option = click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override, e.g. recipe.epochs=5."
)
fresh_option = click.option(
    "--fresh", is_flag=True, help="Move an earlier run in the folder out of the way, and start anew."
)


def named_option(flag: str, kind: type[StrEnum], **attributes: Any) -> Callable[[Command], Command]:
    """Return an option that takes the name of one of several; without a default it may be left out."""

    def read(_context: click.Context, _parameter: click.Parameter, name: str | None) -> StrEnum | None:
        return None if name is None else choice(kind, name, flag)

    return click.option(flag, callback=read, show_default=True, **attributes)


def where_options(command: Command) -> Command:
    """Add the options that say where trainings run and their records lie, arguments of `where_of`."""
    return compose(
        workers_option,
        click.option(
            "--store",
            "store_path",
            type=PATH,
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
            type=PATH,
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


def storage_options(command: Command) -> Command:
    """Add the options that say where the Optuna study that others look at is kept; read by `storage_of`."""
    return compose(
        click.option(
            "--storage",
            metavar="URL",
            help="Database of the Optuna study, without a password ($SCALING_STORAGE; SQLite in the folder).",
        ),
        click.option(
            "--storage-file",
            type=PATH,
            help="File that holds the database's URL; chmod 600 where that has a password.",
        ),
    )(command)


def storage_of(storage: str | None, storage_file: Path | None, folder: RunFolder) -> URL:
    """Return the database of a run's Optuna study, as the options or the environment say.

    Raises:
        ConfigError: both options are given, or the URL cannot be used.
    """
    from scaling.plans.search.storage_url import locate  # noqa: PLC0415

    return locate(storage, storage_file, os.environ, folder.study)
