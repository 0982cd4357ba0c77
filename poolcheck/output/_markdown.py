"""A page of Markdown on a terminal with colour, by rich: inline code, headings and tables as they are meant.

rich's own look is tuned: code is indented, never wrapped and never padded, so that it can be copied; headings stand left; the
lines of a list's item stay lines. Only what our pages use is Markdown here: `*.neon.tech`, `<host>` and `a_b_` are text.
"""

import io
import re
from collections.abc import Iterator
from typing import ClassVar

from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, ListItem, Markdown, MarkdownElement, Paragraph, TableElement
from rich.measure import Measurement
from rich.segment import Segment
from rich.table import Table
from rich.text import Text
from rich.theme import Theme

from poolcheck.text import clean

_RULES = ("fence", "heading", "list", "table", "backticks", "newline")
_THEME = Theme(
    {
        "markdown.code": "cyan",
        "markdown.code_block": "cyan",
        "markdown.item.bullet": "none",
        "markdown.table.header": "dim not bold",
        "markdown.table.border": "none",
        **{f"markdown.h{level}": "bold" for level in range(1, 7)},
    }
)


def lines(markdown: str, width: int) -> Iterator[str]:
    """The page's lines, with their colours."""
    out = io.StringIO()
    console = Console(
        file=out, width=width, force_terminal=True, color_system="standard", theme=_THEME, highlight=False, _environ={}
    )  # fmt: skip
    console.print(_Page(markdown), crop=False)
    for line in out.getvalue().strip("\n").split("\n"):
        yield line.rstrip()


def given(facts: str) -> str:
    """What an example is given with, in words: `in app/work.py, with asyncpg 0.30.0`."""
    words = []
    for fact in facts.split():
        key, sep, value = fact.partition("=")
        if sep and key == "file":
            words.append(f"in {value}")
        elif sep and key in ("npm", "pypi"):
            words.append("with " + " and ".join(each.replace("@", " ").strip() for each in value.split(",")))
        else:
            words.append(fact)
    return ", ".join(words)


class _Code(CodeBlock):
    """Lines to copy; what the fence says of an example stands above them."""

    @classmethod
    def create(cls, markdown: Markdown, token: Token) -> "_Code":  # noqa: ARG003 - rich's signature
        """Keep the whole fence."""
        return cls(token.info or "", "")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Indented, nothing else."""
        _, _, said = self.lexer_name.partition(" ")
        verdict, _, facts = said.partition(" ")
        if verdict in ("bad", "good"):
            yield Text(f"  {verdict}" + (f", {clean(given(facts))}" if facts else "") + ":")
        style = console.get_style("markdown.code_block")
        for line in str(self.text).rstrip("\n").split("\n"):
            yield from (Segment("    "), Segment(clean(line), style), Segment.line())


class _Heading(Heading):
    """At the left, and above its text."""

    LEVEL_ALIGN: ClassVar = {}
    new_line = False


class _Paragraph(Paragraph):
    """Wrapped at words alone: a cut URL or command cannot be copied."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Line by line."""
        for line in self.text.split("\n"):
            yield from _wrapped(line, options.max_width)


def _wrapped(line: Text, width: int) -> Iterator[Text]:
    starts = [0]
    for word in re.finditer(r"\S+", line.plain):
        if cell_len(line.plain[starts[-1] : word.end()]) > width and word.start() > starts[-1]:
            starts.append(word.start())
    for piece in line.divide(starts[1:]):
        piece.rstrip()
        piece.no_wrap, piece.overflow = True, "ignore"
        yield piece


class _Item(ListItem):
    """Behind a dash, as in the other reports."""

    def render_bullet(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The item's lines, none of them cut."""
        inner = options.update(width=options.max_width - 4)
        made = Segment.split_lines(console.render(self.elements, inner))
        for number, line in enumerate(made):
            yield from (Segment("    " if number else "  - "), *line, Segment.line())


class _Table(TableElement):
    """Without a frame where it fits; else each row as a line, its last column wrapped below."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """As in the other reports."""
        for made in super().__rich_console__(console, options):
            if not isinstance(made, Table):
                continue
            made.box, made.pad_edge, made.padding = None, False, (0, 2, 0, 0)
            natural = Measurement.get(console, options.update(width=10_000), made).maximum - 2
            if natural <= options.max_width or self.body is None:
                yield made
                return
            heads = self.header.row.cells if self.header and self.header.row else []
            title = heads[-1].content.plain if heads else ""
            for row in self.body.rows:
                yield from _row([cell.content for cell in row.cells], title, options.max_width)


def _row(cells: list[Text], title: str, width: int) -> Iterator[Text]:
    first = Text("  ").append_text(cells[0]).append(": ")
    yield from _wrapped(first.append_text(Text(", ").join(cell for cell in cells[1:-1] if cell)), width)
    last = cells[-1]
    if len(last.plain.split()) == 1:
        last = Text(f"{title}: ").append_text(last)
    for line in _wrapped(last, width - 6) if last.plain.strip() else ():
        line.pad_left(6)
        yield line


class _Page(Markdown):
    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "fence": _Code,
        "heading_open": _Heading,
        "table_open": _Table,
        "paragraph_open": _Paragraph,
        "list_item_open": _Item,
    }

    def __init__(self, markup: str) -> None:
        super().__init__("")
        self.parsed = MarkdownIt("zero").enable(list(_RULES)).parse(markup)
        self._tune()

    def _tune(self) -> None:
        """Lines of an item stay lines, `#` at its start is text, and code keeps its backticks outside of tables."""
        in_list, in_table, mark = 0, 0, ""
        for token in self.parsed:
            in_list += token.nesting if token.type.startswith("list_item") else 0
            in_table += token.nesting if token.type.startswith("table") else 0
            if in_list and token.type.startswith("heading"):
                mark = f"{token.markup} " if token.nesting > 0 else ""
                token.type = token.type.replace("heading", "paragraph")
            for number, inner in enumerate(token.children or ()):
                inner.content = clean(f"{mark}{inner.content}" if number == 0 else inner.content)
                if inner.type == "code_inline" and not in_table:  # what colour says is said without it, too
                    inner.content = f"`{inner.content}`"
                elif inner.type == "softbreak" and in_list:
                    inner.type = "hardbreak"
