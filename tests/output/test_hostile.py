"""Text from files and servers in every place of a finding: each format stays what it is."""

import json
import re
from dataclasses import replace
from pathlib import Path

import xmlschema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from markdown_it import MarkdownIt

from poolcheck.model.problem import Fix, Location
from poolcheck.model.report import Action, Report, Skipped, Step
from poolcheck.model.verdict import MovedNumber, PeakChange, Verdict
from poolcheck.output import github, gitlab, junit, markdown, sarif
from poolcheck.output.paint import Style
from tests.output.sample import FINE, FIRST, PEAK

SCHEMAS = Path(__file__).parent / "schemas"
SARIF = Draft7Validator(json.loads((SCHEMAS / "sarif-schema-2.1.0.json").read_text(encoding="utf-8")))
JUNIT = xmlschema.XMLSchema(str(SCHEMAS / "junit-10.xsd"))
NASTY = [
    "",
    "\x00",
    "\x1b[31m",
    "]]>",
    "<![CDATA[",
    "&amp;",
    "::error::x",
    "%0A",
    "`" * 5,
    "|",
    "</details>",
    "<script>",
    "@team",
    "[a](1)",
    "\u2028",
    "\ud800",
    "\udc80",
    "\ufffe",
    "😀",
    "-->",
    "#1",
    "\\",
]
TEXT = st.lists(st.one_of(st.sampled_from(NASTY), st.text(max_size=8)), max_size=6).map(" ".join)


def report(text: str, path: str) -> Report:
    """A report with the text in every place that comes from outside."""
    finding = replace(
        FIRST, message=text, why=text, subject=text, location=Location(path or "x", 1, 1), excerpt=text,
        fix=Fix(text, lines=(text,)),
    )  # fmt: skip
    moved = MovedNumber(of=text, what=text, before=None, after=4, place=Location(path or "x", 3))
    change = PeakChange(
        name=text, against="slots", before=3, after=4, usable_before=None, usable=9, moved=(moved,), unknown=(text,), raised=True
    )  # fmt: skip
    target = replace(FINE, name=text, location=Location(path or "x", 2, 1))
    return Report(
        command="gate",
        findings=(finding, replace(finding, location=None)),
        targets=(target,),
        skipped=(Skipped(text, text, text),),
        fix_path=(Step(step=1, title=text, status="do", why=text, actions=(Action(text, (text,)),)),),
        sections=(
            Verdict(
                outcome="fail",
                reasons=(text,),
                sums=(
                    replace(PEAK, name=text, capacity_words=text, asked=text, source=text, unknown=(text,)),
                    replace(PEAK, name=text, verdict="cannot say"),
                ),
                changes=(change,),
            ),
        ),
    )


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TEXT, TEXT)
def test_formats_stay_what_they_are(text: str, path: str) -> None:
    """Valid by schema, one line an annotation, no control character, no tag that is not ours."""
    made = report(text, path)

    log = sarif.render(made, Style())
    assert not list(SARIF.iter_errors(json.loads(log)))
    JUNIT.validate(junit.render(made, Style()))
    assert len(json.loads(gitlab.render(made, Style()))) == 2
    lines = github.render(made, Style()).split("\n")
    assert len(lines) == 3
    assert all(re.match(r"::error (file=\S.*?,)?.*title=PC204 pool-too-large::", line) for line in lines[:2])
    assert re.match(r"::notice file=.*,line=3,title=poolcheck%3A peak at deploy::", lines[2])
    comment = markdown.render(made, Style())
    for each in (log, *lines, comment, junit.render(made, Style())):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\x1b\u2028]", each)
        each.encode("utf-8")
    html = MarkdownIt("commonmark").enable("table").render(comment)
    outside_code = re.sub(r"<code>.*?</code>", "", html, flags=re.DOTALL)
    ours = {
        "h2",
        "p",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "strong",
        "ul",
        "li",
        "pre",
        "a",
        "ol",
        "code",
        "br",
        "em",
    }
    tags = {found.strip("/ ").split(" ")[0] for found in re.findall(r"<(/?[a-zA-Z][^>]*)>", outside_code)}
    assert tags <= ours | {"details", "summary"}, tags - ours
    assert not re.search(r"@\w", re.sub(r"<!--.*?-->", "\0", outside_code))
