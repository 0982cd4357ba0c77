"""`poolcheck init`: a commented poolcheck.toml from what the project shows."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from poolcheck.capacity.asked import pool_of
from poolcheck.commands._effective import draft
from poolcheck.commands._help import Command
from poolcheck.commands._shared import write
from poolcheck.config.file import find
from poolcheck.config.settings import CLIENT_NAME, HOST, SERVER_NAME, Config
from poolcheck.config.staged import write_whole
from poolcheck.connection.secret import redact
from poolcheck.diagnosis.told_tables import host_of
from poolcheck.errors import BadInput
from poolcheck.model.amount import Amount
from poolcheck.model.connection_map import Client, Map, Server
from poolcheck.model.effective import key, toml
from poolcheck.project import assumptions, collect
from poolcheck.text import clean

# What a question of the map is about, as a key of the config.
ASKED = {
    "instances": "instances",
    "pool": "pool",
    "processes": "workers",
    "max_connections": "max_connections",
}


@click.command("init", cls=Command, short_help="Write a commented poolcheck.toml from what is found here.")
@click.option("--stdout", is_flag=True, help="Print it instead of writing the file.")
def command(stdout: bool) -> int:
    r"""Write poolcheck.toml into the current folder: every setting with its default, its reason, and what was found.

    An existing file is never overwritten.

    \b
    Examples:
      poolcheck init
      poolcheck init --stdout
    """
    here = Path("poolcheck.toml")
    found = find(".")
    present = Path(found) if found else None
    if not stdout and present is not None and present.parent == Path().absolute():
        raise BadInput(
            f"{present.name} is here already",
            "It is not overwritten; `poolcheck init --stdout` prints a new one.",
        )
    text = draft(Path()) + tables(_map())
    if stdout:
        write(text, None)
        return 0
    try:
        write_whole(here, text.encode(), new=True)
    except FileExistsError:
        raise BadInput("poolcheck.toml is here already", "It is not overwritten.") from None
    except OSError as error:
        raise BadInput(
            f"cannot write poolcheck.toml: {error.strerror}", "Check the folder's permissions."
        ) from error
    click.echo("poolcheck.toml written. `poolcheck config` shows what is in force.", err=True)
    return 0


def _map() -> Map:
    """The map of this folder, read as any run would without a config."""
    config = Config()
    return assumptions.context(collect.collect((".",), config), config).map


def tables(map_: Map) -> str:
    """A table for every server and client of the map, behind what `draft` writes.

    Each key is a comment: what was found is read anew by every run, and what nobody tells (`?`) waits for its number.
    Only where a server has no name that TOML and the command line can take is it named anew, and known by its hosts.
    Left out is what the map does not add up: servers of this machine, clients that run once.
    """
    lines: list[str] = []
    names, homes = {each.name for each in map_.servers}, _homes(map_)
    for server in map_.servers:
        if not server.here:
            lines += _server(server, map_, homes, names)
    for client in map_.clients:
        if not client.once and re.fullmatch(CLIENT_NAME, client.name) and _plain(client.name) == client.name:
            lines += _client(client, map_)
    return "\n".join(lines) + "\n" if lines else ""


def _homes(map_: Map) -> dict[str, set[str]]:
    """The servers that each host leads to; of a pooler, the one behind it."""
    homes: dict[str, set[str]] = {}
    reached = [(each.name, each.addresses) for each in map_.servers]
    for name, addresses in (
        *reached,
        *((opening.server, each.addresses) for each in map_.poolers for opening in each.opens),
    ):
        for address in addresses:
            homes.setdefault(host_of(address).lower(), set()).add(name)
    return homes


def _server(server: Server, map_: Map, homes: Mapping[str, set[str]], names: set[str]) -> Iterator[str]:
    """`names` are those that are taken; a new one is added."""
    hosts = tuple(host for host, owners in homes.items() if owners == {server.name} and re.fullmatch(HOST, host, re.ASCII))  # fmt: skip
    name = server.name
    if not re.fullmatch(SERVER_NAME, name, re.ASCII) or _plain(name) != name:
        if not hosts:
            return  # nothing to know it by
        word = re.sub(r"[^\w.-]+", "-", _plain(name), flags=re.ASCII).strip("-.")[:80]
        word = word if word[:1].isalpha() else f"db-{word}".rstrip("-")
        name = next(
            one for one in (word, *(f"{word}-{n}" for n in range(2, len(names) + 3))) if one not in names
        )
        names.add(name)
    yield from ("", f"[server.{key(name)}]")
    if hosts:
        yield f"{'# ' if name == server.name else ''}hosts = {toml(hosts)}"
    yield from _number("max_connections", server.max_connections, server.name, map_)
    yield from _number("reserved", server.reserved, server.name, map_)
    for told in ("provider", "plan"):
        if value := getattr(server, told):
            yield f"# {told} = {toml(_plain(value))}"
    variable = re.sub(r"\W+", "_", name, flags=re.ASCII).upper()
    yield f'# dsn_env = "{variable}_MONITOR_URL"  # `poolcheck live {name}` looks with it'


def _client(client: Client, map_: Map) -> Iterator[str]:
    yield from ("", f"[client.{key(client.name)}]")
    yield from _number("instances", client.instances, client.name, map_)
    if client.surge is not None:
        said = _plain(str(client.surge))
        yield f"# surge = {toml(str(client.surge.most))}{f'  # {said}' if said else ''}"
    yield from _number("workers", client.processes, client.name, map_)
    known = client.pools and all(each.size is not None for each in client.pools)
    yield from _number("pool", pool_of(client, client.pools) if known else None, client.name, map_)


def _number(name: str, amount: Amount | None, of: str, map_: Map) -> Iterator[str]:
    """The number with what tells it, or `?` with what is known of why nobody does."""
    if amount is not None:
        told = "; ".join(amount.places)
        yield f"# {name} = {amount.most}" + (f"  # {_plain(told)}" if told else "")
        return
    whys = (each.why for each in map_.questions if each.of == of and ASKED.get(each.what) == name)
    yield f"# {name} = ?  # nobody tells" + (f": {_plain(why)}" if (why := next(whys, "")) else "")


def _plain(text: str) -> str:
    return clean(redact(text))
