"""What a run's folder holds, read with patience: a run under way may have no trial yet."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import URL

from scaling.analysis import noise_floor, ranked, usual_difference
from scaling.analysis.noise import NoiseFloor
from scaling.cost import count_cost
from scaling.errors import ResultsError, ScalingError
from scaling.figures import RunData, SearchedSpace
from scaling.network.architecture import ArchitectureSpec
from scaling.network.coefficients import ScalingCoefficients
from scaling.network.generation import scale
from scaling.runs.trials_table import at_own_rate, read_trials, trials_frame
from scaling.search.config import SearchConfig, parse_config
from scaling.search.folder import RunFolder
from scaling.search.location import file_of, is_sqlite, sqlite_url
from scaling.search.snapshot import Failure, read_snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """A run as its files tell it.

    Args:
        folder: of the run, or of its exported results.
        config: the resolved configuration as plain data.
        settings: the same, validated; None where this version of the code refuses it.
        trials: the table of trials; empty before the first one ends.
        provenance: where the results come from; empty before training starts.
        failures: why trials have no accuracy, where the run's database tells it.
    """

    folder: Path
    config: dict[str, Any]
    settings: SearchConfig | None
    trials: pd.DataFrame
    provenance: dict[str, Any]
    failures: tuple[Failure, ...] = ()

    @property
    def name(self) -> str:
        """The experiment."""
        experiments = self.trials["experiment"].dropna()
        recorded = str(experiments.iloc[0]) if len(experiments) else self.folder.resolve().name
        return str(self.config.get("name") or recorded)

    @property
    def _proxy(self) -> dict[str, Any]:
        """The settings of what was trained: the whole configuration, of a study its proxy's."""
        proxy = self.config.get("proxy", self.config)
        return proxy if isinstance(proxy, dict) else {}

    @property
    def baseline(self) -> str:
        """Name of what was scaled; the experiment's where it is not recorded."""
        table = self._proxy.get("baseline")
        name = table.get("name") if isinstance(table, dict) else None
        return str(name) if name else self.name

    @property
    def title(self) -> str:
        """Experiment and data set, for charts."""
        data = self._proxy.get("data")
        return f"{self.name} on {data['name']}" if isinstance(data, dict) and data.get("name") else self.name

    @property
    def noise(self) -> NoiseFloor | None:
        """Seed-to-seed spread, where a network has two complete seeds."""
        return noise_floor(at_own_rate(self.trials))

    @property
    def space(self) -> SearchedSpace | None:
        """What was scaled, and to which cost."""
        if self.settings is None:
            return None
        return SearchedSpace(
            baseline=self.settings.baseline_spec,
            rounding=self.settings.rounding_rules,
            target=self.settings.target,
        )

    def ranking(self) -> pd.DataFrame:
        """Return one row a trained network, best first, with its verdict against noise."""
        return ranked(at_own_rate(self.trials), self.noise)

    def chart_data(self) -> RunData:
        """Return the run as its charts see it; of a study what has the recipe's own learning rate."""
        trials = at_own_rate(self.trials)
        return RunData(trials=trials, title=self.title, noise=usual_difference(trials), space=self.space)

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
        scaled = scale(baseline, multipliers, settings.rounding_rules)
        spec = replace(scaled, image_size=int(row["image_size"]))
    except (ScalingError, TypeError, ValueError):
        return None
    return _checked(spec, row)


def _checked(spec: ArchitectureSpec, row: pd.Series[Any]) -> ArchitectureSpec | None:
    cost = count_cost(spec)
    counted, recorded = (
        [int(value) for value in counts]
        for counts in (
            (cost.params, cost.macs, cost.activations),
            (row["params"], row["macs"], row["activations"]),
        )
    )
    return spec if counted == recorded else None


def read_record(folder: Path) -> RunRecord:
    """Read a run's folder, or a folder of exported results, as it stands.

    Raises:
        ResultsError: there is neither a configuration nor a table of trials, or a file is damaged.
    """
    provenance = _document(folder / "provenance.json") or {}
    config = _document(folder / "config.json")
    trials = folder / "trials.csv"
    if config is None and not trials.exists():
        raise ResultsError(f"{folder} is not the folder of a run: there is no config.json and no trials.csv")
    if config is None:
        recorded = provenance.get("config")
        config = recorded if isinstance(recorded, dict) else {}
    return RunRecord(
        folder=folder,
        config=config,
        settings=_settings(config, folder),
        trials=read_trials(trials) if trials.exists() else trials_frame([]),
        provenance=provenance,
    )


def read_live(folder: Path, place: URL | None = None) -> RunRecord:
    """Read a run as its database has it at this moment; exported results, which have none, from their files.

    Args:
        folder: of the run, or of its exported results.
        place: the study's database; the folder's own SQLite file if None.

    Raises:
        ResultsError: as `read_record`; or the database cannot be read.
    """
    record, run = read_record(folder), RunFolder(path=folder)
    place = place or sqlite_url(run.database)
    if record.settings is None or (is_sqlite(place) and not file_of(place).exists()):
        return record
    found = read_snapshot(run, place)
    return replace(record, trials=found.trials, failures=found.failures)


def _settings(config: dict[str, Any], folder: Path) -> SearchConfig | None:
    try:
        return parse_config(config, where=str(folder / "config.json"))
    except ScalingError:  # a configuration of another version: what needs it is left out
        return None


def _document(path: Path) -> dict[str, Any] | None:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
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
