"""Snapshots from a few words, for tests and for the examples in the rules' pages."""

from dataclasses import replace
from typing import Any

from poolcheck import catalogue
from poolcheck.config.settings import DEFAULTS
from poolcheck.live.judge import put_together
from poolcheck.live.sql.normalise import is_release, normalise
from poolcheck.model.context import Context, Numbers
from poolcheck.model.look import Look, PoolerLook
from poolcheck.model.snapshot import (
    AdvisoryLock,
    Backend,
    BouncerSnapshot,
    Cap,
    ConsoleDatabase,
    Counters,
    LivePool,
    LiveRoute,
    LiveServer,
    Refusal,
    Snapshot,
    Wait,
)

POOL = {
    "database": "app", "user": "app", "mode": "transaction", "clients_active": 0, "clients_waiting": 0,
    "servers_active": 0, "servers_idle": 0, "servers_login": 0, "servers_tested": 0, "max_wait_seconds": 0.0,
    "pool_size": None,
}  # fmt: skip
DATABASE = {
    "host": "127.0.0.1", "port": "5432", "database": "app", "pool_size": 20, "reserve": 0, "max_connections": 0,
    "current_connections": 0, "paused": False, "disabled": False,
}  # fmt: skip


def sessions(*given: dict[str, Any]) -> tuple[Backend, ...]:
    """Backends; `count` makes several alike, a pid is given where none is."""
    made: list[Backend] = []
    for one in given:
        fields = {
            "application_name": "web",
            "user": "app",
            "database": "app",
            "kind": "client backend",
            **one,
        }
        count = fields.pop("count", 1)
        statement = normalise(fields.get("query", ""))
        for _ in range(count):
            pid = fields.get("pid", 100 + len(made))
            start = fields.get("backend_start", f"2026-11-21T03:00:{pid % 60:02}.000000Z")
            fresh = {"statement": statement, "released": is_release(statement), **fields}
            made.append(Backend(**{**fresh, "pid": pid, "backend_start": start}))
    return tuple(made)


def snapshot(given: dict[str, Any]) -> Snapshot:
    """A snapshot with what is given, and nothing else."""
    counters = given.get("counters")
    route = dict(given.get("route", {"kind": "direct"}))
    route["left_behind"] = tuple(tuple(pair) for pair in route.get("left_behind", ()))
    return Snapshot(
        epoch=given.get("epoch", 1000.0),
        server=LiveServer(
            **{"max_connections": 100, "superuser_reserved": 3, "database": "app", **given.get("server", {})}
        ),
        backends=sessions(*given.get("sessions", ())),
        waits=tuple(Wait(pid, tuple(blockers)) for pid, blockers in given.get("waits", ())),
        advisory=tuple(AdvisoryLock(*each) for each in given.get("advisory", ())),
        caps=tuple(Cap(*each) for each in given.get("caps", ())),
        counters=Counters(**counters) if counters else None,
        route=LiveRoute(**route),
    )


def look(given: dict[str, Any]) -> Look:
    """A look; `earlier` is the snapshot of a first look 30 s before."""
    before = given.get("earlier")
    earlier = replace(snapshot(before), epoch=given.get("epoch", 1000.0) - 30) if before else None
    fleet = {"instances": given.get("instances"), "surge": given.get("surge", "25%")}
    made = put_together(snapshot(given), DEFAULTS.thresholds, earlier=earlier, **fleet)
    return replace(made, refused=given.get("refused", False))


def pooler(given: dict[str, Any]) -> PoolerLook:
    """A look at a pooler's console."""
    return PoolerLook(
        snapshot=BouncerSnapshot(
            version="1.24.1",
            pools=tuple(LivePool(**{**POOL, **each}) for each in given.get("pools", ())),
            databases=tuple(ConsoleDatabase(**{**DATABASE, **each}) for each in given.get("databases", ())),
            settings=tuple(given.get("settings", {}).items()),
            clients_used=given.get("clients_used"),
        ),
        usable=given.get("usable"),
        states=tuple(given.get("states", {}).items()),
    )


def subjects(given: dict[str, Any]) -> list[object]:
    """Everything an example is about."""
    made: list[object] = []
    if "refusal" in given:
        made.append(Refusal(**given["refusal"]))
    if {"pools", "databases", "settings", "clients_used"} & set(given):
        made.append(pooler(given))
    if not made:
        made.append(look(given))
    return made


def context(given: dict[str, Any]) -> Context:
    """What rules may know besides: the number of instances, when it is given."""
    return Context(
        catalogue=catalogue,
        numbers=Numbers(instances=given.get("instances"), surge=given.get("surge", "25%")),
    )
