"""Read a connection string as people really write it, and note where readers would part ways.

URIs are split by hand: standard URL functions refuse placeholders and unescaped passwords.
Interpolations (`${X:-y}`, `<%= z %>`, ...) are blanked out first, so that what is in them splits nothing.
"""

import re
from dataclasses import replace

from poolcheck.connection import libpq
from poolcheck.connection.libpq import percent_decode
from poolcheck.connection.placeholder import TOGETHER, placeholder_kind, shield
from poolcheck.connection.read_keywords import Draft, check_control, read_dsn, read_npgsql
from poolcheck.connection.secret import (
    MASK,
    PARAMETER,
    QUERY,
    QUERY_MARK,
    Secret,
    host_unclear,
    is_secret_name,
    may_be_cut_short,
    stray_at,
    userinfo_end,
)
from poolcheck.connection.string import MAX_LENGTH, SCHEMES, ConnectionString, Span, Trouble
from poolcheck.connection.words import Form

_JDBC = r"(?i)((?:jdbc|r2dbc|vertx-reactive):(?:[a-z0-9-]+:){0,3}?(?:postgresql|postgres|pgsql)(?::[0-9][\w.-]*)?:)(//)?"


_NAME = re.compile(r"([^&=]{1,64})=")
_AMPERSAND = re.compile("&")
_ESCAPED = re.compile(rf"&amp;(?={PARAMETER})")
_BETWEEN = re.compile(rf"&amp;(?={PARAMETER})|&|{QUERY_MARK}")


def read(text: str, form: Form | None) -> ConnectionString:
    """Read `text`; see `core.url.parse`."""
    if len(text) > MAX_LENGTH:
        return _too_long(text, form or "uri")
    body = text.strip()
    if form is None:
        form = _form_of(body)
    if form in ("dsn", "parts"):
        return read_dsn(text)
    if form == "npgsql":
        php = re.match(r"\s*(pgsql):(?!//)", text)
        return read_npgsql(text, php.end() if php else 0, "pgsql" if php else "")
    return _UriReader(text, form).read()


def _form_of(body: str) -> Form:
    if _is_jdbc(body):
        return "jdbc"
    if re.match(r"[A-Za-z][\w+.:-]{0,60}:/", body):
        return "uri"
    if re.match(r"pgsql:\s*\w+\s*=", body):
        return "npgsql"
    named = re.match(r"([A-Za-z_][A-Za-z_ ]{0,40}?)\s*=", body)
    if named is None:
        return "uri"
    if named[1] in libpq.KEYWORDS and not re.search(r";\s*[A-Za-z_ ]{2,40}=", body):
        return "dsn"
    if ";" in body or named[1].lower() in ("host", "server", "data source"):
        return "npgsql"
    return "uri" if "://" in body else "dsn"


def _is_jdbc(body: str) -> bool:
    return body[:6].lower().startswith(("jdbc:", "r2dbc:", "vertx-")) and re.match(_JDBC, body) is not None


def _too_long(text: str, form: Form) -> ConnectionString:
    draft = Draft(text, form)
    draft.place("secret", 0, len(text))
    draft.trouble("too-long", f"longer than {MAX_LENGTH} characters: not read")
    return draft.finish()


class _UriReader:
    """One reading of one URI or JDBC URL."""

    def __init__(self, text: str, form: Form) -> None:
        self.raw = text
        self.shadow = shield(text)
        self.draft = Draft(text, form)
        self.end = len(text.rstrip())
        self.first = min(len(text) - len(text.lstrip()), self.end)  # where the scheme begins
        self.wrapped = False  # in other text, or without `://`: said once, and enough

    def read(self) -> ConnectionString:
        draft = self.draft
        start = self._scheme()
        if start is None:
            return draft.finish()
        first, rest = start, self.shadow[start : self.end]
        at = userinfo_end(rest)
        if at >= 0:
            self._userinfo(start, start + at)
            if host_unclear(rest, at) and ":" in rest[:at]:
                draft.place(
                    "secret",
                    start + rest.index(":") + 1,
                    self._find(QUERY, start + at),
                )
            start += at + 1
        cut = self._hosts(start, at >= 0)
        if cut < self.end and self.raw[cut] == "/":
            cut = self._database(cut + 1)
        if cut < self.end:
            if self.raw[cut] in "?&":
                self._query(cut + 1)
                stray, colon = stray_at(rest, at), re.split(r"[/?#@]", rest, maxsplit=1)[0].find(":")
                if stray >= 0 and colon >= 0:
                    draft.place("secret", first + colon + 1, first + stray)
            elif self.raw[cut] == "#":
                self._note_fragment(cut)
        draft.override()
        self._placeholders()
        self._general_troubles()
        result = draft.finish()
        if not self.wrapped and draft.scheme in ("postgres", "postgresql") and draft.dialect is None:
            return _compared(result)
        return result

    def _scheme(self) -> int | None:
        """Read the scheme; where the rest begins, or None when there is nothing more to read."""
        draft, raw = self.draft, self.raw
        lead = self.first
        if placeholder_kind(raw.strip()) is not None and "://" not in self.shadow:
            draft.placeholders["all"] = None
            draft.place("secret", lead, self.end)
            draft.trouble("unknown-scheme", "a placeholder stands for the whole connection string")
            return None
        jdbc = re.compile(_JDBC).match(raw, lead) if _is_jdbc(raw[lead:]) else None
        if jdbc:
            draft.form = "jdbc"
            draft.scheme = re.sub(r":[0-9][\w.-]*\Z", "", jdbc[1].lower()[:-1])
            draft.place("scheme", lead, jdbc.end(1) - 1)
            if jdbc[2]:
                return jdbc.end()
            self._jdbc_without_host(jdbc.end())
            return None
        found = re.compile(r"([A-Za-z][\w+.-]{0,60}):(/{0,2})").match(raw, lead)
        known = found is not None and found[1].lower().partition("+")[0] in SCHEMES
        if found is None or not (known or found[2] == "//"):
            inner = re.search(r"(?i)\b(?:postgres(?:ql)?(?:\+\w+)?|prisma(?:\+postgres)?)://", raw)
            if inner is None:
                draft.trouble("unknown-scheme", "no scheme such as postgresql:// at the start")
                return lead
            draft.trouble("unknown-scheme", "there is text before the scheme", Span(lead, inner.start()))
            self.wrapped, self.first = True, inner.start()
            quote = raw[inner.start() - 1]
            closing = raw.rfind(quote, inner.end()) if quote in "\"'`" else -1
            if closing >= 0:
                self.end = closing
            found = re.compile(r"([A-Za-z][\w+.-]*):(//)").match(raw, inner.start())
            if found is None:
                return lead
        name = found[1].lower()
        base, plus, dialect = name.partition("+")
        if plus and name != "prisma+postgres":
            name = base
            draft.dialect = dialect or None
        elif name in ("asyncpg", "psycopg", "psycopg2"):
            draft.dialect = name
        draft.scheme = name
        draft.place("scheme", *found.span(1))
        if name not in SCHEMES:
            draft.trouble("unknown-scheme", "the scheme is not one of PostgreSQL's", Span(*found.span(1)))
        elif found[2] != "//":
            self.wrapped = True
            draft.trouble("unknown-scheme", "the scheme must be followed by `://`", Span(*found.span(1)))
        return found.end()

    def _jdbc_without_host(self, start: int) -> None:
        """`jdbc:postgresql:db?x=y` and `jdbc:postgresql:/`."""
        name = start + (self.raw[start : start + 1] == "/")
        cut = self._database(name)
        if cut < self.end:
            self._query(cut + 1)
        self.draft.override()
        self._placeholders()

    def _userinfo(self, start: int, end: int) -> None:
        draft = self.draft
        draft.place("userinfo", start, end)
        colon = self.shadow.find(":", start, end)
        user_end = end if colon < 0 else colon
        draft.user = percent_decode(self.raw[start:user_end])
        draft.place("user", start, user_end)
        hidden = re.compile(r"%3[Aa]").search(self.raw, start, user_end)
        if hidden:
            draft.place("secret", hidden.start(), user_end)
        if colon >= 0:
            draft.password = percent_decode(self.raw[colon + 1 : end])
            draft.place("password", colon + 1, end)
            if end > colon + 1:
                draft.place("secret", colon + 1, end)
            if draft.form == "jdbc":
                draft.trouble(
                    "unescaped", "pgJDBC reads no user and password before the host: write ?user=&password="
                )
        for name, first, last in (("user", start, user_end), ("password", user_end + 1, end)):
            odd = [char for char in "@/#?" if char in self.shadow[first:last]]
            whole = placeholder_kind(self.raw[first:last], name) is not None
            if odd:
                listed = " ".join(f"`{char}`" for char in odd)
                escapes = " ".join(f"%{ord(char):02X}" for char in odd)
                draft.trouble(
                    "unescaped", f"the {name} holds an unescaped {listed}: write {escapes}", Span(first, last)
                )
            if not whole and re.search(r"[\[\]]", self.shadow[first:last]):
                draft.trouble(
                    "bracket",
                    f"the {name} holds a square bracket, which some readers refuse: write %5B or %5D",
                    Span(first, last),
                )

    def _hosts(self, start: int, has_userinfo: bool) -> int:
        """Read `host:port,host:port`; where it ends."""
        draft, shadow = self.draft, self.shadow
        bracketed = shadow.startswith("[", start)
        cut = self._find(r"[/?#]", start)
        if bracketed and 0 <= shadow.find("]", start) < self.end:
            cut = self._find(r"[/?#]", shadow.index("]", start))
        if (
            not has_userinfo
            and not bracketed
            and draft.form != "jdbc"
            and may_be_cut_short(shadow[start:cut], shadow[cut : self.end])
        ):
            return self._cut_short(start, cut)
        draft.place("hosts", start, cut)
        at = start
        while at <= cut:
            stop = shadow.find(",", at, cut)
            stop = cut if stop < 0 else stop
            self._host(at, stop, first=at == start)
            at = stop + 1
        if draft.names == [""] and draft.ports == [""]:
            draft.names, draft.ports = [], []
        return cut

    def _host(self, start: int, end: int, *, first: bool) -> None:
        draft, raw, shadow = self.draft, self.raw, self.shadow
        close = shadow.find("]", start, end)
        if shadow.startswith("[", start) and close >= 0:
            name_start, name_end, colon = start + 1, close, shadow.find(":", close, end)
            if re.match(r"[A-Za-z_]*[G-Zg-z_ -]", raw[name_start:name_end]):  # [HOST] is no address
                name_start, name_end = start, close + 1
            if not raw[name_start:name_end]:
                draft.trouble("bracket", "the IPv6 address in brackets is empty", Span(start, end))
            if (colon if colon >= 0 else end) > close + 1:
                name_end = colon if colon >= 0 else end
                if name_start > start:
                    name_start = start
                    draft.trouble("bracket", "text follows the bracket of an IPv6 address", Span(start, end))
        else:
            name_start, colon = start, shadow.find(":", start, end)
            if shadow.startswith("[", start):
                draft.trouble("bracket", "a square bracket is not closed", Span(start, end))
                colon = -1
            elif shadow.count(":", start, end) > 1:
                colon = shadow.rfind(":", start, end)
                draft.trouble("bracket", "an IPv6 address must stand in square brackets", Span(start, end))
            name_end = end if colon < 0 else colon
        draft.names.append(percent_decode(raw[name_start:name_end]))
        draft.ports.append("" if colon < 0 else percent_decode(raw[colon + 1 : end]))
        if first:
            draft.place("host", name_start, name_end)
            if colon >= 0:
                draft.place("port", colon + 1, end)

    def _cut_short(self, start: int, cut: int) -> int:
        """No `@`, and what follows the colon is no port: perhaps a password whose end is missing. Hide it."""
        draft = self.draft
        colon = self.shadow.find(":", start, cut)
        draft.names = [percent_decode(self.raw[start : colon if colon >= 0 else cut])]
        draft.place("host", start, colon if colon >= 0 else cut)
        end = self._find(QUERY, cut)
        if colon < 0:
            draft.place("secret", start, end)
            draft.trouble("bracket", "the host cannot be read", Span(start, cut))
            return end
        draft.ports = [MASK]
        draft.place("port", colon + 1, cut)
        draft.place("secret", colon + 1, end)
        draft.trouble(
            "bad-port", "the port is not a number; or `@` is missing after a password", Span(colon + 1, cut)
        )
        return end

    def _database(self, start: int) -> int:
        cut = self._find(rf"\?|&(?={PARAMETER})", start)
        self.draft.database = percent_decode(self.raw[start:cut])
        self.draft.place("database", start, cut)
        sharp = self.shadow.find("#", start, cut)
        if sharp >= 0:
            self._note_fragment(sharp)
        return cut

    def _query(self, start: int) -> None:
        draft, raw, shadow = self.draft, self.raw, self.shadow
        draft.place("query", start, self.end)
        at = start
        while at < self.end:
            named = _NAME.match(raw, at, self.end)
            hidden = named is not None and is_secret_name(percent_decode(named[1]))
            # in a password a `?` is a character like others
            between = (_AMPERSAND if hidden else _BETWEEN).search(shadow, at, self.end)
            stop = between.start() if between else self.end
            if between is not None and hidden:
                stop = self._value_end(stop)
            if stop > at:
                equals = shadow.find("=", at, stop)
                name_end = stop if equals < 0 else equals
                value = None if equals < 0 else Span(equals + 1, stop)
                name = percent_decode(raw[at:name_end])
                draft.add_param(
                    name, percent_decode(raw[equals + 1 : stop]) if value else "", Span(at, stop), value
                )
                if value is None and "@" in shadow[at:stop]:
                    draft.place("secret", at, stop)
            separator = _BETWEEN.match(shadow, stop, self.end)
            at = separator.end() if separator else stop + 1
        self._separators(start)
        sharp = shadow.find("#", start, self.end)
        if sharp >= 0:
            self._note_fragment(sharp)

    def _separators(self, start: int) -> None:
        """Parameters follow the first `?` and are joined by `&`; what was meant by other marks is read."""
        if self.raw[start - 1] == "&":
            said = "there is no `?` before the parameters, so that they are part of the database's name"
            self.draft.trouble("separator", said, Span(start - 1, start))
        elif second := re.compile(QUERY).search(self.shadow, start, self.end):
            said = "a second `?` in the query: parameters are joined by `&`"
            self.draft.trouble("separator", said, Span(second.start(), second.start() + 1))
        elif escaped := _ESCAPED.search(self.shadow, start, self.end):
            said = "`&amp;` is how HTML writes `&`: here it makes `amp;` part of the parameter's name"
            self.draft.trouble("separator", said, Span(*escaped.span()))

    def _value_end(self, stop: int) -> int:
        """Where a secret parameter ends: what has no name behind it is its other half. libpq refuses it."""
        while stop < self.end:
            end = self.shadow.find("&", stop + 1, self.end)
            end = self.end if end < 0 else end
            if end == stop + 1 or self.shadow.find("=", stop, end) >= 0:
                break
            stop = end
        return stop

    def _note_fragment(self, at: int) -> None:
        self.draft.trouble(
            "libpq-differs",
            "to libpq the `#` and what follows is data, to most URL readers a fragment that is cut off",
            Span(at, self.end),
        )

    def _find(self, pattern: str, start: int) -> int:
        found = re.compile(pattern).search(self.shadow, start, self.end)
        return found.start() if found else self.end

    def _placeholders(self) -> None:
        draft = self.draft
        spans = {name: self.raw[span.start : span.end] for name, span in draft.spans if name != "secret"}
        fields = {name: spans.get(name, "") for name in ("user", "password", "host", "port", "database")}
        for name, text in fields.items():
            draft.marks_placeholder(name, text)
        lower = {name: text.lower() for name, text in fields.items()}
        if lower["host"] == "host" or (lower["user"], lower["password"]) == ("johndoe", "randompassword"):
            for name, text in lower.items():
                if text in TOGETHER:
                    draft.placeholders[name] = None

    def _general_troubles(self) -> None:
        draft, raw, shadow = self.draft, self.raw, self.shadow
        for found in re.finditer(r"%(?![0-9A-Fa-f]{2})", shadow) if "%" in shadow else ():
            if not self._in_placeholder(found.start()):
                draft.trouble(
                    "bad-percent", "a `%` begins no escape such as %2F: write %25", Span(*found.span())
                )
                break
        if "%00" in shadow:
            draft.trouble("bad-percent", "%00 cannot be part of a value")
        around = not self.wrapped and (self.first > 0 or self.end < len(raw))
        if around or re.compile(r"\s").search(shadow, self.first, self.end):
            draft.trouble("whitespace", "white space in the text: write %20 inside, nothing around")
        check_control(draft)
        if draft.form == "uri" and draft.scheme and not draft.names and draft.user is not None:
            draft.trouble(
                "no-host", "no host after `@`: libpq takes its default, other readers refuse the text"
            )

    def _in_placeholder(self, at: int) -> bool:
        for name, span in self.draft.spans:
            if span.start <= at < span.end and name in self.draft.placeholders:
                return True
        return False


def _compared(result: ConnectionString) -> ConnectionString:
    """Add what libpq reads differently, or refuses; not what it merely does not know."""
    if not result.raw.startswith(("postgres://", "postgresql://")):
        if result.troubles:
            return result
        return _with_trouble(result, "libpq knows the scheme in lower case only")
    try:
        theirs = libpq.read_uri(result.raw)
    except libpq.NotRead as error:
        if result.troubles:  # said already, and more exactly
            return result
        return _with_trouble(result, f"libpq refuses this: {error}")
    words = result.libpq().items()
    ours = {name: value.reveal() if isinstance(value, Secret) else value for name, value in words}
    if len(result.hosts) > 1 and theirs.get("port") and "," not in theirs["port"]:
        theirs["port"] = ",".join([theirs["port"]] * len(result.hosts))
    for fields in (theirs, ours):
        if not fields.get("port", "").strip(","):
            fields["port"] = ""  # all of them empty: the default
    names = [
        name for name in sorted(ours.keys() | theirs.keys()) if ours.get(name, "") != theirs.get(name, "")
    ]
    if names:
        return _with_trouble(result, f"libpq reads something else as: {', '.join(names)}")
    return result


def _with_trouble(result: ConnectionString, message: str) -> ConnectionString:
    return replace(result, troubles=(*result.troubles, Trouble("libpq-differs", message)))
