"""What a study holds equal between its networks, in which words it says so, and how long they really take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import torch

from scaling.cost import count_cost
from scaling.errors import ConfigError
from scaling.latency.timing import Conditions, measure_ms, medians
from scaling.network.architecture import ArchitectureSpec
from scaling.plans.networks import BASELINE, PlannedNetwork
from scaling.plans.study.config import Equal
from scaling.plans.study.plan import StudyPlan
from scaling.targets.target import Metric
from scaling.training.kernels import Progress, kernels_for, no_progress
from scaling.training.options import KernelChoice

ROUNDS = 5
"""Of timing."""

COSTS = {
    Metric.MACS: "cost",
    Metric.PARAMS: "params",
    Metric.ACTIVATIONS: "activations",
    Metric.LATENCY: "predicted time",
}
"""What a metric is called in sentences."""


def check_plan(plan: StudyPlan) -> None:
    """Refuse a study whose limits the baseline breaks, or that has no model of the time it holds equal.

    Raises:
        ConfigError: the baseline is beyond the limits, or far beyond the calibration's range; or the design
            has no latency model.
    """
    target = plan.space.target
    wants_time = target.metric == Metric.LATENCY or target.limits.max_latency_ms is not None
    if wants_time and not target.latency.known:
        raise ConfigError(
            "predicted time needs a model of a device's time: scaling latency --calibrate writes one, "
            "--set design.latency.calibration=FILE takes it"
        )
    if not target.within_limits(plan.space.baseline):
        raise ConfigError("the baseline itself is beyond design.limits or design.largest_image_size")
    if target.metric == Metric.LATENCY and plan.calibration is not None:
        plan.calibration.predict_ms(plan.space.baseline)  # refuses what is far beyond its range


def training_words(plan: StudyPlan, networks: Sequence[PlannedNetwork]) -> str:
    """Say which of epochs and compute is equal between the networks that are trained, and how closely."""
    epochs = plan.setup.recipe.epochs
    if plan.equal == Equal.EPOCHS:
        return f"epochs ({epochs})"
    base = count_cost(plan.space.baseline).macs * epochs
    shares = [
        count_cost(one.spec).macs * plan.epochs(one) / base
        for one in networks
        if one.spec is not None and one.problem is None
    ]
    return (
        f"compute (epochs: {epochs} of the baseline, of others their share, rounded, at least 1: "
        f"{min(shares):.2f} to {max(shares):.2f} of the baseline's compute)"
    )


def _trained(networks: Sequence[PlannedNetwork]) -> dict[str, ArchitectureSpec]:
    return {one.name: one.spec for one in networks if one.spec is not None and one.problem is None}


def held_equal(plan: StudyPlan, networks: Sequence[PlannedNetwork]) -> list[str]:
    """Say what is equal where it is not multiply-adds and epochs, as in most studies."""
    metric = plan.space.target.metric
    lines = [] if plan.equal == Equal.EPOCHS else [f"Equal {training_words(plan, networks)}."]
    if metric in {Metric.PARAMS, Metric.ACTIVATIONS}:
        lines.append(f"Equal {COSTS[metric]}.")
    lines += calibration_words(plan, networks)
    return lines if metric == Metric.MACS else [*lines, "The column of cost counts multiply-adds."]


def calibration_document(plan: StudyPlan, networks: Sequence[PlannedNetwork]) -> dict[str, Any] | None:
    """Return which device's time was predicted, how far off that may be, and for which networks.

    Returns:
        None where the study is at equal cost of another kind; `calibrated` is False where the coefficients
        came without a file.
    """
    target, found = plan.space.target, plan.calibration
    if target.metric != Metric.LATENCY:
        return None
    trained = _trained(networks)
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


def calibration_words(plan: StudyPlan, networks: Sequence[PlannedNetwork]) -> list[str]:
    """Say the same in sentences; none where time is not what is equal."""
    document = calibration_document(plan, networks)
    if document is None:
        return []
    found = plan.calibration
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


def measured_times(
    plan: StudyPlan, networks: Sequence[PlannedNetwork], progress: Progress = no_progress
) -> dict[str, float] | None:
    """Time a study's networks side by side on this machine, as its calibration was timed.

    Returns:
        Milliseconds a pass by name, medians over rounds; None where time is not what is equal, or where the
        calibration is of another device, another torch, or kernels that neither the setup nor a rule names.
    """
    found = plan.calibration
    if found is None:
        return None
    wanted, device = found.conditions, torch.device(plan.setup.device)
    specs = _trained(networks)
    for choice in dict.fromkeys((plan.setup.engine.kernels, KernelChoice.FIXED, KernelChoice.STOCK)):
        kernels = kernels_for(choice, device, threads=wanted.threads, dtype=wanted.dtype)
        here = Conditions.here(
            device, mode=wanted.mode, batch=wanted.batch, threads=wanted.threads, kernels=kernels
        )
        if here == wanted:
            times = measure_ms(list(specs.values()), here, device, kernels, rounds=ROUNDS, progress=progress)
            return dict(zip(specs, medians(times), strict=True))
    return None


def with_measured(document: dict[str, Any] | None, times: dict[str, float] | None) -> dict[str, Any] | None:
    """Add measured times to the predicted ones, and how far each network's is from its prediction.

    Both are relative to the baseline, which is what a study holds equal: a machine that is slower today than
    when it was calibrated is so for all.

    >>> document = {"predicted_ms": {"baseline": 1.0, "depth@2": 2.0}}
    >>> with_measured(document, {"baseline": 2.0, "depth@2": 4.4})["measured_over_predicted"]
    {'depth@2': 1.1}
    """
    if document is None or times is None:
        return document
    predicted = document["predicted_ms"]
    base = times[BASELINE] / predicted[BASELINE]
    over = {one: round(times[one] / predicted[one] / base, 6) for one in times if one != BASELINE}
    return {**document, "measured_ms": times, "measured_over_predicted": over}


def measured_words(document: dict[str, Any] | None) -> list[str]:
    """Say it in a sentence; none where nothing was measured.

    >>> measured_words({"measured_over_predicted": {"depth@2": 1.1, "width@2": 0.95}})
    ['Measured side by side here, relative to the baseline: 0.95 to 1.10 times the predicted times.']
    """
    over = [] if document is None else list(document.get("measured_over_predicted", {}).values())
    if not over:
        return []
    return [
        f"Measured side by side here, relative to the baseline: {min(over):.2f} to {max(over):.2f} times the "
        "predicted times."
    ]
