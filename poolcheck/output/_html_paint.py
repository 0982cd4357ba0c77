"""Paint for the page of `--html`: the sections' own lines become paragraphs, tables, code and small pictures.

What a method makes is kept aside, and a token stands for it in the line, so that a section may put painted words
between its own. At the end every line is escaped, and then the tokens are replaced. A token holds a random word: text
from a file or a server cannot name one.
"""

import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import groupby

from poolcheck.output.paint import ENDLESS, Paint, Style
from poolcheck.text import clean


def esc(text: str) -> str:
    """Text as it is: no control character, no markup."""
    return escape(clean(text), quote=True)


class HtmlPaint(Paint):
    """Makes the elements of a page. `blocks` puts a section's lines together."""

    def __init__(self) -> None:
        super().__init__(Style(width=ENDLESS, verbosity=1))
        self.flows = True
        self._word = secrets.token_hex(8)
        self._token = re.compile(rf"⟪{self._word}\.(\d+)⟫")
        self._kept: list[tuple[str, str]] = []  # kind and HTML

    def _keep(self, kind: str, html: str) -> str:
        self._kept.append((kind, html))
        return f"⟪{self._word}.{len(self._kept) - 1}⟫"

    def resolve(self, html: str) -> str:
        """Escaped text with its tokens replaced. A token holds only older ones: this ends."""
        return self._token.sub(lambda found: self.resolve(self._kept[int(found[1])][1]), html)

    def blocks(self, lines: Iterable[str]) -> Iterator[str]:
        """The elements of a section; lines of code and rows of a table that follow one another are one element."""
        parts = []
        for line in lines:
            whole = self._token.fullmatch(line.strip())
            if whole and self._kept[int(whole[1])][0] != "inline":
                kind, html = self._kept[int(whole[1])]
                parts.append((kind, self.resolve(html)))
            elif line.strip():
                parts.append(("p", f"<p>{self.resolve(esc(line.strip()))}</p>"))
        for kind, group in groupby(parts, key=lambda part: part[0]):
            made = [html for _, html in group]
            if kind == "code":
                yield "<pre>" + "\n".join(made) + "</pre>"
            elif kind.startswith("table"):
                yield "<table>" + "".join(made) + "</table>"
            else:
                yield from made

    def style(self, text: str, *roles: str) -> str:
        """The words in a span whose classes are the roles."""
        return self._keep("inline", f'<span class="{" ".join(roles)}">{esc(text)}</span>')

    def heading(self, text: str) -> str:
        """A heading below the page's own."""
        return self._keep("block", f"<h2>{esc(text)}</h2>")

    def wrap(self, text: str, indent: int = 0, first: str = "") -> Iterator[str]:
        """A paragraph; what stood at the start of its first line is its label."""
        lead = first.strip()
        named = "item" if lead == "-" else "deep" if indent > 4 and not lead else ""
        label = f"<b>{esc(lead)}</b> " if lead and lead != "-" else ""
        body = f"{label}{esc(' '.join(text.split()))}"
        yield self._keep("block", f'<p class="{named}">{body}</p>' if named else f"<p>{body}</p>")

    def code(self, lines: Iterable[str], indent: int = 4) -> Iterator[str]:
        """Lines to copy."""
        for line in lines:
            yield self._keep("code", esc(line))

    def excerpt(
        self,
        line: int | None,
        text: str,
        column: int | None = None,
        end: int | None = None,
        indent: int = 2,
    ) -> Iterator[str]:
        """A line of the user's file, its number, and a mark on the fault."""
        text = clean(text.expandtabs(1))
        number = f'<span class="dim">{line} </span>' if line else ""
        marked = esc(text)
        if column and 0 < column <= len(text):
            stop = max(end - 1 if end else column, column)
            marked = f"{esc(text[: column - 1])}<mark>{esc(text[column - 1 : stop])}</mark>{esc(text[stop:])}"
        yield self._keep("block", f'<pre class="excerpt">{number}{marked}</pre>')

    def table(
        self,
        rows: Sequence[Sequence[str]],
        header: Sequence[str] = (),
        align: str = "",
        indent: int = 2,
    ) -> Iterator[str]:
        """One token a row. On a narrow page each cell stands on a line of its own, behind the name of its column."""
        kind = f"table{len(self._kept)}"
        names = [esc(each) for each in header]
        places = [' class="right"' if each == ">" else "" for each in align]
        if header and rows:
            cells = "".join(f"<th{_at(places, at)}>{name}</th>" for at, name in enumerate(names))
            yield self._keep(kind, f"<tr>{cells}</tr>")
        for row in rows:
            cells = "".join(
                f'<td{_at(places, at)} data-name="{_at(names, at)}">{esc(cell)}</td>'
                for at, cell in enumerate(row)
            )
            yield self._keep(kind, f"<tr>{cells}</tr>")

    def bar(self, ratio: float, size: int = 30, marks: Sequence[float] = ()) -> str:
        """A bar as a picture, in the colour of the words around it."""
        return self._keep("inline", draw_bar(ratio, marks))


def _at(items: Sequence[str], at: int) -> str:
    return items[at] if at < len(items) else ""


def draw_bar(ratio: float, marks: Sequence[float] = ()) -> str:
    """A bar of 300 x 14, filled to `ratio` (more than 1 is drawn as full), with a line at each mark."""
    filled = 300 * min(1.0, max(0.0, ratio))
    lines = "".join(
        f'<line class="mark" x1="{300 * min(1.0, max(0.0, mark)):.1f}" x2="{300 * min(1.0, max(0.0, mark)):.1f}"'
        ' y1="0" y2="14"/>'
        for mark in marks
    )
    return (
        f'<svg class="bar" viewBox="0 0 300 14" role="img" aria-label="{ratio:.0%}" preserveAspectRatio="none">'
        f'<rect class="rest" width="300" height="14"/><rect width="{filled:.1f}" height="14" fill="currentColor"/>'
        f"{lines}</svg>"
    )
