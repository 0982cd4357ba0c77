"""Rules x subjects to findings: selects, stamps, caps, suppresses, sorts. No I/O."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from poolcheck.connection.secret import MASK, hidden, hidden_lines, redact, redact_setting
from poolcheck.errors import BadConfig
from poolcheck.model.context import Context
from poolcheck.model.finding import Finding, UnusedIgnore
from poolcheck.model.ignores import Ignores
from poolcheck.model.problem import Location, Problem
from poolcheck.model.rule import AnyRule
from poolcheck.model.severity import Severity
from poolcheck.model.target import Target
from poolcheck.record import dataclass
from poolcheck.text import nearest


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rules run: ids, names or prefixes (`PC2`). Nothing selected means all; `ignore` wins."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    def admits(self, rule_id: str, rule_name: str) -> bool:
        """Whether that rule runs."""
        return (not self.select or _named(self.select, rule_id, rule_name)) and not _named(
            self.ignore, rule_id, rule_name
        )


EVERYTHING = Selection()
_WORD = re.compile(
    r"(?:new\s+)?[\w$.@/-]+"
)  # what is underlined where a reader names only its first character


def _named(tokens: Iterable[str], rule_id: str, rule_name: str) -> bool:
    return any(rule_id.startswith(token.upper()) or rule_name == token.lower() for token in tokens)


def check_selection(selection: Selection, known: Mapping[str, str]) -> None:
    """Complain about a token that names no rule: a typo must not switch the gate off.

    Raises:
        BadConfig: with the nearest name.
    """
    for token in (*selection.select, *selection.ignore):
        if token and any(_named((token,), rule_id, name) for rule_id, name in known.items()):
            continue
        near = nearest(token.upper(), known, alike=0.75) or nearest(token.lower(), known.values())
        hint = f"Did you mean {near[0]}? " if near else ""
        raise BadConfig(f"no rule is named {token!r}", f"{hint}`poolcheck explain rules` lists them.")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the rules said: what counts, and what an ignore comment took out."""

    findings: tuple[Finding, ...]
    suppressed: tuple[Finding, ...]


def run(
    rules: Sequence[AnyRule],
    subjects: Sequence[object],
    context: Context,
    *,
    selection: Selection = EVERYTHING,
    ignores: Mapping[str, Ignores] | None = None,
    lines: Mapping[str, Sequence[str]] | None = None,
) -> Judgement:
    """Run every selected rule over every subject of its kind.

    `ignores` and `lines` are by path: the ignore comments of a file, and its text for the excerpts.
    """
    ignores = ignores or {}
    lines = lines or {}
    found: list[Finding] = []
    suppressed: list[Finding] = []
    by_type: dict[type, list[object]] = {}
    for subject in subjects:
        by_type.setdefault(type(subject), []).append(subject)
    masked = {
        (subject.location.path, subject.location.line): masked_line(subject, lines)
        for subject in subjects
        if isinstance(subject, Target) and subject.origin in ("env", "deployment")
    }
    below = cache(lambda path: frozenset(hidden_lines(lines[path])))
    active = [rule for rule in rules if selection.admits(rule.id, rule.name)]

    def judge(rule: AnyRule, subject: object) -> None:
        for problem in rule.check(subject, context):
            finding = stamp(rule, subject, problem, lines, masked=masked, below=below)
            at = finding.location
            covering = ignores.get(at.path) if at else None
            if covering and at and covering.covers(rule.id, rule.name, at.line):
                suppressed.append(finding)
            else:
                found.append(finding)

    for rule in active:
        if rule.subject is not UnusedIgnore:
            for subject in by_type.get(rule.subject, ()):
                judge(rule, subject)
    for rule in active:
        if rule.subject is UnusedIgnore:
            some = active if len(active) < len(rules) else None
            for ignore in unused_ignores(ignores, [*found, *suppressed], some):
                judge(rule, ignore)
    return Judgement(_sorted(found), _sorted(suppressed))


def by_path(judged: Judgement, ignored_at: Callable[[str], tuple[str, ...]]) -> Judgement:
    """Take out what the config ignores below some paths: `ignored_at` gives the ignored rules of a path."""

    def ignored(finding: Finding) -> bool:
        path = finding.location.path if finding.location else ""
        tokens = ignored_at(path)
        return bool(tokens) and _named(tokens, finding.rule.id, finding.rule.name)

    taken = [finding for finding in judged.findings if ignored(finding)]
    if not taken:
        return judged
    return Judgement(
        tuple(finding for finding in judged.findings if not ignored(finding)),
        _sorted([*judged.suppressed, *taken]),
    )


def unused_ignores(
    ignores: Mapping[str, Ignores], findings: Sequence[Finding], active: Sequence[AnyRule] | None
) -> Iterable[UnusedIgnore]:
    """The ignore comments that covered nothing, of the rules that ran; None: all ran."""
    ran = None if active is None else {word for rule in active for word in (rule.id.lower(), rule.name)}
    for path, each in ignores.items():
        here = [f for f in findings if f.location and f.location.path == path]
        met = [(f.rule.id, f.rule.name, f.location.line if f.location else None) for f in here]
        for unused in each.unused(met, ran):
            yield UnusedIgnore(Location(path, unused.line), unused.rule, unused.why)


def _sorted(findings: list[Finding]) -> tuple[Finding, ...]:
    unique = {(finding.sort_key, finding.key, finding.message): finding for finding in findings}
    return tuple(sorted(unique.values(), key=lambda finding: finding.sort_key))


def stamp(
    rule: AnyRule,
    subject: Any,
    problem: Problem,
    lines: Mapping[str, Sequence[str]],
    *,
    masked: Mapping[tuple[str, int | None], str],
    below: Callable[[str], frozenset[int]],
) -> Finding:
    """A problem with its rule's id, its place and its excerpt; nothing in it holds a secret."""
    at: Location | None = problem.at or getattr(subject, "location", None)
    severity = problem.severity or rule.severity
    if (
        isinstance(subject, Target)
        and rule.id != "PC110"
        and (subject.example_file or subject.conn.has_placeholder)
    ):
        severity = min(severity, Severity.INFO)  # a placeholder never gives more
    at = spanned(at, lines)
    text, column, end = excerpt(subject, at, lines, masked=masked, below=below)
    return Finding(
        rule=rule,
        severity=severity,
        confidence=problem.confidence,
        message=redact(problem.message),
        why=redact(problem.why),
        subject=problem.subject or str(getattr(subject, "name", "")),
        location=at,
        excerpt=text,
        excerpt_column=column,
        excerpt_end=end,
        ascii=at is None
        or at.line is None
        or all(map(str.isascii, lines.get(at.path, ())[at.line - 1 : at.line])),
        related=problem.related,
        fix=problem.fix,
        sources=tuple(dict.fromkeys((*problem.sources, *rule.sources))),
        key=problem.key,
    )


def spanned(at: Location | None, lines: Mapping[str, Sequence[str]]) -> Location | None:
    """The place with the end of its span: the word that begins there, or the whole line where no column is known."""
    if at is None or at.line is None or at.end_column or not 0 < at.line <= len(lines.get(at.path, ())):
        return at
    line = lines[at.path][at.line - 1].rstrip()
    if at.column is None:
        column, end = len(line) - len(line.lstrip()) + 1, len(line) + 1
    else:
        column = at.column
        word = _WORD.match(line, column - 1)
        end = word.end() + 1 if word else column + 1
    return replace(at, column=column, end_column=end) if line else at


def excerpt(
    subject: Any,
    at: Location | None,
    lines: Mapping[str, Sequence[str]],
    *,
    masked: Mapping[tuple[str, int | None], str],
    below: Callable[[str], frozenset[int]],
) -> tuple[str, int | None, int | None]:
    """The line with the fault, secrets masked, and where the fault begins and ends in the masked line, from 1."""
    if at is None or at.line is None or at.path not in lines or at.line > len(lines[at.path]):
        if isinstance(subject, Target) and subject.origin == "argument":
            return subject.conn.masked(), None, None
        return "", None, None
    line = lines[at.path][at.line - 1].rstrip("\r\n")
    known = masked.get((at.path, at.line))
    if known is None and at.line - 1 in below(at.path):
        return hidden(line), None, None
    shown = redact_setting(line) if known is None else redact(known)
    if at.column is None or at.end_column is None:
        return shown, None, None
    ends = [at.column - 1, at.end_column - 1]  # from 0, in the line as it is
    start = subject.value_column if isinstance(subject, Target) and subject.location.line == at.line else None
    if known is None or start is None:
        ends = [len(redact(line[:end])) for end in ends]
    elif ends[1] > start:
        if subject.raw != subject.conn.raw:
            return shown, None, None
        ends = [end if end <= start else start + subject.conn.masked_offset(end - start) for end in ends]
    column, end = (min(each, len(shown)) for each in ends)
    return shown, column + 1, max(end, column + 1) + 1


def masked_line(target: Target, lines: Mapping[str, Sequence[str]]) -> str:
    """The target's line with its value as the parser masks it: it knows where the secrets are."""
    at, start = target.location, target.value_column
    line = (
        lines[at.path][at.line - 1].rstrip("\r\n")
        if at.line and at.line <= len(lines.get(at.path, ()))
        else ""
    )
    if start is not None and target.raw and line[start : start + len(target.raw)] == target.raw:
        rest = line[start + len(target.raw) :]
        # A comment, or the password's other half behind a quote or ` #` that cut the value short.
        value = target.conn.masked()
        if "@" in rest:
            rest = MASK + rest[rest.rfind("@") :]
        elif value.endswith(MASK) and rest[:1].isspace() and rest.strip():
            rest = ""
        return line[:start] + value + rest
    return f"{target.name}={target.conn.masked()}"
