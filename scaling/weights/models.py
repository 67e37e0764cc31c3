"""A model by name, with weights of a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from scaling.model import EfficientNet, build_model, numerics_of
from scaling.network.architecture import ArchitectureSpec
from scaling.network.baseline_files import baseline_from
from scaling.network.conventions import Peer
from scaling.network.families import released_name
from scaling.weights.files import read_own, read_state
from scaling.weights.transfer import load_weights


def create_model(
    name: str,
    *,
    num_classes: int = 1000,
    in_channels: int = 3,
    weights: Path | str | None = None,
    source: str = "own",
    seed: int | None = None,
    device: str | torch.device = "cpu",
) -> EfficientNet:
    """Build a network by name, with weights of a file or ready to train.

    With weights it has the numerics of whoever's they are, else the released code's.

    Args:
        name: a variant (b0 … b8, l2, lite0 … lite4), a baseline (mobilenetv2, resnet-50 …), or a file of
            one's own.
        num_classes: outputs of the classifier, 1 to 1e6.
        in_channels: of the image, 1 to 1e6.
        weights: a file, with a classifier of as many classes; None draws initial weights.
        source: whose names the file's tensors carry, as for `load_weights`.
        seed: of the initial weights; None draws them from torch's global generator.
        device: where the parameters live.

    Raises:
        SpecError: nothing has that name, or a number is out of range.
        WeightsError: the file cannot be read, or its tensors are not this network's.

    >>> create_model("b0", num_classes=10, in_channels=1, device="meta").classifier.out_features
    10
    """
    spec = replace(baseline_from(name).spec, num_classes=num_classes, in_channels=in_channels)
    if weights is None:
        return build_model(spec, seed=seed, device=device)
    file = Path(weights)
    if source == "own":
        return model_of_file(spec, file)[0].to(device)
    model = build_model(spec, numerics=numerics_of(source, released_name(spec) or "b0"))
    load_weights(model, read_state(file), source)
    return model.to(device)


def model_of_file(
    spec: ArchitectureSpec, file: Path, *, source: str | None = None
) -> tuple[EfficientNet, str]:
    """Build a network with weights under our names, and its source's numerics; also return the source.

    Args:
        spec: the network.
        file: of weights.
        source: whose weights they were; None for what the file notes, else the released code.

    Raises:
        WeightsError: the file cannot be read, or its tensors are not this network's.
        SpecError: the source is unknown.
    """
    state, noted = read_state(file), ""
    if file.suffix == ".safetensors":
        own = read_own(file, spec)
        state, noted = dict(own.state), own.source
    # Weights that this package trained note themselves, and run as the released code.
    whose = source or (noted if noted in {peer.value for peer in Peer} else Peer.TENSORFLOW.value)
    model = build_model(spec, numerics=numerics_of(whose, released_name(spec) or "b0"))
    load_weights(model, state)
    return model, whose
