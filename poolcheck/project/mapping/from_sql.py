"""What migrations and init scripts allow a role or a database, and the max_connections that they set: limits of the map's servers."""

import posixpath
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from poolcheck.model.amount import exact
from poolcheck.model.connection_map import ConnectionLimit
from poolcheck.project.mapping.ends import ServerDraft

if TYPE_CHECKING:
    from poolcheck.project.packages import Packages
    from poolcheck.readers.sql_limits import SqlLimit


Login = tuple[ServerDraft, str, str]  # with the user and the database of a string


def read(packages: "Packages", names: Iterable[str]) -> "tuple[SqlLimit, ...]":
    """The limits that the project's SQL sets, in the order of its files; a dump is not looked into."""
    from poolcheck.readers import sql_limits  # noqa: PLC0415 - only where there is SQL

    def content(name: str) -> str:
        try:
            return packages.content(name, sql_limits.LONGEST).decode("utf-8", "replace")
        except OSError:
            return ""

    return tuple(limit for name in sorted(names) for limit in sql_limits.read(content(name), name))


def lay(limits: "Sequence[SqlLimit]", servers: Sequence[ServerDraft], logins: Iterable[Login]) -> None:
    """Give each server its limits: those of the scripts that it is started with, else of the only one that knows the name.

    A role that makes the server is a superuser, and has none. What is said last holds.
    """
    started: dict[str, list[ServerDraft]] = {}  # by the file or folder
    for server in servers:
        for script in server.scripts:
            started.setdefault(script, []).append(server)
    known: dict[tuple[str, str], dict[ServerDraft, None]] = {}
    for server, user, database in logins:
        known.setdefault(("role", user), {})[server] = None
        known.setdefault(("database", database), {})[server] = None
    known["server", ""] = {each: None for each in servers if not each.provider and not each.here}
    for limit in limits:
        path = limit.location.path
        first = started.get(path) or started.get(posixpath.dirname(path)) or []
        there = known.get((limit.kind, limit.name), {})
        others = [next(iter(there))] if len(there) == 1 else []
        for server in first or others:
            if server in there:
                _set(server, limit)


def _set(server: ServerDraft, limit: "SqlLimit") -> None:
    if limit.kind == "server":
        if limit.number and (server.limit is None or server.limit.how == "default"):
            words = f"ALTER SYSTEM SET max_connections = {limit.number}"
            server.limit = exact(limit.number, words, limit.location)
    elif limit.number is None or limit.name == server.superuser:
        server.caps.pop((limit.kind, limit.name), None)
    else:
        most = exact(limit.number, f"CONNECTION LIMIT {limit.number}", limit.location)
        made = ConnectionLimit(limit.kind, limit.name, most, server.superuser)
        server.caps[limit.kind, limit.name] = made
