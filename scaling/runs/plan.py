"""What a plan is: a pure function from the records there are to the jobs that are wanted next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from scaling.runs.job import Job
from scaling.runs.record import Record
from scaling.training.curve import Curve

Records = Mapping[str, Record]
"""By key of the job; what is absent has not been trained."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a plan wants next.

    Args:
        jobs: without a settled record, the most urgent first; those that run already may be among them.
        done: whether nothing follows once these are recorded, whatever they give; it is asked again only when
            the last of them was sent.
    """

    jobs: tuple[Job, ...]
    done: bool


class Plan(Protocol):
    """Decides what is trained; it knows neither who trains nor where records lie."""

    def next_jobs(self, records: Records, room: int) -> Wanted:
        """Return what is to be trained next.

        The same history gives the same jobs, whoever asks and however often.

        Args:
            records: what there is.
            room: jobs that may run at once; a plan that proposes one at a time proposes no more than that.
        """

    def prune(self, job: Job, curve: Curve, records: Records) -> bool:
        """Say whether a job that is being trained is to end for good after its last finished epoch."""


def never_pruned(job: Job, curve: Curve, records: Records) -> bool:
    """Let every training go on."""
    del job, curve, records
    return False
