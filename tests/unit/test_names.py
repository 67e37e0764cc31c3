"""One class name, one meaning in the whole package."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import scaling


def test_no_class_name_has_two_meanings() -> None:
    folder = Path(scaling.__file__).parent
    places: dict[str, list[str]] = defaultdict(list)
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(path.relative_to(folder)))
    twice = {name: found for name, found in places.items() if len(found) > 1}
    assert not twice
