"""Where the study of a run is that was started before, for commands that are given its folder alone."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import URL

from scaling.atomic_write import write_text
from scaling.cli.placing import place_of
from scaling.errors import ConfigError
from scaling.search.folder import RunFolder
from scaling.search.location import VARIABLE, is_sqlite, parsed, printable, sqlite_url


def note_place(folder: RunFolder, place: URL) -> None:
    """Note in a run's folder where its study is, for commands that are given the folder alone."""
    if not is_sqlite(place):
        write_text(folder.storage_note, f"{printable(place)}\n")


def place_of_run(folder: RunFolder, storage: str | None, storage_file: Path | None) -> URL:
    """Return the database of a run that was started before.

    Raises:
        ConfigError: as `place_of`; or the study is elsewhere and its URL needs a password.
    """
    place = place_of(storage, storage_file, folder.database)
    if place != sqlite_url(folder.database) or not folder.storage_note.exists():
        return place
    noted = folder.storage_note.read_text(encoding="utf-8").strip()
    if "***" in noted:
        raise ConfigError(
            f"the study of {folder.path} is in {noted}; set {VARIABLE} or give --storage-file FILE"
        )
    return parsed(noted, where=str(folder.storage_note))
