"""Tables of trials, or published figures, as the networks a law is fitted to."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from scaling.analysis.noise import noise_floor
from scaling.cost import count_cost
from scaling.errors import ConfigError, ResultsError
from scaling.network.families import variant
from scaling.network.published import published
from scaling.runs.trials_table import at_own_rate

COSTS = ("macs", "params", "activations")
DIMENSIONS = ("depth", "width", "resolution")
ALL = "all"
BASELINE = "baseline"
OFFICIAL = "EfficientNet"
_PRINTED = {"macs": ("macs_billions", 1e9), "params": ("params_millions", 1e6)}
"""Column and unit of the costs that the paper prints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """One trained network.

    Args:
        name: for messages.
        strategy: how it was scaled.
        cost: above 0.
        coefficients: of depth, width and resolution, beside its baseline; None where not known.
        errors: 1 − top1 (fractions) of each seed.
    """

    name: str
    strategy: str
    cost: float
    coefficients: tuple[float, float, float] | None
    errors: tuple[float, ...]

    @property
    def error(self) -> float:
        """Mean over seeds."""
        return math.fsum(self.errors) / len(self.errors)


@dataclass(frozen=True, slots=True, kw_only=True)
class LawData:
    """Networks that may stand in one law: one experiment, one length of training.

    Args:
        name: of the experiment, or of the published family.
        cost: the column that `Network.cost` is.
        networks: each once a strategy.
        noise: standard deviation of the error from seed to seed (fraction), pooled; None if not known.
        epochs: of every training; None where not known.
        left_out: complete trainings of fewer epochs, not used.
    """

    name: str
    cost: str
    networks: tuple[Network, ...]
    noise: float | None = None
    epochs: int | None = None
    left_out: int = 0

    def strategies(self) -> dict[str, tuple[Network, ...]]:
        """Return the networks of each strategy, the baseline opening each; `all` has every network once."""
        names = dict.fromkeys(one.strategy for one in self.networks if one.strategy != BASELINE)
        groups = {
            name: tuple(one for one in self.networks if one.strategy in (BASELINE, name)) for name in names
        }
        if len(names) == 1:
            return groups
        return {ALL: self.networks, **groups}


def sources_of(
    trials: Iterable[pd.DataFrame], *, cost: str, by: str | None = None, pooled: bool = False
) -> tuple[LawData, ...]:
    """Return what may be fitted together: the longest complete trainings of each experiment.

    Of a study, those at the recipe's own learning rate.

    Args:
        trials: tables of trials.
        cost: `macs`, `params` or `activations`.
        by: column whose values are the strategies; None: a study's own, a reference's name in searches and
            `search` for all else in them.
        pooled: take all tables as one experiment.

    Raises:
        ConfigError: there is no such column.
        ResultsError: no training is complete.
    """
    whole = at_own_rate(pd.concat(list(trials), ignore_index=True))
    if by is not None and by not in whole.columns:
        raise ConfigError(f"expected a column of the tables for --by, got {by!r}: {', '.join(whole.columns)}")
    complete = whole[(whole["state"] == "complete") & whole["top1"].notna()]
    if complete.empty:
        raise ResultsError("no training in these tables is complete: there is nothing to fit")
    reference = complete["kind"].eq("reference").fillna(value=False).astype(bool)
    strategy = _strategies(complete, reference) if by is None else complete[by].astype("string")
    base = reference & complete["name"].eq(BASELINE).fillna(value=False)
    marked = complete.assign(strategy=strategy.fillna("unnamed").where(~base, BASELINE), baseline=base)
    if pooled:
        marked = marked.assign(experiment=" + ".join(dict.fromkeys(marked["experiment"].astype(str))))
    return tuple(
        _source(str(name), rows, cost)
        for name, rows in marked.groupby("experiment", sort=False, dropna=False)
    )


def _strategies(rows: pd.DataFrame, reference: pd.Series[bool]) -> pd.Series[str]:
    named = rows["name"].where(reference, "search").astype("string")
    return rows["strategy"].astype("string").fillna(named) if "strategy" in rows.columns else named


def _source(name: str, rows: pd.DataFrame, cost: str) -> LawData:
    longest = rows["fidelity_epochs"].max()
    used = rows if pd.isna(longest) else rows[rows["fidelity_epochs"].eq(longest).fillna(value=False)]
    # Resolution coefficient 1 is the baseline's image size, where it was trained.
    sizes = used.loc[used["baseline"], "image_size"].dropna()
    size = float(sizes.iloc[0]) if len(sizes) else math.nan
    networks = [
        _network(str(strategy), part, cost, size)
        for (strategy, _), part in used.groupby(["strategy", "architecture"], sort=False)
    ]
    noise = noise_floor(used)
    return LawData(
        name=name,
        cost=cost,
        networks=tuple(networks),
        noise=None if noise is None or noise.standard_deviation == 0 else noise.standard_deviation,
        epochs=None if pd.isna(longest) else int(longest),
        left_out=len(rows) - len(used),
    )


def _network(strategy: str, rows: pd.DataFrame, cost: str, baseline_size: float) -> Network:
    first = rows.iloc[0]
    if pd.isna(first[cost]) or not first[cost] > 0:
        raise ResultsError(
            f"trial {first['trial']} has no {cost} above 0: a law needs the cost of every network"
        )
    columns = ("depth_coefficient", "width_coefficient", "image_size")
    depth, width, size = (math.nan if pd.isna(first[column]) else float(first[column]) for column in columns)
    known = not any(map(math.isnan, (depth, width, size, baseline_size)))
    return Network(
        name=f"{first['name']} (trial {first['trial']})",
        strategy=strategy,
        cost=float(first[cost]),
        coefficients=(depth, width, size / baseline_size) if known else None,
        errors=tuple((1 - rows["top1"].to_numpy(float)).tolist()),
    )


def published_source(family: str, *, cost: str = "macs") -> LawData:
    """Return a family of the paper's Table 2: EfficientNet at its exact cost, the others' as printed.

    One training each, so that its noise is not known.

    Args:
        family: as printed, in any case.
        cost: `macs` or `params`; of EfficientNet `activations` too.

    Raises:
        ConfigError: no family has that name, or no such cost is printed.

    Source: arXiv:1905.11946v5, Table 2.

    >>> source = published_source("efficientnet")
    >>> len(source.networks), round(source.networks[0].error, 3), source.networks[0].cost
    (8, 0.229, 385814752.0)
    """
    rows = [row for row in published("imagenet") if row["family"].lower() == family.lower()]
    if not rows:
        known = ", ".join(dict.fromkeys(row["family"] for row in published("imagenet")))
        raise ConfigError(f"expected a published family among {known}; got {family!r}")
    official = rows[0]["family"] == OFFICIAL
    if not official and cost not in _PRINTED:
        raise ConfigError(f"the paper prints no {cost} of {rows[0]['family']}: take --cost macs or params")
    networks = [_official(row, cost) for row in rows] if official else _printed(rows, *_PRINTED[cost])
    return LawData(name=f"{rows[0]['family']} (published)", cost=cost, networks=tuple(networks))


def _official(row: dict[str, str], cost: str) -> Network:
    spec = variant(row["model"].lower())
    assert spec.derivation is not None
    scaling, size = spec.derivation.scaling, spec.image_size / spec.derivation.baseline_image_size
    coefficients = (scaling.depth_coefficient, scaling.width_coefficient, size)
    return _trained_once(row, float(getattr(count_cost(spec), cost)), coefficients)


def _printed(rows: list[dict[str, str]], column: str, unit: float) -> list[Network]:
    return [_trained_once(row, float(row[column]) * unit, None) for row in rows if row[column]]


def _trained_once(
    row: dict[str, str], cost: float, coefficients: tuple[float, float, float] | None
) -> Network:
    errors = (round(1 - float(row["top1"]) / 100, 6),)
    return Network(
        name=row["model"], strategy=row["family"], cost=cost, coefficients=coefficients, errors=errors
    )


def scales_of(networks: Iterable[Network], *, apart: float) -> list[list[Network]]:
    """Group networks by cost, smallest first: a search's networks share one target.

    Args:
        networks: in any order.
        apart: ratio to the smallest of its group from which on a cost opens the next.

    >>> makes = lambda cost: Network(name="", strategy="", cost=cost, coefficients=None, errors=(0.5,))
    >>> [[one.cost for one in scale] for scale in scales_of(map(makes, (103, 100, 200)), apart=1.05)]
    [[100, 103], [200]]
    """
    scales: list[list[Network]] = []
    for network in sorted(networks, key=lambda one: one.cost):
        if scales and network.cost <= scales[-1][0].cost * apart:
            scales[-1].append(network)
        else:
            scales.append([network])
    return scales
