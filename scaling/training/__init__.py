"""Proxy training: one network, one recipe, one seed, one accuracy."""

from scaling.training.checkpoint import delete_checkpoint
from scaling.training.curve import EpochEnd
from scaling.training.engine import TrainingResult, train_network
from scaling.training.recipe import Recipe

__all__ = ["EpochEnd", "Recipe", "TrainingResult", "delete_checkpoint", "train_network"]
