"""The search as a plan: references, proposals one at a time, then the best again with fresh seeds.

`next_jobs` is a function of the configuration, the history and the records: a plan that is made anew from
them wants the same jobs and proposes the same points as one that has been at work all the time. What it keeps
between calls only saves it from looking at trials that have ended.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import assert_never

from scaling.errors import ConfigError
from scaling.network.serialization import architecture_key
from scaling.plans.networks import PlannedNetwork
from scaling.plans.search.asking import MOST_DROPS, Asker, reports_of
from scaling.plans.search.candidates import enumerated, of_square, space_of
from scaling.plans.search.config import SearchConfig
from scaling.plans.search.history import Fate, History, Proposal, Pruned
from scaling.plans.search.pruners import Pruner
from scaling.plans.search.search_table import CostRule
from scaling.plans.search.trial import (
    SearchTrial,
    TrialState,
    confirmations,
    make_trial,
    reference_trials,
)
from scaling.provenance import utc_now
from scaling.runs.job import Job
from scaling.runs.plan import Records, Wanted
from scaling.training.curve import Curve


class SearchPlan:
    """A search at work.

    Args:
        config: of the search.
        history: what was proposed and ended early so far; grows with the search.
    """

    def __init__(self, config: SearchConfig, history: History) -> None:
        self.config, self.history = config, history
        self.asker = Asker(config)
        self.trials: list[SearchTrial] = list(reference_trials(config))
        """References and proposals, in the order of their numbers."""
        self.pending = deque(one for one in self.trials if one.jobs)
        """Trials that were not looked at yet: nothing of them is in training."""
        self.active: dict[int, SearchTrial] = {}
        """Trials of which something is wanted, or in training."""
        self.confirming: list[SearchTrial] | None = None
        self.owner: dict[str, SearchTrial] = {}
        self.known = {architecture_key(one.network.spec) for one in self.trials if one.network.spec}
        self.accepted = self.dropped = self.noted = 0
        self._list_all()
        for proposal in history.proposals:
            self._take(proposal)

    def next_jobs(self, records: Records, room: int) -> Wanted:
        """Return what is to be trained next; propose no more than there is room for."""
        while True:
            self._close(records)
            wanted = self._wanted(self.active.values(), records)
            if len(wanted) >= room:
                return Wanted(jobs=tuple(wanted), done=False)
            if self.pending:
                trial = self.pending.popleft()
                self.active[trial.number] = trial
            elif self._may_propose():
                self._propose()
            elif wanted:
                return Wanted(jobs=tuple(wanted), done=False)
            else:
                fresh = self._wanted(self.confirmations(records), records)
                return Wanted(jobs=tuple(fresh), done=True)

    def confirmations(self, records: Records) -> list[SearchTrial]:
        """Return the best again, once every proposal has ended; none before."""
        if self.active or self.pending or self._may_propose():
            return []
        if self.confirming is None:
            self.confirming = confirmations(self.config, self.trials, records, self.history.pruned)
        return self.confirming

    def prune(self, job: Job, curve: Curve, records: Records) -> bool:
        """Judge the first seed of a proposal by its accuracy after each epoch."""
        trial = self.owner.get(job.key)
        if trial is None or trial.proposal is None or not self.config.search.pruner.by_epoch:
            return False
        if job.key in self.history.pruned:
            return True
        if job.key != next(iter(trial.jobs.values())).key or job.key in records:
            return False
        epochs = self.config.setup.recipe.epochs
        for point in curve[len(self.asker.reports(trial.proposal)) :]:
            self.asker.report(trial.proposal, {point.epoch: point.top1})
            more = point.epoch < epochs or len(trial.jobs) > 1
            if self.asker.should_prune(trial.proposal) and more:
                self.history.prune(
                    Pruned(key=job.key, epoch=point.epoch, top1=point.top1, whole=point.epoch == epochs)
                )
                return True
        return False

    def label(self, key: str) -> str:
        """Name a job for a reader, by the trial that it belongs to."""
        trial = self.owner.get(key)
        return key[:8] if trial is None else trial.label()

    @property
    def exhausted(self) -> bool:
        """Whether the sampler found no further network on target."""
        return self.dropped >= MOST_DROPS

    @property
    def to_come(self) -> int:
        """How many proposals the budget still allows."""
        return max(0, self.config.search.trials - self.accepted) if self._may_propose() else 0

    def _list_all(self) -> None:
        """Propose everything at once where that is known; what an earlier launch has proposed stays."""
        self.listed = enumerated(self.config)
        if self.listed is None:
            _check_space(self.config)
            return
        rest = self.listed[len(self.history.proposals) :]
        start = len(self.history.proposals)
        known = self.known | {one.network.key for one in self.history.proposals}
        self.history.propose(
            _listed(number, network, known) for number, network in enumerate(rest, start=start)
        )

    def _may_propose(self) -> bool:
        if self.listed is not None or self.exhausted:
            return False
        return self.accepted < self.config.search.trials

    def _propose(self) -> None:
        number = len(self.history.proposals)
        s, v = self.asker.ask(number, self.dropped)
        network = of_square(self.config, s, v)
        proposal = Proposal(
            number=number, s=s, v=v, network=network, fate=_fate(network, self.known), proposed_at=utc_now()
        )
        self.history.propose([proposal])
        self._take(proposal)

    def _take(self, proposal: Proposal) -> None:
        """Take over a proposal of the history."""
        assert proposal.number == self.noted, "proposals are taken in order"
        self.noted += 1
        self.asker.note(proposal)
        match proposal.fate:
            case Fate.DUPLICATE:
                self.dropped += 1
                return
            case Fate.INFEASIBLE:
                self.dropped += 1
            case Fate.ACCEPTED:
                self.dropped = 0
                self.accepted += 1
            case _:
                assert_never(proposal.fate)
        self.known.add(proposal.network.key)
        trial = make_trial(
            self.config, len(self.trials), proposal.network, proposal.fate, proposal=proposal.number
        )
        self.trials.append(trial)
        if trial.jobs:
            self.pending.append(trial)

    def _wanted(self, trials: Iterable[SearchTrial], records: Records) -> list[Job]:
        wanted = [(trial, job) for trial in trials for job in trial.wanted(records, self.history.pruned)]
        self.owner.update((job.key, trial) for trial, job in wanted)
        return [job for _, job in wanted]

    def _close(self, records: Records) -> None:
        """Tell the study of trials that have ended since the last look."""
        for trial in list(self.active.values()):
            self._judge_seeds(trial, records)
            state = trial.state(records, self.history.pruned)
            if state == TrialState.WAITING:
                continue
            del self.active[trial.number]
            if trial.proposal is not None:
                by_epoch = self.config.search.pruner.by_epoch
                if by_epoch:
                    self.asker.report(trial.proposal, reports_of(trial, records, by_epoch=True))
                self.asker.tell(trial, state, self._values(trial, state, records))

    def _values(self, trial: SearchTrial, state: TrialState, records: Records) -> list[float]:
        usable = state in {TrialState.COMPLETE, TrialState.PRUNED}
        return trial.values(self.config, records) if usable else []

    def _judge_seeds(self, trial: SearchTrial, records: Records) -> None:
        """Let the pruner compare a trial's seeds with the best trial's, one after the other."""
        if self.config.search.pruner != Pruner.WILCOXON or trial.proposal is None:
            return
        seeds = list(trial.jobs)
        for seed, top1 in reports_of(trial, records, by_epoch=False).items():
            job = trial.jobs[seed]
            if seed in self.asker.reports(trial.proposal):
                continue
            self.asker.report(trial.proposal, {seed: top1})
            judged = seed == seeds[-1] or job.key in self.history.pruned
            if not judged and self.asker.should_prune(trial.proposal):
                epoch = self.config.setup.recipe.epochs
                self.history.prune(Pruned(key=job.key, epoch=epoch, top1=top1, whole=True))
                return


def _fate(network: PlannedNetwork, known: set[str]) -> Fate:
    if network.key in known:
        return Fate.DUPLICATE
    return Fate.ACCEPTED if network.problem is None else Fate.INFEASIBLE


def _listed(number: int, network: PlannedNetwork, known: set[str]) -> Proposal:
    assert network.shares is not None
    s, v = network.shares.square()
    fate = _fate(network, known)
    known.add(network.key)
    return Proposal(number=number, s=s, v=v, network=network, fate=fate, proposed_at=utc_now())


def _check_space(config: SearchConfig) -> None:
    asked = config.search.trials > 0 and config.search.cost == CostRule.ACHIEVED
    if asked and len(space_of(config)) == 0:
        raise ConfigError(
            "no network is on target: widen search.tolerance, lower rounding.channel_divisor "
            "or set rounding.coefficient_rounding = 'none'"
        )
