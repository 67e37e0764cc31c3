"""Runs a plan of learning rates: launch, and what it leaves in its folder at any moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from scaling.atomic_write import write_json
from scaling.errors import ResultsError
from scaling.plans.launching import Reporter, document_in, report_in_folder, run_in_folder
from scaling.plans.study.rates import RateLadder, RatesPlan
from scaling.runs.coordinator import Listener, RunEnd, silent
from scaling.runs.experiment_file import load_setup, validated
from scaling.runs.exporting import copied
from scaling.runs.folder import RunFolder
from scaling.runs.job import Job
from scaling.runs.launch import Where, packing_of
from scaling.runs.plan import Records
from scaling.runs.rates import BASELINE, BracketedRate, LearningRates, write_rates
from scaling.runs.record import RecordState
from scaling.runs.run_provenance import recorded
from scaling.runs.setup import Setup
from scaling.runs.store import Known, Store
from scaling.runs.titles import suffix_of
from scaling.training.kernels import Progress, no_progress
from scaling.training.machine import Packing

KIND = RatesPlan.kind
FOLDER = Path("runs") / "studies"
Draw = Callable[["RatesOutcome", Path], object]
"""Puts the chart of the ladders into a folder."""


@dataclass(frozen=True, kw_only=True)
class RatesOutcome:
    """What is known of a setup's learning rates by now.

    Args:
        plan: that was followed.
        ladders: of the corners, then of the baseline.
        rates: None while one is not bracketed.
        failed: errors of trainings that failed; the same command tries them again.
    """

    plan: RatesPlan
    ladders: tuple[RateLadder, ...]
    rates: LearningRates | None
    failed: tuple[str, ...]

    @property
    def brackets(self) -> tuple[BracketedRate, ...]:
        """The baseline's ladder, then the corners'."""
        *corners, baseline = (one.bracket for one in self.ladders)
        return (baseline, *corners)

    @property
    def missing(self) -> int:
        """Trainings that are known to be missing; where ladders go on is not known."""
        return sum(len(one.missing) for one in self.ladders)

    @cached_property
    def conclusion(self) -> str:
        """The best rate everywhere, or why there is none yet."""
        found = [one.bracket for one in self.ladders]
        if self.missing:
            open_ = ", ".join(one.name for one, own in zip(found, self.ladders, strict=True) if own.missing)
            failed = f" ({len(self.failed)} failed: {self.failed[0]})" if self.failed else ""
            return f"{self.missing} trainings or more are missing{failed}; not bracketed yet: {open_}."
        if self.rates is None:
            open_ = ", ".join(one.name for one in found if one.open_side)
            return f"No learning rate that was tried is best and inside the ladder: {open_}."
        best = self.rates.best
        words = ", ".join(f"{best[one.name]:g} at {self.plan.factor:g}× by {one.name}" for one in found[:-1])
        return f"Best learning rates, each inside its ladder: {best[BASELINE]:g} at the baseline, {words}."

    def document(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "conclusion": self.conclusion,
            "missing": self.missing,
            "ladders": [
                {
                    **asdict(one.bracket),
                    "best": None if one.bracket.best is None else one.bracket.best.learning_rate,
                    "bracketed": not one.missing and not one.bracket.open_side,
                }
                for one in self.ladders
            ],
            "rates": None if self.rates is None else asdict(self.rates),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RatesLaunch:
    """What is known before the first training of a launch: `missing` as far as that goes."""

    plan: RatesPlan
    missing: tuple[Job, ...]
    packing: Packing

    @property
    def sentence(self) -> str:
        """How many trainings are to come, and how they are packed."""
        return f"{len(self.missing)} trainings, and more where a best rate is at an end; {self.packing}"


def rates_plan(
    setup: Setup | str | Path,
    *,
    factor: float = 4.0,
    seeds: int = 2,
    overrides: Sequence[str] = (),
) -> RatesPlan:
    """Return what brackets the learning rates of a setup.

    Args:
        setup: a setup, or the path of one; rates that it names are not read.
        factor: cost of the corners, times the baseline's, in (1, 128].
        seeds: how many, 1 or more.
        overrides: `table.key=value` of the setup's file.

    Raises:
        ConfigError: the file is missing or wrong, or a number is out of range.
    """
    if isinstance(setup, Setup):
        found, name = setup.check(), f"{setup.data.name}-{setup.key()[:8]}"
    else:
        found, name = load_setup(Path(setup), overrides, with_rates=False), Path(setup).stem
    title = f"rates-{name}{suffix_of(overrides)}" + ("" if factor == 4 else f"-factor-{factor:g}")
    return RatesPlan(setup=found, title=title, factor=factor, seeds=tuple(range(seeds)))


def rates_folder(plan: RatesPlan, output: str | Path | None = None) -> RunFolder:
    """Return the folder of a run: one that was asked for, or runs/studies/TITLE."""
    return RunFolder(path=Path(output) if output else FOLDER / plan.title)


def run_rates(
    plan: RatesPlan,
    folder: RunFolder,
    where: Where,
    *,
    draw: Draw,
    announce: Callable[[RatesLaunch], None] = lambda _launch: None,
    listener: Listener = silent,
    progress: Progress = no_progress,
) -> tuple[RunEnd, RatesOutcome]:
    """Train what is missing, and write what is known then, stopped or not; see `run_in_folder`.

    Raises:
        ConfigError: also where one dimension alone cannot reach the factor.
    """

    def begin(known: Known) -> Packing:
        missing = plan.next_jobs(known, 1).jobs
        packing = packing_of(missing, where, plan.setup.engine)
        if missing:
            announce(RatesLaunch(plan=plan, missing=missing, packing=packing))
        return packing

    reporter = _reporter(plan, folder, draw)
    end, outcome = run_in_folder(
        plan, folder, where, reporter, begin=begin, listener=listener, progress=progress
    )
    _keep_rates(outcome, folder)
    return end, outcome


def report_rates(plan: RatesPlan, folder: RunFolder, where: Where, *, draw: Draw) -> RatesOutcome:
    """Return what is trained by now, and write it; train nothing; see `report_in_folder`.

    Raises:
        ResultsError: also where another launch holds the folder.
    """
    outcome, problem = report_in_folder(plan, folder, where, _reporter(plan, folder, draw))
    if problem:
        raise ResultsError(problem)
    _keep_rates(outcome, folder)
    return outcome


def read_rates_run(folder: RunFolder) -> RatesOutcome:
    """Return what the run in a folder has found by now; nothing is written.

    Raises:
        ConfigError: its configuration is not valid in this version.
        ResultsError: it is not the folder of such a run.
    """
    config = document_in(folder, KIND, called="learning rates")["config"]
    plan = RatesPlan(
        setup=validated(Setup, config["setup"], where=str(folder.config), check=Setup.check),
        title=folder.path.resolve().name,
        factor=config["factor"],
        seeds=tuple(config["seeds"]),
    )
    return _outcome(plan, Known(store=Store(path=folder.store())))


def rates_file(folder: RunFolder) -> Path:
    """Return where a run leaves the file that a setup can name."""
    return folder.path / "rates.json"


def export_rates(folder: RunFolder, setup: Path) -> Path:
    """Copy a run's rates beside its setup, as rates/NAME.json; return the copy.

    Args:
        folder: of the run.
        setup: the setup's file.

    Raises:
        ResultsError: the rates are not bracketed yet, or the copy cannot be written.
    """
    target = setup.parent / "rates"
    (copy,) = copied(folder.path, target, [rates_file(folder)])
    return copy.replace(target / f"{setup.stem}.json")


def _outcome(plan: RatesPlan, records: Records) -> RatesOutcome:
    ladders = plan.ladders(records)
    found = [records.get(job.key) for ladder in ladders for job in ladder.missing]
    failed = [one for one in found if one is not None and one.state == RecordState.FAILED]
    return RatesOutcome(
        plan=plan,
        ladders=ladders,
        rates=plan.rates(records),
        failed=tuple(one.error or "it failed" for one in failed),
    )


def _reporter(plan: RatesPlan, folder: RunFolder, draw: Draw) -> Reporter[RatesOutcome]:
    def find(records: Records, _provenance: dict[str, Any]) -> RatesOutcome:
        return _outcome(plan, records)

    def write(outcome: RatesOutcome) -> None:
        write_json(folder.result, outcome.document())
        draw(outcome, folder.figures)

    return Reporter(find=find, write=write)


def _keep_rates(outcome: RatesOutcome, folder: RunFolder) -> None:
    """Write the file that a setup can name, with the provenance of the run that has ended."""
    if outcome.rates is None:
        rates_file(folder).unlink(missing_ok=True)  # of fewer seeds
    else:
        write_rates(rates_file(folder), outcome.rates, recorded(folder))
