"""`--size paper`: the networks that the paper trained, at their exact cost."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from tiny_study import study_document

from scaling.cli import group
from scaling.cost import count_cost
from scaling.errors import ConfigError
from scaling.network.baselines import known_baseline
from scaling.network.families import variant
from scaling.network.published import published
from scaling.plans.study.config import StudyConfig
from scaling.plans.study.cost import PaperPart, paper_document, paper_parts
from scaling.plans.study.files import load_study, parse_study

ROOT = Path(__file__).parents[4]
IMAGES, EPOCHS = 1_281_167, 350
FIG_3 = (0.744, 1.176, 2.391, 5.060, 8.712, 0.782, 1.179, 1.575, 2.368, 3.161)
FIG_3_RESOLUTIONS = (0.718, 0.893, 1.129, 1.458, 1.923, 2.447)
"""10^9 multiply-adds of Fig. 3 in its order, by exact arithmetic; arXiv:1905.11946."""


@pytest.fixture(autouse=True)
def _at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def parts_of(name: str) -> tuple[PaperPart, ...]:
    return paper_parts(load_study(name).config)


def gmacs(part: PaperPart) -> dict[str, float]:
    return {row.network.name: round((row.macs or 0) / 1e9, 3) for row in part.cost.rows}


@pytest.mark.parametrize(
    ("name", "trainings"),
    [
        ("dimensions", 17), ("width_depth_resolution", 24), ("methods", 5), ("search_then_family", 117),
        ("noise", 2), ("law", 24), ("other_baselines", 14),
    ],
)  # fmt: skip
def test_every_network_is_trained_once_for_350_epochs_on_imagenet(name: str, trainings: int) -> None:
    study = load_study(name).config
    parts = paper_parts(study)
    found = paper_document(study, parts)
    assert (found["trainings"], found["epochs"], found["train_images"]) == (trainings, EPOCHS, IMAGES)
    each = [row for part in parts for row in part.cost.rows]
    work = sum((row.macs or 0) * row.trainings for row in each)
    assert found["train_macs"] == pytest.approx(3 * work * EPOCHS * IMAGES, rel=1e-12)
    for part in parts:
        start = known_baseline(part.baseline)
        assert start is not None
        assert part.epoch_macs == 3 * count_cost(start).macs * IMAGES


@pytest.mark.parametrize(("name", "table"), [("other_baselines", "Table 3"), ("methods", "Table 7")])
def test_tables_3_and_7_are_costed_row_by_row(name: str, table: str) -> None:
    """Beside the figures as printed; two of ResNet-50's were printed in each other's place."""
    exchanged = {14.7: 16.2, 16.2: 14.7}
    for part in parts_of(name):
        rows = [
            row
            for row in published("scaling_methods")
            if table in row["source"] and known_baseline(row["baseline"]) == known_baseline(part.baseline)
        ]
        assert len(rows) == len(part.cost.rows)
        for row, planned in zip(rows, part.cost.rows, strict=True):
            printed, exact = float(row["macs_billions"]), (planned.macs or 0) / 1e9
            if part.baseline == "resnet-50" and row["method"] in {"depth", "width"}:
                printed = exchanged[printed]
            within = 0.4 if part.baseline == "efficientnet-b0" else 0.18
            assert exact == pytest.approx(printed, abs=within), row
            if planned.network.spec is not None:
                width = float(row["width_coefficient"]) if row["method"] != "baseline" else 1
                assert ("w2" in planned.network.name) == (width == 2)


def test_fig_3_has_its_sixteen_networks_beside_b0() -> None:
    (part,) = parts_of("dimensions")
    assert list(gmacs(part).values()) == [0.386, *FIG_3, *FIG_3_RESOLUTIONS]


def test_step_1_is_a_grid_and_step_2_the_family() -> None:
    (part,) = parts_of("search_then_family")
    start, grid, *family = part.cost.rows
    assert (start.trainings, grid.trainings, grid.network.name) == (1, 109, "grid of 109")
    assert [row.macs for row in family] == [count_cost(variant(f"b{n}")).macs for n in range(1, 8)]


def test_it_is_printed_by_baseline_and_summed_and_not_run() -> None:
    done = CliRunner().invoke(group, ["study", "other_baselines", "--size", "paper", "--plan"])
    assert done.exit_code == 0, done.output
    for text in ("mobilenetv1", "mobilenetv2", "resnet-50", "as printed", "14 trainings of 350 epochs"):
        assert text in done.output
    refused = CliRunner().invoke(group, ["study", "other_baselines", "--size", "paper"])
    assert isinstance(refused.exception, ConfigError)
    assert "--plan" in str(refused.exception)


def own(**paper: object) -> StudyConfig:
    size = study_document()["sizes"]
    return parse_study(study_document(sizes={**size, "paper": paper}), where="mine.toml")


def test_a_file_that_names_no_networks_is_costed_by_its_own_design() -> None:
    (part,) = paper_parts(own(baseline="mobilenetv2", factors=[4.0], epochs=2, seeds=3))
    assert [row.network.name for row in part.cost.rows] == ["baseline", "compound@4", "depth@4"]
    assert part.cost.trainings == 9
    assert part.epoch_macs == 3 * 300_774_272 * IMAGES


@pytest.mark.parametrize(
    ("paper", "message"),
    [
        ({"networks": [{"baseline": "b99"}]}, "b99"),
        ({"networks": [{"baseline": "b0"}], "factors": [2.0]}, "do not go with networks"),
        ({"networks": [{"baseline": "b0", "multipliers": [[0, 1, 1]]}]}, "greater than 0"),
        ({"networks": [{"baseline": "b0", "multiplier": []}]}, "did you mean 'multipliers'"),
    ],
)
def test_a_wrong_paper_table_gets_one_line(paper: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as refused:
        own(**paper)
    assert str(refused.value).startswith("mine.toml: ")
