"""Recipes from files: the package's own by name, the user's by path."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from scaling.errors import ConfigError
from scaling.toml_errors import parse_toml, problem_of, read_text
from scaling.training.recipe import Recipe


def recipe_names() -> tuple[str, ...]:
    """Return the names of the package's own recipes.

    >>> recipe_names()
    ('paper', 'small')
    """
    files = (file.name for file in resources.files(__name__).iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml")))


def read_recipe(name_or_path: str) -> Recipe:
    """Read a recipe: a name, a TOML file of its keys, or an experiment file with a `[recipe]` table.

    Raises:
        ConfigError: there is no such recipe, the file is not TOML, a key is unknown (the nearest known one is
            named), or a value is out of range.

    >>> recipe = read_recipe("paper")
    >>> recipe.epochs, recipe.optimizer.value, recipe.augmentation.policy.value
    (350, 'rmsprop', 'autoaugment')
    """
    if name_or_path in recipe_names():
        text = resources.files(__name__).joinpath(f"{name_or_path}.toml").read_text(encoding="utf-8")
    else:
        try:
            text = read_text(Path(name_or_path), "the recipe")
        except ConfigError as error:
            names = ", ".join(recipe_names())
            raise ConfigError(
                f"no recipe {name_or_path!r}: expected {names} or a TOML file ({error})"
            ) from None
    document = parse_toml(text, Path(name_or_path))
    table = document.get("recipe", document)
    return parse_recipe(table, where=name_or_path)


def parse_recipe(table: Any, *, where: str) -> Recipe:
    """Validate the keys of a recipe.

    Raises:
        ConfigError: as `read_recipe`.
    """
    try:
        return TypeAdapter(Recipe).validate_python(table)
    except ValidationError as error:
        raise ConfigError(f"{where}: {problem_of(error, Recipe)[1]}") from None
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
