"""Searches and trainings of networks that are not EfficientNets."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from search_runs import configuration, document

from scaling import build_model
from scaling.data import dataset_info, load_split
from scaling.model import FIXED_KERNELS
from scaling.network.architecture import ArchitectureSpec
from scaling.network.serialization import architecture_key
from scaling.plans.search.candidates import of_square
from scaling.plans.search.config import SearchConfig, parse_config
from scaling.targets.directions import Direction
from scaling.targets.realise import realise
from scaling.targets.space import on_target, specs_of
from scaling.training import train_network
from scaling.training.engine import zero_residual_branches

# A separable stage, a bottleneck one, no head.
MIXED = {
    "name": "mixed",
    "stages": ["r1_k3_s11_e1_i8_o8_separable", "r1_k3_s22_e2_i8_o16_bottleneck"],
    "head_channels": 0,
    "activation": "relu",
    "dropout": 0.0,
    "stochastic_depth": 0.0,
}


def named(name: str) -> SearchConfig:
    """A known baseline in an experiment on 16 px glyphs."""
    plain = document()
    plain["setup"]["baseline"] = {"name": name, "image_size": 16, "small_input": "early"}
    plain["setup"]["rounding"] = {"coefficient_rounding": "none", "repeat_rule": "round"}
    return parse_config(plain, where="test")


@pytest.mark.parametrize("name", ["mobilenetv1", "mobilenetv2", "resnet50"])
def test_a_known_baseline_has_networks_on_target(name: str) -> None:
    config = named(name)
    baseline, target, rules = config.baseline_spec, config.target, config.setup.rounding_rules
    assert baseline.in_channels == 1
    space = on_target(baseline, target, rules)
    found = list(specs_of(baseline, space, rules))
    assert len(found) > 5
    assert len({architecture_key(spec) for spec in found}) == len(found)
    assert all(target.met_by(target.amount(spec) / target.amount(baseline)) for spec in found)
    thirds = Direction(depth_share=1 / 3, width_share=1 / 3, resolution_share=1 / 3)
    realised = realise(thirds, baseline, target, rules)
    assert target.met_by(realised.achieved_factor) == realised.feasible


def test_what_a_search_proposes_of_other_blocks_is_trained(tmp_path: Path) -> None:
    config = configuration(baseline=MIXED)
    proposed = [of_square(config, s, v) for s, v in ((0.0, 0.0), (0.5, 0.5), (1.0, 0.0))]
    spec = next(network.spec for network in proposed if network.problem is None)
    assert spec is not None
    assert [stage.kind for stage in spec.stages] == [stage.kind for stage in config.baseline_spec.stages]
    train, validation = (
        load_split("glyphs", part, image_size=spec.image_size, count=50, seed=0, cache_dir=tmp_path)
        for part in ("train", "validation")
    )
    result = train_network(
        spec,
        config.setup.recipe,
        train,
        validation,
        dataset_info("glyphs"),
        seed=0,
        device=torch.device("cpu"),
        numerics=config.setup.model_numerics,
        kernels=FIXED_KERNELS,
    )
    assert 0 <= result.top1 <= 1


def mixed() -> ArchitectureSpec:
    return configuration(baseline=MIXED).baseline_spec


def test_kernels_change_no_gradient_of_other_blocks() -> None:
    images = torch.randn(4, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    gradients = []
    for kernels in (None, FIXED_KERNELS):
        model = build_model(mixed(), seed=1, kernels=kernels).to(memory_format=torch.channels_last)
        model(images.contiguous(memory_format=torch.channels_last)).square().mean().backward()
        gradients.append([parameter.grad for parameter in model.parameters()])
    for one, other in zip(*gradients, strict=True):
        assert one is not None
        assert other is not None
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-6)


def test_zeroed_branches_leave_the_shortcut() -> None:
    model = build_model(mixed(), seed=1)
    zero_residual_branches(model)
    block = model.stages[1][0]
    x = torch.randn(2, 8, 8, 8)
    assert torch.equal(block(x), torch.relu(block.shortcut(x)))
