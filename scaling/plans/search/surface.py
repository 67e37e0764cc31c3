"""The surface of a search: what its trainings say together, and the network to build."""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from scaling.analysis.intervals import Estimate, estimate_of
from scaling.analysis.surface import (
    Draws,
    Observations,
    Response,
    SurfaceAnswer,
    answer,
    fit,
    observations_of,
    refusal_of,
)
from scaling.analysis.surface.answer import gains_of
from scaling.analysis.surface.design import Seen
from scaling.analysis.surface.observations import DIMENSIONS, Array, triangle
from scaling.cost import count_cost
from scaling.cost.doublings import doublings
from scaling.network.architecture import ArchitectureSpec
from scaling.plans.networks import CONFIRM, OPTIMUM, PlannedNetwork
from scaling.plans.search.config import SearchConfig
from scaling.plans.search.trial import SearchTrial, reference_trials
from scaling.runs.plan import Records
from scaling.targets.directions import Direction
from scaling.targets.realise import realise
from scaling.targets.shares import with_compound

DIRECTIONS = 10
"""Networks to build are looked for every 10 % of the triangle of shares."""
PAPER = "compound"
"""The reference with the paper's shares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A network that can be built on target; doublings by depth, width, resolution, after rounding."""

    network: PlannedNetwork
    x: tuple[float, float, float]


def seen_of(config: SearchConfig, trials: Sequence[SearchTrial], records: Records) -> Seen:
    """Return what a search has trained and asked for so far; what failed or diverged says nothing."""
    x, y, network, running, asked, impossible = [], [], [], [], [], []
    for trial in trials:
        wanted = asked_for(trial.network)
        if not trial.jobs:
            asked.append(wanted)
            impossible.append(wanted)
            continue
        assert trial.network.spec is not None
        place = np.array(_doublings(trial.network.spec, config.baseline_spec))
        for job in trial.jobs.values():
            asked.append(wanted)
            record = records.get(job.key)
            if record is None:
                running.append(place)
            elif record.top1 is not None:
                x.append(place)
                y.append(100 * record.top1)
                network.append(trial.network.key)
    observations = Observations(
        x=np.array(x).reshape(-1, 3),
        y=np.array(y),
        network=pd.factorize(np.array(network, dtype=object))[0].astype(np.int64),
        ceiling=Response.TOP1.ceiling,
    )
    return Seen(observations=observations, running=running, asked=asked, impossible=impossible)


def asked_for(network: PlannedNetwork) -> Array:
    """Return the coordinates of a network as asked for, (3,); 0 for the baseline."""
    if network.shares is None or network.factor is None:
        return np.zeros(3)
    return np.array(network.shares.shares) * math.log2(network.factor)


@lru_cache(maxsize=4096)
def _doublings(spec: ArchitectureSpec, baseline: ArchitectureSpec) -> tuple[float, float, float]:
    return doublings(spec, baseline)


@lru_cache(maxsize=4)
def buildable(config: SearchConfig) -> tuple[Built, ...]:
    """Return distinct networks on target all over the triangle of shares."""
    found: dict[str, Built] = {}
    for shares in triangle(DIRECTIONS):
        direction = Direction.of_shares(_exact(shares))
        made = realise(direction, config.baseline_spec, config.target, config.setup.rounding_rules)
        if made.feasible:
            network = PlannedNetwork(
                name=OPTIMUM,
                kind=CONFIRM,
                spec=with_compound(made.spec, made.compound),
                factor=config.target.factor,
                compound=made.compound,
                shares=direction,
            )
            place = doublings(made.spec, config.baseline_spec)
            found.setdefault(network.key, Built(network=network, x=place))
    return tuple(found.values())


def _exact(shares: Array) -> tuple[float, float, float]:
    depth, width = float(shares[0]), float(shares[1])
    return depth, width, max(0.0, 1 - depth - width)


def best_built(
    config: SearchConfig, observations: Observations, count: int, among: Container[str] = ()
) -> list[Built]:
    """Return the `count` networks that the surface expects to be best at the target, the best first.

    They are `among` some keys; any where none of those can be built.
    """
    options = [one for one in buildable(config) if one.network.key in among] or list(buildable(config))
    if refusal_of(observations) is not None or not options:
        return []
    expected = fit(observations).expected(np.array([one.x for one in options]))
    order = np.argsort(-expected, kind="stable")[:count]
    return [options[at] for at in order]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSurface:
    """What a search says, and what to build.

    Args:
        answer: of the surface.
        trained: seeds and mean top-1 (a fraction) of its confirmations; None before.
        built: the network that can be built and is expected to be best; None where none is on target.
        predicted: its accuracy in points.
        against: how much better it is than each reference at the same cost, in points.
        loss_gains: nats of validation loss that a doubling takes off, by dimension; empty where not recorded.
        error_gains: per cent of the error that a doubling takes off.
    """

    answer: SurfaceAnswer
    built: Built | None
    trained: dict[str, Any] | None
    predicted: Estimate | None
    against: dict[str, Estimate]
    loss_gains: dict[str, Estimate]
    error_gains: dict[str, Estimate]

    def document(self) -> dict[str, Any]:
        """Return it as plain data, as result.json has it."""
        network = None
        if self.built is not None and self.predicted is not None:
            network = {
                **_network_document(self.built.network),
                "predicted_top1": {name: end / 100 for name, end in asdict(self.predicted).items()},
                "trained": self.trained,
            }
        return {
            **self.answer.document(),
            "network": network,
            "against": {name: asdict(one) for name, one in self.against.items()},
            "loss_gains": {name: asdict(one) for name, one in self.loss_gains.items()},
            "error_gains": {name: asdict(one) for name, one in self.error_gains.items()},
        }


@lru_cache(maxsize=4)
def _answer(
    x: tuple[tuple[float, ...], ...],
    y: tuple[float, ...],
    network: tuple[int, ...],
    factor: float,
    least_spread: float,
) -> SurfaceAnswer:
    observations = Observations(
        x=np.array(x).reshape(-1, 3),
        y=np.array(y),
        network=np.array(network, np.int64),
        ceiling=Response.TOP1.ceiling,
    )
    return answer(observations, factor=factor, least_spread=least_spread)


def search_surface(config: SearchConfig, trials: pd.DataFrame) -> SearchSurface:
    """Return what the table of trials of a search says.

    Raises:
        ResultsError: no surface can be fitted; the message says why.
    """
    observations = observations_of(trials)
    found = _answer(
        tuple(map(tuple, observations.x.tolist())),
        tuple(observations.y.tolist()),
        tuple(observations.network.tolist()),
        config.target.factor,
        _least_spread(config, observations),
    )
    confirmed = trials.loc[(trials["kind"] == CONFIRM) & (trials["state"] == "complete"), "architecture"]
    best = best_built(config, observations, 1, among=set(confirmed.dropna()))
    built = best[0] if best else None
    predicted, against = None, dict[str, Estimate]()
    if built is not None:
        reached = found.draws.predict(np.array([built.x]))[0]
        predicted = estimate_of(float(reached.mean()), reached)
        against = {
            trial.network.name: found.difference(np.array(built.x), place)
            for trial in reference_trials(config)
            if (place := _place(config, trial)) is not None
        }
    return SearchSurface(
        answer=found,
        built=built,
        trained=None if built is None else _trained(trials, built.network.key),
        predicted=predicted,
        against=against,
        loss_gains=_gains(config, trials, Response.LOSS),
        error_gains=_gains(config, trials, Response.ERROR),
    )


def _trained(trials: pd.DataFrame, architecture: str) -> dict[str, Any] | None:
    """Return what the seeds that did not choose a network say of it; None before they have ended."""
    fresh = trials[
        (trials["kind"] == CONFIRM)
        & (trials["architecture"] == architecture)
        & (trials["state"] == "complete")
    ]
    if fresh.empty:
        return None
    return {"seeds": len(fresh), "top1": float(fresh["top1"].mean())}


def _place(config: SearchConfig, trial: SearchTrial) -> Array | None:
    """Return where a reference lies that is at the target's cost; None for others."""
    spec = trial.network.spec
    if spec is None or not trial.jobs or trial.network.shares is None:
        return None
    achieved = config.target.amount(spec) / config.target.amount(config.baseline_spec)
    return np.array(doublings(spec, config.baseline_spec)) if config.target.met_by(achieved) else None


def _gains(config: SearchConfig, trials: pd.DataFrame, response: Response) -> dict[str, Estimate]:
    observations = observations_of(trials, response)
    if refusal_of(observations) is not None:
        return {}
    draws: Draws = fit(observations).draw()
    slopes = gains_of(draws, config.target.factor)
    if response == Response.ERROR:
        slopes = 100 * (1 - np.exp(-slopes / 100))
    return {name: estimate_of(float(own.mean()), own) for name, own in zip(DIMENSIONS, slopes, strict=True)}


def _least_spread(config: SearchConfig, observations: Observations) -> float:
    """Return what the choice of the validation images alone makes of one accuracy, in points."""
    images = config.setup.data.validation
    if images is None or not len(observations):
        return 0.0
    share = min(max(float(observations.y.mean()) / 100, 0.0), 1.0)
    return 100 * math.sqrt(share * (1 - share) / images)


def _network_document(network: PlannedNetwork) -> dict[str, Any]:
    assert network.spec is not None
    assert network.compound is not None
    cost = count_cost(network.spec)
    return {
        **{name: getattr(network.compound, name) for name in ("alpha", "beta", "gamma", "phi")},
        "image_size": network.spec.image_size,
        "params": cost.params,
        "macs": cost.macs,
        "architecture": network.key,
    }
