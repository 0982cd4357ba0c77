"""No regular expression takes the square of a text: each is judged by its shape, and the judgement by the clock."""

import random
import re

import pytest

from tests import clock
from tests.ambiguity import Shape, shapes
from tests.conftest import soaking
from tests.patterns import AT_RUN_TIME, Used, given_at_run_time, hard, used

SIZES = (4 * 1024, 16 * 1024, 64 * 1024)
FEW = 16  # strings for each pattern in a run with the clock, the same every time; a soak tries all
QUICK = 0.001  # seconds for the smallest: what is below has no square in it
FLOOR = 0.05
MOST = 0.5
PATTERNS = used()
PLACES = sorted({where.partition(":")[0] for where in PATTERNS.values()})
# What reviews met in this project, and worse.
SQUARES = {
    "scan": (
        r"(?m)^\s+image:", r"(\w+)\s*=", r"<%=(.*?)%>", r"(?:a|a)*b", r"\s*x", r"(?i)secret\w*=", r"\s*,\s*", r'"((?:[^"\\]|\\.)*)"',
        r"(?<!x)\w+=", r"a(?:[ab]*c)?", r"x(?!.*y)", r"(?=.*foo)a", r"\w++=", r"\$\{\w+(?::([^}]*))?\}", r"(?:^|/)app/(?:.*/)?page$",
    ),
    "fullmatch": (r"a\s*,?\s*b", r"(.*?)\s*[;#]", r"(?:a\s*|\s+)*b", r"(?:x|(?:\w*PORT\w*|__\w*__),)*", r".*_.*_.*!", r"(?:(?i:a)|A)*b"),
}  # fmt: skip
LINEAR = {
    "scan": (
        r"(?m)^[^\S\n]+image:", r"\b\w+\s*=", r"(?<!\w)\w+=", r"\w+", r"(?<!\s)\s+x", r"<%=((?:[^<%\n]|%(?!>)|<(?!%))*)%>", r"a[^a]*b",
        r'(?<!\\)"((?:[^"\\]|\\.)*)"', r"\w+=|\w+", r"#.*", r"\$\{[^{}]*\}", r"(?s)<b>.*?(?:</b>|\Z)", r"[,;]",
    ),
    "fullmatch": (r"a\s*(?:,\s*)?b", r"(?:a\s*)*", r"(?:\w+\.)*\w+", r"\s*+(.*\S|)\s*", r"(?:.*/)?[\w-]*\.txt", r"(?:[^'\\]|\\.)*'"),
}  # fmt: skip


def seconds(use: Used, shape: Shape, size: int) -> float:
    """What one pass over a text costs of the processor's time; MOST when it was stopped."""
    text = shape.before + shape.pump * (size // len(shape.pump)) + shape.after
    given = text if isinstance(use.pattern.pattern, str) else text.encode("latin-1", "replace")

    def match() -> None:
        if use.how == "scan":
            for _ in use.pattern.finditer(given):  # type: ignore[arg-type]  # text and pattern are of one kind
                pass
        else:
            getattr(use.pattern, use.how)(given)

    return clock.seconds(match, MOST)


def grows(use: Used, shape: Shape) -> list[float]:
    """What four times the length takes each time, when that is much more than four times as long, three times of three."""
    first = seconds(use, shape, SIZES[0])
    if first < QUICK or first == MOST:
        return [MOST] if first == MOST else []
    taken = [min(seconds(use, shape, size) for _ in range(3)) for size in SIZES]
    if taken[2] == MOST:  # it was stopped
        return taken if taken[1] == MOST or taken[1] > 6 * taken[0] else []
    return taken if taken[2] > FLOOR and taken[2] > 8 * taken[1] else []


def test_the_patterns_are_found() -> None:
    """Of the source, by name and in place, of tables, of the catalogue."""
    assert {"catalogue", "connection/secret.py", "readers/env/lexer.py", "explain/log.py"} <= {*PLACES}
    assert len(PATTERNS) > 600


def test_patterns_that_a_variable_gives_are_told() -> None:
    """Who hands `re` a variable says in AT_RUN_TIME what may be in it; a module that no longer does is taken out."""
    assert given_at_run_time() | {"config/path_patterns.py"} == {*AT_RUN_TIME}


@pytest.mark.parametrize(("how", "pattern"), [(how, each) for how, some in SQUARES.items() for each in some])
def test_squares_are_seen(how: str, pattern: str) -> None:
    """A judgement that finds nothing would hold nothing."""
    assert next(shapes(Used(re.compile(pattern), how)), None) is not None


@pytest.mark.parametrize(("how", "pattern"), [(how, each) for how, some in LINEAR.items() for each in some])
def test_what_is_linear_is_left_alone(how: str, pattern: str) -> None:
    """The ways in which patterns of this project are kept linear pass."""
    assert next(shapes(Used(re.compile(pattern), how)), None) is None


@pytest.mark.parametrize("place", PLACES)
def test_no_pattern_takes_a_square(place: str) -> None:
    """Each pattern, in the way that it is used: mend it, by what LINEAR shows, where this names a text for it."""
    slow = {
        f"{where} {use.how} {use.pattern.pattern!r}"[:200]: found
        for use, where in PATTERNS.items()
        if where.partition(":")[0] == place and (found := next(shapes(use), None))
    }

    assert slow == {}


@pytest.mark.measured
@pytest.mark.parametrize(("how", "pattern"), [(how, each) for how, some in SQUARES.items() for each in some])
def test_the_clock_says_so_too(how: str, pattern: str) -> None:
    """The text that the judgement names for a pattern is hard for it."""
    use = Used(re.compile(pattern), how)

    assert any(grows(use, each) for each in shapes(use))


@pytest.mark.measured
@pytest.mark.parametrize("place", PLACES)
def test_patterns_are_linear(place: str) -> None:
    """And what the judgement passes, strings made of the patterns' own repeats do not make slow either."""
    slow = {}
    for use, where in PATTERNS.items():
        if where.partition(":")[0] == place:
            strings = [Shape(*each) for each in hard(use.pattern)]
            if len(strings) > FEW and not soaking():
                strings = random.Random(repr(use.pattern.pattern)).sample(strings, FEW)
            found = next(((each, taken) for each in strings if (taken := grows(use, each))), None)
            if found:
                slow[f"{where} {use.how} {use.pattern.pattern!r}"[:200]] = found

    assert slow == {}
