"""What a study says of itself: table, document, card, cost; arithmetic that differs is never unsaid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from tiny_study import FAMILY, LADDER, made_up, sizes, study_plan

from scaling.analysis.floor import noise_report
from scaling.cli import group
from scaling.cli.noise_floor import print_noise
from scaling.cli.output import console
from scaling.cli.study_outcome import print_outcome
from scaling.errors import ResultsError
from scaling.plans.study.card import Answer
from scaling.plans.study.cost import cost_document, cost_of
from scaling.plans.study.outcome import StudyOutcome, noise_document, noise_of_run, outcome_of
from scaling.plans.study.plan import StudyPlan
from scaling.runs.arithmetic import arithmetic_document, arithmetic_words
from scaling.runs.job import Job
from scaling.runs.record import Record
from scaling.runs.trials_table import DIGEST, at_own_rate, read_trials

ROOT = Path(__file__).parents[4]
QUICK = ROOT / "results" / "quick"
STUDY = ROOT / "results" / "studies" / "methods-quick-glyphs"
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


# The noise floor of a finished run


def noise(*arguments: str, monkeypatch: pytest.MonkeyPatch) -> Result:
    monkeypatch.chdir(ROOT)
    return CliRunner().invoke(group, ["study", "noise", *arguments], env={"COLUMNS": "60"})


@pytest.mark.parametrize("folder", [QUICK, STUDY], ids=lambda folder: str(folder.name))
def test_a_finished_run_is_read_without_training(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = noise("--run", str(folder), "--json", monkeypatch=monkeypatch)
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    trials = at_own_rate(read_trials(folder / "trials.csv"))
    complete = trials[trials["state"] == "complete"]
    within = complete.groupby("architecture")["top1"].transform(lambda values: values - values.mean())
    freedom = len(complete) - complete["architecture"].nunique()
    assert document["degrees_of_freedom"] == freedom
    assert document["standard_deviation"] == pytest.approx(float((within**2).sum() / freedom) ** 0.5)
    assert document["parts"] is None
    assert [row["difference"] for row in document["needed"]] == [0.005, 0.01, 0.02]


def test_the_report_names_its_parts_and_methods_in_sixty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = noise("--run", "results/quick", monkeypatch=monkeypatch).stdout.splitlines()
    assert max(map(len, lines)) <= 60
    text = " ".join(" ".join(lines).split())
    for words in ("from seed to seed", "at most", "0.5 points", "power 80 %", "chi-square"):
        assert words in text, words
    assert "…" not in text


def test_one_network_has_a_mean_and_the_parts_of_its_spread() -> None:
    right = [[True, True, False, False], [True, False, True, True], [True, True, True, True]]
    top1 = [sum(row) / 4 for row in right]
    trials = pd.DataFrame({"architecture": "a", "state": "complete", "seed": range(3), "top1": top1})
    report = noise_report(trials, validation_images=4, right_SN=np.array(right))
    document = noise_document(report)
    assert document["top1"]["value"] == pytest.approx(0.75)
    assert document["parts"]["total"] == pytest.approx(trials["top1"].var())
    assert document["limits_method"] == "chi-square"
    with console.capture() as printed:
        print_noise(report)
    assert "finitely many images" in printed.get()
    assert "mean of 3 seeds" in " ".join(printed.get().split())


def test_a_run_without_repeats_has_no_floor(tmp_path: Path) -> None:
    provenance = json.loads((QUICK / "provenance.json").read_text(encoding="utf-8"))
    del provenance[DIGEST]  # the table is not the exported one
    (tmp_path / "provenance.json").write_text(json.dumps(provenance), encoding="utf-8")
    trials = pd.read_csv(QUICK / "trials.csv")
    trials.groupby("architecture").head(1).to_csv(tmp_path / "trials.csv", index=False)
    with pytest.raises(ResultsError, match="no network has two complete seeds"):
        noise_of_run(tmp_path)
    trials.to_csv(tmp_path / "trials.csv", index=False)
    (tmp_path / "provenance.json").write_text('{"config": {"setup": {}}}')
    with pytest.raises(ResultsError, match="does not say how many validation images"):
        noise_of_run(tmp_path)
    with pytest.raises(ResultsError, match="give the folder of a run"):
        noise_of_run(tmp_path / "nowhere")
