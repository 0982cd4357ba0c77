"""Which provider and endpoint a connection string belongs to."""

from poolcheck.catalogue.lookup import PROVIDERS
from poolcheck.catalogue.shelf import pattern
from poolcheck.connection.string import ConnectionString, Host
from poolcheck.model.facts import Endpoint, Match

_OTHER_SCHEMES = frozenset({"", "postgis", "pgsql", "jdbc:pgsql", "cockroachdb", "timescaledb", "ecto"})


_LOCAL = (
    r"localhost|127(\.\d{1,3}){3}|0\.0\.0\.0|::1?|0:0:0:0:0:0:0:[01]"
    r"|10(\.\d{1,3}){3}|192\.168(\.\d{1,3}){2}|172\.(1[6-9]|2\d|3[01])(\.\d{1,3}){2}|169\.254(\.\d{1,3}){2}"
    r"|f[cd][0-9a-f]{2}:.*|fe[89ab][0-9a-f]:.*"  # unique-local and link-local IPv6
    r"|[a-z0-9_][a-z0-9_-]*"  # a service name of Compose or Kubernetes
    r"|.+\.(local|localhost|internal)|.+\.svc(\.cluster\.local)?"
)


# `fly mpg proxy` listens here by default, so this "local" server may be production: nothing is claimed about it.
# https://fly.io/docs/mpg/client-configuration/
_TUNNEL_PORTS = frozenset({16380})


def match(conn: ConnectionString) -> Match:
    """The provider and the endpoint that a connection string names, by its host and what else tells them apart.

    The provider alone when its host is recognised and the endpoint is not. `local` when no provider fits and the
    host is this machine, a socket, a bare service name or a private address. Several hosts must agree.
    """
    hosts = conn.hosts or tuple(
        Host(item.value) for item in conn.params if item.name == "host" and item.value
    )
    if "all" in conn.placeholders:
        return Match()
    if not hosts:
        unreadable = conn.troubles or conn.placeholders or not _is_postgres(conn.scheme)
        return Match() if unreadable else Match(local=True)  # libpq's own default: a socket, or localhost
    found = [_match_host(conn, host) for host in hosts]
    if all(other == found[0] for other in found):
        return found[0]
    same = all(other.provider is found[0].provider for other in found)
    return Match(provider=found[0].provider) if same else Match()


def _is_postgres(scheme: str) -> bool:
    return "postgres" in scheme.partition("+")[0] or scheme in _OTHER_SCHEMES


def _match_host(conn: ConnectionString, host: Host) -> Match:
    name = host.name.lower().rstrip(".")
    for stem in _candidates(name, conn.scheme):
        known = PROVIDERS.load(stem)
        possible = [end for end in known.endpoints if _host_fits(end, name, conn.scheme)]
        if possible:
            endpoint = next((end for end in possible if _rest_fits(end, conn, host)), None)
            return Match(provider=known, endpoint=endpoint)
    doubtful = "host" in conn.placeholders or host.port in _TUNNEL_PORTS
    local = (host.socket or pattern(_LOCAL).fullmatch(name) is not None) and _is_postgres(conn.scheme)
    return Match(local=local and not doubtful)


def _candidates(name: str, scheme: str) -> list[str]:
    """The files worth parsing: those with an ending or beginning of this host, or with a scheme of their own."""
    suffixes, prefixes = PROVIDERS.names("suffixes"), PROVIDERS.names("prefixes")
    own = f'"{scheme}"'.encode() if scheme.startswith("prisma") else None
    return [
        stem
        for stem, text in PROVIDERS.texts.items()
        if name.endswith(suffixes[stem]) or name.startswith(prefixes[stem]) or (own and own in text)
    ]


def _host_fits(endpoint: Endpoint, name: str, scheme: str) -> bool:
    if endpoint.schemes:
        if scheme not in endpoint.schemes:
            return False
    elif not _is_postgres(scheme):
        return False
    if endpoint.host and not pattern(endpoint.host).fullmatch(name):
        return False
    return not (endpoint.not_host and pattern(endpoint.not_host).fullmatch(name))


def _rest_fits(endpoint: Endpoint, conn: ConnectionString, host: Host) -> bool:
    if endpoint.ports:
        port = host.port if host.port is not None or host.port_text else 5432
        if port not in endpoint.ports and not (
            host.port is None and not host.port_text and 0 in endpoint.ports
        ):
            return False
    if endpoint.parameters and not any(f"{item.name}={item.value}" in endpoint.parameters for item in conn.params):  # fmt: skip
        return False
    texts = ((endpoint.user, conn.user), (endpoint.database, conn.database))
    return all(pattern(wanted).fullmatch(text or "") for wanted, text in texts if wanted)
