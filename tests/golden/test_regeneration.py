"""The golden tables are what the peers count today."""

from __future__ import annotations

import pytest
from golden_files import rows
from regenerate import TABLES, differences


@pytest.mark.peers
@pytest.mark.slow
@pytest.mark.parametrize("table", TABLES)
def test_the_peers_count_what_the_golden_tables_say(table: str) -> None:
    assert differences(table, [TABLES[table](row) for row in rows(table)]) == []


def test_a_changed_number_is_named() -> None:
    changed = [{**row, "activations": "1"} if row["variant"] == "b2" else row for row in rows("activations")]
    assert differences("activations", changed) == ["activations b2 activations: file '13832834', peers '1'"]
