"""Which direction to try next: Optuna's samplers, and two that are pure functions of the study.

A sampler is made anew for every proposal and keeps nothing: what it proposes depends on (seed, proposals so
far) and on the trials in the study alone. So a search proposes the same whether it was interrupted or not.
Optuna's own QMC and CMA-ES samplers do not work that way: the one counts in an attribute of the study, beside
the trial; the other pickles its state into the study, and takes the trial's number into its seed. Here both
are worked out again from the trials.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, assert_never

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from scaling.errors import ConfigError

DIMENSIONS = ("s", "v")
"""Names of the square's two coordinates in the study."""
FIRST_SPREAD = 1 / 6
"""Standard deviation of CMA-ES's first generation, about the middle of the square (Optuna's default)."""
MOST_GP_TRIALS = 100
"""Beyond this the Gaussian process's cubic cost and TPE's data make TPE the better choice."""
POPULATION = 6
"""Networks a generation of CMA-ES, by its own rule in two dimensions: 4 + floor(3 ln 2)."""

Point = NDArray[np.float64]
Told = tuple[Point, float]
"""A point of the square and the accuracy that its network reached."""


class Sampler(StrEnum):
    """What proposes directions."""

    SURFACE = "surface"
    """A star, then what narrows the answer of the response surface most."""
    TPE = "tpe"
    GP = "gp"
    CMAES = "cmaes"
    QMC = "qmc"
    RANDOM = "random"
    GRID = "grid"
    """The paper's grid, queued; nothing else is proposed."""
    EXHAUSTIVE = "exhaustive"
    """Every network on target, queued; nothing else is proposed."""

    @property
    def queues(self) -> bool:
        """Whether all of its networks are queued before training."""
        return self in {Sampler.GRID, Sampler.EXHAUSTIVE}

    @property
    def takes_many_objectives(self) -> bool:
        """Whether it weighs several objectives, or none; GP would, but takes seconds a proposal."""
        return self not in {Sampler.SURFACE, Sampler.CMAES, Sampler.GP}


def make_sampler(name: Sampler, *, seed: int, proposed: int, startup_trials: int) -> BaseSampler:
    """Make a sampler for one proposal, by how many there were; TPE and GP learn after `startup_trials`."""
    once = proposal_seed(seed, proposed)
    match name:
        case Sampler.SURFACE:
            raise ConfigError("sampler surface looks at networks as they were built: use SurfaceSampler")
        case Sampler.TPE:
            return optuna.samplers.TPESampler(seed=once, n_startup_trials=startup_trials)
        case Sampler.GP:
            return optuna.samplers.GPSampler(
                seed=once, n_startup_trials=startup_trials, warn_independent_sampling=False
            )
        case Sampler.CMAES:
            return StatelessSampler(lambda trials: cmaes_point(told_points(trials), seed=seed, ask_seed=once))
        case Sampler.QMC:
            return StatelessSampler(lambda trials: qmc_point(len(trials), seed=seed))
        case Sampler.RANDOM:
            return optuna.samplers.RandomSampler(seed=once)
        case Sampler.GRID | Sampler.EXHAUSTIVE:
            raise ConfigError(f"sampler {name} names all of its networks beforehand; it is never asked")
        case _:
            assert_never(name)


def proposal_seed(seed: int, proposed: int) -> int:
    """Return the seed of one proposal; different for every search and proposal.

    >>> len({proposal_seed(seed, n) for seed in (0, 1) for n in (0, 1)})
    4
    """
    return int(np.random.SeedSequence([seed, proposed]).generate_state(1)[0])


class PointSampler(BaseSampler, ABC):
    """Optuna's interface around a whole point, whose coordinates are asked for by their names."""

    def __init__(self) -> None:
        self._points: dict[int, Mapping[str, float]] = {}

    @abstractmethod
    def point(self, earlier: Sequence[FrozenTrial]) -> Mapping[str, float]:
        """Return the coordinates of the point that the trials with smaller numbers lead to."""

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return nothing: each coordinate is asked for by its name."""
        del study, trial
        return {}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return nothing, see above."""
        del study, trial, search_space
        return {}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> float:
        """Return one coordinate of a trial's point."""
        del param_distribution
        if trial.number not in self._points:
            earlier = [one for one in study.get_trials(deepcopy=False) if one.number < trial.number]
            self._points = {trial.number: self.point(earlier)}
        return self._points[trial.number][param_name]


class StatelessSampler(PointSampler):
    """A pure function from the earlier trials to a point of the square."""

    def __init__(self, square_point: Callable[[Sequence[FrozenTrial]], Point]) -> None:
        super().__init__()
        self.square_point = square_point

    def point(self, earlier: Sequence[FrozenTrial]) -> Mapping[str, float]:
        """Return s and v."""
        return dict(zip(DIMENSIONS, map(float, self.square_point(earlier)), strict=True))


def told_points(trials: Iterable[FrozenTrial]) -> list[Told]:
    """Return the points whose networks were trained to the end, in the order of their proposals."""
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE and trial.value is not None]
    complete.sort(key=lambda trial: trial.number)
    return [
        (np.array([trial.params[name] for name in DIMENSIONS]), float(trial.values[0])) for trial in complete
    ]


def qmc_point(index: int, *, seed: int) -> Point:
    """Return a point of the scrambled Sobol sequence.

    Args:
        index: which, from 0.
        seed: of the scrambling.

    Source: scipy.stats.qmc.Sobol (Joe & Kuo's directions, Matoušek's scrambling).

    >>> [qmc_point(index, seed=0).round(2).tolist() for index in (0, 1)]
    [[0.41, 0.96], [0.72, 0.11]]
    """
    from scipy.stats import qmc  # noqa: PLC0415  takes a second to import, in every worker of every sampler

    sequence = qmc.Sobol(len(DIMENSIONS), scramble=True, rng=np.random.default_rng(seed))
    if index:
        sequence.fast_forward(index)
    point: Point = sequence.random(1)[0]
    return point


def cmaes_point(told: Sequence[Told], *, seed: int, ask_seed: int) -> Point:
    """Return CMA-ES's next point after the generations that have been told, replayed from the start.

    Six results in the order of their proposals are a generation, wherever they came from (queued trials too);
    a generation that is not full has no influence yet.

    Args:
        told: points and accuracies (more is better).
        seed: of the search.
        ask_seed: of this one draw.

    Source: Hansen, arXiv:1604.00772, by the package cmaes.
    """
    from cmaes import CMA  # noqa: PLC0415  likewise

    optimizer = CMA(
        mean=np.full(len(DIMENSIONS), 0.5),
        sigma=FIRST_SPREAD,
        bounds=np.array([[0.0, 1.0]] * len(DIMENSIONS)),
        population_size=POPULATION,
        seed=seed,
    )
    for start in range(0, len(told) - POPULATION + 1, POPULATION):
        optimizer.tell([(point, -top1) for point, top1 in told[start : start + POPULATION]])
    optimizer.reseed_rng(ask_seed)
    point: Point = np.clip(optimizer.ask(), 0.0, 1.0)
    return point
