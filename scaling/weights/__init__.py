"""Weights in and out of every implementation, by names and bit for bit. Floor 4, above the model."""

from scaling.weights.files import OwnWeights, read_own, read_state, write_own, write_state
from scaling.weights.keras import keras_state, set_keras_state
from scaling.weights.models import create_model, model_of_file
from scaling.weights.schemes import WeightsSource
from scaling.weights.transfer import export_weights, load_weights, own_state, theirs_from_own

__all__ = [
    "OwnWeights",
    "WeightsSource",
    "create_model",
    "export_weights",
    "keras_state",
    "load_weights",
    "model_of_file",
    "own_state",
    "read_own",
    "read_state",
    "set_keras_state",
    "theirs_from_own",
    "write_own",
    "write_state",
]
