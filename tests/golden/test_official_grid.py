"""Every column of the official grid to the unit, for B0 to B7, B8 and L2."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from golden_files import integers, rows
from reference_counts import reference_counts

from scaling import ArchitectureSpec, count_cost, variant
from scaling.network.decomposition import layers
from scaling.network.families import released_coefficients

GRID = {row["variant"]: row for row in rows("official_grid")}
COUNTED_BY_KERAS = [name for name, row in GRID.items() if row["keras_layers_notop"]]


def _multiplier(name: str) -> Callable[[ArchitectureSpec], float]:
    def read(spec: ArchitectureSpec) -> float:
        assert spec.derivation is not None
        return float(getattr(spec.derivation.scaling, name))

    return read


INTEGER_COLUMNS: dict[str, Callable[[ArchitectureSpec], list[int]]] = {
    "image_size": lambda spec: [spec.image_size],
    "repeats": lambda spec: [stage.repeats for stage in spec.stages],
    "stem_channels": lambda spec: [spec.stem.out_channels],
    "stage_channels": lambda spec: [stage.out_channels for stage in spec.stages],
    "head_channels": lambda spec: [spec.head.out_channels],
    "blocks": lambda spec: [spec.num_blocks],
    "params": lambda spec: [count_cost(spec).params],
    "macs_conv_linear": lambda spec: [count_cost(spec).macs],
}
FLOAT_COLUMNS: dict[str, Callable[[ArchitectureSpec], float]] = {
    "width_coefficient": _multiplier("width_coefficient"),
    "depth_coefficient": _multiplier("depth_coefficient"),
    "dropout": lambda spec: spec.dropout,
}


def test_the_table_has_every_official_variant_with_a_source() -> None:
    assert list(GRID) == [*(f"b{number}" for number in range(9)), "l2"]
    assert all(row["source"] for row in GRID.values())
    assert list(GRID) == list(released_coefficients())


@pytest.mark.parametrize("name", GRID)
@pytest.mark.parametrize("column", INTEGER_COLUMNS)
def test_integer_columns(name: str, column: str) -> None:
    assert INTEGER_COLUMNS[column](variant(name)) == integers(GRID[name][column])


@pytest.mark.parametrize("name", GRID)
@pytest.mark.parametrize("column", FLOAT_COLUMNS)
def test_coefficients_and_dropout(name: str, column: str) -> None:
    assert FLOAT_COLUMNS[column](variant(name)) == float(GRID[name][column])


@pytest.mark.parametrize("name", GRID)
def test_kernels_strides_and_expand_ratios_never_change(name: str) -> None:
    # Tan & Le 2019, arXiv:1905.11946, Table 1.
    found = [
        (stage.kernel_size, stage.stride, stage.expand_ratio, stage.se_ratio)
        for stage in variant(name).stages
    ]
    assert found == [
        (3, 1, 1, 0.25),
        (3, 2, 6, 0.25),
        (5, 2, 6, 0.25),
        (3, 2, 6, 0.25),
        (5, 1, 6, 0.25),
        (5, 2, 6, 0.25),
        (3, 1, 6, 0.25),
    ]
    assert (variant(name).stem.kernel_size, variant(name).stem.stride) == (3, 2)


@pytest.mark.parametrize("name", COUNTED_BY_KERAS)
def test_keras_layers_without_and_with_top(name: str) -> None:
    spec, row = variant(name), GRID[name]
    assert len(layers(spec)) == int(row["keras_layers_notop"])
    assert len(layers(spec, include_top=True)) == int(row["keras_layers_top"])
    assert len(layers(spec, include_top=True)) == len(layers(spec)) + 3


@pytest.mark.parametrize("name", COUNTED_BY_KERAS)
@pytest.mark.parametrize(
    ("include_top", "column"), [(True, "keras_params_top"), (False, "keras_params_notop")]
)
def test_keras_params_are_trainable_ones_and_statistics(name: str, include_top: bool, column: str) -> None:
    listed = layers(variant(name), include_top=include_top)
    assert sum(layer.params + layer.statistics for layer in listed) == int(GRID[name][column])


@pytest.mark.parametrize("name", COUNTED_BY_KERAS)
def test_trainable_params_of_the_layers_are_the_params_of_the_network(name: str) -> None:
    assert sum(layer.params for layer in layers(variant(name), include_top=True)) == int(GRID[name]["params"])


@pytest.mark.parametrize("name", GRID)
def test_an_independent_count_gives_the_same_table(name: str) -> None:
    row, counts = GRID[name], reference_counts(variant(name))
    assert (counts.params, counts.macs) == (int(row["params"]), int(row["macs_conv_linear"]))
    if row["macs_fvcore_eval"]:
        assert counts.fvcore_total == int(row["macs_fvcore_eval"])
    if row["keras_params_top"]:
        # Keras also counts a mean and a variance per channel, and 7 of its normalization layer.
        assert counts.params + 2 * counts.norm_channels + 7 == int(row["keras_params_top"])


ACTIVATIONS = rows("activations")


@pytest.mark.parametrize("row", ACTIVATIONS, ids=lambda row: row["variant"])
def test_activations(row: dict[str, str]) -> None:
    spec = variant(row["variant"])
    assert spec.image_size == int(row["image_size"])
    assert count_cost(spec).activations == int(row["activations"]) == reference_counts(spec).activations


def test_the_golden_activations_cover_b0_to_b5_with_a_source() -> None:
    assert [row["variant"] for row in ACTIVATIONS] == ["b0", "b1", "b2", "b3", "b4", "b5"]
    assert all(row["source"] for row in ACTIVATIONS)
