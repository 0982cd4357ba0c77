"""Which servers and clients of the map the tables `[server.NAME]` and `[client."..."]` of the config are about."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from poolcheck.config import checks, file
from poolcheck.config.settings import Config, NamedClient, NamedServer
from poolcheck.config.tables import Complaint
from poolcheck.connection.secret import redact
from poolcheck.errors import BadConfig
from poolcheck.model.connection_map import Client, Map
from poolcheck.model.effective import ToldTable
from poolcheck.text import clean, did_you_mean

MOST_NAMED = 10  # servers or clients that a complaint lists


def matches(config: Config, map_: Map) -> tuple[ToldTable, ...]:
    """Each table with the names of what it matches, servers first, in the order of the file.

    A server is matched by its name, or by a host of its own or of a pooler before it; a pooler with no known server
    behind it stands for itself. A client is matched by its name, by the folder of its package (or one above); where
    neither is there, by the last part of its name.
    """
    reached = [(each.name, each.addresses) for each in map_.servers]
    reached += [(each.server or each.name, each.addresses) for each in map_.poolers]
    told = [
        ToldTable(kind="server", name=each.name, matched=_servers(each, reached)) for each in config.server
    ]
    clients = [(each, _folder(config, each)) for each in map_.clients]
    told += [
        ToldTable(kind="client", name=each.name, matched=_clients(each, clients)) for each in config.client
    ]
    return tuple(told)


def _servers(table: NamedServer, reached: Iterable[tuple[str, tuple[str, ...]]]) -> tuple[str, ...]:
    patterns = [each.lower() for each in table.hosts]
    found = [
        name
        for name, addresses in reached
        if name == table.name
        or any(fnmatchcase(host_of(each).lower(), pattern) for each in addresses for pattern in patterns)
    ]
    return tuple(dict.fromkeys(found))


def host_of(address: str) -> str:
    """The host of `host:port` or `[::1]:5432`."""
    host, _, port = address.rpartition(":")
    return (host if host and port.isdigit() else address).strip("[]")


def _clients(table: NamedClient, clients: Iterable[tuple[Client, str]]) -> tuple[str, ...]:
    folder = table.name.removeprefix("./").rstrip("/")
    found = [
        client.name
        for client, home in clients
        if client.name == table.name or (home + "/").startswith(folder + "/")
    ]
    return tuple(found or [each.name for each, _ in clients if _last(each.name) == table.name])


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
            found = Complaint(
                ("server", server.name), "matches no server of this project", _near_server(server, map_)
            )
            (options if server.source else wrong).append(found)
    for client in config.client:
        if ("client", client.name) in nowhere and client != NamedClient(name=client.name):
            hint = _near_client(client, config, map_)
            wrong.append(Complaint(("client", client.name), "matches no client of this project", hint))
    if wrong:
        text = file.read(config.path)[0] if config.path else ""
        raise checks.complain(wrong, checks.SettingsSource(config.path, text, file.base(config.path)))
    if options:
        raise BadConfig(f"--max {options[0].keys[-1]}=N: {options[0].what}", options[0].hint)
    return told


def _says_something(server: NamedServer) -> bool:
    """Whether the table tells more than which variables to look with."""
    return server != NamedServer(name=server.name, dsn_env=server.dsn_env, bouncer_env=server.bouncer_env)


def _near_server(server: NamedServer, map_: Map) -> str:
    names = [each.name for each in map_.servers]
    addresses = [one for each in map_.servers for one in each.addresses]
    addresses += [one for each in map_.poolers for one in each.addresses]
    return _near((server.name, *server.hosts), names, map(host_of, addresses)) or _there("Servers", names)


def _near_client(client: NamedClient, config: Config, map_: Map) -> str:
    names = [each.name for each in map_.clients]
    folders = [_folder(config, each) for each in map_.clients]
    return _near((client.name,), names, map(_last, names), folders) or _there("Clients", names)


def _near(words: Iterable[str], *known: Iterable[str]) -> str:
    """`Did you mean x?` of the first word that is like a known one."""
    every = _shown(each for some in known for each in some)
    return next(filter(None, (did_you_mean(word, every) for word in words)), "")


def _there(what: str, names: Iterable[str]) -> str:
    every = _shown(names)
    more = f" and {len(every) - MOST_NAMED} more" if len(every) > MOST_NAMED else ""
    return f"{what} here: {', '.join(every[:MOST_NAMED]) or 'none'}{more}."


def _shown(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(clean(redact(each), limit=80) for each in names))
