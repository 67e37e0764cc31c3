"""The embedded data set: characters drawn from matplotlib's fonts, at any image size."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path

import matplotlib as mpl
import numpy as np

from scaling.data import fonts, rendering, scenes
from scaling.data.cache import load_or_make
from scaling.data.dataset import DatasetInfo, Split, SplitName, SplitRequest
from scaling.data.fonts import ALPHABET, outlines_digest
from scaling.data.locations import cache_folder
from scaling.data.rendering import render_glyphs
from scaling.data.scenes import DEFAULT_RANGES, faces_of
from scaling.errors import DataError

GENERATOR_VERSION = 2
"""Raise it with every change of scenes or rendering that alters a pixel. 2: large characters made to fit."""

# Read at import, with the code it describes: a version that somebody forgot to raise must not let a file of
# the old code pass for one of the new.
_SOURCE_SHA256 = hashlib.sha256(
    b"".join(Path(str(module.__file__)).read_bytes() for module in (fonts, scenes, rendering))
).hexdigest()

DEFAULT_COUNTS: dict[SplitName, int] = {"train": 12_000, "validation": 4_000, "test": 4_000}
"""Images that `count=None` gives."""

LARGEST_COUNT = 1_000_000
"""Images a split holds: it is generated, so this only guards against slips."""

INFO = DatasetInfo(
    name="glyphs",
    native_size=None,
    class_names=tuple(ALPHABET),
    mean=(0.744,),  # of the default training split, seed 0: .744 at 24, 34 and 48 px
    std=(0.231,),  # likewise: .225, .231, .236
    licence="fonts: Bitstream Vera (DejaVu), STIX, BaKoMa (Computer Modern) licences",
    source="drawn by this package from the TrueType fonts of matplotlib's wheel",
)


def load(request: SplitRequest) -> Split:
    """Load or draw a split; see `scaling.data.load_split`."""
    split, image_size, seed = request.split, request.image_size, request.seed
    wanted = DEFAULT_COUNTS[split] if request.count is None else request.count
    if wanted > LARGEST_COUNT:
        raise DataError(f"glyphs gives at most {LARGEST_COUNT:,} images a split, got count {wanted:,}")

    def make() -> Split:
        images, labels = render_glyphs(split, wanted, image_size=image_size, seed=seed)
        return Split(images=images, labels=labels)

    return load_or_make(cache_folder(request.cache_dir), cache_key(split, image_size, wanted, seed), make)


def cache_key(split: SplitName, image_size: int, count: int, seed: int) -> dict[str, object]:
    """Return everything that shapes the bytes of a split.

    FreeType's part is in the digest of the outlines that it read; Agg comes with matplotlib; numpy may change
    its random streams between versions (NEP 19).
    """
    faces = faces_of(split)
    return {
        "name": INFO.name,
        "split": split,
        "image_size": image_size,
        "count": count,
        "seed": seed,
        "generator_version": GENERATOR_VERSION,
        "source": _SOURCE_SHA256,
        "ranges": asdict(DEFAULT_RANGES),
        "faces": faces,
        "outlines": outlines_digest(faces),
        "matplotlib": mpl.__version__,
        "numpy": np.__version__,
    }
