"""`scaling describe`, `variants`, `summary`, `count`: the contract that other programs read."""

from __future__ import annotations

import pytest
from commands import document, printed

from scaling import count_cost, generate, variant
from scaling.network.families import released_coefficients

KEYS = [
    "name", "baseline", "alpha", "beta", "gamma", "phi", "coefficient_rounding", "official_name",
    "depth_coefficient", "width_coefficient", "resolution_coefficient", "image_size", "dropout",
    "in_channels", "num_classes", "stem_channels", "stem_stride", "stem_pool_stride", "activation",
    "head_channels", "last_map", "idle_depthwise_weights", "stages", "blocks", "params", "macs",
    "activations", "keras_layers", "spec",
]  # fmt: skip
STAGE_KEYS = [
    "kind", "repeats", "kernel_size", "stride", "expand_ratio", "se_ratio", "in_channels", "out_channels",
]  # fmt: skip
COUNT_KEYS = [
    "params", "macs", "activations", "fvcore_total", "fvcore_by_operator", "fvcore_unsupported",
    "torch_flop_counter", "printed_flops", "by_stage",
]  # fmt: skip
OFFICIAL = tuple(released_coefficients())


def coefficients(alpha: float, beta: float, gamma: float, phi: float) -> list[str]:
    pairs = {"alpha": alpha, "beta": beta, "gamma": gamma, "phi": phi}
    return [f"--{name}={value!r}" for name, value in pairs.items()]


@pytest.mark.parametrize("name", [*OFFICIAL, "efficientnet-b0", "B4"])
def test_an_official_variant_has_every_key_and_no_coefficients(name: str) -> None:
    found, cost = document("describe", name), count_cost(variant(name))
    assert list(found) == KEYS
    assert all(list(stage) == STAGE_KEYS for stage in found["stages"])
    assert all(found[key] is None for key in ("alpha", "beta", "gamma", "phi"))
    assert found["official_name"] == found["name"] == name.lower().removeprefix("efficientnet-")
    assert [found[key] for key in ("params", "macs", "activations")] == [
        cost.params, cost.macs, cost.activations,
    ]  # fmt: skip
    assert found["blocks"] == sum(stage["repeats"] for stage in found["stages"])
    assert found["resolution_coefficient"] == found["image_size"] / 224


@pytest.mark.parametrize("rounding", ["released", "none"])
def test_floats_round_trip(rounding: str) -> None:
    bases = (1.1234567890123457, 1.1 + 2**-52, 1.0999999999999999, 2.718281828459045)
    found = document("describe", *coefficients(*bases), "--coefficient-rounding", rounding)
    assert list(found) == KEYS
    assert tuple(found[key] for key in ("alpha", "beta", "gamma", "phi")) == bases
    assert found["coefficient_rounding"] == rounding
    alpha, beta, gamma, phi = bases
    spec = generate(alpha=alpha, beta=beta, gamma=gamma, phi=phi, coefficient_rounding=rounding)
    assert (found["params"], found["macs"]) == (count_cost(spec).params, count_cost(spec).macs)


def test_negative_phi_is_a_smaller_network_and_phi_0_is_named() -> None:
    found = document("describe", *coefficients(1.2, 1.1, 1.15, -2.0))
    assert found["params"] < count_cost(variant("b0")).params
    assert found["image_size"] < 224
    assert found["official_name"] is None
    found = document("describe", *coefficients(1.2, 1.1, 1.15, 0.0))
    assert (found["name"], found["official_name"], found["phi"]) == ("b0", "b0", 0.0)


def test_options_change_what_they_name() -> None:
    plain = document("describe", "b0")
    found = document("describe", "b0", "--num-classes", "10", "--in-channels", "1", "--image-size", "64")
    assert (found["num_classes"], found["in_channels"], found["image_size"]) == (10, 1, 64)
    assert found["params"] == plain["params"] - 990 * 1281 - 2 * 9 * 32
    assert found["official_name"] is None
    assert found["resolution_coefficient"] == 64 / 224
    for size in (8, 4096):
        assert document("describe", "b0", "--image-size", size)["image_size"] == size


def test_variants_are_describe_documents() -> None:
    assert document("variants") == [document("describe", name) for name in OFFICIAL]


@pytest.mark.parametrize(("name", "layers"), [("b0", 237), ("b1", 339), ("b7", 813)])
def test_the_summary_has_a_row_a_layer(name: str, layers: int) -> None:
    rows, spec = document("summary", name), variant(name)
    assert len(rows) == len({row["name"] for row in rows}) == layers
    assert all(list(row) == ["name", "module", "sub_block", "output_shape", "params"] for row in rows)
    classifier = (spec.head.out_channels + 1) * spec.num_classes
    assert sum(row["params"] for row in rows) == count_cost(spec).params - classifier
    with_top = document("summary", name, "--include-top")
    assert with_top[:layers] == rows
    assert len(with_top) == layers + 3
    assert sum(row["params"] for row in with_top) == count_cost(spec).params
    assert with_top[-1]["output_shape"] == [1000]


@pytest.mark.parametrize("top", [[], ["--include-top"]])
def test_folding_keeps_the_sum(top: list[str]) -> None:
    layers, blocks = document("summary", "b2", *top), document("summary", "b2", "--by-block", *top)
    assert sum(row["params"] for row in blocks) == sum(row["params"] for row in layers)
    assert len(blocks) < len(layers) / 5
    assert blocks[-1]["output_shape"] == layers[-1]["output_shape"]
    lines = printed("summary", "b2", "--by-block", *top).strip().splitlines()
    assert lines[-1] == f"{len(layers)} layers, {sum(row['params'] for row in layers):,} params"
    assert len(lines) == len(blocks) + 2


def test_counting_b0_reconciles_the_counters() -> None:
    found = document("count", "b0")
    assert list(found) == COUNT_KEYS
    assert found["fvcore_total"] == 401_659_392
    assert set(found["fvcore_by_operator"]) == {"conv", "linear", "batch_norm", "adaptive_avg_pool2d"}
    assert sum(found["fvcore_by_operator"].values()) == found["fvcore_total"]
    assert found["fvcore_by_operator"]["conv"] + found["fvcore_by_operator"]["linear"] == found["macs"]
    assert found["torch_flop_counter"] == 2 * found["macs"]
    assert found["printed_flops"] == 390_000_000
    for key in ("params", "macs", "activations"):
        assert sum(piece[key] for piece in found["by_stage"]) == found[key]


def test_without_a_trace_the_counters_are_empty() -> None:
    found = document("count", "b7", "--no-trace", "--num-classes", "10")
    assert list(found) == COUNT_KEYS
    assert all(found[key] is None for key in COUNT_KEYS[3:8])


def test_counts_of_small_networks_agree_whatever_the_size() -> None:
    found = document("count", *coefficients(1.2, 1.1, 1.15, -3), "--image-size=37")
    conv = found["fvcore_by_operator"]["conv"] + found["fvcore_by_operator"]["linear"]
    assert conv == found["macs"] == found["torch_flop_counter"] / 2


@pytest.mark.parametrize("columns", [60, 80])
@pytest.mark.parametrize(
    "arguments",
    [
        *(["describe", name] for name in ("b0", "b7", "l2")),
        ["describe", *coefficients(1.2, 1.1, 1.15, 2.5)],
        ["variants"],
        *(["count", name, "--no-trace"] for name in ("b0", "b7")),
        *(["summary", name, "--by-block"] for name in ("b0", "b7")),
        ["family", *coefficients(1.2, 1.1, 1.15, 1)[:3]],
        *(["invert", "--coefficient-rounding", rounding] for rounding in ("released", "none")),
    ],
    ids=" ".join,
)
def test_narrow_terminals_are_kept(arguments: list[str], columns: int) -> None:
    text = printed(*arguments, columns=columns)
    assert max(map(len, text.splitlines())) <= columns
    assert "…" not in text or "ln beta / ln gamma" in text
