"""A two-stage network at 16 px on a few glyphs, as a setup."""

from __future__ import annotations

import json
from typing import Any

from scaling.runs.setup import Setup


def tiny_tables(**tables: dict[str, Any]) -> dict[str, Any]:
    """The setup as a document; `data={"train": 20}` changes one table."""
    plain: dict[str, Any] = {
        "data": {"name": "glyphs", "train": 100, "validation": 50},
        "baseline": {
            "name": "tiny-b0",
            "image_size": 16,
            "stem_stride": 1,
            "stem_channels": 8,
            "stages": ["r1_k3_s22_e1_i8_o8_se0.25", "r2_k3_s22_e2_i8_o16_se0.25"],
            "head_channels": 32,
        },
        "rounding": {"coefficient_rounding": "none", "channel_divisor": 2, "repeat_rule": "round"},
        "numerics": {"batch_norm_momentum": 0.1},
        "recipe": {"epochs": 1, "batch_size": 25, "dropout": 0.0, "stochastic_depth": 0.0},
        "engine": {"kernels": "fixed", "device": "cpu"},
    }
    for table, changes in tables.items():
        plain[table] = {**plain.get(table, {}), **changes}
    return plain


def tiny_setup(**tables: dict[str, Any]) -> Setup:
    return Setup.model_validate(tiny_tables(**tables)).check()


def toml_of(plain: dict[str, Any], table: str = "") -> str:
    """Write a document of plain values and tables as TOML."""
    lines = [f"[{table}]"] if table else []
    lines += [f"{key} = {json.dumps(one)}" for key, one in plain.items() if not isinstance(one, dict)]
    for key, one in plain.items():
        if isinstance(one, dict):
            lines.append(toml_of(one, f"{table}.{key}" if table else key))
    return "\n".join(lines) + "\n"
