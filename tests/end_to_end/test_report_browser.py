"""The report in real Chromium: sorted, filtered, recoloured, narrowed, printed; silent and offline."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from scaling.figures import RUN_CHARTS
from scaling.report import read_record, save_report
from scaling.runs.trials_table import read_trials

pytestmark = pytest.mark.browser

QUICK = Path(__file__).parents[2] / "results" / "quick"
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking")
HOSTILE = '"><script>document.title="broken"</script><img src=x onerror=\'document.title="broken"\'>'

COLUMN = (
    "(index) => [...document.querySelectorAll('#table tbody tr')].map((row) => row.cells[index].textContent)"
)
SHOWN = "() => [...document.querySelectorAll('#table tbody tr')].filter((row) => !row.hidden).length"
# What an accessibility checker looks at first; each finding is a sentence.
BARRIERS = """
() => {
  const found = [];
  const named = (element) =>
    element.getAttribute("aria-label") || element.closest("label") || element.textContent.trim()
      || element.getAttribute("aria-labelledby");
  for (const element of document.querySelectorAll("button, input, select, a, summary, [role=region]"))
    if (!named(element)) found.push(`no name: ${element.outerHTML.slice(0, 80)}`);
  for (const element of document.querySelectorAll("[role=img]"))
    if ((element.getAttribute("aria-label") || "").length < 20) found.push("no alternative");
  for (const element of document.querySelectorAll("svg"))
    if (element.getAttribute("aria-hidden") !== "true") found.push("an SVG outside its alternative");
  for (const element of document.querySelectorAll("th"))
    if (!element.hasAttribute("scope")) found.push("a heading cell without scope");
  for (const attribute of ["aria-labelledby", "for", "aria-describedby"])
    for (const element of document.querySelectorAll(`[${attribute}]`))
      for (const id of element.getAttribute(attribute).split(" "))
        if (!document.getElementById(id)) found.push(`${attribute} points nowhere: ${id}`);
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  if (new Set(ids).size !== ids.length) found.push("an id twice");
  const levels = [...document.querySelectorAll("h1, h2, h3")].map((heading) => Number(heading.tagName[1]));
  if (levels.filter((level) => level === 1).length !== 1) found.push("not exactly one h1");
  if (levels.some((level, i) => i && level > levels[i - 1] + 1)) found.push("a heading level skipped");
  if (!document.documentElement.lang || !document.title) found.push("no language or title");
  return found;
}
"""
# WCAG 2.1: relative luminance of text against the nearest opaque background.
CONTRASTS = """
() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = channels(colour).slice(0, 3).map((one) => {
      const part = one / 255;
      return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if ((channels(colour)[3] ?? 1) > 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const selectors = "p dt dd td nav_a th_small figcaption code caption #theme h3".split(" ");
  return selectors.map((one) => one.replace("_", " ")).map((selector) => {
    const element = document.querySelector(selector);
    const [a, b] = [light(getComputedStyle(element).color), light(ground(element))].sort((x, y) => y - x);
    return [selector, (a + 0.05) / (b + 0.05)];
  });
}
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_report(QUICK, tmp_path_factory.mktemp("report") / "report.html")


def opened(browser: Any, path: Path, **settings: Any) -> tuple[Any, list[str]]:
    """A page, and what it said on the console or asked of the network."""
    page = browser.new_page(**({"viewport": {"width": 1100, "height": 900}} | settings))
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: request.url == path.as_uri() or said.append(request.url))
    page.goto(path.as_uri())
    return page, said


@pytest.fixture
def page(browser: Any, report: Path) -> Iterator[Any]:
    found, said = opened(browser, report)
    yield found
    found.close()
    assert said == []


def test_columns_sort_both_ways_by_click_and_by_key(page: Any) -> None:
    heading = page.locator("#table thead th", has_text="params")
    heading.locator("button").click()
    index = heading.evaluate("(cell) => cell.cellIndex")
    numbers = [int(text.replace(",", "")) for text in page.evaluate(COLUMN, index)]
    assert numbers == sorted(numbers)
    assert heading.get_attribute("aria-sort") == "ascending"
    heading.locator("button").focus()
    page.keyboard.press("Enter")
    numbers = [int(text.replace(",", "")) for text in page.evaluate(COLUMN, index)]
    assert numbers == sorted(numbers, reverse=True)
    assert page.locator("[aria-sort]").count() == 1


def test_what_is_missing_stands_last_either_way(page: Any) -> None:
    heading = page.locator("#table thead th", has_text="α")  # the baseline has none
    index = heading.evaluate("(cell) => cell.cellIndex")
    for _ in range(2):
        heading.locator("button").click()
        shown = page.evaluate(COLUMN, index)
        missing = [text == "" for text in shown]
        assert missing == sorted(missing)
        assert any(missing)


def test_words_and_kind_filter_together(page: Any) -> None:
    trials = read_trials(QUICK / "trials.csv")
    everything, references = (
        trials["trial"].nunique(),
        trials[trials["kind"] == "reference"]["trial"].nunique(),
    )
    assert page.evaluate(SHOWN) == everything
    page.select_option("#kind", "reference")
    assert page.evaluate(SHOWN) == references
    page.fill("#find", "DEPTH complete")
    assert page.evaluate(SHOWN) == 1
    assert page.locator("#count").text_content() == f"1 of {everything} networks"
    page.keyboard.press("Enter")  # must not send the form
    page.fill("#find", "")
    page.select_option("#kind", "")
    assert page.locator("#count").text_content() == f"{everything} networks"


def test_colours_follow_the_system_and_the_button(browser: Any, report: Path) -> None:
    ground = "() => getComputedStyle(document.body).backgroundColor"
    ink = "() => getComputedStyle(document.querySelector('#chart-run_flops svg g[id*=text] g')).fill"
    seen = {}
    for scheme in ("light", "dark"):
        page, said = opened(browser, report, color_scheme=scheme)
        seen[scheme] = page.evaluate(ground)
        page.click("#theme")
        other = page.evaluate(ground)
        assert other != seen[scheme]
        contrasts = dict(page.evaluate(CONTRASTS))
        assert min(contrasts.values()) >= 4.5, contrasts
        page.click("#theme")
        assert page.evaluate(ground) == seen[scheme]
        contrasts = dict(page.evaluate(CONTRASTS))
        assert min(contrasts.values()) >= 4.5, contrasts
        seen[f"{scheme} ink"] = page.evaluate(ink)
        page.close()
        assert said == []
    assert seen["light"] != seen["dark"]
    assert seen["light ink"] != seen["dark ink"]


def test_nothing_bars_the_way(page: Any) -> None:
    assert page.evaluate(BARRIERS) == []
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("() => location.hash") == "#main"


@pytest.mark.parametrize("width", [320, 400, 700])
def test_a_narrow_window_scrolls_down_only(browser: Any, report: Path, width: int) -> None:
    page, said = opened(browser, report, viewport={"width": width, "height": 800})
    across = page.evaluate(
        "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert across == 0
    page.close()
    assert said == []


def test_it_prints_in_ink_on_white_with_everything_unfolded(
    browser: Any, report: Path, tmp_path: Path
) -> None:
    page, said = opened(browser, report, color_scheme="dark")
    page.pdf(path=str(tmp_path / "report.pdf"), format="A4")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
    page.emulate_media(media="print")
    look = page.evaluate(
        "() => [document.body, document.querySelector('.top')].map((one) => getComputedStyle(one))"
        ".map((style, index) => index ? style.display : style.color)"
    )
    assert look == ["rgb(0, 0, 0)", "none"]
    page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    page.evaluate("() => dispatchEvent(new Event('afterprint'))")
    assert page.locator("details[open]").count() == 0
    page.close()
    assert said == []


def test_without_scripts_everything_is_there(browser: Any, report: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    assert page.locator("#table tbody tr").count() == read_trials(QUICK / "trials.csv")["trial"].nunique()
    charts = len(RUN_CHARTS) - len(read_record(QUICK).left_out)
    assert page.locator("figure svg").count() == charts + 1
    assert not page.locator("#theme").is_visible()
    context.close()


def test_hostile_names_do_nothing(browser: Any, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(QUICK, run, ignore=shutil.ignore_patterns("figures"))
    document = json.loads((run / "run.json").read_text())
    document["config"] |= {"question": HOSTILE, "prediction": HOSTILE}
    (run / "run.json").write_text(json.dumps(document))
    page, said = opened(browser, save_report(run, tmp_path / "report.html"))
    assert page.title() == "quick on glyphs: report"
    assert page.locator("h1").text_content() == HOSTILE
    page.close()
    assert said == []


def test_a_run_that_has_trained_nothing_opens_too(browser: Any, tmp_path: Path) -> None:
    shutil.copy(QUICK / "run.json", tmp_path)
    page, said = opened(browser, save_report(tmp_path, tmp_path / "report.html"))
    assert "No network has a complete training yet" in (page.text_content("main") or "")
    assert page.locator("#table tbody tr").count() > 0, "the references are known before they are trained"
    page.click("#theme")
    assert page.evaluate(BARRIERS) == []
    page.close()
    assert said == []
