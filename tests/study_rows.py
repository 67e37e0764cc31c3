"""Rows of a study's table that were never trained: networks that seeds move together."""

from __future__ import annotations

import numpy as np
import pandas as pd


def rows(means: dict[str, float], *, seeds: int = 4, noise: float = 0.004, rate: float = 1.0) -> pd.DataFrame:
    random = np.random.default_rng(11)
    shift = 0.05 * random.standard_normal(seeds)  # a seed that is good for all networks
    found = [
        {
            "name": name, "architecture": name, "kind": "reference", "state": "complete", "seed": seed,
            "target_factor": 1.0 if name == "baseline" else 2.0, "learning_rate_factor": rate,
            "top1": mean + shift[seed] + noise * random.standard_normal(),
        }
        for name, mean in means.items()
        for seed in range(seeds)
    ]  # fmt: skip
    return pd.DataFrame(found)
