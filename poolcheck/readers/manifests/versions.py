"""Version ranges of every ecosystem → `Version`: the lowest release, and only when one major is certain."""

import re

from poolcheck.model.project import Version

_COMPARATOR = re.compile(
    r"(?P<op>\^|~>|~=|~|>=|<=|===|==|=|!=|>|<)?v?"
    r"(?P<number>\d{1,9}(?:\.(?:\d{1,9}|[xX*+])){0,20}|[xX*])"
    r"(?P<rest>[-+.]?[A-Za-z][\w.+-]*|[-+][\w.+-]+)?"
)
_OPERATOR_GAP = re.compile(r"(?<=[<>=~^!])\s+")
_INTERVAL = re.compile(r"[\[(]\s*+([^,\[\]()]*+)(,?)\s*+([^,\[\]()]*+)[\])]")


def pinned(text: str) -> Version:
    """The version of a lock file: exact, whatever it looks like. "6.19.3(react@18)" keeps only "6.19.3"."""
    text = text.strip().split("(", 1)[0]
    match = re.match(r"v?(\d{1,9}(?:\.\d{1,9})*)", text)
    return Version(text, _numbers(match[1]) if match else (), exact=bool(match))


def span(text: str, *, bare: str = "exact", full: int = 3, unions: str = r"\|\|?") -> Version:
    """The version that a range tells: `parts` only when every release it admits has one major.

    Args:
        text: the range as written: "^6.2", ">=1.4,<2", "~> 1.5", "5 || 6".
        bare: what a number without an operator means: "exact" (npm, Python) or "caret" (Cargo).
        full: how many numbers a bare version needs to be exact; with fewer it is a prefix ("8.11" in npm).
        unions: regular expression between alternatives.
    """
    text = text.strip()
    low: tuple[int, ...] | None = None
    high = 0
    exact = False
    alternatives = re.split(unions, text)
    for alternative in alternatives:
        bounds = _bounds(alternative, bare=bare, full=full)
        if bounds is None:
            return Version(text)
        below, above, single = bounds
        low = below if low is None else min(low, below)
        high = max(high, above)
        exact = single and len(alternatives) == 1
    if low is None or high != low[0] + 1:
        return Version(text)
    return Version(text, low, exact=exact)


def _bounds(text: str, *, bare: str, full: int) -> tuple[tuple[int, ...], int, bool] | None:
    """Lowest release, first major that is too high, and whether it is one release; None when unbounded or unknown."""
    low: tuple[int, ...] = (0,)
    high: int | None = None
    exact = False
    text = _OPERATOR_GAP.sub("", text.strip())
    if " - " in text:  # npm's inclusive range
        first, _, last = text.partition(" - ")
        text = f">={first.strip()} <={last.strip()}"
    words = [word for word in re.split(r"[\s,]+", text) if word]
    for word in words:
        match = _COMPARATOR.fullmatch(word)
        if match is None:
            return None
        op, numbers = match["op"] or "", _numbers(match["number"])
        if op == "!=":
            continue
        if not numbers:  # "*", "x": anything
            continue
        if op in (">", ">="):
            low = max(low, (numbers[0] + 1,) if op == ">" and len(numbers) == 1 and full == 3 else numbers)
            continue
        above = numbers[0] if op == "<" and not any(numbers[1:]) else numbers[0] + 1
        high = above if high is None else min(high, above)
        if op in ("<", "<="):
            continue
        low = max(low, numbers)
        pinning = op in ("==", "===") or (
            len(numbers) >= full and (op == "=" or (op == "" and bare == "exact"))
        )
        exact = pinning and len(words) == 1 and not any(mark in match["number"] for mark in "xX*+")
    if high is None or high <= low[0]:
        return None
    return low, high, exact


def npm(text: str) -> Version:
    """An npm range. Tags, URLs, `workspace:` and `catalog:` tell nothing by themselves."""
    return span(text)


def python(text: str) -> Version:
    """A PEP 440 specifier, or Poetry's caret and tilde."""
    return span(text, full=1)


def gem(text: str) -> Version:
    """A RubyGems or Hex requirement: "~> 1.5, >= 1.5.3", "== 0.19.1 or ~> 0.20"."""
    return span(text, full=1, unions=r"\bor\b")


def composer(text: str) -> Version:
    """A Composer constraint; a stability flag ("@dev") is dropped."""
    return span(text.split("@", 1)[0] if not text.startswith("@") else text)


def cargo(text: str) -> Version:
    """A Cargo requirement: a bare version is a caret."""
    return span(text, bare="caret")


def interval(text: str) -> Version:
    """A Maven, Gradle or NuGet version: a number, "42.+", or intervals such as "[42.5,43)"."""
    text = text.strip()
    if not text.startswith(("[", "(")):
        found = span(text, full=1)
        return found if found.parts else Version(text)
    low: tuple[int, ...] | None = None
    high = 0
    exact = False
    position = 0
    for match in _INTERVAL.finditer(text):
        if text[position : match.start()].strip(" ,"):
            return Version(text)
        position = match.end()
        first = _numbers(match[1].strip())
        last = _numbers(match[3].strip()) if match[2] else first
        if not first or not last:
            return Version(text)
        closed = match[0].endswith("]")
        low = first if low is None else min(low, first)
        high = max(high, last[0] if not closed and not any(last[1:]) else last[0] + 1)
        exact = not match[2]
    if low is None or high != low[0] + 1 or text[position:].strip():
        return Version(text)
    return Version(text, low, exact=exact)


def _numbers(text: str) -> tuple[int, ...]:
    """The leading release numbers: "8.11.x" → (8, 11)."""
    numbers: list[int] = []
    for piece in text.split("."):
        digits = re.match(r"[0-9]{1,9}", piece)
        if digits is None:
            break
        numbers.append(int(digits[0]))
        if digits[0] != piece:  # "0-rc1": what follows is no release number
            break
    return tuple(numbers)
