"""The report of a run: at any moment, for any name, without a network."""

from __future__ import annotations

import functools
import html
import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from commands import document
from recorded_runs import a_run, add
from search_runs import configuration, record_of

from scaling import count_cost
from scaling.errors import ResultsError
from scaling.figures import RUN_CHARTS, save_run_figures
from scaling.plans.search.trial import reference_trials
from scaling.report import RunRecord, read_record, report_page, save_report
from scaling.report.findings import NOTHING_YET, failures, findings
from scaling.report.front import front_of
from scaling.report.laws import RunLaws, laws_of
from scaling.report.rows import columns_of, table_rows
from scaling.runs.record import RecordState
from scaling.runs.trials_table import DIGEST, read_trials, trials_frame, write_trials
from scaling.tables import network_name

ROOT = Path(__file__).parents[2]
QUICK = ROOT / "results" / "quick"
SOME = {name: RUN_CHARTS[name] for name in ("run_flops", "run_noise", "run_triangle")}
"""Enough for a page; every chart is drawn at every moment of a run in test_charts.py."""
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)> $\\frac{ {{ 7*7 }} </style>'


class Page(HTMLParser):
    """What a page holds: its elements in order, the texts, and whether every element is closed."""

    VOID = frozenset({"meta", "input", "br", "link", "img", "hr"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for one, attributes in self.elements if one == tag]


def page_of(folder: Path) -> Page:
    if folder == QUICK:
        return Page(quick_page())
    return Page(report_page(read_record(folder), now="2026-01-01T00:00:00+00:00", charts=SOME))


@functools.cache
def quick_page() -> str:
    return report_page(read_record(QUICK), now="2026-01-01T00:00:00+00:00")


def copy_of(tmp_path: Path, **changes: Any) -> Path:
    """The quick experiment's results in a folder of their own, with some of its configuration changed."""
    folder = tmp_path / "run"
    shutil.copytree(QUICK, folder, ignore=shutil.ignore_patterns("figures"))
    document = json.loads((folder / "run.json").read_text())
    document["config"] |= changes
    (folder / "run.json").write_text(json.dumps(document))
    provenance = json.loads((folder / "provenance.json").read_text())
    del provenance[DIGEST]  # as of a run's own folder, whose table the tests change
    (folder / "provenance.json").write_text(json.dumps(provenance))
    return folder


def test_the_page_tells_question_prediction_outcome_and_how_to_repeat_it() -> None:
    page = page_of(QUICK)
    record, config = read_record(QUICK), json.loads((QUICK / "run.json").read_text())["config"]
    best = record.ranking().iloc[0]
    for words in (
        config["question"], config["prediction"], "quick on glyphs", "finished", "energy", "not measured",
        *findings(record), "python run_search.py", "recipe.learning_rate", "AMD EPYC",
        f"{network_name(best)}: {best['params']:,} parameters",
    ):  # fmt: skip
        assert words in page.text, words
    left_out = record.left_out
    assert len(page.of("svg")) == len(RUN_CHARTS) - len(left_out) + 1  # and the drawing of the best network
    assert all(name in page.text and why in page.text for name, why in left_out.items())


def test_the_page_loads_nothing_and_repeats_no_identifier() -> None:
    page = page_of(QUICK)
    assert not page.of("link") + page.of("img") + page.of("iframe")
    for _, attributes in page.elements:
        for name in ("href", "src", "xlink:href", "action"):
            assert (attributes.get(name) or "#").startswith("#")
    assert all("src" not in script for script in page.of("script"))
    names = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(names) == len(set(names))
    assert "default-src 'none'" in str(page.of("meta"))


def test_every_chart_has_a_text_alternative_that_names_the_best() -> None:
    charts = [div for div in page_of(QUICK).of("div") if div.get("class") == "chart"]
    assert len(charts) == len(RUN_CHARTS) - len(read_record(QUICK).left_out)
    for chart in charts:
        assert chart["role"] == "img"
        assert len(chart["aria-label"] or "") > 60


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    folder = copy_of(tmp_path, question=HOSTILE, prediction=HOSTILE, name=HOSTILE, command=HOSTILE)
    trials = read_trials(folder / "trials.csv").assign(experiment=HOSTILE)
    trials.loc[trials["kind"] == "reference", "name"] = HOSTILE
    trials["kind"] = trials["kind"].where(trials["kind"] != "search", HOSTILE)
    write_trials(folder / "trials.csv", trials)
    provenance = json.loads((folder / "provenance.json").read_text()) | {"device": HOSTILE, HOSTILE: HOSTILE}
    provenance["command"] = ["run_search.py", HOSTILE]
    (folder / "provenance.json").write_text(json.dumps(provenance))
    page, plain = page_of(folder), page_of(QUICK)
    assert len(page.of("script")) == len(plain.of("script")) == 1
    assert not page.of("img")
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert HOSTILE in page.text


PARTIAL = {
    "before training": None,
    "nothing complete": {"state": "waiting", "top1": None, "wall_s": None},
    "all failed": {"state": "failed", "top1": None, "wall_s": None},
    "all diverged": {"state": "diverged", "top1": None},
}


@pytest.mark.parametrize("moment", PARTIAL)
def test_a_page_at_any_moment(moment: str, tmp_path: Path) -> None:
    folder, change = copy_of(tmp_path), PARTIAL[moment]
    if change is None:
        (folder / "trials.csv").unlink()
        (folder / "provenance.json").unlink()
    else:
        rows = read_trials(folder / "trials.csv").to_dict("records")
        write_trials(folder / "trials.csv", trials_frame([row | change for row in rows]))
    page = page_of(folder)
    assert NOTHING_YET in page.text
    assert len(page.of("svg")) == len(SOME)
    assert ("no complete trial" in str(page.of("div")).lower()) or change is None


def test_a_single_training_is_no_finding(tmp_path: Path) -> None:
    folder = copy_of(tmp_path)
    first = read_trials(folder / "trials.csv").head(1)
    write_trials(folder / "trials.csv", first)
    sentences, reached = findings(read_record(folder)), f"{100 * first['top1'].iloc[0]:.1f}"
    assert sentences[0].startswith(f"Highest mean: baseline, {reached} % over 1 seed, at 1.00 times")
    assert "no difference is a finding" in sentences[1]
    assert reached in page_of(folder).text


def test_a_configuration_of_another_version_still_gives_a_page(tmp_path: Path) -> None:
    folder = copy_of(tmp_path, search={"a_key_of_next_year": 1})
    assert read_record(folder).best_spec() is None
    assert "another version" in page_of(folder).text


def test_the_best_network_is_the_recorded_one(tmp_path: Path) -> None:
    record = read_record(QUICK)
    spec = record.best_spec()
    assert spec is not None
    cost, best = count_cost(spec), record.ranking().iloc[0]
    assert (cost.params, cost.macs, spec.image_size) == (best["params"], best["macs"], best["image_size"])
    folder = copy_of(tmp_path)
    write_trials(folder / "trials.csv", record.trials.assign(activations=record.trials["activations"] + 1))
    assert read_record(folder).best_spec() is None


def test_the_table_sorts_numbers_as_they_are() -> None:
    best = read_record(QUICK).ranking().iloc[0]
    name = network_name(best)
    row = next(part for part in quick_page().split("<tr>") if f'data-sort="{name}"' in part)
    cells = re.findall(r'data-sort="([^"]*)">([^<]*)<', row)
    assert f"{100 * best['top1']:.1f}" in dict(cells).values()
    assert (f"{float(best['macs'])}", f"{best['macs']:,}") in cells
    assert html.unescape(cells[0][1]) == name


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    assert document("report", QUICK, "-o", tmp_path / "r.html") == {"report": str(tmp_path / "r.html")}
    assert (tmp_path / "r.html").read_text().startswith("<!doctype html>")


def test_a_folder_that_is_no_run_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="not the folder of a run"):
        save_report(tmp_path, tmp_path / "r.html")
    (tmp_path / "run.json").write_text("[]")
    with pytest.raises(ResultsError, match="not a run of this version"):
        save_report(tmp_path, tmp_path / "r.html")
    assert not (tmp_path / "r.html").exists()


def test_a_run_under_way_is_read_from_its_records(tmp_path: Path) -> None:
    config = configuration(search={"baseline_seeds": [0, 1, 2]})
    run = a_run(tmp_path / "run", 0, config=config)
    for job in reference_trials(config)[0].jobs.values():
        add(run, record_of(job, state=RecordState.FAILED, error=f"RuntimeError: {HOSTILE}"))
    assert not run.trials.exists()
    record = read_record(run.path)
    assert record.trials["state"].tolist()[:3] == ["failed"] * 3
    assert record.failures == {f"failed: RuntimeError: {HOSTILE}": [0]}
    page = Page(report_page(record, now="now", charts={}))
    assert f"RuntimeError: {HOSTILE}" in page.text
    assert len(page.of("script")) == 1


def test_charts_just_drawn_are_used_again(tmp_path: Path) -> None:
    record = read_record(QUICK)
    save_run_figures(record.chart_data(), tmp_path, ["svg"], names=list(SOME))
    anew = report_page(record, now="now", charts=SOME)
    assert report_page(record, now="now", charts=SOME, figures=tmp_path) == anew
    (tmp_path / "run_flops.svg").unlink()
    assert report_page(record, now="now", charts=SOME, figures=tmp_path) == anew


def wide_run() -> RunRecord:
    """The quick run's configuration over networks whose errors follow a law by construction."""
    errors = [0.1 + 0.3 * (2.0**n) ** -0.5 for n in range(6)]
    rows = [
        {
            "experiment": "wide", "trial": n, "seed": seed, "kind": "reference", "state": "complete",
            "name": "depth" if n else "baseline", "architecture": f"key {n}", "image_size": 24,
            "macs": 100_000 * 2**n, "params": 1000 * 2**n, "activations": 500 * 2**n,
            "top1": 1 - error + 0.001 * (1 if seed else -1), "fidelity_epochs": 3,
        }
        for n, error in enumerate(errors)
        for seed in (0, 1)
    ]  # fmt: skip
    return replace(read_record(QUICK), trials=trials_frame(rows))


def test_a_run_of_enough_range_shows_its_law(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scaling.report.laws.RESAMPLES", 20)
    laws = laws_of(wide_run())
    assert laws.figure is not None
    assert laws.refusal == ""
    assert laws.words.startswith("depth, 6 networks over a 32-fold cost: error = 10.")
    assert "exponent 0.5" in laws.words
    assert "measured at 15.3 %" in laws.words
    page = report_page(wide_run(), now="now", charts={})
    assert '<figure id="chart-law">' in page
    assert laws.words in html.unescape(page)
    assert "No law" not in page


def test_a_run_of_too_little_range_says_so_in_one_line() -> None:
    run = read_record(QUICK)
    small = replace(run, trials=run.trials[run.trials["achieved_factor"] < 3], settings=None)
    laws = laws_of(small)
    assert laws.figure is None
    assert laws.refusal.startswith("No law of error and cost: the range of cost is too short: 2.")
    assert laws.refusal in html.unescape(report_page(small, now="now", charts={}))
    nothing = replace(run, trials=trials_frame([]))
    assert laws_of(nothing).refusal.startswith("No law of error and cost: no training")


def test_a_surface_takes_the_place_of_laws() -> None:
    run = read_record(QUICK)
    assert run.surface is not None
    assert laws_of(run) == RunLaws(figure=None, words="", refusal="")
    assert "No law" not in quick_page()


def test_a_run_of_two_objectives_lists_the_networks_that_none_beats(tmp_path: Path) -> None:
    search = json.loads((QUICK / "run.json").read_text())["config"]["search"]
    folder = copy_of(tmp_path, search=search | {"objectives": ["top1", "params"], "sampler": "tpe"})
    record = read_record(folder)
    front, ranking = front_of(record), record.ranking()
    assert front is not None
    assert front.trained == len(ranking)
    names = ranking["name"].where(ranking["kind"] == "reference", "trial " + ranking["trial"].astype(str))
    kept = {
        name
        for name, top1, params in zip(names, ranking["top1"], ranking["params"], strict=True)
        if not ((ranking["params"] <= params) & (ranking["top1"] > top1)).any()
        and not ((ranking["params"] < params) & (ranking["top1"] >= top1)).any()
    }
    assert {row[0] for row in front.rows} == kept
    params = [int(row[3].replace(",", "")) for row in front.rows]
    assert params == sorted(params)
    page = page_of(folder)
    assert "Pareto front: top-1 against params" in page.text
    assert front_of(read_record(QUICK)) is None
    assert "Pareto front: top-1" not in page_of(QUICK).text


def test_pruned_networks_and_those_trained_again_say_what_they_are() -> None:
    network = {"experiment": "tiny", "fidelity_epochs": 6, "image_size": 16, "macs": 9, "params": 9}
    rows = [
        *(network | {"trial": 0, "seed": seed, "kind": "reference", "name": "baseline", "state": "complete",
                     "top1": 0.5, "architecture": "a"} for seed in (0, 1)),
        *(network | {"trial": 1, "seed": seed, "kind": "search", "name": "search", "state": "complete",
                     "top1": 0.6 + seed / 100, "architecture": "b"} for seed in (0, 1)),
        network | {"trial": 2, "seed": 0, "kind": "search", "name": "search", "state": "pruned", "top1": 0.25,
                   "architecture": "c", "fidelity_epochs": 2},
        network | {"trial": 2, "seed": 1, "kind": "search", "name": "search", "state": "pruned",
                   "architecture": "c"},
        *(network | {"trial": 3, "seed": seed, "kind": "confirm", "name": "search", "state": "complete",
                     "top1": 0.55, "architecture": "b"} for seed in (7, 8)),
    ]  # fmt: skip
    record = replace(read_record(QUICK), trials=trials_frame(rows))
    keys = [column.key for column in columns_of(record)]
    shown = {
        row[0].text: dict(zip(keys, (cell.text for cell in row), strict=True)) for row in table_rows(record)
    }
    assert list(shown) == ["trial 1", "trial 3", "baseline", "trial 2"]
    assert (shown["trial 2"]["top1"], shown["trial 2"]["verdict"]) == ("", "25.0 % after 2 epochs")
    assert (shown["trial 3"]["top1"], shown["trial 3"]["seeds"]) == ("55.0", "2")
    assert shown["trial 3"]["verdict"] == "trial 1 again, fresh seeds"
    (pruned,) = failures(record.trials)
    assert (pruned["trainings"], pruned["trials"]) == ("2 trainings, 1 of them never begun", [2])
    assert "6 complete, 2 pruned of 8" in report_page(record, now="now", charts={})
