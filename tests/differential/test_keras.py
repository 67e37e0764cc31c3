"""Keras's EfficientNetB0 to B7: the same layers by the same names, tensors, counts and outputs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from peer_networks import OFFICIAL, keras_network, keras_tensors, learned_tensors, shapes
from torch.utils.flop_counter import FlopCounterMode

from scaling import build_model, count_cost, variant
from scaling.network.decomposition import Layer, layers

pytestmark = pytest.mark.peers
# What Keras's layers are, by the end of our names: nothing else may stand in a network.
CLASSES = {
    "input": "InputLayer",
    "rescaling": "Rescaling",
    "normalization": "Normalization",
    "pad": "ZeroPadding2D",
    "dwconv": "DepthwiseConv2D",
    "conv": "Conv2D",
    "reduce": "Conv2D",
    "expand": "Conv2D",
    "bn": "BatchNormalization",
    "activation": "Activation",
    "squeeze": "GlobalAveragePooling2D",
    "reshape": "Reshape",
    "excite": "Multiply",
    "drop": "Dropout",
    "add": "Add",
    "pool": "GlobalAveragePooling2D",
    "dropout": "Dropout",
    "predictions": "Dense",
}


def described(layer: Any) -> tuple[str, str, tuple[int, ...], int, int]:
    """(name, class, output shape without the batch, trainable params, others) of a Keras layer."""
    trainable = sum(int(variable.value.numel()) for variable in layer.trainable_weights)
    shape = layer.output.shape if hasattr(layer, "output") else layer.batch_shape
    # Keras names the input after its class.
    name = "input" if layer.name == "input_layer" else layer.name
    return (name, type(layer).__name__, tuple(shape[1:]), trainable, layer.count_params() - trainable)


def expected(layer: Layer) -> tuple[str, str, tuple[int, ...], int, int]:
    kind = CLASSES[layer.name.rsplit("_", 1)[-1]]
    return (layer.name, kind, layer.output_shape, layer.params, layer.statistics)


@pytest.mark.parametrize("include_top", [True, False], ids=["top", "without-top"])
@pytest.mark.parametrize("name", OFFICIAL)
def test_layer_by_layer(name: str, include_top: bool) -> None:
    theirs = keras_network(name, include_top=include_top, image_size=variant(name).image_size, device="meta")
    ours = layers(variant(name), include_top=include_top)
    assert [described(layer) for layer in theirs.layers] == [expected(layer) for layer in ours]
    assert theirs.count_params() == sum(layer.params + layer.statistics for layer in ours)


@pytest.mark.parametrize("name", OFFICIAL)
def test_the_default_image_size_dropout_and_tensors_in_order(name: str) -> None:
    theirs, spec = keras_network(name, device="meta"), variant(name)
    assert theirs.input_shape == (None, spec.image_size, spec.image_size, 3)
    assert theirs.get_layer("top_dropout").rate == spec.dropout
    rates = [layer.rate for layer in theirs.layers if layer.name.endswith("_drop")]
    repeated = [index > 0 for stage in spec.stages for index in range(stage.repeats)]
    survival = [each for each, skips in zip(spec.block_survival(), repeated, strict=True) if skips]
    assert [1 - rate for rate in rates] == pytest.approx(survival)
    assert [tuple(tensor.shape) for tensor in keras_tensors(theirs)] == shapes(
        build_model(spec, device="meta")
    )


@pytest.mark.parametrize(("name", "size"), [*((name, 64) for name in OFFICIAL), ("b0", 97), ("b0", 224)])
@torch.no_grad()
def test_macs_at_a_size_that_a_real_forward_pass_affords(name: str, size: int) -> None:
    theirs = keras_network(name, image_size=size)
    with FlopCounterMode(display=False) as counter:
        theirs(torch.zeros(1, size, size, 3), training=False)
    assert counter.get_total_flops() == 2 * count_cost(replace(variant(name), image_size=size)).macs


@pytest.mark.parametrize("size", [96, 97])
@torch.no_grad()
def test_the_same_weights_give_the_same_probabilities(size: int) -> None:
    theirs, ours = keras_network("b0", image_size=size), build_model(variant("b0"), seed=7).eval()
    generator = torch.Generator().manual_seed(9)
    for tensor, mine in zip(keras_tensors(theirs), learned_tensors(ours), strict=True):
        if mine.ndim == 1:
            # Fresh statistics are 0 and 1 and would hide a swap.
            mine.add_(torch.rand(mine.shape, generator=generator) * 0.5)
        tensor.copy_(mine)  # a view of Keras's own memory
    images = torch.rand(1, size, size, 3, generator=generator)
    # Keras divides by 255 first, and ends in a softmax.
    expected = theirs(images * 255, training=False).log()
    found = ours(images.permute(0, 3, 1, 2)).log_softmax(1)
    assert expected.std() > 0.1
    assert (found - expected).abs().max() < 1e-3 * expected.std()
