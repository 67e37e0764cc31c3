"""The referees' wrappers: units, modes, and what they leave alone."""

from __future__ import annotations

import torch
from small_network import SMALL
from torch import nn

from scaling import build_model, count_cost, variant
from scaling.cost.traced import count_with_fvcore, count_with_torch

SHAPE = (1, 3, 33, 33)


def test_fvcore_on_b0_is_401_659_392_and_says_why() -> None:
    found = count_with_fvcore(build_model(variant("b0")), (1, 3, 224, 224))
    assert found.total == 401_659_392
    assert found.macs == 385_814_752
    assert set(found.by_operator) == {"conv", "linear", "batch_norm", "adaptive_avg_pool2d"}
    assert {"silu", "sigmoid", "mul", "add"} <= {name.rstrip("_") for name in found.unsupported}
    assert found.unsupported["sigmoid"] == 16


def test_counting_is_done_in_evaluation_mode() -> None:
    model = build_model(SMALL).train()
    assert count_with_fvcore(model, SHAPE) == count_with_fvcore(build_model(SMALL).eval(), SHAPE)
    assert count_with_torch(build_model(SMALL).train(), SHAPE) == 2 * count_cost(SMALL).macs


def test_counting_changes_no_weight_and_no_statistic() -> None:
    model = build_model(SMALL, seed=0).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    count_with_fvcore(model, SHAPE)
    count_with_torch(model, SHAPE)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_pieces_one_by_one_give_the_count_of_the_whole() -> None:
    model = build_model(SMALL)
    pieces = [
        model.stem,
        *model.stages,
        model.head,
        nn.Sequential(model.pool, nn.Flatten()),
        model.classifier,
    ]
    assert count_with_fvcore(pieces, SHAPE).by_operator == count_with_fvcore(model, SHAPE).by_operator


def test_the_meta_device_is_enough_for_torchs_counter() -> None:
    model = build_model(variant("l2"), device="meta")
    assert count_with_torch(model, (1, 3, 800, 800)) == 2 * 475_703_653_280
