"""pgpool.conf: `key = value` with `#` comments, words in single quotes, a backend for each `backend_hostname<N>`.

https://www.pgpool.net/docs/latest/en/html/runtime-config-connection-pooling.html
"""

import re
from collections.abc import Iterable, Iterator

from poolcheck.model.pooler_config import PoolerConfig, PoolerDatabase, PoolerSetting
from poolcheck.model.problem import Location
from poolcheck.readers.poolers.interface import ALONE, Files
from poolcheck.readers.poolers.lines import ignores as ignores
from poolcheck.readers.poolers.lines import known
from poolcheck.readers.poolers.lines import shown as shown

NAMES = ("pgpool",)
LONGEST = 1_000_000  # characters: the sample has 50,000
_NAME = re.compile(r"(?:.*/)?(?:[\w.-]{0,255}[.-])?pgpool[\w.-]{0,255}\.conf")
_LINE = re.compile(r"\s*+(\w++)\s*+(?:=\s*+)?(?:'([^'\n]*+)'|([^\s#']++))")
_ASKED = ("num_init_children", "max_pool", "connection_cache", "port")


def matches(path: str) -> bool:
    """Is it Pgpool-II's file, by its name?"""
    return _NAME.fullmatch(path) is not None


def read(text: str, path: str, _files: Files = ALONE) -> PoolerConfig | None:
    """The settings and backends of a file; None when it has none of Pgpool-II's."""
    found: list[PoolerSetting] = []
    for number, line in enumerate(text.split("\n"), 1):
        match = _LINE.match(line)
        if match is not None and (
            match[1] in _ASKED or match[1].startswith(("backend_hostname", "backend_port"))
        ):
            value = match[2] if match[2] is not None else match[3]
            found.append(PoolerSetting(match[1], value, Location(path, number), known(value)))
    if not any(
        each.name in ("num_init_children", "max_pool") or each.name.startswith("backend_") for each in found
    ):
        return None
    return PoolerConfig(
        software="pgpool", name=path, location=Location(path, 1), settings=tuple(settings(found)), databases=tuple(_backends(found))
    )  # fmt: skip


def settings(found: Iterable[PoolerSetting]) -> Iterator[PoolerSetting]:
    """The settings that count: without its cache a process keeps one connection."""
    for each in found:
        yield each
        if (
            each.name == "connection_cache"
            and each.known
            and each.value.lower() in ("off", "false", "no", "0")
        ):
            yield PoolerSetting("max_pool", "1", each.location)


def _backends(found: Iterable[PoolerSetting]) -> Iterator[PoolerDatabase]:
    named = {each.name: each for each in found}
    for name, host in named.items():
        if name.startswith("backend_hostname"):
            port = named.get(f"backend_port{name.removeprefix('backend_hostname')}")
            yield backend(host.value, port.value if port else "", host.location, known=host.known)


def backend(host: str, port: str, at: Location, *, known: bool = True) -> PoolerDatabase:
    """A server behind it, which every process connects to."""
    values = (("host", host), ("port", port)) if known else ()
    return PoolerDatabase(
        name="*", location=at, settings=tuple(PoolerSetting(key, value, at) for key, value in values if value)
    )
