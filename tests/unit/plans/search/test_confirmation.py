"""Nothing is called best before fresh seeds have judged it: who is trained again, when, and how often."""

from __future__ import annotations

from typing import Any

import optuna
import pytest
from optuna.trial import TrialState
from recorded_runs import trial
from search_runs import configuration

from scaling.errors import ConfigError
from scaling.search.candidate import CONFIRM, Candidate, references
from scaling.search.claims import claim_reference, key_of, prepare
from scaling.search.confirmation import (
    is_confirm,
    label_of,
    not_confirmed,
    queue_confirmation,
    top_candidates,
)
from scaling.search.queueing import queue_of
from scaling.search.remaining import pieces
from scaling.search.rows import frame_of

CONFIG = configuration(
    search={"sampler": "exhaustive", "trials": 4, "seeds": [0], "confirm": 2, "confirm_seeds": [7, 8]}
)
PROPOSALS = list(queue_of(CONFIG) or ())[:4]
FEASIBLE = sum(candidate.feasible for candidate in references(CONFIG))
Studies = tuple[optuna.Study, optuna.Study]


def searched(*top1: float | None) -> Studies:
    """References queued; proposals 10, 11, … ended with an accuracy, or as failed."""
    queue, search = (optuna.create_study(direction="maximize") for _ in range(2))
    prepare(configuration(search={"trials": 0}), queue, search)
    for number, (one, candidate) in enumerate(zip(top1, PROPOSALS, strict=False)):
        if one is None:
            search.add_trial(trial(10 + number, candidate, TrialState.FAIL, outcome="failed"))
        else:
            search.add_trial(trial(10 + number, candidate, TrialState.COMPLETE, [one]))
    return queue, search


def confirms(queue: optuna.Study) -> list[Any]:
    return [one for one in queue.get_trials(deepcopy=False) if is_confirm(one)]


def test_the_highest_are_trained_again_with_fresh_seeds() -> None:
    queue, search = searched(0.5, 0.7, None, 0.6)
    assert queue_confirmation(CONFIG, queue, search)
    again = confirms(queue)
    assert [one.user_attrs["confirms"] for one in again] == [11, 13]
    assert [one.user_attrs["trial"] for one in again] == [14, 15]
    assert [key_of(one) for one in again] == [key_of(search.trials[1]), key_of(search.trials[3])]
    claims = []
    while (claim := claim_reference(CONFIG, queue)) is not None:
        claims.append(claim)
    assert [claim.seeds for claim in claims[-2:]] == [(7, 8), (7, 8)]
    assert label_of(claims[-1].candidate, claims[-1].trial.user_attrs).startswith("trial 13 again at ")


def test_nothing_is_queued_twice_even_after_a_crash_half_way() -> None:
    queue, search = searched(0.5, 0.7, 0.6)
    assert queue_confirmation(CONFIG, queue, search)
    assert not queue_confirmation(CONFIG, queue, search)
    half, search = searched(0.5, 0.7, 0.6)
    first = confirms(queue)[0]
    half.enqueue_trial({}, user_attrs=first.user_attrs)
    assert [one.user_attrs["trial"] for one in not_confirmed(CONFIG, half.trials, search.trials)] == [12]
    assert queue_confirmation(CONFIG, half, search)
    assert len(confirms(half)) == 2


def test_of_equals_the_earlier_leads_and_zero_confirms_none() -> None:
    _, search = searched(0.5, 0.7, 0.7, 0.7)
    assert [one.user_attrs["trial"] for one in top_candidates(CONFIG, search.trials)] == [11, 12]
    off = configuration(search={"confirm": 0})
    assert top_candidates(off, search.trials) == []


def test_rows_of_confirmation_have_their_own_kind_and_seeds() -> None:
    queue, search = searched(0.5, 0.7)
    queue_confirmation(CONFIG, queue, search)
    frame = frame_of(CONFIG, [*queue.trials, *search.trials])
    rows = frame[frame["kind"] == CONFIRM]
    assert rows["seed"].tolist() == [7, 8, 7, 8]
    assert set(rows["state"]) == {"waiting"}
    searched_rows = frame[frame["kind"] == "search"].set_index("trial")
    assert rows["architecture"].tolist()[0] == searched_rows.loc[11, "architecture"]


def test_what_is_left_foresees_confirmation() -> None:
    queue, search = searched(0.5, 0.7)
    left = pieces(CONFIG, queue.trials, search.trials, 0, now_s=0.0)
    assert [piece.trainings for piece in left[FEASIBLE:]] == [2, 2]
    early = pieces(CONFIG, queue.trials, [], 4, now_s=0.0)
    assert [piece.trainings for piece in early[FEASIBLE:]] == [1, 1, 1, 1, 2, 2]
    queue_confirmation(CONFIG, queue, search)
    queued = pieces(CONFIG, queue.trials, search.trials, 0, now_s=0.0)
    assert [piece.trainings for piece in queued[FEASIBLE:]] == [2, 2]


def test_fresh_seeds_must_be_fresh() -> None:
    with pytest.raises(ConfigError, match="confirm_seeds must be fresh, but 3 is among"):
        configuration(search={"confirm": 1, "seeds": [3], "confirm_seeds": [2, 3]})
    assert configuration(search={"confirm": 0, "seeds": [3], "confirm_seeds": [3]})


def test_a_candidate_keeps_its_kind_in_the_database() -> None:
    queue, search = searched(0.5)
    queue_confirmation(CONFIG, queue, search)
    (again,) = confirms(queue)
    assert Candidate.of_document(again.user_attrs["candidate"]).kind == CONFIRM
