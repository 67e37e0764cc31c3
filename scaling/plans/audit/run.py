"""Runs an audit: plan, launch, and what it leaves in its folder at any moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scaling.atomic_write import write_json, write_text
from scaling.errors import ConfigError
from scaling.plans.audit.config import Audit, AuditConfig, file_of, load_audit
from scaling.plans.audit.judging import Verdict, document_of, judge
from scaling.plans.audit.plan import AuditPlan
from scaling.plans.audit.scoring import scores_of
from scaling.plans.experiment import Size
from scaling.plans.launching import Reporter, document_in, export_files, report_in_folder, run_in_folder
from scaling.runs.coordinator import Listener, RunEnd, silent
from scaling.runs.experiment_file import validated
from scaling.runs.folder import RunFolder
from scaling.runs.job import Job
from scaling.runs.launch import Where, packing_of
from scaling.runs.plan import Records
from scaling.runs.setup import Setup
from scaling.runs.store import Known, Store
from scaling.training.kernels import Progress, no_progress
from scaling.training.machine import Packing

KIND = AuditPlan.kind
FOLDER = Path("runs") / "audits"
TABLE = "audit.csv"
Draw = Callable[[str, Verdict, Path], object]
"""Puts the charts of a verdict, under a title, into a folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLaunch:
    """What is known before the first training of a launch."""

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
    if Size(size) == Size.PAPER:
        raise ConfigError("size paper is what the paper did; it is costed, not run: add --plan")
    return AuditPlan.of(load_audit(file_of(Path(path), Size(size)), overrides, data=data))


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
    """Train what is missing, judge, and write what was found, stopped or not; see `run_in_folder`."""

    def begin(known: Known) -> Packing:
        missing = plan.missing(known)
        plan.setup.check_pictures(max((job.spec.image_size for job in missing), default=1))
        packing = packing_of(missing, where, plan.setup.engine)
        announce(AuditLaunch(plan=plan, missing=missing, packing=packing))
        return packing

    reporter = _reporter(plan, folder, draw, progress)
    return run_in_folder(plan, folder, where, reporter, begin=begin, listener=listener, progress=progress)


def report_audit(
    plan: AuditPlan, folder: RunFolder, where: Where, *, draw: Draw, progress: Progress = no_progress
) -> tuple[Verdict, str]:
    """Judge what is trained by now, and write it; train nothing; see `report_in_folder`."""
    return report_in_folder(plan, folder, where, _reporter(plan, folder, draw, progress))


def read_audit(folder: RunFolder) -> tuple[AuditPlan, Verdict]:
    """Return the audit in a folder and what is known by now; nothing is written.

    Raises:
        ConfigError: its configuration is not valid in this version.
        DataError: the data are missing.
        ResultsError: it is not the folder of an audit.
    """
    config, where = document_in(folder, KIND, called="an audit")["config"], str(folder.config)
    audit = Audit(
        config=validated(AuditConfig, config["audit"], where=where),
        setup=validated(Setup, config["setup"], where=where, check=Setup.check),
        changes=tuple(config["changes"]),
    )
    plan = AuditPlan.of(audit)
    return plan, _judged(plan, Known(store=Store(path=folder.store())), no_progress)


def export_audit(folder: RunFolder, target: Path) -> list[Path]:
    """Copy what an audit has found to where results are kept; see `export_files`."""
    return export_files(folder, target, [folder.path / TABLE, folder.result, folder.provenance])


def _judged(plan: AuditPlan, records: Records, progress: Progress) -> Verdict:
    scores = scores_of(plan.audit, plan.networks, progress)
    return judge(plan.audit, plan.networks, plan.trainings, plan.results(records), scores)


def _reporter(plan: AuditPlan, folder: RunFolder, draw: Draw, progress: Progress) -> Reporter[Verdict]:
    def write(verdict: Verdict) -> None:
        write_text(folder.path / TABLE, verdict.table.to_csv(index=False, lineterminator="\n"))
        write_json(folder.result, document_of(plan.audit, verdict))
        draw(plan.audit.title, verdict, folder.figures)

    return Reporter(find=lambda records, _provenance: _judged(plan, records, progress), write=write)
