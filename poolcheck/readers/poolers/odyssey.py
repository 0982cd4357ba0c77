"""odyssey.conf: blocks of `keyword value`, routes by database and user, storages, includes.

The grammar is Odyssey's own, sources/cfg/scan.l and parse.y: `#` comments, double quotes, numbers with a size behind
them, yes and no. A file that a template fills in, or whose braces do not match, is not read.
https://github.com/yandex/odyssey/blob/master/docs/configuration/overview.md
"""

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from poolcheck.model.pooler_config import PoolerConfig, PoolerDatabase, PoolerSetting, PoolerTrouble
from poolcheck.model.problem import Location
from poolcheck.readers.manifests.types import UnreadableFile
from poolcheck.readers.poolers.interface import ALONE, Files
from poolcheck.readers.poolers.lines import ignores as ignores
from poolcheck.readers.poolers.lines import known
from poolcheck.readers.poolers.lines import shown as shown
from poolcheck.record import dataclass

NAMES = ("odyssey",)
LONGEST = 1_000_000  # characters
_ROUNDS = 16  # as deep as Odyssey follows includes
_NAME = re.compile(r"(?:.*/)?(?:[\w.-]{0,255}[.-])?odyssey[\w.-]{0,255}\.(?:conf|cfg)")
_TOKEN = re.compile(
    r"(?P<blank>[ \t\r\f\v]++|#[^\n]*+)|(?P<newline>\n)|(?P<string>\"[^\"\\]*+(?:\\.[^\"\\]*+)*(?P<end>\")?)"
    r"|(?P<filled>\$\{[^}\n]*+\}?|\$\w++)|(?P<number>-?\d++[kKmMgG]?[bB]?)|(?P<word>[A-Za-z_]\w*+)|(?P<other>.)",
    re.DOTALL,
)
_VALUES = ("yes", "no", "on", "off", "true", "false", "default")  # words that are values and no keywords
_ROUTE_WORDS = ("local", "host", "hostssl", "hostnossl")  # behind a user's name: kinds of connection
_ROUTE = ("pool", "pool_size", "pool_timeout", "pool_reserve_prepared_statement", "authentication")
_DEEPEST = 16
_HERE = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class _Statement:
    """A keyword with its values, and whether a block follows."""

    word: str
    values: tuple[str, ...]
    line: int
    known: bool = True
    opens: bool = False
    closes: bool = False  # the end of a block; it has no keyword


def matches(path: str) -> bool:
    """Is it Odyssey's file, by its name?"""
    return _NAME.fullmatch(path) is not None


def read(text: str, path: str, files: Files = ALONE) -> PoolerConfig | UnreadableFile | None:
    """The listeners and routes of a file and of those that it includes; None when there are none."""
    state = _State(path)
    trouble = _read(text, path, state)
    if trouble is not None:
        return trouble
    included: list[str] = []
    missing: dict[str, PoolerTrouble] = {}
    seen = 0
    for _ in range(_ROUNDS):
        wanted = state.includes[seen:]
        seen = len(state.includes)
        for setting in wanted:
            name = _include_path(setting.location.path, setting.value)
            inner = files.get(name) if name != path else None
            if inner is None or len(inner) > LONGEST:
                why = f"the included file {setting.value} is {'larger than 1 MB' if inner else 'not in the project, or too large'}"
                missing.setdefault(name, PoolerTrouble(why, setting.location))
            elif name not in included:
                included.append(name)
                trouble = _read(inner, name, state)
                if trouble is not None:
                    return UnreadableFile(f"the included {name} {trouble.message}")
    made = state.config()
    if made is None:
        return None
    missed = tuple(missing.values())
    return replace(made, includes=tuple(included), missing=missed, complete=not missed)


def _include_path(config_path: str, written: str) -> str:
    """Where an included file is looked for: beside the file, as a project keeps it."""
    folder = posixpath.dirname(config_path)
    if written.startswith("/"):
        return posixpath.join(folder, posixpath.basename(written))
    return posixpath.normpath(posixpath.join(folder, written))


def _read(text: str, path: str, state: "_State") -> UnreadableFile | None:
    """Add what a file says; why it cannot be read, if so."""
    if re.search(r"\{\{|\{%[-+]?\s|<%", text):
        return UnreadableFile("is a template: what fills it in is not known")
    statements = _statements(text)
    if isinstance(statements, UnreadableFile):
        return statements
    stack: list[_Statement] = []
    for statement in statements:
        if statement.closes:
            if not stack:
                return UnreadableFile("has a brace that closes nothing", statement.line)
            state.leave(stack.pop())
        else:
            state.see(statement, tuple(one.word for one in stack), path)
            if statement.opens:
                stack.append(statement)
                if len(stack) > _DEEPEST:
                    return UnreadableFile("is nested too deeply", statement.line)
    return UnreadableFile("has a brace that is not closed", stack[-1].line) if stack else None


def _statements(text: str) -> list[_Statement] | UnreadableFile:
    """The keywords in order, with their values: at least one, and only strings, numbers and words that are no keywords."""
    found: list[_Statement] = []
    word, values, line, sure, at = "", list[str](), 0, True, 1

    def done(*, opens: bool = False) -> None:
        nonlocal word
        if word or opens:
            found.append(_Statement(word, tuple(values), line or at, sure, opens))
        word = ""
        values.clear()

    for match in _TOKEN.finditer(text):
        kind, piece = match.lastgroup, match[0]
        if kind == "newline":
            at += 1
        elif match["string"] is not None and match["end"] is None:
            return UnreadableFile("has a quote that is not closed", at)
        elif match["string"] is not None or kind in ("number", "filled") or _is_value(word, piece, values):
            value = piece[1:-1].replace('\\"', '"') if match["string"] is not None else piece
            sure = sure and kind != "filled" and known(value)
            if word:
                values.append(value)
            at += piece.count("\n")
        elif kind == "word":
            done()
            word, line, sure = piece, at, True
        elif piece == "{":
            done(opens=True)
        elif piece == "}":
            done()
            found.append(_Statement("", (), at, closes=True))
        elif kind == "other":
            sure = False
    done()
    return found


def _is_value(word: str, piece: str, values: Sequence[str]) -> bool:
    """Whether a bare word is the value of the keyword before it."""
    return (piece in _VALUES and bool(word) and not values) or (
        piece in _ROUTE_WORDS and word in ("user", "group")
    )


class _State:
    """The blocks that are open, and what was read so far."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.settings: list[PoolerSetting] = []
        self.listeners: list[dict[str, PoolerSetting]] = []
        self.hosts: dict[str, tuple[str, ...] | None] = {}  # storage → address and port; None for the console
        self.storage: dict[str, str] = {}
        self.database = ""
        self.route = _Route("", Location(path, 1))
        self.routes: list[_Route] = []
        self.includes: list[PoolerSetting] = []
        self.blocks = 0
        self.hba = False  # a file of its own says who may connect

    def see(self, each: _Statement, inside: tuple[str, ...], path: str) -> None:
        """A keyword, or the beginning of a block."""
        value = each.values[0] if each.values else ""
        setting = PoolerSetting(each.word, _number(value), Location(path, each.line), each.known)
        if not inside:
            self._top(each, value, setting)
        elif inside == ("listen",):
            self.listeners[-1][each.word] = setting
        elif inside == ("storage",) and not each.opens:
            self.storage[each.word] = value if each.known else ""
        elif inside == ("database",) and each.word in ("user", "group"):
            several = value == "default" or each.word == "group"
            self.route = _Route(self.database, setting.location, "" if several else value)
            self.route.limited = len(each.values) > 1
        elif inside in (("database", "user"), ("database", "group")):
            self.route.settings.append(setting)

    def _top(self, each: _Statement, value: str, setting: PoolerSetting) -> None:
        if each.word == "include" and value:
            self.includes.append(replace(setting, value=value))
        elif each.word == "client_max":
            self.settings.append(setting)
        elif each.word == "hba_file":
            self.hba = True
        elif each.word == "listen":
            self.listeners.append({})
        elif each.word == "storage":
            self.storage = {"name": value}
        elif each.word == "database":
            self.database = "*" if value == "default" else value
        self.blocks += each.word in ("listen", "storage", "database")

    def leave(self, each: _Statement) -> None:
        """The end of a block."""
        if each.word == "storage" and "name" in self.storage:
            local = self.storage.get("type") == "local"
            self.hosts[self.storage["name"]] = None if local else _address(self.storage)
            self.storage = {}
        elif each.word in ("user", "group") and self.database:
            self.routes.append(self.route)

    def config(self) -> PoolerConfig | None:
        """All of it; None when no block is Odyssey's."""
        if not self.blocks and not self.includes:
            return None
        return PoolerConfig(
            software="odyssey",
            name=self.path,
            location=Location(self.path, 1),
            settings=(*self.settings, *_widest(self.listeners)),
            databases=tuple(made for route in self.routes if (made := route.made(self.hosts, hba=self.hba))),
        )


class _Route:
    """A user's block: the pools of one pair, or of every pair that `default` stands for."""

    def __init__(self, database: str, location: Location, user: str = "") -> None:
        self.database, self.location, self.user = database, location, user
        self.settings: list[PoolerSetting] = []
        self.limited = False  # to addresses, or to a kind of connection

    def made(self, hosts: Mapping[str, tuple[str, ...] | None], *, hba: bool) -> PoolerDatabase | None:
        """None for the console, and for what Odyssey uses itself."""
        said = {setting.name: setting for setting in self.settings}
        storage = said.get("storage")
        host = hosts.get(storage.value, ()) if storage and storage.known else ()
        routing = said.get("pool_routing")
        if host is None or (routing and routing.value == "internal"):
            return None
        settings = [
            setting
            for setting in self.settings
            if setting.name in _ROUTE and not (setting.name == "authentication" and (hba or self.limited))
        ]
        if "shared_pool" in said:  # its size is shared among routes: no route's own
            settings.append(PoolerSetting("pool_size", "", said["shared_pool"].location, known=False))
        if host:
            settings.append(PoolerSetting("host", host[0], self.location))
            settings.append(PoolerSetting("port", host[1], self.location))
        if self.user:
            settings.append(PoolerSetting("user", self.user, self.location))
        return PoolerDatabase(name=self.database, location=self.location, settings=tuple(settings))


def _number(value: str) -> str:
    """A number without leading zeros; anything else as it is."""
    return str(int(value)) if value.isdecimal() and value.isascii() and len(value) < 19 else value


def _address(storage: Mapping[str, str]) -> tuple[str, ...]:
    """Host and port of a storage, several hosts as one; () when they are not known."""
    host = storage.get("host", "")
    return (host, storage.get("port", "5432")) if host else ()


def _widest(listeners: Sequence[Mapping[str, PoolerSetting]]) -> Iterator[PoolerSetting]:
    """Address and TLS of the listener that is most open: the first one beyond this machine without TLS, else the first."""

    def closed(each: Mapping[str, PoolerSetting]) -> bool:
        tls = each.get("tls")
        return not _bare(each) or set(_bare(each)) <= _HERE or (tls is not None and tls.value != "disable")

    if listeners:
        widest = min(listeners, key=closed)
        for name in ("host", "tls"):
            found = widest.get(name)
            if found is not None:
                yield replace(found, value=",".join(_bare(widest))) if name == "host" else found


def _bare(listener: Mapping[str, PoolerSetting]) -> list[str]:
    """The addresses of `tcp://[10.0.0.1]:6432,unix:///run/x` without scheme and port; sockets are left out."""
    found = listener.get("host")
    parts = found.value.split(",") if found is not None else []
    return [
        _bare_host(part.strip().removeprefix("tcp://"))
        for part in parts
        if part.strip() and not part.strip().startswith("unix:")
    ]


def _bare_host(text: str) -> str:
    if text.startswith("["):
        return text[1:].partition("]")[0]
    address = text.count(":") > 1 and re.fullmatch(r"[\da-fA-F:]*", text) is not None
    return text if address else text.partition(":")[0]
