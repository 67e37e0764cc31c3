"""Titles of results, which name their folders."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

LONGEST = 80
"""Letters that changed settings may add to a title; longer ones end with a hash of them all."""


def file_name(name: str) -> str:
    """Return the name of a data set or network as a part of a file's name.

    >>> file_name("imagefolder:photos/cats")
    'imagefolder-photos-cats'
    """
    return name.replace(":", "-").replace("/", "-")


def suffix_of(settings: Sequence[str]) -> str:
    """Make changed settings a part of a title, so that their results lie beside those of the file's own.

    >>> suffix_of(["design.metric=latency", "design.factors=[2.0, 4.0]"])
    '-metric-latency-factors-2.0-4.0'
    >>> suffix_of(["recipe.epochs=2"])
    '-recipe-epochs-2'
    >>> len(suffix_of([f"design.seeds={list(range(100))}"])) <= LONGEST
    True
    """
    text = ""
    for one in settings:
        key, _, value = one.removeprefix("design.").partition("=")
        value = value.rpartition("/")[2]  # of a path, its file
        text += "-" + re.sub(r"[^A-Za-z0-9.]+", "-", f"{key.replace('.', '-')}-{value}").strip("-.")
    if len(text) <= LONGEST:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{text[: LONGEST - len(digest) - 1].rstrip('-.')}-{digest}"
