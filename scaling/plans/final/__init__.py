"""One full training of one network, to its weights."""

from scaling.plans.final.result import TrainingRun, load_training
from scaling.plans.final.run import train

__all__ = ["TrainingRun", "load_training", "train"]
