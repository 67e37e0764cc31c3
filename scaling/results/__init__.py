"""Results as tidy tables with provenance. Floor 4."""

from scaling.results.provenance import provenance
from scaling.results.schema import TRIAL_COLUMNS, at_own_rate, read_trials, trials_frame
from scaling.results.writing import write_json, write_text, write_trials

__all__ = [
    "TRIAL_COLUMNS",
    "at_own_rate",
    "provenance",
    "read_trials",
    "trials_frame",
    "write_json",
    "write_text",
    "write_trials",
]
