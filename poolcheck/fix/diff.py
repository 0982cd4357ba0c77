"""A unified diff that shows no secret: the real texts are compared, the masked lines are shown.

Of an env file only the lines that change are shown, since any other line may hold a secret that has no mark; of
other files three lines around them. The place of a password is found by reading both texts, and every password found
in either is masked wherever it stands.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher

from poolcheck.connection.parse import looks_like_connection_string, parse
from poolcheck.connection.secret import MASK, Secret, hidden, hidden_lines, mask_elsewhere, redact
from poolcheck.readers.env import dotenv
from poolcheck.text import clean

_LINE = re.compile(r"[^\r\n]*+(?:\r\n|\r|\n)|[^\r\n]++")
CONTEXT = 3
LARGE = 250_000  # lines times lines: beyond, the shortest diff would take the square of the file
CODE = (".prisma", ".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".py", ".vue", ".svelte")
NO_NEWLINE = "\\ No newline at end of file"


def split_lines(text: str) -> list[str]:
    """Lines with their ends, whatever those are; joined they are the text."""
    return _LINE.findall(text)


def diff(texts: Mapping[str, tuple[str | None, str]]) -> tuple[str, ...]:
    """The lines of a unified diff over files: path → (old text, or None for a new file, and new text)."""
    return tuple(line for path, (old, new) in texts.items() for line in _file(path, old, new))


def _file(path: str, old: str | None, new: str) -> Iterator[str]:
    one, two = split_lines(old or ""), split_lines(new)
    shown_one, shown_two = _masked(path, one, two)
    around = CONTEXT if path.endswith(CODE) else 0
    matcher = SequenceMatcher(None, one, two, autojunk=False)
    if len(one) * len(two) > LARGE:
        matcher.opcodes = _by_anchors(one, two)  # type: ignore[attr-defined]  # where they are set, they are taken
    groups = matcher.get_grouped_opcodes(around)
    prefix = "" if path.startswith("/") else "a/"
    yield f"--- {prefix}{clean(path)}" if old is not None else "--- /dev/null"
    yield f"+++ {prefix and 'b/'}{clean(path)}"
    for group in groups:
        first, last = group[0], group[-1]
        yield f"@@ -{_range(first[1], last[2])} +{_range(first[3], last[4])} @@"
        for tag, start, end, start_two, end_two in group:
            if tag == "equal":
                yield from _lines(" ", shown_one, one, start, end)
                continue
            yield from _lines("-", shown_one, one, start, end)
            yield from _lines("+", shown_two, two, start_two, end_two)


def _by_anchors(one: Sequence[str], two: Sequence[str]) -> list[tuple[str, int, int, int, int]]:
    """What changes between two long texts, as difflib's opcodes, in one pass: not always the shortest way.

    Where lines differ, the texts meet again at the next line that stands once in each; what is alike before that is
    left out.
    """
    counts, others = Counter(one), Counter(two)
    once = {line: at for at, line in enumerate(two) if others[line] == counts[line] == 1}
    made: list[tuple[str, int, int, int, int]] = []
    left = right = 0
    meet = meet_two = -1
    while left < len(one) or right < len(two):
        start, start_two = left, right
        while left < len(one) and right < len(two) and one[left] == two[right]:
            left, right = left + 1, right + 1
        if left > start:
            made.append(("equal", start, left, start_two, right))
            continue
        if meet < left or meet_two < right:
            meet = next((at for at in range(left, len(one)) if once.get(one[at], -1) >= right), len(one))
            meet_two = once[one[meet]] if meet < len(one) else len(two)
        end, end_two = meet, meet_two
        if meet - left == meet_two - right:  # as many lines: one for one
            end = next((at for at in range(left, meet) if one[at] == two[right + at - left]), meet)
            end_two = right + end - left
        tag = "replace" if end > left and end_two > right else "delete" if end > left else "insert"
        made.append((tag, left, end, right, end_two))
        left, right = end, end_two
    return made


def _lines(mark: str, shown: Sequence[str], real: Sequence[str], start: int, end: int) -> Iterator[str]:
    for number in range(start, end):
        yield mark + shown[number]
        if not real[number].endswith(("\n", "\r")):
            yield NO_NEWLINE


def _range(start: int, end: int) -> str:
    """`line,count` as unified diffs count: from 1, an empty range before which it stands."""
    count = end - start
    return f"{start + 1 if count else start}" + ("" if count == 1 else f",{count}")


def _masked(path: str, one: Sequence[str], two: Sequence[str]) -> tuple[list[str], list[str]]:
    """The lines of both texts as they may be shown."""
    secrets: set[Secret] = set()
    halves = [_without_values(path, lines, secrets) for lines in (one, two)]
    result = []
    for lines in halves:
        whole = "\n".join(lines)
        met = [secret for secret in secrets if secret.reveal() in whole]
        below = frozenset(hidden_lines(lines))
        masked = [hidden(line) if number in below else line for number, line in enumerate(lines)]
        result.append([clean(redact(mask_elsewhere(line, *met))) for line in masked])
    return result[0], result[1]


def _without_values(path: str, lines: Sequence[str], secrets: set[Secret]) -> list[str]:
    """The lines with connection strings masked by whoever parsed them, and with no other value of an env file."""
    shown = [line.rstrip("\r\n") for line in lines]
    if path.endswith(CODE):
        return shown
    env = dotenv.read("".join(lines), path)
    for entry in env.entries:
        for number in range(entry.line, entry.end_line):
            shown[number - 1] = MASK  # a value over several lines
        if entry.end_line != entry.line:
            shown[entry.end_line - 1] = MASK
            continue
        line, start = shown[entry.line - 1], entry.value_column
        end = start + len(entry.raw)
        if looks_like_connection_string(entry.value or ""):
            conn = parse(entry.raw)
            secrets |= {each for each in (conn.password, parse(entry.value or "").password) if each}
            value = conn.masked()
        else:
            value = MASK if entry.raw else ""
        comment = line[end:] if not entry.quote else line[end + 1 :]
        tail = line[end : len(line) - len(comment)]
        if value.endswith(MASK) and not entry.quote and comment.strip():
            comment = ""  # perhaps the password's other half
        shown[entry.line - 1] = line[:start] + value + tail + comment
    return shown
