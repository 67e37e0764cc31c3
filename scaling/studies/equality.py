"""What a study holds equal between its networks, and in which words it says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from scaling.cost import count_cost
from scaling.errors import ConfigError
from scaling.studies.config import Equal
from scaling.studies.networks import Member
from scaling.studies.trials import Bench
from scaling.targets.target import Metric

COSTS = {
    Metric.MACS: "cost",
    Metric.PARAMS: "params",
    Metric.ACTIVATIONS: "activations",
    Metric.LATENCY: "predicted time",
}
"""What a metric is called in sentences."""


def check_bench(bench: Bench) -> None:
    """Refuse a study at equal predicted time that has no model of time, or one of other networks.

    Raises:
        ConfigError: the proxy has no latency model, or its baseline is far beyond the calibration's range.
    """
    target = bench.scene.target
    if target.metric != Metric.LATENCY:
        return
    if not target.latency.known:
        raise ConfigError(
            "equal predicted time needs a model of a device's time: scaling latency --calibrate writes one, "
            "--set search.latency.calibration=FILE takes it"
        )
    if bench.calibration is not None:
        bench.calibration.predict_ms(bench.scene.baseline)  # refuses what is far beyond its range


def training_words(bench: Bench, members: Sequence[Member]) -> str:
    """Say which of epochs and compute is equal, and how closely.

    Args:
        bench: the study.
        members: its networks; those that are trained count.
    """
    epochs = bench.proxy.recipe.epochs
    if bench.equal == Equal.EPOCHS:
        return f"epochs ({epochs})"
    base = count_cost(bench.scene.baseline).macs * epochs
    shares = [
        count_cost(one.spec).macs * bench.epochs(one) / base
        for one in members
        if one.spec is not None and one.problem is None
    ]
    return (
        f"compute (epochs: {epochs} of the baseline, of others their share, rounded, at least 1: "
        f"{min(shares):.2f} to {max(shares):.2f} of the baseline's compute)"
    )


def held_equal(bench: Bench, members: Sequence[Member]) -> list[str]:
    """Say what is equal where it is not multiply-adds and epochs, as in most studies.

    Args:
        bench: the study.
        members: its networks.
    """
    metric = bench.scene.target.metric
    lines = [] if bench.equal == Equal.EPOCHS else [f"Equal {training_words(bench, members)}."]
    if metric in {Metric.PARAMS, Metric.ACTIVATIONS}:
        lines.append(f"Equal {COSTS[metric]}.")
    lines += calibration_words(bench, members)
    return lines if metric == Metric.MACS else [*lines, "The column of cost counts multiply-adds."]


def calibration_document(bench: Bench, members: Sequence[Member]) -> dict[str, Any] | None:
    """Return which device's time was predicted, how far off that may be, and for which networks.

    Args:
        bench: the study.
        members: its networks.

    Returns:
        None where the study is at equal cost of another kind; `calibrated` is False where the coefficients
        came without a file.
    """
    target, found = bench.scene.target, bench.calibration
    if target.metric != Metric.LATENCY:
        return None
    trained = {one.name: one.spec for one in members if one.spec is not None and one.problem is None}
    document: dict[str, Any] = {
        "calibrated": found is not None,
        "predicted_ms": {name: target.amount(spec) for name, spec in trained.items()},
    }
    if found is None:
        return document
    own = found.errors["model"]
    far = {name: beyond for name, spec in trained.items() if (beyond := found.beyond(spec))}
    return {
        **document,
        "conditions": asdict(found.conditions),
        "measured_at": found.measured_at,
        "median_error": own.median,
        "ninth_decile_error": own.ninth_decile,
        "held_out_networks": own.networks,
        "beyond": far,
    }


def calibration_words(bench: Bench, members: Sequence[Member]) -> list[str]:
    """Say the same in sentences; none where time is not what is equal."""
    document = calibration_document(bench, members)
    if document is None:
        return []
    found = bench.calibration
    if found is None:
        return [
            "Equal predicted time, by coefficients that came without a calibration: their error is not known."
        ]
    lines = [
        f"Equal predicted time, not measured: {found.conditions}. The calibration was off by "
        f"{100 * document['median_error']:.1f} % in the median on {document['held_out_networks']} networks "
        f"that took no part in it ({found.measured_at[:10]})."
    ]
    if document["beyond"]:
        lines.append(
            f"Beyond the calibrated range, so with an unknown error: {', '.join(document['beyond'])}."
        )
    return lines
