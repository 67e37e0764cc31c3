"""What a scaled network starts from. Floor 2.

A baseline is a spec like any other, written as block strings.
"""

from __future__ import annotations

from scaling.architecture import ArchitectureSpec, HeadSpec, StemSpec
from scaling.block_strings import stages_from_strings

EFFICIENTNET_B0 = ArchitectureSpec(
    # Tan & Le 2019, arXiv:1905.11946, Table 1; tensorflow/tpu efficientnet_builder.py
    stem=StemSpec(out_channels=32),
    stages=stages_from_strings(
        [
            "r1_k3_s11_e1_i32_o16_se0.25",
            "r2_k3_s22_e6_i16_o24_se0.25",
            "r2_k5_s22_e6_i24_o40_se0.25",
            "r3_k3_s22_e6_i40_o80_se0.25",
            "r3_k5_s11_e6_i80_o112_se0.25",
            "r4_k5_s22_e6_i112_o192_se0.25",
            "r1_k3_s11_e6_i192_o320_se0.25",
        ]
    ),
    head=HeadSpec(out_channels=1280),
    image_size=224,
    name="efficientnet-b0",
    dropout=0.2,
)

BASELINES = {EFFICIENTNET_B0.name: EFFICIENTNET_B0}
