"""pgcat.toml: pools, their users and servers. Each user has a pool of its own on each server of each shard.

https://github.com/postgresml/pgcat/blob/main/src/config.rs
"""

import posixpath
from collections.abc import Iterator
from typing import Any

from poolcheck.model.pooler_config import PoolerConfig, PoolerDatabase, PoolerSetting
from poolcheck.model.problem import Location
from poolcheck.readers.manifests.types import UnreadableFile, load_toml, table
from poolcheck.readers.poolers.interface import ALONE, Files
from poolcheck.readers.poolers.lines import TomlPlaces, known
from poolcheck.readers.poolers.lines import ignores as ignores
from poolcheck.readers.poolers.lines import shown as shown

NAMES = ("pgcat",)
LONGEST = 1_000_000  # characters
_OF_POOL = ("pool_mode", "prepared_statements_cache_size")


def matches(path: str) -> bool:
    """Is it PgCat's file, by its name?"""
    name = posixpath.basename(path)
    return name.endswith(".toml") and "pgcat" in name


def read(text: str, path: str, _files: Files = ALONE) -> PoolerConfig | UnreadableFile | None:
    """The pools of a file; None when it has none."""
    made = load_toml(text)
    if isinstance(made, UnreadableFile):
        return made
    pools = table(made.get("pools"))
    if not pools:  # by any other name it may be something else's file
        return UnreadableFile("has no [pools]") if posixpath.basename(path) == "pgcat.toml" else None
    places = TomlPlaces(text, path)
    general = table(made.get("general"))
    logins = [
        (user.get("username"), user.get("password"))
        for pool in pools.values()
        for user in table(table(pool).get("users")).values()
        if isinstance(user, dict)
    ]
    return PoolerConfig(
        software="pgcat",
        name=path,
        location=Location(path, 1),
        settings=tuple(_general(general, logins, places)),
        databases=tuple(
            each for name, pool in pools.items() for each in _pools(name, table(pool), general, places)
        ),
    )


def _general(
    general: dict[str, Any], logins: list[tuple[object, object]], places: TomlPlaces
) -> Iterator[PoolerSetting]:
    """The administrator counts only where an app has the same login: the name alone opens nothing."""
    same = (general.get("admin_username"), general.get("admin_password")) in logins
    for setting in places.settings(general, "general"):
        if setting.name in ("host", "tls_certificate") or (setting.name == "admin_username" and same):
            yield setting


def _pools(
    name: str, pool: dict[str, Any], general: dict[str, Any], places: TomlPlaces
) -> Iterator[PoolerDatabase]:
    """One for each user and server; one for each user where no server is readable."""
    shared = [setting for setting in places.settings(pool, "pools", name) if setting.name in _OF_POOL]
    if "prepared_statements_cache_size" not in pool:  # up to 1.1 it stood in [general]: the version decides
        older = next(
            (e for e in places.settings(general, "general") if e.name == "prepared_statements_cache_size"),
            None,
        )
        if older is not None and older.value != "0":
            shared.append(PoolerSetting(older.name, older.value, older.location, known=False))
    servers = [
        server
        for shard in table(pool.get("shards")).values()
        for server in _servers(table(shard).get("servers"))
    ]
    for index, user in table(pool.get("users")).items():
        own = list(places.settings(table(user), "pools", name, "users", index))
        at = places.at("pools", name, "users", index)
        for server in servers or [()]:
            where = tuple(
                PoolerSetting(key, text, at, known(text))
                for key, text in zip(("host", "port"), server, strict=False)
            )
            yield PoolerDatabase(
                name=name,
                location=at,
                settings=(
                    *shared,
                    *(each for each in own if each.name in (*_OF_POOL, "pool_size", "auth_type")),
                    *(
                        PoolerSetting("user", each.value, each.location)
                        for each in own
                        if each.name == "username"
                    ),
                    *where,
                ),
            )


def _servers(value: object) -> Iterator[tuple[str, ...]]:
    """Host and port of each `[host, port, role]`."""
    for each in value if isinstance(value, list) else ():
        if isinstance(each, list) and each and isinstance(each[0], str):
            yield (each[0], str(each[1]) if len(each) > 1 else "5432")
        elif isinstance(each, dict) and isinstance(each.get("host"), str):
            yield (each["host"], str(each.get("port", 5432)))
