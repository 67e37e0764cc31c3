"""The noise floor: of a study's baseline, or of everything that a finished run has trained more than once."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from scaling.analysis.floor import NoiseReport, noise_report
from scaling.analysis.intervals import LEVEL
from scaling.analysis.power import POWER
from scaling.errors import ResultsError
from scaling.plans.networks import BASELINE
from scaling.plans.study.trials import StudyState
from scaling.runs.trials_table import at_own_rate, read_trials


def noise_of_baseline(
    state: StudyState, trials: pd.DataFrame, *, validation_images: int
) -> NoiseReport | None:
    """Return the noise of the baseline at the recipe's learning rate; None below two seeds."""
    right = [
        one.right
        for trial in state.trials
        if trial.network.name == BASELINE and trial.learning_rate_factor == 1
        for one in trial.results.values()
        if one is not None and one.right is not None
    ]
    rows = at_own_rate(trials[trials["name"] == BASELINE])
    answers = np.array(right, dtype=bool) if len(right) > 1 else None
    try:
        return noise_report(rows, validation_images=validation_images, right_SN=answers)
    except ResultsError:
        return None


def noise_of_run(folder: Path) -> NoiseReport:
    """Return the noise floor of a run, or of exported results: all networks with two seeds or more, pooled.

    Raises:
        ResultsError: a file is missing or damaged, or no network has two complete seeds.
    """
    trials = at_own_rate(read_trials(folder / "trials.csv"))
    return noise_report(trials, validation_images=_validation_images(folder / "provenance.json"))


def noise_document(report: NoiseReport) -> dict[str, Any]:
    """Return a report as plain data: fractions, with the methods named."""
    plain = asdict(report)
    floor = plain.pop("floor")
    return {
        **floor,
        "limits_method": "chi-square",
        **plain,
        "level": LEVEL,
        "power": POWER,
        "test": "two-sided t-test of two means, equal seeds each",
    }


def _validation_images(provenance: Path) -> int:
    """Return how many images judged: by a run's setup; results of earlier versions name it otherwise."""
    try:
        config = json.loads(provenance.read_text(encoding="utf-8"))["config"]
        setup = config.get("setup") or config.get("proxy") or config
        return int(setup["data"]["validation"])
    except FileNotFoundError:
        raise ResultsError(
            f"{provenance.parent} has no {provenance.name}: it is not the folder of a run"
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise ResultsError(f"{provenance} does not say how many validation images there were") from None
