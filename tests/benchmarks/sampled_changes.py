"""Whether the tests can fail: small changes to code, SQL and facts, and how many of them the tests notice; run by hand.

python tests/benchmarks/sampled_changes.py --seed 1 --count 200 --record changes.jsonl

Each change is made in a copy of the checkout, never in the checkout itself. The tests that can notice it run there,
the nearest first: those that import the module or carry its name, those of its package, those of the packages that read
it. A test that fails without the change too does not count. With --record a run that was stopped goes on where it was.

What nobody could notice is not changed: docstrings, annotations, `__repr__`, decorators, sizes in MB, prose, sources and
dates of facts, LIMIT in SQL. A change that cannot matter may still be among the survivors: a person reads them.
"""

import argparse
import ast
import compileall
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from py_compile import PycInvalidationMode

ROOT = Path(__file__).parent.parent.parent
WAIT = 5  # seconds of the clock for each of the processor's, at most
SHARES = {"code": 0.6, "facts": 0.3, "sql": 0.1}
# Who reads what: where a package's own tests say nothing, these are asked.
READERS = {
    "capacity": "commands/test_size.py commands/test_simulate.py rules output",
    "catalogue": "catalogue rules/test_verdicts.py rules/test_pages.py connection/test_parse.py commands/test_explain_errors.py",
    "commands": "commands test_printed_commands.py",
    "config": "config commands/test_config.py commands/test_paths.py project/test_packages.py",
    "connection": "connection rules fix",
    "diagnosis": "diagnosis rules output commands/test_lint.py",
    "errors": "explain commands/test_explain_errors.py",
    "explain": "explain commands/test_explain_errors.py output",
    "fix": "fix commands/test_fix.py",
    "gate": "gate commands/test_gate.py",
    "live": "live commands/test_live.py commands/test_reap.py commands/test_size.py gate",
    "model": "model rules output diagnosis capacity live/test_leaks.py project",
    "output": "output commands/test_printed.py commands/test_lint.py commands/test_map.py commands/test_live.py",
    "project": "project rules commands/test_map.py commands/test_size_of_project.py gate",
    "readers": "readers project rules",
    "reference": "reference",
    "rules": "rules diagnosis output live/test_pages.py live/test_first_action.py fix",
    "drivers": "catalogue readers/javascript readers/python rules project",
    "images": "project/mapping catalogue readers/deploy",
    "objects": "project/mapping readers/deploy catalogue",
    "poolers": "readers/poolers rules/test_pc5xx_other_poolers.py rules/test_pc5xx_poolers.py catalogue project",
    "programs": "project catalogue readers/deploy",
    "providers": "catalogue rules fix project/mapping commands/test_size.py",
}
ALWAYS = "test_examples.py test_seed_coverage.py field"
# Keys of facts that no verdict hangs on; an example is a test, not a fact.
PROSE = set(
    """title note summary source sources homepage checked text means not_means first why cause sign steps cannot condition
    raise_limit examples quirks language url name label expect says evidence mode_note user_hint proof origin instead what
    ends pool pool_wait exhausted prepared_error unknown_text wait_code migrations_note""".split()
)
NAMES = {"images", "programs", "objects"}  # here `name` and `url` are words that are looked for
PATTERNS = {
    "pattern",
    "patterns",
    "host",
    "not_host",
    "user_form",
    "user_pattern",
    "host_pattern",
    "not_pattern",
}
FLIPPED: dict[type[ast.AST], str] = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==",
    ast.In: "not in", ast.NotIn: "in", ast.Is: "is not", ast.IsNot: "is",
}  # fmt: skip


@dataclass(frozen=True)
class Change:
    """One small change: the span of a file's text and what stands there instead."""

    file: str
    line: int
    start: int
    end: int
    kind: str
    old: str
    new: str
    group: str = ""  # what kind of fact it is, so that the many of one kind do not drown the rest

    def of(self, text: str) -> str:
        """The whole text with the change made."""
        return text[: self.start] + self.new + text[self.end :]

    def __str__(self) -> str:
        old, new = (re.sub(r"\s+", " ", part)[:110] for part in (self.old, self.new))
        return f"{self.file}:{self.line} [{self.kind}] {old} -> {new or '(gone)'}"


class Text:
    """A file's text, with the offsets of its lines."""

    def __init__(self, file: str, text: str) -> None:
        self.file, self.text = file, text
        self.starts = [0]
        for line in text.split("\n"):
            self.starts.append(self.starts[-1] + len(line) + 1)

    def at(self, line: int, column: int) -> int:
        """The offset of a place as `ast` tells it: the column counts bytes."""
        start = self.starts[line - 1]
        raw = self.text[start : self.starts[line]].encode()
        return start + len(raw[:column].decode())

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Where a node begins and ends."""
        return self.at(node.lineno, node.col_offset), self.at(node.end_lineno or 0, node.end_col_offset or 0)

    def of(self, node: ast.expr | ast.stmt) -> str:
        """The source of a node."""
        start, end = self.span(node)
        return self.text[start:end]

    def change(self, kind: str, start: int, end: int, new: str) -> Change:
        """The change of a span."""
        line = self.text.count("\n", 0, start) + 1
        return Change(self.file, line, start, end, kind, self.text[start:end], new)


# --- code


def nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node whose change could be noticed: no annotations, decorators, `__repr__`, assertions."""
    todo = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef) and node.name in ("__repr__", "__str__"):
            continue
        if isinstance(node, ast.Assert | ast.Raise) or "MB" in (name.id for name in sizes(node)):
            continue
        yield node
        for name, value in ast.iter_fields(node):
            if name not in ("annotation", "returns", "decorator_list", "type_params"):
                todo += [v for v in (value if isinstance(value, list) else [value]) if isinstance(v, ast.AST)]


def sizes(node: ast.AST) -> Iterator[ast.Name]:
    """The units of a product: how many MB are read at most is a guard, not a verdict."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        yield from (side for side in (node.left, node.right) if isinstance(side, ast.Name))


def code(text: Text) -> Iterator[Change]:
    """The changes of a Python file."""
    for node in nodes(ast.parse(text.text)):
        kind, new = changed(node, text)
        if new is not None and isinstance(node, ast.expr | ast.stmt):
            yield text.change(kind, *text.span(node), new)
        if isinstance(node, ast.comprehension):
            for test in node.ifs:
                if not any(isinstance(part, ast.NamedExpr) for part in ast.walk(test)):
                    yield text.change("filter", *text.span(test), "True")
        if isinstance(node, ast.If | ast.IfExp) and not isinstance(node.test, ast.Compare | ast.UnaryOp):
            yield text.change("branch", *text.span(node.test), f"(not ({text.of(node.test)}))")
        if isinstance(node, ast.BoolOp):
            for gone in node.values:
                if not any(isinstance(part, ast.NamedExpr) for part in ast.walk(gone)):
                    kept = [f"({text.of(value)})" for value in node.values if value is not gone]
                    word = " and " if isinstance(node.op, ast.And) else " or "
                    yield text.change("condition", *text.span(node), "(" + word.join(kept) + ")")


def changed(node: ast.AST, text: Text) -> tuple[str, str | None]:
    """The kind of change a node allows, and its new source, or None."""
    match node:
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return "comparison", f"({text.of(left)}) {FLIPPED[type(op)]} ({text.of(right)})"
        case ast.BoolOp(op=op, values=values):
            word = " or " if isinstance(op, ast.And) else " and "
            return "boolean", "(" + word.join(f"({text.of(value)})" for value in values) + ")"
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return "not", f"({text.of(operand)})"
        case ast.Constant(value=bool() as value):
            return "flag", str(not value)
        case ast.Constant(value=int() | float() as value):
            return "number", str(value + 1) if isinstance(value, int) else repr(value * 1.5 or 0.5)
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            return "return", "return None"
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right) if numbers(left, op, right):
            sign = "-" if isinstance(op, ast.Add) else "+"
            return "arithmetic", f"(({text.of(left)}) {sign} ({text.of(right)}))"
        case ast.Continue():
            return "continue", "break"
        case ast.JoinedStr():
            return "format", reformatted(text.of(node))
    return "", None


def numbers(left: ast.expr, op: ast.operator, right: ast.expr) -> bool:
    """Whether a sum is one of numbers, as far as can be seen: strings cannot be subtracted, any test would notice."""
    if isinstance(op, ast.Sub) or (isinstance(right, ast.Constant) and isinstance(right.value, int | float)):
        return True
    return all(isinstance(side, ast.Name | ast.Attribute) for side in (left, right))


def reformatted(source: str) -> str | None:
    """An f-string with its first two values swapped, or its only value gone."""
    found: list[str] = re.findall(r"(?<!\{)\{[^{}\"']+\}(?!\})", source)
    if len(found) == 1:
        return source.replace(found[0], "", 1)
    if len(found) < 2 or found[0] == found[1]:
        return None
    before, rest = source.split(found[0], 1)
    between, after = rest.split(found[1], 1)
    return before + found[1] + between + found[0] + after


# --- SQL

WORD = re.compile(r"--[^\n]*|'[^']*'|\"\w+\"|\{\w+\}|\w+|<>|<=|>=|[()=<>,;]|\S")
ENDS = {"FROM", "WHERE", "GROUP", "ORDER", "UNION", "LIMIT", "LEFT", "JOIN", "WHEN", "THEN"}


def sql(text: Text) -> Iterator[Change]:
    """The changes of a query: neighbouring columns swapped, conditions dropped, comparisons turned."""
    words = [word for word in WORD.finditer(text.text) if not word[0].startswith("--")]
    after_limit = False
    for at, word in enumerate(words):
        up = word[0].upper()
        if up == "SELECT":
            yield from columns(text, words, at)
        elif up in ("WHERE", "ON", "AND"):
            end = clause(words, at + 1, {"AND", "OR", *ENDS})
            if end > at + 1:
                yield text.change("condition", words[at + 1].start(), words[end - 1].end(), "true")
        elif up in ("=", "<>", "<", ">", "<=", ">="):
            new = {"=": "<>", "<>": "=", "<": ">=", ">": "<=", "<=": ">", ">=": "<"}[up]
            yield text.change("comparison", word.start(), word.end(), new)
        elif up.isdigit() and not after_limit and words[at - 1][0] not in ("[", ":", "AND"):
            yield text.change("number", word.start(), word.end(), str(int(up) + 1))
        after_limit = up == "LIMIT"


def clause(words: list[re.Match[str]], start: int, ends: set[str]) -> int:
    """The first word after `start`, at its own depth, that is one of the ends, or closes what is around it."""
    depth = 0
    for at in range(start, len(words)):
        word = words[at][0].upper()
        if depth == 0 and (word in ends or word in (")", ",")):
            return at
        depth += {"(": 1, "[": 1, ")": -1, "]": -1, "CASE": 1, "END": -1}.get(word, 0)
    return len(words)


def columns(text: Text, words: list[re.Match[str]], at: int) -> Iterator[Change]:
    """Two neighbouring columns of one SELECT with their values swapped; the names stay where they are."""
    named = not at or words[at - 1][0].upper() not in ("ALL", "UNION")
    spans = []
    start = at + 1 + (words[at + 1][0].upper() == "DISTINCT")
    while start < len(words):
        end = clause(words, start, ENDS)
        alias = end - 2 if words[end - 2][0].upper() == "AS" else end
        name = words[end - 1][0].strip('"')
        value = text.text[words[start].start() : words[alias - 1].end()]
        spans.append((words[start].start(), words[end - 1].end(), value, name))
        if end >= len(words) or words[end][0] != ",":
            break
        start = end + 1
    for (start, _, value, name), (_, end, other, its) in pairwise(spans):
        if value != other and "*" not in (value[-1], other[-1]):
            new = f'{other} AS "{name}", {value} AS "{its}"' if named else f"{other}, {value}"
            yield text.change("columns", start, end, new)


# --- facts


def facts(text: Text) -> Iterator[Change]:
    """The changes of a catalogue file: a number, a flag, a letter of a pattern or of a word that is compared."""
    key, table, offset = "", "", 0
    shelf = Path(text.file).parent.name
    for line in text.text.split("\n"):
        if head := re.match(r"\[+([\w.-]+)\]+", line):
            table, key = head[1], ""
        elif not line.startswith("#"):
            if name := re.match(r"([\w-]+|\"[^\"]*\") *=", line):
                key = name[1]
            yield from values(text, line, offset, key, table, shelf)
        offset += len(line) + 1


def values(text: Text, line: str, offset: int, key: str, table: str, shelf: str) -> Iterator[Change]:
    """The changes of one line's values, whether the file stays readable or not."""
    prose = PROSE - {"name", "url"} if shelf in NAMES or "params" in (key, table) else PROSE
    for value in re.finditer(r"'[^']*'|\"(?:\\.|[^\"\\])*\"|\b\d+\b|\btrue\b|\bfalse\b", line):
        inner = re.findall(r"([\w-]+) *= *[\[{]*", line[: value.start()])
        own = inner[-1] if inner else key
        start, end, written = offset + value.start(), offset + value.end(), value[0]
        if {own, key, *table.split(".")} & prose or line[value.end() :].lstrip().startswith("="):
            continue
        if written.isdigit():
            kind, new = "number", str(int(written) + 1)
        elif written in ("true", "false"):
            kind, new = "flag", "false" if written == "true" else "true"
        elif own in PATTERNS:
            kind, new = "pattern", misspelt(written)
        elif " " not in written and "https:" not in written:
            kind, new = "word", misspelt(written)
        else:
            continue
        yield replace(text.change(kind, start, end, new), group=f"{shelf} {own}")


def misspelt(written: str) -> str:
    """A string with one letter changed: the middle one of those that stand for themselves."""
    own = [found.start() for found in re.finditer(r"(?<![\\\w])[A-Za-z]|(?<=[A-Za-z])[a-z]", written)]
    if own:
        at = own[len(own) // 2]
        new = "q" if written[at] != "q" else "k"
        return written[:at] + new + written[at + 1 :]
    return written


# --- the sample


def sample(seed: int, count: int, only: str | None) -> list[Change]:
    """That many changes, the kinds of each area alike, no two on one line; the same for the same seed."""
    dice = random.Random(seed)
    finders = {
        "code": (code, "poolcheck/**/*.py"),
        "sql": (sql, "poolcheck/live/sql/*.sql"),
        "facts": (facts, "poolcheck/catalogue/**/*.toml"),
    }
    chosen: list[Change] = []
    for area in [only] if only else finders:
        find, files = finders[area]
        kinds: dict[str, list[Change]] = defaultdict(list)
        for path in sorted(ROOT.glob(files)):
            file = path.relative_to(ROOT).as_posix()
            for change in find(Text(file, path.read_text(encoding="utf-8"))):
                kinds[change.kind].append(change)
        for kind in sorted(kinds):
            kinds[kind] = mixed(kinds[kind], dice)
        wanted = count if only else round(count * SHARES[area])
        taken: dict[tuple[str, int], Change] = {}
        while len(taken) < wanted and any(kinds.values()):
            for kind in sorted(kinds):
                if kinds[kind] and len(taken) < wanted:
                    change = kinds[kind].pop()
                    if differs(change):
                        taken.setdefault((change.file, change.line), change)
        chosen += taken.values()
    dice.shuffle(chosen)
    return chosen


def mixed(changes: list[Change], dice: random.Random) -> list[Change]:
    """The changes in an order of chance in which each group comes as often as any other, while it lasts."""
    dice.shuffle(changes)
    places: Counter[str] = Counter()
    turns: list[tuple[int, int]] = []
    for change in changes:
        turns.append((places[change.group], len(turns)))
        places[change.group] += 1
    return [changes[at] for _, at in sorted(turns, reverse=True)]  # taken from the end


def differs(change: Change) -> bool:
    """Whether the changed file can be read, and says something else than before."""
    text = (ROOT / change.file).read_text(encoding="utf-8")
    try:
        if change.file.endswith(".py"):
            return ast.dump(ast.parse(change.of(text))) != ast.dump(ast.parse(text))
        return not change.file.endswith(".toml") or tomllib.loads(change.of(text)) != tomllib.loads(text)
    except (SyntaxError, tomllib.TOMLDecodeError):
        return False


# --- the tests


def stages(change: Change) -> list[list[str]]:
    """The tests that can notice a change, the nearest first, as pytest's arguments; no file twice but by `-k`."""
    path = Path(change.file)
    parts = path.with_suffix("").parts
    fact = path.suffix == ".toml"
    package = parts[2] if fact else parts[1]
    word = path.stem.split("_")[0] if path.stem.startswith("pc") else path.stem.strip("_")
    named, mention = [], []
    for test in sorted((ROOT / "tests").glob("**/test_*.py"), key=cost):
        name = test.relative_to(ROOT).as_posix()
        if word in test.stem or (word == path.stem.split("_")[0] and word.upper() in test.read_text("utf-8")):
            named.append(name)
        elif re.search(rf"\b{'[.]'.join(parts)}\b|import {re.escape(word)}\b", test.read_text("utf-8")):
            mention.append(name)
    first: list[str] = []  # a few seconds that tell most of these
    if fact:
        first = ["tests/catalogue/test_recorded.py"]
    elif path.stem.startswith("pc"):  # the ids of the parametrised tests carry the name
        first = ["tests/live/test_pages.py" if word[2] in "78" else "tests/rules", "-k", word.upper()]
    own = (
        ["tests/live/sql", "tests/live/test_look.py"]
        if path.suffix == ".sql"
        else [f"tests/{'/'.join(parts[1:3])}"]
    )
    near = own if fact else [*named, *mention, *own]
    wide = [f"tests/{entry}" for entry in f"{parts[1]} {READERS.get(package, '')} {ALWAYS}".split()]
    kept = [first] if first else []
    seen: set[str] = set()
    for stage in (near, wide):  # each start of pytest costs seconds: two for most changes
        files = [name for entry in stage for name in files_of(entry)]
        kept.append([name for name in dict.fromkeys(files) if name not in seen])
        seen.update(files)
    return [tests for tests in kept if tests]


def files_of(entry: str) -> list[str]:
    """The test files of a folder, or the file."""
    path = ROOT / entry
    found = path.glob("**/test_*.py") if path.is_dir() else [path]
    return [name.relative_to(ROOT).as_posix() for name in sorted(filter(Path.is_file, found), key=cost)]


def cost(test: Path) -> tuple[bool, int]:
    """What is tried first: the small files; behind all others those that install packages, start servers or guess."""
    text = test.read_text("utf-8")
    return bool(re.search(r"mark\.(?:slow|node|postgres|bouncer)|import given", text)), len(text)


class Copy:
    """A copy of the checkout, where one change at a time is made."""

    def __init__(self, outer: str) -> None:
        self.root = Path(tempfile.mkdtemp(dir=outer)) / "checkout"
        left = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", ".hypothesis")
        shutil.copytree(ROOT, self.root, ignore=left)
        # Bytecode that is told by the time of its source would outlive a change made within the same second.
        compileall.compile_dir(
            self.root / "poolcheck", quiet=2, invalidation_mode=PycInvalidationMode.CHECKED_HASH
        )
        self.broken: set[str] = set()

    def run(self, tests: list[str], seconds: float) -> str | None:
        """The first test that fails, "" when none does, None when time ran out; `error` when there is no name."""
        skipped = [f"--deselect={name}" for name in self.broken]
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-x",
            "-q",
            "-p",
            "no:cacheprovider",
            "--tb=no",
            *skipped,
            *tests,
        ]
        environment = {**os.environ, "PYTHONPATH": str(self.root)}
        child = subprocess.Popen(
            command, cwd=self.root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        )  # fmt: skip
        # Of processor time, so that a busy machine does not decide; a test that waits for ever ends by the clock.
        resource.prlimit(child.pid, resource.RLIMIT_CPU, (max(int(seconds), 1), max(int(seconds), 1) + 5))
        try:
            said, _ = child.communicate(timeout=WAIT * max(seconds, 1))
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, 15)  # servers that a test started end with it
            try:
                child.communicate(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, 9)
                child.communicate()
            return None
        if child.returncode == -signal.SIGXCPU:
            return None
        if child.returncode in (0, 5):  # 5: nothing was left to run
            return ""
        failed = re.search(r"^(?:FAILED|ERROR) (\S+?::.+?)(?: - |$)", said, re.MULTILINE)
        return failed[1] if failed else "error"

    def judge(self, change: Change, seconds: float) -> dict[str, object]:
        """Whether the tests notice the change within that many seconds, and which one did."""
        path = self.root / change.file
        text = path.read_text(encoding="utf-8")
        start, by = spent(), ""
        for stage in stages(change):
            while True:
                path.write_text(change.of(text), encoding="utf-8")
                found = self.run(stage, seconds - (spent() - start))
                path.write_text(text, encoding="utf-8")
                if found in (None, "", "error") or self.run([str(found)], seconds) == "":
                    break
                self.broken.add(str(found))
            by = found if found is not None else "(time ran out)"
            if by:
                break
        noticed = bool(by) and by != "(time ran out)"
        return {**asdict(change), "noticed": noticed, "by": by, "seconds": round(spent() - start, 1)}


OWN: list[Copy] = []  # the copy of this worker, and its seconds
SECONDS: list[float] = []


def begin(outer: str, seconds: float) -> None:
    """Make the copy that a worker changes."""
    OWN.append(Copy(outer))
    SECONDS.append(seconds)


def judge(change: Change) -> dict[str, object]:
    """What the tests of a worker's copy make of a change."""
    return OWN[0].judge(change, SECONDS[0])


def spent() -> float:
    """Seconds of the processor's time that the tests of this worker took so far."""
    taken = resource.getrusage(resource.RUSAGE_CHILDREN)
    return taken.ru_utime + taken.ru_stime


def main() -> None:
    """Print what was noticed, by kind, and each survivor."""
    asked = argparse.ArgumentParser(
        description="Samples small changes and counts those that the tests notice."
    )
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--count", type=int, default=200)
    asked.add_argument("--only", choices=list(SHARES))
    asked.add_argument("--workers", type=int, default=2)
    asked.add_argument("--seconds", type=float, default=120, help="of tests for one change; default 120")
    asked.add_argument(
        "--record", type=Path, help="a file of verdicts, one a line; those in it are not tried again"
    )
    asked.add_argument("--list", action="store_true", help="only say what would be changed")
    given = asked.parse_args()
    chosen = sample(given.seed, given.count, given.only)
    if given.list:
        print(*chosen, sep="\n")
        return
    lines = given.record.read_text().splitlines() if given.record and given.record.exists() else []
    done = [json.loads(line) for line in lines]
    known = {(row["file"], row["start"], row["new"]) for row in done}
    todo = [each for each in chosen if (each.file, each.start, each.new) not in known]
    with (
        tempfile.TemporaryDirectory() as outer,
        ProcessPoolExecutor(given.workers, initializer=begin, initargs=(outer, given.seconds)) as pool,
    ):
        for row in pool.map(judge, todo):
            done.append(row)
            print("." if row["noticed"] else "S", end="", flush=True)
            if given.record:
                with given.record.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
    tell(done)


def tell(done: list[dict[str, object]]) -> None:
    """The table by kind, then the survivors."""
    area = {".py": "code", ".sql": "sql", ".toml": "facts"}
    every: Counter[str] = Counter()
    noticed: Counter[str] = Counter()
    for row in done:
        suffix = area[Path(str(row["file"])).suffix]
        for name in (f"{suffix}: {row['kind']}", suffix, "all"):
            every[name] += 1
            noticed[name] += bool(row["noticed"])
    print("\n")
    for name in sorted(every, key=lambda name: (name == "all", name)):
        print(
            f"{name:<20} {noticed[name]:>4} of {every[name]:>4} noticed  {noticed[name] / every[name]:>4.0%}"
        )
    print("\nsurvived:")
    fields = Change.__dataclass_fields__
    for row in done:
        if not row["noticed"]:
            print(Change(**{name: row[name] for name in fields}), row["by"])  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
