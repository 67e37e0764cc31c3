"""The errors of this package: each says what was expected, what came, and where."""

from __future__ import annotations


def printable(text: str, most: int = 600) -> str:
    r"""Return foreign text in one line for a terminal: control characters escaped, a long middle left out.

    Args:
        text: that others wrote, such as a name.
        most: characters, about.

    >>> printable("a" + chr(27) + "[1m" + chr(10) + "b")
    'a\\x1b[1m b'
    """
    line = " ".join(text.split())
    if len(line) > most:
        line = f"{line[: most // 2]} … {line[-most // 2 :]}"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


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
