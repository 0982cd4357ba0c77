"""One file per rule: the stem is the id and the name, the docstring its page, its examples its first tests."""

import os
from collections.abc import Container
from importlib import import_module

from poolcheck.model.rule import AnyRule, Rule

FOLDER = os.path.dirname(__file__)  # pathlib takes 3 ms to import


def load(groups: Container[str] = "12345678") -> list[AnyRule]:
    """The rules of these hundreds, by id. Only what is asked for is imported.

    Raises:
        ImportError: a rule file holds no rule, or more than one.
    """
    found = []
    for stem in stems():
        if stem[2] not in groups:
            continue
        module = import_module(f"poolcheck.rules.{stem}")
        rules = [value for value in vars(module).values() if isinstance(value, Rule)]
        if len(rules) != 1:
            raise ImportError(f"{stem}.py must hold exactly one rule, not {len(rules)}")
        found.append(rules[0])
    return found


def stems() -> list[str]:
    """The rule files, sorted by id, without their ending."""
    return sorted(
        name.removesuffix(".py")
        for name in os.listdir(FOLDER)
        if name.startswith("pc") and name.endswith(".py")
    )


def names() -> dict[str, str]:
    """Id to name of every rule, from the file names alone."""
    parts = (stem.partition("_") for stem in stems())
    return {number.upper(): words.replace("_", "-") for number, _, words in parts}
