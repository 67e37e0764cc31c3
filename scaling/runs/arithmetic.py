"""Whether all trainings of a run were computed alike: what differs is said, never averaged over unsaid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from scaling.runs.record import Record

SETTINGS = ("device", "kernels", "graphs", "micro_batch")
"""What changes the arithmetic of a training beyond its key."""


def arithmetic_document(records: Sequence[Record]) -> dict[str, dict[str, int]]:
    """Count trainings with figures by device, kernels, graphs and micro-batch, the most frequent first."""
    trained = [one for one in records if one.result is not None]
    counted = {name: Counter(_value(one, name) for one in trained) for name in SETTINGS}
    return {name: dict(sorted(found.items(), key=_most_first)) for name, found in counted.items()}


def arithmetic_words(document: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Say in sentences what differs between the trainings that are compared; none where nothing does.

    >>> arithmetic_words({"device": {"cpu": 4}, "graphs": {"no": 3, "yes": 1}})
    ['NOT THE SAME ARITHMETIC in all trainings: graphs no (3), yes (1).']
    """
    differing = [
        f"{name.replace('_', '-')} " + ", ".join(f"{value} ({count})" for value, count in found.items())
        for name, found in document.items()
        if len(found) > 1
    ]
    return [f"NOT THE SAME ARITHMETIC in all trainings: {'; '.join(differing)}."] if differing else []


def _value(record: Record, name: str) -> str:
    assert record.result is not None
    value = record.result.get(name) if name == "micro_batch" else record.provenance.get(name)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "not recorded" if value is None else str(value)


def _most_first(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]
