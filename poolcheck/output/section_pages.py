"""Pages of the reference: Markdown as it is, which reads well on a terminal too."""

from collections.abc import Iterator
from typing import Any

from poolcheck.core.explanation import Pages
from poolcheck.core.text import clean
from poolcheck.output.paint import Paint


def record(section: Pages) -> dict[str, Any]:
    """The key `pages`: id and Markdown of each."""
    return {"pages": [{"id": page.id, "markdown": page.markdown} for page in section.items]}


def text(section: Pages, paint: Paint) -> Iterator[str]:
    """Every page; headings stand out, paragraphs are wrapped, tables and code stay as they are."""
    for number, page in enumerate(section.items):
        if number:
            yield ""
        code = False
        for raw in page.markdown.rstrip("\n").split("\n"):
            line = clean(raw)
            code = code != line.startswith("```")
            if line.startswith("#") and not code:
                yield paint.heading(line.lstrip("# "))
            elif code or line.startswith(("```", "|", "    ")) or not line.strip():
                yield line
            else:
                indent = len(line) - len(line.lstrip())
                bullet = line.lstrip().startswith(("- ", "* "))
                yield from paint.wrap(line, indent=indent + 2 * bullet, first=" " * indent)
