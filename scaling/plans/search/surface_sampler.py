"""The sampler `surface`: an Optuna sampler that asks what a response surface lacks.

It proposes a direction, as s and v of the unit square, and a cost factor between 1 and the target: a star
first, then the training that narrows the answer most for its cost (`scaling.analysis.surface.design`). It can
be used without the rest of this package's searches: give `SurfaceSampler(factor=4.0)` to any study whose
objective suggests `s`, `v` and `factor` and returns an accuracy (fraction, maximised).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from optuna.trial import FrozenTrial, TrialState

from scaling.analysis.surface import Observations, Response
from scaling.analysis.surface.design import Seen, next_point
from scaling.plans.search.samplers import PointSampler
from scaling.targets.directions import Direction

FACTOR = "factor"
"""Name of the cost factor in the study, beside s and v."""


class SurfaceSampler(PointSampler):
    """Proposes what narrows the answer of a response surface most.

    Args:
        factor: at which the optimum is sought, times the baseline's cost, above 1.
        seed: of the draws behind a proposal.
        look: says what is trained and asked for so far, with coordinates as they were built; by default the
            study's own trials, as they were asked for.

    >>> import optuna
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> study = optuna.create_study(direction="maximize", sampler=SurfaceSampler(factor=4.0))
    >>> trial = study.ask()
    >>> point = [trial.suggest_float(*one) for one in (("s", 0, 1), ("v", 0, 1), ("factor", 1, 4))]
    >>> point  # depth alone at four times the cost
    [1.0, 0.5, 4.0]
    """

    def __init__(self, *, factor: float, seed: int = 0, look: Callable[[], Seen] | None = None) -> None:
        super().__init__()
        self.factor, self.seed, self.look = factor, seed, look

    def point(self, earlier: Sequence[FrozenTrial]) -> Mapping[str, float]:
        """Return s, v and the cost factor."""
        seen = seen_of_study(earlier) if self.look is None else self.look()
        found = next_point(seen, factor=self.factor, seed=self.seed)
        s, v = Direction.of_shares(found.shares).square()
        return {"s": s, "v": v, FACTOR: found.factor}


def seen_of_study(trials: Sequence[FrozenTrial]) -> Seen:
    """Return what the trials of a study say, their coordinates as they were asked for."""
    asked = [x for one in trials if (x := _coordinates(one)) is not None]
    ended = [one for one in trials if one.state == TrialState.COMPLETE and _coordinates(one) is not None]
    x = np.array([_coordinates(one) for one in ended]).reshape(-1, 3)
    return Seen(
        observations=Observations(
            x=x,
            y=np.array([100 * float(one.values[0]) for one in ended]),
            network=np.unique(x.round(6), axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64),
            ceiling=Response.TOP1.ceiling,
        ),
        running=[
            x for one in trials if one.state == TrialState.RUNNING and (x := _coordinates(one)) is not None
        ],
        asked=asked,
    )


def _coordinates(trial: FrozenTrial) -> np.ndarray | None:
    if not {"s", "v", FACTOR} <= set(trial.params):
        return None
    s, v, factor = (float(trial.params[name]) for name in ("s", "v", FACTOR))
    return np.asarray(np.array(Direction.of_square(s, v).shares) * np.log2(factor))
