"""The explorer in real Chromium: its arithmetic is the generator's to the unit, and it can be used."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from explorer_settings import B0, OFFICIAL, expected, fragment, network, settings
from playwright.sync_api import sync_playwright

from scaling import RoundingRules, ScalingCoefficients, SpecError, count_cost, variant
from scaling.cli import group
from scaling.explorer import explorer_data
from scaling.explorer.page import one_formula
from scaling.network.baselines import BASELINES

pytestmark = pytest.mark.browser

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking")

OF_NO_NUMBER = ("title", "piece", "dense")
"""Texts of the drawing that are looked at elsewhere."""

# The page is driven through its address, as a reader who was sent one would; all that it shows is read back.
READ_ALL = """
async (hashes) => {
  const cells = (row) => [...row.cells].map((cell) => cell.textContent);
  const drawing = () => {
    const words = {};
    for (const text of document.querySelectorAll("#blocks text")) {
      (words[text.classList[0]] ??= []).push(text.textContent);
    }
    return words;
  };
  const found = [];
  for (const hash of hashes) {
    const changed = new Promise((resolve) => addEventListener("hashchange", resolve, { once: true }));
    if (location.hash !== hash) { location.hash = hash; await changed; }
    const text = (id) => document.getElementById(id).textContent;
    found.push({
      error: text("error"), params: text("params"), macs: text("macs"), activations: text("activations"),
      network: text("network"), nearest: text("nearest"), achieved: text("achieved"),
      rows: [...document.getElementById("stages").tBodies[0].rows].map(cells), drawing: drawing(),
    });
  }
  return found;
}
"""

# Ink of a text is about its middle 0.75 em; its line box is taller.
BOXES = """
() => ["svg", "text"].flatMap((name) => [...document.querySelectorAll(`#blocks ${name}`)]).map((element) => {
  const { left, right, top, bottom, height } = element.getBoundingClientRect();
  const pad = element.tagName === "text" ? height * 0.18 : 0;
  const scale = document.querySelector("#blocks svg").getBoundingClientRect().width / 350;
  return { words: element.textContent.slice(0, 30), kind: element.classList[0] ?? "",
    size: scale * parseFloat(getComputedStyle(element).fontSize),
    left, right, top: top + pad, bottom: bottom - pad };
})
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("explorer") / "explorer.html"
    outcome = CliRunner().invoke(group, ["explore", "-o", str(path)], catch_exceptions=False)
    assert outcome.stdout.startswith("wrote ")
    return path.as_uri()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """A fresh page; anything on its console, and any request but for the file, fails the test."""
    opened = browser.new_page(viewport={"width": 1200, "height": 900})
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on(
        "request",
        lambda request: request.url.startswith(("file:", "data:")) or complaints.append(request.url),
    )
    opened.goto(address)
    yield opened
    opened.close()
    assert complaints == []


def test_the_page_computes_what_python_computes(page: Any) -> None:
    chosen = settings()
    legal = 0
    for setting, shown in zip(chosen, page.evaluate(READ_ALL, [fragment(s) for s in chosen]), strict=True):
        try:
            truth = expected(setting)
        except SpecError:
            assert shown["error"], setting
            continue
        legal += 1
        assert shown["error"] == "", setting
        assert {key: shown[key] for key in ("params", "macs", "activations", "nearest")} == {
            key: truth[key] for key in ("params", "macs", "activations", "nearest")
        }, setting
        assert float(shown["achieved"].removeprefix("×")) == pytest.approx(truth["achieved"], abs=1e-4), (
            setting
        )
        # Every digit of the rounded coefficients: a shortest round trip in both languages.
        assert (
            tuple(map(float, re.findall(r"[\d.e+-]+(?=,| px| blocks)", shown["network"]))) == truth["network"]
        )
        rows = [[row[0], *row[3:9]] for row in shown["rows"]]
        assert rows == truth["rows"], setting
        said = {name: words for name, words in shown["drawing"].items() if name not in OF_NO_NUMBER}
        assert said == {name: words for name, words in truth["drawing"].items() if words}, setting
    assert legal >= 200


@pytest.mark.parametrize("mode", ["compound", "direct"])
def test_the_official_variants_are_one_click_away(page: Any, mode: str) -> None:
    for name in OFFICIAL:
        page.check(f"#mode-{mode}")
        page.click(f"button[data-variant={name}]")
        cost = count_cost(variant(name))
        assert page.inner_text("#params") == f"{cost.params:,}"
        assert page.inner_text("#macs") == f"{cost.macs:,}"
        assert page.inner_text("#nearest") == name
        assert page.inner_text("#nearest-note") == "exactly this network"
        assert page.locator("button[aria-pressed=true]").all_inner_texts() == [name]
        by_formula = mode == "compound" and name in one_formula()["phi"]
        assert page.is_checked("#mode-compound") == by_formula


def test_the_papers_point_is_one_click_away(page: Any) -> None:
    page.click("button[data-variant=b7]")
    page.click("#paper")
    assert [page.input_value(f"#{name}") for name in ("alpha", "beta", "gamma", "phi")] == [
        "1.2",
        "1.1",
        "1.15",
        "1",
    ]
    assert page.inner_text("#nominal") == "×1.9203"
    assert page.inner_text("#achieved") == "×2.5728"


def test_typing_and_arrow_keys_change_the_network_and_the_address(page: Any) -> None:
    page.fill("#phi", "2.5")
    assert "phi=2.5" in page.url
    assert page.input_value("#phi-slider") == "2.5"
    page.focus("#phi-slider")
    page.keyboard.press("ArrowRight")
    assert page.input_value("#phi") == "2.51"
    page.select_option("#repeat_rule", "round")
    page.focus("#scaled_end_repeats")
    page.keyboard.press("Space")
    setting = {"mode": "compound", "baseline": B0, "alpha": 1.2, "beta": 1.1, "gamma": 1.15, "phi": 2.51}
    spec = network(setting | {"repeat_rule": "round", "scaled_end_repeats": False})
    assert page.inner_text("#macs") == f"{count_cost(spec).macs:,}"


def test_the_address_brings_everything_back(page: Any, browser: Any) -> None:
    page.click("button[data-variant=lite3]")
    page.fill("#width", "1.3")
    page.fill("#channel_divisor", "4")
    page.select_option("#channel_rule", "round")
    other = browser.new_page()
    other.goto(page.url)
    assert other.url == page.url
    for selector in ("#macs", "#params", "#network", "#python", "#stages"):
        assert other.inner_text(selector) == page.inner_text(selector)
    assert other.input_value("#channel_divisor") == "4"
    other.close()


def test_a_hostile_address_does_no_harm(page: Any, address: str) -> None:
    page.goto(
        f"{address}#mode=direct&baseline=<img src=x onerror=alert(1)>&depth=NaN&width=&channel_rule=x&y=1"
    )
    page.reload()
    assert page.inner_text("#error") == ""
    assert page.input_value("#baseline") == B0
    assert page.inner_text("#macs") == f"{count_cost(variant('b0')).macs:,}"


@pytest.mark.parametrize(
    ("box", "value", "message"),
    [
        ("alpha", "", "alpha must be a number"),
        ("alpha", "-1", "alpha must be above 0"),
        ("phi", "60", "must be between"),
        ("channel_divisor", "1.5", "channel_divisor must be a whole number"),
    ],
)
def test_what_cannot_be_is_said_and_recovered_from(page: Any, box: str, value: str, message: str) -> None:
    before = page.inner_text("#macs")
    page.fill(f"#{box}", value)
    assert message in page.inner_text("#error")
    page.click("#paper")
    assert page.inner_text("#error") == ""
    assert page.inner_text("#macs") == before


def test_changing_to_multipliers_keeps_the_network(page: Any) -> None:
    page.fill("#phi", "3.3")
    before = page.inner_text("#macs")
    page.check("#mode-direct")
    assert page.inner_text("#macs") == before
    assert page.is_hidden("#alpha")
    assert page.is_visible("#depth")


def test_every_control_is_reached_by_tab_and_has_a_name(page: Any) -> None:
    unnamed = page.evaluate(
        "() => [...document.querySelectorAll('input, select')]"
        ".filter((e) => !(e.labels.length || e.getAttribute('aria-label'))).map((e) => e.id)"
    )
    assert unnamed == []
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("() => document.activeElement.id || document.activeElement.dataset.variant")
        )
    assert {
        "paper",
        "b7",
        "baseline",
        "alpha-slider",
        "phi",
        "channel_rule",
        "channel_divisor",
        "copy",
    } <= reached


def test_the_official_drawings_add_up_to_the_official_layer_counts(page: Any) -> None:
    # Keras's EfficientNetB0 to B7 without the top.
    known = {"b0": 237, "b1": 339, "b2": 339, "b3": 384, "b4": 474, "b5": 576, "b6": 666, "b7": 813}
    for name, count in known.items():
        page.click(f"button[data-variant={name}]")
        assert page.text_content("#blocks .title") == f"EfficientNet-{name.upper()}"
        assert (
            sum(int(words.split()[0]) for words in page.locator("#blocks .layers").all_text_contents())
            == count
        )
        words = page.get_attribute("#blocks svg", "aria-label")
        assert words.startswith(f"EfficientNet-{name.upper()} block by block: image ")
        assert words.endswith(f"; {count} layers without top.")


@pytest.mark.parametrize("width", [360, 1400])
@pytest.mark.parametrize("fragment", ["", "#mode=direct&depth=45&width=6&image=4000"])
def test_no_text_of_the_drawing_leaves_it_or_meets_another(page: Any, width: int, fragment: str) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.evaluate("(hash) => { location.hash = hash; }", fragment)
    page.wait_for_function(
        "(word) => document.querySelector('#blocks .shape').textContent.includes(word)",
        arg="4000" if fragment else "258",
    )
    drawing, *texts = page.evaluate(BOXES)
    assert min(one["size"] for one in texts if one["kind"] not in ("kind", "each", "chip")) >= 9
    for index, one in enumerate(texts):
        assert one["left"] >= drawing["left"] - 1, one
        assert one["right"] <= drawing["right"] + 1, one
        assert [other for other in texts[:index] if meet(one, other)] == [], one


def meet(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return bool(
        one["left"] < other["right"]
        and other["left"] < one["right"]
        and one["top"] < other["bottom"]
        and other["top"] < one["bottom"]
    )


def test_the_drawing_follows_and_has_words(page: Any) -> None:
    page.click("button[data-variant=b7]")
    assert page.locator("#drawing rect.stage").count() == 16 + 55
    assert "this network: 600 pixels, stages 4×32, 7×48" in page.inner_html("#drawing title")


@pytest.mark.parametrize("width", [320, 400, 1200])
def test_no_window_is_too_narrow(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 700})
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width


def test_light_and_dark_differ_and_both_contrast(page: Any) -> None:
    colours = "() => { const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]; }"
    page.emulate_media(color_scheme="light")
    light = page.evaluate(colours)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(colours)
    assert light != dark
    for ink, paper in (light, dark):
        lighter, darker = sorted((luminance(ink), luminance(paper)), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) > 7


def luminance(colour: str) -> float:
    """Relative luminance of `rgb(r, g, b)`, by the WCAG's formula."""
    parts = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_it_prints(page: Any, tmp_path: Path) -> None:
    content = page.pdf(path=str(tmp_path / "explorer.pdf"), format="A4")
    assert content.startswith(b"%PDF")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.is_hidden("form")
    assert page.is_visible("#stages")


def test_the_python_that_it_shows_gives_the_same_network(page: Any) -> None:
    page.fill("#phi", "2")
    page.fill("#image_size_step", "8")
    namespace = {"scaling": __import__("scaling"), "RoundingRules": RoundingRules, "BASELINES": BASELINES}
    namespace["ScalingCoefficients"] = ScalingCoefficients
    for mode in ("compound", "direct"):
        page.check(f"#mode-{mode}")
        spec = eval(page.inner_text("#python"), namespace)
        assert page.inner_text("#macs") == f"{count_cost(spec).macs:,}"


def test_the_data_holds_every_official_variant() -> None:
    assert [each["name"] for each in explorer_data()["official"]] == list(OFFICIAL)
