"""A page to keep or to send: one file, no script, nothing loaded from anywhere; light and dark, phone and desktop.

The sections are painted by the same code as the text; findings and the five steps have a form of their own.
"""

from collections.abc import Iterator
from importlib import import_module
from itertools import groupby

from poolcheck.model.connection_map import Map
from poolcheck.model.finding import Finding
from poolcheck.model.report import Report, Section, Step
from poolcheck.model.simulation import Simulation
from poolcheck.model.sizing import Sizing
from poolcheck.model.verdict import Verdict
from poolcheck.output import svg, text
from poolcheck.output._finding import marked, page_url
from poolcheck.output._html_paint import HtmlPaint, draw_bar, esc
from poolcheck.output._html_style import STYLE
from poolcheck.output._map_picture import draw_map
from poolcheck.output.paint import Style
from poolcheck.version import __version__

COMMANDS: tuple[str, ...] = ("lint", "live", "size", "gate", "simulate", "map")
POLICY = "default-src 'none'; style-src 'unsafe-inline'"  # nothing is loaded and nothing runs, whatever the text says
NARROW = 340  # columns of a phone's page, in CSS pixels


def render(report: Report, style: Style) -> str:
    """The whole page."""
    return "\n".join(page(report)) + "\n"


def page(report: Report) -> Iterator[str]:
    """Head, then what the text shows, in the same order."""
    title = report.line or f"poolcheck {report.command}"
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="color-scheme" content="light dark">'
    yield '<meta name="referrer" content="no-referrer">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    yield f"<title>{esc(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>"
    paint = HtmlPaint()
    yield f"<header><h1>{esc(title)}</h1>"
    if report.findings or report.targets or "summary" not in text.instead(report):
        yield from paint.blocks(text.summary(report, paint))
    yield "</header>"
    for section in report.sections:
        yield f'<section class="{esc(section.name)}">'
        module = import_module(f"poolcheck.output.sections.{section.name}")
        for number, block in enumerate(paint.blocks(module.text(section, paint))):
            yield block
            if number == 0:  # what it says first is the heading of its picture
                yield from charts(section)
        yield "</section>"
    for path, group in groupby(report.findings, lambda each: each.location.path if each.location else ""):
        yield "<section>"
        if path:
            yield f"<h2>{esc({'-': 'standard input'}.get(path, path))}</h2>"
        for finding in group:
            yield from one_finding(finding, paint)
        yield "</section>"
    for part in (text.targets, text.notes, text.skipped):
        made = list(paint.blocks(part(report, paint)))
        if len(made) > 1 or part is not text.targets:
            yield from ("<section>", *made, "</section>") if made else ()
    yield from steps(report.fix_path)
    yield f"</main>\n<footer>poolcheck {esc(__version__)}{esc(f', {report.made}' if report.made else '')}. Passwords are masked.</footer>\n</body>\n</html>"


def one_finding(finding: Finding, paint: HtmlPaint) -> Iterator[str]:
    """What, where, why, what to write instead, and the sources folded away."""
    word = finding.severity.word
    yield f'<article class="finding {word}">'
    name = f'<a href="{esc(page_url(finding.rule))}">{esc(f"{finding.rule.id} {finding.rule.name}")}</a>'
    yield f'<h3><span class="{word}">{esc(paint.marked(word, word))}</span> {name}</h3>'
    yield f'<p class="what">{esc(finding.message)}</p>'
    if finding.excerpt and finding.location:
        yield from paint.blocks(paint.excerpt(*marked(finding)))
    if finding.why:
        yield f"<p>{esc(finding.why)}</p>"
    if finding.confidence < 30:
        yield f"<p>Confidence: {esc(finding.confidence.word)}.</p>"
    if finding.fix:
        yield f'<p class="do"><b>{esc(paint.symbol("do"))}</b> {esc(finding.fix.title)}</p>'
        yield from code(finding.fix.lines)
    if finding.sources:
        yield "<details><summary>Sources</summary><ul>"
        yield from (f"<li>{link(source)}</li>" for source in finding.sources)
        yield "</ul></details>"
    yield "</article>"


def link(source: str) -> str:
    """A source, as a link where it is an address."""
    shown = esc(source)
    return f'<a href="{shown}">{shown}</a>' if source.startswith("https://") else shown


def code(lines: tuple[str, ...]) -> Iterator[str]:
    """Lines to copy."""
    if lines:
        yield "<pre>" + "\n".join(esc(line) for line in lines) + "</pre>"


def steps(path: tuple[Step, ...]) -> Iterator[str]:
    """The five steps, then what follows them; what is settled is one line."""
    if not path:
        return
    paint = HtmlPaint()
    yield "<section><h2>Fix path</h2>"
    for step in path:
        label = f"{step.step}. " if step.step <= 5 else ""
        role = step.status.replace(" ", "-")
        yield f'<article class="step {role}">'
        status = f'<span class="{role}">{esc(paint.marked(step.status, step.status))}</span>'
        yield f"<h3>{esc(label + step.title)}: {status}</h3>\n<p>{esc(step.why)}</p>"
        for action in step.actions:
            yield f'<p class="item">{esc(action.text)}</p>'
            yield from code(action.code)
        yield "</article>"
    yield "</section>"


def charts(section: Section) -> Iterator[str]:
    """The pictures of a section: a burst over time, full pools against what there is for them."""
    if isinstance(section, Simulation):
        yield '<figure class="burst">'
        yield from svg.draw(section, heading=False)
        yield from svg.draw(section, width=NARROW, heading=False)
        yield "</figure>"
    elif isinstance(section, Map):
        yield '<figure class="burst">'
        yield from draw_map(section)
        yield from draw_map(section, width=NARROW)
        yield "</figure>"
    elif isinstance(section, Sizing) and section.available > 0 and section.total_steady > 0:
        yield from bars(
            (
                ("all pools full", section.total_steady, section.total_steady <= section.warn_line),
                ("while a deploy runs", section.total_deploy, section.total_deploy <= section.usable),
            ),
            section.available,
            (section.warn_line / section.available, section.usable / section.available),
        )
    elif isinstance(section, Verdict):
        for each in section.sums:
            if each.capacity is not None and each.capacity > 0:
                rows = ((f"{each.name}, at deploy: {each.judged}", each.total, each.holds),)
                yield from bars(rows, each.capacity, (each.limit,))


def bars(rows: tuple[tuple[str, int, bool], ...], of: int, marks: tuple[float, ...]) -> Iterator[str]:
    """A bar a row: what it is, how many of how many, and whether that is well."""
    yield '<figure class="sums">'
    for name, number, well in rows:
        yield (
            f'<div class="{"ok" if well else "error"}"><span>{esc(name)}: {number:,} of {of:,}</span>'
            f"{draw_bar(number / of, marks)}</div>"
        )
    yield "</figure>"
