"""How the engine runs on a machine, as data: kernels, graphs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


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

    Args:
        kernels: `measured`, `fixed` or `stock`; a run that has saved its kernels keeps them.
        graphs: capture the training step as a CUDA graph where there is a GPU.

    >>> EngineOptions().kernels.value
    'measured'
    """

    kernels: KernelChoice = KernelChoice.MEASURED
    graphs: bool = True
    __pydantic_config__: ClassVar = {"extra": "forbid"}
