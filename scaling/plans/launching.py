"""One launch, report or export of a run in its folder, whatever its plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from scaling.atomic_write import write_json
from scaling.errors import ResultsError
from scaling.runs.coordinator import Listener, RunEnd, silent
from scaling.runs.exporting import copied, sealed
from scaling.runs.folder import RunFolder, held, open_folder
from scaling.runs.launch import Where, launch
from scaling.runs.plan import Plan, Records
from scaling.runs.record import Record
from scaling.runs.run_provenance import finish_provenance, recorded, start_provenance
from scaling.runs.setup import Setup
from scaling.runs.signals import StopSignals
from scaling.runs.store import Known
from scaling.training.kernels import Progress, no_progress
from scaling.training.machine import Packing

Finding = TypeVar("Finding")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporter(Generic[Finding]):
    """What becomes of a run's records.

    Args:
        find: what they and the provenance of a launch show; right at any moment.
        write: tables, documents and charts of that into the folder, each whole or not at all.
    """

    find: Callable[[Records, dict[str, Any]], Finding]
    write: Callable[[Finding], None]


class Experiment(Plan, Protocol):
    """A plan with a folder of its own; asking it for jobs must leave nothing behind."""

    kind: ClassVar[str]
    counted: ClassVar[bool]
    """Whether its trainings differ in the number of images, which their checksums are then named by."""

    @property
    def setup(self) -> Setup:
        """What is trained, and how."""

    def document(self) -> dict[str, Any]:
        """Return the resolved configuration as plain data."""

    def key(self) -> str:
        """Return a hash of what shapes its results; what else the configuration says may change."""

    def trained(self, records: Records) -> Sequence[Record]:
        """Return the records of its trainings."""


def run_in_folder(
    plan: Experiment,
    folder: RunFolder,
    where: Where,
    reporter: Reporter[Finding],
    *,
    begin: Callable[[Known], Packing],
    listener: Listener = silent,
    progress: Progress = no_progress,
) -> tuple[RunEnd, Finding]:
    """Train what is missing, and write all that is known then, stopped or not.

    `begin` is called before the first training: it announces it, and packs the machine.

    Raises:
        ConfigError: the folder holds another run.
        DataError: the data are missing.
        ResultsError: the folder is in use, or something cannot be written; finished trainings stay.
    """
    known = Known(store=where.store, retry=True)
    with held(folder):
        provenance = _opened(plan, folder, where, trains=not is_complete(plan, known))
        end = launch(
            plan,
            folder,
            where,
            known=known,
            packing=begin(known),
            engine=plan.setup.engine,
            listener=listener,
            progress=progress,
        )
        with StopSignals():  # a second SIGTERM of a batch system comes while this is written
            return end, _concluded(plan, folder, known, provenance, reporter)


def report_in_folder(
    plan: Experiment, folder: RunFolder, where: Where, reporter: Reporter[Finding]
) -> tuple[Finding, str]:
    """Return what is trained by now, and write it; train nothing.

    Where another launch holds the folder nothing is written, and why is returned too.

    Arguments and errors as `run_in_folder`.
    """
    known = Known(store=where.store)
    try:
        with held(folder):
            provenance = _opened(plan, folder, where, trains=False)
            return _concluded(plan, folder, known, provenance, reporter), ""
    except ResultsError as error:
        return reporter.find(known, recorded(folder)), f"nothing was written: {error}"


def is_complete(plan: Plan, records: Records) -> bool:
    """Whether nothing is missing, and nothing will follow."""
    wanted = plan.next_jobs(records, 1)
    return wanted.done and not wanted.jobs


def document_in(folder: RunFolder, kind: str, *, called: str) -> dict[str, Any]:
    """Return what the run in a folder is, as plain data; `called` is a run of that kind, with its article.

    Raises:
        ResultsError: it is not the folder of a run of that kind.
    """
    document = folder.document()
    if document.get("kind") != kind:
        raise ResultsError(f"{folder.path} is the folder of a {document.get('kind')}, not of {called}")
    return document


def export_files(folder: RunFolder, target: Path, files: Sequence[Path]) -> list[Path]:
    """Copy files and charts to where results are kept; trainings stay in their store.

    Raises:
        ResultsError: a file is not there yet, or the target cannot be written.
    """
    for path in files:
        if not path.exists():
            raise ResultsError(f"{folder.path} has no {path.name} yet: run it, or --report")
    copies = copied(folder.path, target, [*files, *sorted(folder.figures.glob("*"))])
    if folder.trials in files:
        sealed(target, recorded(folder))
    return copies


def _opened(plan: Experiment, folder: RunFolder, where: Where, *, trains: bool) -> dict[str, Any]:
    """Make the folder ready; return the provenance of a launch that trains, else that of the last one."""
    config = plan.document()
    if open_folder(folder, plan.kind, config, plan.key(), store=where.store.path):
        write_json(folder.config, {**folder.document(), "config": config})  # such as more seeds, other words
    earlier = recorded(folder)
    if not trains and earlier.get("config") == config:
        return earlier
    example = plan.setup.job(plan.setup.baseline_spec, seed=0)
    return start_provenance(folder, config, plan.key(), example)


def _concluded(
    plan: Experiment, folder: RunFolder, known: Known, provenance: dict[str, Any], reporter: Reporter[Finding]
) -> Finding:
    found = reporter.find(known, provenance)
    reporter.write(found)
    sums = dict[str, str]()
    for record in plan.trained(known):
        data = record.identity["data"]
        for split, checksum in zip(("train", "validation"), data["checksums"], strict=True):
            images = f", {data[split] or 'all'} images" if plan.counted else ""
            sums[f"{split}{images} at {record.spec.image_size} px"] = checksum
    complete = is_complete(plan, known)
    if not (complete and provenance["finished"]):
        whole = {**provenance, "data_checksums": dict(sorted(sums.items())) or provenance["data_checksums"]}
        finish_provenance(folder, whole, finished=complete)
    return found
