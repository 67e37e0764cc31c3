"""`scaling describe` and `variants`: the contract that other programs read."""

from __future__ import annotations

import json
import warnings
from typing import Any

import pytest
from click.testing import CliRunner

from scaling import count_cost, generate, variant
from scaling.cli import group
from scaling.network.families import released_coefficients

KEYS = [
    "name",
    "baseline",
    "alpha",
    "beta",
    "gamma",
    "phi",
    "coefficient_rounding",
    "official_name",
    "depth_coefficient",
    "width_coefficient",
    "resolution_coefficient",
    "image_size",
    "dropout",
    "in_channels",
    "num_classes",
    "stem_channels",
    "stem_stride",
    "stem_pool_stride",
    "activation",
    "head_channels",
    "last_map",
    "idle_depthwise_weights",
    "stages",
    "blocks",
    "params",
    "macs",
    "activations",
    "keras_layers",
    "spec",
]
STAGE_KEYS = [
    "kind",
    "repeats",
    "kernel_size",
    "stride",
    "expand_ratio",
    "se_ratio",
    "in_channels",
    "out_channels",
]
OFFICIAL = tuple(released_coefficients())


def printed(*arguments: str) -> str:
    outcome = CliRunner().invoke(group, list(arguments), catch_exceptions=False, standalone_mode=False)
    assert outcome.stderr == ""
    return outcome.stdout


def document(*arguments: str) -> Any:
    return json.loads(printed(*arguments, "--json"))


def coefficients(alpha: float, beta: float, gamma: float, phi: float) -> list[str]:
    pairs = {"alpha": alpha, "beta": beta, "gamma": gamma, "phi": phi}
    return [f"--{name}={value!r}" for name, value in pairs.items()]


@pytest.mark.parametrize("name", [*OFFICIAL, "efficientnet-b0", "B4"])
def test_an_official_variant_has_every_key_and_no_coefficients(name: str) -> None:
    found = document("describe", name)
    assert list(found) == KEYS
    assert all(list(stage) == STAGE_KEYS for stage in found["stages"])
    assert all(found[key] is None for key in ("alpha", "beta", "gamma", "phi"))
    assert found["official_name"] == found["name"] == name.lower().removeprefix("efficientnet-")
    cost = count_cost(variant(name))
    assert (found["params"], found["macs"], found["activations"]) == (
        cost.params,
        cost.macs,
        cost.activations,
    )
    assert found["blocks"] == sum(stage["repeats"] for stage in found["stages"])
    assert found["resolution_coefficient"] == found["image_size"] / 224


@pytest.mark.parametrize("rounding", ["released", "none"])
def test_floats_round_trip(rounding: str) -> None:
    bases = (1.1234567890123457, 1.1 + 2**-52, 1.0999999999999999, 2.718281828459045)
    found = document("describe", *coefficients(*bases), "--coefficient-rounding", rounding)
    assert tuple(found[key] for key in ("alpha", "beta", "gamma", "phi")) == bases
    assert list(found) == KEYS
    assert found["coefficient_rounding"] == rounding
    alpha, beta, gamma, phi = bases
    spec = generate(alpha=alpha, beta=beta, gamma=gamma, phi=phi, coefficient_rounding=rounding)
    assert found["params"] == count_cost(spec).params
    assert found["macs"] == count_cost(spec).macs
    again = document("describe", *coefficients(*(found[k] for k in ("alpha", "beta", "gamma", "phi"))),
                     "--coefficient-rounding", rounding)  # fmt: skip
    assert again == found


def test_what_invert_says_describe_builds() -> None:
    names = ("b0", "b1", "b2", "b3")
    answer = document("invert", "--variants", ",".join(names))
    if not answer["feasible"]:
        names = ("b0", "b1")
        answer = document("invert", "--variants", ",".join(names))
    assert answer["feasible"]
    for name in names:
        phi = answer["phi"][name]
        bases = coefficients(answer["alpha"], answer["beta"], answer["gamma"], phi)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = document("describe", *bases)
        official = document("describe", name)
        for key in ("stages", "stem_channels", "head_channels", "image_size", "params", "macs"):
            assert found[key] == official[key], (name, key)


def test_negative_phi_is_a_smaller_network() -> None:
    found = document("describe", *coefficients(1.2, 1.1, 1.15, -2.0))
    assert found["params"] < count_cost(variant("b0")).params
    assert found["image_size"] < 224
    assert found["official_name"] is None


def test_options_change_what_they_name() -> None:
    plain = document("describe", "b0")
    found = document("describe", "b0", "--num-classes", "10", "--in-channels", "1", "--image-size", "64")
    assert (found["num_classes"], found["in_channels"], found["image_size"]) == (10, 1, 64)
    assert found["params"] == plain["params"] - 990 * 1281 - 2 * 9 * 32
    assert found["official_name"] is None
    assert found["resolution_coefficient"] == 64 / 224
    for size in (8, 4096):
        assert document("describe", "b0", "--image-size", str(size))["image_size"] == size


def test_a_generated_network_that_equals_an_official_one_is_named() -> None:
    found = document("describe", *coefficients(1.2, 1.1, 1.15, 0.0))
    assert (found["name"], found["official_name"], found["phi"]) == ("b0", "b0", 0.0)


def test_variants_are_describe_documents() -> None:
    found = document("variants")
    assert [one["name"] for one in found] == list(OFFICIAL)
    assert found == [document("describe", name) for name in OFFICIAL]


@pytest.mark.parametrize("columns", ["60", "80"])
@pytest.mark.parametrize(
    "arguments",
    [
        *(["describe", name] for name in ("b0", "b7", "l2")),
        ["describe", *coefficients(1.2, 1.1, 1.15, 2.5)],
        ["variants"],
        ["count", "b0", "--no-trace"],
        ["count", "b7", "--no-trace"],
        ["summary", "b0", "--by-block"],
        ["summary", "b7", "--by-block"],
    ],
    ids=" ".join,
)
def test_narrow_terminals_are_kept(
    arguments: list[str], columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rich.console import Console  # noqa: PLC0415

    console = Console(width=int(columns), highlight=False)
    for module in ("output", "architecture", "count"):
        __import__(f"scaling.cli.{module}")
        monkeypatch.setattr(f"scaling.cli.{module}.console", console)
    text = printed(*arguments)
    assert max(map(len, text.splitlines())) <= int(columns)
    assert "…" not in text
