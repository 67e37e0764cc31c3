"""A network of two stages and 33 px: with and without expansion, a skip in each."""

from __future__ import annotations

from scaling import ArchitectureSpec, HeadSpec, StemSpec
from scaling.network.block_strings import stages_from_strings

SMALL = ArchitectureSpec(
    stem=StemSpec(out_channels=8),
    stages=stages_from_strings(["r2_k3_s11_e1_i8_o8_se0.25", "r2_k5_s22_e4_i8_o16_se0.25"]),
    head=HeadSpec(out_channels=32),
    image_size=33,
    num_classes=10,
    name="small",
)
