"""The folder of a study: its table, conclusions, charts, card and provenance, written at any moment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scaling.errors import ResultsError
from scaling.runs.exporting import copied


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFolder:
    """Paths within the folder of one study.

    Args:
        path: the folder, runs/studies/NAME-SIZE-DATA.
    """

    path: Path

    @property
    def trials(self) -> Path:
        """The table of trials."""
        return self.path / "trials.csv"

    @property
    def result(self) -> Path:
        """Conclusions with intervals."""
        return self.path / "result.json"

    @property
    def provenance(self) -> Path:
        """Where the results come from."""
        return self.path / "provenance.json"

    @property
    def card(self) -> Path:
        """The reproducibility card, as data."""
        return self.path / "card.json"

    @property
    def card_text(self) -> Path:
        """The same, to read."""
        return self.path / "card.md"

    @property
    def laws(self) -> Path:
        """The fitted laws, where the study asks for them."""
        return self.path / "laws.json"

    @property
    def figures(self) -> Path:
        """The charts."""
        return self.path / "figures"


def export_study(folder: StudyFolder, target: Path) -> list[Path]:
    """Copy what a study has found to where results are kept; trainings stay in their store.

    Args:
        folder: of the study.
        target: folder under results/; files of the same name are replaced.

    Raises:
        ResultsError: the study has nothing to export yet, or the target cannot be written.
    """
    listed = [folder.trials, folder.result, folder.provenance, folder.card, folder.card_text]
    for path in listed:
        if not path.exists():
            raise ResultsError(f"{folder.path} has no {path.name} yet: run the study, or --report")
    laws = [folder.laws] if folder.laws.exists() else []
    return copied(folder.path, target, [*listed, *laws, *sorted(folder.figures.glob("*"))])
