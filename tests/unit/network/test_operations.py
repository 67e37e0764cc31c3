"""The table of operations: rows by hand, for every kind of block."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from spec_strategies import architectures

from scaling import ArchitectureSpec, HeadSpec, StageSpec, StemSpec, variant
from scaling.network.baselines import MOBILENET_V1, RESNET_50
from scaling.network.operation import Operation, OperationKind, Part
from scaling.network.operations import lowered, operations, pieces

STAGE = StageSpec(repeats=2, kernel_size=5, stride=2, expand_ratio=6, in_channels=16, out_channels=24)
SPEC = ArchitectureSpec(
    stem=StemSpec(out_channels=16), stages=(STAGE,), head=HeadSpec(out_channels=32), image_size=33
)


def brief(row: Operation) -> tuple[object, ...]:
    return row.part.value, row.in_channels, row.out_channels, row.in_side, row.out_side, row.stride


def test_the_rows_of_a_small_network() -> None:
    rows = operations(SPEC)
    assert [brief(row) for row in rows] == [
        ("stem", 3, 16, 33, 17, 2),
        ("expand", 16, 96, 17, 17, 1),
        ("depthwise", 96, 96, 17, 9, 2),
        ("reduce", 96, 96, 9, 1, 1),
        ("reduce", 96, 4, 1, 1, 1),
        ("gate", 4, 96, 1, 1, 1),
        ("gate", 96, 96, 9, 9, 1),
        ("project", 96, 24, 9, 9, 1),
        ("expand", 24, 144, 9, 9, 1),
        ("depthwise", 144, 144, 9, 9, 1),
        ("reduce", 144, 144, 9, 1, 1),
        ("reduce", 144, 6, 1, 1, 1),
        ("gate", 6, 144, 1, 1, 1),
        ("gate", 144, 144, 9, 9, 1),
        ("project", 144, 24, 9, 9, 1),
        ("skip", 24, 24, 9, 9, 1),
        ("head", 24, 32, 9, 9, 1),
        ("classifier", 32, 32, 9, 1, 1),
        ("classifier", 32, 1000, 1, 1, 1),
    ]
    assert {(row.stage, row.block) for row in rows} == {(0, 0), (1, 0), (1, 1)}
    assert {row.groups for row in rows if row.kind == OperationKind.DEPTHWISE} == {96, 144}


@pytest.mark.parametrize(
    ("spec", "first", "second"),
    [
        (MOBILENET_V1, ["depthwise", "pointwise"], ["depthwise", "pointwise"]),
        (
            RESNET_50,
            ["narrow", "spatial", "project", "shortcut", "sum"],
            ["narrow", "spatial", "project", "sum"],
        ),
        (replace(variant("lite0"), stages=(replace(STAGE, stride=1, se_ratio=0.0, in_channels=32),)),
         ["expand", "depthwise", "project"], ["expand", "depthwise", "project", "skip"]),
    ],
    ids=["separable", "bottleneck", "without squeeze-excitation"],
)  # fmt: skip
def test_parts_of_the_blocks_of_a_stage(spec: ArchitectureSpec, first: list[str], second: list[str]) -> None:
    last = len(spec.stages)
    found = [[row.part.value for row in rows] for rows in pieces(spec) if rows[0].stage == last]
    assert found[:2] == [first, second]


def test_a_first_block_of_stride_1_with_equal_channels_has_the_skip() -> None:
    same = replace(SPEC, stages=(replace(STAGE, repeats=1, stride=1, out_channels=16),))
    assert [row.part for row in operations(same)].count(Part.SKIP) == 1


@given(spec=architectures())
def test_each_operation_reads_what_one_before_it_gives(spec: ArchitectureSpec) -> None:
    rows = operations(spec)
    for rows_of_piece in pieces(spec):
        for before, row in pairwise(rows_of_piece):
            if row.part not in (Part.GATE, Part.SHORTCUT):
                assert (row.in_channels, row.in_side) == (before.out_channels, before.out_side)
    assert (rows[-1].out_channels, rows[-1].out_side) == (spec.num_classes, 1)
    assert all(type(value) is int for row in rows for value in row[2:6])


@given(spec=architectures())
def test_many_networks_are_lowered_as_each_of_them(spec: ArchitectureSpec) -> None:
    channels, repeats = np.array([spec.channels]).T, np.array([[s.repeats for s in spec.stages]]).T
    arrays = list(lowered(spec, channels, repeats, np.array([spec.image_size])))
    present = [row for run in arrays if run.number > 0 for row in run.rows if np.all(row.present)]
    alone = [row for rows in pieces(spec) if rows[0].block < 2 for row in rows]
    assert [brief(row) for row in present] == [brief(row) for row in alone]


@pytest.mark.parametrize(("kind", "groups", "weights"), [
    (OperationKind.CONVOLUTION, 1, 9 * 8 * 16), (OperationKind.CONVOLUTION, 4, 9 * 2 * 16),
    (OperationKind.DEPTHWISE, 8, 9 * 16), (OperationKind.ADD, 1, 0),
])  # fmt: skip
def test_weights_and_params_of_a_row(kind: OperationKind, groups: int, weights: int) -> None:
    row = Operation(kind, Part.SPATIAL, 8, 16, 7, 4, kernel_size=3, stride=2, groups=groups)
    assert row.weights == row.params == weights
    assert row._replace(norm=True).params == weights + 2 * 16
    assert row._replace(bias=True).params == weights + 16
    assert (row.pads_by_hand, row.padded_side, row.padded_inputs) == (True, 9, 8 * 81)
