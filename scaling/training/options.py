"""How the engine runs on a machine, as data: kernels, arithmetic, graphs. Floor 4."""

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


class Precision(StrEnum):
    """The arithmetic of forward and backward passes."""

    AUTO = "auto"
    """bfloat16 on a GPU, float32 on a CPU."""
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """What decides how fast a training runs, and may move the last bits of its result.

    Args:
        kernels: `measured`, `fixed` or `stock`; a run that has saved its kernels keeps them.
        precision: `auto`, `float32` or `bfloat16`.
        graphs: capture the training step as a CUDA graph where there is a GPU.

    >>> EngineOptions().kernels.value
    'measured'
    """

    kernels: KernelChoice = KernelChoice.MEASURED
    precision: Precision = Precision.AUTO
    graphs: bool = True
    __pydantic_config__: ClassVar = {"extra": "forbid"}

    def dtype(self, device_type: str) -> str:
        """Return the arithmetic on a kind of device, by torch's name.

        >>> EngineOptions().dtype("cpu"), EngineOptions().dtype("cuda")
        ('float32', 'bfloat16')
        """
        if self.precision == Precision.AUTO:
            return "bfloat16" if device_type == "cuda" else "float32"
        return self.precision.value
