"""Ignore comments: `poolcheck: ignore[PC101] reason`, in the comment syntax of any file.

A comment behind code covers its own line. A comment that stands alone covers itself and the statement below;
several of them may be stacked. `ignore-file` covers the whole file from wherever it stands. Without brackets
every rule is meant; with them, the rules named by id (`PC101`) or by name (`direct-endpoint-for-app`).
A comment that says `poolcheck: ignore` in a way that cannot be read covers nothing and says so:
a typing error must not silence the wrong rule.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

# As text: most runs meet no ignore comment, and `re` keeps what it has compiled.
_DIRECTIVE = (
    r"(?is)(?:^|[#;*]|//|--)\s*poolcheck\s*:\s*(?P<verb>ignore-file|ignore)(?![\w-])"
    r"(?:\s*\[(?P<rules>[^\]]*)\])?(?P<rest>.*)"
)
_RULE = r"pc\d{3}|[a-z][a-z0-9]*(?:-[a-z0-9]+)+"
_UNBRACKETED = r"(?i)\s*(?:[\[(:=]|pc\d{3}\b)"
_CLOSERS = ("*/", "-->", "--%>", "%>")


class Ignore(NamedTuple):
    """What one ignore comment says. `rules` holds ids and names in lower case; () stands for every rule."""

    rules: tuple[str, ...] = ()
    reason: str = ""
    file_wide: bool = False
    trouble: str = ""  # why the comment cannot be read; it then covers nothing

    def means(self, rule_id: str, rule_name: str) -> bool:
        """Whether the comment means this rule."""
        if self.trouble:
            return False
        return not self.rules or rule_id.lower() in self.rules or rule_name.lower() in self.rules


class Comment(NamedTuple):
    """A comment of a file, by its first line, from 1. `alone`: no code stands before it there."""

    text: str
    line: int
    alone: bool


class PlacedIgnore(NamedTuple):
    """An ignore comment at line `line` of a file, and the lines it covers, from 1."""

    ignore: Ignore
    line: int
    lines: tuple[int, ...]


class Unused(NamedTuple):
    """An ignore comment, or one rule of it, that met no finding. `rule` "": the whole comment."""

    line: int
    rule: str
    why: str


def parse_ignore(comment_text: str) -> Ignore | None:
    """Read one comment, with or without its marker (`#`, `//`, `--`, `;`, `/* */`). None: not about ignoring."""
    if "poolcheck" not in comment_text.lower():
        return None
    found = re.search(_DIRECTIVE, comment_text)
    if found is None:
        return None
    verb, rest = found["verb"].lower(), found["rest"].rstrip()
    for closer in _CLOSERS:
        rest = rest.removesuffix(closer).rstrip()
    ignore = Ignore(reason=rest.lstrip().lstrip("-–—:#").strip(), file_wide=verb == "ignore-file")
    if found["rules"] is None:
        if re.match(_UNBRACKETED, rest):
            return ignore._replace(trouble=f"write the rules in brackets: poolcheck: {verb}[PC101]")
        return ignore
    rules = tuple(dict.fromkeys(rule.strip().lower() for rule in found["rules"].split(",") if rule.strip()))
    if not rules:
        return ignore._replace(trouble="the brackets name no rule")
    if not all(re.fullmatch(_RULE, rule) for rule in rules):
        return ignore._replace(trouble="name rules by id or name, with commas: [PC101, another-rule]")
    return ignore._replace(rules=rules)


class Ignores:
    """The ignore comments of one file."""

    __slots__ = ("_by_line", "_wide", "placed")

    def __init__(self, placed: Iterable[PlacedIgnore] = ()) -> None:
        self.placed = tuple(placed)
        self._wide: list[PlacedIgnore] = []
        self._by_line: dict[int, list[PlacedIgnore]] = {}
        for one in self.placed:
            if one.ignore.file_wide:
                self._wide.append(one)
                continue
            for line in one.lines:
                self._by_line.setdefault(line, []).append(one)

    def __bool__(self) -> bool:
        return bool(self.placed)

    def covers(self, rule_id: str, rule_name: str, line: int | None) -> PlacedIgnore | None:
        """The comment that silences this rule at this line, the nearest first; None when there is none.

        `line` None is a finding about the whole file: only `ignore-file` covers it.
        """
        return next((one for one in self._near(line) if one.ignore.means(rule_id, rule_name)), None)

    def _near(self, line: int | None) -> tuple[PlacedIgnore, ...]:
        near = self._by_line.get(line, []) if line is not None else []
        return (*near, *self._wide)

    def unused(
        self, found: Iterable[tuple[str, str, int | None]], ran: Collection[str] | None = None
    ) -> tuple[Unused, ...]:
        """What covered nothing, in file order.

        Args:
            found: rule id, rule name and line of every finding in the file before suppression.
            ran: ids and names of the rules that ran, in lower case: a rule that did not run is not called unused,
                nor is a comment about every rule. None: all ran.
        """
        met: set[tuple[PlacedIgnore, str]] = set()
        for rule_id, rule_name, line in found:
            for one in self._near(line):
                if one.ignore.means(rule_id, rule_name):
                    met.update((one, name) for name in (rule_id.lower(), rule_name.lower(), ""))
        result: list[Unused] = []
        for one in self.placed:
            if one.ignore.trouble:
                result.append(Unused(one.line, "", one.ignore.trouble))
                continue
            result += [
                Unused(one.line, rule, "no finding here")
                for rule in one.ignore.rules or ("",)
                if (one, rule) not in met and (ran is None or rule in ran)
            ]
        return tuple(result)


Lines = Callable[[int], Iterable[int]]


def _itself(line: int) -> Iterable[int]:
    return (line,)


def ignores_of(comments: Iterable[Comment], below: Lines, beside: Lines = _itself) -> Ignores:
    """The ignore comments among a file's comments, each over the lines that its place gives it.

    Args:
        comments: all of the file, or those that mention poolcheck.
        below: the lines of the statement below a comment that stands alone at a line.
        beside: the lines of the statement that a comment stands behind; that line alone unless given.
    """
    placed = []
    for comment in comments:
        ignore = parse_ignore(comment.text)
        if ignore is not None:
            around = (comment.line, *below(comment.line)) if comment.alone else beside(comment.line)
            placed.append(PlacedIgnore(ignore, comment.line, tuple(around)))
    return Ignores(placed)


def ignores_in_lines(lines: Sequence[str], mark: str, *, behind: bool = True, end: str = "") -> Ignores:
    """The ignore comments of a file whose comments begin with a mark, wherever nobody needs to parse more.

    Args:
        lines: of the file.
        mark: how a comment begins, as a regular expression: `#|//`.
        behind: whether a comment may stand behind code.
        end: what ends a statement; "": each line is one.
    """
    found = [one for one in _comments(lines, mark) if one.alone or behind]
    if not found:
        return Ignores()
    code = following([re.match(rf"\s*(?:{mark}|$)", line) is None for line in lines])
    ends = following([end in line for line in lines])

    def below(line: int) -> Iterable[int]:
        first = code[line]
        return range(first, (ends[first - 1] or first) + 1) if first else ()

    return ignores_of(found, below)


def _comments(lines: Sequence[str], mark: str) -> Iterator[Comment]:
    """The comments that begin with poolcheck's name."""
    for number, line in enumerate(lines, 1):
        found = re.search(rf"(?i)(?:{mark})\s*poolcheck\s*:", line) if "poolcheck" in line.lower() else None
        if found:
            alone = not line[: found.start()].strip() or re.match(rf"\s*(?:{mark})", line) is not None
            yield Comment(line[found.start() :], number, alone)


def following(wanted: Sequence[bool]) -> list[int]:
    """For each line, and the one before the first, the next line behind it that is wanted, from 1; 0 for none."""
    after, made = 0, [0]
    for number in range(len(wanted), 0, -1):
        after = number if wanted[number - 1] else after
        made.append(after)
    return made[::-1]
