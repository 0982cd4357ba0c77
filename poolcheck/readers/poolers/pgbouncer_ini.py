"""pgbouncer.ini as PgBouncer reads it: no comments behind a value, no quotes, no units, keys in lower case.

What it does not read is a trouble, not a guess: PgBouncer stops at the first such line and refuses to start.
Measured on 1.18: the section names are exact, a line is `key = value`, and an empty number is an error.
"""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import replace

from poolcheck.connection.secret import MASK, is_secret_name
from poolcheck.model.ignores import Ignores, ignores_in_lines
from poolcheck.model.pooler_config import (
    DATABASE_KEYS,
    USER_KEYS,
    PoolerConfig,
    PoolerDatabase,
    PoolerSetting,
    PoolerTrouble,
    PoolerUser,
)
from poolcheck.model.problem import Location
from poolcheck.readers.poolers.interface import ALONE, Files
from poolcheck.readers.poolers.lines import known

NAMES = ("pgbouncer", "userlist")
LONGEST = 16_000_000  # characters: programs write long lists of databases
_NAME = re.compile(r"(?:.*/)?(?:[\w.-]{0,255}[.-])?pgbouncer[\w.-]{0,255}\.(?:ini|conf|cfg)")
_USERLIST = re.compile(r"(?:.*/)?(?:pgbouncer[\w.-]*/.{0,255})?[\w-]{0,255}userlist\.txt")
_SECTIONS = ("databases", "users", "peers", "pgbouncer")
_PAIR = re.compile(r"\s*([\w.*@-]+|\"(?:[^\"]|\"\")*\")\s*=\s?((?:\s*+\S++)*)\s*$")
_WORD = re.compile(r"(?<!\w)(\w++)\s*+=\s*+('(?:[^']|'')*'|\S*)")


def matches(path: str) -> bool:
    """Is it PgBouncer's ini file, by its name, or a list of its users?"""
    return _NAME.fullmatch(path) is not None or _USERLIST.fullmatch(path) is not None


def userlist(text: str) -> tuple[str, ...]:
    """The user names of a userlist.txt: `"name" "secret"`, one a line. The secrets are not kept."""
    found = (re.match(r'\s*"((?:[^"]|"")+)"\s+"', line) for line in text.splitlines())
    return tuple(dict.fromkeys(each[1].replace('""', '"') for each in found if each))


def read(text: str, path: str, files: Files = ALONE) -> PoolerConfig | None:
    """The file's sections, with those of the files that it includes and the logins of the list beside it.

    None when it has none of PgBouncer's: then it is something else.
    """
    made = _read(text, path)
    if made is None or _USERLIST.fullmatch(path):
        return None
    config, wanted = made
    included: list[str] = []
    missing: list[PoolerTrouble] = []
    for setting in wanted:
        name = _include_path(path, setting.value)
        inner = _read(files.get(name) or "", name)
        if inner is None:
            why = f"the included file {setting.value} is not in the project, or too large"
            missing.append(PoolerTrouble(why, setting.location))
        else:
            included.append(name)
            config = _merged(config, inner[0])
    folder = posixpath.dirname(path)
    beside = next(
        (name for name in files if posixpath.dirname(name) == folder and _USERLIST.fullmatch(name)), ""
    )
    return replace(
        config,
        includes=tuple(included),
        missing=tuple(missing),
        complete=not missing,
        logins=userlist(files[beside]) if beside else (),
    )


def ignores(text: str) -> Ignores:
    """The ignore comments. Behind a value there is no comment: PgBouncer takes it for part of the value."""
    return ignores_in_lines(text.split("\n"), "[;#]", behind=False)


def shown(text: str) -> tuple[str, ...]:
    """The lines for excerpts. A broken line may hold a password that no reader of `key=value` finds."""
    return tuple(re.sub(r"(?i)(password\s+)\S.*", r"\1***", line) for line in text.split("\n"))


def _read(text: str, path: str) -> tuple[PoolerConfig, tuple[PoolerSetting, ...]] | None:
    """One file, and what it includes."""
    lines = text.split("\n")
    if not any(line.strip() in ("[pgbouncer]", "[databases]") for line in lines):
        return None
    state = _State(path)
    for number, raw in enumerate(lines, 1):
        line = raw.rstrip("\r")
        bare = line.strip()
        if bare and not bare.startswith((";", "#")):
            state.line(line, bare, number)
    return state.config(), tuple(state.includes)


def _merged(config: PoolerConfig, included: PoolerConfig) -> PoolerConfig:
    """The config with what a file says that it includes."""
    return replace(
        config,
        settings=(*config.settings, *included.settings),
        databases=(*config.databases, *included.databases),
        users=(*config.users, *included.users),
        troubles=(*config.troubles, *included.troubles),
    )


def _include_path(config_path: str, written: str) -> str:
    """Where an included file is looked for: beside the file, as a project keeps it."""
    if written.startswith("/"):
        return posixpath.join(posixpath.dirname(config_path), posixpath.basename(written))
    return posixpath.normpath(posixpath.join(posixpath.dirname(config_path), written))


class _State:
    """The section that is open, and what was read so far."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.section = ""
        self.settings: list[PoolerSetting] = []
        self.databases: list[PoolerDatabase] = []
        self.users: list[PoolerUser] = []
        self.troubles: list[PoolerTrouble] = []
        self.includes: list[PoolerSetting] = []

    def config(self) -> PoolerConfig:
        return PoolerConfig(
            name=self.path,
            location=Location(self.path, 1),
            settings=tuple(self.settings),
            databases=tuple(self.databases),
            users=tuple(self.users),
            troubles=tuple(self.troubles),
        )

    def line(self, line: str, bare: str, number: int) -> None:
        at = Location(self.path, number, len(line) - len(line.lstrip()) + 1)
        include = re.fullmatch(r"%include\s+(\S+)", bare)
        if include:
            self.includes.append(PoolerSetting("%include", include[1], at, known(include[1])))
            return
        if bare.startswith("["):
            self._open(bare, at)
            return
        pair = _PAIR.match(line)
        if pair is None:
            if known(bare):
                self.troubles.append(PoolerTrouble("the line is not `key = value`", at))
            return
        value_at = Location(self.path, number, pair.start(2) + 1)
        if self.section == "pgbouncer":
            self.settings.append(PoolerSetting(pair[1], pair[2], value_at, known(pair[2])))
        elif self.section in ("databases", "users"):
            name = pair[1].strip('"').replace('""', '"')
            pairs, broken = words(pair[2], self.path, number, pair.start(2))
            if self.section == "users":
                self.users.append(PoolerUser(name=name, location=at, settings=pairs))
            else:
                self.databases.append(
                    PoolerDatabase(name=name, location=at, settings=pairs, broken=broken and known(pair[2]))
                )

    def _open(self, bare: str, at: Location) -> None:
        section = bare.strip("[]").strip()
        if not bare.endswith("]"):
            self.troubles.append(PoolerTrouble("text follows the section's name", at))
        elif section not in _SECTIONS and known(section):
            self.troubles.append(PoolerTrouble(f"no section is named [{section}]", at))
        self.section = section


def words(text: str, path: str, line: int, start: int) -> tuple[tuple[PoolerSetting, ...], bool]:
    """The `key=value` pairs of a line, without passwords; and whether something is left that is none."""
    return tuple(_pairs(text, path, line, start)), bool(_WORD.sub("", text).strip())


def _pairs(text: str, path: str, line: int, start: int) -> Iterator[PoolerSetting]:
    """The pairs. A name that PgBouncer has not, behind a secret without quotes, may be the secret's other half."""
    unquoted = False
    for match in _WORD.finditer(text):
        name, value = match[1], match[2]
        if unquoted and name not in DATABASE_KEYS | USER_KEYS:
            name = MASK
        unquoted |= is_secret_name(name) and not value.startswith("'")
        if value.startswith("'"):
            value = value[1:-1].replace("''", "'")
        if name in ("password", MASK):
            value = ""
        yield PoolerSetting(name, value, Location(path, line, start + match.start(1) + 1), known(value))
