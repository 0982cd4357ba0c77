"""Which servers and clients of the map the tables `[server.NAME]` and `[client."..."]` of the config are about."""

import os
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import partial

from poolcheck.config import checks, file
from poolcheck.config.settings import Config, NamedClient, NamedServer
from poolcheck.config.tables import MOST_SHOWN, Complaint
from poolcheck.connection.secret import redact
from poolcheck.errors import BadConfig
from poolcheck.model.connection_map import Client, Map, Pooler
from poolcheck.model.effective import ToldTable
from poolcheck.text import clean, did_you_mean

MOST_NAMED = 10  # servers or clients that a complaint lists
MOST_COMPARED = 1000  # names that a wrong one is compared with


def _behind(pooler: Pooler) -> tuple[str, ...]:
    return tuple(each.server for each in pooler.opens) or (pooler.name,)


def matches(config: Config, map_: Map) -> tuple[ToldTable, ...]:
    """Each table with the names of what it matches, servers first, in the order of the file.

    A server is matched by its name, or by a host of its own or of a pooler before it; a pooler with no known server
    behind it stands for itself. A client is matched by its name; where nobody has it, by the folder of its
    package (or one above); else by the last part of its name.
    """
    names, hosts = {each.name for each in map_.servers}, _Index()
    for of, addresses in (
        *((each.name, each.addresses) for each in map_.servers),
        *((name, each.addresses) for each in map_.poolers for name in _behind(each)),
    ):
        for address in addresses:
            hosts.add(host_of(address).lower(), of)
    homes, lasts, own_names = _Index(), _Index(), {each.name: None for each in map_.clients}
    for client in map_.clients:
        lasts.add(_last(client.name), client.name)
        folder = _folder(config, client)
        for end in (at for at, char in enumerate(folder + "/") if char == "/"):
            homes.add(folder[:end], client.name)
    told = []
    for each in config.server:
        own = (each.name,) if each.name in names else ()
        reached = dict.fromkeys((*own, *_reached(each, hosts)))
        told.append(ToldTable(kind="server", name=each.name, matched=tuple(reached)))
    for table in config.client:
        if table.name in own_names:
            told.append(ToldTable(kind="client", name=table.name, matched=(table.name,)))
            continue
        named = homes.of(table.name.removeprefix("./").rstrip("/"))
        told.append(ToldTable(kind="client", name=table.name, matched=tuple(named or lasts.of(table.name))))
    return tuple(told)


class _Index:
    """Names by what they are found with, each once, in the order of the map; so that many tables cost no more than few."""

    def __init__(self) -> None:
        self.by: dict[str, dict[str, None]] = {}

    def add(self, key: str, name: str) -> None:
        """`name` is found with `key`."""
        self.by.setdefault(key, {})[name] = None

    def of(self, key: str) -> dict[str, None]:
        """The names that are found with it."""
        return self.by.get(key, {})


def _reached(table: NamedServer, hosts: _Index) -> Iterator[str]:
    for pattern in map(str.lower, table.hosts):
        for each in filter(partial(fnmatchcase, pat=pattern), hosts.by) if "*" in pattern else (pattern,):
            yield from hosts.of(each)


def host_of(address: str) -> str:
    """The host of `host:port` or `[::1]:5432`."""
    host, _, port = address.rpartition(":")
    return (host if host and port.isdigit() else address).strip("[]")


def _folder(config: Config, client: Client) -> str:
    return config.relative(client.package.path or ".")


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def check(config: Config, map_: Map) -> tuple[ToldTable, ...]:
    """As `matches`, for a map of all that the config file is about: of a part of it, a table may rightly match nothing.

    Raises:
        BadConfig: a table says something of a server or client that is not there, which a typing error does; with
            file, line and the nearest name. A table that is empty, or tells only where to look (`dsn_env`), says nothing.
    """
    told = matches(config, map_)
    nowhere = {(each.kind, each.name) for each in told if not each.matched}
    wrong: list[Complaint] = []
    options: list[Complaint] = []
    for server in config.server:
        if ("server", server.name) in nowhere and _says_something(server):
            hint = _near_server(server, map_) if len(wrong) < MOST_SHOWN else ""
            found = Complaint(("server", server.name), "matches no server of this project", hint)
            (options if server.source else wrong).append(found)
    for client in config.client:
        if ("client", client.name) in nowhere and client != NamedClient(name=client.name):
            hint = _near_client(client, config, map_) if len(wrong) < MOST_SHOWN else ""
            wrong.append(Complaint(("client", client.name), "matches no client of this project", hint))
    if wrong:
        text = file.read(config.path)[0] if config.path else ""
        raise checks.complain(wrong, checks.SettingsSource(config.path, text, file.base(config.path)))
    if options:
        raise BadConfig(f"--max {options[0].keys[-1]}=N: {options[0].what}", options[0].hint)
    return told


def check_whole(what: Sequence[str], config: Config, map_: Map) -> None:
    """`check`, where what was read is all that the config is about: its folder, or the folder of the project where options name servers.

    Raises:
        BadConfig: as `check`.
    """
    home = os.path.dirname(os.path.abspath(config.path)) if config.path else ""
    for each in what:
        if os.path.isdir(each) and (not home or os.path.realpath(each) == os.path.realpath(home)):
            check(config, map_)


def _says_something(server: NamedServer) -> bool:
    """Whether the table tells more than which variables to look with."""
    return server != NamedServer(name=server.name, dsn_env=server.dsn_env, bouncer_env=server.bouncer_env)


def _near_server(server: NamedServer, map_: Map) -> str:
    names = [each.name for each in map_.servers]
    addresses = [one for each in map_.servers for one in each.addresses]
    addresses += [one for each in map_.poolers for one in each.addresses]
    return _near((server.name, *server.hosts[:3]), names, map(host_of, addresses)) or _there("Servers", names)


def _near_client(client: NamedClient, config: Config, map_: Map) -> str:
    names = [each.name for each in map_.clients]
    folders = [_folder(config, each) for each in map_.clients]
    return _near((client.name,), names, map(_last, names), folders) or _there("Clients", names)


def _near(words: Iterable[str], *known: Iterable[str]) -> str:
    """`Did you mean x?` of the first word that is like a known one."""
    every = _shown(each for some in known for each in some)[:MOST_COMPARED]
    return next(filter(None, (did_you_mean(word, every) for word in words)), "")


def _there(what: str, names: Iterable[str]) -> str:
    every = _shown(names)
    more = f" and {len(every) - MOST_NAMED} more" if len(every) > MOST_NAMED else ""
    return f"{what} here: {', '.join(every[:MOST_NAMED]) or 'none'}{more}."


def _shown(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(clean(redact(each), limit=80) for each in names))
