"""Bracketed learning rates: the best of a ladder, between networks, in a setup and in files."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from rated_setups import CORNERS, bracket, rated_setup, rates, rung
from tiny_setup import tiny_setup, tiny_tables, toml_of

from scaling.cost.doublings import doublings
from scaling.errors import ConfigError, SpecError
from scaling.runs.experiment_file import load_document, load_setup
from scaling.runs.job import Job
from scaling.runs.rates import BracketedRate, read_rates, write_rates
from scaling.runs.setup import Setup

OTHER = {"baseline": 0.04, "depth": 0.01, "width": 0.08, "resolution": 0.16}


@pytest.fixture(autouse=True)
def no_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys need the images' checksums; nothing is trained here."""
    monkeypatch.setattr(Job, "checksums", lambda job: ["of", str(job.spec.image_size)])


@pytest.mark.parametrize(
    ("losses", "side", "best"),
    [
        ((1.0, 0.9, 1.1), 0, 0.02),
        ((0.8, 0.9, 1.1), -1, 0.01),
        ((1.0, 0.9, 0.8), 1, 0.04),
        ((1.0, 0.9, None), 0, 0.02),  # a diverged rate brackets from above
        ((0.9, None, None), -1, 0.01),
        ((None, None, None), -1, None),
        ((1.0, 0.9, 0.8, 0.85), 0, 0.04),
    ],
)
def test_the_best_is_inside_or_the_ladder_goes_on(
    losses: tuple[float | None, ...], side: int, best: float | None
) -> None:
    found = bracket("depth", 0.02, *losses)
    assert found.open_side == side
    assert (None if found.best is None else found.best.learning_rate) == best


def test_of_equal_losses_the_higher_top1_is_best() -> None:
    rungs = (rung(0.01, 1.0), rung(0.02, 0.9, 0.6), rung(0.04, 0.9, 0.7), rung(0.08, 1.0))
    found = BracketedRate(name="width", doublings=(0.0, 2.0, 0.0), rungs=rungs)
    assert found.best == rungs[2]


def test_rates_are_those_of_the_corners_and_log_linear_between() -> None:
    found = rates(**OTHER)
    assert found.rate_at(0, 0, 0) == 0.04
    for name, x in CORNERS.items():
        assert found.rate_at(*x) == pytest.approx(OTHER[name])
        half = found.rate_at(*(value / 2 for value in x))
        assert half == pytest.approx((0.04 * OTHER[name]) ** 0.5, rel=1e-3)
    both = found.rate_at(*(a + b for a, b in zip(CORNERS["depth"], CORNERS["width"], strict=True)))
    assert both == pytest.approx(0.04 / 4 * 2, rel=1e-3)


def test_equal_rates_are_one_rate_to_the_last_bit() -> None:
    assert rates().rate_at(1.234, 0.567, 1.9) == 0.02


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"networks": rates().networks[::-1]}, "expected the learning rates of baseline, depth"),
        (
            {"networks": (bracket("baseline", 0.02, 0.8, 0.9, 1.0), *rates().networks[1:])},
            "best learning rate of baseline is not inside",
        ),
        (
            {"networks": tuple(replace(one, doublings=(1.0, 1.0, 0.0)) for one in rates().networks)},
            "one dimension each",
        ),
    ],
)
def test_what_brackets_nothing_is_refused(changed: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        replace(rates(), **changed)  # type: ignore[arg-type]


def test_a_setup_gives_every_network_the_rate_of_its_coordinates() -> None:
    setup = rated_setup(OTHER)
    base = setup.baseline_spec
    larger = replace(base, image_size=32)
    wanted = rates(**OTHER).rate_at(*doublings(larger, base))
    assert setup.rate_of(base) == 0.04
    assert setup.rate_of(larger) == wanted != 0.04
    assert setup.job(larger, seed=0, learning_rate_factor=0.5).recipe.learning_rate == wanted / 2
    assert tiny_setup().rate_of(larger) == tiny_setup().recipe.learning_rate
    with pytest.raises(SpecError, match="stages"):
        setup.rate_of(replace(base, stages=base.stages[:1]))


def test_rates_of_another_setup_are_not_used_and_the_log_says_what_to_do(
    caplog: pytest.LogCaptureFixture,
) -> None:
    changed = rated_setup(OTHER, recipe={"epochs": 2})
    with caplog.at_level(logging.WARNING):
        assert changed.rate_of(changed.baseline_spec) == changed.recipe.learning_rate
    assert "scaling study rates --setup FILE" in caplog.text
    assert changed.key() == tiny_setup(recipe={"epochs": 2}).key()


@pytest.mark.parametrize(
    ("tables", "same"),
    [
        ({"engine": {"kernels": "stock"}}, True),
        ({"baseline": {"name": "another"}}, True),
        ({"baseline": {"head_channels": 34}}, False),
        ({"recipe": {"learning_rate": 0.02}}, False),
        ({"data": {"train": 90}}, False),
        ({"numerics": {"batch_norm_momentum": 0.2}}, False),
    ],
)
def test_rates_hold_for_what_they_were_bracketed_on(tables: dict[str, dict[str, object]], same: bool) -> None:
    assert (rated_setup(OTHER, **tables).rates_in_use is not None) == same


def test_a_setups_key_covers_the_rates_and_not_how_they_were_found() -> None:
    setup = rated_setup(OTHER)
    assert setup.rates is not None
    assert setup.key() not in {tiny_setup().key(), rated_setup({}).key()}
    longer = tuple(replace(one, rungs=(rung(1e-4, 2.0), *one.rungs)) for one in setup.rates.networks)
    again = Setup.model_validate({**setup.document(), "rates": replace(setup.rates, networks=longer)})
    assert again.key() == setup.key()
    assert setup.without_rates() == tiny_setup()


def test_a_setup_with_rates_comes_back_from_plain_data() -> None:
    setup = rated_setup(OTHER)
    again = Setup.model_validate(json.loads(json.dumps(setup.document())))
    assert again == setup
    assert again.rate_of(setup.baseline_spec) == 0.04


def test_a_file_names_its_rates_and_an_experiment_its_setup(tmp_path: Path) -> None:
    found = rates(tiny_setup().rates_key(), **OTHER)
    write_rates(tmp_path / "setups" / "rates" / "tiny.json", found, {"commit": None})
    text = 'rates = "rates/tiny.json"\n' + toml_of(tiny_tables())
    (tmp_path / "setups" / "tiny.toml").write_text(text, encoding="utf-8")
    (tmp_path / "mine.toml").write_text('setup = "setups/tiny.toml"\n', encoding="utf-8")
    assert load_setup(tmp_path / "setups" / "tiny.toml").rates == found
    assert load_setup(tmp_path / "setups" / "tiny.toml", with_rates=False).rates is None
    document, _ = load_document(tmp_path / "mine.toml", ["recipe.epochs=1"])
    assert Setup.model_validate(document["setup"]).rates_in_use == found


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read the learning rates .*--export. writes it"),
        ("{", "holds no learning rates of this version"),
        ("[]", "holds no learning rates of this version"),
        ('{"schema_version": 9, "rates": {}}', "holds no learning rates of this version"),
    ],
)
def test_a_rates_file_that_is_none_is_named(tmp_path: Path, content: str | None, message: str) -> None:
    path = tmp_path / "rates.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        read_rates(path)


def test_a_wrong_entry_of_a_rates_file_is_named(tmp_path: Path) -> None:
    plain = asdict(rates())
    plain["networks"][1]["colour"] = 3
    (tmp_path / "tiny.json").write_text(json.dumps({"schema_version": 1, "rates": plain}), encoding="utf-8")
    (tmp_path / "tiny.toml").write_text('rates = "tiny.json"\n' + toml_of(tiny_tables()), encoding="utf-8")
    with pytest.raises(ConfigError, match="colour"):
        load_setup(tmp_path / "tiny.toml")


RATED = sorted(path for path in Path("experiments/setups").glob("*.toml") if "\nrates = " in path.read_text())


@pytest.mark.parametrize("path", RATED, ids=lambda path: str(path.stem))
def test_shipped_rates_are_those_of_their_setup_and_say_where_they_come_from(path: Path) -> None:
    setup = load_setup(path)
    assert setup.rates_in_use is not None, "the setup was changed: bracket its rates again"
    assert setup.rate_of(setup.baseline_spec) == setup.rates_in_use.best["baseline"]
    document = json.loads((path.parent / "rates" / f"{path.stem}.json").read_text(encoding="utf-8"))
    assert document["provenance"]["finished"]
    assert document["provenance"]["dirty"] is False
