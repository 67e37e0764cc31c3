"""What a study says of itself: table, document, card, cost; arithmetic that differs is never unsaid."""

from __future__ import annotations

from typing import Any

import pytest
from tiny_study import FAMILY, LADDER, made_up, sizes, study_plan

from scaling.cli.output import console
from scaling.cli.study_outcome import print_outcome
from scaling.plans.study.card import Answer
from scaling.plans.study.cost import cost_document, cost_of
from scaling.plans.study.outcome import StudyOutcome, outcome_of
from scaling.plans.study.plan import StudyPlan
from scaling.runs.arithmetic import arithmetic_document, arithmetic_words
from scaling.runs.job import Job
from scaling.runs.record import Record

EXPECT = [{"claim": "depth beats the baseline", "more": ["depth@2"], "less": ["baseline"]}]


@pytest.fixture(autouse=True)
def no_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Job, "checksums", lambda job: ["of", str(job.spec.image_size)])


def records(plan: StudyPlan, most: int | None = None, **provenance: Any) -> dict[str, Record]:
    return {job.key: made_up(job, **provenance) for job in plan.next_jobs({}, 1).jobs[:most]}


def outcome(plan: StudyPlan, found: dict[str, Record]) -> StudyOutcome:
    return outcome_of(plan, plan.state(found), {"command": ["scaling"], "commit": "c", "dirty": False})


def printed(found: StudyOutcome) -> str:
    with console.capture() as text:
        print_outcome(found)
    return " ".join(text.get().split())


def test_a_part_of_the_trainings_is_a_table_with_waiting_rows_and_says_partial() -> None:
    plan = study_plan(expect=EXPECT)
    found = outcome(plan, records(plan, 4))
    assert found.trials["state"].value_counts().to_dict() == {"complete": 4, "waiting": 2}
    assert found.trials["record"].notna().sum() == 4
    assert found.document["missing_trainings"] == 2
    assert "PARTIAL: trainings missing: 2." in found.conclusion
    assert printed(found).startswith(found.conclusion)
    whole = outcome(plan, records(plan))
    assert whole.document["complete"]
    assert "PARTIAL" not in whole.conclusion
    assert {row["name"] for row in whole.document["networks"]} == {"baseline", "compound@2", "depth@2"}
    assert whole.document["conclusions"]["expected"][0]["measured"]["seeds"] == 2


def test_failed_and_diverged_trainings_have_no_part_in_any_mean() -> None:
    plan = study_plan(sizes=sizes(seeds=list(range(20))))
    found = {job.key: made_up(job, salt="a") for job in plan.next_jobs({}, 1).jobs}
    table = outcome(plan, found).trials
    assert set(table["state"]) == {"complete", "diverged", "failed"}
    assert table[table["state"] != "complete"]["top1"].isna().all()
    for row in outcome(plan, found).document["networks"]:
        assert sum(row["states"].values()) == 20
        assert len(row["top1"]) == row["states"]["complete"]


def test_records_of_different_arithmetic_are_never_mixed_unsaid() -> None:
    plan = study_plan(expect=EXPECT)
    same = outcome(plan, records(plan))
    assert same.document["arithmetic"] == {
        "device": {"cpu": 6}, "kernels": {"fixed": 6}, "graphs": {"no": 6}, "micro_batch": {"25": 6},
    }  # fmt: skip
    assert "ARITHMETIC" not in printed(same)
    first, *rest = plan.next_jobs({}, 1).jobs
    mixed = {job.key: made_up(job) for job in rest}
    mixed[first.key] = made_up(first, device="NVIDIA H200", kernels="measured", graphs=True)
    found = outcome(plan, mixed)
    assert found.document["arithmetic"]["device"] == {"cpu": 5, "NVIDIA H200": 1}
    words = printed(found)
    assert "NOT THE SAME ARITHMETIC in all trainings: device cpu (5), NVIDIA H200 (1); kernels" in words
    (item,) = (one for one in found.card if "arithmetic" in one.question)
    assert item.state == Answer.GAP
    assert arithmetic_words(arithmetic_document([])) == []


def test_the_card_shows_its_gaps() -> None:
    plan = study_plan()
    answers = {one.question: one for one in outcome(plan, records(plan)).card}
    assert answers["Random-search baseline?"].state == Answer.NOT_APPLICABLE
    assert answers["Do conclusions survive other learning rates?"].state == Answer.GAP
    assert answers["Same budget for every method?"].answer.startswith("equal epochs (1) and images")
    assert "100 train, 50 validation" in answers["Data, split, and their checksums?"].answer


def test_a_cost_counts_what_is_missing_and_stands_in_for_what_follows() -> None:
    plan = study_plan()
    state = plan.state(records(plan, 2))
    cost = cost_of(plan, state)
    assert (cost.trainings, cost.there, cost.missing) == (6, 2, 4)
    assert cost.core_s is not None
    assert cost.train_macs == pytest.approx(sum(job.train_macs for job in state.missing))


def test_what_follows_from_results_is_costed_until_it_is_known() -> None:
    plan, known, names, follows = study_plan(design=FAMILY), dict[str, Record](), [], []
    for _ in range(4):  # directions, confirmations, the family, nothing
        cost = cost_of(plan, plan.state(known))
        names.append({row["name"] for row in cost_document(cost)["networks"]})
        follows.append(cost.follows)
        known |= {job.key: made_up(job) for job in plan.next_jobs(known, 1).jobs}
    assert ["confirmations" in one for one in names] == [True, False, False, False]
    assert follows == [True, True, False, False]
    found = outcome(plan, known)
    assert found.document["winner"] is not None
    assert "step 1 chose" in printed(found)


def test_a_study_of_noise_leads_with_its_spread() -> None:
    plan = study_plan(
        design={"kind": "noise", "strategies": ["compound"], "tolerance": 0.2},
        expect_spread={"low": 0.1, "high": 90.0},
        sizes=sizes(seeds=list(range(8))),
    )
    found = outcome(plan, records(plan))
    assert found.conclusion.startswith("Seeds spread by ")
    assert found.conclusion.endswith("The prediction holds.")
    text = printed(found)
    assert "seeds spread by 0.1 to 90 points" in text
    assert "seeds each" in text


def test_laws_are_fitted_where_a_study_asks() -> None:
    plan = study_plan(law=True, design={**LADDER, "factors": [1.5, 2.0, 3.0]})
    found = outcome(plan, records(plan))
    assert found.laws is not None
    assert {law.strategy for law in found.laws.laws} == {"compound", "depth", "all"}
