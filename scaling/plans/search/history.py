"""What a search has decided so far: numbered proposals, and trainings that were ended early.

A history is all of a search that its records do not say. It is written before anything of it is trained, one
JSON document a line, and nothing of it ever changes; a last line that broke off is as if it had not been
written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from scaling.atomic_write import LARGEST_TABLE, json_of, read_regular
from scaling.errors import ResultsError, ScalingError, printable
from scaling.plans.networks import PlannedNetwork
from scaling.runs.folder import append_line, whole_lines


class Fate(StrEnum):
    """What became of a proposal before training."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    """Its network is another proposal's, or a reference's."""
    REPEAT = "repeat"
    """Its network is another proposal's, or a reference's, and is trained with a further seed."""
    INFEASIBLE = "infeasible"
    """Its network is not on target, or beyond the limits."""

    @property
    def trains(self) -> bool:
        """Whether something is trained for it."""
        return self in {Fate.ACCEPTED, Fate.REPEAT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A point (s, v) of the unit square that a sampler, or a list, proposed, and the network that it became.

    Args:
        number: from 0, in the order of proposing.
        proposed_at: UTC, ISO 8601.
        seed: of its one training; None where the search's seeds are its.
    """

    number: int
    s: float
    v: float
    network: PlannedNetwork
    fate: Fate
    proposed_at: str
    seed: int | None = None

    def document(self) -> dict[str, Any]:
        """Return the proposal as plain data."""
        return {
            "proposal": self.number,
            "s": self.s,
            "v": self.v,
            "fate": self.fate.value,
            "proposed_at": self.proposed_at,
            "network": self.network.document(),
            **({} if self.seed is None else {"seed": self.seed}),
        }

    @staticmethod
    def of_document(document: Mapping[str, Any]) -> Proposal:
        """Read a proposal back."""
        return Proposal(
            number=int(document["proposal"]),
            s=float(document["s"]),
            v=float(document["v"]),
            network=PlannedNetwork.of_document(document["network"]),
            fate=Fate(document["fate"]),
            proposed_at=str(document["proposed_at"]),
            seed=document.get("seed"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """A training that was ended early, or after which no further seed was begun.

    Args:
        key: of the job.
        curve: accuracies after each of its epochs, fractions, as they were judged.
        whole: whether the training itself is to be complete: only the seeds after it are left out.
    """

    key: str
    curve: tuple[float, ...]
    whole: bool

    @property
    def epoch(self) -> int:
        """Epochs after which it ended."""
        return len(self.curve)

    @property
    def top1(self) -> float:
        """Accuracy after the last of them, a fraction."""
        return self.curve[-1]

    def document(self) -> dict[str, Any]:
        """Return the decision as plain data."""
        return {"pruned": self.key, "curve": list(self.curve), "whole": self.whole}

    @staticmethod
    def of_document(document: Mapping[str, Any]) -> Pruned:
        """Read a decision back."""
        return Pruned(
            key=str(document["pruned"]),
            curve=tuple(map(float, document["curve"])),
            whole=bool(document["whole"]),
        )


@dataclass(slots=True, kw_only=True)
class History:
    """Proposals and decisions, in order.

    Args:
        proposals: numbered from 0.
        pruned: by key of the job.
        keep: called with each new line before it counts; writes it down.
    """

    proposals: list[Proposal] = field(default_factory=list)
    pruned: dict[str, Pruned] = field(default_factory=dict)
    keep: Callable[[str], None] = lambda _line: None

    def propose(self, proposals: Iterable[Proposal]) -> None:
        """Add proposals; several are written at once."""
        added = list(proposals)
        if added:
            self.keep("\n".join(json.dumps(one.document(), separators=(",", ":")) for one in added))
            self.proposals += added

    def prune(self, decision: Pruned) -> None:
        """Add a decision."""
        self.keep(json.dumps(decision.document(), separators=(",", ":")))
        self.pruned[decision.key] = decision


def read_history(path: Path) -> History:
    """Read a history; it keeps nothing that is added to it.

    Raises:
        ResultsError: a line that did not break off cannot be read; the message names it.
    """
    try:
        lines = whole_lines(read_regular(path, LARGEST_TABLE))
    except FileNotFoundError:
        return History()
    except OSError as error:
        raise ResultsError(f"cannot read {path}: {error.strerror}") from None
    history = History()
    for number, line in enumerate(lines, start=1):
        try:
            document = json_of(line)
            if "pruned" in document:
                decision = Pruned.of_document(document)
                history.pruned[decision.key] = decision
            else:
                history.proposals.append(Proposal.of_document(document))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, ScalingError) as error:
            reason = printable(str(error) or type(error).__name__, 200)
            raise ResultsError(f"{path}, line {number}, is damaged ({reason})") from None
    _check_numbers(history, path)
    return history


def _check_numbers(history: History, path: Path) -> None:
    for expected, proposal in enumerate(history.proposals):
        if proposal.number != expected:
            raise ResultsError(f"{path} lacks proposal {expected}: it is not whole")


def open_history(path: Path) -> History:
    """Read a history and go on with it: what is added is written to the file first.

    Raises:
        ResultsError: as `read_history`; or the file cannot be written.
    """
    history = read_history(path)
    history.keep = lambda line: append_line(path, line)
    return history
