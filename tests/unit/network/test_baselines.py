"""Baselines beside EfficientNet's: what they are, what they cost, how they scale."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from scaling import RoundingRules, ScalingCoefficients, SpecError, build_model, count_cost, generate, scale
from scaling.model import last_norm_of_branch
from scaling.network.architecture import ArchitectureSpec, BlockKind
from scaling.network.baselines import BASELINES, MOBILENET_V1, MOBILENET_V2, RESNET_50, known_baseline
from scaling.network.decomposition import layers
from scaling.network.families import baseline_named, named
from scaling.network.generation import scaled_channels
from scaling.network.rounding import HeadRule
from scaling.network.serialization import architecture_key, from_json, to_json
from scaling.network.small_inputs import for_small_input, idle_taps, last_map

OTHERS = (MOBILENET_V1, MOBILENET_V2, RESNET_50)
EACH = pytest.mark.parametrize("spec", OTHERS, ids=[spec.name for spec in OTHERS])
# torchvision/models/mobilenetv2.py and resnet.py (num_params, _ops); timm mobilenetv1_100, counted.
PARAMS = {"mobilenetv1": 4_231_976, "mobilenetv2": 3_504_872, "resnet-50": 25_557_032}
MACS = {"mobilenetv1": 568_740_352, "mobilenetv2": 300_774_272, "resnet-50": 4_089_184_256}
# arXiv:1905.11946, Table 3, in billions.
PRINTED = {"mobilenetv1": 0.6, "mobilenetv2": 0.3, "resnet-50": 4.1}


def by(depth: float = 1.0, width: float = 1.0, resolution: float = 1.0) -> ScalingCoefficients:
    return ScalingCoefficients(
        depth_coefficient=depth, width_coefficient=width, resolution_coefficient=resolution
    )


@EACH
def test_params_and_multiply_adds_to_the_unit(spec: ArchitectureSpec) -> None:
    cost = count_cost(spec)
    assert (cost.params, cost.macs) == (PARAMS[spec.name], MACS[spec.name])
    assert round(cost.macs / 1e9, 1) == PRINTED[spec.name]


# arXiv:1905.11946, Table 3: single dimensions, in billions as printed. ResNet-50's d = 4 and w = 2 come out
# as if those two rows had been exchanged: 14.6 and 16.1 where 16.2 and 14.7 are printed.
ROWS = [
    (MOBILENET_V1, by(width=2), 2.2),
    (MOBILENET_V1, by(resolution=2), 2.2),
    (MOBILENET_V2, by(depth=4), 1.2),
    (MOBILENET_V2, by(width=2), 1.1),
    (MOBILENET_V2, by(resolution=2), 1.2),
    (RESNET_50, by(resolution=2), 16.4),
    (RESNET_50, by(depth=4), 14.7),
    (RESNET_50, by(width=2), 16.2),
]


@pytest.mark.parametrize(("spec", "coefficients", "printed"), ROWS)
def test_rows_of_table_3(spec: ArchitectureSpec, coefficients: ScalingCoefficients, printed: float) -> None:
    assert count_cost(scale(spec, coefficients)).macs / 1e9 == pytest.approx(printed, abs=0.14)


@EACH
def test_names_json_and_key(spec: ArchitectureSpec) -> None:
    assert BASELINES[spec.name] is baseline_named(spec.name.upper()) is known_baseline(spec.name)
    after = from_json(to_json(spec))
    assert after == spec
    assert (after.stem, after.dropout) == (spec.stem, spec.dropout)
    assert len({architecture_key(each) for each in BASELINES.values()}) == len(BASELINES)


@pytest.mark.parametrize("name", ["resnet50", "ResNet-50", "resnet_50"])
def test_a_name_may_be_spelt_in_several_ways(name: str) -> None:
    assert baseline_named(name) is RESNET_50


def test_an_unknown_baseline_lists_those_that_are_known() -> None:
    with pytest.raises(SpecError, match=r"unknown baseline 'resnet'; .*mobilenetv2, resnet-50, or a variant"):
        baseline_named("resnet")


def test_what_efficientnets_leave_out_is_left_out_of_their_documents() -> None:
    for spec in BASELINES.values():
        text = to_json(spec)
        assert ('"kind"' in text) == any(stage.kind != BlockKind.MBCONV for stage in spec.stages)
        assert ('"pool_stride"' in text) == spec.stem.has_pool


@EACH
def test_phi_0_is_the_baseline_by_name(spec: ArchitectureSpec) -> None:
    found = generate(alpha=1.2, beta=1.1, gamma=1.15, phi=0, baseline=spec.name)
    assert found == spec
    assert (found.name, found.dropout) == (spec.name, spec.dropout)
    assert named(replace(spec, name="x")).name == spec.name


def test_a_network_without_head_keeps_none() -> None:
    for rule in HeadRule:
        found = scale(RESNET_50, by(depth=1.4, width=1.2), RoundingRules(head_rule=rule))
        assert found.head.out_channels == 0
        assert found.feature_channels == found.stages[-1].out_channels


def test_the_inner_width_of_a_bottleneck_is_what_is_rounded() -> None:
    found = scale(RESNET_50, by(width=1.1))
    inner = [stage.out_channels // stage.expand_ratio for stage in found.stages]
    assert inner == [72, 144, 280, 560]
    assert scaled_channels(RESNET_50, 1.1, RoundingRules(channel_divisor=1))[1] == 4 * 70
    assert {stage.expand_ratio for stage in found.stages} == {4}


def test_a_baseline_without_dropout_stays_without() -> None:
    assert scale(RESNET_50, by(width=2)).dropout == 0
    assert scale(MOBILENET_V2, by(width=2)).dropout == 0.5


def test_layers_of_a_bottleneck_by_name() -> None:
    found = [layer for layer in layers(RESNET_50) if layer.sub_block in ("2a", "2b")]
    first = [layer.name.removeprefix("block2a_") for layer in found if layer.sub_block == "2a"]
    assert first == [
        *("reduce_conv", "reduce_bn", "reduce_activation"),
        *("conv_pad", "conv", "bn", "activation"),
        *("project_conv", "project_bn", "shortcut_conv", "shortcut_bn", "add", "out_activation"),
    ]
    assert [layer.module for layer in found if layer.sub_block == "2b"] == ["module7"] * 6 + ["module8"] * 4
    assert {layer.kind for layer in found} == {2, 3}
    assert [layer.name for layer in layers(RESNET_50)][6:9] == [
        "stem_activation",
        "stem_pool_pad",
        "stem_pool",
    ]
    assert not any(layer.module == "final" for layer in layers(RESNET_50))


def test_layers_of_a_separable_block_by_name() -> None:
    found = [layer for layer in layers(MOBILENET_V1) if layer.sub_block == "1a"]
    assert [layer.module for layer in found] == ["module1"] * 3 + ["module6"] * 3
    assert [layer.name.removeprefix("block1a_") for layer in found][3:] == [
        "project_conv",
        "project_bn",
        "project_activation",
    ]


def test_small_inputs_lose_the_pooling_after_the_stem() -> None:
    small = replace(RESNET_50, image_size=32)
    early = for_small_input(small, "early")
    assert (early.stem.stride, early.stem.pool_stride, last_map(early)) == (1, 1, 4)
    stem = for_small_input(RESNET_50, "stem")
    assert (stem.stem.stride, stem.stem.pool_stride) == (1, 1)
    assert last_map(for_small_input(small, "late")) == 4
    assert idle_taps(small).idle > 0 == idle_taps(early).idle


def test_every_residual_branch_has_a_last_norm_and_no_other_block_has() -> None:
    counts = {
        spec.name: sum(
            last_norm_of_branch(module) is not None for module in build_model(spec, device="meta").modules()
        )
        for spec in OTHERS
    }
    assert counts == {"mobilenetv1": 0, "mobilenetv2": 10, "resnet-50": 16}


@torch.no_grad()
def test_a_bottleneck_adds_before_its_last_activation() -> None:
    tiny = replace(scale(RESNET_50, by(depth=0.3, width=0.2)), image_size=16, num_classes=4)
    model = build_model(tiny, seed=1).eval()
    features = model.features(torch.randn(2, 3, 16, 16))
    assert float(features.min()) == 0
    block = model.stages[0][0]
    torch.nn.init.zeros_(block.project.norm.weight)
    x = torch.randn(1, tiny.stem.out_channels, 4, 4)
    assert torch.equal(block(x), torch.relu(block.shortcut(x)))
