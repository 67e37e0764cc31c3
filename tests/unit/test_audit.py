"""Audits: their file, their networks and trainings, verdicts on known figures, and a tiny real one."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from scaling.audit.config import Audit, AuditSize, audit_file, load_audit
from scaling.audit.judging import judge
from scaling.audit.networks import anchor_networks, cheaper, trainings_of
from scaling.audit.scoring import Scores
from scaling.cli import group
from scaling.cost import count_cost
from scaling.errors import ConfigError
from scaling.training.trained import Trained, TrainedState

SEARCH = """
schema_version = 1
kind = "search"
name = "tiny"
question = ""
prediction = ""
[data]
name = "glyphs"
train = 60
validation = 40
[baseline]
name = "tiny-b0"
image_size = 8
stem_stride = 1
stem_channels = 8
stages = ["r1_k3_s11_e1_i8_o8_se0.25", "r1_k3_s22_e2_i8_o12"]
head_channels = 16
[rounding]
coefficient_rounding = "none"
channel_divisor = 2
repeat_rule = "round"
[search]
trials = 1
workers = 1
[recipe]
epochs = 1
batch_size = 20
learning_rate = 0.01
[engine]
kernels = "fixed"
"""
AUDIT = """
schema_version = 1
kind = "audit"
name = "tiny"
question = "Does it run?"
prediction = "Yes."
best = 2
[anchors]
search = "search.toml"
networks = 5
factors = [2.0]
tolerance = 0.2
epochs = 2
seeds = [0, 1]
[[proxies]]
name = "short"
epochs = 1
[[proxies]]
name = "narrow"
width = 0.5
train = 0.5
image_size = 0.9
[scores]
names = ["synflow"]
batch = 8
"""


def files(folder: Path, audit: str = AUDIT) -> Path:
    (folder / "search.toml").write_text(SEARCH)
    (folder / "audit.toml").write_text(audit)
    return folder / "audit.toml"


def made(top1: float | None, state: TrainedState = TrainedState.COMPLETE) -> Trained:
    """Return a made-up training."""
    result = {"top1": top1, "wall_s": 2.0}
    return Trained(key="", identity={}, state=state, result=result, provenance={})


def test_networks_are_on_target_and_apart(tmp_path: Path) -> None:
    audit = load_audit(files(tmp_path))
    networks = anchor_networks(audit)
    assert len(set(networks)) == 5
    base = count_cost(audit.search.baseline_spec).macs
    for spec in networks:
        assert 1.6 <= count_cost(spec).macs / base <= 2.4
    assert len({spec.image_size for spec in networks}) > 1
    assert networks == anchor_networks(audit)


def test_proxies_change_what_they_say_and_nothing_else(tmp_path: Path) -> None:
    audit = load_audit(files(tmp_path))
    networks = anchor_networks(audit)
    anchor, short, narrow = trainings_of(audit, networks)
    assert [one.name for one in (anchor, short, narrow)] == ["anchor", "short", "narrow"]
    (first, second), (cheap,), (small,) = anchor.jobs[0], short.jobs[0], narrow.jobs[0]
    assert (first.seed, second.seed, cheap.seed, small.seed) == (0, 1, 100, 100)
    assert (first.recipe.epochs, cheap.recipe.epochs, small.recipe.epochs) == (2, 1, 2)
    assert (first.train, cheap.train, small.train) == (60, 60, 30)
    assert cheap.spec == first.spec
    assert small.spec.image_size == round(0.9 * first.spec.image_size)
    assert small.spec.stages[0].out_channels < first.spec.stages[0].out_channels
    assert [s.repeats for s in small.spec.stages] == [s.repeats for s in first.spec.stages]
    assert short.macs == pytest.approx(anchor.macs / 4)  # half the epochs of half the seeds
    assert cheaper(audit, networks[0], audit.config.proxies[0]) == networks[0]


def verdict_of(
    audit: Audit, anchors: list[list[float]], short: list[float | None], narrow: list[float]
) -> Any:
    networks = anchor_networks(audit)
    trainings = trainings_of(audit, networks)
    results = {
        "anchor": [[made(value) for value in row] for row in anchors],
        "short": [[None if value is None else made(value)] for value in short],
        "narrow": [[made(value)] for value in narrow],
    }
    score = Scores(name="synflow", values=(5.0, 4.0, 3.0, 2.0, -math.inf), macs=1.0, wall_s=0.1)
    return judge(audit, networks, trainings, results, [score])


def test_verdicts_on_known_figures(tmp_path: Path) -> None:
    audit = load_audit(files(tmp_path))
    rising = [0.1, 0.2, 0.3, 0.4, 0.5]
    anchors = [[value, value + 0.01] for value in rising]
    found = verdict_of(audit, anchors, [*rising], rising[::-1])
    assert found.cheapest is not None
    assert found.cheapest.name == "short"
    assert "'short'" in found.conclusion
    assert {one.name: one.agreement.spearman.value for one in found.judged} == pytest.approx(
        {"short": 1.0, "narrow": -1.0, "synflow": -1.0}
    )
    assert found.reliability is not None
    assert found.reliability.value == pytest.approx(1)
    assert found.table["anchor_rank_low"].tolist() == [5, 4, 3, 2, 1]
    none = verdict_of(audit, anchors, [0.5, 0.1, 0.4, 0.2, 0.3], rising[::-1])
    assert none.cheapest is None
    assert none.conclusion.startswith("No ranking holds by the rule")


def test_shaky_anchors_are_named_and_missing_trainings_wait(tmp_path: Path) -> None:
    audit = load_audit(files(tmp_path))
    shaky = [[0.1, 0.5], [0.2, 0.1], [0.3, 0.4], [0.4, 0.2], [0.5, 0.3]]
    found = verdict_of(audit, shaky, [0.1, None, None, 0.2, 0.3], [0.1] * 5)
    assert found.missing == ("short",)
    assert "do not agree with themselves" in found.conclusion
    nothing = verdict_of(audit, [[math.nan, 1.0]] * 5, [None] * 5, [0.1] * 5)
    assert nothing.judged == ()
    assert "Too little is trained" in nothing.conclusion


def test_a_diverged_training_is_worst_and_a_failed_one_missing(tmp_path: Path) -> None:
    audit = load_audit(files(tmp_path))
    networks = anchor_networks(audit)
    trainings = trainings_of(audit, networks)
    anchors = [[made(0.1 * n), made(0.1 * n)] for n in range(1, 6)]
    short = [
        [made(None, TrainedState.DIVERGED)],
        *([made(0.1 * n)] for n in range(2, 5)),
        [made(0.0, TrainedState.FAILED)],
    ]
    narrow = [[made(0.1)]] * 5
    found = judge(audit, networks, trainings, {"anchor": anchors, "short": short, "narrow": narrow}, [])
    own = next(one for one in found.judged if one.name == "short")
    assert own.agreement.networks == 4
    assert own.agreement.spearman.value == pytest.approx(1)
    assert np.isnan(found.table["proxy:short"].iloc[4])


# --- the file ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('kind = "audit"', 'kind = "search"', "expected kind 'audit', got 'search'"),
        ("networks = 5", "networks = 2", "greater than or equal to 4"),
        ("networks = 5", "networks = 500", "networks at 2× where 500 were wanted"),
        ("best = 2", "best = 9", "best is 9, but there are 5 networks"),
        ("epochs = 1", "epochs = 1\nseeds = [1]", "seeds of short must be fresh"),
        ('name = "narrow"', 'name = "synflow"', "none of a score's; got 'synflow' again"),
        ("width = 0.5", "widht = 0.5", "did you mean 'width'?"),
        ("best = 2", "best = = 2", "is not TOML"),
    ],
)
def test_bad_files_are_refused_in_words(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = files(tmp_path, AUDIT.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        anchor_networks(load_audit(path))
    assert message in str(caught.value)


def test_changed_settings_have_folders_of_their_own(tmp_path: Path) -> None:
    path = files(tmp_path)
    plain, workers = load_audit(path), load_audit(path, ("search.workers=1",))
    assert workers.title == plain.title
    assert load_audit(path, ("recipe.batch_size=7",)).title == f"{plain.title}-recipe-batch-size-7"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the audit"):
        load_audit(tmp_path / "absent.toml")


@pytest.mark.parametrize("size", [AuditSize.QUICK, AuditSize.STANDARD])
@pytest.mark.parametrize("data", ["glyphs", "fashion-mnist"])
def test_the_committed_audits_are_valid(size: AuditSize, data: str) -> None:
    path = audit_file("audit", size)
    assert path is not None
    audit = load_audit(path, data=data)
    assert audit.search.data.name == data
    assert len(anchor_networks(audit)) == audit.config.anchors.networks


def test_study_lists_plans_and_refuses_audits() -> None:
    runner = CliRunner()
    listed = json.loads(runner.invoke(group, ["study", "--json"]).stdout)
    assert "audit" in {one["name"] for one in listed}
    plan = runner.invoke(group, ["study", "audit", "--data", "fashion-mnist", "--plan"])
    assert plan.exit_code == 0, plan.output
    assert "anchor" in plan.output
    paper = runner.invoke(group, ["audit", "--size", "paper", "--plan"])
    assert "audited no proxy" in paper.output
    for wrong in (["audit", "--size", "paper"], ["study", "audit", "--proxy", "x.toml"]):
        assert isinstance(runner.invoke(group, wrong).exception, ConfigError)


# --- the command -------------------------------------------------------------------------------------------


def test_a_tiny_real_audit_runs_resumes_and_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = files(tmp_path)
    monkeypatch.chdir(tmp_path)
    runner, arguments = CliRunner(), ["audit", str(path), "--workers", "1"]
    environment = {"COLUMNS": "60", "SCALING_CACHE": str(tmp_path / "cache")}
    plan = json.loads(runner.invoke(group, [*arguments, "--plan", "--json"], env=environment).output)
    assert [(row["trainings"], row["there"]) for row in plan["trainings"]] == [(10, 0), (5, 0), (5, 0)]
    early = runner.invoke(group, [*arguments, "--report"], env=environment)
    assert "Too little is trained" in " ".join(early.output.split())
    done = runner.invoke(group, [*arguments, "--json"], env=environment)
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    names = {row["name"] for row in document["proxies"]}
    assert names == {"short", "narrow", "synflow", "params", "macs", "activations"}
    assert document["anchors_trained"] == 5
    assert all(-1 <= row["spearman"]["low"] <= row["spearman"]["high"] <= 1 for row in document["proxies"])
    folder = tmp_path / "runs" / "audits" / "tiny-glyphs"
    for file in (
        "audit.csv",
        "result.json",
        "provenance.json",
        "figures/audit_ranks.svg",
        "figures/audit_cost.png",
    ):
        assert (folder / file).stat().st_size > 0
    sums = json.loads((folder / "provenance.json").read_text())["data_checksums"]
    assert len(sums) >= 2
    exported = runner.invoke(group, [*arguments, "--export"], env=environment)
    assert exported.exit_code == 0, exported.output
    assert (tmp_path / "results" / "audits" / "tiny-glyphs" / "figures" / "audit_ranks.svg").is_file()
    stamps = {one: one.stat().st_mtime_ns for one in (tmp_path / "runs" / "trainings").glob("*.json")}
    again = runner.invoke(group, arguments, env=environment)
    assert again.exit_code == 0, again.output
    assert stamps == {one: one.stat().st_mtime_ns for one in (tmp_path / "runs" / "trainings").glob("*.json")}
    assert max(map(len, again.output.splitlines()[:-1])) <= 60
