"""The explorer in real Chromium: its arithmetic is the generator's to the unit, and it can be used."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from click.testing import CliRunner
from playwright.sync_api import sync_playwright

from scaling import (
    ArchitectureSpec,
    CompoundCoefficients,
    RoundingRules,
    ScalingCoefficients,
    SpecError,
    count_cost,
    scale,
    variant,
)
from scaling.baselines import BASELINES, rules_of_baseline
from scaling.cli import group
from scaling.cost.closed_form import input_sides
from scaling.explorer import explorer_data
from scaling.explorer.page import one_formula
from scaling.families import lite_coefficients, official_name, released_coefficients
from scaling.rounding import ChannelRule, CoefficientRounding, HeadRule, RepeatRule, SqueezeRounding

pytestmark = pytest.mark.browser

OFFICIAL = (*released_coefficients(), *lite_coefficients())
B0, LITE0 = "efficientnet-b0", "efficientnet-lite0"
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking")
Setting = dict[str, Any]

# The page is driven through its address, as a reader who was sent one would; all that it shows is read back.
READ_ALL = """
async (hashes) => {
  const cells = (row) => [...row.cells].map((cell) => cell.textContent);
  const found = [];
  for (const hash of hashes) {
    const changed = new Promise((resolve) => addEventListener("hashchange", resolve, { once: true }));
    if (location.hash !== hash) { location.hash = hash; await changed; }
    const text = (id) => document.getElementById(id).textContent;
    found.push({
      error: text("error"), params: text("params"), macs: text("macs"), activations: text("activations"),
      network: text("network"), nearest: text("nearest"), achieved: text("achieved"),
      rows: [...document.getElementById("stages").tBodies[0].rows].map(cells),
    });
  }
  return found;
}
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


def rules_of(setting: Setting) -> RoundingRules:
    changed = {name: value for name, value in setting.items() if name in asdict(RoundingRules())}
    return replace(RoundingRules(), **changed)


def network(setting: Setting) -> ArchitectureSpec:
    baseline = BASELINES[setting["baseline"]]
    if setting["mode"] == "direct":
        multipliers = ScalingCoefficients(
            depth_coefficient=setting["depth"],
            width_coefficient=setting["width"],
            resolution_coefficient=setting["image"] / baseline.image_size,
        )
        return scale(baseline, multipliers, rules_of(setting))
    bases = {name: setting[name] for name in ("alpha", "beta", "gamma", "phi")}
    return scale(baseline, CompoundCoefficients(**bases), rules_of(setting))


def fragment(setting: Setting) -> str:
    words = {True: "true", False: "false"}
    return "#" + urlencode(
        {key: words.get(value, value) if isinstance(value, bool) else value for key, value in setting.items()}
    )


def official_setting(name: str) -> Setting:
    row = (released_coefficients() | lite_coefficients())[name]
    baseline = LITE0 if name in lite_coefficients() else B0
    rules = rules_of_baseline(baseline)
    return {
        "mode": "direct",
        "baseline": baseline,
        "depth": row.depth_coefficient,
        "width": row.width_coefficient,
        "image": row.image_size,
        "scaled_stem_and_head": rules.scaled_stem_and_head,
        "scaled_end_repeats": rules.scaled_end_repeats,
    }


def random_setting(draw: random.Random) -> Setting:
    setting: Setting = {
        "mode": draw.choice(["compound", "compound", "direct"]),
        "baseline": draw.choice([B0, B0, LITE0]),
    }
    if setting["mode"] == "direct":
        setting |= {
            "depth": round(draw.uniform(0.3, 4), draw.choice([1, 2, 15])),
            "width": round(draw.uniform(0.3, 4), draw.choice([1, 2, 15])),
            "image": draw.randint(32, 800),
        }
    else:
        digits = draw.choice([1, 2, 3, 15])
        setting |= {name: round(draw.uniform(1.05, 1.4), digits) for name in ("alpha", "beta", "gamma")}
        setting["phi"] = draw.choice(
            [draw.randint(-1, 5), round(draw.uniform(-1.5, 5), 2), draw.uniform(-1, 5)]
        )
    rules = {
        "coefficient_rounding": draw.choice(list(CoefficientRounding)).value,
        "channel_rule": draw.choice(list(ChannelRule)).value,
        "channel_divisor": draw.choice([1, 2, 4, 7, 8, 16]),
        "repeat_rule": draw.choice(list(RepeatRule)).value,
        "head_rule": draw.choice(list(HeadRule)).value,
        "squeeze_rounding": draw.choice(list(SqueezeRounding)).value,
        "image_size_step": draw.choice([1, 2, 4, 7, 32]),
        "scaled_stem_and_head": draw.random() < 0.7,
        "scaled_end_repeats": draw.random() < 0.7,
    }
    kept = draw.sample(sorted(rules), draw.randint(0, len(rules)))
    return setting | {name: rules[name] for name in kept}


def edge_settings() -> list[Setting]:
    """Where Python's floats and JavaScript's could part: ties of every rounding, twelfth digits, ends."""
    none = {"coefficient_rounding": "none"}
    point = {"mode": "compound", "baseline": B0, "alpha": 1.25, "beta": 1.25, "gamma": 1.25, "phi": 1}
    direct = {"mode": "direct", "baseline": B0, "depth": 1, "width": 1, "image": 224}
    return [
        point,
        point | {"alpha": 1.75, "beta": 1.35, "gamma": 1.15},
        point | {"phi": 2, "alpha": 1.5, "beta": 1.5, "gamma": 1.5},
        point | none | {"alpha": 1.000244140625, "beta": 1.000732421875, "gamma": 1.0},
        point | none | {"alpha": 2.0, "beta": 2.0, "gamma": 1.1, "phi": 0.5, "channel_rule": "round"},
        point | none | {"alpha": 2.0, "phi": 1.0000000000000002},
        point | {"phi": 0},
        point | {"alpha": 0.9, "beta": 0.95, "gamma": 0.9, "phi": 3},
        direct | {"depth": 1.1, "repeat_rule": "round"},
        direct | {"depth": 1.25, "width": 2.25, "repeat_rule": "round", "coefficient_rounding": "none"},
        direct
        | {
            "depth": 1.5,
            "width": 0.5,
            "repeat_rule": "round",
            "channel_rule": "round",
            "channel_divisor": 16,
        },
        direct | {"width": 0.3, "channel_divisor": 1, "squeeze_rounding": "round"},
        direct | {"image": 33, "image_size_step": 2},
        direct | {"image": 8},
        direct | {"image": 1000, "depth": 6, "width": 5},
    ]


def settings() -> list[Setting]:
    draw = random.Random(20190528)
    return [*map(official_setting, OFFICIAL), *edge_settings(), *(random_setting(draw) for _ in range(220))]


def expected(setting: Setting) -> dict[str, Any]:
    spec = network(setting)
    cost, sides = count_cost(spec), input_sides(spec)
    channels = [
        spec.stem.out_channels,
        *(s.out_channels for s in spec.stages),
        spec.head.out_channels,
        spec.num_classes,
    ]
    repeats = [1, *(stage.repeats for stage in spec.stages), 1, 1]
    inputs = [spec.image_size, *sides[: len(spec.stages)], sides[-1], sides[-1]]
    baseline = count_cost(BASELINES[setting["baseline"]])
    assert spec.derivation is not None
    scaling = spec.derivation.scaling
    multipliers = (scaling.depth_coefficient, scaling.width_coefficient)
    return {
        "params": f"{cost.params:,}",
        "macs": f"{cost.macs:,}",
        "activations": f"{cost.activations:,}",
        "achieved": cost.macs / baseline.macs,
        "network": (*multipliers, spec.image_size, spec.num_blocks),
        "nearest": official_name(spec) or nearest(cost.macs, cost.params),
        "rows": [
            [
                piece.name,
                f"{side}²",
                str(times),
                str(width),
                f"{piece.params:,}",
                f"{piece.macs:,}",
                f"{piece.activations:,}",
            ]
            for piece, side, times, width in zip(cost.by_stage, inputs, repeats, channels, strict=True)
        ],
    }


def nearest(macs: int, params: int) -> str:
    costs = {name: count_cost(variant(name)) for name in OFFICIAL}
    return min(
        OFFICIAL,
        key=lambda name: abs(math.log(macs / costs[name].macs)) + abs(math.log(params / costs[name].params)),
    )


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
