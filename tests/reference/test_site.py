"""The site: whole pages whose links lead somewhere, written where it is told to."""

import posixpath
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner

from poolcheck import rules
from poolcheck.output._finding import page_url
from poolcheck.reference import __main__ as site_writer
from poolcheck.reference import site


class _Links(HTMLParser):
    """Where a page leads, and whether it closes what it opens."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.to: list[str] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Kept until it is closed."""
        if tag not in ("meta", "br", "hr"):
            self.open.append(tag)
        self.to += [value for name, value in attrs if name in ("href", "src") and value]

    def handle_endtag(self, tag: str) -> None:
        """Closed in the order in which they were opened."""
        assert self.open.pop() == tag


SITE = dict(site.pages())


@pytest.mark.parametrize("path", sorted(SITE))
def test_links_of_the_site_lead_somewhere(path: str) -> None:
    """To a page of the site, or to a source in full; nothing is loaded."""
    links = _Links(SITE[path])

    assert not links.open
    assert "<script" not in SITE[path]
    for link in links.to:
        if not link.startswith(("https://", "http://")):
            assert posixpath.normpath(posixpath.join(posixpath.dirname(path), link)) in SITE


def test_first_page_leads_to_every_other() -> None:
    """No page can only be reached by its address."""
    assert set(_Links(SITE["index.html"]).to) == set(SITE) - {"index.html"}


def test_findings_lead_to_pages_of_the_site() -> None:
    """The address that formats print for a rule is a page that the release publishes."""
    for rule in rules.load():
        path = page_url(rule).removeprefix("https://poolcheck.github.io/poolcheck/")
        assert f"<h1>{rule.id} {rule.name}</h1>" in SITE[path]


def test_site_is_written(tmp_path: Path) -> None:
    """Every page, into a folder that is made."""
    done = CliRunner().invoke(site_writer.main, ["--site", str(tmp_path / "new" / "site")])

    assert done.exit_code == 0, done.output
    assert (tmp_path / "new/site/rules/pc101.html").read_text(encoding="utf-8") == SITE["rules/pc101.html"]


def test_site_is_not_written_over_a_file(tmp_path: Path) -> None:
    """The message names it."""
    place = tmp_path / "site"
    place.write_text("mine")

    done = CliRunner().invoke(site_writer.main, ["--site", str(place)])

    assert done.exit_code == 2
    assert str(place) in done.output
    assert place.read_text() == "mine"
