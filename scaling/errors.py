"""The errors of this package: each says what was expected, what came, and where."""

from __future__ import annotations


class ScalingError(Exception):
    """Base of every error that a caller can cause; the command line prints it as one line."""


class SpecError(ScalingError, ValueError):
    """A coefficient, architecture or rounding rule that cannot be."""


class ConfigError(ScalingError, ValueError):
    """An experiment file or command-line setting that cannot be used."""


class DataError(ScalingError):
    """A data set that is missing, damaged, or asked for what it does not hold."""


class ResultsError(ScalingError):
    """Results that cannot be read, written, or belong to another run."""


class ClusterError(ScalingError):
    """A cluster that cannot be reached, refuses, or has gone."""


class CoefficientWarning(UserWarning):
    """A legal but unusual coefficient, such as alpha below 1."""


class WeightsError(ScalingError):
    """Weights that cannot be read, or do not fit the network.

    Args:
        message: one line; names the first tensors of each kind.
        missing: every tensor that was expected and did not come, by the source's names.
        unexpected: every tensor that came and has no place.
        misshaped: every tensor of another shape.
    """

    def __init__(
        self,
        message: str,
        *,
        missing: tuple[str, ...] = (),
        unexpected: tuple[str, ...] = (),
        misshaped: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.missing, self.unexpected, self.misshaped = missing, unexpected, misshaped
