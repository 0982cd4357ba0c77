"""The one visual language of all commands: symbols beside words, never colour alone, never wider than asked.

Written by hand instead of with rich: a plain `lint` must start in the time of `import click`, and what is shown is
paragraphs, code and small tables. Every method gives lines without newlines.

`plain` is for screen readers and braille displays: words instead of symbols, a paragraph or a row of a table on one
line, nothing cut, drawn, aligned or coloured. What poolcheck itself says is then ASCII.
"""

from collections.abc import Iterable, Iterator, Sequence

from poolcheck.model.severity import Severity
from poolcheck.record import dataclass
from poolcheck.text import clean, width

_ANSI = {
    "error": "1;31",
    "warning": "1;33",
    "info": "1;36",
    "ok": "1;32",
    "do": "1;33",
    "check": "1;36",
    "bold": "1",
    "dim": "2",
    "code": "36",
    "heading": "1",
}
_SYMBOLS = {  # word: (with Unicode, without)
    "error": ("✖", "x"),
    "warning": ("▲", "!"),
    "info": ("●", "i"),
    "done": ("✔", "+"),
    "do": ("➜", ">"),
    "check": ("?", "?"),
    "not needed": ("·", "."),
}
NARROW = 72  # columns; below, tables stand closer
ENDLESS = 10_000  # columns: more than any paragraph has
_BULLETS = ("-", "|")  # what stands before a paragraph only to be looked at
_STATUS_STYLE = {"done": "ok", "do": "do", "check": "check", "not needed": "dim"}


@dataclass(frozen=True, slots=True)
class Style:
    """How to show a report. `width` is in columns, at least 40; `verbosity` -1 quiet, 0 normal, 1 verbose.

    `plain` wins over `width`, `color` and `unicode`.
    """

    width: int = 80
    color: bool = False
    unicode: bool = True
    verbosity: int = 0
    plain: bool = False


class Paint:
    """Makes lines in one style."""

    def __init__(self, style: Style) -> None:
        self.look = style
        self.flows = style.plain  # lines have no end: nothing is wrapped, cut, or drawn with characters
        self.width = ENDLESS if self.flows else max(40, style.width)

    def style(self, text: str, *roles: str) -> str:
        """`text` in the colours of `roles`, or as it is where colour is off."""
        codes = ";".join(_ANSI[role] for role in roles)
        colored = self.look.color and not self.look.plain
        return f"\x1b[{codes}m{text}\x1b[0m" if colored and codes and text else text

    def symbol(self, word: str) -> str:
        """The symbol of a severity or a step's status, to stand before a sentence; plain, the word and a colon."""
        if self.look.plain:
            return f"{word}:"
        return _SYMBOLS[word][0 if self.look.unicode else 1]

    def marked(self, word: str, text: str) -> str:
        """`text`, which says the same in words, behind the symbol of `word`; plain, the text alone."""
        return text if self.look.plain else f"{self.symbol(word)} {text}"

    def severity(self, severity: Severity) -> str:
        """Symbol and word of a severity, coloured."""
        return self.style(self.marked(severity.word, severity.word), severity.word)

    def status(self, status: str) -> str:
        """Symbol and word of a step's status, coloured."""
        return self.style(self.marked(status, status), _STATUS_STYLE[status])

    def heading(self, text: str) -> str:
        """A heading."""
        return self.style(text, "heading")

    def wrap(self, text: str, indent: int = 0, first: str = "") -> Iterator[str]:
        """A paragraph, wrapped at words and indented; `first` stands at the start of its first line instead.

        A word that is longer than a line stays whole: a cut URL or command cannot be copied.
        """
        lead = first or " " * indent
        if self.look.plain and lead.strip() in _BULLETS:
            lead = " " * (len(lead) - len(lead.lstrip()))
        elif self.look.plain and lead.strip():  # no column of labels
            lead = lead.rstrip() + " " * min(2, len(lead) - len(lead.rstrip()))
        line, used = lead, width(clean(lead))  # without its colours
        start = True
        for word in clean(text).split():
            size = width(word)
            if not start and used + 1 + size > self.width:
                yield line
                line, used, start = " " * indent, indent, True
            if start:
                line, used = line + word, used + size
            else:
                line, used = f"{line} {word}", used + 1 + size
            start = False
        yield line.rstrip()

    def name(self, text: str, limit: int) -> str:
        """A name from outside, cut to `limit` characters where a line has an end."""
        return clean(text) if self.flows else clean(text, limit=limit)

    def code(self, lines: Iterable[str], indent: int = 4) -> Iterator[str]:
        """Lines to copy: never wrapped, never cut."""
        for line in lines:
            yield " " * indent + self.style(clean(line), "code")

    def excerpt(
        self, line: int | None, text: str, column: int | None = None, end: int | None = None, indent: int = 2
    ) -> Iterator[str]:
        """A line of the user's file with its number, cut around the fault, and the fault underlined.

        `column` and `end`, behind it, count from 1 in `text`.
        """
        text = clean(text.expandtabs(1))
        start = (column or 1) - 1
        stop = max(end - 1 if end else start + 1, start + 1)
        if self.look.plain:
            yield f"{' ' * indent}text: {text.strip()}"
            if column and text[start:stop] != text.strip():
                yield f"{' ' * indent}marked: {text[start:stop]}"
            return
        label = f"{line} | " if line else "| "
        room = max(20, self.width - indent - len(label))
        if width(text) > room:
            # The whole of the span where it fits, and the line's beginning where that fits beside it.
            offset = max(0, min(start - 2, stop - room + 2))
            cut = text[offset + 1 if offset else 0 :]
            text = ("…" if offset else "") + cut
            text = text if len(text) <= room else text[: room - 1] + "…"
            start, stop = max(start - offset, 1 if offset else 0), stop - offset
            stop = min(stop, len(text))
        yield " " * indent + self.style(label, "dim") + text
        if column:
            gap = indent + len(label) + width(text[:start])
            yield " " * gap + self.style("^" * max(1, width(text[start:stop])), "bold")

    def table(
        self, rows: Sequence[Sequence[str]], header: Sequence[str] = (), align: str = "", indent: int = 2
    ) -> Iterator[str]:
        """Columns of text. `align` has one of `<` or `>` a column. The widest text column gives way to the width."""
        if not rows:
            return
        if self.look.plain:
            yield from self.rows(rows, header, indent)
            return
        cells = [[clean(cell) for cell in row] for row in rows]
        everything = [list(header), *cells] if header else cells
        columns = max(len(row) for row in everything)
        gutter = 2 if self.width >= NARROW else 1
        sizes = [max(width(row[i]) if i < len(row) else 0 for row in everything) for i in range(columns)]
        spare = self.width - indent - gutter * (columns - 1) - sum(sizes)
        while spare < 0 and max(sizes) > 8:
            widest = max(range(columns), key=sizes.__getitem__)
            cut = min(-spare, sizes[widest] - 8)
            runner_up = sorted(sizes)[-2] if columns > 1 else 8
            cut = min(cut, max(1, sizes[widest] - runner_up))
            sizes[widest] -= cut
            spare += cut
        for number, row in enumerate(everything):
            parts = []
            for i, size in enumerate(sizes):
                cell = clean(row[i] if i < len(row) else "", limit=size)
                gap = " " * (size - width(cell))
                parts.append(gap + cell if i < len(align) and align[i] == ">" else cell + gap)
            line = (" " * indent + (" " * gutter).join(parts)).rstrip()
            yield self.style(line, "dim") if header and number == 0 else line

    def rows(self, rows: Sequence[Sequence[str]], header: Sequence[str], indent: int) -> Iterator[str]:
        """A table in words: one line a row, each cell behind the name of its column."""
        for row in rows:
            named = zip(header or [""] * len(row), (clean(cell).strip() for cell in row), strict=False)
            cells = [f"{name}: {cell}" if name else cell for name, cell in named if cell]
            yield " " * indent + "; ".join(cells)

    def bar(self, ratio: float, size: int = 30, marks: Sequence[float] = ()) -> str:
        """A bar of `size` columns, filled to `ratio` (0 to 1, more is shown as full), with marks as `|` on it; plain, none."""
        if self.look.plain:
            return ""
        full, empty = ("█", "░") if self.look.unicode else ("#", ".")
        filled = min(size, max(0, round(ratio * size)))
        cells = [full] * filled + [empty] * (size - filled)
        for mark in marks:
            place = min(size - 1, max(0, round(mark * size)))
            if place >= filled:
                cells[place] = "|"
        return "".join(cells)
