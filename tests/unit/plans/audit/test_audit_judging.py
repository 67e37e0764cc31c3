"""Verdicts of an audit on known figures."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_audit import audit_files

from scaling.errors import ConfigError
from scaling.library.auditing import AuditRun
from scaling.network.families import variant
from scaling.plans.audit.config import load_audit
from scaling.plans.audit.judging import Verdict, judge
from scaling.plans.audit.plan import AuditPlan
from scaling.plans.audit.scoring import Scores
from scaling.runs.folder import RunFolder
from scaling.runs.record import Record, RecordState

RISING = [0.1, 0.2, 0.3, 0.4, 0.5]


@pytest.fixture
def plan(tmp_path: Path) -> AuditPlan:
    return AuditPlan.of(load_audit(audit_files(tmp_path)))


def made(top1: float | None, state: RecordState = RecordState.COMPLETE) -> Record:
    result = {"top1": top1, "wall_s": 2.0}
    return Record(key="", identity={}, spec=variant("b0"), state=state, result=result, provenance={})


def verdict_of(
    plan: AuditPlan, anchors: list[list[float]], short: list[float | None], narrow: list[float]
) -> Verdict:
    results: dict[str, Any] = {
        "anchor": [[made(value) for value in row] for row in anchors],
        "short": [[None if value is None else made(value)] for value in short],
        "narrow": [[made(value)] for value in narrow],
    }
    score = Scores(name="synflow", values=(5.0, 4.0, 3.0, 2.0, -math.inf), macs=1.0, wall_s=0.1)
    return judge(plan.audit, plan.networks, plan.trainings, results, [score])


def test_the_cheapest_whose_ranking_holds_is_named(plan: AuditPlan) -> None:
    anchors = [[value, value + 0.01] for value in RISING]
    found = verdict_of(plan, anchors, [*RISING], RISING[::-1])
    assert found.cheapest is not None
    assert found.cheapest.name == "short"
    assert "'short'" in found.conclusion
    assert {one.name: one.agreement.spearman.value for one in found.judged} == pytest.approx(
        {"short": 1.0, "narrow": -1.0, "synflow": -1.0}
    )
    assert found.reliability is not None
    assert found.reliability.value == pytest.approx(1)
    assert found.table["anchor_rank_low"].tolist() == [5, 4, 3, 2, 1]
    none = verdict_of(plan, anchors, [0.5, 0.1, 0.4, 0.2, 0.3], RISING[::-1])
    assert none.cheapest is None
    assert none.conclusion.startswith("No ranking holds by the rule")


def test_shaky_anchors_are_named_and_missing_trainings_wait(plan: AuditPlan) -> None:
    shaky = [[0.1, 0.5], [0.2, 0.1], [0.3, 0.4], [0.4, 0.2], [0.5, 0.3]]
    found = verdict_of(plan, shaky, [0.1, None, None, 0.2, 0.3], [0.1] * 5)
    assert found.missing == ("short",)
    assert "do not agree with themselves" in found.conclusion
    nothing = verdict_of(plan, [[math.nan, 1.0]] * 5, [None] * 5, [0.1] * 5)
    assert nothing.judged == ()
    assert "Too little is trained" in nothing.conclusion


def test_a_diverged_training_is_worst_and_a_failed_one_missing(plan: AuditPlan) -> None:
    rising = [made(value) for value in RISING]
    short = [made(None, RecordState.DIVERGED), *rising[1:4], made(0.0, RecordState.FAILED)]
    results = {"anchor": [[one, one] for one in rising], "short": [[one] for one in short]}
    results["narrow"] = [[made(0.1)]] * 5
    found = judge(plan.audit, plan.networks, plan.trainings, results, [])
    own = next(one for one in found.judged if one.name == "short")
    assert own.agreement.networks == 4
    assert own.agreement.spearman.value == pytest.approx(1)
    assert np.isnan(found.table["proxy:short"].iloc[4])


def test_a_run_shows_itself(plan: AuditPlan, tmp_path: Path) -> None:
    verdict = verdict_of(plan, [[value, value] for value in RISING], [*RISING], RISING)
    run = AuditRun(plan=plan, folder=RunFolder(path=tmp_path), verdict=verdict)
    assert run.conclusion in run._repr_html_()
    assert run.result["cheapest"] == verdict.cheapest.name  # type: ignore[union-attr]
    assert all(run.figure(name).axes for name in run.figure_names)
    with pytest.raises(ConfigError, match="an audit has the charts"):
        run.figure("pie")
