"""What a search found, in sentences that its numbers make; the first is the conclusion."""

from __future__ import annotations

from typing import Any

import pandas as pd

from scaling.analysis.noise import not_learned
from scaling.plans.search.config import SearchConfig

PAPER = "the paper's shares (1.2, 1.1, 1.15)"


def conclusion(surface: dict[str, Any], data: str) -> list[str]:
    """Return the answer of a surface as result.json has it, the conclusion first, each with its interval."""
    if "refusal" in surface:
        return [f"No surface can be fitted yet: {surface['refusal']}."]
    sentences = [_gains(surface, data), _contrasts(surface), _optimum(surface)]
    return [*sentences, *_network(surface), *_other_units(surface), *_forms(surface)]


def unlearned(trials: pd.DataFrame, config: SearchConfig) -> list[str]:
    """Name the networks that are not significantly above chance; nothing where all are."""
    classes = config.baseline_spec.num_classes
    found = not_learned(trials, classes=classes, images=config.setup.data.validation)
    listed = ", ".join(map(str, found))
    return (
        [f"These networks did not learn (chance is {100 / classes:.3g} %): trials {listed}."] if found else []
    )


def _gains(surface: dict[str, Any], data: str) -> str:
    ordered = sorted(surface["gains"].items(), key=lambda one: -one[1]["points_per_doubling"])
    first, *others = (
        (f"{signed(one['points_per_doubling'])} ± {(one['high'] - one['low']) / 2:.1f}", name)
        for name, one in ordered
    )
    rest = ", ".join(f"{gain} by {name}" for gain, name in others)
    return f"On {data} a doubling of cost is worth {first[0]} points by {first[1]}, {rest} (95 %)."


def _contrasts(surface: dict[str, Any]) -> str:
    """Say which gains differ significantly."""
    apart, alike = list[str](), list[str]()
    for name, one in surface["contrasts"].items():
        better, worse = name.split("-") if one["value"] >= 0 else reversed(name.split("-"))
        reach = (one["high"] - one["low"]) / 2
        said = f"{better} over {worse} by {abs(one['value']):.1f} ± {reach:.1f}"
        (alike if one["low"] <= 0 <= one["high"] else apart).append(said)
    found = []
    if apart:
        found.append(f"Significantly different: {', '.join(apart)} points a doubling.")
    if alike:
        found.append(f"Not significantly different: {', '.join(alike)}.")
    return " ".join(found)


def _optimum(surface: dict[str, Any]) -> str:
    ordered = sorted(surface["optimum"]["intervals"].items(), key=lambda one: -one[1]["value"])
    parts = ", ".join(
        f"{name} {100 * one['value']:.0f} % ({100 * one['low']:.0f} to {100 * one['high']:.0f})"
        for name, one in ordered
    )
    return (
        f"Best at {surface['factor']:g}× the cost: {parts} of the doublings. The probability that all three "
        f"dimensions should grow is {surface['interior_probability']:.2f}."
    )


def _network(surface: dict[str, Any]) -> list[str]:
    """Say what to build, and what it beats."""
    network, against = surface["network"], dict(surface["against"])
    if network is None:
        return ["No network on target can be built."]
    predicted, trained = network["predicted_top1"], network["trained"]
    reach = 50 * (predicted["high"] - predicted["low"])
    found = [
        f"The network to build has {network['image_size']} px and {network['params']:,} params; predicted "
        f"{100 * predicted['value']:.1f} ± {reach:.1f} %{_trained(trained)}."
    ]
    paper = against.pop("compound", None)
    if paper is not None:
        found.append(_versus(paper, PAPER))
    if against:
        name = min(against, key=lambda one: against[one]["value"])
        found.append(_versus(against[name], f"{name} alone, the best single dimension"))
    return found


def _trained(trained: dict[str, Any] | None) -> str:
    if trained is None:
        return ", not trained yet"
    seeds = f"{trained['seeds']} seed{'s' * (trained['seeds'] != 1)}"
    return f"; trained with {seeds} that did not choose it: {100 * trained['top1']:.1f} %"


def _versus(one: dict[str, float], other: str) -> str:
    """Compare the network to build with another at the same cost."""
    if max(abs(one["low"]), abs(one["high"])) < 0.05:
        return f"It is the network of {other}."
    interval = f"({signed(one['low'])} to {signed(one['high'])})"
    if one["low"] <= 0 <= one["high"]:
        return f"It is not significantly different from {other}: {signed(one['value'])} points {interval}."
    verb = "beats" if one["value"] > 0 else "is below"
    return f"It {verb} {other} by {abs(one['value']):.1f} points {interval}."


def _other_units(surface: dict[str, Any]) -> list[str]:
    """Say the gains in nats of validation loss and per cent of the error."""
    found = []
    for key, unit, digits in (
        ("loss_gains", "nats of validation loss", 2),
        ("error_gains", "% of the error", 0),
    ):
        gains = sorted(surface[key].items(), key=lambda one: -one[1]["value"])
        parts = [
            f"{name} {one['value']:.{digits}f} ± {(one['high'] - one['low']) / 2:.{digits}f}"
            for name, one in gains
        ]
        if parts:
            found.append(f"{', '.join(parts)} {unit}")
    return [f"A doubling takes off: {'; '.join(found)}.".replace("-", "−")] if found else []


def _forms(surface: dict[str, Any]) -> list[str]:
    errors = [f"{one['form']} {one['error']:.1f}" for one in surface["forms"] if one["error"] is not None]
    fitted = (
        f"Fitted to {surface['trainings']} trainings of {surface['networks']} networks: {surface['form']}"
    )
    left_out = f"; error in points in predicting a network left out: {', '.join(errors)}" if errors else ""
    return [f"{fitted}{left_out}."]


def signed(value: float) -> str:
    """Write a number with its sign, one digit after the point.

    >>> signed(1.26), signed(-0.5)
    ('+1.3', '−0.5')
    """
    return f"{value:+.1f}".replace("-", "−")
