"""The pages as a static site, without scripts; nothing is loaded from elsewhere."""

import re
from collections.abc import Iterator
from html import escape

from markdown_it import MarkdownIt

from poolcheck import catalogue, rules
from poolcheck.explain.explain import errors_table
from poolcheck.output._html_style import STYLE
from poolcheck.reference.pages import (
    driver_page,
    drivers_table,
    provider_page,
    providers_table,
    rule_page,
    rules_table,
)
from poolcheck.version import __version__

# What our pages use; everything else is text: `*.neon.tech`, `<host>`, `a_b_`.
_MARKDOWN = MarkdownIt("zero").enable(["fence", "heading", "list", "table", "backticks", "autolink"])

_EXAMPLES = {"bad": "Found:", "good": "Not found, as it should be:"}


def pages() -> Iterator[tuple[str, str]]:
    """(path below the site's folder, HTML) of every page; a rule's is rules/pc101.html."""
    lists = {
        "Rules": _linked(rules_table(), "rules"),
        "Providers": _linked(providers_table(), "providers"),
        "Drivers": _linked(drivers_table(), "drivers"),
        "Error texts": errors_table(),
    }
    said = "Every fact with its source and the day it was checked. `poolcheck explain NAME` shows the same page offline."
    parts = ["# What poolcheck knows", said, *(f"## {title}\n\n{table}" for title, table in lists.items())]
    yield "index.html", _html("\n\n".join(parts), "")
    for rule in rules.load():
        yield f"rules/{rule.id.lower()}.html", _html(rule_page(rule), "../")
    for provider in catalogue.providers():
        yield f"providers/{provider.id}.html", _html(provider_page(provider), "../")
    for driver in catalogue.drivers():
        yield f"drivers/{driver.id}.html", _html(driver_page(driver), "../")


def _linked(table: str, folder: str) -> str:
    """The table with marks where the first cells are to lead to their pages."""
    return re.sub(
        r"^\| `?(?!id )([\w-]+)`? \|",
        lambda found: f"| <page:{folder}/{found[1].lower()}.html> |",
        table,
        flags=re.MULTILINE,
    )


def _html(markdown: str, home: str) -> str:
    """A whole page. Bare addresses become links, HTML in the text stays text."""
    # An example of a rule says behind its language whether the rule finds it.
    markdown = re.sub(
        r"^```\w+ (bad|good).*",
        lambda found: f"{_EXAMPLES[found[1]]}\n\n```",
        markdown,
        flags=re.MULTILINE,
    )
    parts = markdown.split("```")
    parts[::2] = [re.sub(r"(?<![<`\w])https?://[^\s()<>|`]+", r"<\g<0>>", part) for part in parts[::2]]
    body = re.sub(
        r'<a href="page:(\w+)/([^"]+)\.html">[^<]*</a>',
        lambda found: f'<a href="{found[1]}/{found[2]}.html">{_name(found[1], found[2])}</a>',
        _MARKDOWN.render("```".join(parts)),
    )
    title = markdown.partition("\n")[0].removeprefix("# ")
    back = f'<a href="{home}index.html">all pages</a> \u00b7 ' if home else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} - poolcheck</title><style>{STYLE}</style></head>\n"
        f"<body><main>\n{body}</main>\n<footer>{back}poolcheck {__version__}</footer></body></html>\n"
    )


def _name(folder: str, stem: str) -> str:
    return stem.upper() if folder == "rules" else stem
