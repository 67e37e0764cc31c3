"""The search as a plan: references, proposals one at a time, then the best again with fresh seeds.

`next_jobs` is a function of the configuration, the history and the records: a plan that is made anew from
them wants the same jobs and proposes the same points as one that has been at work all the time. What it keeps
between calls only saves it from looking at trials that have ended.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Container, Iterable

from scaling.analysis.surface.design import Seen, missing_of_star, sharpness
from scaling.errors import ConfigError
from scaling.plans.networks import PlannedNetwork
from scaling.plans.search.asking import Asked, Asker, epoch_reports, excess, seed_reports
from scaling.plans.search.candidates import enumerated, of_square, space_of
from scaling.plans.search.config import SearchConfig
from scaling.plans.search.confirming import confirmations
from scaling.plans.search.history import Fate, History, Proposal, Pruned
from scaling.plans.search.pruners import Pruner
from scaling.plans.search.samplers import Sampler
from scaling.plans.search.search_table import CostRule
from scaling.plans.search.surface import seen_of
from scaling.plans.search.trial import SearchTrial, TrialState, first_trials, reference_trials, trial_of
from scaling.provenance import utc_now
from scaling.runs.job import Job
from scaling.runs.plan import Records, Wanted
from scaling.training.curve import Curve


class SearchPlan:
    """A search at work; its history grows with it."""

    def __init__(self, config: SearchConfig, history: History) -> None:
        self.config, self.history = config, history
        self.asker = Asker(config.search, name=config.name, epochs=config.setup.recipe.epochs)
        self.trials: list[SearchTrial] = list(reference_trials(config))
        """References and proposals, in the order of their numbers."""
        self.pending = deque(one for one in self.trials if one.jobs)
        """Trials that were not looked at yet: nothing of them is in training."""
        self.active: dict[int, SearchTrial] = {}
        """Trials of which something is wanted, or in training."""
        self.confirming: list[SearchTrial] | None = None
        self.owner: dict[str, SearchTrial] = {}
        self.first = first_trials(self.trials)
        self.known: dict[str, set[int]] = {}
        """Seeds by network."""
        for trial in self.trials:
            self._know(trial)
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
            elif self._may_propose(records):
                self._propose(records)
            elif wanted:
                return Wanted(jobs=tuple(wanted), done=False)
            else:
                fresh = self._wanted(self.confirmations(records), records)
                return Wanted(jobs=tuple(fresh), done=True)

    def confirmations(self, records: Records) -> list[SearchTrial]:
        """Return the best again, once every proposal has ended; none before."""
        if self.active or self.pending or self._may_propose(records):
            return []
        if self.confirming is None:
            self.confirming = confirmations(self.config, self.trials, records, self.history.pruned)
        return self.confirming

    def prune(self, job: Job, curve: Curve, records: Records) -> bool:
        """Judge the first seed of a proposal by its accuracy after each epoch."""
        trial = self.owner.get(job.key)
        if trial is None or trial.proposal is None or not self.config.search.pruner.by_epoch:
            return False
        if (decision := self.history.pruned.get(job.key)) is not None:
            return not decision.whole
        if job.key != next(iter(trial.jobs.values())).key or job.key in records:
            return False
        epochs = self.config.setup.recipe.epochs
        top1 = tuple(point.top1 for point in curve)
        for epoch, behind in self.asker.judged(trial.proposal, dict(enumerate(top1, 1))):
            more = epoch < epochs or len(trial.jobs) > 1
            if behind and more:
                self.history.prune(Pruned(key=job.key, curve=top1[:epoch], whole=epoch == epochs))
                return epoch < epochs
        return False

    def label(self, key: str) -> str:
        """Name a job for a reader, by the trial that it belongs to."""
        trial = self.owner.get(key)
        return key[:8] if trial is None else trial.label()

    @property
    def exhausted(self) -> bool:
        """Whether the sampler found no further network on target."""
        return self.asker.exhausted

    @property
    def to_come(self) -> int:
        """How many proposals the budget still allows."""
        return max(0, self.config.search.trials - self.asker.accepted) if self._has_budget() else 0

    def _list_all(self) -> None:
        """Propose everything at once where that is known; what an earlier launch has proposed stays."""
        _check_space(self.config)
        self.listed = enumerated(self.config)
        if self.listed is None:
            return
        start = len(self.history.proposals)
        known = set(self.known) | {one.network.key for one in self.history.proposals}
        self.history.propose(
            _listed(number, network, known) for number, network in enumerate(self.listed[start:], start=start)
        )

    def _has_budget(self) -> bool:
        if self.listed is not None or self.exhausted:
            return False
        return self.asker.accepted < self.config.search.trials

    def _may_propose(self, records: Records) -> bool:
        return self._has_budget() and not self._answered(records)

    def _answered(self, records: Records) -> bool:
        """Whether the surface is as sure as was asked for."""
        stop, factor = self.config.search.stop, self.config.search.target_factor
        if not stop.asked:
            return False
        seen = self._seen(records)
        if missing_of_star(seen.asked, factor):
            return False
        found = sharpness(seen.observations, factor=factor)
        return found is not None and stop.met_by(contrast=found.contrast, regret=found.regret)

    def _seen(self, records: Records) -> Seen:
        return seen_of(self.config, self.trials, records)

    def _propose(self, records: Records) -> None:
        asked = self.asker.ask(lambda: self._seen(records))
        network = of_square(self.config, asked.s, asked.v, asked.factor)
        again = self.config.search.sampler == Sampler.SURFACE
        proposal = Proposal(
            number=len(self.history.proposals),
            s=asked.s,
            v=asked.v,
            network=network,
            fate=_fate(network, self.known, again=again),
            proposed_at=utc_now(),
            seed=self._next_seed(network) if again else None,
        )
        self.history.propose([proposal])
        self._take(proposal)

    def _next_seed(self, network: PlannedNetwork) -> int:
        """Return the next seed from the lowest of `seeds` on that is not used, nor kept for the end."""
        used = self.known.get(network.key, set()) | set(self.config.search.confirm_seeds)
        return next(seed for seed in itertools.count(min(self.config.search.seeds)) if seed not in used)

    def _know(self, trial: SearchTrial) -> None:
        if trial.network.spec is not None:
            self.known.setdefault(trial.network.key, set()).update(trial.seeds)

    def _take(self, proposal: Proposal) -> None:
        """Take over a proposal of the history."""
        surface = self.config.search.sampler == Sampler.SURFACE
        factor = proposal.network.factor if surface else None
        point = Asked(s=proposal.s, v=proposal.v, factor=factor)
        number = self.asker.note(point, proposal.fate, excess=excess(self.config, proposal))
        assert number == proposal.number, "proposals are taken in order"
        if proposal.fate == Fate.DUPLICATE:
            return
        trial = trial_of(self.config, len(self.trials), proposal, self.first)
        self._know(trial)
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
                if self.config.search.pruner.by_epoch:
                    reports = epoch_reports(trial, records, self.history.pruned)
                    deque(self.asker.judged(trial.proposal, reports), maxlen=0)  # of an earlier launch
                self.asker.tell(trial.proposal, state, self._values(trial, state, records))

    def _values(self, trial: SearchTrial, state: TrialState, records: Records) -> list[float]:
        decisions = (self.history.pruned.get(job.key) for job in trial.jobs.values())
        cut = any(decision is not None and not decision.whole for decision in decisions)
        usable = state in {TrialState.COMPLETE, TrialState.PRUNED} and not cut
        return trial.values(self.config, records) if usable else []

    def _judge_seeds(self, trial: SearchTrial, records: Records) -> None:
        """Let the pruner compare a trial's seeds with the best trial's, one after the other."""
        if self.config.search.pruner != Pruner.WILCOXON or trial.proposal is None:
            return
        found = seed_reports(trial, records)
        for seed, behind in self.asker.judged(trial.proposal, found):
            job = trial.jobs[seed]
            # What was trained after a seed had let it through.
            last = seed == list(found)[-1] and len(found) < len(trial.jobs)
            if behind and last and job.key not in self.history.pruned:
                curve = tuple(point.top1 for point in records[job.key].curve)
                self.history.prune(Pruned(key=job.key, curve=curve, whole=True))


def _fate(network: PlannedNetwork, known: Container[str], *, again: bool = False) -> Fate:
    """Return what becomes of a proposal; `again`: a known network is trained with another seed."""
    if again and network.problem is not None:
        return Fate.INFEASIBLE
    if network.key in known:
        return Fate.REPEAT if again else Fate.DUPLICATE
    return Fate.ACCEPTED if network.problem is None else Fate.INFEASIBLE


def _listed(number: int, network: PlannedNetwork, known: set[str]) -> Proposal:
    assert network.shares is not None
    s, v = network.shares.square()
    fate = _fate(network, known)
    known.add(network.key)
    return Proposal(number=number, s=s, v=v, network=network, fate=fate, proposed_at=utc_now())


def _check_space(config: SearchConfig) -> None:
    asked = config.search.trials > 0 or config.search.sampler.queues
    if asked and config.search.cost == CostRule.ACHIEVED and len(space_of(config)) == 0:
        raise ConfigError(
            "no network is on target: widen search.tolerance, lower rounding.channel_divisor "
            "or set rounding.coefficient_rounding = 'none'"
        )
