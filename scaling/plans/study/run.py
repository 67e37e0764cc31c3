"""Runs a study: plan, launch, and what it leaves in its folder at any moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scaling.analysis.law_document import fit_document
from scaling.atomic_write import write_json, write_text
from scaling.errors import ConfigError
from scaling.plans.experiment import Size, changed_setup
from scaling.plans.launching import Reporter, document_in, export_files, report_in_folder, run_in_folder
from scaling.plans.study.card import card_document, card_text
from scaling.plans.study.config import StudyConfig
from scaling.plans.study.cost import StudyCost, cost_of, networks_to_come
from scaling.plans.study.equality import check_plan, measured_times
from scaling.plans.study.files import load_study, split_overrides
from scaling.plans.study.outcome import StudyOutcome, outcome_of
from scaling.plans.study.plan import StudyPlan, with_baseline_seeds
from scaling.plans.study.trials import StudyState
from scaling.runs.coordinator import Listener, RunEnd, silent
from scaling.runs.experiment_file import validated
from scaling.runs.folder import RunFolder
from scaling.runs.launch import Where, packing_of
from scaling.runs.plan import Records
from scaling.runs.progress import recorded_data
from scaling.runs.run_provenance import recorded
from scaling.runs.setup import Setup
from scaling.runs.store import Known, Store
from scaling.runs.titles import file_name, suffix_of
from scaling.runs.trials_table import write_trials
from scaling.training.kernels import Progress, no_progress
from scaling.training.machine import Packing

KIND = StudyPlan.kind
FOLDER = Path("runs") / "studies"
CARD, CARD_TEXT, LAWS = "card.json", "card.md", "laws.json"
Draw = Callable[[StudyOutcome, Path], object]
"""Puts charts of an outcome into a folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyLaunch:
    """What is known before the first training of a launch."""

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
    config, changes = file.config, own
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
    """Train what is missing, and write all that is known then, stopped or not; see `run_in_folder`."""

    def begin(known: Known) -> Packing:
        state = plan.state(known)
        cost = cost_of(plan, state)
        later = [] if state.final else networks_to_come(plan, state)
        jobs = [*state.missing, *(plan.job(one, 1.0, 0) for one in later if one.problem is None)]
        plan.setup.check_pictures(max((job.spec.image_size for job in jobs), default=1))
        packing = packing_of(jobs, where, plan.setup.engine, most=cost.missing)
        if state.missing:
            announce(StudyLaunch(plan=plan, state=state, cost=cost, packing=packing))
        return packing

    reporter = _reporter(plan, folder, draw, progress)
    return run_in_folder(plan, folder, where, reporter, begin=begin, listener=listener, progress=progress)


def report_study(
    plan: StudyPlan, folder: RunFolder, where: Where, *, draw: Draw, progress: Progress = no_progress
) -> tuple[StudyOutcome, str]:
    """Return what is trained by now, and write it; train nothing; see `report_in_folder`."""
    return report_in_folder(plan, folder, where, _reporter(plan, folder, draw, progress))


def read_study(folder: RunFolder) -> StudyOutcome:
    """Return what the study in a folder has found by now; nothing is written, and nothing is timed.

    Raises:
        ConfigError: its configuration is not valid in this version.
        ResultsError: it is not the folder of a study.
    """
    config, where = document_in(folder, KIND, called="a study")["config"], str(folder.config)
    known = Known(store=Store(path=folder.store()))
    data = recorded_data(folder, known)
    plan = StudyPlan(
        study=validated(StudyConfig, config["study"], where=where),
        size=Size(config["size"]),
        setup=validated(Setup, config["setup"], where=where, check=Setup.check, recorded=data),
        title=folder.path.resolve().name,
    )
    return outcome_of(plan, plan.state(known), recorded(folder))


def export_study(folder: RunFolder, target: Path) -> list[Path]:
    """Copy what a study has found to where results are kept; see `export_files`."""
    listed = [folder.trials, folder.result, folder.provenance, folder.path / CARD, folder.path / CARD_TEXT]
    laws = folder.path / LAWS
    return export_files(folder, target, [*listed, *([laws] if laws.exists() else [])])


def _reporter(plan: StudyPlan, folder: RunFolder, draw: Draw, progress: Progress) -> Reporter[StudyOutcome]:
    def find(records: Records, provenance: Mapping[str, Any]) -> StudyOutcome:
        state = plan.state(records)
        times = measured_times(plan, state.networks, progress) if state.complete else None
        return outcome_of(plan, state, provenance, times)

    def write(outcome: StudyOutcome) -> None:
        write_trials(folder.trials, outcome.trials)
        write_json(folder.result, outcome.document)
        write_json(folder.path / CARD, card_document(outcome.card))
        write_text(folder.path / CARD_TEXT, card_text(plan.title, outcome.card))
        if outcome.laws is not None:
            write_json(folder.path / LAWS, fit_document(outcome.laws))
        draw(outcome, folder.figures)

    return Reporter(find=find, write=write)
