"""Functions of a user's own, loaded by `module-or-file.py:function`."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scaling.errors import ConfigError


def load_function(place: str) -> Callable[..., Any]:
    """Return a function of the user's.

    Args:
        place: `package.module:function`, or `path/to/file.py:function`.

    Raises:
        ConfigError: there is no such module, file or function.
    """
    where, _, function_name = place.rpartition(":")
    try:
        module = _module_of_file(Path(where)) if where.endswith(".py") else importlib.import_module(where)
        function = getattr(module, function_name)
    except Exception as error:  # somebody else's code may raise anything while it is loaded
        raise ConfigError(f"cannot load {place}: {type(error).__name__}: {error}") from None
    if not callable(function):
        raise ConfigError(f"{place} is no function")
    loaded: Callable[..., Any] = function
    return loaded


def _module_of_file(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"strategy_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
