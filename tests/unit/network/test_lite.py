"""EfficientNet-Lite: unscaled ends, no squeeze-excitation, ReLU6, from the same generator."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from scaling import RoundingRules, SpecError, build_model, count_cost, generate, variant
from scaling.network.architecture import Activation
from scaling.network.baselines import EFFICIENTNET_LITE0
from scaling.network.families import lite_coefficients, official_name, released_coefficients
from scaling.network.published import published
from scaling.network.rounding import LITE
from scaling.network.serialization import architecture_key
from scaling.targets.explanation import released_grid
from scaling.targets.inversion import GridEntry, invert

LITES = tuple(lite_coefficients())


@pytest.mark.parametrize(
    ("name", "params"), [("lite0", 4_652_008), ("lite1", 5_416_680), ("lite2", 6_092_072)]
)
def test_params_are_those_of_the_released_weights(name: str, params: int) -> None:
    assert count_cost(variant(name)).params == params
    model = build_model(variant(name), device="meta")
    assert sum(parameter.numel() for parameter in model.parameters()) == params


@pytest.mark.parametrize("name", LITES)
def test_the_ends_stay_and_the_rest_is_scaled_as_its_b_variant(name: str) -> None:
    lite, plain = variant(name), variant(name.replace("lite", "b"))
    assert (lite.stem.out_channels, lite.head.out_channels) == (32, 1280)
    assert (lite.stages[0].repeats, lite.stages[-1].repeats) == (1, 1)
    assert [s.out_channels for s in lite.stages] == [s.out_channels for s in plain.stages]
    assert [s.repeats for s in lite.stages[1:-1]] == [s.repeats for s in plain.stages[1:-1]]


def test_the_activation_is_part_of_the_architecture() -> None:
    lite = variant("lite0")
    swish = replace(lite, activation=Activation.SILU)
    assert swish != lite
    assert architecture_key(swish) != architecture_key(lite)
    assert official_name(swish) is None
    with pytest.raises(SpecError, match="activation must be one of silu, relu6, relu, got 'tanh'"):
        replace(lite, activation="tanh")


def test_the_model_has_relu6_and_no_squeeze() -> None:
    kinds = {type(module) for module in build_model(variant("lite0"), device="meta").modules()}
    assert nn.ReLU6 in kinds
    assert nn.SiLU not in kinds
    with_squeeze = replace(variant("b0"), activation=Activation.RELU6)
    assert nn.SiLU not in {type(m) for m in build_model(with_squeeze, device="meta").modules()}
    activation = build_model(replace(variant("lite0"), image_size=32)).stem.activation
    assert activation(torch.tensor([-1.0, 3.0, 9.0])).tolist() == [0.0, 3.0, 6.0]


def test_generate_keeps_the_family_rules_and_names() -> None:
    bases = {"alpha": 1.2, "beta": 1.1, "gamma": 1.15}
    assert generate(**bases, phi=0, baseline="efficientnet-lite0").name == "lite0"
    grown = generate(**bases, phi=2, baseline="efficientnet-lite0")
    assert (grown.stem.out_channels, grown.head.out_channels, grown.stages[0].repeats) == (32, 1280, 1)
    free = generate(**bases, phi=2, baseline="efficientnet-lite0", rounding=RoundingRules())
    assert free.head.out_channels > 1280


def test_the_inversion_knows_the_rules_too() -> None:
    row = lite_coefficients()["lite3"]
    entry = GridEntry(
        name="lite3",
        depth_coefficient=row.depth_coefficient,
        width_coefficient=row.width_coefficient,
        image_size=row.image_size,
    )
    found = invert(EFFICIENTNET_LITE0, [entry], LITE).solution
    assert found is not None
    made = generate(
        alpha=found.alpha, beta=found.beta, gamma=found.gamma, phi=found.phi["lite3"],
        baseline=EFFICIENTNET_LITE0,
    )  # fmt: skip
    assert made == variant("lite3")


def test_image_sizes_and_dropout_as_released() -> None:
    assert [variant(name).image_size for name in LITES] == [224, 240, 260, 280, 300]
    assert [variant(name).dropout for name in LITES] == [0.2, 0.2, 0.3, 0.3, 0.3]
    assert all(row["source"] for row in published("lite_coefficients"))


def test_the_family_is_apart_from_the_official_grid() -> None:
    assert not set(LITES) & set(released_coefficients())
    assert variant("lite0") == EFFICIENTNET_LITE0
    with pytest.raises(SpecError, match="lite0"):
        released_grid(["lite0"])
