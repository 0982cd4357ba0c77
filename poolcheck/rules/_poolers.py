"""What the rules about pooler configurations share: pools, users, who can reach the pooler."""

from poolcheck.model.connection_map import Client, Pooler
from poolcheck.model.context import Context
from poolcheck.model.pooler_config import (
    PoolerConfig,
)
from poolcheck.model.problem import Location
from poolcheck.model.target import Target
from poolcheck.model.url_readers import Reader, reader

_HERE = ("", "127.0.0.1", "localhost", "::1", "127.0.0.1,::1")


def place(config: PoolerConfig, name: str) -> Location:
    """Where a setting stands, for all or for the first database that has it; the whole config where it does not."""
    every = (config.setting(name), *(database.setting(name) for database in config.databases))
    return next((each.location for each in every if each is not None), config.location)


def reachable(config: PoolerConfig) -> bool | None:
    """Whether other machines can connect: by the listen address, or by a container's published ports.

    None: not known, such as a file that some container may use.
    """
    if config.container:
        return config.published
    said = config.value("listen_addr")
    if said is None:
        return None
    return any(part.strip() not in _HERE for part in said.split(","))


def preparing(config: PoolerConfig, ctx: Context) -> tuple[Reader, ...]:
    """The drivers of the config's package that name prepared statements unless told otherwise."""
    uses = ctx.assumed or config.package.drivers
    found = [each for use in uses if (each := reader(use, config.package, ctx))]
    return tuple(each for each in found if each.own is not None and each.own.named_prepared == "yes")


def pooler_of(config: PoolerConfig, ctx: Context) -> Pooler | None:
    """What the map knows of it: who leads there, how many of it run, and the servers behind it."""
    return next((each for each in ctx.map.poolers if each.place == config.location), None)


def clients_of(config: PoolerConfig, ctx: Context) -> tuple[Client, ...]:
    """The clients whose app traffic leads there."""
    pooler = pooler_of(config, ctx)
    names = {
        each.client for each in ctx.map.routes if pooler and each.pooler == pooler.name and each.role == "app"
    }
    return tuple(each for each in ctx.map.clients if each.name in names)


def strings_of(config: PoolerConfig, ctx: Context) -> tuple[Target, ...]:
    """The connection strings that lead there."""
    pooler = pooler_of(config, ctx)
    routes = [each for each in ctx.map.routes if pooler and each.pooler == pooler.name]
    places = {(each.place.path, each.place.line, each.variable) for each in routes}
    return tuple(
        each for each in ctx.targets if (each.location.path, each.location.line, each.name) in places
    )
