"""An audit of five tiny networks on a few glyphs, as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tiny_setup import tiny_tables
from tiny_study import toml_of

SETUP = tiny_tables(
    data={"train": 60, "validation": 40},
    baseline={
        "image_size": 8,
        "stages": ["r1_k3_s11_e1_i8_o8_se0.25", "r1_k3_s22_e2_i8_o12"],
        "head_channels": 16,
    },
    recipe={"batch_size": 20, "learning_rate": 0.01},
)
AUDIT = """
schema_version = 1
kind = "audit"
name = "tiny"
question = "Does it run?"
prediction = "Yes."
best = 2
paper = "The paper audited no proxy."
[anchors]
setup = "{data}.toml"
networks = 5
factors = [2.0]
tolerance = 0.2
epochs = 2
seeds = [0, 1]
[[proxies]]
name = "short"
epochs = 1
[[proxies]]
name = "narrow"
width = 0.5
train = 0.5
image_size = 0.9
[scores]
names = ["synflow"]
batch = 8
"""


def audit_files(folder: Path, *, audit: str = AUDIT, setup: dict[str, Any] = SETUP) -> Path:
    """Write the audit and its setup; return the audit's path."""
    (folder / "glyphs.toml").write_text(toml_of(setup))
    (folder / "tiny.toml").write_text(audit)
    return folder / "tiny.toml"
