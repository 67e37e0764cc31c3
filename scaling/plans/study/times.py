"""Measured times of a study's networks, beside the predicted ones that it held equal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from scaling.latency.timing import Conditions, measure_ms, medians
from scaling.plans.networks import BASELINE, PlannedNetwork
from scaling.plans.study.plan import StudyPlan
from scaling.training.kernels import Progress, kernels_for, no_progress
from scaling.training.options import KernelChoice

ROUNDS = 5


def measured_times(
    plan: StudyPlan, networks: Sequence[PlannedNetwork], progress: Progress = no_progress
) -> dict[str, float] | None:
    """Time a study's networks side by side on this machine, as its calibration was timed.

    Args:
        plan: of the study.
        networks: its networks.
        progress: called with passes done and passes in all.

    Returns:
        Milliseconds a pass by name, medians over rounds; None where time is not what is equal, or where the
        calibration is of another device, another torch, or kernels that neither the setup nor a rule names.
    """
    found = plan.calibration
    if found is None:
        return None
    wanted, device = found.conditions, torch.device(plan.setup.device)
    specs = {one.name: one.spec for one in networks if one.spec is not None and one.problem is None}
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

    Args:
        document: of `calibration_document`.
        times: of `measured_times`.

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
