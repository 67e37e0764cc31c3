"""The tables of the official family as files, the same bytes every time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from scaling.atomic_write import write_whole
from scaling.network.families import COMPOUND_FAMILY, variant
from scaling.tables.counting import counting_table
from scaling.tables.imagenet import imagenet_table
from scaling.tables.networks import channels_table, family_table, stages_table
from scaling.tables.table import ENDINGS, Table, TableFormat, write_table


def official_tables() -> Iterator[Table]:
    """Yield every table of the official family.

    >>> [table.name for table in official_tables()]
    ['channels', 'stages', 'family', 'imagenet', 'counting']
    """
    family = [variant(name) for name in COMPOUND_FAMILY]
    yield channels_table(family)
    yield stages_table(family[0])
    yield family_table(family)
    yield imagenet_table()
    yield counting_table(family[0])


def save_table(table: Table, path: Path, form: TableFormat) -> Path:
    """Write a table.

    Raises:
        ResultsError: the file cannot be written.
    """
    return write_whole(path, write_table(table, form).encode())


def save_tables(directory: Path, formats: Sequence[TableFormat] = tuple(TableFormat)) -> list[Path]:
    """Write the tables of the official family, NAME.txt, .md, .tex, .html, .csv.

    Args:
        directory: made if need be.
        formats: all by default.

    Raises:
        ResultsError: the folder cannot be written.
    """
    return [
        save_table(table, directory / f"{table.name}.{ENDINGS[form]}", form)
        for table in official_tables()
        for form in formats
    ]
