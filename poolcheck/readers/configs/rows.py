"""Config files of frameworks as rows: a key, and a text in which variables of the environment may stand. One reader per format.

Which keys are a pool, and what is its size, is not known here: drivers/*.toml say it.
"""

import posixpath
import re
from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

from poolcheck.model.config_text import UNKNOWN, Slot, Written
from poolcheck.readers.manifests.types import without_comments
from poolcheck.readers.yaml import Node, documents

_LONGEST = 1_000_000  # characters
_MOST = 20_000  # rows of one file
_DEEPEST = 8  # placeholders inside placeholders


class ConfigRow(NamedTuple):
    """One `key: value`, the keys around it before a dot."""

    key: str
    text: Written
    line: int
    stage: str = ""  # where it holds: "production", "prod"; "": everywhere


class ConfigRows(NamedTuple):
    """One file. Not `whole`: something of it was not understood, and may set any key."""

    rows: tuple[ConfigRow, ...] = ()
    whole: bool = True


class Family(NamedTuple):
    """Files that a framework lays over each other, by what all of them have in common."""

    id: str
    files: re.Pattern[
        str
    ]  # their names, with their folder's before; a group that matches is the stage that a file is for
    read: Callable[[str, str], ConfigRows]  # of a text and the file's name
    stages: tuple[str, ...]  # variables of the environment that choose one
    usual: tuple[str, ...]  # the stage of a deployment that does not say which
    folded: bool = False  # spellings of one key: upper and lower case, - and _ do not count
    override: Callable[[str], tuple[str, ...]] = lambda key: ()  # the variables that set a key


# --- application.properties and application.yml of Spring Boot, Quarkus and Micronaut ---

_PROFILES = ("spring.config.activate.on-profile", "spring.profiles")
_IMPORTS = ("spring.config.import", "spring.cloud.config.uri")
_PROFILE_PREFIX = re.compile(r"%([\w,-]+)\.(.+)")


def placeholders(text: str, deep: int = _DEEPEST) -> Written:
    """`${NAME:default}`, with placeholders in defaults too. Linear in the text, for each level."""
    made: list[str | Slot] = []
    at = 0
    while (start := text.find("${", at)) >= 0:
        end = _closing(text, start + 2)
        if end < 0 or not deep:
            return UNKNOWN
        if start > at:
            made.append(text[at:start])
        name, colon, default = text[start + 2 : end].partition(":")
        made.append(
            Slot(_spelled(name.strip()), placeholders(default.removeprefix("-"), deep - 1) if colon else None)
        )
        at = end + 1
    if at < len(text):
        made.append(text[at:])
    return tuple(made)


def _closing(text: str, at: int) -> int:
    """The bracket that closes the one before `at`; -1: none does."""
    deep = 1
    for match in re.finditer(r"\$\{|\}", text[at : at + 2000]):
        deep += 1 if match[0] == "${" else -1
        if not deep:
            return at + match.start()
    return -1


def _spelled(name: str) -> tuple[str, ...]:
    """A placeholder's name as the environment may spell it: https://docs.spring.io/spring-boot/reference/features/external-config.html"""
    return tuple(dict.fromkeys((name, *_in_capitals(name)))) if re.fullmatch(r"[\w.-]{1,200}", name) else ()


def _in_capitals(key: str) -> tuple[str, ...]:
    """spring.datasource.url: itself, as an argument gives it, and SPRING_DATASOURCE_URL; of maximum-pool-size MAXIMUMPOOLSIZE and MAXIMUM_POOL_SIZE."""
    dotted = key.upper().replace(".", "_")
    return tuple(dict.fromkeys((key, dotted.replace("-", "_"), dotted.replace("-", ""))))


def _application(text: str, name: str) -> ConfigRows:
    parts = _property_parts(text) if name.endswith(".properties") else _yaml_parts(text)
    if parts is None:
        return ConfigRows(whole=False)
    rows: list[ConfigRow] = []
    whole = True
    for part in parts:
        own = {folded(key): value for key, value, _ in part}
        stages = next((own[folded(key)] for key in _PROFILES if folded(key) in own), "")
        if re.search(r"[!&()]", stages):  # an expression: where it holds is not known
            whole = False
            continue
        whole = whole and not any(
            folded(key) in own and not own[folded(key)].startswith("optional:file:") for key in _IMPORTS
        )
        for key, value, line in part:
            prefix = _PROFILE_PREFIX.fullmatch(key)
            holds = re.split(r"[|,\s]+", prefix[1] if prefix else stages)
            for stage in dict.fromkeys(holds):
                rows.append(ConfigRow(prefix[2] if prefix else key, placeholders(value), line, stage))
    return ConfigRows(tuple(rows), whole)


_Part = list[tuple[str, str, int]]


def _property_parts(text: str) -> list[_Part]:
    """`key = value` of each document of a .properties file; a value goes on where its line ends with a backslash."""
    parts: list[_Part] = [[]]
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        first, row = at + 1, lines[at].strip()
        at += 1
        if re.fullmatch(r"[#!]---", row):
            parts.append([])
        if not row or row[0] in "#!":
            continue
        while row.endswith("\\") and at < len(lines):
            row = row[:4000].removesuffix("\\") + lines[at].strip()
            at += 1
        match = re.fullmatch(r"((?:[^\s=:\\]|\\.)+)(?:\s*+[=:])?\s*+([\s\S]*)", row[:4000])
        if match:
            parts[-1].append(
                (re.sub(r"\\(.)", r"\1", match[1]), re.sub(r"\\([:=#! \\])", r"\1", match[2]), first)
            )
    return parts


def _yaml_parts(text: str) -> list[_Part] | None:
    """Every scalar of each document, its keys joined; None: the text is no YAML."""
    # Maven writes @name@ where it fills in, which YAML does not allow at the beginning of a value
    found = documents(re.sub(r"(?m)(:[ \t]+)(@[\w.-]{1,100}@)[ \t]*\r?$", r"\1'\2'", text))
    if not found and re.search(r"(?m)^[ \t]*[\w.'\"-]+[ \t]*:", text):
        return None
    return [flat(node) for node in found]


def flat(root: Node) -> _Part:
    """Every scalar below a node. Aliases inside aliases may be many: so many nodes are looked at, and no more."""
    made: _Part = []
    stack = [("", root)]
    for _ in range(_MOST):
        if not stack:
            break
        prefix, node = stack.pop()
        if isinstance(node.value, str):
            made.append((prefix, node.value, node.line))
        elif isinstance(node.value, dict):
            below = [(f"{prefix}.{key}" if prefix else key, inner) for key, inner in node.value.items()]
            stack += reversed(below)
        else:
            stack += [(f"{prefix}[{at}]", inner) for at, inner in reversed(list(enumerate(node.value)))]
    return made


# --- appsettings.json of .NET ---


def _appsettings(text: str, _name: str) -> ConfigRows:
    """JSON with comments and trailing commas: https://learn.microsoft.com/dotnet/core/extensions/configuration-providers"""
    found = documents(without_comments(text))
    if not found or not found[0].pairs:
        return ConfigRows(whole=False)
    return ConfigRows(
        tuple(ConfigRow(key, (value,) if value else (), line) for key, value, line in flat(found[0]))
    )


def _with_underscores(key: str) -> tuple[str, ...]:
    """ConnectionStrings.Db: ConnectionStrings__Db, in any case; CUSTOMCONNSTR_Db and POSTGRESQLCONNSTR_Db on Azure."""
    whole, last = key.replace(".", "__"), key.rpartition(".")[2]
    azure = (
        (f"CUSTOMCONNSTR_{last}", f"POSTGRESQLCONNSTR_{last}")
        if key.lower().startswith("connectionstrings.")
        else ()
    )
    start = f"ConnectionStrings__{last}" if azure else whole
    return tuple(dict.fromkeys((whole, start, whole.upper(), whole.lower(), *azure)))


# --- database.yml of Rails: YAML with Ruby in it ---

_ERB = re.compile(r"<%(=?)((?:[^<%]|%(?!>)|<(?!%))*)%>")
_RUBY_ENV = re.compile(
    r"""ENV(?:\[\s*+(?P<quote>["'])(?P<index>[\w.-]+)(?P=quote)\s*+\]|"""
    r"""\.fetch[(\s]\s*+(?P<open>["'])(?P<fetch>[\w.-]+)(?P=open)\s*+(?:,(?P<second>[^(){}]*+))?\)?)"""
    r"""(?:\.presence|\.to_s)?\s*+(?:\{(?P<block>[^{}]*+)\})?"""
)


def _database_yml(text: str, _name: str) -> ConfigRows:
    """Each environment is a stage of its own; anchors and merge keys are YAML's."""
    codes: list[Written] = []
    whole = True

    def put(match: re.Match[str]) -> str:
        nonlocal whole
        lines = "\n" * match[0].count("\n")
        if not match[1]:
            whole = whole and match[2].lstrip().startswith(("#", "require"))
            return lines
        codes.append(ruby(match[2]))
        return f"erb{len(codes) - 1}erb{lines}"

    found = documents(_ERB.sub(put, text))
    rows: list[ConfigRow] = []
    for key, value, line in flat(found[0]) if found else ():
        stage, _, rest = key.partition(".")
        pieces = re.split(r"erb(\d{1,5})erb", value)
        made = [
            piece
            for at, each in enumerate(pieces)
            for piece in (codes[int(each)] if at % 2 else (each,))
            if piece
        ]
        rows.append(ConfigRow(rest, tuple(made), line, stage))
    return ConfigRows(tuple(rows), whole and bool(found))


def ruby(code: str, deep: int = _DEEPEST) -> Written:
    """What a piece of Ruby comes to: a variable of the environment with what stands in for it, or a literal; else not known."""
    code = re.sub(r"(?:\.to_i|\.to_s|\.presence)\s*\Z", "", code.strip())
    code = re.sub(r"\AInteger\((.*)\)\Z|\A\((.*)\)(?:\.to_i)?\Z", r"\1\2", code, flags=re.DOTALL).strip()
    literal = re.fullmatch(r"""(\d[\d_]*)|"([^"#\\]*)"|'([^'\\]*)'""", code)
    if literal:
        return (literal[1].replace("_", "") if literal[1] else literal[2] or literal[3] or "",)
    match = _RUBY_ENV.match(code)
    if match is None or not deep:
        return UNKNOWN
    name = match["index"] or match["fetch"]
    rest = code[match.end() :].strip()
    default = match["second"] or match["block"]
    if rest.startswith("||") and default is None:
        default, rest = rest[2:], ""
    rest = re.sub(r"\A\.to_i\Z", "", rest)
    if rest:
        return UNKNOWN
    return (Slot((name,), ruby(default, deep - 1) if default is not None else None),)


def _database_url(key: str) -> tuple[str, ...]:
    """DATABASE_URL, and CACHE_DATABASE_URL of a database with that name: https://guides.rubyonrails.org/configuring.html#configuring-a-database"""
    name, _, last = key.rpartition(".")
    if last != "url":
        return ()
    return ("DATABASE_URL",) if name in ("", "primary") else (f"{name.upper()}_DATABASE_URL",)


# --- settings of Django ---


def _settings(text: str, name: str) -> ConfigRows:
    if "DATABASES" not in text:
        return ConfigRows()
    from poolcheck.readers.configs import django  # noqa: PLC0415 - most projects have no Django

    found = django.databases(text, name).rows
    behind = text[text.rindex("DATABASES") :]  # from .local import *: may set it anew
    whole = re.search(r"(?m)^[ \t]*from[ \t]+\S+[ \t]+import[ \t]+\*", behind) is None
    return ConfigRows(tuple(ConfigRow(*each) for each in found), whole)


# --- config/database.php of Laravel ---

_PHP_PAIR = re.compile(r"""\s*["']([\w.-]+)["']\s*=>\s*(.*)""")
_PHP_ENV = re.compile(r"""(?:\(\w+\)\s*+)?(?:env|getenv)\(\s*+["'](\w+)["']\s*+(?:,(.*))?\)""")


def _database_php(text: str, _name: str) -> ConfigRows:
    """Every `'key' => value` of the arrays of a file."""
    rows: list[ConfigRow] = []
    parents: list[str] = []  # a key for each open bracket
    for number, line in enumerate(text.split("\n"), 1):
        row = line.strip()[:2000]
        if row.startswith(("//", "#", "*", "/*", "|")):
            continue
        match = _PHP_PAIR.match(row)
        bare = re.sub(r"""'[^']*'|"[^"]*\"""", "", row)
        opened, closed = (
            bare.count("[") + bare.count("array("),
            bare.count("]") + (bare.count(")") - bare.count("(") > 0),
        )
        if match and opened <= closed:
            value, _, remark = match[2].rpartition("//")
            value = match[2] if not value or "'" in remark or '"' in remark else value
            value = value.strip().rstrip(",").strip()
            rows.append(ConfigRow(".".join([*filter(None, parents), match[1]]), php(value), number))
        if opened > closed:
            parents += [match[1] if match else ""] + [""] * (opened - closed - 1)
        for _ in range(closed - opened):
            if parents:
                parents.pop()
    return ConfigRows(tuple(rows))


def php(code: str, deep: int = _DEEPEST) -> Written:
    """What a piece of PHP comes to: env() with its default, or a literal; else not known."""
    if code.lower() in ("null", "''", '""'):
        return ()
    literal = re.fullmatch(r"""'([^'\\]*)'|"([^"$\\]*)"|(\d+|true|false)""", code, re.IGNORECASE)
    if literal:
        return (next(part for part in literal.groups() if part is not None),)
    match = _PHP_ENV.fullmatch(code)
    if match is None or not deep:
        return UNKNOWN
    return (Slot((match[1],), php(match[2].strip(), deep - 1) if match[2] is not None else None),)


# --- config/*.exs of Elixir ---

_CONFIG = re.compile(r"(?m)^[ \t]*config[ (]+:(\w+),\s*([A-Z][\w.]*)\s*,\s*\[?")
_ASSIGNED = re.compile(r"(?m)^[ \t]*([a-z_]\w*)[ \t]*=\s*")
_ONLY_IN = re.compile(r"(?m)^[ \t]*if\s+config_env\(\)\s*(?:==\s*|in\s*\[\s*):(\w+)")
_ELIXIR_PART = re.compile(
    r'"""[\s\S]*?(?:"""|\Z)|"[^"\\\n]*+(?:\\.[^"\\\n]*+)*"?|#[^\n]*|[\[{(]|[\]})]|,|\n|[^\s\[\]{}(),"#]+|[ \t\r]+'
)
_KEYWORD = re.compile(r"\s*+(?:#[^\n]*+\s*+)*([a-z_]\w*[?!]?):\s")
_OPENS, _CLOSES = frozenset("[{("), frozenset("]})")
_LONGEST_EXPRESSION = 2000  # characters
_MOST_STATEMENTS = 300  # of one file; real ones have thirty
_ELIXIR_ENV = re.compile(r'System\.(?:get_env|fetch_env!)\(\s*+"(\w+)"\s*+(?:,(.*))?\)', re.DOTALL)


def _config_exs(text: str, name: str) -> ConfigRows:
    """The keywords of each `config :app, Module, ...`; a module's dots are slashes, for the keys' sake."""
    code = _Elixir(text)
    rows: list[ConfigRow] = []
    only = [(match.start(), match[1]) for match in _ONLY_IN.finditer(text)] if "runtime" in name else []
    line = counted = 0
    for match in islice(_CONFIG.finditer(text), _MOST_STATEMENTS):
        stage = next((stage for at, stage in reversed(only) if at < match.start()), "")
        at = match.end()
        while at >= 0 and (key := _KEYWORD.match(text, at)):
            line, counted = line + text.count("\n", counted, key.start(1)), key.start(1)
            value, at = code.expression(key.end())
            rows.append(
                ConfigRow(
                    f"{match[1]}.{match[2].replace('.', '/')}.{key[1]}", code.written(value), line + 1, stage
                )
            )
            if len(rows) > _MOST:
                return ConfigRows(whole=False)
    return ConfigRows(tuple(rows))


class _Elixir:
    """Expressions of one file of Elixir, as far as configs have them."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names = {match[1]: match.end() for match in _ASSIGNED.finditer(text)}

    def expression(self, at: int) -> tuple[str, int]:
        """The expression that begins there, and where the next keyword does behind a comma; -1: none does."""
        deep, end = 0, at
        for match in _ELIXIR_PART.finditer(self.text, at, at + _LONGEST_EXPRESSION):
            part = match[0]
            deep += (part in _OPENS) - (part in _CLOSES)
            if deep < 0:
                break
            if part == "," and deep == 0:
                return self.text[at:end].strip(), match.end()
            if part == "\n" and deep == 0 and not self._goes_on(at, end, match.end()):
                break
            end = match.end() if not part.startswith("#") else end
        return self.text[at:end].strip(), -1

    def _goes_on(self, at: int, end: int, behind: int) -> bool:
        """Whether an expression goes on in the next row."""
        joins = ("||", "|>", "<>")
        last = self.text[max(at, end - 200) : end].strip()
        return (
            not last
            or last.endswith((*joins, "raise"))
            or self.text[behind : behind + 200].lstrip().startswith(joins)
        )

    def written(self, code: str, deep: int = _DEEPEST) -> Written:
        """What it comes to: System.get_env with what stands in for it, or a literal; else not known."""
        before, _, behind = code.strip().rpartition("|>")
        code = (
            before.strip() if behind.strip() in ("String.to_integer()", "String.to_integer") else code.strip()
        )
        wrapped = re.fullmatch(r"String\.to_integer\((.*)\)", code, re.DOTALL)
        code = (wrapped[1] if wrapped else code).strip()
        if not deep:
            return UNKNOWN
        first, either, second = code.partition("||")
        if either:
            return self._either(self.written(first, deep - 1), second.strip(), deep)
        literal = re.fullmatch(r'(\d[\d_]*)|"([^"\\]*)"', code)
        if literal:
            return (literal[1].replace("_", ""),) if literal[1] else self._interpolated(literal[2], deep)
        match = _ELIXIR_ENV.fullmatch(code)
        if match:
            return (Slot((match[1],), self.written(match[2], deep - 1) if match[2] else None),)
        if code == "nil":
            return ()
        return self.written(self.expression(self.names[code])[0], deep - 1) if code in self.names else UNKNOWN

    def _either(self, first: Written, second: str, deep: int) -> Written:
        if second.startswith("raise"):
            return first
        if (
            len(first) != 1
            or not isinstance(slot := first[0], Slot)
            or not slot.names
            or slot.default is not None
        ):
            return UNKNOWN
        return (slot._replace(default=self.written(second, deep - 1)),)

    def _interpolated(self, text: str, deep: int) -> Written:
        """`ecto://#{user}@#{host}/app`: its pieces."""
        pieces = re.split(r"#\{([^{}]*)\}", text)
        made = (self.written(each, deep - 1) if at % 2 else (each,) for at, each in enumerate(pieces))
        return tuple(piece for each in made for piece in each if piece)


# --- what is read ---

FAMILIES = (
    Family(
        "application",
        re.compile(r"[^/]*/application(?:-(?P<stage>[\w-]+))?\.(?:ya?ml|properties)"),
        _application,
        ("SPRING_PROFILES_ACTIVE", "QUARKUS_PROFILE", "MICRONAUT_ENVIRONMENTS"),
        ("production", "prod"),
        folded=True,
        override=_in_capitals,
    ),
    Family(
        "appsettings",
        re.compile(r"[^/]*/appsettings(?:\.(?P<stage>[\w-]+))?\.json", re.IGNORECASE),
        _appsettings,
        ("ASPNETCORE_ENVIRONMENT", "DOTNET_ENVIRONMENT"),
        ("production",),
        folded=True,
        override=_with_underscores,
    ),
    Family(
        "database.yml",
        re.compile(r"[^/]*/database\.ya?ml"),
        _database_yml,
        ("RAILS_ENV", "RACK_ENV"),
        ("production",),
        override=_database_url,
    ),
    Family(
        "settings.py",
        re.compile(
            r"settings/(?!(?:__init__|base|common|defaults?|settings)\.py)(?P<stage>[\w-]+)\.py|settings/\w+\.py|"
            r"[^/]*/settings(?P<behind>[\w-]*)\.py|[^/]*/(?P<before>[\w-]+)settings\.py"
        ),
        _settings,
        ("DJANGO_SETTINGS_MODULE",),
        ("production", "prod"),
    ),
    Family("database.php", re.compile(r"config/database\.php"), _database_php, (), ()),
    Family(
        "config.exs",
        re.compile(r"config/(?:config|runtime|releases|(?P<stage>\w+))\.exs"),
        _config_exs,
        ("MIX_ENV",),
        ("prod",),
    ),
)


def family(path: str) -> Family | None:
    """The family of a file, by its name."""
    return next((each for each in FAMILIES if each.files.fullmatch(_place(path))), None)


def _place(path: str) -> str:
    """A file's name with its folder's: config/database.php."""
    folder, _, name = path.rpartition("/")
    return f"{folder.rpartition('/')[2]}/{name}"


def read(text: str, path: str) -> ConfigRows:
    """The rows of a file; none, and not whole, of one that cannot be read. Any text is taken.

    Raises:
        ValueError: no family has files of that name.
    """
    found = family(path)
    if found is None:
        raise ValueError(f"not a config file that has rows: {path}")
    if len(text) > _LONGEST:
        return ConfigRows(whole=False)
    name = posixpath.basename(path)
    made = found.read(text, name)
    match = found.files.fullmatch(_place(path))
    own = next(filter(None, match.groups()), "").strip("_-") if match else ""
    rows = tuple(row._replace(stage=(row.stage or own).lower()) for row in made.rows[:_MOST])
    return ConfigRows(rows, made.whole and len(made.rows) <= _MOST)


def folded(key: str) -> str:
    """A key without what its spellings differ in."""
    return key.lower().replace("-", "").replace("_", "").replace('"', "")
