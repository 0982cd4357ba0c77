"""How libpq reads a URI, step by step as its `conninfo_uri_parse_options` does, and the words it knows.

Needed to say where libpq and other readers part ways, without loading libpq.
Source: src/interfaces/libpq/fe-connect.c of PostgreSQL 18; a test compares this with the real library.
"""

import re

# Every word of libpq 18.
KEYWORDS = frozenset({
    "service", "user", "password", "passfile", "channel_binding", "connect_timeout", "dbname", "host",
    "hostaddr", "port", "client_encoding", "options", "application_name", "fallback_application_name",
    "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
    "sslmode", "sslnegotiation", "sslcompression", "sslcert", "sslkey", "sslcertmode", "sslpassword",
    "sslrootcert", "sslcrl", "sslcrldir", "sslsni", "requirepeer", "require_auth",
    "ssl_min_protocol_version", "ssl_max_protocol_version", "gssencmode", "krbsrvname", "gsslib",
    "gssdelegation", "replication", "target_session_attrs", "load_balance_hosts",
    # since libpq 18:
    "min_protocol_version", "max_protocol_version", "scram_client_key", "scram_server_key", "oauth_issuer",
    "oauth_client_id", "oauth_client_secret", "oauth_scope", "sslkeylogfile",
})  # fmt: skip


def percent_decode(text: str) -> str:
    """`text` with its escapes decoded; bytes that are not UTF-8 become U+FFFD. (urllib costs 1.6 ms to load.)"""
    if "%" not in text:
        return text
    data = text.encode(errors="surrogatepass")
    data = re.sub(rb"%([0-9A-Fa-f]{2})", lambda found: bytes.fromhex(found[1].decode()), data)
    return data.decode(errors="replace")


class NotRead(Exception):
    """libpq refuses the text. The message says why, without the text."""


def read_uri(text: str) -> dict[str, str]:
    """The fields libpq takes from a `postgresql://` URI; a word it does not know is left out, not refused.

    Raises:
        NotRead: libpq refuses the URI.

    """
    rest = text.partition("://")[2].partition("\0")[0]
    fields: dict[str, str] = {}
    head = re.match(r"[^@/]*", rest)
    end = head.end() if head else 0
    if rest[end : end + 1] == "@":
        user, colon, password = rest[:end].partition(":")
        if user:
            fields["user"] = _decode(user)
        if colon and password:
            fields["password"] = _decode(password)
        rest = rest[end + 1 :]
    hosts, ports, rest = _read_hosts(rest)
    if any(hosts) or len(hosts) > 1:
        fields["host"] = _decode(",".join(hosts))
    if any(ports) or len(ports) > 1:
        fields["port"] = _decode(",".join(ports))
    if rest and not rest.startswith("?"):
        name, mark, query = rest[1:].partition("?")
        if name:
            fields["dbname"] = _decode(name)
        rest = mark + query
    _read_query(rest[1:], fields)
    return fields


def _read_hosts(rest: str) -> tuple[list[str], list[str], str]:
    hosts: list[str] = []
    ports: list[str] = []
    while True:
        if rest.startswith("["):
            end = rest.find("]")
            if end < 0:
                raise NotRead("the bracket of an IPv6 address is not closed")
            if end == 1:
                raise NotRead("the IPv6 address is empty")
            host, rest = rest[1:end], rest[end + 1 :]
            if rest and rest[0] not in ":/?,":
                raise NotRead("after an IPv6 address only a port, a path or a query may follow")
        else:
            host = re.split(r"[:/?,]", rest, maxsplit=1)[0]
            rest = rest[len(host) :]
        port = ""
        if rest.startswith(":"):
            port = re.split(r"[/?,]", rest[1:], maxsplit=1)[0]
            rest = rest[1 + len(port) :]
        hosts.append(host)
        ports.append(port)
        if not rest.startswith(","):
            return hosts, ports, rest
        rest = rest[1:]


def _read_query(query: str, fields: dict[str, str]) -> None:
    while query:
        pair, _, query = query.partition("&")
        name, equals, value = pair.partition("=")
        if not equals:
            raise NotRead("a query parameter has no value")
        if "=" in value:
            raise NotRead("the value of a query parameter holds an unescaped `=`")
        name, value = _decode(name), _decode(value)
        if name == "ssl" and value == "true":
            name, value = "sslmode", "require"
        elif name == "requiressl":
            name, value = "sslmode", "require" if value.startswith("1") else "prefer"
        if name in KEYWORDS:
            fields[name] = value


def _decode(text: str) -> str:
    """Percent-decode. Spaces around the text are dropped, as libpq 17 and later do."""
    text = text.strip(" ")
    if re.search(r"[ \t\n\v\f\r]", text):
        raise NotRead("white space must be written as %20")
    if re.search(r"%(?![0-9A-Fa-f]{2})", text):
        raise NotRead("a `%` that begins no escape must be written as %25")
    if "%00" in text:
        raise NotRead("%00 is not allowed")
    return percent_decode(text)
