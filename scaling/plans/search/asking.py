"""Optuna in memory: asks for the next point, is told what came of it, and can be made again from a history.

Every proposal is drawn by a sampler that is made for it alone, seeded by the search's seed and the number of
the proposal. So what is proposed depends on the history and on the records there are, not on how often the
search was interrupted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import optuna
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, create_trial
from optuna.trial import TrialState as OptunaState

from scaling.plans.search.config import SearchConfig
from scaling.plans.search.history import Fate, Proposal
from scaling.plans.search.pruners import make_pruner
from scaling.plans.search.samplers import DIMENSIONS, Sampler, make_sampler
from scaling.plans.search.search_table import CostRule
from scaling.plans.search.trial import SearchTrial, TrialState
from scaling.runs.plan import Records

PATIENCE = 10
"""Proposals in a row that may be dropped before chance proposes instead of the sampler, which learns nothing
from a network that it has settled on, and would propose it for ever."""
MOST_DROPS = 200
"""Proposals in a row that may be dropped before the space counts as exhausted."""
SQUARE = {name: FloatDistribution(0.0, 1.0) for name in DIMENSIONS}


class Asker:
    """The study of a search's proposals, in memory.

    Args:
        config: of the search.
    """

    def __init__(self, config: SearchConfig) -> None:
        self.config = config
        optuna.logging.set_verbosity(optuna.logging.WARNING)  # it reports every trial; so does the search
        directions = [one.direction for one in config.search.objectives]
        self.study = optuna.create_study(
            directions=directions,
            study_name=config.name,  # Hyperband's brackets depend on it
            pruner=make_pruner(
                config.search.pruner,
                epochs=config.setup.recipe.epochs,
                startup_trials=config.search.startup_trials,
            ),
        )

    def ask(self, number: int, dropped: int) -> tuple[float, float]:
        """Return the next point of the square.

        Args:
            number: of the proposal.
            dropped: proposals in a row that became nothing new.
        """
        search = self.config.search
        self.study.sampler = make_sampler(
            Sampler.RANDOM if dropped >= PATIENCE else search.sampler,
            seed=search.seed,
            proposed=number,
            startup_trials=search.startup_trials,
        )
        trial = self.study.ask()
        assert trial.number == number
        s, v = (trial.suggest_float(name, 0.0, 1.0) for name in DIMENSIONS)
        return s, v

    def note(self, proposal: Proposal) -> None:
        """Take over what became of a proposal, made here or by an earlier launch."""
        known = proposal.number < len(self.study.get_trials(deepcopy=False))
        if not known:
            params = dict(zip(DIMENSIONS, (proposal.s, proposal.v), strict=True))
            self.study.add_trial(
                create_trial(state=OptunaState.RUNNING, params=params, distributions=dict(SQUARE))
            )
        if proposal.fate != Fate.ACCEPTED:
            self.study.tell(proposal.number, state=OptunaState.FAIL)
            return
        self._trial(proposal.number).set_constraint("cost", excess(self.config, proposal))

    def tell(self, trial: SearchTrial, state: TrialState, values: Sequence[float]) -> None:
        """Take over how a trial ended.

        Args:
            trial: of a proposal.
            state: how it ended.
            values: of the objectives; empty where there are none.
        """
        assert trial.proposal is not None
        match state:
            case TrialState.COMPLETE:
                self.study.tell(trial.proposal, list(values))
            case TrialState.PRUNED:
                # Pruned between seeds, the mean of the seeds there are counts (Optuna's advice for Wilcoxon).
                if values:
                    self.study.tell(trial.proposal, list(values))
                else:
                    self.study.tell(trial.proposal, state=OptunaState.PRUNED)
            case TrialState.DIVERGED | TrialState.FAILED:
                self.study.tell(trial.proposal, state=OptunaState.FAIL)
            case TrialState.WAITING | TrialState.INFEASIBLE:
                raise AssertionError(f"a trial that is {state} has no end")

    def reports(self, proposal: int) -> Mapping[int, float]:
        """Return what was reported of a proposal, by step."""
        return self._frozen(proposal).intermediate_values

    def report(self, proposal: int, values: Mapping[int, float]) -> None:
        """Take over accuracies by step; what is known already is left alone."""
        known = self.reports(proposal)
        trial = self._trial(proposal)
        for step, value in values.items():
            if step not in known:
                trial.report(value, step)

    def should_prune(self, proposal: int) -> bool:
        """Ask the pruner about the last report."""
        return self._trial(proposal).should_prune()

    def _frozen(self, number: int) -> FrozenTrial:
        return self.study.get_trials(deepcopy=False)[number]

    def _trial(self, number: int) -> optuna.Trial:
        return optuna.Trial(self.study, self._frozen(number)._trial_id)


def excess(config: SearchConfig, proposal: Proposal) -> float:
    """Return how far a network is off target, 0 where it is on it.

    A constant on target: a Gaussian process would else learn what the tolerance allows anyway.
    """
    if config.search.cost == CostRule.NOMINAL or proposal.network.spec is None:
        return 0.0
    return config.target.excess(proposal.network.spec, config.baseline_spec)


def reports_of(trial: SearchTrial, records: Records, *, by_epoch: bool) -> dict[int, float]:
    """Return the accuracies that a pruner has seen of a trial's records: by epoch, or by seed.

    Args:
        trial: of a proposal.
        records: what there is.
        by_epoch: whether it looks at the epochs of the first seed, or at seeds.
    """
    if by_epoch:
        first = records.get(next(iter(trial.jobs.values())).key)
        return {} if first is None else {point.epoch: point.top1 for point in first.curve}
    found = ((seed, records.get(job.key)) for seed, job in trial.jobs.items())
    return {seed: one.top1 for seed, one in found if one is not None and one.top1 is not None}
