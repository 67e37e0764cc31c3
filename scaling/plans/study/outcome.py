"""What a study has found by now: table, conclusions, noise, laws, card, and all of it as one document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from scaling.analysis.floor import NoiseReport, noise_report
from scaling.analysis.intervals import LEVEL
from scaling.analysis.law_fits import Bootstrap
from scaling.analysis.law_networks import sources_of
from scaling.analysis.law_report import LawReport, report_laws
from scaling.analysis.power import POWER
from scaling.atomic_write import LARGEST_DOCUMENT, json_of, read_regular
from scaling.errors import ResultsError
from scaling.plans.networks import BASELINE
from scaling.plans.study.card import Item, card_of
from scaling.plans.study.conclusions import Conclusions, concluded, conclusions_document
from scaling.plans.study.config import Noise
from scaling.plans.study.equality import calibration_document, measured_words, training_words, with_measured
from scaling.plans.study.networks import winner_of
from scaling.plans.study.plan import StudyPlan
from scaling.plans.study.trials import StudyState
from scaling.runs.arithmetic import arithmetic_document
from scaling.runs.trials_table import at_own_rate, read_trials
from scaling.targets.target import Metric

LAW_RESAMPLES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyOutcome:
    """What a study has found by now.

    Args:
        noise: of the baseline at the recipe's learning rate; None below two seeds.
        laws: of every strategy, where the study asks for them and anything is complete.
    """

    plan: StudyPlan
    state: StudyState
    trials: pd.DataFrame
    conclusions: Conclusions
    noise: NoiseReport | None
    laws: LawReport | None
    card: tuple[Item, ...]
    document: dict[str, Any]
    provenance: Mapping[str, Any]

    @property
    def conclusion(self) -> str:
        """What becomes of the prediction, in a sentence; the noise, if it asks for that; what is missing."""
        missing = len(self.state.missing)
        more = "" if self.state.final else ", and more follow"
        partial = f" PARTIAL: trainings missing: {missing}{more}." if missing else ""
        spread = ""
        if self.noise is not None and isinstance(self.plan.design, Noise):
            value, low, high = (
                100 * one for one in (self.noise.floor.standard_deviation, *self.noise.limits)
            )
            spread = f"Seeds spread by {value:.2f} points ({low:.2f} to {high:.2f}). "
        return spread + self.conclusions.sentence + partial


def outcome_of(
    plan: StudyPlan,
    state: StudyState,
    record: Mapping[str, Any],
    times: dict[str, float] | None = None,
) -> StudyOutcome:
    """Return what a study shows by now; right at any moment."""
    trials = state.table(plan.title, plan.space.baseline, plan.space.target)
    images = plan.validation_images
    found = concluded(trials, plan.study.expect, validation_images=images, spread=plan.study.expect_spread)
    latency = with_measured(calibration_document(plan, state.networks), times)
    noise = noise_of_baseline(state, trials, validation_images=images)
    document = _document(plan, state, trials, found)
    document["noise"] = None if noise is None else noise_document(noise)
    if latency is not None:
        document["latency"] = latency
    return StudyOutcome(
        plan=plan,
        state=state,
        trials=trials,
        conclusions=found,
        noise=noise,
        laws=laws_of(trials) if plan.study.law else None,
        card=card_of(plan, state, trials, found, record, measured=measured_words(latency)),
        document=document,
        provenance=record,
    )


def _document(plan: StudyPlan, state: StudyState, trials: pd.DataFrame, found: Conclusions) -> dict[str, Any]:
    study, metric = plan.study, plan.space.target.metric
    return {
        "schema_version": 1,
        "study": study.name,
        "size": plan.size.value,
        "data": plan.setup.data.name,
        "question": study.question,
        "prediction": study.prediction,
        "missing_trainings": len(state.missing),
        "complete": state.complete,
        "equal": training_words(plan, state.networks),
        "conclusions": conclusions_document(found),
        "networks": networks_document(trials, found),
        "not_on_target": [
            {"name": trial.network.name, "problem": trial.network.problem}
            for trial in state.trials
            if trial.network.problem is not None and trial.learning_rate_factor == 1
        ],
        "winner": _winner(state),
        "arithmetic": arithmetic_document(state.records),
        **({} if metric == Metric.MACS else {"metric": metric.value}),
    }


def laws_of(trials: pd.DataFrame) -> LawReport | None:
    """Return the laws of a study's strategies at the recipe's learning rate; None before any is complete."""
    try:
        (source,) = sources_of([trials], cost="macs")
    except ResultsError:
        return None
    return report_laws(source, lambda _name: Bootstrap(resamples=LAW_RESAMPLES))


def networks_document(trials: pd.DataFrame, found: Conclusions) -> list[dict[str, Any]]:
    """Return one row a network and learning rate: mean with its 95 % interval, seeds, costs."""
    noise, rows = dict(found.noise), []
    for _, part in trials.groupby("trial", sort=True):
        first, complete = part.iloc[0], part[part["state"] == "complete"]
        rate, values = float(first["learning_rate_factor"]), [float(value) for value in complete["top1"]]
        mean = float(np.mean(values)) if values else None
        reach = noise[rate].reach(len(values)) if values and rate in noise else None
        costs = ("target_factor", "achieved_factor", "image_size", "params", "macs", "activations")
        rows.append(
            {
                **{key: str(first[key]) for key in ("name", "kind", "strategy")},
                "learning_rate_factor": rate,
                **{key: _plain(first[key]) for key in costs},
                "seeds": [int(seed) for seed in complete["seed"]],
                "top1": values,
                "mean": mean,
                "low": None if mean is None or reach is None else mean - reach,
                "high": None if mean is None or reach is None else mean + reach,
                "states": {str(state): int(count) for state, count in part["state"].value_counts().items()},
            }
        )
    return rows


def _plain(value: Any) -> float | int | None:
    if pd.isna(value):
        return None
    return int(value) if isinstance(value, (int, np.integer)) else float(value)


def _winner(state: StudyState) -> dict[str, Any] | None:
    winner = winner_of(state.networks)
    if winner is None or winner.shares is None:
        return None
    depth, width, resolution = winner.shares.shares
    base = winner.shares.bases(2.0, phi=1.0)
    return {
        "shares": {"depth": depth, "width": width, "resolution": resolution},
        "bases_at_alpha_beta2_gamma2_2": {"alpha": base.alpha, "beta": base.beta, "gamma": base.gamma},
    }


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
        config = json_of(read_regular(provenance, LARGEST_DOCUMENT))["config"]
        setup = config.get("setup") or config.get("proxy") or config
        return int(setup["data"]["validation"])
    except FileNotFoundError:
        raise ResultsError(
            f"{provenance.parent} has no {provenance.name}: it is not the folder of a run"
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise ResultsError(f"{provenance} does not say how many validation images there were") from None
