"""The map as a flowchart and as a picture: nothing that a name holds is more than text, and every part is there."""

import re
from collections.abc import Callable, Sequence
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given

from poolcheck.model.amount import exact
from poolcheck.model.connection_map import Client, Map, Opening, Pool, Pooler, Route, Server
from poolcheck.model.problem import Location
from poolcheck.model.report import Report
from poolcheck.output import html, mermaid, svg, text
from poolcheck.output import json as as_json
from poolcheck.output.paint import Style
from poolcheck.text import clean
from tests.output.test_hostile import TEXT
from tests.output.test_html import check
from tests.steps import steps

AT = Location("compose.yml", 3)
ONE, TWO, NONE = exact(1, "1 process"), exact(2, "replicas: 2", AT), exact(0, "")


def made(clients: Sequence[str], server: str = "db", most: int = 100) -> Report:
    """A map of clients of 2 x 10, every second one through a pooler."""
    pool = Pool(driver="pg", title="pg.Pool", place=AT, size=exact(10, "max: 10", AT))
    routes = [
        Route(
            id=f"r{number}", variable="DATABASE_URL", place=AT, role="app", client=name, server=server,
            pooler="pgb" if number % 2 else "",
        )
        for number, name in enumerate(clients)
    ]  # fmt: skip
    return Report(
        command="map",
        sections=(
            Map(
                clients=tuple(
                    Client(name=name, place=AT, instances=TWO, surge=NONE, processes=ONE, pools=(pool,), deployed=True)
                    for name in clients
                ),
                poolers=(
                    Pooler(
                        name="pgb", place=AT, software="pgbouncer", mode="transaction", replicas=ONE,
                        max_clients=exact(50, "max_client_conn = 50", AT),
                        opens=(Opening(server, exact(5, "default_pool_size 5", AT)),),
                    ),
                ),
                servers=(
                    Server(
                        name=server, addresses=("db:5432",), reserved=exact(3, "3 reserved", None, "default"),
                        max_connections=exact(most, f"max_connections={most}", AT),
                    ),
                ),
                routes=tuple(routes),
            ),
        ),
    )  # fmt: skip


class TestMermaid:
    """https://mermaid.js.org/syntax/flowchart.html."""

    def test_arrows_and_sums(self) -> None:
        """Clients lead to the pooler or the server, the pooler to the server; verdicts have a class."""
        lines = [line.strip() for line in mermaid.render(made(["web", "jobs"]), Style()).splitlines()]
        ids = {found[2]: found[1] for line in lines if (found := re.match(r'(n\d+)\W+"([^<]*)', line))}

        assert lines[0] == "flowchart LR"
        assert {
            f"{ids['web']} --> {ids['db']}",
            f"{ids['jobs']} --> {ids['pgb']}",
            f"{ids['pgb']} --> {ids['db']}",
        } == {line for line in lines if "-->" in line}
        assert any("fits: 25 asked of 97 usable" in line and line.endswith(":::fits") for line in lines)

    @given(TEXT)
    def test_a_name_is_only_text(self, name: str) -> None:
        """Whatever it holds: each line is a node, an arrow or a class, and the label has no quote, bracket or hash of its own."""
        for line in mermaid.render(made([name, "web"], server=name), Style()).splitlines()[1:]:
            assert re.fullmatch(
                r'  (n\d+ --> n\d+|n\d+(\[\(|\{\{|\[)"(\w|[ ,.:=+/()-]|#\d+;|<br>)*"(\)\]|\}\}|\])(:::\w+)?|classDef [\w ,:#-]+)',
                line,
            ), line

    @pytest.mark.parametrize("name", ["$$x^2$$", "$$$$", "fa:fa-user", "fab:fa-github"])
    def test_formulas_and_icons(self, name: str) -> None:
        """They are looked for behind the numbers, so that those do not help."""
        shown = mermaid.escaped(name)
        decoded = re.sub(r"#(\d+);", lambda found: chr(int(found[1])), shown)
        assert "$$" not in decoded
        assert ":fa-" not in decoded


class TestPicture:
    """The SVG, alone and in the page."""

    @given(TEXT)
    def test_well_formed_and_inside(self, name: str) -> None:
        """Any name; nothing is drawn beyond the edges."""
        root = ET.fromstring(svg.render(made([name, "web", "jobs"], server=name), Style()))
        wide, high = float(root.attrib["width"]), float(root.attrib["height"])
        for each in root.iter():
            assert 0 <= float(each.get("x", 0)) <= wide
            assert float(each.get("x", 0)) + float(each.get("width", 0)) <= wide + 1
            assert 0 <= float(each.get("y", 0)) <= high

    def test_bar(self) -> None:
        """What is asked, beside what there is: more than there is goes beyond the mark, in red."""
        full, over = (svg.render(made(["web", "jobs"], most=most), Style()) for most in (1000, 20))

        assert "#c62828" not in full
        assert 'fill="#c62828"' in over
        assert "does not fit: 25 asked of 17 usable" in over

    def test_page(self) -> None:
        """The page has the picture twice, for a desktop and a phone, and says what it shows."""
        page = html.render(made(["web", "jobs"]), Style())
        checked = check(page)

        assert page.count("<svg") == 2
        assert "2 clients, 1 pooler, 1 server" in checked.words
        assert "jobs through pgb: 2 instances x pool of 10 = 20" in checked.words


@given(TEXT)
def test_every_client_is_in_every_format(name: str) -> None:
    """By its name, as far as that can be shown."""
    report = made([name, "web"])
    shown = " ".join(clean(name).split())
    assert shown in " ".join(text.render(report, Style(plain=True)).split())
    assert "web" in svg.render(report, Style())
    assert "web" in mermaid.render(report, Style())


@pytest.mark.parametrize(
    "shape", [text.render, as_json.render, mermaid.render, svg.render], ids=lambda each: each.__module__
)
def test_work_grows_with_the_map(shape: Callable[[Report, Style], str]) -> None:
    """Four times as many clients are at most five times the work."""
    few, many = (made([f"client{number}" for number in range(count)]) for count in (50, 200))
    assert steps(lambda: shape(many, Style())) < 5 * steps(lambda: shape(few, Style()))
