"""Source code to what rules may know of it: where clients are made, connections taken, and session state left behind.

A file is only parsed when its bytes hold a word that matters; most files of a project hold none.
"""

import posixpath
import re
from dataclasses import replace
from typing import NamedTuple

from poolcheck.model.ignores import Ignores, ignores_in_lines
from poolcheck.model.makers import AllMakers, Makers
from poolcheck.model.problem import Location
from poolcheck.model.source import MAPPED_LANGUAGES, CallForEach, Language, Mark, Purpose, SourceFile
from poolcheck.readers import session_state as state
from poolcheck.readers.languages import language
from poolcheck.readers.python import source as python
from poolcheck.readers.specifiers import plain_module
from poolcheck.readers.syntax import TooMuch, UnreadableSource
from poolcheck.record import dataclass

LONGEST = 1_000_000  # bytes; a larger source file was not written by hand
LONGEST_SQL = 2_000_000  # bytes; a larger one is a dump
LONGEST_LINE = 20_000  # bytes; bundlers write such lines, people do not
MOST_MARKS = 200  # of one file of SQL: what follows says the same
DEEPEST = 400  # brackets inside brackets; hand-written code stays below 40


# A file without any of these, and without what makes a client, takes no connection and closes none.
_JS = (
    b"$disconnect",
    b"beforeExit",
    b"createQueryRunner",
    b".reserve()",
    b"PrismaPg",
    b"PrismaNeon",
    b"ransaction(async",
    b"tx(async",
    b"begin(async",
)
_PYTHON = (b"SessionLocal", b"sessionmaker", b"getconn", b"next(get_")
_SQL = (
    b"SET ", b"LISTEN ", b"DISCARD ", b"RESET ", b"PREPARE ", b"DEALLOCATE", b"WITH HOLD", b"TEMP", b"set search_path",
    b"set statement_timeout", b"set role", b"set session", b"set lock_timeout", b"listen ", b"set_config", b"advisory_",
)  # fmt: skip
_BEGIN = (b"BEGIN", b"begin", b"Begin", b"TRANSACTION")
_SENDS = (b"uery", b"xecute", b"unsafe", b"sql`", b".raw", b"text(")  # what SQL is given to
# In capitals or not, but no `Set up your team`: half of the strings that a page shows begin like that. A quote behind a
# letter closes a string or, as in UPDATE "Image" SET, a name.
_VERBS = "SET|RESET|DISCARD|LISTEN|UNLISTEN|PREPARE|DEALLOCATE|DECLARE"
_BEGINS = re.compile(rb"""['"`]\s*(?:BEGIN|begin|Begin|(?:START|start)\s+(?:TRANSACTION|transaction))\b""")
_STATE_IN_CODE = re.compile(
    rf"""(?:`|(?<!\w)['"])\s*(?:(?:{_VERBS}|{_VERBS.lower()})\s+[\w"$]|(?:CREATE\s+TEMP|create\s+temp))"""
    r"""|(?:set_config|SET_CONFIG)\s*\(|pg_(?:try_)?advisory_(?:un)?lock""".encode()
)
# 'pg' alone may be anything; this says that it is the package.
_IMPORT = re.compile(rb"""(?:from|require|import)[\s(]*['"]([^'"\n]{1,100})['"]""")
_TEST = re.compile(
    r"(?:^|/)(?:tests?|__tests__|specs?|e2e|cypress|playwright|__mocks__|mocks?|fixtures?|testing|test[-_]?utils?|"
    r"integration(?:[-_]tests?)?|__fixtures__|stories)/|[._-](?:test|tests|spec|e2e|stories|bench|fixture)\.\w+$|"
    r"(?:^|/)(?:test_[^/]*\.py|[^/]*_test\.py|conftest\.py|setupTests\.\w+|(?:jest|vitest|playwright|cypress)[.\w-]*\.[cm]?[jt]s)$"
)
_SCRIPT = re.compile(
    r"(?:^|/)(?:scripts?|bin|seeds?|seeders?|migrations?|migrate|tools?|tooling|cli|bench|benchmarks?|management/commands|"
    r"alembic|docs|notebooks?|playgrounds?|sandbox|\.[\w-]+)/"
)
_BY_HAND = re.compile(r"(?:^|/)(?:scripts?|bin|tools?|tooling|cli)/")  # those that hold handlers as well
_SCRIPT_NAME = re.compile(
    r"(?i)^(?:seed|migrat|backfill|reset|populate|init[-_]?db|create[-_](?:db|admin|user|table)|drop[-_]|(?:check|verify|debug)[-_](?:db|data|conn|pg|postgres)|test[-_.])"
)
_ROUTE_FILE = re.compile(r"(?:^|/)(?:(?:routes?|routers?|controllers?)$|pages/api(?:/|$))")  # its folder
# What is not closed goes on to the end, as in a browser; looking for its end again at each next one takes the square.
_BLOCK = re.compile(r"<script\b([^>]*+)(?:>|\Z)(.*?)(?:</script\s*>|\Z)", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class UnreadSource:
    """Why a file that matters could not be looked at."""

    why: str


class Read(NamedTuple):
    """A file and its ignore comments."""

    file: SourceFile
    ignores: Ignores
    partly: str = ""  # why a part of it was not looked at


def purpose(path: str) -> Purpose:
    """Whether a file is the app's, a test's, or run by hand: by its path."""
    if _TEST.search(path):
        return "test"
    folder, base = posixpath.split(path)
    if _SCRIPT.search(folder + "/") or (_SCRIPT_NAME.match(base) and not _ROUTE_FILE.search(folder)):
        return "script"
    return "app"


def matters(code: bytes, kind: Language, makers: AllMakers) -> bool:
    """Whether the file is worth a parser."""
    if kind == "sql":
        return _holds(code, _SQL) or _holds(code.upper(), _SQL[:8])
    if kind in MAPPED_LANGUAGES:
        return _makes(code, makers.of(kind))
    if _makes(code, makers.of(kind)) or _holds(code, _PYTHON if kind == "python" else _JS):
        return True
    if b".connect()" in code and (b".release(" in code or b".query(" in code):
        return True
    if not _holds(code, _SENDS):
        return False
    if _holds(code, _BEGIN) and _BEGINS.search(code) is not None:
        return True
    return _holds(code, _SQL) and _STATE_IN_CODE.search(code) is not None


def _makes(code: bytes, makers: Makers) -> bool:
    """Whether it may make a client: it imports what one is made with."""
    for text, quoted, names in makers.words:
        if text in code and (not names or _holds(code, names)):
            if not quoted or text in _imported(code):
                return True
    return False


def _imported(code: bytes) -> list[bytes]:
    """The modules that a file imports, by their plain names."""
    found = _IMPORT.findall(code)
    return [
        plain_module(each.decode("latin-1")).encode("latin-1") if b":" in each else each for each in found
    ]


def _holds(code: bytes, words: tuple[bytes, ...]) -> bool:
    for word in words:  # a plain loop: `any` over a generator takes twice as long, 7,000 files times  # noqa: SIM110
        if word in code:
            return True
    return False


def trouble(code: bytes, kind: Language) -> str:
    """Why a file is left alone although it matters; "" when it is read."""
    if len(code) > (LONGEST_SQL if kind == "sql" else LONGEST):
        return f"larger than {(LONGEST_SQL if kind == 'sql' else LONGEST) // 1_000_000} MB"
    if kind != "sql" and len(code) > LONGEST_LINE and max(map(len, code.split(b"\n"))) > LONGEST_LINE:
        return "written by a bundler: one line is longer than 20,000 bytes"
    if b"\0" in code[:4096]:
        return "not text"
    if kind != "sql" and _depth(code) > DEEPEST:
        return f"brackets are nested more than {DEEPEST} deep"
    return ""


def _depth(code: bytes) -> int:
    """How deep brackets are nested, strings and comments not considered."""
    if max(code.count(b"("), code.count(b"["), code.count(b"{")) <= DEEPEST:
        return 0
    depth = most = 0
    for each in code.translate(None, _NOT_BRACKETS):
        depth = depth + 1 if each in b"([{" else max(depth - 1, 0)
        most = max(most, depth)
    return most


_NOT_BRACKETS = bytes(each for each in range(256) if each not in b"()[]{}")


def read(code: bytes, path: str, makers: AllMakers, below: str = "") -> Read | UnreadSource:
    """One file that matters. Nothing is raised: what cannot be read says why. `below`: its path within the project."""
    kind = language(path)
    if kind is None:
        return UnreadSource("not a language that is read")
    found = trouble(code, kind)
    if found:
        return UnreadSource(found)
    if kind == "sql":
        made: Read | UnreadSource = Read(*_read_sql(code.decode("utf-8", "replace"), path))
    elif kind == "python":
        made = _read_python(code, path, makers.python)
    elif kind in MAPPED_LANGUAGES:
        made = _read_other(code, path, kind, makers.of(kind))
    else:
        made = _read_javascript(code, path, kind, makers.javascript)
    if isinstance(made, UnreadSource):
        return made
    where = purpose(below or path)
    if where == "script" and _BY_HAND.search(below or path) and made.file.serves:
        where = "app"  # a handler's signature says more than the name of its folder
    return made._replace(file=replace(made.file, purpose=where))


def calls(code: bytes, path: str, wanted: frozenset[str]) -> tuple[CallForEach, ...]:
    """The functions of other files, of these names, that a file calls for each request; () when it cannot be read."""
    kind = language(path)
    if kind is None or kind == "sql" or kind in MAPPED_LANGUAGES or trouble(code, kind):
        return ()
    try:
        if kind == "python":
            from poolcheck.readers.python import calls as python_calls  # noqa: PLC0415 - seldom needed

            return tuple(python_calls.calls(code.decode("utf-8-sig", "replace"), path, wanted))
        from poolcheck.readers.javascript import calls as javascript_calls  # noqa: PLC0415 - as above

        if path.endswith((".vue", ".svelte")):
            code, kind = _scripts(code.decode("utf-8", "replace"))
        return tuple(javascript_calls.calls(code.removeprefix(b"\xef\xbb\xbf"), path, kind, wanted))
    except (UnreadableSource, TooMuch):
        return ()


def _read_python(code: bytes, path: str, makers: Makers) -> Read | UnreadSource:
    try:
        return Read(*python.read(code.decode("utf-8-sig"), path, makers))
    except UnicodeDecodeError as error:
        return UnreadSource(f"not UTF-8 at byte {error.start}")
    except UnreadableSource as error:
        return UnreadSource(str(error))


def _read_other(code: bytes, path: str, kind: Language, makers: Makers) -> Read | UnreadSource:
    from poolcheck.readers.code import code_pools  # noqa: PLC0415 - only where there is such a file

    try:
        return Read(*code_pools.read(code.removeprefix(b"\xef\xbb\xbf"), path, kind, makers))
    except UnreadableSource as error:
        return UnreadSource(str(error))


def _read_javascript(code: bytes, path: str, kind: Language, makers: Makers) -> Read | UnreadSource:
    from poolcheck.readers.javascript import source as javascript  # noqa: PLC0415 - only where there is JavaScript

    if path.endswith((".vue", ".svelte")):
        code, kind = _scripts(code.decode("utf-8", "replace"))
    try:
        return Read(*javascript.read(code.removeprefix(b"\xef\xbb\xbf"), path, kind, makers))
    except UnreadableSource as error:
        return UnreadSource(str(error))


def _scripts(text: str) -> tuple[bytes, Language]:
    """The script blocks of a Vue or Svelte file, at their own lines; everything else is blank."""
    out, at = [], 0
    kind: Language = "javascript"
    for block in _BLOCK.finditer(text):
        out += [re.sub(r"[^\n]", "", text[at : block.start(2)]), block[2]]
        at = block.end(2)
        if re.search(r"lang\s*=\s*['\"]?tsx?\b", block[1]):
            kind = "typescript"
    return "".join(out).encode("utf-8", "surrogatepass"), kind


def _read_sql(text: str, path: str) -> tuple[SourceFile, Ignores]:
    """Session state in a file of SQL; a dump sets what it needs on the connection that loads it."""
    from poolcheck.readers import sql  # noqa: PLC0415 - as above

    marks = []
    if "PostgreSQL database dump" not in text[:2000]:
        line, counted = 1, 0
        for offset, statement in sql.split(text):
            line, counted = line + text.count("\n", counted, offset), offset
            kind = state.state_of(statement)
            if kind:
                column = offset - text.rfind("\n", 0, offset)
                marks.append(Mark(kind, line, column, state.beginning(statement)))
            if len(marks) >= MOST_MARKS:
                break
    made = SourceFile(path=path, language="sql", location=Location(path), state=tuple(marks))
    return made, ignores_in_lines(text.splitlines(), r"--|/\*", end=";")
