"""What a connection string is given of this machine, and what a server may ask for: the only way to a connection.

Whoever wrote an env file that lies in a folder chose the host: the environment's password, a key or a ticket would go
there. So a string that the user did not name is taken as it stands, and libpq adds nothing to it. What it may say is a
list of what is allowed: a keyword that libpq learns tomorrow is left out until somebody has thought about it.
"""

import os
import re
from collections.abc import Mapping

from psycopg import pq

from poolcheck.connection.secret import Secret
from poolcheck.connection.string import DEFAULT_PORT, ConnectionString
from poolcheck.live.postgres import Link, NoConnection, Timeouts, connect
from poolcheck.model.snapshot import HostAnswer
from poolcheck.model.target import Target
from poolcheck.text import clean

Words = dict[str, str | Secret]

NOWHERE = os.path.join(os.devnull, "none")  # no such file; a device would make libpq warn on stderr
REQUIRES = 160000  # the libpq that has require_auth
# What a string that was found may say: where, as whom, and how carefully. No file, no ticket, no settings.
ALLOWED = frozenset({
    "user", "password", "dbname", "host", "hostaddr", "port", "client_encoding", "connect_timeout",
    "application_name", "fallback_application_name", "keepalives", "keepalives_idle", "keepalives_interval",
    "keepalives_count", "tcp_user_timeout", "target_session_attrs", "load_balance_hosts", "sslmode",
    "sslnegotiation", "sslcompression", "sslsni", "channel_binding", "requirepeer", "min_protocol_version",
    "max_protocol_version", "ssl_min_protocol_version", "ssl_max_protocol_version",
})  # fmt: skip
# What the environment may say to any string: how carefully to connect, and nothing about whom.
HARMLESS = frozenset({
    "sslmode", "sslnegotiation", "sslrootcert", "sslcrl", "sslcrldir", "sslsni", "channel_binding", "requirepeer",
    "min_protocol_version", "max_protocol_version", "ssl_min_protocol_version", "ssl_max_protocol_version",
    "application_name", "connect_timeout", "client_encoding",
})  # fmt: skip
# libpq would look for these by itself, in the user's home and among his tickets.
NOTHING_OF_HOME = {
    "passfile": NOWHERE,
    "sslcertmode": "disable",
    "gssencmode": "disable",
    "gssdelegation": "0",
}
ENCRYPTED = ("require", "verify-ca", "verify-full")
NO_CLEARTEXT = "!password"
FOUND_CLEARTEXT, FOUND = "password,scram-sha-256,md5,none", "scram-sha-256,md5,none"
_LOOPBACK = re.compile(r"127(?:\.(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])){3}|::1|localhost")


def dial(
    conn: ConnectionString,
    timeouts: Timeouts,
    *,
    trusted: bool,
    named: bool = True,
    password: Secret | None = None,
) -> Link:
    """Open a connection; `password` is one that the user typed for this very server.

    Of several hosts one after the other is tried, as libpq does, so that each one's answer is known.

    Where the server asks for the password in the clear and TLS was possible but not certain, it is tried with TLS.

    Raises:
        NoConnection: with the other side's own text.
    """
    words = words_of(conn, trusted=trusted)
    if password is not None:
        words["password"] = password
    each = one_by_one(words)
    if len(each) == 1:
        return _dial(words, timeouts, trusted=trusted, named=named)
    answers: list[HostAnswer] = []
    wanted = False
    for one in each:
        try:
            link = _dial(one, timeouts, trusted=trusted, named=named)
        except NoConnection as refused:
            answers.append(HostAnswer(_where(one), refused.text))
            wanted = wanted or refused.password
        else:
            link.passed_over = tuple(answers)
            return link
    said = "\n".join(f"{answer.where}: {answer.text}" for answer in answers)
    raise NoConnection(said, password=wanted, answers=tuple(answers))


def one_by_one(words: Words) -> list[Words]:
    """The keywords for each host of a list alone; as they are for one host, and where the lists do not fit together."""
    lists = {word: str(words[word]).split(",") for word in ("host", "hostaddr", "port") if word in words}
    count = max((len(lists[word]) for word in ("host", "hostaddr") if word in lists), default=1)
    if count == 1 or any(
        len(values) not in ((1, count) if word == "port" else (count,)) for word, values in lists.items()
    ):
        return [words]
    return [
        {**words, **{word: values[at if len(values) > 1 else 0] for word, values in lists.items()}}
        for at in range(count)
    ]


def _where(words: Words) -> str:
    host = clean(str(words.get("host") or words.get("hostaddr") or "the local socket"), limit=80)
    return f"{host}:{words.get('port') or DEFAULT_PORT}"


def _dial(words: Words, timeouts: Timeouts, *, trusted: bool, named: bool) -> Link:
    try:
        return connect(words, timeouts, named=named)
    except NoConnection as refused:
        ours = words.get("require_auth")
        if ours not in (NO_CLEARTEXT, FOUND) or f'"{ours}"' not in refused.text:
            raise
        last = refused
    if words["sslmode"] != "disable":
        again = {word: value for word, value in words.items() if word != "require_auth"}
        again |= (
            {"sslmode": "require"} if trusted else {"sslmode": "require", "require_auth": FOUND_CLEARTEXT}
        )
        try:
            return connect(again, timeouts, named=named)
        except NoConnection as refused:
            last = refused
    raise NoConnection(f"{last.text}\n{IN_THE_CLEAR}", password=last.password)


IN_THE_CLEAR = (
    "The server wants the password in the clear, and gets none so without TLS: use TLS, or write require_auth=password"
    " into a string that you name."
)


def words_of(conn: ConnectionString, *, trusted: bool) -> Words:
    """The keywords for libpq of a string: as it is for one that the user named, alone for one that was found."""
    words = conn.libpq()
    if not trusted:
        return _alone(words)
    if pq.version() < REQUIRES or "service" in words or os.environ.get("PGSERVICE"):
        return words  # a service file says where to, and how
    seen = {word: words.get(word) or os.environ.get(variable, "") for word, variable in SAID.items()}
    seen["sslmode"] = _sslmode(words)
    if not (seen["require_auth"] or _encrypted(seen) or on_loopback(seen)):
        words |= {"require_auth": NO_CLEARTEXT, "sslmode": seen["sslmode"]}
    return words


SAID = {"host": "PGHOST", "hostaddr": "PGHOSTADDR", "require_auth": "PGREQUIREAUTH"}


def _sslmode(words: Words) -> str | Secret:
    """The one that will hold, of the string, the environment or libpq itself."""
    roots = words.get("sslrootcert") or os.environ.get("PGSSLROOTCERT")
    usual = "verify-full" if roots == "system" else "prefer"
    return words.get("sslmode") or os.environ.get("PGSSLMODE") or usual


def _alone(words: Words) -> Words:
    """The allowed words, and for all others what is there without this machine's environment and home."""
    kept: Words = {word: value for word, value in words.items() if _allowed(word, value)}
    kept["sslmode"] = _sslmode(kept)
    for word, (name, usual) in _environment().items():
        if name and word not in HARMLESS and word != "service":
            kept.setdefault(word, NOTHING_OF_HOME.get(word, usual))
    safe = _encrypted(kept) or on_loopback(kept)
    if pq.version() >= REQUIRES:
        kept["require_auth"] = FOUND_CLEARTEXT if safe else FOUND
    elif not safe:
        kept["sslmode"] = "require"
    return kept


def _allowed(word: str, value: str | Secret) -> bool:
    return word in ALLOWED or (word == "sslrootcert" and value == "system")  # the system's roots are no file


def _environment() -> dict[str, tuple[str, str]]:
    """The keywords of libpq, with the variable that it reads for each, or "", and what it takes without one."""
    return {
        option.keyword.decode(): ((option.envvar or b"").decode(), (option.compiled or b"").decode())
        for option in pq.Conninfo.get_defaults()
    }


def _encrypted(words: Mapping[str, str | Secret]) -> bool:
    """Whether there is TLS or no connection."""
    return words["sslmode"] in ENCRYPTED


def on_loopback(words: Mapping[str, str | Secret]) -> bool:
    """Whether every host is this machine by its very name: an address, a socket, `localhost`. `hostaddr` is what is dialled."""
    hosts, addresses = (str(words.get(word, "")).split(",") for word in ("host", "hostaddr"))
    count = max(len(hosts), len(addresses))
    hosts += [""] * (count - len(hosts))
    addresses += [""] * (count - len(addresses))
    return all(_own(address or host) for host, address in zip(hosts, addresses, strict=True))


def _own(host: str) -> bool:
    return not host or host.startswith(("/", "@")) or _LOOPBACK.fullmatch(host.lower()) is not None


def left_out(target: Target) -> str:
    """The sentence about what a string that was found did not get; "" when there was nothing."""
    if target.trusted:
        return ""
    words = target.conn.libpq()
    kept = {word for word, value in words.items() if _allowed(word, value)}
    names = [word for word in words if word not in kept]
    for word, (variable, _) in _environment().items():
        if variable and word not in HARMLESS | kept and os.environ.get(variable):
            names.append(variable)
    for path, word in (("~/.pgpass", "password"), ("~/.postgresql/postgresql.crt", "sslcert")):
        if word not in kept and os.path.exists(os.path.expanduser(path)):
            names.append(path)
    if not names:
        return ""
    file = clean(target.location.path)
    why = f"{file} was found, not named" if file else "it did not come from the user"
    how = f"--env-file {file} allows them" if file else "a string in the environment may have them"
    return f"Not used for {clean(target.name, limit=80)}, because {why}: {', '.join(dict.fromkeys(names))}. {how[0].upper()}{how[1:]}."
