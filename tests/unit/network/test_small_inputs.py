"""Strides for small inputs: what each policy changes, and that idle taps really never train."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from click.testing import CliRunner
from pydantic import ValidationError
from tiny_networks import TINY_TABLE
from torch import nn

from scaling import variant
from scaling.cli import group
from scaling.cost import count_cost
from scaling.errors import SpecError
from scaling.model import build_model
from scaling.network.architecture import ArchitectureSpec, HeadSpec, StageSpec, StemSpec
from scaling.network.baseline_files import BaselineTable
from scaling.network.block_strings import stages_from_strings
from scaling.network.coefficients import CompoundCoefficients
from scaling.network.generation import scale
from scaling.network.serialization import architecture_key, from_json, to_json
from scaling.network.small_inputs import LEAST_MAP, SmallInput, for_small_input, idle_taps, last_map


def b0_at(image_size: int) -> ArchitectureSpec:
    return replace(variant("b0"), image_size=image_size)


def strides(spec: ArchitectureSpec) -> list[int]:
    return [spec.stem.stride, *(stage.stride for stage in spec.stages)]


@pytest.mark.parametrize(
    ("image_size", "policy", "expected"),
    [
        (32, "none", [2, 1, 2, 2, 2, 1, 2, 1]),
        (32, "stem", [1, 1, 2, 2, 2, 1, 2, 1]),
        (32, "early", [1, 1, 1, 2, 2, 1, 2, 1]),
        (32, "late", [2, 1, 2, 2, 1, 1, 1, 1]),
        (64, "stem", [1, 1, 2, 2, 2, 1, 2, 1]),
        (64, "early", [1, 1, 2, 2, 2, 1, 2, 1]),
        (64, "late", [2, 1, 2, 2, 2, 1, 1, 1]),
        (96, "early", [1, 1, 2, 2, 2, 1, 2, 1]),
        (96, "late", [2, 1, 2, 2, 2, 1, 1, 1]),
        (128, "early", [2, 1, 2, 2, 2, 1, 2, 1]),
        (8, "early", [1, 1, 1, 1, 1, 1, 2, 1]),
    ],
)
def test_policies_change_these_strides(image_size: int, policy: str, expected: list[int]) -> None:
    assert strides(for_small_input(b0_at(image_size), policy)) == expected


@pytest.mark.parametrize("policy", list(SmallInput))
@pytest.mark.parametrize("image_size", [8, 28, 32, 33, 63, 64, 96, 224])
def test_only_strides_and_the_name_change(policy: SmallInput, image_size: int) -> None:
    before = b0_at(image_size)
    after = for_small_input(before, policy)
    assert count_cost(after).params == count_cost(before).params
    assert last_map(after) >= last_map(before)
    assert for_small_input(after, policy) == after
    restored = replace(
        after,
        stem=before.stem,
        stages=tuple(
            replace(stage, stride=own.stride) for stage, own in zip(after.stages, before.stages, strict=True)
        ),
    )
    assert restored == before
    if after == before:
        assert after.name == before.name
    else:
        assert after.name.startswith("b0-")
        assert architecture_key(after) != architecture_key(before)
        assert from_json(to_json(after)) == after


@pytest.mark.parametrize("policy", ["early", "late", "auto"])
@pytest.mark.parametrize("image_size", [28, 32, 64, 96])
def test_small_inputs_keep_a_last_map_and_every_tap(policy: str, image_size: int) -> None:
    spec = for_small_input(b0_at(image_size), policy)
    assert last_map(spec) >= LEAST_MAP
    assert idle_taps(spec).idle == 0
    assert idle_taps(spec).share == 0


def test_large_inputs_stay_as_released() -> None:
    for name in ("b0", "b7", "lite0"):
        for policy in ("none", "early", "late", "auto"):
            assert for_small_input(variant(name), policy) == variant(name)


def test_the_policy_survives_scaling() -> None:
    small = for_small_input(b0_at(32), "early")
    larger = scale(small, CompoundCoefficients(alpha=1.2, beta=1.1, gamma=1.15, phi=2.0))
    assert strides(larger) == strides(small)


@pytest.mark.parametrize("image_size", [16, 32, 40])
@pytest.mark.parametrize("policy", ["none", "stem", "early", "late"])
def test_idle_taps_are_exactly_the_weights_without_gradient(image_size: int, policy: str) -> None:
    """The referee is autograd: a real backward pass of a real batch of noise."""
    stages = stages_from_strings(
        [
            "r1_k3_s11_e1_i8_o8_se0.25",
            "r2_k5_s22_e2_i8_o8_se0.25",
            "r2_k3_s22_e2_i8_o8_se0.25",
            "r2_k5_s22_e2_i8_o8_se0.25",
        ]
    )
    tiny = ArchitectureSpec(
        stem=StemSpec(out_channels=8), stages=stages, head=HeadSpec(out_channels=16), image_size=image_size
    )
    spec = for_small_input(tiny, policy)
    torch.manual_seed(0)
    model = build_model(spec, seed=0).double()
    model(torch.randn(8, 3, image_size, image_size, dtype=torch.float64)).square().sum().backward()
    kernels = [
        module.weight for module in model.modules() if isinstance(module, nn.Conv2d) and module.groups > 1
    ]
    found = idle_taps(spec)
    assert sum(weight.numel() for weight in kernels) == found.weights
    assert sum(int((weight.grad == 0).sum()) for weight in kernels if weight.grad is not None) == found.idle


def test_a_stage_that_strides_by_more_counts() -> None:
    stage = StageSpec(repeats=1, kernel_size=3, stride=4, expand_ratio=1, in_channels=8, out_channels=8)
    spec = ArchitectureSpec(
        stem=StemSpec(out_channels=8), stages=(stage,), head=HeadSpec(out_channels=8), image_size=16
    )
    assert last_map(spec) == 2
    assert strides(for_small_input(spec, "late")) == [2, 1]
    assert strides(for_small_input(spec, "early")) == [1, 4]


def test_an_unknown_policy_is_named() -> None:
    with pytest.raises(SpecError, match="none, stem, early, late, auto, got 'both'"):
        for_small_input(b0_at(32), "both")


def described(*arguments: str) -> dict[str, object]:
    result = CliRunner().invoke(group, ["describe", "b0", "--json", *arguments])
    assert result.exit_code == 0, result.output
    document = json.loads(result.output)
    assert isinstance(document, dict)
    return document


def test_the_command_line_applies_the_policy_at_the_final_image_size() -> None:
    plain = described("--image-size", "32")
    early = described("--image-size", "32", "--small-input", "early")
    assert (plain["last_map"], early["last_map"]) == (1, 4)
    assert (plain["stem_stride"], early["stem_stride"]) == (2, 1)
    assert plain["idle_depthwise_weights"] == idle_taps(b0_at(32)).idle
    assert early["idle_depthwise_weights"] == 0
    assert early["official_name"] is None
    assert described("--small-input", "auto") == described()


def test_idle_weights_are_pointed_out_to_people() -> None:
    text = " ".join(CliRunner().invoke(group, ["describe", "b0", "--image-size", "32"]).output.split())
    assert "74 % of the depthwise weights" in text
    assert "--small-input" in text
    assert "never train" not in CliRunner().invoke(group, ["describe", "b0"]).output


@pytest.mark.parametrize("command", ["summary", "count"])
def test_other_commands_know_the_policy(command: str) -> None:
    more = ["--no-trace"] if command == "count" else []
    arguments = [command, "b0", "--image-size", "32", *more]
    plain = CliRunner().invoke(group, arguments).output
    assert CliRunner().invoke(group, [*arguments, "--small-input", "none"]).output == plain
    assert CliRunner().invoke(group, [*arguments, "--small-input", "late"]).output != plain


def test_a_baselines_table_names_the_policy() -> None:
    baseline = TINY_TABLE.network()
    assert last_map(baseline) == 4
    strided = TINY_TABLE.model_dump(exclude_unset=True) | {"stem_stride": 2}
    assert BaselineTable(**strided, small_input=SmallInput.EARLY).network() == baseline
    late = BaselineTable(**strided, small_input=SmallInput.LATE).network()
    assert strides(late) == [2, 2, 1]
    with pytest.raises(ValidationError, match="small_input"):
        BaselineTable.model_validate(strided | {"small_input": "sometimes"})
