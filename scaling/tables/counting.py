"""Why counters disagree about one network: every convention in use, by arithmetic alone."""

from __future__ import annotations

from itertools import pairwise

import pandas as pd

from scaling.cost import count_cost
from scaling.network.architecture import ArchitectureSpec
from scaling.network.decomposition import Layer, layers
from scaling.tables.imagenet import batch_norm_statistics
from scaling.tables.table import Table


def counting_table(spec: ArchitectureSpec) -> Table:
    """Return params, multiply-adds and activations of a network under each convention.

    fvcore's totals are computed, not traced: batch norm counts 2 per element in eval mode, average pooling 1
    per element where it is a module.

    Source: fvcore's and torch's counters agree with these (tests); `scaling count` traces them.

    >>> from scaling import variant
    >>> data = counting_table(variant("b0")).data
    >>> data.loc[data["convention"] == "fvcore's total, squeeze by pooling", "count"].item()
    401659392
    """
    cost, top = count_cost(spec), spec.num_classes
    statistics = batch_norm_statistics(spec)
    norms = _norm_elements(spec)
    pooled, last_pooling = _pooled_elements(spec, "se_squeeze"), _pooled_elements(spec, "avg_pool")
    fvcore = cost.macs + 2 * norms + last_pooling
    keras = cost.params + statistics + 2 * spec.in_channels + 1  # its input normalization
    classifier = (spec.feature_channels + 1) * top
    rows = [
        ("params", "trainable", cost.params, "this package, torch, the paper's B1"),
        ("params", "with batch norm's statistics", cost.params + statistics, "the paper's B2"),
        ("params", "Keras, with top", keras, "count_params()"),
        ("params", "Keras, without top", keras - classifier, "include_top=False"),
        ("macs", "multiply-adds of conv and linear", cost.macs, "this package, the paper's FLOPs"),
        ("macs", "two operations each", 2 * cost.macs, "torch's FlopCounterMode"),
        ("macs", "fvcore's total, squeeze by mean", fvcore, "a squeeze that calls mean()"),
        ("macs", "fvcore's total, squeeze by pooling", fvcore + pooled, "torchvision: the 0.40 B of B0"),
        (
            "activations",
            "outputs of conv and linear",
            cost.activations,
            "this package, fvcore, pycls's files",
        ),
        ("activations", "outputs of conv alone", cost.activations - top, "a count without the classifier"),
    ]
    data = pd.DataFrame(rows, columns=["quantity", "convention", "count", "used_by"])
    shown = data.assign(count=data["count"].map("{:,}".format)).rename(columns={"used_by": "used by"})
    return Table(
        name="counting",
        caption=f"{spec.name} at {spec.image_size} px under every convention, one image",
        data=data,
        shown=shown,
        left=("quantity", "convention", "used by"),
        notes=(
            f"Elements of batch norm, counted twice by fvcore in eval mode: {norms:,}; "
            f"of pooling: {pooled + last_pooling:,}. Nobody counts sigmoid, SiLU, multiply and add.",
        ),
    )


def _elements(layer: Layer) -> int:
    height, width, channels = layer.output_shape
    return height * width * channels


def _norm_elements(spec: ArchitectureSpec) -> int:
    """Count the outputs of every batch norm of one image."""
    return sum(_elements(layer) for layer in layers(spec) if layer.name.endswith("bn"))


def _pooled_elements(spec: ArchitectureSpec, pooling: str) -> int:
    """Count the inputs of the average poolings of one name."""
    found = layers(spec, include_top=True)
    return sum(_elements(before) for before, layer in pairwise(found) if layer.name.endswith(pooling))
