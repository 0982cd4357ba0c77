"""pgdog.toml and the users.toml beside it. Each user of a database has a pool of its own on each of its servers.

https://github.com/pgdogdev/pgdog/tree/main/pgdog-config/src
"""

import posixpath
from collections.abc import Iterator
from typing import Any

from poolcheck.model.pooler_config import PoolerConfig, PoolerDatabase, PoolerSetting
from poolcheck.model.problem import Location
from poolcheck.readers.manifests.types import UnreadableFile, load_toml, table
from poolcheck.readers.poolers.interface import ALONE, Files
from poolcheck.readers.poolers.lines import TomlPlaces
from poolcheck.readers.poolers.lines import ignores as ignores
from poolcheck.readers.poolers.lines import shown as shown

NAMES = ("pgdog", "users.toml")
LONGEST = 1_000_000  # characters
_USERS = "users.toml"
_GENERAL = ("host", "default_pool_size", "pooler_mode", "prepared_statements", "auth_type", "tls_certificate")
_OF_POOL = ("pool_size", "pooler_mode")
_OTHER_NAMES = {
    "max_pool_size": "default_pool_size"
}  # of [general]; of a pool it is another name of pool_size


def matches(path: str) -> bool:
    """Is it PgDog's file, by its name, or may it be its list of users?"""
    name = posixpath.basename(path)
    return name.endswith(".toml") and ("pgdog" in name or name == _USERS)


def read(text: str, path: str, files: Files = ALONE) -> PoolerConfig | UnreadableFile | None:
    """The databases of a file, with the users of users.toml beside it; None when it has none."""
    if posixpath.basename(path) == _USERS:
        return None
    users_path = posixpath.join(posixpath.dirname(path), _USERS)
    users = files.get(users_path)
    made = load_toml(text)
    if isinstance(made, UnreadableFile):
        return made
    databases = made.get("databases")
    if not isinstance(databases, list) or not databases:
        named = posixpath.basename(path) == "pgdog.toml"
        return UnreadableFile("has no [[databases]]") if named else None
    places = TomlPlaces(text, path)
    listed = load_toml(users) if users is not None else {}
    if isinstance(listed, UnreadableFile):
        return UnreadableFile(f"the users beside it, {users_path}: {listed.message}", None)
    rows = listed.get("users")
    people = [table(row) for row in rows] if isinstance(rows, list) else []
    people_places = TomlPlaces(users or "", users_path)
    admin = table(made.get("admin")) or table(listed.get("admin"))
    general = [
        PoolerSetting(
            _OTHER_NAMES.get(setting.name, setting.name), setting.value, setting.location, setting.known
        )
        for setting in places.settings(table(made.get("general")), "general")
    ]
    return PoolerConfig(
        software="pgdog",
        name=path,
        location=Location(path, 1),
        includes=(users_path,) if users is not None else (),
        settings=(
            *(each for each in general if each.name in _GENERAL),
            *_admin(admin, people, places),
        ),
        databases=tuple(
            pool
            for index, database in enumerate(databases)
            for pool in _pools(table(database), index, people, places, people_places)
        ),
    )


def _admin(
    admin: dict[str, Any], people: list[dict[str, Any]], places: TomlPlaces
) -> Iterator[PoolerSetting]:
    """The administrator, only where an app has the same login: the name alone opens nothing."""
    password = admin.get("password")
    if password and any(
        each.get("name") == admin.get("user", "admin") and each.get("password") == password for each in people
    ):
        name = str(admin.get("user", "admin"))
        yield PoolerSetting("user", name, places.at("admin", "user"))


def _pools(
    database: dict[str, Any],
    index: int,
    people: list[dict[str, Any]],
    places: TomlPlaces,
    people_places: TomlPlaces,
) -> Iterator[PoolerDatabase]:
    """One for each user who may use the database; without any known user one all the same."""
    name = str(database.get("name", ""))
    at = places.at("databases", index)
    own = [_pool_setting(setting) for setting in places.settings(database, "databases", index)]
    kept = (*_OF_POOL, "host", "port")
    settings: tuple[PoolerSetting, ...] = tuple(each for each in own if each.name in kept)
    role = str(database.get("role", "primary"))
    if (
        f"pool_size_{role}" in database or role == "auto"
    ):  # the role decides about the size, in ways of its own
        settings = (*settings, PoolerSetting("pool_size", "", at, known=False))
    allowed = [(number, each) for number, each in enumerate(people) if _may_use(each, name)]
    for number, person in allowed:
        theirs = [_pool_setting(setting) for setting in people_places.settings(person, "users", number)]
        unknown = (PoolerSetting("pool_size", "", at, known=False),) if f"pool_size_{role}" in person else ()
        yield PoolerDatabase(
            name=name,
            location=people_places.at("users", number),
            settings=(
                *settings,
                *(their for their in theirs if their.name in _OF_POOL),
                *unknown,
                PoolerSetting("user", str(person.get("name", "")), people_places.at("users", number, "name")),
            ),
        )
    if not allowed:
        yield PoolerDatabase(name=name, location=at, settings=settings)


def _pool_setting(each: PoolerSetting) -> PoolerSetting:
    return (
        PoolerSetting("pool_size", each.value, each.location, each.known)
        if each.name == "max_pool_size"
        else each
    )


def _may_use(person: dict[str, Any], database: str) -> bool:
    several = person.get("databases")
    return (
        person.get("all_databases") is True
        or person.get("database") == database
        or (isinstance(several, list) and database in several)
    )
