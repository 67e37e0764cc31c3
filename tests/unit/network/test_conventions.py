"""Numerics and rounding rules are explicit functions of the peer (and variant)."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from scaling import SpecError
from scaling.model import TENSORFLOW, TORCHVISION, Padding, numerics_of
from scaling.network.conventions import Peer, rounding_of
from scaling.network.families import lite_coefficients, released_coefficients
from scaling.network.rounding import LITE, RELEASED, HeadRule, SqueezeRounding
from scaling.weights import WeightsSource


@pytest.mark.parametrize("name", [*released_coefficients(), *lite_coefficients()])
def test_the_one_family_of_numerics_is_the_default(name: str) -> None:
    for peer in ("tensorflow", "keras", "efficientnet-pytorch"):
        assert numerics_of(peer, name) == TENSORFLOW
    for peer in ("timm-tf", "geffnet-tf"):
        assert numerics_of(peer, name) == replace(TENSORFLOW, batch_norm_momentum=0.1)
    for peer in ("timm", "geffnet"):
        assert numerics_of(peer, name) == TORCHVISION


def test_torchvision_changes_its_batch_norm_at_b5_but_never_its_padding() -> None:
    found = [numerics_of("torchvision", f"efficientnet-b{number}") for number in range(8)]
    assert [each.batch_norm_epsilon for each in found] == [1e-5] * 5 + [1e-3] * 3
    assert [each.batch_norm_momentum for each in found] == [0.1] * 5 + [0.01] * 3
    assert {each.padding for each in found} == {Padding.SYMMETRIC}


def test_unknown_names_list_those_that_are_known() -> None:
    known = ", ".join(peer.value for peer in Peer)
    with pytest.raises(SpecError, match=f"peer must be one of {known}, got 'jax'"):
        numerics_of("jax", "b0")
    with pytest.raises(SpecError, match=f"peer must be one of {known}, got 'jax'"):
        rounding_of("jax")
    with pytest.raises(SpecError, match="unknown variant 'b9'"):
        numerics_of("timm", "b9")


def test_rounding_rules_of_each_peer() -> None:
    for peer in ("tensorflow", "keras", "efficientnet-pytorch"):
        assert rounding_of(peer) == RELEASED
    assert rounding_of("torchvision") == replace(RELEASED, head_rule=HeadRule.LAST_STAGE)
    for peer in ("timm", "timm-tf", "geffnet", "geffnet-tf"):
        assert rounding_of(peer) == replace(RELEASED, squeeze_rounding=SqueezeRounding.ROUND)


def test_weights_come_from_every_peer_but_tensorflows_checkpoints() -> None:
    assert {source.value for source in WeightsSource} == {peer.value for peer in Peer} - {"tensorflow"} | {
        "own"
    }


def test_a_setup_scales_lite_by_its_own_rules() -> None:
    from scaling.runs.setup import Setup  # noqa: PLC0415  of a higher room

    file = Path(__file__).parents[3] / "experiments" / "setups" / "glyphs.toml"
    document = tomllib.loads(file.read_text(encoding="utf-8"))
    own_stages = Setup.model_validate(document).rounding_rules
    assert own_stages.scaled_stem_and_head
    document["baseline"] = {"name": "efficientnet-lite0", "image_size": 24}
    found = Setup.model_validate(document).rounding_rules
    assert found == replace(
        own_stages,
        scaled_stem_and_head=LITE.scaled_stem_and_head,
        scaled_end_repeats=LITE.scaled_end_repeats,
    )
