"""What `poolcheck config` shows: every setting, its value in force, and where that comes from."""

import re
from typing import Any, ClassVar, Literal

from poolcheck.connection.secret import redact
from poolcheck.record import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveSetting:
    """One setting in force."""

    name: str  # "thresholds.warn_at", 'per_path."apps/web/**".ignore'
    value: Any  # str, int, float, tuple of str, or None
    source: str  # "default", "poolcheck.toml:4", "--instances"
    reason: str
    note: str = ""  # what a value such as auto comes to here


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldTable:
    """A table of the config about servers or clients, and the names of those of the map that it matches."""

    kind: Literal["server", "client"]
    name: str
    matched: tuple[str, ...]

    @property
    def heading(self) -> str:
        """`[server.orders]`, `[client."apps/api"]`; for reading, secrets masked."""
        return f"[{self.kind}.{key(redact(self.name))}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective:
    """A section of the report."""

    name: ClassVar[str] = "settings"

    file: str  # the config file, "" when there is none
    settings: tuple[EffectiveSetting, ...]
    tables: tuple[ToldTable, ...] = ()  # where a map was made


def key(name: str) -> str:
    """A key as TOML writes it: with quotes where it needs them."""
    return name if re.fullmatch(r"[\w-]+", name, re.ASCII) else toml(name)


def toml(value: Any) -> str:
    """A setting's value as TOML writes it."""
    if isinstance(value, tuple):
        return "[" + ", ".join(toml(each) for each in value) + "]"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return str(value)
