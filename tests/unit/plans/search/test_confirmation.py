"""Nothing is called best before fresh seeds have judged it: who is trained again, when, and how often."""

from __future__ import annotations

from collections.abc import Sequence

from made_up_search import MadeUpSearch
from search_runs import configuration

from scaling.plans.networks import CONFIRM, PlannedNetwork
from scaling.plans.search.candidates import references
from scaling.plans.search.config import SearchConfig
from scaling.plans.search.confirming import confirmations
from scaling.plans.search.table import trials_of
from scaling.plans.search.trial import SearchTrial
from scaling.runs.record import RecordState

CONFIG = configuration(
    search={"sampler": "random", "trials": 4, "seeds": [0], "confirm": 2, "confirm_seeds": [7, 8]}
)
FIRST = len(list(references(CONFIG)))


def searched(*top1: float | None, config: SearchConfig = CONFIG) -> MadeUpSearch:
    """A search whose proposals reached an accuracy, or failed; fresh seeds are still to come."""

    def accuracy(trial: SearchTrial, _seed: int) -> Sequence[float]:
        return [0.1 if trial.proposal is None else top1[trial.number - FIRST] or 0.0]

    search = MadeUpSearch(config, accuracy)
    while any(trial.wanted(search.records, {}) for trial in search.plan.trials) or search.plan.to_come:
        search.send()
        for job in list(search.running.values()):
            trial = search.trial(job)
            failed = trial.proposal is not None and top1[trial.number - FIRST] is None
            search.end(job, RecordState.FAILED if failed else RecordState.COMPLETE)
    return search


def again(search: MadeUpSearch) -> list[SearchTrial]:
    return confirmations(search.config, search.plan.trials, search.records, search.history.pruned)


def test_the_highest_are_trained_again_with_fresh_seeds() -> None:
    search = searched(0.5, 0.7, None, 0.6)
    numbers = [trial.number for trial in search.proposed()]
    assert [trial.confirms for trial in again(search)] == [numbers[1], numbers[3]]
    assert [trial.number for trial in again(search)] == [FIRST + 4, FIRST + 5]
    assert [list(trial.jobs) for trial in again(search)] == [[7, 8], [7, 8]]
    assert [trial.network.spec for trial in again(search)] == [
        search.proposed()[place].network.spec for place in (1, 3)
    ]
    assert again(search)[0].label().startswith(f"trial {numbers[1]} again at ")
    wanted = search.send(room=9)
    assert wanted.done
    assert {job.seed for job in wanted.jobs} == {7, 8}
    assert len(wanted.jobs) == 4


def test_a_new_launch_wants_the_same_confirmations() -> None:
    search = searched(0.5, 0.7, 0.6, 0.65)
    jobs = search.send(room=9).jobs
    search.end(jobs[0])
    search.begin()
    assert search.send(room=9).jobs == jobs[1:]


def test_of_equals_the_earlier_leads_and_zero_confirms_none() -> None:
    search = searched(0.5, 0.7, 0.7, 0.7)
    assert [trial.confirms for trial in again(search)] == [FIRST + 1, FIRST + 2]
    off = configuration(search={"sampler": "random", "trials": 4, "confirm": 0})
    without = searched(0.5, 0.7, 0.7, 0.7, config=off)
    assert again(without) == []
    assert without.send().jobs == ()


def test_rows_of_confirmation_have_their_own_kind_and_seeds() -> None:
    search = searched(0.5, 0.7, 0.6, 0.65)
    frame = trials_of(CONFIG, search.history, search.records)
    rows = frame[frame["kind"] == CONFIRM]
    assert rows["seed"].tolist() == [7, 8, 7, 8]
    assert set(rows["state"]) == {"waiting"}
    proposed = frame[frame["kind"] == "search"].set_index("trial")
    assert rows["architecture"].tolist()[0] == proposed.loc[FIRST + 1, "architecture"]


def test_seeds_need_not_be_fresh_where_nothing_is_confirmed() -> None:
    assert configuration(search={"confirm": 0, "seeds": [3], "confirm_seeds": [3]})


def test_a_confirmation_keeps_its_kind_as_plain_data() -> None:
    (first, _) = again(searched(0.5, 0.7, 0.6, 0.65))
    assert PlannedNetwork.of_document(first.network.document()).kind == CONFIRM
