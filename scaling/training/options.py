"""How the engine runs on a machine, as data: kernels, graphs, device, processes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

CHECKPOINT_S = 30.0
"""Seconds between checkpoints at least; epochs that take longer have one each."""


class KernelChoice(StrEnum):
    """Where the kernels of depthwise convolutions come from."""

    MEASURED = "measured"
    """The fastest of each shape, measured once per machine."""
    FIXED = "fixed"
    """A rule by shape alone, the same on every machine."""
    STOCK = "stock"
    """torch's own convolutions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """What decides how fast a training runs, and may move the last bits of its result.

    >>> EngineOptions().kernels.value
    'measured'
    """

    kernels: KernelChoice = KernelChoice.MEASURED
    """`measured`, `fixed` or `stock`; a store that has measured its kernels keeps them."""
    graphs: bool = True
    """Capture the training step as a CUDA graph where there is a GPU."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """What trains; `auto` is a GPU where there is one."""
    workers: Annotated[int, Field(ge=1, le=256)] | Literal["auto"] = "auto"
    """Processes that train side by side; `auto` takes as many as cores, or the GPU, hold."""
    checkpoint_s: Annotated[float, Field(ge=0)] = CHECKPOINT_S
    """Seconds between two checkpoints of a training, at least; one is written at the end of an epoch."""
    __pydantic_config__: ClassVar = {"extra": "forbid", "use_attribute_docstrings": True}
