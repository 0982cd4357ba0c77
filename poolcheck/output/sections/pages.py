"""Pages of the reference: Markdown, laid out for a terminal."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from poolcheck.model.explanation import Pages
from poolcheck.output import _markdown
from poolcheck.output.paint import Paint
from poolcheck.text import clean, width

_BULLET = re.compile(r"\s*[-*] ")


def record(section: Pages) -> dict[str, Any]:
    """The key `pages`: id and Markdown of each."""
    return {"pages": [{"id": page.id, "markdown": page.markdown} for page in section.items]}


def text(section: Pages, paint: Paint) -> Iterator[str]:
    """Every page: headings stand out, lines of one paragraph are joined and wrapped, code stays as it is."""
    for number, page in enumerate(section.items):
        if number:
            yield ""
        if paint.look.color and not paint.look.plain:
            yield from _markdown.lines(page.markdown, paint.width)
        else:
            yield from _page(page.markdown.rstrip("\n").split("\n"), paint)


def _page(lines: list[str], paint: Paint) -> Iterator[str]:
    rest = [line.rstrip() for line in lines]
    while rest:
        line = rest[0]
        if line.startswith("```"):
            end = next((at for at, other in enumerate(rest[1:], 1) if other.startswith("```")), len(rest))
            yield from _code(line.removeprefix("```"), rest[1:end], paint)
            rest = rest[end + 1 :]
        elif line.startswith("#"):
            yield paint.heading(clean(line.lstrip("# ")))
            rest = rest[1:]
        elif not line:
            yield ""
            rest = rest[1:]
        else:
            size = next((at for at, other in enumerate(rest) if at and _starts(other, line)), len(rest))
            block, rest = rest[:size], rest[size:]
            if line.startswith("|"):
                yield from _table(block, paint)
            else:
                yield from _paragraph(block, paint)


def _starts(line: str, first: str) -> bool:
    """Whether a line begins something new behind a block that began with `first`."""
    if not line or line.startswith(("#", "```")):
        return True
    if first.startswith("|"):
        return not line.startswith("|")
    return bool(_BULLET.match(line)) or line.startswith("|")


def _paragraph(block: Sequence[str], paint: Paint) -> Iterator[str]:
    """A paragraph, or one item of a list with its continuation lines."""
    bullet = _BULLET.match(block[0])
    if bullet is None:
        yield from paint.wrap(" ".join(block))
        return
    for number, line in enumerate(block):
        if number == 0:
            yield from paint.wrap(line[bullet.end() :], indent=4, first="  - ")
        else:
            yield from paint.wrap(line, indent=4)


def _code(title: str, lines: Sequence[str], paint: Paint) -> Iterator[str]:
    """Code, indented; what its fence says of an example stands above it."""
    _, _, said = title.partition(" ")
    verdict, _, facts = said.partition(" ")
    if verdict in ("bad", "good"):
        yield f"  {verdict}" + (f", {clean(_markdown.given(facts))}" if facts else "") + ":"
    yield from paint.code(lines, indent=4)


def _table(block: Sequence[str], paint: Paint) -> Iterator[str]:
    """A table where it fits; else each row as a line, its last column wrapped below."""
    rows = [[clean(cell.strip().replace("`", "")) for cell in line.strip("|").split("|")] for line in block]
    header, body = rows[0], [row for row in rows[2:] if row]
    sizes = [max(width(row[at]) for row in (header, *body) if at < len(row)) for at in range(len(header))]
    if sum(sizes) + 2 * len(sizes) <= paint.width:
        yield from paint.table(body, header)
        return
    for row in body:
        yield from paint.wrap(
            f"{row[0]}: {', '.join(cell for cell in row[1:-1] if cell)}", indent=4, first="  "
        )
        if row[-1]:
            named = f"{header[-1]}: " if len(row[-1].split()) == 1 and len(row) == len(header) else ""
            yield from paint.wrap(f"{named}{row[-1]}", indent=6)
