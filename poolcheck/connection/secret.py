"""Secrets cannot be printed: `Secret` hides itself, `redact` cleans any text.

Everything that leaves poolcheck (message, excerpt, diff, JSON, traceback) goes through `redact` or is built
from parts that never were secret. Written against libpq's habit of echoing the whole URL in its errors.
Where it is unclear whether something is a password, it is masked.
"""

import re
from collections.abc import Iterator, Sequence

from poolcheck.connection.libpq import percent_decode

MASK = "***"


class Secret:
    """A password. `str`, `repr` and format give `***`; only `reveal` gives the text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself: for connecting, and for `fix --write`."""
        return self._text

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __reduce__(self) -> str:
        raise TypeError("a Secret cannot be pickled")


# Names whose values are masked wherever they stand: query, keyword DSN, JSON, YAML, environment.
_SECRET_NAMES = frozenset(
    {
        "pass",
        "pwd",
        "psw",
        "pw",
        "passwd",
        "passphrase",
        "scram_client_key",
        "scram_server_key",
        "authorization",
    }
)
_PREFIXED = r"(?:db|pg|my|sql|user|admin|root|postgres)(?:pass|pwd|pw)"  # DBPASS, pgPass
_NO_SECRETS = (
    "encryption",
    "_file",
    "file",
    "_path",
    "_required",
    "_length",
    "_field",
)  # password_encryption
_SECRET_PARTS = ("password", "passwd", "secret", "token", "api_key", "apikey", "api-key", "private_key", "passphrase")  # fmt: skip


def is_secret_name(name: str) -> bool:
    """Whether a parameter or variable of this name holds a secret: `sslpassword`, `api_key`, `PGPASSWORD`."""
    lower = "".join(name.split()).lower()  # a line may end inside the name
    return not lower.endswith(_NO_SECRETS) and (
        lower in _SECRET_NAMES
        or re.compile(_PREFIXED).fullmatch(lower) is not None
        or any(part in lower for part in _SECRET_PARTS)
        or lower.endswith(("_pass", "_pwd", "_pw"))
    )


def holds_no_password(authority: str) -> bool:
    """Whether the text between `://` and the next `/`, `?` or `#` can be a list of hosts with ports.

    If not, and no `@` stands in it, what follows its colon may be a password cut short.
    """
    return re.fullmatch(_HOSTS, authority) is not None


def may_be_cut_short(authority: str, rest: str) -> bool:
    """Whether what follows the colon of an authority without `@` may be the beginning of a password.

    `rest` is the text behind the authority. An empty port goes with a path or parameters, not with `?x` or `#x`.
    """
    empty_port = authority.endswith(":") and rest.startswith(("?", "#")) and _query_start(rest, 0) != 0
    return empty_port or not holds_no_password(authority)


# No text is a port in two ways: in a list of hosts the ways would multiply.
_PORT = r"(?::(?:\d{0,5}|\x01+|(?=[A-Z_]{0,60}PORT)(?:_?[A-Z][A-Z_]{0,120}|__[A-Z_]{0,120}[A-Z]_?)|[a-z_]{0,60}port|__[A-Za-z_]*__|\$[A-Za-z_]\w*|%\w+%|\{\w+\}|\[[A-Za-z_ -]+\]|\*+|\.+))?"
_HOSTS = rf"(?:\[[^\]\[]*\]|[^:,\[\]@]*){_PORT}(?:,(?:\[[^\]\[]*\]|[^:,\[\]@]*){_PORT})*"


def userinfo_end(rest: str) -> int:
    """Where the `@` stands that ends `user:password` in the text after `scheme://`; -1 when there is none.

    That is the last `@` before the query, also when unescaped `@ / # ?` stand in the password:
    a database name with an `@` is rarer than a password with a slash.
    A `?` begins the query only when a name and `=` follow.
    """
    first = rest.find("@")
    if first < 0:
        return -1
    query = _query_start(rest, 0)
    if 0 <= query < first:
        head = re.split(r"[/?#]", rest[:query], maxsplit=1)[0]
        in_value = "=" in rest[max(query, rest.rfind("&", 0, first)) : first]
        if in_value and holds_no_password(head) and not head.endswith(":"):
            return -1
        query = _query_start(rest, first)
    return rest.rfind("@", 0, query if query >= 0 else len(rest))


def host_unclear(rest: str, at: int) -> bool:
    """Whether what stands behind the `@` that ends the userinfo may be the password's end: `x@@end`, `x@#end`, `x@?end`."""
    after = rest[at + 1 : at + 2]
    return rest[at - 1 : at] == "@" or after == "#" or (after == "?" and _query_start(rest, at) != at + 1)


def stray_at(rest: str, at: int) -> int:
    """The last `@` of the query behind `at` that stands in a value which should hold none; -1 when there is none.

    It may still belong to the password: `u:p@ss?w=x@host`, `u:1?w=x@host`. Reading cannot know; masking hides
    all up to there.
    """
    start = _query_start(rest, max(at, 0))
    if start < 0 or "@" not in rest[start:]:
        return -1
    last, end = -1, start + 1
    for pair in rest[start + 1 :].split("&"):
        name, _, value = pair.partition("=")
        if "@" in name or ("@" in value and hides_secret(name, value) and not is_secret_name(name)):
            last = end + pair.rfind("@")
        end += len(pair) + 1
    return last


PARAMETER = r"[A-Za-z_][\w.-]{0,63}="
QUERY = rf"\?{PARAMETER}"  # a `?` in a password begins none
QUERY_MARK = rf"\?+(?={PARAMETER})"


def _query_start(text: str, start: int) -> int:
    found = re.compile(QUERY).search(text, start)
    return found.start() if found else -1


_ORDINARY_WORD = r"[A-Za-z]?[a-z]{0,11}|[A-Z]{0,12}|.{0,5}"


def mask_elsewhere(text: str, *secrets: Secret | None) -> str:
    """Mask known secrets wherever they stand: where a server or a fix has moved them out of their own place.

    Not those that are a short or an ordinary word (`postgres`, `app`, `Prod`): they would take the scheme, the user
    and half of a sentence with them, and hide nothing.
    """
    for word in sorted({each.reveal() for each in secrets if each}, key=len, reverse=True):
        if not re.fullmatch(_ORDINARY_WORD, word, re.DOTALL):
            text = text.replace(word, MASK)
    return text


MOST_PASSES = 4


def redact(text: str, *, setting: bool = False) -> str:
    """Mask every password in `text`: log lines, driver errors, JSON, YAML, env lines, SQL, broken URLs.

    Linear in the length of the text, and idempotent. Placeholders are masked too.
    """
    if "\n" in text:
        lines = text.split("\n")
        for number in hidden_lines(lines):
            lines[number] = hidden(lines[number])
        text = "\n".join(lines)
    for _ in range(MOST_PASSES):
        made = _redact_once(text, setting=setting)
        if made == text:
            break
        text = made  # a mask can uncover another secret: what stood before it now ends elsewhere
    return text


def _redact_once(text: str, *, setting: bool) -> str:
    if "@" in text or ":/" in text or ":\\" in text or "%" in text:
        text = _redact_urls(text)
        text = _redact_bare(text)
    return _redact_echoes(_redact_keys(_redact_named(text, setting=setting)))


# -- URLs ----------------------------------------------------------------------------------------------------

_SLASHES = r":(?:\\{0,4}/){2}"
_NEXT_URL = (
    r"(?i)(?<![a-z0-9])(?:(?:postgres(?:ql)?|prisma|mysql|mariadb|mongodb|rediss?|amqps?|https?|wss?)(?:\+[a-z0-9]{1,20})?"
    rf"|jdbc:[a-z]{{1,20}}){_SLASHES}"
)
_MAY_HOLD_AT = frozenset({"host", "user", "hostaddr", "options", "application_name", "email"})


def hides_secret(name: str, value: str) -> bool:
    """Whether a parameter is to be masked: by its name, or for an `@` that may be what is left of a password."""
    at = "@" in value and (name.lower() not in _MAY_HOLD_AT or "://" in value)
    return at or is_secret_name(name)


def _redact_urls(text: str) -> str:
    """Mask the passwords of `scheme://user:password@`, of truncated ones, and stray `@` values in queries."""
    from poolcheck.connection.placeholder import shield  # noqa: PLC0415 - only when there is a URL

    anchor = re.compile(_SLASHES)
    parts: list[str] = []
    done = 0
    space = -1  # the next white space: looked for once, not once for each URL
    while (found := anchor.search(text, done)) is not None:
        start = found.end()
        if space < start:
            white = re.compile(r"\s").search(text, start)
            space = white.start() if white else len(text)
        end = _url_end(text, found.start(), start, space)
        chunk = text[start:end]
        shadow = shield(chunk)
        at = userinfo_end(shadow)
        parts.append(text[done:start])
        done = end
        if ":" in re.split(r"[/?#@]", shadow, maxsplit=1)[0]:
            at = max(at, stray_at(shadow, at))
        if at >= 0:
            masked = _mask_userinfo(chunk[:at])
            if masked.endswith(MASK) and host_unclear(shadow, at):
                query = _query_start(shadow, at)
                at = query if query >= 0 else len(chunk)
            parts += (masked, _mask_query(chunk[at:]))
            cut = _cut_name(text, chunk[at:], end)
            if cut:
                parts += (text[end : cut[0]], MASK)
                done = cut[1]
            continue
        later = _spaced_user(text, start, end)
        if later:
            parts += (text[start : later[0]], MASK)
            done = later[1]
            continue
        cut = _cut_name(text, chunk, end)
        if cut:
            parts += (_mask_query(chunk), text[end : cut[0]], MASK)
            done = cut[1]
            continue
        host = re.split(r"[/?#\\]", shadow, maxsplit=1)[0]
        colon = host.find(":")
        rest = shadow[len(host) :]
        bare = host if rest.startswith(("?", "#")) else host.rstrip(".,;:!)]}>'\"`")
        broken = (
            host.endswith(":") and not rest and _last_at(text, end + 1) >= 0 and text.startswith("\n", end)
        )
        if colon < 0 or not (broken or may_be_cut_short(bare, rest)):
            parts.append(_mask_query(chunk))
            continue
        # Cut short, or with white space inside: hide up to an `@` further on the line, or to the query.
        further = _last_at(text, end + text.startswith("\n", end))  # a line may end inside the password
        query = _query_start(shadow, 0)
        parts += (chunk[: colon + 1], MASK)
        if further >= 0:
            done = further
        elif query >= 0:
            parts.append(_mask_query(chunk[query:]))
    parts.append(text[done:])
    return "".join(parts)


def _last_at(text: str, start: int) -> int:
    """The last `@` of the line's next 300 characters, before another URL; -1 when there is none."""
    line = text[start : start + 300].partition("\n")[0]
    other = re.search(_NEXT_URL, line) if "@" in line else None
    at = line.rfind("@", 0, other.start() if other else len(line))
    return start + at if at >= 0 else -1


def _spaced_user(text: str, start: int, end: int) -> tuple[int, int] | None:
    """The password behind a user with spaces, `user name:password@`: the URL seems to end at the first space."""
    if not re.compile(r"[^:/?#@]+").fullmatch(text, start, end):
        return None
    found = re.compile(r"(?:[ \t]{1,3}[^\s:/?#@]{1,60}){1,3}:(?=[^\s/])").match(text, end)
    at = _last_at(text, found.end()) if found else -1
    return (found.end(), at) if found and at >= 0 else None


def _cut_name(text: str, chunk: str, end: int) -> tuple[int, int] | None:
    """The value of a secret parameter whose name a line end has cut in two, `?pa` and `ssword=x`."""
    first = re.search(r"[?&](\w{0,40})\Z", chunk[-42:])
    second = re.compile(r"\s{1,40}(\w{1,40})=([^\s&\"']{1,500})").match(text, end) if first else None
    if first is None or second is None or not is_secret_name(first[1] + second[1]):
        return None
    return second.span(2)


def _url_end(text: str, scheme_end: int, start: int, space: int) -> int:
    """Where the URL ends whose `://` ends at `start`: its closing quote, white space, or the next URL."""
    scheme = re.search(r"[\w+.:-]{0,60}\Z", text[max(0, scheme_end - 60) : scheme_end])
    first = scheme_end - len(scheme[0] if scheme else "")
    quote = text[first - 1] if first else ""
    end = space
    if quote and quote in "\"'`":
        closing = re.compile(rf"\\?{quote}(?=[\s,;:)\]}}>\\+]|\Z)|\n")
        closed = closing.search(text, start, start + 2000)
        if closed and closed[0] != "\n":
            end = closed.start()
    at = start
    if text.find(":/", start, end) < 0 and text.find(":\\", start, end) < 0:
        return end  # no other URL, and no pattern to compile
    while (other := re.compile(_NEXT_URL).search(text, at, end)) is not None:
        before = text[start : other.start()]
        if "@" in before or ":" not in before:
            return other.start()
        at = other.end()
    return end


def _mask_userinfo(userinfo: str) -> str:
    found = re.search(r":|%3[Aa]", userinfo)
    if found is None or found.end() == len(userinfo):
        return userinfo
    return userinfo[: found.end()] + MASK


def _mask_query(rest: str) -> str:
    """Mask what holds an `@` in the query where none belongs, name and all: either may be part of a password."""
    cut = rest.find("?")
    if cut < 0 or ("@" not in rest[cut:] and "%" not in rest[cut:]):
        return rest
    pairs = rest[cut + 1 :].split("&")
    for index, pair in enumerate(pairs):
        name, equals, value = pair.partition("=")
        if "%" in name and value and is_secret_name(percent_decode(name)):
            pairs[index] = f"{name}={MASK}"
        if "@" in pair and (not equals or hides_secret(name, value)):
            pairs[index] = f"{name}={MASK}" if is_secret_name(name) else MASK
    return rest[: cut + 1] + "&".join(pairs)


_NO_USER = frozenset(
    {"mailto", "npm", "sip", "sips", "xmpp", "acct", "workspace", "file", "http", "https", "git"}
)


def _redact_bare(text: str) -> str:
    """Mask `user:password@host` without a scheme, and URLs that are percent-encoded as a whole."""
    if "%" in text:
        text = re.sub(
            r"(?i)(%(?:25){0,3}3A(?:%(?:25){0,3}2F){2}[^%\s]{0,100}%(?:25){0,3}3A)[^\s&]{0,400}(%(?:25){0,3}40)",
            rf"\1{MASK}\2",
            text,
        )
    if "@" not in text:
        return text
    return re.sub(r"[^\s\"'`]+", _mask_bare, text)


def _mask_bare(found: re.Match[str]) -> str:
    token = found[0]
    at = token.rfind("@")
    colon = token.find(":", 0, at)
    if at < 0 or colon < 0 or re.search(_SLASHES, token) or token[colon + 1] in ":@":
        return token
    user = re.search(r"[\w.%+~$-]{1,64}\Z", token[max(0, colon - 64) : colon])
    if user is None or user[0].lower() in _NO_USER or token.startswith("sha256:", at + 1):
        return token
    if not re.match(r"[\w\[*$<{%(]", token[at + 1 : at + 2]):
        return token
    return token[: colon + 1] + MASK + token[at:]


# -- names and values ------------------------------------------------------------------------------------------

# Compiled when first used: `lint` of a clean file never needs them.
_WORDS = (
    "pass",
    "secret",
    "token",
    "key",
    "pwd",
    "psw",
    "pw",
    "authorization",
)  # one stands in what _NAME finds
_NAME = r"""(?ix)
    (?: password | passwd | passphrase | secret | token | api[_-]?key | private[_-]?key | scram_(?:client|server)_key
      | authorization | (?<![a-z])(?:db|pg|my|sql|user|admin|root|postgres)?(?:pwd|psw|pass|pw)(?![a-z]) )
    [\w-]{0,40}
    (?: (?P<close>\\{0,4}["'`]?\]?) \s{0,8} (?P<sep>=>|:=|!?={1,3}|:(?!:)) [ \t]{0,8}
      | (?P<pair>["'`]?\s{0,8}[,{]?\s{0,40}["']?(?:value|default)["']?\s{0,8}[:=]\s{0,8})
      | (?P<call>(?:["'`]\s{0,8},|\()\s{0,8}(?:default\s{0,4}=\s{0,4})?) (?=[bru@]{0,2}["'`])
      | (?P<tag>["']?>) (?=\S[^\n]{0,500}?</[\w:.-]{1,60}>)
      | (?P<space>(?:\s|/\*[^*]{0,80}\*/|--[^\n]{0,80}\n){1,8}) (?=[EeUu]?&?'|\$\w{0,40}\$|""|\\{1,4}["'])
      | (?P<option>[ \t]{1,8}) (?=[^\s'-]) )
    """
# What stands before a name whose value follows behind nothing but a space, and a name with a value in double quotes.
_SPACED = r"(?i)(?:--[\w-]{0,30}|(?:\bENV|\bsetx|\bset[ \t]{1,4}-\w{1,3})[ \t]{1,4}\w{0,30})\Z"
_QUOTED_NAME = r"(?i)pass(?:w|phrase)"
_FALLBACK = r"(?:\?\?|\|\||\?:|\bor\b|[,{])[ \t]{0,8}(?=[\"'`])"
_ORDINARY = r"""(?ix)
    (?: null | none | nil | undefined | true | false | str | string | process\.env | import\.meta\.env | os\.environ | os\.getenv | getenv | deno\.env | bun\.env | env
    )(?![-_@\w])"""
_PROSE = r"""(?ix)
    (?: required | optional | text | boolean | bool | missing | invalid | wrong | empty | unset | not | the | an? | is
      | must | may | can | see | any | varchar )(?=\s|[,.;)]?\Z|[,.;)]\s)"""
_LIBPQ_NAME = (  # and PgBouncer's, of a line below [databases]
    r"(?:host|hostaddr|port|user|dbname|sslmode|options|application_name|connect_timeout|auth_user|pool_size|min_pool_size"
    r"|reserve_pool(?:_size)?|connect_query|pool_mode|max_db_connections|timezone|datestyle|client_encoding)"
)
_LIBPQ_NEXT = rf"(?:[ \t]{{1,8}}[^\s=]{{1,100}}){{1,6}}(?=[ \t]{{1,8}}{_LIBPQ_NAME}\s{{0,4}}=)"
_CLOSES = r"(?=[\s,;:)\]}>\\+.&]|\Z)"  # what may stand after a closing quote


def _redact_named(text: str, *, setting: bool) -> str:
    """Mask the values of `password=`, `"api_key": `, `PGPASSWORD=`, `--token x`, `PASSWORD 'x'` and their kin."""
    folded = text.casefold()  # as re.IGNORECASE sees it
    if not any(word in folded for word in _WORDS):
        return text
    parts: list[str] = []
    done = 0
    pattern = re.compile(_NAME)
    while (found := pattern.search(text, done)) is not None:
        parts.append(text[done : found.end()])
        done = found.end()
        if not _names_secret(found):
            continue
        before = text[max(0, found.start() - 40) : found.start()]
        quoted = text.startswith('"', done) and re.compile(_QUOTED_NAME).match(found[0]) is not None
        if found["option"] is not None and not quoted and not re.compile(_SPACED).search(before):
            continue
        if (
            found["call"] is not None
            and "(" not in found["call"]
            and not re.search(r"\(\s*[\"'`][\w.-]*\Z", before)
        ):
            continue
        start, end = _value(text, found, setting=setting)
        while end > start:
            parts += (text[done:start], MASK)
            done = end
            start, end = _further(text, start, end)
    parts.append(text[done:])
    return "".join(parts)


def _names_secret(found: re.Match[str]) -> bool:
    """Whether what `_NAME` finds begins with the name of a secret: not `password_file`."""
    return is_secret_name(re.split(r"[^\w-]", found[0], maxsplit=1)[0])


def _further(text: str, start: int, end: int) -> tuple[int, int]:
    """The literal that is put together with the one that ends there: `'a' 'b'`, `"a" + "b"`; empty when there is none."""
    quote = text[start - 1] if start else ""
    if quote not in "\"'" or not text.startswith(quote, end):
        return end, end
    next_to = re.compile(
        rf"{quote}\s{{0,40}}[+&.\\]?\s{{0,40}}([bru@]{{0,2}}{quote})([^{quote}\n]{{1,500}}){quote}(?!\s{{0,4}}[:=])"
    )
    found = next_to.match(text, end)
    return found.span(2) if found and found.start(1) > end + 1 else (end, end)


def _value(text: str, name: re.Match[str], *, setting: bool) -> tuple[int, int]:
    """The stretch of the value after a name and its separator; empty when it is no secret.

    In a setting no word is prose: `password: the dog` is a password.
    """
    start = name.end()
    if name["tag"] is not None:
        closing = re.compile(r"</[\w:.-]{1,60}>").search(text, start)
        return start, closing.start() if closing else len(text)
    dollar = re.compile(r"\$\w{0,40}\$").match(text, start) if name["space"] else None
    if dollar:
        end = text.find(dollar[0], dollar.end())
        return dollar.end(), end if end >= 0 else len(text)
    opening = re.compile(r"(?:[A-Za-z]{0,2}&?)?(\\{0,4})([\"'`])").match(text, start)
    if opening:
        doubled = None if opening[1] else _doubled_end(text, opening)
        if doubled is not None and not _is_env_line(text, name.start()):
            return opening.end(), doubled
        end = _quoted_end(text, opening)
        if name["sep"] in ("=", "==", "===") and _is_env_line(text, name.start()):
            whole = re.compile(r"['\"`]?[ \t\r;]*(?:\n|\Z)").match(text, end)
            line = text.find("\n", end)
            if not whole:
                return start, line if line >= 0 else len(text)
            return opening.end(), end
        if re.compile(r"['\"`]" + _CLOSES + r"|\\|\n|\Z").match(text, end):
            return opening.end(), end
        gone_on = re.compile(r"\S*").match(text, end)  # 'a'b: the shell joins them
        return start, gone_on.end() if gone_on else end
    line = text.find("\n", start)
    line = len(text) if line < 0 else line
    ordinary = re.compile(_ORDINARY).match(text, start)
    if ordinary and not (setting and re.compile(r"[ \t]+[\w!$%&@]").match(text, ordinary.end())):
        return _fallback(text, ordinary.end(), line)
    if name["sep"] == ":" and not setting and re.compile(_PROSE).match(text, start):
        return start, start
    if name["sep"] in (":", "=>", "=") and text.startswith(("[", '{"', "{'", "{ ", "<%"), start):
        return start, line if text.startswith("<%", start) else _bracket_end(text, start, line)
    if name["sep"] == ":" or name["pair"] is not None:
        flow = re.compile(r"[,}](?=\s|\Z)|\s#|[\"'`]" + _CLOSES).search(text, start, line)
        return start, _rstrip(text, start, flow.start() if flow else line)
    if name["sep"] in ("=", "==", "===") and _is_env_line(text, name.start()):
        return start, _rstrip(
            text, start, line
        )  # what looks like a comment may be the password's second half
    query = re.search(r"[?&][\w.%-]{0,60}\Z", text[max(0, name.start() - 64) : name.start()]) is not None
    stop = (
        r"&(?=[A-Za-z_][\w.%-]{0,63}=|\s|\Z)|\s"
        if query
        else r"\s|[;&](?=\s{0,4}[A-Za-z_][\w. -]{0,40}=|\s|\Z)"
    )
    found = re.compile(stop + r"|\\?[\"'`]" + _CLOSES).search(text, start)
    end = found.start() if found else len(text)
    more = re.compile(_LIBPQ_NEXT).match(text, end) if not query else None
    if more:
        return start, more.end()
    while end > start + 1 and text[end - 1] in ")]},;":
        end -= 1
    return start, end


def _fallback(text: str, start: int, end: int) -> tuple[int, int]:
    """The literal that an expression falls back to: `env.PW ?? 'x'`, `getenv("PW") or "x"`; empty when there is none."""
    found = re.compile(_FALLBACK).search(text, start, min(end, start + 120))
    opening = re.compile(r"()([\"'`])").match(text, found.end()) if found else None
    return (opening.end(), _quoted_end(text, opening)) if opening else (start, start)


_BRACKETS = r"""[\[{]|[\]}]|(?<!\\)"[^"\\\n]*+(?:\\.[^"\\\n]*+)*"|'[^'\n]*+'"""


def _bracket_end(text: str, start: int, end: int) -> int:
    """Behind the bracket that closes the one at `start`; the end of the line when none does."""
    depth = 0
    for found in re.compile(_BRACKETS).finditer(text, start, end):
        depth += (found[0] in "[{") - (found[0] in "]}")
        if depth == 0:
            return found.end()
    return end


def _rstrip(text: str, start: int, end: int) -> int:
    while end > start and text[end - 1].isspace():
        end -= 1
    return end


def _quoted_end(text: str, opening: re.Match[str]) -> int:
    """Where the quoted value ends that `opening` begins: at its closing quote, or at the end of the line."""
    slashes, quote = opening[1], opening[2]
    at = opening.end()
    if slashes:
        closed = re.compile(rf"(?<!\\)\\{{{len(slashes)}}}{quote}").search(text, at)
        return closed.start() if closed else len(text)
    found = re.compile(rf"[^{quote}\\\n]*+(?:(?:\\.|{quote}{quote})[^{quote}\\\n]*+)*", re.DOTALL).match(
        text, at
    )
    end = found.end() if found else at
    # `\\'` may be a backslash and the end, or, where the text was escaped once more, a quote of the value.
    after = re.compile(rf"{quote}(?:\s{{0,4}}(?:[\w\"']{{1,64}}\s{{0,4}}[=:]|[,;)}}\]\n]|\Z))")
    if end > at and text[end - 1] == "\\" and not after.match(text, end):
        line = text.find("\n", end, end + 2000)
        last = text.find(quote, end + 1, line if line >= 0 else end + 2000)
        return last if last >= 0 else end
    return end


def _doubled_end(text: str, opening: re.Match[str]) -> int | None:
    """Where a value ends whose quotes are doubled, as in a string of SQL or CSV: `''a b''`; None for single quotes."""
    quote, at = opening[2], opening.end()
    first = re.compile(rf"{quote}+").match(text, at)
    if first is None:
        return None
    size, at = 1 + len(first[0]), first.end()
    # Inside another string they open a value, elsewhere two of them are an empty one.
    before = max(0, opening.start() - 10_000)
    inside = (
        text.count(quote, max(before, text.rfind("\n", before, opening.start()) + 1), opening.start()) % 2
    )
    if re.compile(_CLOSES).match(text, at) and (size == 4 if inside else size == 2):
        return None
    for run in re.compile(rf"{quote}+|\n").finditer(text, at):
        if run[0] == "\n":
            return run.start()
        back = run.start()
        while back > at and text[back - 1] == "\\":
            back -= 1
        escaped = (run.start() - back) % 2
        if len(run[0]) >= size and not (escaped and len(run[0]) == size) and len(run[0]) % (2 * size) >= size:
            return run.start()
    return len(text)


def _is_env_line(text: str, at: int) -> bool:
    """Whether the name around `at` begins its line, in capitals, as in `export PGPASSWORD=`."""
    before = text[max(0, at - 80) : at].rpartition("\n")[2]
    return (
        re.fullmatch(r"[\s#]*(?:export\s+|set\s+|-\s+)?[A-Z0-9_]*", before) is not None and text[at].isupper()
    )


# -- what libpq and URL parsers quote when they complain -------------------------------------------------------------

_ECHOES = (
    r"""(?i)(percent-encoded\ (?:token|value):\ |unexpected\ spaces\ found\ in\ |missing\ "="\ after\ """
    r"""|URI\ query\ parameter:\ |invalid\ (?:port(?:\ number)?|integer\ value|userinfo):?\ |as\ integer\ value\ as\ """
    r"""|cast\ to\ integer\ value\ as\ |int\(\)\ with\ base\ 10:\ )(["'])([^\n]{1,500}?)\2(?=[\s,.;)]|\Z)"""
).replace("\\ ", " ")
_ECHO_WORDS = ("percent-encoded", "unexpected", "missing", "parameter", "invalid", "integer", "base 10")
_ECHOED_NAMES = r"""(?i)((?:host name|server at|database|host|user|role) ["'])([^"'\n]{1,300})@"""


def _redact_echoes(text: str) -> str:
    """Mask what error messages quote of a URL that was read wrongly: there, any part may be the password."""
    if '"' not in text and "'" not in text:
        return text
    folded = text.casefold()
    if any(word in folded for word in _ECHO_WORDS):
        text = re.sub(_ECHOES, rf"\1\2{MASK}\2", text)
    if "@" not in text or (' "' not in text and " '" not in text):
        return text
    return re.sub(_ECHOED_NAMES, rf"\1{MASK}@", text)


_KEYS = (
    (
        r"""(?i)(value["']?\s{0,4}[:=]\s{0,4}["'])[^"'\n]{1,500}(["']\s{0,4},\s{0,4}["']?name["']?\s{0,4}[:=]\s{0,4}["']?\w{0,40}(?:password|passwd|secret|token|api_?key))""",
        rf"\1{MASK}\2",
    ),
    (r"(?i)(-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----)[^-]{1,10000}", rf"\1{MASK}"),
    (r"(SCRAM-SHA-256\$)\d{1,9}:[\w+/=]{1,200}\$[\w+/=]{1,200}:[\w+/=]{1,200}", rf"\1{MASK}"),
    (
        r"(?m)^([^\s:*]{1,255}:\d{4,5}|\*:(?:\*|\d{4,5}))(:[^\s:]{1,63}:[^\s:]{1,63}:)[^\n]{1,500}$",
        rf"\1\2{MASK}",
    ),  # .pgpass
    (
        r"(?m)^([ \t]{0,8}\"[^\"\n]{1,100}\" \")(?:[^\"\n]|\"\"){1,500}(?=\"[ \t\r]{0,8}$)",
        rf"\1{MASK}",
    ),  # userlist.txt
)


def _redact_keys(text: str) -> str:
    """Mask what is known by its own form: private keys, SCRAM verifiers, lines of .pgpass and of userlist.txt."""
    if not any(sign in text for sign in ("-----BEGIN", "SCRAM-", ":", '" "')):
        return text
    for pattern, mask in _KEYS:
        text = re.sub(pattern, mask, text)
    return text


# -- values that go on in the next lines -----------------------------------------------------------------------------

_KEY_BEGINS = r"[ \t]*+(?:-[ \t]++)*[\"']?[\w.-]*\Z"
_BLOCK = r"(?:[!&]\S++[ \t]*+)*(?:[|>][-+0-9]{0,2})?[ \t]*+(?:#.*)?\r?\Z"
_MAPPING = r"[ \t]*+(?:-[ \t]++)*[\"']?[\w./-]{1,100}[\"']?[ \t]*+[:=](?:\s|\Z)"
_NAMED = r"(?i)(?:name[\"']?\s*+[:=]\s*+|variable )[\"']?([\w.-]{1,100})[\"']?[ \t,{]*+\r?$"
_MOST_BELOW = 60  # lines: a private key of 4,096 bits has 50


def hidden(line: str) -> str:
    """A line that is nothing but a part of a secret."""
    return line[: len(line) - len(line.lstrip())] + MASK if line.strip() else line


def hidden_lines(lines: Sequence[str]) -> Iterator[int]:
    """The lines, from 0, that go on with the secret of a line above: block scalars, open quotes, heredocs, broken lines.

    Without the lines above nobody sees that they are one.
    """
    pattern = re.compile(_NAME)
    number = 0
    while number < len(lines):
        line, number = lines[number], number + 1
        folded = line.casefold()
        if "-----begin" in folded and "private" in folded and "-----end" not in folded:
            below = _until(lines, number, "-----END")
        elif any(word in folded for word in _WORDS):
            found = None
            for each in pattern.finditer(line + "\n"):
                if _names_secret(each):
                    found = each
            below = _below(lines, number, line, found) if found else number
            named = None if found else re.search(_NAMED, line)
            if named and is_secret_name(named[1]):
                for near in range(number, min(number + 4, len(lines))):
                    if re.match(r"[ \t]*+[\"']?(?:value|default)[\"']?[ \t]*+[:=]", lines[near]):
                        yield near
        else:
            continue
        yield from range(number, below)
        number = max(number, below)


def _until(lines: Sequence[str], start: int, closing: str, *, whole: bool = False) -> int:
    """Behind the next line in which that stands, `whole` as its only word; `start` when it comes nowhere near."""
    for number in range(start, min(len(lines), start + _MOST_BELOW)):
        if lines[number].strip() == closing if whole else closing in lines[number]:
            return number + 1
    return start


def _below(lines: Sequence[str], start: int, line: str, name: re.Match[str]) -> int:
    """Where the secret ends that begins in the line before `start`."""
    rest = line[name.end() :].strip() if name.end() <= len(line) else ""
    quote = re.match(r"[A-Za-z@$]{0,2}(\"\"\"|'{3}|[\"'`])", rest)
    heredoc = re.match(r"<<[-~]?[\"']?(\w{1,60})", rest)
    if heredoc:
        return _until(lines, start, heredoc[1], whole=True)
    if quote and len(quote[1]) == 3:
        return start if quote[1] in rest[quote.end() :] else _until(lines, start, quote[1])
    if quote:
        opening = re.compile(r"()([\"'`])").search(rest)
        if opening and _quoted_end(rest, opening) == len(rest):
            return _until(lines, start, quote[1])
    if rest.endswith("\\"):
        end = start
        while end < len(lines) and lines[end].rstrip().endswith("\\"):
            end += 1
        return min(end + 1, len(lines))
    if rest in ("(", "["):
        return _until(lines, start, ")" if rest == "(" else "]")
    key = re.compile(_KEY_BEGINS).match(line[: name.start()])
    if name["sep"] != ":" or key is None or rest.endswith((",", ";", "{", "(")):
        return start
    return _deeper(
        lines,
        start,
        len(line) - len(line.lstrip(" \t-")),
        block=re.compile(_BLOCK).match(rest) is not None and bool(rest),
        empty=not rest,
    )


def _deeper(lines: Sequence[str], start: int, column: int, *, block: bool, empty: bool) -> int:
    """Behind the lines that YAML takes for the value of a key in that column."""
    end = start
    for number in range(start, len(lines)):
        line = lines[number]
        if not line.strip():
            continue
        indent = len(line) - len(line.lstrip())
        item = empty and line.lstrip().startswith("- ") and indent >= column
        if (indent <= column and not item) or (not block and re.compile(_MAPPING).match(line)):
            break
        end = number + 1
    return end


# -- lines of configuration --------------------------------------------------------------------------------------


def redact_setting(line: str) -> str:
    """As `redact`, for a line of a configuration file: a secret without quotes may go on behind white space.

    In a log the words behind it are the message; here there is nothing but the value.
    """
    line = redact(line, setting=True)
    # `PGPASSWORD=x psql` is a command; `password=x y` is not.
    spaced = re.search(rf"(?<![A-Z_])={re.escape(MASK)}(?=[ \t]+[^\s\"'#&;])", line)
    if spaced is None or not re.match(
        r"\s*+(?:-\s++)?(?:[#;]|//|--|[\"']?[\w.*\[\]-]{1,100}[\"']?\s*+[:=]\s*+\S)", line
    ):
        return line
    stop = re.compile(
        rf"&(?=\w{{1,64}}=)|(?<![ \t])[ \t]++(?={_LIBPQ_NAME}\s{{0,4}}=)|[\"'](?=\s*+[,;]?\s*+\Z)"
    )
    found = stop.search(line, spaced.end())
    return line[: spaced.end()] + (line[found.start() :] if found else "")
