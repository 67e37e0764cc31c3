"""Proxy training: one network, one recipe, one seed, one accuracy. Floor 4."""

from scaling.training.engine import TrainingResult, train_network
from scaling.training.recipe import Recipe

__all__ = ["Recipe", "TrainingResult", "train_network"]
