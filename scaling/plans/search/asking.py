"""Optuna in memory: asks for the next point, is told what came of it, and can be made again from a history.

Every proposal is drawn by a sampler that is made for it alone, seeded by the search's seed and the number of
the proposal. So what is proposed depends on the history and on the records there are, not on how often the
search was interrupted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

import optuna
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.trial import TrialState as OptunaState
from optuna.trial import create_trial

from scaling.analysis.surface.design import Seen
from scaling.plans.search.config import SearchConfig
from scaling.plans.search.history import Fate, Proposal, Pruned
from scaling.plans.search.pruners import make_pruner
from scaling.plans.search.samplers import DIMENSIONS, Sampler, make_sampler, proposal_seed
from scaling.plans.search.search_table import CostRule, SearchTable
from scaling.plans.search.surface_sampler import FACTOR, SurfaceSampler
from scaling.plans.search.trial import SearchTrial, TrialState
from scaling.runs.plan import Records

PATIENCE = 10
"""Proposals in a row that may be dropped before chance proposes instead of the sampler, which learns nothing
from a network that it has settled on, and would propose it for ever."""
MOST_DROPS = 200
"""Proposals in a row that may be dropped before the space counts as exhausted."""
SQUARE = {name: FloatDistribution(0.0, 1.0) for name in DIMENSIONS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A point of the unit square that a sampler proposes, at a factor of the cost; None for the target's."""

    s: float
    v: float
    factor: float | None = None

    @property
    def params(self) -> dict[str, float]:
        """The point as the study has it."""
        factor = {} if self.factor is None else {FACTOR: self.factor}
        return dict(zip(DIMENSIONS, (self.s, self.v), strict=True)) | factor


class Asker:
    """The study of a search's proposals, in memory; `epochs` are those of a whole training."""

    def __init__(self, search: SearchTable, *, name: str, epochs: int) -> None:
        self.search = search
        self.noted = 0
        """Proposals so far."""
        self.accepted = 0
        """Those that became a new network."""
        self.dropped = 0
        """Those in a row that became none."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)  # it reports every trial; so does the search
        self.study = optuna.create_study(
            directions=[one.direction for one in search.objectives],
            study_name=name,  # Hyperband's brackets depend on it
            pruner=make_pruner(search.pruner, epochs=epochs, startup_trials=search.startup_trials),
        )

    @property
    def exhausted(self) -> bool:
        """Whether nothing new was found in so many proposals that the search ends."""
        return self.dropped >= MOST_DROPS

    def ask(self, look: Callable[[], Seen]) -> Asked:
        """Return the next point; `look` gives the sampler `surface` what is trained and asked for so far."""
        search = self.search
        name = Sampler.RANDOM if self.dropped >= PATIENCE else search.sampler
        if name == Sampler.SURFACE:
            once = proposal_seed(search.seed, self.noted)
            self.study.sampler = SurfaceSampler(factor=search.target_factor, seed=once, look=look)
        else:
            self.study.sampler = make_sampler(
                name, seed=search.seed, proposed=self.noted, startup_trials=search.startup_trials
            )
        trial = self.study.ask()
        assert trial.number == self.noted
        s, v = (trial.suggest_float(name, 0.0, 1.0) for name in DIMENSIONS)
        factor = trial.suggest_float(FACTOR, 1.0, search.target_factor) if name == Sampler.SURFACE else None
        return Asked(s=s, v=v, factor=factor)

    def note(self, point: Asked, fate: Fate, *, excess: float = 0.0) -> int:
        """Take over what became of the next proposal, made here or by an earlier launch; return its number.

        `excess` is how far its network is off target, relative; 0 on target.
        """
        number = self.noted
        self.noted += 1
        if number == len(self.study.get_trials(deepcopy=False)):
            distributions: dict[str, BaseDistribution] = dict(SQUARE)
            if point.factor is not None:
                distributions[FACTOR] = FloatDistribution(1.0, self.search.target_factor)
            self.study.add_trial(
                create_trial(state=OptunaState.RUNNING, params=point.params, distributions=distributions)
            )
        match fate:
            case Fate.ACCEPTED | Fate.REPEAT:
                self.accepted, self.dropped = self.accepted + 1, 0
                self._trial(number).set_constraint("cost", excess)
            case Fate.DUPLICATE | Fate.INFEASIBLE:
                self.dropped += 1
                self.study.tell(number, state=OptunaState.FAIL)
            case _:
                assert_never(fate)
        return number

    def tell(self, proposal: int, state: TrialState, values: Sequence[float]) -> None:
        """Take over how the trial of a proposal ended, with its objectives, if it has any."""
        match state:
            case TrialState.COMPLETE:
                self.study.tell(proposal, list(values))
            case TrialState.PRUNED:
                # Pruned between seeds, the mean of the seeds there are counts (Optuna's advice for Wilcoxon).
                if values:
                    self.study.tell(proposal, list(values))
                else:
                    self.study.tell(proposal, state=OptunaState.PRUNED)
            case TrialState.DIVERGED | TrialState.FAILED:
                self.study.tell(proposal, state=OptunaState.FAIL)
            case TrialState.WAITING | TrialState.INFEASIBLE:
                raise AssertionError(f"a trial that is {state} has no end")
            case _:
                assert_never(state)

    def judged(self, proposal: int, values: Mapping[int, float]) -> Iterator[tuple[int, bool]]:
        """Report accuracies by step, and yield after each new one whether the pruner would end the trial.

        Whoever takes over what an earlier launch has judged asks again for each: a pruner may note in the
        trial how far it came.
        """
        trial = self._trial(proposal)
        known = set(self.study.get_trials(deepcopy=False)[proposal].intermediate_values)
        for step, value in values.items():
            if step not in known:
                trial.report(value, step)
                yield step, trial.should_prune()

    def _trial(self, number: int) -> optuna.Trial:
        return optuna.Trial(self.study, self.study.get_trials(deepcopy=False)[number]._trial_id)


def excess(config: SearchConfig, proposal: Proposal) -> float:
    """Return how far a network is off target, 0 where it is on it.

    A constant on target: a Gaussian process would else learn what the tolerance allows anyway.
    """
    own = proposal.network.factor != config.target.factor  # a surface asks for lower costs too
    if config.search.cost == CostRule.NOMINAL or proposal.network.spec is None or own:
        return 0.0
    return config.target.excess(proposal.network.spec, config.baseline_spec)


def epoch_reports(trial: SearchTrial, records: Records, pruned: Mapping[str, Pruned]) -> dict[int, float]:
    """Return the accuracies of a trial's first seed by epoch; of one that was pruned, as they were judged."""
    key = next(iter(trial.jobs.values())).key
    if (decision := pruned.get(key)) is not None:
        return dict(enumerate(decision.curve, 1))
    record = records.get(key)
    return {} if record is None else {point.epoch: point.top1 for point in record.curve}


def seed_reports(trial: SearchTrial, records: Records) -> dict[int, float]:
    """Return the accuracies of a trial's complete trainings by seed."""
    found = ((seed, records.get(job.key)) for seed, job in trial.jobs.items())
    return {seed: one.top1 for seed, one in found if one is not None and one.top1 is not None}
