"""How a search packs its trainings on this machine."""

from __future__ import annotations

from scaling.search.config import SearchConfig
from scaling.training.engine import best_device
from scaling.training.machine import Packing, pack, training_bytes


def packing_of(config: SearchConfig, *, most: int | None = None) -> Packing:
    """Choose processes and threads, for networks at the target's cost with their images in memory.

    Args:
        config: the experiment.
        most: trainings that there are; as many as there are cores if None.
    """
    baseline, data = config.baseline_spec, config.data
    largest = int(training_bytes(baseline, config.recipe.batch_size) * max(1.0, config.target.factor))
    images = (data.train + data.validation) * baseline.in_channels * baseline.image_size**2
    wanted = config.search.workers
    return pack(
        None if wanted == "auto" else wanted,
        best_device(config.search.device),
        bytes_each=largest + images,
        most=most,
    )
