"""How the loaders in use read an env file: text in, variables out.

Each function is a port of one loader's reading, taken from its source on 2026-11-21 and compared with the loader
itself by the tests where it can be run there (python-dotenv 1.2, dotenv 18 and 14, dotenv-expand 12, @next/env 16,
docker 28, dash, bash). Variables that are not in the text count as unset. A loader that refuses the file, or that
does not finish, gives {}.

Sources:
- dotenv: https://github.com/motdotla/dotenv, lib/main.js; 14 and older read line by line
- dotenv-expand: https://github.com/motdotla/dotenv-expand, lib/main.js
- @next/env: https://nextjs.org/docs/app/guides/environment-variables, packages/next-env (dotenv 16.3, dotenv-expand 10)
- Prisma up to 6: https://github.com/prisma/prisma, packages/internals, dotenvExpand: braces only
- docker --env-file: https://github.com/docker/cli, pkg/kvfile/kvfile.go: quotes and spaces belong to the value
- Compose env_file: https://github.com/compose-spec/compose-go, dotenv/parser.go and template/template.go
- sh: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html
"""

import re
from collections.abc import Callable

from poolcheck.readers.env.dotenv import read
from poolcheck.readers.env.shell import direnv, shell

Dialect = Callable[[str], dict[str, str]]

_MOST_STEPS = 200  # replacements in one value; a loader that needs more is expanding a name into itself
_MOST_LENGTH = 100_000

# JavaScript's \s, ^ and $ are not Python's.
_S = r"[\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]"
_S_CHARS = "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_BOL = r"(?<![^\n\r\u2028\u2029])"
_EOL = r"(?![^\n\r\u2028\u2029])"
_NODE_LINE = (
    rf"(?a){_BOL}{_S}*(?:(?:export{_S}+)?([\w.-]+)(?:{_S}*={_S}*?|:{_S}+?)"
    rf"({_S}*'(?:\\'|[^'])*'|{_S}*\"(?:\\\"|[^\"])*\"|{_S}*`(?:\\`|[^`])*`|[^#\r\n]+)?"
    rf"{_S}*(?:\#[^\n\r\u2028\u2029]*)?{_EOL})?"  # empty lines before another one are passed over once, not each anew
)
_NODE14_LINE = rf"(?as){_S}*([\w.-]+){_S}*={_S}*+(.*)"


class _Refused(Exception):
    """The loader gives up on the whole file."""


def python_dotenv(text: str) -> dict[str, str]:
    """python-dotenv 1.2, `load_dotenv`: names without a value set nothing."""
    return {entry.key: entry.resolved for entry in read(text).active if entry.resolved is not None}


def node_dotenv(text: str) -> dict[str, str]:
    """Node's dotenv 15 to 18: an unquoted value ends at `#`, `KEY: value` is taken, nothing is filled in."""
    found: dict[str, str] = {}
    for line in re.finditer(_NODE_LINE, re.sub(r"\r\n?", "\n", text)):
        if line[1] is None:
            continue
        value = (line[2] or "").strip(_S_CHARS)
        quote = value[:1]
        value = _without_quotes(value)
        if quote == '"':
            value = value.replace("\\n", "\n").replace("\\r", "\r")
        found[line[1]] = value
    return found


def _without_quotes(value: str) -> str:
    r"""What JavaScript's `value.replace(/^(['"`])([\s\S]*)\1$/mg, "$2")` gives."""
    ends = {end[1]: end.start() for end in re.finditer(rf"(['\"`]){_EOL}", value)}  # the last of each kind
    made, at = "", 0
    for begin in re.finditer(rf"{_BOL}['\"`]", value):
        if at <= begin.start() < ends.get(begin[0], -1):
            made += value[at : begin.start()] + value[begin.end() : ends[begin[0]]]
            at = ends[begin[0]] + 1
    return made + value[at:]


def node_dotenv_14(text: str) -> dict[str, str]:
    """Node's dotenv up to 14: line by line, `export` unknown, `#` begins a comment only behind a space."""
    found: dict[str, str] = {}
    for line in re.split(r"\r\n|\n|\r", text):
        parts = re.fullmatch(_NODE14_LINE, line)
        value = None if parts is None else _node14_value(parts[2])
        if parts is None or value is None:
            continue
        if value and value[0] == value[-1] and value[0] in "\"'":
            inner = value[1:-1] or value[:1] * (len(value) == 1)  # substring(1, 0) gives the first character
            found[parts[1]] = inner.replace("\\n", "\n") if value[0] == '"' else inner
        else:
            found[parts[1]] = value.strip(_S_CHARS)
    return found


def _node14_value(rest: str) -> str | None:
    """The value at the beginning of what follows `=`, without a comment; None: a line end of Unicode is in the way."""
    quoted = re.match(rf"(\"[^\"]*\"|'[^']*')(?:{_S}+#[^\u2028\u2029]*)?\Z", rest)
    if quoted is not None:
        return quoted[1]
    last = max(rest.rfind("\u2028"), rest.rfind("\u2029"))  # a comment has none in it
    comments = re.finditer(rf"(?<!{_S}){_S}+#", rest)
    value = rest[: next((each.start() for each in comments if each.end() > last), len(rest))]
    return None if "\u2028" in value or "\u2029" in value else value


def nextjs(text: str) -> dict[str, str]:
    """@next/env: dotenv 16, then `$NAME`, `${NAME}` and `${NAME:-default}` are filled in, from the last one on."""
    found = node_dotenv(text)
    try:
        for name in found:
            found[name] = _next_fill(found[name], found).replace("\\$", "$")
    except _Refused:
        return {}
    return found


def _next_fill(value: str, known: dict[str, str]) -> str:
    for _ in range(_MOST_STEPS):
        marks = [found.start() for found in re.finditer(r"(?<!\\)\$", value)]
        if not marks or len(value) > _MOST_LENGTH:
            break
        use = re.search(r"(?a)(?<!\\)\$\{?(\w+)(?::-([^}\\]*))?\}?", value[marks[-1] :])
        if use is None:
            return value
        value = _js_replace(value, use[0], use[2] or known.get(use[1]) or "")
    else:
        raise _Refused
    return value


def _js_replace(text: str, old: str, new: str) -> str:
    """String.replace of JavaScript: the first occurrence, and `$` codes in `new` mean something."""
    at = text.find(old)
    if at < 0:
        return text
    codes = {"$": "$", "&": old, "`": text[:at], "'": text[at + len(old) :]}
    new = re.sub(r"\$([$&`'])", lambda code: codes[code[1]], new)
    return text[:at] + new + text[at + len(old) :]


def dotenv_expand(text: str) -> dict[str, str]:
    """Dotenv 18 with dotenv-expand 12: names must begin with a letter, earlier lines are known."""
    known: dict[str, str] = {}
    try:
        for name, value in node_dotenv(text).items():
            known[name] = _expand_fill(value, known).replace("\\$", "$")
    except _Refused:
        return {}
    return known


def _expand_fill(value: str, known: dict[str, str]) -> str:
    seen: set[str] = set()
    for _ in range(_MOST_STEPS):
        use = re.search(r"(?<!\\)\$\{([^{}]+)\}|(?<!\\)\$([A-Za-z_][A-Za-z0-9_]*)", value)
        if use is None or len(value) > _MOST_LENGTH:
            return value
        seen.add(value)
        name, operator, default = _operator(use[1] or use[2])
        known_value = known.get(name, "")
        if operator in (":+", "+"):
            default, known_value = (default if known_value else ""), ""
        value = _js_replace(
            value, use[0], known_value if known_value and known_value not in seen else default
        )
        if value == known.get(name):
            return value
    raise _Refused


def _operator(expression: str) -> tuple[str, str, str]:
    found = re.search(r":\+|\+|:-|-", expression)
    if found is None:
        return expression, "", ""
    return expression[: found.start()], found[0], expression[found.end() :]


def prisma(text: str) -> dict[str, str]:
    """Prisma up to 6, CLI and client: dotenv 16, then `${NAME}` alone is filled in."""
    found = node_dotenv(text)
    try:
        for name in found:
            found[name] = _prisma_fill(found[name], found, 0)
    except _Refused:
        return {}
    return found


def _prisma_fill(value: str, known: dict[str, str], depth: int) -> str:
    if depth > 20 or len(value) > _MOST_LENGTH:
        raise _Refused
    filled = value
    for use in re.finditer(r"(.?)(\$\{([a-zA-Z0-9_]+)?\})", value):
        if use[1] == "\\":
            filled = _js_replace(filled, use[0], use[2].replace("$", "$$"))
        else:
            filled = _js_replace(filled, use[2], _prisma_fill(known.get(use[3] or "", ""), known, depth + 1))
    return filled


def docker(text: str) -> dict[str, str]:
    """`docker run --env-file`: everything behind `=` is the value; a space in a name refuses the whole file."""
    found: dict[str, str] = {}
    for line in text.removeprefix("\ufeff").split("\n"):
        name, equal, value = line.removesuffix("\r").lstrip().partition("=")
        if (not name and not equal) or name.startswith("#"):
            continue
        if not name or " " in name or "\t" in name or len(line.encode()) >= 65536:
            return {}
        if equal:
            found[name] = value
    return found


_GO_SPACE = "\t\v\f\r \u0085\u00a0"
_COMPOSE_ESCAPE = r"\\(?:[abcfnrtv$\"\\]|0[0-9]{0,3})"
_COMPOSE_USE = (
    r"(?i)\$(?:(?P<escaped>\$)|(?P<named>[_a-z][_a-z0-9]*)"
    r"|\{(?:[_a-z][_a-z0-9]*\}|(?P<word>[_a-z][_a-z0-9]*:?[-+?].*)|(?P<invalid>)))"
)
_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", '"': '"'}


def compose(text: str) -> dict[str, str]:
    """Compose, `env_file` and the `.env` beside the file: `$` is filled in outside single quotes, `$$` is `$`."""
    found: dict[str, str] = {}
    rest = text.removeprefix("\ufeff")
    try:
        while rest := rest.lstrip():
            if rest.startswith("#"):
                rest = rest.partition("\n")[2]
                continue
            rest = _compose_statement(rest, found)
    except _Refused:
        return {}
    return found


def _compose_statement(text: str, found: dict[str, str]) -> str:
    if re.match(r"export\s", text):
        text = text.removeprefix("export").lstrip(_GO_SPACE)
    end = re.search(r"[=:\n]", text)
    key = (text[: end.start()] if end else "").rstrip()
    if end is None:
        return ""
    if not all(char in "_.-[]" or char.isalnum() or char in _GO_SPACE for char in key) or " " in key:
        raise _Refused
    rest = text[end.end() :].lstrip(_GO_SPACE)
    if end[0] == "\n":
        return rest
    if rest[:1] not in ('"', "'") or not rest:
        value, _, rest = rest.partition("\n")
        found[key] = _compose_fill(value.partition(" #")[0].rstrip(), found)
        return rest
    return _compose_quoted(key, rest, found)


def _compose_quoted(key: str, text: str, found: dict[str, str]) -> str:
    quote = text[0]
    closed = re.compile(rf"(?s){quote}([^{quote}\\]*+(?:\\.[^{quote}\\]*+)*){quote}").match(text)
    if closed is None:
        raise _Refused
    # A backslash before the quote vanishes; before anything else it stays, and a second one after it too.
    value = re.sub(r"(?s)\\(.)", lambda pair: quote if pair[1] == quote else pair[0], closed[1])
    if quote == '"':
        value = _compose_fill(re.sub(_COMPOSE_ESCAPE, _compose_unescape, value), found)
    found[key] = value
    return text[closed.end() :]


def _compose_unescape(escape: re.Match[str]) -> str:
    code = escape[0][1:]
    if code == "$":
        return "$$"
    if code[0] == "0":
        return chr(int(code[1:], 8)) if len(code) == 4 and int(code[1:], 8) < 256 else escape[0]
    return _ESCAPED.get(code, escape[0])


def _compose_fill(value: str, known: dict[str, str], depth: int = 0) -> str:
    if depth > 20:
        raise _Refused
    return re.sub(_COMPOSE_USE, lambda use: _compose_use(use, known, depth), value)


def _compose_use(use: re.Match[str], known: dict[str, str], depth: int) -> str:
    if use["escaped"]:
        return "$"
    if use["named"]:
        return known.get(use["named"], "")
    braces, closed, after = use[0].rpartition("}") if use["word"] else (use[0], "", "")
    inner, rest = _first_braces(braces + closed)
    if inner is None or use["invalid"] is not None or (use["word"] and not closed):
        raise _Refused
    parts = re.fullmatch(r"(?is)([_a-z][_a-z0-9]*)(?:(:?)([-+?])(.*))?", inner)
    if parts is None:
        raise _Refused
    name, colon, operator, word = parts.groups()
    value = known.get(name)
    there = bool(value) if colon else value is not None
    if operator == "?" and not there:
        raise _Refused
    if (operator == "-" and not there) or (operator == "+" and there):
        value = _compose_fill(word, known, depth + 1)
    return (value or "") + _compose_fill(rest, known, depth + 1) + _compose_fill(after, known, depth)


def _first_braces(text: str) -> tuple[str | None, str]:
    """What the first `${...}` holds, nested ones included, and what follows it."""
    depth = 0
    for at, char in enumerate(text):
        depth += (char == "{") - (char == "}")
        if char == "}" and depth == 0:
            return text[2:at], text[at + 1 :]
    return None, ""


DIALECTS: dict[str, Dialect] = {
    "python-dotenv": python_dotenv,
    "node-dotenv": node_dotenv,
    "node-dotenv-14": node_dotenv_14,
    "nextjs": nextjs,
    "dotenv-expand": dotenv_expand,
    "prisma": prisma,
    "docker": docker,
    "compose": compose,
    "shell": shell,
    "direnv": direnv,
}
