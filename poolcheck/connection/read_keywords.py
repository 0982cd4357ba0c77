"""Connection strings of names and values: libpq's `host=x port=5432`, Npgsql's `Host=x;Port=5432`.

Also the table that says which names libpq knows, and under which word.
"""

import re

from poolcheck.connection.libpq import KEYWORDS
from poolcheck.connection.placeholder import placeholder_kind
from poolcheck.connection.secret import MASK, Secret, hides_secret, is_secret_name
from poolcheck.connection.string import ConnectionString, Host, Param, Span, Trouble, TroubleKind
from poolcheck.connection.words import Form, libpq_word

# A port as libpq's strtol takes it: spaces around, a plus sign, zeros before.
_PORT = r"[ \t\n\v\f\r]*\+?0*([0-9]{1,5})[ \t\n\v\f\r]*"


class Draft:
    """What is known so far while a text is read."""

    def __init__(self, raw: str, form: Form, scheme: str = "") -> None:
        self.raw = raw
        self.form: Form = form
        self.scheme = scheme
        self.dialect: str | None = None
        self.user: str | None = None
        self.password: str | None = None
        self.database: str | None = None
        self.names: list[str] = []  # of the hosts
        self.ports: list[str] = []  # as written, one for each host, or one for all
        self.params: list[Param] = []
        self.placeholders: dict[str, None] = {}
        self.troubles: list[Trouble] = []
        self.spans: list[tuple[str, Span]] = []

    def trouble(self, kind: TroubleKind, message: str, span: Span | None = None) -> None:
        """Note something that cannot be read. The message may not hold the text."""
        self.troubles.append(Trouble(kind, message, span))

    def place(self, name: str, start: int, end: int) -> None:
        """Note where a field stands; the last place of a field wins, "secret" may have many."""
        if name != "secret":
            self.spans = [item for item in self.spans if item[0] != name]
        self.spans.append((name, Span(start, end)))

    def marks_placeholder(self, name: str, text: str, kind_of: str = "") -> bool:
        """Note `name` as a placeholder if its text, as written, is one."""
        if placeholder_kind(text, kind_of or name) is None:
            return False
        self.placeholders[name] = None
        return True

    def add_param(self, name: str, value: str, span: Span, value_span: Span | None) -> None:
        """Add a parameter; hide its value when the name, or an `@` in the wrong place, says so."""
        self.params.append(Param(name, value, span, value_span))
        if value_span is None:
            return
        if hides_secret(name, value):
            whole = not is_secret_name(name)  # the name too may be a piece of a password
            self.place("secret", span.start if whole else value_span.start, value_span.end)
        self.marks_placeholder(f"param:{name}", self.raw[value_span.start : value_span.end], "password")

    def override(self) -> None:
        """Let parameters that name a field replace what was read elsewhere, as libpq does."""
        for param in self.params:
            known = libpq_word(self.form, param.name, param.value)
            if known is None or param.value_span is None:
                continue
            word, value = known
            span = param.value_span
            raw = self.raw[span.start : span.end]
            first = re.split(",|%2[Cc]", raw, maxsplit=1)[0]  # of several hosts or ports
            if word == "host":
                self.names = value.split(",") if value else []
                self.place("host", span.start, span.start + len(first))
            elif word == "port":
                self.ports = value.split(",") if value else []
                self.place("port", span.start, span.start + len(first))
            elif word == "user":
                self.user = value
                self.place("user", span.start, span.end)
            elif word == "password":
                self.password = value
                self.place("password", span.start, span.end)
            elif word == "dbname":
                self.database = value
                self.place("database", span.start, span.end)
            else:
                continue
            name = {"dbname": "database"}.get(word, word)
            self.placeholders.pop(name, None)
            self.placeholders.pop(f"param:{param.name}", None)
            self.marks_placeholder(name, raw)

    def finish(self) -> ConnectionString:
        """The frozen result."""
        return ConnectionString(
            raw=self.raw,
            form=self.form,
            scheme=self.scheme,
            dialect=self.dialect,
            hosts=self._hosts(),
            unmatched_ports=self._unmatched_ports(),
            user=self.user or None,
            password=None if self.password is None else Secret(self.password),
            database=self.database or None,
            params=tuple(self.params),
            placeholders=tuple(self.placeholders),
            troubles=tuple(self.troubles),
            spans=tuple(self.spans),
        )

    def _hosts(self) -> tuple[Host, ...]:
        names, ports = self.names, self.ports
        if not names and any(ports):
            names = [""]
        if len(ports) == 1:
            ports = ports * len(names)
        hosts: list[Host] = []
        for index, name in enumerate(names):
            text = ports[index] if index < len(ports) else ""
            hosts.append(Host(name, self._port(text), text))
        if len(hosts) == 1 and hosts[0] == Host(""):
            return ()
        return tuple(hosts)

    def _unmatched_ports(self) -> str:
        """The ports as written where they are neither one for all hosts nor one for each: libpq refuses them."""
        if len(self.ports) < 2 or len(self.ports) == max(len(self.names), 1):
            return ""
        named = max(len(self.names), 1)
        addresses = [param.value for param in self.params if param.name == "hostaddr"]
        servers = len(addresses[-1].split(",")) if any(addresses[-1:]) else named
        if len(self.ports) != servers:
            hosts = "1 host" if servers == 1 else f"{servers} hosts"
            self.trouble("bad-port", f"{len(self.ports)} ports for {hosts}", self._span("port"))
        else:
            for text in self.ports[named:]:  # of addresses without a name
                self._port(text)
        return ",".join(self.ports)

    def _port(self, text: str) -> int | None:
        if text in ("", MASK):
            return None
        number = re.fullmatch(_PORT, text)
        if number and 1 <= int(number[1]) <= 65535:
            return int(number[1])
        if "port" not in self.placeholders:
            self.trouble("bad-port", "the port is not a number from 1 to 65535", self._span("port"))
        return None

    def _span(self, name: str) -> Span | None:
        return next((span for key, span in self.spans if key == name), None)


_DSN_PAIR = r"(?s)[ \t\n\v\f\r]*([^= \t\n\v\f\r]*)[ \t\n\v\f\r]*(=?)[ \t\n\v\f\r]*('[^'\\]*+(?:\\.[^'\\]*+)*(?:'|\\?\Z)|[^ \t\n\v\f\r\\]*+(?:\\.[^ \t\n\v\f\r\\]*+)*\\?)"


def read_dsn(text: str) -> ConnectionString:
    """Read `host=x password='a b'` by libpq's quoting rules: backslash escapes everywhere, single quotes."""
    draft = Draft(text, "dsn")
    pair = re.compile(_DSN_PAIR)
    at = 0
    while True:
        found = pair.match(text, at)
        if found is None or found.end() == at or not found[0].strip():
            break
        name, equals, value = found.groups()
        at = found.end()
        if not equals:  # `host x`: what follows is read as the next word
            at = found.end(1)
            draft.trouble("libpq-differs", "a word stands without `=`", Span(*found.span(1)))
            draft.place("secret", *found.span(1))
            continue
        start, end = found.span(3)
        if value.startswith("'"):
            closed = len(value) > 1 and value.endswith("'") and not _escaped_end(value)
            if not closed:
                draft.trouble("unterminated", "a quoted value has no closing quote", Span(start, end))
            value = value[1:-1] if closed else value[1:]
            start, end = start + 1, end - 1 if closed else end
        if name not in KEYWORDS and not is_secret_name(name) and draft.params and draft.params[-1].secret:
            draft.place("secret", *found.span(1))  # a password with a space may go on here
            draft.place("secret", start, end)
        draft.add_param(name, _unescape(value), Span(found.start(1), at), Span(start, end))
    draft.override()
    check_control(draft)
    return draft.finish()


def _escaped_end(value: str) -> bool:
    body = value[1:-1]
    return (len(body) - len(body.rstrip("\\"))) % 2 == 1


def _unescape(value: str) -> str:
    return re.sub(r"\\(.?)", r"\1", value, flags=re.DOTALL) if "\\" in value else value


_NPGSQL_PAIR = r"""[\s;]*([^=;]*)(=?)\s*("[^"]*+(?:""[^"]*+)*"(?!")|'[^']*+(?:''[^']*+)*'(?!')|[^;]*)[^;]*"""


def read_npgsql(text: str, start: int = 0, scheme: str = "") -> ConnectionString:
    """Read `Host=x;Port=5432;Username=u`: ADO.NET's rules, also PDO's `pgsql:host=x;dbname=y`.

    Names ignore case and spaces; a value may stand in double or single quotes, which are doubled inside.
    """
    draft = Draft(text, "npgsql", scheme)
    pair = re.compile(_NPGSQL_PAIR)
    at = start
    while at < len(text):
        found = pair.match(text, at)
        if found is None or found.end() == at:
            break
        at = found.end()
        name, equals, value = found.groups()
        if not name.strip() and not equals:
            continue
        first, last = found.span(3)
        if not equals:
            draft.trouble("libpq-differs", "a word stands without `=`", Span(*found.span(1)))
            if draft.params and draft.params[-1].secret:
                draft.place("secret", *found.span(1))
            continue
        if value[:1] in ('"', "'") and len(value) > 1 and value[-1] == value[0]:
            value = value[1:-1].replace(value[0] * 2, value[0])
            first, last = first + 1, last - 1
        else:
            value = value.rstrip()
            last = first + len(value)
        if not name.strip() and draft.params and draft.params[-1].secret:
            draft.place("secret", found.start(), found.end())  # `Password=x;=y`: a password with `;=` in it
            continue
        if is_secret_name(name):
            draft.place("secret", first, found.end())
        draft.add_param(name.strip(), value, Span(found.start(1), max(last, found.end(3))), Span(first, last))
    draft.override()
    check_control(draft)
    return draft.finish()


def check_control(draft: Draft) -> None:
    """Note control characters and lone surrogates; tabs and line ends count as white space."""
    found = (
        None if draft.raw.isprintable() else re.search(r"[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]", draft.raw)
    )
    if found:
        draft.trouble("control", "a control character stands in the text", Span(*found.span()))
