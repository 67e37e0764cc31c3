"""TensorBoard, where it is installed and asked for."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from scaling.errors import ConfigError


class Board:
    """Curves of a training.

    Args:
        folder: for TensorBoard's files; a training that goes on adds to them.
        first_step: earlier curves are cut from here, when steps are taken again.

    Raises:
        ConfigError: the package tensorboard is not installed.
    """

    def __init__(self, folder: Path, first_step: int) -> None:
        try:
            module: Any = importlib.import_module("torch.utils.tensorboard")
        except ImportError:
            raise ConfigError(
                "--tensorboard needs the package tensorboard: pip install 'efficientnet-scaling[tensorboard]'"
            ) from None
        self.writer = module.SummaryWriter(str(folder), purge_step=first_step)

    def add(self, steps: int, values: dict[str, float]) -> None:
        """Add a point to each curve, and write them out."""
        for name, value in values.items():
            self.writer.add_scalar(name, value, steps)
        self.writer.flush()

    def close(self) -> None:
        """Close the files."""
        self.writer.close()
