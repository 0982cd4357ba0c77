"""One file per rule: the stem is the id and the name, the docstring its page, its examples its first tests."""

from importlib import import_module
from pathlib import Path

from poolcheck.core.rule import AnyRule, Rule

FOLDER = Path(__file__).parent


def load(groups: str = "12345678") -> list[AnyRule]:
    """The rules of these hundreds, by id. Only what is asked for is imported.

    Raises:
        ImportError: a rule file holds no rule, or more than one.
    """
    found = []
    for path in sorted(FOLDER.glob("pc*.py")):
        if path.stem[2] not in groups:
            continue
        module = import_module(f"poolcheck.rules.{path.stem}")
        rules = [value for value in vars(module).values() if isinstance(value, Rule)]
        if len(rules) != 1:
            raise ImportError(f"{path.name} must hold exactly one rule, not {len(rules)}")
        found.append(rules[0])
    return found


def names() -> dict[str, str]:
    """Id to name of every rule, from the file names alone."""
    stems = [path.stem.partition("_") for path in sorted(FOLDER.glob("pc*.py"))]
    return {number.upper(): words.replace("_", "-") for number, _, words in stems}
