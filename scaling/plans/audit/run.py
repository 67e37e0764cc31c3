"""Runs an audit: plan, launch, and what it leaves in its folder at any moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scaling.atomic_write import write_json, write_text
from scaling.errors import ConfigError, ResultsError
from scaling.plans.audit.config import Audit, AuditConfig, AuditSize, load_audit
from scaling.plans.audit.judging import Verdict, document_of, judge
from scaling.plans.audit.plan import AuditPlan
from scaling.plans.audit.scoring import scores_of
from scaling.runs.coordinator import Listener, RunEnd, silent
from scaling.runs.experiment_file import validated
from scaling.runs.exporting import copied
from scaling.runs.folder import RunFolder, held, open_folder
from scaling.runs.job import Job
from scaling.runs.launch import Where, launch, packing_of
from scaling.runs.plan import Records
from scaling.runs.run_provenance import finish_provenance, recorded, start_provenance
from scaling.runs.setup import Setup
from scaling.runs.signals import StopSignals
from scaling.runs.store import Known, Store
from scaling.training.kernels import Progress, no_progress
from scaling.training.machine import Packing

KIND = "audit"
FOLDER = Path("runs") / "audits"
TABLE = "audit.csv"
Draw = Callable[[str, Verdict, Path], object]
"""Puts the charts of a verdict, under a title, into a folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLaunch:
    """What is known before the first training of a launch.

    Args:
        plan: of the audit.
        missing: jobs.
        packing: of this machine.
    """

    plan: AuditPlan
    missing: tuple[Job, ...]
    packing: Packing

    @property
    def sentence(self) -> str:
        """How many trainings are to come, and how they are packed."""
        return f"{len(self.missing)} of {len(self.plan.jobs)} trainings to come; {self.packing}"


def audit_plan(
    path: Path | str, *, size: str = "quick", data: str = "glyphs", overrides: Sequence[str] = ()
) -> AuditPlan:
    """Return what an audit trains.

    Args:
        path: of the quick size's file.
        size: `quick` or `standard`.
        data: fills {data} in the name of the setup.
        overrides: `table.key=value` of the setup.

    Raises:
        ConfigError: a file is missing or wrong, or there are not so many networks.
    """
    if AuditSize(size) == AuditSize.PAPER:
        raise ConfigError("size paper is what the paper did; it is costed, not run: add --plan")
    return AuditPlan.of(load_audit(AuditSize(size).file(Path(path)), overrides, data=data))


def audit_folder(audit: Audit, output: Path | str | None) -> RunFolder:
    """Return the folder of an audit that is given no other."""
    return RunFolder(path=FOLDER / audit.title if output is None else Path(output))


def run_audit(
    plan: AuditPlan,
    folder: RunFolder,
    where: Where,
    *,
    draw: Draw,
    announce: Callable[[AuditLaunch], None] = lambda _launch: None,
    listener: Listener = silent,
    progress: Progress = no_progress,
) -> tuple[RunEnd, Verdict]:
    """Train what is missing, judge, and write what was found, however the launch ended.

    Args:
        plan: of the audit.
        folder: of the run.
        where: trainings run, and records lie.
        draw: puts charts into the folder.
        announce: called before the first training.
        listener: sees what happens.
        progress: of measuring kernels, then of scores.

    Raises:
        ConfigError: the folder holds another audit.
        DataError: the data are missing.
        ResultsError: the folder is in use, or something cannot be written.
    """
    engine, known = plan.audit.setup.engine, Known(store=where.store, retry=True)
    with held(folder):
        missing = plan.missing(known)
        record = _opened(plan, folder, where, trains=bool(missing))
        packing = packing_of(missing, where, engine)
        announce(AuditLaunch(plan=plan, missing=missing, packing=packing))
        end = launch(
            plan,
            folder,
            where,
            known=known,
            packing=packing,
            engine=engine,
            listener=listener,
            progress=progress,
        )
        with StopSignals():  # a second SIGTERM of a batch system comes while this is written
            return end, _concluded(plan, folder, known, record, draw, progress)


def report_audit(
    plan: AuditPlan, folder: RunFolder, where: Where, *, draw: Draw, progress: Progress = no_progress
) -> tuple[Verdict, str]:
    """Judge what is trained by now, and write it; train nothing.

    Where another launch holds the folder nothing is written, and why is returned too.

    Arguments and errors as `run_audit`.
    """
    known = Known(store=where.store)
    try:
        with held(folder):
            record = _opened(plan, folder, where, trains=False)
            return _concluded(plan, folder, known, record, draw, progress), ""
    except ResultsError as error:
        return _judged(plan, known, progress), f"nothing was written: {error}"


def read_audit(folder: RunFolder) -> tuple[AuditPlan, Verdict]:
    """Return the audit in a folder and what is known by now; nothing is written.

    Raises:
        ConfigError: its configuration is not valid in this version.
        DataError: the data are missing.
        ResultsError: it is not the folder of an audit.
    """
    document = folder.document()
    if document["kind"] != KIND:
        raise ResultsError(f"{folder.path} is the folder of a {document['kind']}, not of an audit")
    config = document["config"]
    audit = Audit(
        config=validated(AuditConfig, config["audit"], where=str(folder.config)),
        setup=validated(Setup, config["setup"], where=str(folder.config), check=Setup.check),
        changes=tuple(config["changes"]),
    )
    plan = AuditPlan.of(audit)
    return plan, _judged(plan, Known(store=Store(path=folder.store())), no_progress)


def export_audit(folder: RunFolder, target: Path) -> list[Path]:
    """Copy what an audit has found to where results are kept; trainings stay in their store.

    Args:
        folder: of the audit.
        target: folder under results/; files of the same name are replaced.

    Raises:
        ResultsError: the audit has nothing to export yet, or the target cannot be written.
    """
    listed = [folder.path / TABLE, folder.result, folder.provenance]
    return copied(folder.path, target, [*listed, *sorted(folder.figures.glob("*"))])


def _opened(plan: AuditPlan, folder: RunFolder, where: Where, *, trains: bool) -> dict[str, Any]:
    """Make the folder ready; return the provenance of a launch that trains, else that of the last one."""
    config = plan.audit.document()
    if open_folder(folder, KIND, config, plan.audit.key(), store=where.store.path):
        write_json(folder.config, {**folder.document(), "config": config})  # rules and words may have changed
    earlier = {} if trains else recorded(folder)
    return earlier or start_provenance(folder, config, plan.audit.key(), plan.jobs[0])


def _judged(plan: AuditPlan, records: Records, progress: Progress) -> Verdict:
    scores = scores_of(plan.audit, plan.networks, progress)
    return judge(plan.audit, plan.networks, plan.trainings, plan.results(records), scores)


def _concluded(
    plan: AuditPlan, folder: RunFolder, known: Known, record: dict[str, Any], draw: Draw, progress: Progress
) -> Verdict:
    verdict = _judged(plan, known, progress)
    write_text(folder.path / TABLE, verdict.table.to_csv(index=False, lineterminator="\n"))
    write_json(folder.result, document_of(plan.audit, verdict))
    draw(plan.audit.title, verdict, folder.figures)
    complete, sums = not plan.missing(known), _checksums(plan, known) or record["data_checksums"]
    if not (complete and record["finished"]):
        finish_provenance(folder, {**record, "data_checksums": sums}, finished=complete)
    return verdict


def _checksums(plan: AuditPlan, records: Records) -> dict[str, str]:
    """Return the checksum of every split that was trained or judged on."""
    sums = dict[str, str]()
    for job in plan.jobs:
        record = records.get(job.key)
        if record is not None:
            data = record.identity["data"]
            for split, checksum in zip(("train", "validation"), data["checksums"], strict=True):
                sums[f"{split}, {data[split] or 'all'} images at {job.spec.image_size} px"] = checksum
    return dict(sorted(sums.items()))
