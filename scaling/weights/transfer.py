"""Weights from and to other implementations, by names: checked completely before anything is touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scaling.errors import WeightsError
from scaling.model import EfficientNet, build_model
from scaling.network.architecture import ArchitectureSpec
from scaling.network.rounding import choice
from scaling.weights.schemes import TensorName, WeightsSource, is_ignored, tensor_names, to_own, to_theirs

MOST_NAMED = 6
"""Names per kind in a message; the error itself carries all."""


def load_weights(model: EfficientNet, state: Mapping[str, Any], source: str = "own") -> None:
    """Load weights under another implementation's names into a model, in place.

    Values keep their bits where the model has their type; else they are rounded to the model's. Counts of
    batches (`num_batches_tracked`) may be missing, and are then 0.

    Args:
        model: built by `build_model`, not on the meta device.
        state: tensors (or numpy arrays) by the source's names: a torch state dict, or for Keras
            `layer/variable` as `keras_state` gives them.
        source: own, torchvision, timm, timm-tf, geffnet, geffnet-tf, efficientnet-pytorch or keras.

    Raises:
        WeightsError: a tensor is missing, unexpected, of another shape, or holds no floating-point numbers;
            the message names them, and the model is as before.
        SpecError: the source is unknown.

    >>> import scaling
    >>> first, second = (scaling.build_model(scaling.variant("b0"), seed=seed) for seed in (1, 2))
    >>> load_weights(second, export_weights(first, to="timm"), source="timm")
    >>> bool((first.classifier.weight == second.classifier.weight).all())
    True
    """
    target = model.state_dict()
    if any(tensor.is_meta for tensor in target.values()):
        raise WeightsError("weights cannot be loaded into a model on the meta device; build it on a real one")
    shapes = {name: tuple(tensor.shape) for name, tensor in target.items()}
    own = _checked(model.spec, shapes, state, choice(WeightsSource, source, "source"))
    model.load_state_dict(own)


def export_weights(model: EfficientNet, to: str = "own") -> dict[str, Tensor]:
    """Return a model's weights under another implementation's names, bit for bit; copies, on the CPU.

    Args:
        model: built by `build_model`.
        to: as `load_weights`'s source. Keras keeps no count of batches, which is then left out.

    Raises:
        SpecError: the name is unknown.
    """
    return theirs_from_own(model.spec, model.state_dict(), choice(WeightsSource, to, "to"))


def own_state(spec: ArchitectureSpec, state: Mapping[str, Any], source: str) -> dict[str, Tensor]:
    """Return a source's weights under our names, checked against a spec without building it.

    Raises:
        WeightsError: as `load_weights`.
        SpecError: the source is unknown.
    """
    built = build_model(spec, device="meta").state_dict()
    shapes = {name: tuple(tensor.shape) for name, tensor in built.items()}
    return _checked(spec, shapes, state, choice(WeightsSource, source, "source"))


def theirs_from_own(spec: ArchitectureSpec, own: Mapping[str, Tensor], to: str) -> dict[str, Tensor]:
    """Return weights of ours under another implementation's names; every tensor is a copy of its own.

    Raises:
        SpecError: the name is unknown.
    """
    source = choice(WeightsSource, to, "to")
    return {
        name.theirs: to_theirs(name, own[name.own].detach().cpu(), source).clone(
            memory_format=torch.contiguous_format
        )
        for name in tensor_names(spec, source)
        if name.theirs is not None
    }


def _checked(
    spec: ArchitectureSpec,
    shapes: Mapping[str, tuple[int, ...]],
    state: Mapping[str, Any],
    source: WeightsSource,
) -> dict[str, Tensor]:
    """Return complete weights under our names, or raise one error that names all that is wrong."""
    names = tensor_names(spec, source)
    known = {name.theirs for name in names}
    unexpected = [name for name in state if name not in known and not is_ignored(name, source)]
    missing, misshaped, found = [], dict[str, str](), {}
    for name in names:
        shape = shapes[name.own]
        if name.theirs is None or name.theirs not in state:
            if name.optional:
                found[name.own] = torch.zeros(shape, dtype=torch.int64)
            else:
                missing.append(str(name.theirs))
            continue
        values = _tensor(name, state[name.theirs])
        found[name.own] = to_own(name, values, source)
        if tuple(found[name.own].shape) != shape:
            expected = tuple(to_theirs(name, torch.empty(shape, device="meta"), source).shape)
            misshaped[name.theirs] = f"expected {expected}, got {tuple(values.shape)}"
    if missing or unexpected or misshaped:
        raise _error(spec, source, missing, unexpected, misshaped)
    return found


def _tensor(name: TensorName, value: Any) -> Tensor:
    if isinstance(value, np.ndarray):
        value = torch.from_numpy(np.ascontiguousarray(value))
    if not isinstance(value, Tensor):
        raise WeightsError(f"{name.theirs} must be a tensor, got {type(value).__name__}")
    if value.is_meta:
        raise WeightsError(f"{name.theirs} is on the meta device and holds no values")
    if not name.optional and not value.is_floating_point():
        kind = str(value.dtype).removeprefix("torch.")
        raise WeightsError(f"{name.theirs} must hold floating-point numbers, got {kind}")
    return value.detach()


def _error(
    spec: ArchitectureSpec,
    source: WeightsSource,
    missing: Sequence[str],
    unexpected: Sequence[str],
    misshaped: Mapping[str, str],
) -> WeightsError:
    shapes = [f"{name}: {what}" for name, what in misshaped.items()]
    kinds = {"missing": missing, "unexpected": unexpected, "of another shape": shapes}
    problems = [f"{len(each)} {kind} ({_listed(each)})" for kind, each in kinds.items() if each]
    return WeightsError(
        f"these weights are not {spec.name}'s under {source.value}'s names: {'; '.join(problems)}",
        missing=tuple(missing),
        unexpected=tuple(unexpected),
        misshaped=tuple(misshaped),
    )


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
