"""TensorBoard, where it is installed and asked for."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from scaling.errors import ConfigError
from scaling.training.curve import Curve


class Board:
    """Curves of a training in TensorBoard's files; one that goes on adds to them.

    Raises:
        ConfigError: the package tensorboard is not installed.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self.module: Any = importlib.import_module("torch.utils.tensorboard")
        except ImportError:
            raise ConfigError(
                "--tensorboard needs the package tensorboard: pip install 'efficientnet-scaling[tensorboard]'"
            ) from None
        self.folder = folder
        self.writer: Any = None

    def add(self, curve: Curve) -> None:
        """Add the last epoch; earlier curves are cut where steps were taken again."""
        end = curve[-1]
        if self.writer is None:
            first_step = curve[-2].steps + 1 if len(curve) > 1 else 0
            self.writer = self.module.SummaryWriter(str(self.folder), purge_step=first_step)
        values = {
            "loss/train": end.loss,
            "loss/validation": end.validation_loss,
            "top1/validation": end.top1,
            "learning_rate": end.learning_rate,
        }
        for name, value in values.items():
            self.writer.add_scalar(name, value, end.steps)
        self.writer.flush()

    def close(self) -> None:
        """Close the files."""
        if self.writer is not None:
            self.writer.close()
