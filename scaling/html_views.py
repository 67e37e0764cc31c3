"""How data shows itself in a notebook.

What draws a network lives on a floor above the network, which may not import it: it is registered here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Shown = TypeVar("Shown")
_VIEWS: dict[type, Callable[[Any], str]] = {}


def register_view(kind: type[Shown], view: Callable[[Shown], str]) -> None:
    """Let objects of a class be shown by a function that returns HTML."""
    _VIEWS[kind] = view


def html_of(thing: object) -> str | None:
    """Return an object as HTML; None without a view, and a notebook then takes its `repr`.

    >>> html_of(1) is None
    True
    """
    view = _VIEWS.get(type(thing))
    return None if view is None else view(thing)
