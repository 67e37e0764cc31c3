"""What every suite shares: Hypothesis profiles."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# pytest-xdist sets COLUMNS for its workers, and a console keeps what it finds when it is made; tests of
# narrow terminals set it themselves.
os.environ.pop("COLUMNS", None)

# `fast` draws the same examples every time, so that a red run is red for everybody; set
# HYPOTHESIS_PROFILE=thorough to look for new counterexamples.
settings.register_profile(
    "fast",
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("thorough", max_examples=1000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))
