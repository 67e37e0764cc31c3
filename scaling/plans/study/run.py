"""Runs a study: plan, launch, and what it leaves in its folder at any moment."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scaling.analysis.law_document import fit_document
from scaling.atomic_write import write_json, write_text
from scaling.errors import ConfigError, ResultsError
from scaling.plans.study.card import card_document, card_text
from scaling.plans.study.config import Size, StudyConfig
from scaling.plans.study.cost import StudyCost, cost_of, networks_to_come
from scaling.plans.study.equality import check_plan
from scaling.plans.study.files import changed_setup, load_study, split_overrides
from scaling.plans.study.outcome import StudyOutcome, outcome_of
from scaling.plans.study.plan import StudyPlan, with_baseline_seeds
from scaling.plans.study.state import StudyState
from scaling.plans.study.times import measured_times
from scaling.runs.coordinator import Listener, RunEnd, silent
from scaling.runs.experiment_file import validated
from scaling.runs.exporting import copied
from scaling.runs.folder import RunFolder, held, open_folder
from scaling.runs.launch import Where, launch, packing_of
from scaling.runs.progress import recorded_data
from scaling.runs.run_provenance import finish_provenance, start_provenance
from scaling.runs.setup import Setup
from scaling.runs.signals import StopSignals
from scaling.runs.store import Known, Store
from scaling.runs.titles import file_name, suffix_of
from scaling.runs.trials_table import write_trials
from scaling.training.kernels import Progress, no_progress
from scaling.training.machine import Packing

KIND = "study"
FOLDER = Path("runs") / "studies"
CARD, CARD_TEXT, LAWS = "card.json", "card.md", "laws.json"
Draw = Callable[[StudyOutcome, Path], object]
"""Puts charts of an outcome into a folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyLaunch:
    """What is known before the first training of a launch.

    Args:
        plan: of the study.
        state: how far it is.
        cost: of what is missing.
        packing: of this machine.
    """

    plan: StudyPlan
    state: StudyState
    cost: StudyCost
    packing: Packing

    @property
    def sentence(self) -> str:
        """How many trainings are to come, how long, and how they are packed."""
        epochs = sorted({job.recipe.epochs for job in self.state.missing})
        span = " to ".join(map(str, epochs if len(epochs) < 2 else (epochs[0], epochs[-1])))
        plural, more = "" if epochs == [1] else "s", "" if self.state.final else ", and more that follow"
        return f"{len(self.state.missing)} trainings of {span} epoch{plural}{more}; {self.packing}"


def study_plan(
    name: str | Path,
    *,
    size: str = "quick",
    data: str = "glyphs",
    setup: Setup | str | Path | None = None,
    overrides: Sequence[str] = (),
    seeds: int | None = None,
) -> StudyPlan:
    """Return what a study trains.

    Args:
        name: of a file in experiments/, or its path.
        size: `quick` or `standard`.
        data: fills {data} in the name of the setup.
        setup: instead of the file's own; a setup, or the path of one.
        overrides: `table.key=value` of the study, such as `design.metric=params`, or of the setup.
        seeds: of a study of noise: train the baseline alone, with so many seeds, 2 or more.

    Raises:
        ConfigError: a file is missing or wrong, or its parts do not go together.
    """
    own, of_setup = split_overrides(overrides)
    file, wanted = load_study(name, own), Size(size)
    config, changes = file.config, file.changes
    if seeds is not None:
        config, changes = with_baseline_seeds(config, wanted, seeds), (*changes, "design.baseline=alone")
    if isinstance(setup, Setup):
        if of_setup:
            raise ConfigError(f"a setup that is given whole takes no overrides, got {of_setup[0]!r}")
        found, label, shaping = setup.check(), f"{setup.data.name}-{setup.key()[:8]}", of_setup
    else:
        path = Path(setup) if setup else file.setup_path(wanted, data)
        found, shaping = changed_setup(path, of_setup)
        label = path.stem if setup else data
    plan = StudyPlan(
        study=config,
        size=wanted,
        setup=found,
        title=f"{config.name}-{wanted}-{file_name(label)}{suffix_of((*changes, *shaping))}",
        calibration=file.calibration,
    )
    check_plan(plan)
    return plan


def study_folder(plan: StudyPlan, output: str | Path | None = None) -> RunFolder:
    """Return the folder of a study: one that was asked for, or runs/studies/TITLE."""
    return RunFolder(path=Path(output) if output else FOLDER / plan.title)


def run_study(
    plan: StudyPlan,
    folder: RunFolder,
    where: Where,
    *,
    draw: Draw,
    announce: Callable[[StudyLaunch], None] = lambda _launch: None,
    listener: Listener = silent,
    progress: Progress = no_progress,
) -> tuple[RunEnd, StudyOutcome]:
    """Train what is missing, and write all that is known then, stopped or not.

    Args:
        plan: of the study.
        folder: of the run; held from the first look at it to the last file.
        where: trainings run, and records lie.
        draw: puts charts of an outcome into a folder.
        announce: called before the first training, if there is any.
        listener: sees what happens.
        progress: of measuring kernels and times.

    Raises:
        ConfigError: the folder holds another study.
        DataError: the data are missing.
        ResultsError: the folder is in use, or something cannot be written; finished trainings stay.
    """
    with held(folder):
        record = _opened(plan, folder, where)
        known = Known(store=where.store, retry=True)
        state = plan.state(known)
        cost = cost_of(plan, state)
        packing = _packing(plan, state, cost, where)
        if state.missing:
            announce(StudyLaunch(plan=plan, state=state, cost=cost, packing=packing))
        end = launch(
            plan,
            folder,
            where,
            known=known,
            packing=packing,
            engine=plan.setup.engine,
            listener=listener,
            progress=progress,
        )
        with StopSignals():  # a second SIGTERM of a batch system comes while this is written
            outcome = _found(plan, known, record, progress)
            _write(outcome, folder, draw)
    return end, outcome


def report_study(
    plan: StudyPlan, folder: RunFolder, where: Where, *, draw: Draw, progress: Progress = no_progress
) -> tuple[StudyOutcome, str]:
    """Return what is trained by now, and write it; train nothing.

    Where another launch holds the folder nothing is written, and why is returned too.

    Arguments and errors as `run_study`.
    """
    known = Known(store=where.store)
    try:
        with held(folder):
            record = _recorded(folder) or _opened(plan, folder, where)
            outcome = _found(plan, known, record, progress)
            _write(outcome, folder, draw)
    except ResultsError as error:
        return _found(plan, known, _recorded(folder), progress), f"nothing was written: {error}"
    return outcome, ""


def read_study(folder: RunFolder) -> StudyOutcome:
    """Return what the study in a folder has found by now; nothing is written, and nothing is timed.

    Raises:
        ConfigError: its configuration is not valid in this version.
        ResultsError: it is not the folder of a study.
    """
    document = folder.document()
    if document["kind"] != KIND:
        raise ResultsError(f"{folder.path} is the folder of a {document['kind']}, not of a study")
    config, known = document["config"], Known(store=Store(path=folder.store()))
    recorded = recorded_data(folder, known)
    plan = StudyPlan(
        study=validated(StudyConfig, config["study"], where=str(folder.config)),
        size=Size(config["size"]),
        setup=validated(
            Setup, config["setup"], where=str(folder.config), check=Setup.check, recorded=recorded
        ),
        title=folder.path.resolve().name,
    )
    return outcome_of(plan, plan.state(known), _recorded(folder))


def export_study(folder: RunFolder, target: Path) -> list[Path]:
    """Copy what a study has found to where results are kept; trainings stay in their store.

    Args:
        folder: of the study.
        target: folder under results/; files of the same name are replaced.

    Raises:
        ResultsError: the study has nothing to export yet, or the target cannot be written.
    """
    listed = [folder.trials, folder.result, folder.provenance, folder.path / CARD, folder.path / CARD_TEXT]
    for path in listed:
        if not path.exists():
            raise ResultsError(f"{folder.path} has no {path.name} yet: run the study, or --report")
    laws = [path for path in [folder.path / LAWS] if path.exists()]
    return copied(folder.path, target, [*listed, *laws, *sorted(folder.figures.glob("*"))])


def _opened(plan: StudyPlan, folder: RunFolder, where: Where) -> dict[str, Any]:
    """Make the folder ready, and return the provenance of a launch that begins."""
    config = plan.document()
    if open_folder(folder, KIND, config, plan.key(), store=where.store.path):
        # What may have changed since, such as more seeds.
        write_json(folder.config, {**folder.document(), "config": config})
    example = plan.setup.job(plan.space.baseline, seed=plan.table.seeds[0])
    return start_provenance(folder, config, plan.key(), example)


def _packing(plan: StudyPlan, state: StudyState, cost: StudyCost, where: Where) -> Packing:
    later = [] if state.final else networks_to_come(plan, state)
    jobs = [*state.missing, *(plan.job(one, 1.0, 0) for one in later if one.problem is None)]
    return packing_of(jobs, where, plan.setup.engine, most=cost.missing)


def _found(plan: StudyPlan, known: Known, record: Mapping[str, Any], progress: Progress) -> StudyOutcome:
    state = plan.state(known)
    times = measured_times(plan, state.networks, progress) if state.complete else None
    return outcome_of(plan, state, record, times)


def _write(outcome: StudyOutcome, folder: RunFolder, draw: Draw) -> None:
    """Write table, conclusions, card, provenance and charts, each whole or not at all."""
    write_trials(folder.trials, outcome.trials)
    write_json(folder.result, outcome.document)
    write_json(folder.path / CARD, card_document(outcome.card))
    write_text(folder.path / CARD_TEXT, card_text(outcome.plan.title, outcome.card))
    if outcome.laws is not None:
        write_json(folder.path / LAWS, fit_document(outcome.laws))
    draw(outcome, folder.figures)
    sums = _checksums(outcome.state) or outcome.provenance["data_checksums"]
    record, complete = {**outcome.provenance, "data_checksums": sums}, outcome.state.complete
    if not (complete and record["finished"]):
        finish_provenance(folder, record, finished=complete)


def _checksums(state: StudyState) -> dict[str, str]:
    """Return the checksums of everything that was trained or judged on."""
    sums = {
        f"{name} at {one.spec.image_size} px": checksum
        for one in state.records
        for name, checksum in zip(("train", "validation"), one.identity["data"]["checksums"], strict=True)
    }
    return dict(sorted(sums.items()))


def _recorded(folder: RunFolder) -> dict[str, Any]:
    """Return the provenance of the last launch; empty where there was none, or it is damaged."""
    try:
        found = json.loads(folder.provenance.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
