"""`scaling.fit`: laws of error against cost, of tables of trials or of published figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from scaling.analysis.law_fits import RESAMPLES, Bootstrap
from scaling.analysis.law_networks import COSTS, published_source, sources_of
from scaling.analysis.law_report import LawReport, report_laws
from scaling.errors import ConfigError
from scaling.report import read_record
from scaling.runs.trials_table import read_trials

LEAST_RESAMPLES, MOST_RESAMPLES, LARGEST_SEED = 20, 20_000, 2**32 - 1


def fit(
    *tables: str | Path | pd.DataFrame,
    published: str | None = None,
    cost: str = "macs",
    by: str | None = None,
    pool: bool = False,
    resamples: int = RESAMPLES,
    seed: int = 0,
    draws: Callable[[str], Bootstrap] | None = None,
) -> list[LawReport]:
    """Fit error = E + A·C^(-a) to each way of scaling, and a surface in depth, width, resolution.

    Intervals are bootstrapped over networks and seeds; the largest scale is predicted by a law that has not
    seen it; where the data cannot tell there is no law, and the report says why.

    Args:
        tables: folders of runs or of results, CSV files, or tables of trials; experiments are fitted apart.
        published: a family of the paper's Table 2 instead.
        cost: what C is: `macs`, `params` or `activations`.
        by: column whose values are the strategies; a reference's name if None.
        pool: take all tables as one experiment.
        resamples: of the bootstrap, 20 to 20,000.
        seed: of the bootstrap.
        draws: the bootstrap of each law by its name, for who wants to see its progress.

    Raises:
        ConfigError: an argument is out of range, or there is nothing to fit.
        ResultsError: a table cannot be read.

    >>> report, = fit(published="efficientnet", resamples=20)
    >>> report.laws[0].networks
    8
    """
    if bool(tables) == (published is not None):
        raise ConfigError("give either tables of trials or a published family")
    if cost not in COSTS:
        raise ConfigError(f"expected the cost among {', '.join(COSTS)}, got {cost!r}")
    _check("resamples", resamples, LEAST_RESAMPLES, MOST_RESAMPLES)
    _check("seed", seed, 0, LARGEST_SEED)
    if published is not None and (by is not None or pool):
        raise ConfigError("by and pool go with tables of trials")
    sources = (
        (published_source(published, cost=cost),)
        if published is not None
        else sources_of([_read(one) for one in tables], cost=cost, by=by, pooled=pool)
    )
    wanted = draws or (lambda _name: Bootstrap(seed=seed, resamples=resamples))
    return [report_laws(source, wanted) for source in sources]


def _check(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ConfigError(f"{name} must be between {low} and {high:,}, got {value}")


def _read(table: str | Path | pd.DataFrame) -> pd.DataFrame:
    if isinstance(table, pd.DataFrame):
        return table
    path = Path(table)
    return read_record(path).trials if path.is_dir() else read_trials(path)
