"""No regular expression takes the square of a text: each is fed with strings made of what its own repeats take."""

import os
import random
import re
import signal
import time

import pytest

from tests.patterns import Used, hard, used

SIZES = (4 * 1024, 16 * 1024, 64 * 1024)
FEW = 16  # strings for each pattern in an ordinary run, the same every time; POOLCHECK_SOAK=1 tries all
QUICK = 0.003  # seconds for the smallest: what is below has no square in it
FLOOR = 0.05
MOST = 0.5
# What is cut before a pattern sees it, in characters: beginning of the place → how long it may be.
SHORT = {
    "connection/placeholder.py": 1000,
    "fix/orm_edits.py": 1000,
    "readers/configs/frameworks.py": 2000,
    "readers/manifests/": 2000,
    "readers/configs/js_config.py": 255,  # names of files
    "readers/deploy/pm2.py": 255,
    "project/packages.py": 255,
    "project/fleet/from_platforms.py:0": 255,
}
PATTERNS = used()


class Late(BaseException):
    """A pattern took too long: it looks for signals now and then."""


def late(number: int, frame: object) -> None:
    raise Late


def seconds(use: Used, parts: tuple[str, str, str], size: int) -> float:
    """What one pass over a text costs of the processor's time; MOST when it was stopped."""
    before, pump, after = parts
    text = before + pump * (size // len(pump)) + after
    given = text if isinstance(use.pattern.pattern, str) else text.encode("latin-1", "replace")
    start = time.process_time()
    signal.setitimer(signal.ITIMER_VIRTUAL, MOST)
    try:
        if use.how == "scan":
            for _ in use.pattern.finditer(given):  # type: ignore[arg-type]  # text and pattern are of one kind
                pass
        else:
            getattr(use.pattern, use.how)(given)
    except Late:
        return MOST
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return time.process_time() - start


def superlinear(use: Used, where: str = "") -> tuple[tuple[str, str, str], list[float]] | None:
    """The first string on which four times the length takes much more than four times the time, three times of three."""
    most = min((limit for place, limit in SHORT.items() if where.startswith(place)), default=SIZES[-1])
    most = min(most, 1000) if str(use.pattern.pattern).startswith("(?:.*/)?") else most  # against a path
    strings = hard(use.pattern)
    if len(strings) > FEW and where and not os.environ.get("POOLCHECK_SOAK"):
        strings = random.Random(repr(use.pattern.pattern)).sample(strings, FEW)
    before = signal.signal(signal.SIGVTALRM, late)
    try:
        return next(((each, taken) for each in strings if (taken := _grows(use, each, most))), None)
    finally:
        signal.signal(signal.SIGVTALRM, before)


def _grows(use: Used, parts: tuple[str, str, str], most: int) -> list[float]:
    if most < SIZES[-1]:  # cut: short enough for anything
        taken = (
            [min(seconds(use, parts, most) for _ in range(3))] if seconds(use, parts, most) > FLOOR else []
        )
        return [each for each in taken if each > FLOOR]
    if seconds(use, parts, SIZES[0]) < QUICK:
        return []
    if seconds(use, parts, SIZES[0]) == MOST:
        return [MOST]
    taken = [min(seconds(use, parts, size) for _ in range(3)) for size in SIZES]
    if taken[2] == MOST:  # it was stopped
        return taken if taken[1] == MOST or taken[1] > 6 * taken[0] else []
    return taken if taken[2] > FLOOR and taken[2] > 8 * taken[1] else []


def test_the_patterns_are_found() -> None:
    """Of the source, by name and in place, of tables, of the catalogue."""
    places = {where.partition(":")[0] for where in PATTERNS.values()}

    assert {"catalogue", "connection/secret.py", "readers/env/lexer.py", "explain/log.py"} <= places
    assert len(PATTERNS) > 600


@pytest.mark.measured
@pytest.mark.parametrize("pattern", [r"^\s+image:", r"(\w+)\s*=", r"<%=(.*?)%>", r"(?:a|a)*b", r"\s*x"])
def test_squares_are_seen(pattern: str) -> None:
    """What the review of version 0.1 met, and worse: a test that cannot fail would hold nothing."""
    assert superlinear(Used(re.compile(pattern, re.MULTILINE), "scan"))


@pytest.mark.measured
@pytest.mark.parametrize("place", sorted({where.partition(":")[0] for where in PATTERNS.values()}))
def test_patterns_are_linear(place: str) -> None:
    """Each pattern, in the way that it is used."""
    slow = {
        f"{where} {use.how} {use.pattern.pattern!r}"[:200]: found
        for use, where in PATTERNS.items()
        if where.partition(":")[0] == place and (found := superlinear(use, where))
    }

    assert slow == {}
