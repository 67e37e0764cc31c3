"""What a run's folder holds, read with patience: a run under way may have no trial yet."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from scaling.analysis import noise_floor, ranked, usual_difference
from scaling.analysis.noise import NoiseFloor
from scaling.atomic_write import LARGEST_DOCUMENT, json_of, read_regular
from scaling.cost import count_cost
from scaling.errors import ConfigError, DataError, ResultsError, ScalingError, SpecError
from scaling.figures import RUN_CHARTS, RunData, SearchedSpace
from scaling.figures.left_out import left_out
from scaling.network.architecture import ArchitectureSpec
from scaling.network.coefficients import ScalingCoefficients
from scaling.network.generation import scale
from scaling.plans.search.config import SearchConfig
from scaling.plans.search.run import KIND, SearchState, failed_of, read_search
from scaling.plans.search.surface import SearchSurface, search_surface
from scaling.runs.folder import RunFolder
from scaling.runs.trials_table import at_own_rate, is_edited, read_trials, trials_frame

EDITED = ", table edited by hand"
"""In the title of every chart of such a run."""


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """A run as its files have it.

    Args:
        folder: of the run, or of its exported results.
        config: the resolved configuration as plain data.
        settings: the same, validated; None where this version of the code refuses it.
        trials: the table of trials; empty before the first one ends.
        provenance: where the results come from; empty before training starts.
        failures: numbers of the trials that have no accuracy, by what went wrong.
    """

    folder: Path
    config: dict[str, Any]
    settings: SearchConfig | None
    trials: pd.DataFrame
    provenance: dict[str, Any]
    failures: Mapping[str, list[int]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The experiment."""
        experiments = self.trials["experiment"].dropna()
        recorded = str(experiments.iloc[0]) if len(experiments) else self.folder.resolve().name
        return str(self.config.get("name") or recorded)

    @property
    def _setup(self) -> dict[str, Any]:
        """What was trained, and how."""
        setup = self.config.get("setup") or self.config.get("proxy")  # of studies before 0.2
        return setup if isinstance(setup, dict) else {}

    @property
    def baseline(self) -> str:
        """Name of what was scaled; the experiment's where it is not recorded."""
        table = self._setup.get("baseline")
        name = table.get("name") if isinstance(table, dict) else None
        return str(name) if name else self.name

    @property
    def title(self) -> str:
        """Experiment and data set, for charts, and whether the table was edited."""
        data = self._setup.get("data")
        on = f" on {data['name']}" if isinstance(data, dict) and data.get("name") else ""
        return f"{self.name}{on}{EDITED * is_edited(self.folder / 'trials.csv')}"

    @property
    def images(self) -> int | None:
        """That judged each training; None where it is not recorded, or all did."""
        data = self._setup.get("data")
        count = data.get("validation") if isinstance(data, dict) else None
        return count if isinstance(count, int) and count > 0 else None

    @property
    def noise(self) -> NoiseFloor | None:
        """Seed-to-seed spread, where a network has two complete seeds."""
        return noise_floor(at_own_rate(self.trials), self.images)

    @property
    def space(self) -> SearchedSpace | None:
        """What was scaled, and to which cost."""
        if self.settings is None:
            return None
        return SearchedSpace(
            baseline=self.settings.baseline_spec,
            rounding=self.settings.setup.rounding_rules,
            target=self.settings.target,
        )

    @cached_property
    def surface(self) -> SearchSurface | None:
        """What the trainings of a search say together; None where no surface can be fitted, or of a study."""
        if self.settings is None:
            return None
        try:
            return search_surface(self.settings, self.trials)
        except ResultsError:
            return None

    @cached_property
    def left_out(self) -> dict[str, str]:
        """The charts that say nothing about the run, each with the reason."""
        return left_out(self.chart_data(), RUN_CHARTS)

    def ranking(self) -> pd.DataFrame:
        """Return one row a trained network, best first, with its verdict against noise."""
        return ranked(at_own_rate(self.trials), self.noise)

    def chart_data(self) -> RunData:
        """Return the run as its charts see it; of a study what has the recipe's own learning rate."""
        trials = at_own_rate(self.trials)
        return RunData(
            trials=trials,
            title=self.title,
            noise=usual_difference(trials, self.images),
            space=self.space,
            surface=self.surface,
            search=None if self.settings is None else self.settings.search,
        )

    def best_spec(self) -> ArchitectureSpec | None:
        """Return the best network so far, generated anew and checked by its counts; None if there is none."""
        ranking = self.ranking()
        if ranking.empty or self.settings is None:
            return None
        best = self.trials[self.trials["trial"] == ranking["trial"].iloc[0]].iloc[0]
        return regenerated(self.settings, best)


def regenerated(settings: SearchConfig, row: pd.Series[Any]) -> ArchitectureSpec | None:
    """Return the network of a row of the table of trials; None where the row's counts are another's.

    Counts tell networks apart across versions of this code; the key does not, for it covers every field of a
    spec, and fields are added.

    Args:
        settings: gives the baseline and the rounding rules.
        row: with depth and width coefficient, image size, params, macs and activations.
    """
    baseline = settings.baseline_spec
    if row["name"] == "baseline":
        return _checked(baseline, row)
    try:
        multipliers = ScalingCoefficients(
            depth_coefficient=float(row["depth_coefficient"]),
            width_coefficient=float(row["width_coefficient"]),
            resolution_coefficient=1.0,
        )
        scaled = scale(baseline, multipliers, settings.setup.rounding_rules)
        spec = replace(scaled, image_size=int(row["image_size"]))
    except (ScalingError, TypeError, ValueError):
        return None
    return _checked(spec, row)


def _checked(spec: ArchitectureSpec, row: pd.Series[Any]) -> ArchitectureSpec | None:
    cost = count_cost(spec)
    same = all(getattr(cost, name) == int(row[name]) for name in ("params", "macs", "activations"))
    return spec if same else None


def read_record(folder: Path, *, unverified: bool = False) -> RunRecord:
    """Read a run at any moment, or a folder of exported results; nothing is locked, and nothing is changed.

    A table that was edited since it was exported is refused, or taken if `unverified` and marked in titles.

    Raises:
        ResultsError: there is neither a run nor a table of trials, or a file is damaged.
    """
    run = RunFolder(path=folder)
    provenance = _document(run.provenance) or {}
    if not run.config.exists():
        if not run.trials.exists():
            raise ResultsError(f"{folder} is not the folder of a run: there is no run.json and no trials.csv")
        recorded = provenance.get("config")
        config = recorded if isinstance(recorded, dict) else {}
        return RunRecord(
            folder=folder,
            config=config,
            settings=None,
            trials=read_trials(run.trials, unverified=unverified),
            provenance=provenance,
        )
    document = run.document()
    if document["kind"] == KIND:
        with suppress(ConfigError, DataError, SpecError):  # of another version: what needs it is left out
            return record_of(read_search(run, unverified=unverified))
    return RunRecord(
        folder=folder,
        config=document["config"],
        settings=None,
        trials=read_trials(run.trials, unverified=unverified) if run.trials.exists() else trials_frame([]),
        provenance=provenance,
    )


def record_of(state: SearchState) -> RunRecord:
    """Return a search that was read as its report sees it."""
    return RunRecord(
        folder=state.folder.path,
        config=state.folder.document()["config"],
        settings=state.config,
        trials=state.trials(),
        provenance=_document(state.folder.provenance) or {},
        failures=failed_of(state),
    )


def _document(path: Path) -> dict[str, Any] | None:
    try:
        document = json_of(read_regular(path, LARGEST_DOCUMENT))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ResultsError(f"cannot read {path}: {error}") from None
    if not isinstance(document, dict):
        raise ResultsError(f"cannot read {path}: it is not a JSON object")
    return document


def trained_hours(trials: pd.DataFrame) -> float:
    """Return the summed time of all trainings, in hours; of several workers it exceeds the time on the clock.

    >>> trained_hours(trials_frame([{"trial": 0, "seed": 0, "wall_s": 1800.0}, {"trial": 0, "seed": 1}]))
    0.5
    """
    seconds = float(trials["wall_s"].sum())
    return 0.0 if math.isnan(seconds) else seconds / 3600
