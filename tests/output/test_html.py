"""The page: self-contained, escaped, without secrets, and inside its window on a phone and on a desktop."""

import json
import re
import subprocess
import tempfile
from collections.abc import Iterator
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings

from poolcheck.cli import cli
from poolcheck.model.report import Report
from poolcheck.output import html, picture
from poolcheck.output._html_paint import HtmlPaint
from poolcheck.output._html_style import STYLE
from poolcheck.output.paint import Style
from tests.commands.running import poolcheck
from tests.conftest import need_program
from tests.live.build import look, pooler
from tests.live.scenes import report as live_report
from tests.live.scenes import scene
from tests.output.sample import SECRET, clean_lint, sample, unchecked
from tests.output.test_hostile import TEXT, report
from tests.servers import Postgres

ROOT = Path(__file__).parents[2]
VOID = {"meta", "rect", "line", "polyline", "polygon", "circle"}
TAGS = VOID | {
    "html", "head", "title", "style", "body", "main", "header", "footer", "section", "article", "figure", "figcaption",
    "h1", "h2", "h3", "p", "b", "span", "pre", "mark", "a", "details", "summary", "ul", "li", "table", "tr", "th", "td",
    "div", "svg", "text",
}  # fmt: skip
CROWD = [
    {"count": 60, "state": "idle", "state_age": 812.0, "client": "10.0.0.7"},
    {"count": 4, "application_name": "worker", "state": "idle in transaction", "state_age": 700.0, "xact_age": 705.0,
     "query": "update accounts set balance = balance - 1 where a_column_with_a_long_name = 5"},
    {"count": 9, "application_name": "a-service-with-a-rather-long-name-in-production", "state": "active"},
]  # fmt: skip


class Page(HTMLParser):
    """Collects what a page is made of, and checks that every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.words = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS, tag
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID, tag
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words += data


def check(text: str) -> Page:
    """Nothing runs, nothing is loaded, links lead to https only."""
    page = Page(text)
    for tag, name, value in page.attributes:
        assert not name.startswith("on"), (tag, name)
        assert name not in ("src", "srcset", "style", "action", "data", "xlink:href"), (tag, name)
        if name == "href":
            assert tag == "a"
            assert value.startswith("https://")
    assert not re.search(r"url\(|@import|@font-face", text)
    assert "default-src 'none'" in text
    return page


def crowded(name: str = "web", query: str = "") -> Report:
    """A look at a full server and at its pooler; the name and the statement come from outside."""
    sessions = [*CROWD, {"application_name": name, "user": name, "database": name, "state": "idle in transaction",
                         "state_age": 99.0, "query": query}]  # fmt: skip
    server = look({"sessions": sessions, "backends": sessions})
    pools = ({"database": name, "user": name, "clients_waiting": 12, "pool_size": 5},)
    return Report(command="live", sections=(server, pooler({"pools": pools, "usable": 97})))


@pytest.mark.parametrize(
    "made", [sample(), clean_lint(), unchecked(), crowded()], ids=lambda each: each.command
)
def test_self_contained(made: Report) -> None:
    """One file; everything that the text says of findings is there; no secret."""
    page = check(html.render(made, Style()))

    for finding in made.findings:
        assert finding.rule.id in page.words
    for each in made.skipped:
        assert each.why in page.words
    assert SECRET not in html.render(made, Style())
    assert f"exit code {int(made.code)}" in page.words or made.command == "live"


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TEXT, TEXT)
def test_hostile_text_stays_text(text: str, path: str) -> None:
    """No element, attribute or control character comes from a file or a server."""
    for made in (report(text, path), crowded(text or "x", text)):
        page = html.render(made, Style())
        check(page)
        page.encode("utf-8")
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\x1b\u2028\u202e]", page)


def test_words_of_a_server_cannot_name_what_was_painted() -> None:
    """A name in the form of an internal token stays a name."""
    forged = "⟪0.0⟫ ⟪deadbeefdeadbeef.0⟫"
    page = check(html.render(crowded(forged), Style()))

    assert "⟪deadbeefdeadbeef.0⟫" in page.words


def test_passwords_are_masked(tmp_path: Path) -> None:
    """Whatever a broken or whole connection string holds, the page holds no part of its password."""
    (tmp_path / ".env").write_text(
        "DATABASE_URL=postgresql://app:s3cr3t-canary@ep-x.us-east-2.aws.neon.tech/app?connection_limt=5\n"
        "BROKEN_URL=postgresql://app:s3cr3t-c@nary#x@db.example.com/app\n"
        "NEXT_PUBLIC_DATABASE_URL=postgres://app:s3cr3t%2Dcanary@db.example.com:99999/app\n"
    )
    ran = poolcheck("lint", "--html", "page.html", cwd=tmp_path)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")

    assert ran.code == 1
    check(page)
    assert "PC101" in page
    assert "s3cr3t" not in page + ran.out + ran.err


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2.2 between two colours, 1 to 21."""

    def light(color: str) -> float:
        parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_every_word_can_be_read() -> None:
    """Words reach 4.5 to 1 on every ground, light and dark, on the page and in the picture."""
    light, dark = (
        dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", part)) for part in STYLE.split("@media", 2)[:2]
    )
    for colors in (light, {**light, **dark}):
        for word in ("ink", "quiet", "error", "warning", "info", "ok"):
            for ground in ("paper", "panel", "code"):
                assert contrast(colors[word], colors[ground]) >= 4.5, (word, ground, colors[word])
        assert contrast(colors["ink"], colors["mark"]) >= 4.5
    for pair in (*picture.COLORS.values(), picture.INK, picture.QUIET):
        for side in (0, 1):
            assert contrast(pair[side], picture.GROUND[side]) >= 4.5, pair


class TestOption:
    """--html is beside the report, not instead of it."""

    def test_stdout_is_the_same(self, tmp_path: Path) -> None:
        """The other format goes where it would go without."""
        args = ["size", "--max", "100", "--instances", "10", "--isolated", "--format", "json"]
        alone = poolcheck(*args, cwd=tmp_path)
        both = poolcheck(*args, "--html", "page.html", cwd=tmp_path)

        assert both.out == alone.out
        assert json.loads(both.out)["sizing"]["pool_size"] == 5
        check((tmp_path / "page.html").read_text(encoding="utf-8"))

    def test_file_that_cannot_be_written(self, tmp_path: Path) -> None:
        """Exit 2 and a sentence."""
        ran = poolcheck(
            "size", "--max", "100", "--instances", "10", "--html", "no/such/page.html", cwd=tmp_path
        )

        assert ran.code == 2
        assert "cannot write" in ran.err
        assert "Traceback" not in ran.err

    def test_gate_in_github_actions(self, tmp_path: Path) -> None:
        """The text on stdout is wrapped for the runner there; the page is written all the same."""
        (tmp_path / ".env").write_text("DATABASE_URL=postgresql://app:x@db.example.com/app\n")
        poolcheck("gate", "--html", "page.html", cwd=tmp_path, env={"GITHUB_ACTIONS": "true"})

        assert "poolcheck gate" in check((tmp_path / "page.html").read_text(encoding="utf-8")).words

    @pytest.mark.postgres
    def test_live(self, postgres: Postgres, tmp_path: Path) -> None:
        """A real server: the slots as a bar, who holds them as a table."""
        with scene(postgres) as stage:
            stage.open(12, name="<b>web</b>")
            ran = poolcheck("live", postgres.url("monitor"), "--html", "page.html", cwd=tmp_path)
        text = (tmp_path / "page.html").read_text(encoding="utf-8")
        page = check(text)

        assert "of 37 usable" in ran.out
        assert "of 37 usable" in page.words
        assert "<b>web</b>" in page.words
        assert '<svg class="bar"' in text


# --- in a browser ------------------------------------------------------------------------------------------------

WIDTHS = (360, 1280)
MEASURE = """<script>
addEventListener("load", () => {
  const found = [...document.querySelectorAll("iframe")].map(frame => {
    const page = frame.contentDocument, wide = page.documentElement.clientWidth;
    const out = [...page.body.querySelectorAll("*")].filter(each =>
      each.getBoundingClientRect().right > wide + 1 || each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 0
      && getComputedStyle(each).display !== "inline" && !each.closest("svg"));
    const small = [...page.querySelectorAll("p,td,pre,text")].filter(each => each.getClientRects().length)
      .map(each => parseFloat(getComputedStyle(each).fontSize) * (each.getScreenCTM ? each.getScreenCTM().a : 1));
    return {wide, scroll: page.documentElement.scrollWidth, high: page.documentElement.scrollHeight,
            smallest: Math.min(...small), out: out.slice(0, 3).map(each => each.outerHTML.slice(0, 120))};
  });
  document.body.innerHTML = "<pre id=found></pre>";
  document.getElementById("found").textContent = JSON.stringify(found);
});
</script>"""


def pages(server: Postgres) -> Iterator[tuple[str, str]]:
    """A page of every command that makes one: real runs."""
    runner = CliRunner()
    lines = {
        "lint": ["lint", str(ROOT / "examples" / "nextjs-prisma6-neon-direct")],
        "gate": [
            "gate",
            str(ROOT / "examples" / "kubernetes-ten-replicas"),
            "--instances",
            "10",
            "--max",
            "100",
        ],
        "size": [
            "size",
            "--max",
            "100",
            "--instances",
            "10",
            "--tps",
            "200",
            "--hold-ms",
            "20",
            "--cores",
            "4",
        ],
        "map": ["map", str(ROOT / "examples" / "compose-three-services")],
        "unknown": ["map", str(ROOT / "examples" / "supabase-session-port")],
        "share": ["size", "--max", "100", "--share", "web=8,worker=4x2,cron=1@1"],
        "simulate": ["simulate", "--rate", "2000/m", "--hold-ms", "720", "--limit", "5", "--pooler", "33"],
        "ramp": ["simulate", "--from", "8", "--to", "240", "--in", "90s", "--limit", "5", "--max", "100"],
    }
    for name, line in lines.items():
        yield name, runner.invoke(cli, [*line, "--format", "html"]).stdout
    with scene(server) as stage:
        stage.open(20, name="a-service-with-a-rather-long-name-in-production")
        stage.open(2, name="worker", run="begin")
        yield "live", html.render(live_report(server), Style())
    yield "crowded", html.render(crowded(), Style())
    yield "hostile", html.render(sample(), Style())


@pytest.mark.postgres
def test_fits_phone_and_desktop(postgres: Postgres) -> None:
    """In a browser, at 360 and 1280 pixels: nothing sticks out, nothing scrolls sideways, no letter is tiny."""
    browser = need_program("chromium", "chromium-browser", "google-chrome", package="chromium")
    made = list(pages(postgres))
    frames = "".join(
        f'<iframe width="{width}" height="900" style="border:0" srcdoc="{escape(text, quote=True)}"></iframe>'
        for _, text in made
        for width in WIDTHS
    )
    with tempfile.TemporaryDirectory() as folder:
        wrapper = Path(folder, "wrapper.html")
        wrapper.write_text(f"<!doctype html><meta charset=utf-8>{MEASURE}<body>{frames}", encoding="utf-8")
        done = subprocess.run(
            [
                browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                f"--user-data-dir={folder}/profile", "--window-size=1400,1000", "--virtual-time-budget=10000",
                "--dump-dom", wrapper.as_uri(),
            ],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    found = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stderr[-500:]
    measured = json.loads(re.sub(r"&lt;", "<", found[1]).replace("&gt;", ">").replace("&amp;", "&"))
    assert len(measured) == len(made) * len(WIDTHS)
    for number, each in enumerate(measured):
        name, width = made[number // len(WIDTHS)][0], WIDTHS[number % len(WIDTHS)]
        assert each["scroll"] <= width, (name, width, each)
        assert each["out"] == [], (name, width)
        assert each["smallest"] >= 10, (name, width, each)
        assert each["high"] > 150, (name, width)


@pytest.mark.parametrize("column", [-9, -3, -1, 0, None, 3, 99])
def test_a_mark_outside_of_its_line_is_left_out(column: int | None) -> None:
    """A fault that another tool places before or behind the text: the line is shown, and nothing is marked."""
    paint = HtmlPaint()

    page = paint.resolve("".join(paint.excerpt(7, "ab", column)))

    assert "ab" in page
    assert "<mark>" not in page


def test_a_mark_stands_on_its_character() -> None:
    """Columns count from 1."""
    paint = HtmlPaint()

    assert "a<mark>b</mark>c" in paint.resolve("".join(paint.excerpt(7, "abc", 2)))


class TestTyped:
    """A page and a picture say what they are an answer to."""

    def test_command_line_and_date(self, tmp_path: Path) -> None:
        """As it can be typed again, without what the report looks like; the page has its date."""
        page = tmp_path / "size.html"
        poolcheck(
            "size", "--max", "100", "--instances", "10", "--isolated", "-q", f"--html={page}", "--plain"
        )
        text = page.read_text(encoding="utf-8")

        assert "<title>poolcheck size --max 100 --instances 10 --isolated</title>" in text
        assert re.search(r"<footer>poolcheck [\d.]+, \d{4}-\d\d-\d\d \d\d:\d\d UTC\. ", text)

    @pytest.mark.parametrize("form", ["--html", "--output"])
    def test_no_secret_of_the_command_line(self, tmp_path: Path, form: str) -> None:
        """The string that was given is shown masked, in a page and in a picture."""
        kept = tmp_path / "kept"
        url = "postgresql://app:s3cretcanary@db.example.com/app?sslpassword=c4nary"
        poolcheck("lint", url, form, str(kept), "--format", "picture" if form == "--output" else "text")
        text = kept.read_text(encoding="utf-8")

        assert "poolcheck lint" in text
        assert "s3cretcanary" not in text
        assert "c4nary" not in text
