"""Shows what a launch does: a bar of trainings, and a line for each that failed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from scaling.cli.output import counting_bars, errors
from scaling.runs.coordinator import Listener, Started
from scaling.runs.executor import Ended, Event
from scaling.runs.record import RecordState


@contextmanager
def watched_trainings(total: int) -> Iterator[Listener]:
    """Give a listener that counts trainings as they end.

    Args:
        total: trainings that are to come.
    """
    with counting_bars() as bars:
        bar = bars.add_task("trainings", total=total)

        def note(event: Started | Event) -> None:
            if isinstance(event, Ended) and event.record is not None:
                bars.advance(bar)
                if event.record.state == RecordState.FAILED:
                    network = event.record.provenance.get("network", event.key)
                    errors.print(f"{network} failed: {event.record.error}", soft_wrap=True)

        yield note
