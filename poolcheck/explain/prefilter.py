"""Finding the few places of a large log that are worth a closer look, at the speed of `re`'s fastest search.

`re` is fast when a pattern begins with one literal byte: it then runs over the text until that byte comes. So every
error pattern gives up one piece of literal text that a match must contain (its anchor), the anchors are grouped by
their first byte, and those first bytes are chosen to be few. A handful of passes then stands for all patterns.

An anchor is derived from the pattern itself. Nothing has to be added here when the catalogue grows.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache

from poolcheck.catalogue import error_texts as known

FIRST = "qPEao"  # the first bytes to prefer: one of them begins a telling piece of nearly every text, and most are rare
SHORTEST, LONGEST = 4, 16  # characters of an anchor
_CLASS = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]")
_GROUP = re.compile(r"\((?:\?(?:P<\w+>|[:=!]|<[=!]))?")
_QUANTIFIER = re.compile(r"[*+?]|\{\d+(?:,\d*)?\}")
_NO_LITERAL = set("bBsSdDwWAZ")


def anchors(pattern: str) -> tuple[str, ...]:
    """Pieces of text of which every match of the pattern contains at least one; () when it cannot be told."""
    found: list[str] = []
    for branch in _branches(pattern):
        best = _best(_runs(branch)) or _of_groups(branch)
        if not best:
            return ()
        found += best
    return tuple(dict.fromkeys(found))


def _of_groups(branch: str) -> tuple[str, ...]:
    """The anchors of a group that must match and has one in each alternative: preferred first bytes, then length."""
    found = [inner for body in _groups(branch) if (inner := anchors(body))]
    return min(
        found, key=lambda each: (sum(x[0] not in FIRST for x in each), -min(map(len, each))), default=()
    )


def _best(runs: list[str]) -> tuple[str, ...]:
    """The longest piece that begins with a preferred byte; where there is none, the longest there is."""
    pieces = [run[at : at + LONGEST] for run in runs for at, char in enumerate(run) if char in FIRST]
    best = max(pieces, key=lambda piece: (len(piece), -FIRST.index(piece[0])), default="")
    if len(best) < SHORTEST:
        best = max(runs, key=len, default="")[:LONGEST]
    return (best,) if len(best) >= SHORTEST else ()


def _branches(pattern: str) -> Iterator[str]:
    """The alternatives of a pattern's outermost level."""
    depth = start = at = 0
    while at < len(pattern):
        skip = _CLASS.match(pattern, at) if pattern[at] == "[" else None
        if pattern[at] == "\\":
            at += 2
            continue
        if skip:
            at = skip.end()
            continue
        depth += {"(": 1, ")": -1}.get(pattern[at], 0)
        if pattern[at] == "|" and depth == 0:
            yield pattern[start:at]
            start = at + 1
        at += 1
    yield pattern[start:]


def _tokens(branch: str) -> Iterator[tuple[str, str]]:
    """(kind, text): a literal character, a whole group that must match, or something else."""
    at = 0
    while at < len(branch):
        char = branch[at]
        end = at + 1
        kind, text = "char", char
        if char == "\\":
            end = at + 2
            kind, text = ("other", "") if branch[at + 1] in _NO_LITERAL else ("char", branch[at + 1])
        elif char == "[" and (found := _CLASS.match(branch, at)):
            end, kind = found.end(), "other"
        elif char == "(":
            end = _close(branch, at)
            opened = _GROUP.match(branch, at)
            head = opened.group() if opened else "("
            looks = head.endswith(("=", "!"))
            kind, text = ("other", "") if looks else ("group", branch[at + len(head) : end - 1])
        elif char in ".^$":
            kind = "other"
        quantifier = _QUANTIFIER.match(branch, end)
        if quantifier:
            end = quantifier.end() + branch.startswith(("?", "+"), quantifier.end())
            optional = quantifier.group()[0] in "*?" or quantifier.group().startswith("{0")
            kind = "other" if optional or kind == "char" else kind
        yield kind, text
        at = end


def _close(branch: str, start: int) -> int:
    """Just behind the parenthesis that closes the one at `start`."""
    depth = 0
    at = start
    while at < len(branch):
        if branch[at] == "\\":
            at += 2
            continue
        if branch[at] == "[" and (found := _CLASS.match(branch, at)):
            at = found.end()
            continue
        depth += {"(": 1, ")": -1}.get(branch[at], 0)
        at += 1
        if depth == 0:
            break
    return at


def _runs(branch: str) -> list[str]:
    """The stretches of literal text that every match of this alternative contains."""
    runs = [""]
    for kind, text in _tokens(branch):
        if kind == "char":
            runs[-1] += text
        else:
            runs.append("")
    return [run for run in runs if run]


def _groups(branch: str) -> Iterator[str]:
    return (text for kind, text in _tokens(branch) if kind == "group")


# --- passes -----------------------------------------------------------------------------------------------------

# Codes are looked for where a key or a severity stands before them: as plain numbers they would be everywhere.
_NUMBER = r"(?:53300|26000|34000|3D000|42P05|57P0\d|25P0\d|08P01|28P01)\b"
_CODES = (
    rf"ode[\\\"'`\]]{{0,4}}[ :=\[(]{{1,3}}[\\\"'`]{{0,3}}{_NUMBER}",  # code: '53300', "state_code":"53300", code=53300
    rf"E[\"'`\]]?[:=\[( ]{{1,3}}[\"'`]?{_NUMBER}",  # SQLSTATE 53300, SQLSTATE[53300]
    r"P0[1-5]\b",
)


def _tree(words: Iterable[str]) -> str:
    """Alternatives as a tree: what follows a common beginning is only tried where that beginning stands."""
    heads: dict[str, list[str]] = defaultdict(list)
    for word in words:
        heads[word[:1]].append(word[1:])
    if "" in heads:
        return ""  # a shorter word ends here: what is longer needs no look
    branches = [re.escape(head) + _tree(tails) for head, tails in sorted(heads.items())]
    return branches[0] if len(branches) == 1 else "(?:" + "|".join(branches) + ")"


def _passes(words: Iterable[str], patterns: Iterable[str] = ()) -> tuple[re.Pattern[bytes], ...]:
    """One pattern for each first byte. `words` are taken literally, `patterns` begin with a literal character."""
    groups: dict[str, list[str]] = defaultdict(list)
    extra: dict[str, list[str]] = defaultdict(list)
    for word in words:
        text = word.encode().decode("latin-1")  # bytes as characters, so that one tree serves all languages
        groups[text[0]].append(text[1:])
    for pattern in patterns:
        extra[pattern[0]].append(pattern[1:])
    made = []
    for first in sorted(groups.keys() | extra.keys()):
        body = [_tree(groups[first])] if groups[first] else []
        source = re.escape(first) + "(?:" + "|".join(body + extra[first]) + ")"
        made.append(re.compile(source.encode("latin-1")))
    return tuple(made)


@cache
def passes() -> tuple[re.Pattern[bytes], ...]:
    """What finds every pattern of the catalogue and every translation that has an anchor in ASCII.

    Raises:
        AssertionError: a pattern has no anchor; a test of the catalogue says which.
    """
    words: set[str] = set()
    for error in known.errors():
        for pattern in error.patterns:
            found = anchors(pattern)
            assert found, f"{error.id}: no anchor in {pattern!r}"
            words.update(found)
    words.update(word for text in _translations() if (word := _ascii_anchor(text)))
    return _passes(words, _CODES)


@cache
def foreign_passes() -> tuple[re.Pattern[bytes], ...]:
    """What finds the other translations; only for blocks that are not ASCII."""
    return _passes({max(_fixed(text), key=len)[:6] for text in _translations() if not _ascii_anchor(text)})


def _translations() -> Iterator[str]:
    return (text for translation in known.translations() for _, text in translation.texts)


def _fixed(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"%[sdm]", text)]


def _ascii_anchor(text: str) -> str:
    runs = [run for part in _fixed(text) for run in re.findall(r"[ -~]{5,}", part)]
    best = _best(runs)
    return best[0] if best and best[0][0] in FIRST else ""


def places(block: bytes, start: int, end: int) -> list[int]:
    """Where something may begin between `start` and `end`, sorted."""
    reach = end + LONGEST * 4
    found = [match.start() for pattern in passes() for match in pattern.finditer(block, start, reach)]
    if not block.isascii():
        found += [
            match.start() for pass_ in foreign_passes() for match in pass_.finditer(block, start, reach)
        ]
    return sorted(place for place in found if place < end)
