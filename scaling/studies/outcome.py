"""What a study leaves in its folder, but its charts: table, conclusions, card, provenance."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from scaling.analysis.law_fits import Bootstrap
from scaling.analysis.law_networks import sources_of
from scaling.analysis.law_report import LawReport, report_laws
from scaling.atomic_write import write_json, write_text
from scaling.errors import ResultsError
from scaling.provenance import provenance, utc_now
from scaling.runs.trials_table import write_trials
from scaling.studies.card import Item, card_document, card_of, card_text
from scaling.studies.conclusions import Conclusions, concluded, conclusions_document, noise_of
from scaling.studies.config import BASELINE, Size
from scaling.studies.equality import calibration_document, training_words
from scaling.studies.folder import StudyFolder
from scaling.studies.networks import winner_of
from scaling.studies.times import measured_words, with_measured
from scaling.studies.trials import Bench, State, table_of_trials
from scaling.targets.target import Metric
from scaling.training.store import TrainingStore

LAW_RESAMPLES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A study as it stands.

    Args:
        bench: the study at one size on one proxy.
        state: how far it is.
        trials: its table.
        conclusions: what the table shows.
        laws: of every strategy, where the study asks for them and anything is complete.
        card: the reproducibility card.
        document: everything as plain data, as result.json has it.
    """

    bench: Bench
    state: State
    trials: pd.DataFrame
    conclusions: Conclusions
    laws: LawReport | None
    card: tuple[Item, ...]
    document: dict[str, Any]


def outcome_of(
    bench: Bench,
    state: State,
    size: Size,
    record: dict[str, Any],
    times: dict[str, float] | None = None,
) -> Outcome:
    """Return what a study shows by now; right at any moment.

    Args:
        bench: the study.
        state: how far it is.
        size: quick or standard.
        record: provenance of this launch.
        times: measured milliseconds of the networks, of a study at equal time.
    """
    trials = table_of_trials(bench, state)
    images = bench.proxy.data.validation
    found = concluded(trials, bench.study.expect, validation_images=images, spread=bench.study.expect_spread)
    laws = laws_of(trials) if bench.study.law else None
    study, members = bench.study, state.members
    latency = with_measured(calibration_document(bench, members), times)
    card = card_of(bench, state, trials, found, record, measured=measured_words(latency))
    document = {
        "schema_version": 1,
        "study": study.name,
        "size": size.value,
        "data": bench.proxy.data.name,
        "question": study.question,
        "prediction": study.prediction,
        "missing_trainings": len(state.missing),
        "complete": state.complete,
        "equal": training_words(bench, members),
        "conclusions": conclusions_document(found),
        "networks": networks_document(trials, found),
        "not_on_target": [
            {"name": trial.member.name, "problem": trial.member.problem}
            for trial in state.trials
            if trial.member.problem is not None and trial.learning_rate_factor == 1
        ],
        "winner": _winner(state),
        "noise": _noise(bench, state, trials),
    }
    metric = bench.scene.target.metric
    if metric != Metric.MACS:
        document["metric"] = metric.value
    if latency is not None:
        document["latency"] = latency
    return Outcome(
        bench=bench, state=state, trials=trials, conclusions=found, laws=laws, card=card, document=document
    )


def write_outcome(outcome: Outcome, folder: StudyFolder, record: dict[str, Any]) -> None:
    """Write table, conclusions, card and provenance, each whole or not at all.

    Raises:
        ResultsError: the folder cannot be written.
    """
    write_trials(folder.trials, outcome.trials)
    write_json(folder.result, outcome.document)
    write_json(folder.card, card_document(outcome.card))
    write_text(folder.card_text, card_text(outcome.bench.title, outcome.card))
    finished = utc_now() if outcome.state.complete else None
    write_json(folder.provenance, {**record, "finished": record.get("finished") or finished})


def record_of(bench: Bench, state: State, store: TrainingStore, folder: StudyFolder) -> dict[str, Any]:
    """Return the provenance of a launch; the first launch and all later ones stay listed."""
    sums = {
        f"{name} at {trial.member.spec.image_size} px": checksum
        for trial, results in zip(state.trials, state.results, strict=True)
        for one in results.values()
        if one is not None and trial.member.spec is not None
        for name, checksum in zip(("train", "validation"), one.identity["data"]["checksums"], strict=True)
    }
    record = provenance(
        config={"study": bench.study.model_dump(mode="json"), "proxy": bench.proxy.document()},
        config_key=bench.proxy.key(),
        command=sys.argv,
        device=str(store.device),
        data_checksums=dict(sorted(sums.items())),
        started=utc_now(),
        finished=None,
    )
    earlier = _launches(folder)
    launches = [*earlier, {"started": record["started"], "commit": record["commit"]}]
    return {**record, "launches": launches, "started": launches[0]["started"]}


def _launches(folder: StudyFolder) -> list[dict[str, Any]]:
    try:
        found = json.loads(folder.provenance.read_text(encoding="utf-8"))["launches"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return found if isinstance(found, list) else []


def laws_of(trials: pd.DataFrame) -> LawReport | None:
    """Return the laws of a study's strategies at the recipe's learning rate; None before any is complete."""
    try:
        (source,) = sources_of([trials], cost="macs")
    except ResultsError:
        return None
    return report_laws(source, lambda _name: Bootstrap(resamples=LAW_RESAMPLES))


def networks_document(trials: pd.DataFrame, found: Conclusions) -> list[dict[str, Any]]:
    """Return one row a network and learning rate: mean with its 95 % interval, seeds, costs."""
    noise = dict(found.noise)
    rows = []
    for _, part in trials.groupby("trial", sort=True):
        first, complete = part.iloc[0], part[part["state"] == "complete"]
        rate = float(first["learning_rate_factor"])
        values = [float(value) for value in complete["top1"]]
        reach = noise[rate].reach(len(values)) if values and rate in noise else None
        mean = float(np.mean(values)) if values else None
        rows.append(
            {
                "name": str(first["name"]),
                "kind": str(first["kind"]),
                "strategy": str(first["strategy"]),
                "learning_rate_factor": rate,
                "target_factor": _plain(first["target_factor"]),
                "achieved_factor": _plain(first["achieved_factor"]),
                **{key: _plain(first[key]) for key in ("image_size", "params", "macs", "activations")},
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


def _winner(state: State) -> dict[str, Any] | None:
    winner = winner_of([trial.member for trial in state.trials])
    if winner is None or winner.shares is None:
        return None
    depth, width, resolution = winner.shares.shares
    base = winner.shares.bases(2.0, phi=1.0)
    return {
        "shares": {"depth": depth, "width": width, "resolution": resolution},
        "bases_at_alpha_beta2_gamma2_2": {"alpha": base.alpha, "beta": base.beta, "gamma": base.gamma},
    }


def _noise(bench: Bench, state: State, trials: pd.DataFrame) -> dict[str, Any] | None:
    """Return the noise report of the baseline, the share of finitely many images included."""
    right = [
        one.right
        for trial, results in zip(state.trials, state.results, strict=True)
        if trial.member.name == BASELINE and trial.learning_rate_factor == 1
        for one in results.values()
        if one is not None and one.right is not None
    ]
    table = np.array(right, dtype=bool) if len(right) > 1 else None
    found = noise_of(trials, BASELINE, validation_images=bench.proxy.data.validation, right=table)
    return None if found is None else asdict(found)
