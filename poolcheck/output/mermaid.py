"""The map as a flowchart for a README, an issue or a wiki: `poolcheck map --format mermaid`.

https://mermaid.js.org/syntax/flowchart.html: a label in quotes takes any text, and `#35;` stands for a character that
would end or mark up something.
"""

import re
from collections.abc import Iterator

from poolcheck.model.connection_map import Map
from poolcheck.model.report import Report
from poolcheck.output._map_tree import Branch, tree
from poolcheck.output.paint import Style
from poolcheck.text import clean

COMMANDS: tuple[str, ...] = ("map",)
SHAPES = {"server": ("[(", ")]"), "pooler": ("{{", "}}"), "client": ("[", "]")}
CLASSES = {"fits": "fits", "does not fit": "over", "cannot say": "unknown"}


def render(report: Report, style: Style) -> str:
    """The flowchart: clients on the left, servers on the right."""
    found = next((section for section in report.sections if isinstance(section, Map)), None)
    return "" if found is None else "\n".join(flowchart(found)) + "\n"


def flowchart(section: Map) -> Iterator[str]:
    """Its lines: nodes with their sums, arrows from clients to poolers and servers."""
    yield "flowchart LR"
    made = tree(section)
    poolers: dict[str, str] = {}
    number = 0

    def grow(node: Branch, above: str) -> Iterator[str]:
        nonlocal number
        known = poolers.get(node.name) if node.kind == "pooler" else None
        if known is not None:
            yield f"  {known} --> {above}"
            return
        number += 1
        own = f"n{number}"
        if node.kind == "pooler":
            poolers[node.name] = own
        left, right = SHAPES[node.kind]
        lines = [
            node.name,
            f"{node.verdict}: {node.sums}" if node.verdict else node.sums,
            *(f"? {each.what}" for each in node.questions),
        ]
        label = "<br>".join(escaped(line) for line in lines if line)
        yield f'  {own}{left}"{label}"{right}{f":::{CLASSES[node.verdict]}" if node.verdict else ""}'
        if above:
            yield f"  {own} --> {above}"
        for each in node.below:
            yield from grow(each, own)

    for root in made.roots:
        yield from grow(root, "")
    yield "  classDef fits stroke:#1b6b3a,stroke-width:2px"
    yield "  classDef over stroke:#b3261e,stroke-width:4px"
    yield "  classDef unknown stroke:#8a5300,stroke-width:2px,stroke-dasharray:5 3"


def escaped(text: str) -> str:
    """Text that is nothing but text in a quoted label: letters, digits and harmless marks; all else by its number.

    Formulas (`$$`) and icons (`fa:fa-x`) are looked for behind that: a space parts them.
    """
    apart = clean(text).replace("$$", "$ $").replace("$$", "$ $").replace(":fa-", ": fa-")
    return re.sub(r"[^\w ,.:=+/()-]", lambda found: f"#{ord(found[0])};", apart)
