"""The `workers` setting of gunicorn.conf.py and of Puma's config: a number, a variable with what stands in, or computed."""

import re
from typing import Literal

from poolcheck.record import dataclass

_LONGEST = 500_000  # characters; such a config has a hundred lines
_SET = {
    "gunicorn": re.compile(r"^([^\S\n]*)workers\s*(?::\s*int\s*)?=(?!=)[^\S\n]*(.*)$", re.MULTILINE),
    "puma": re.compile(r"^([^\S\n]*)workers(?:[^\S\n]+|[^\S\n]*\()(?![=.])(.*)$", re.MULTILINE),
}
_ENVIRONMENT = re.compile(
    r"""(?:os\.environ\.get|os\.getenv|getenv|environ\.get|ENV\.fetch)\(\s*['"](\w+)['"]\s*(?:,\s*(?:default\s*=\s*)?['"]?(\d{1,4})['"]?\s*)?\)\s*(?:\{\s*['"]?(\d{1,4})['"]?\s*\})?"""
    r"""|(?:os\.environ|environ|ENV)\[\s*['"](\w+)['"]\s*\]"""
)
# A variable and nothing that changes its value: int(@), max(1, int(@)), Integer(@), @.to_i
_PLAIN = re.compile(r"(?:int\(|Integer\(|str\(|max\(\s*1\s*,|[(\s])*@(?:[)\s]|\.to_i|,\s*10\b)*")
_PRODUCTION = re.compile(r"production|[>]=?\s*[01]\b")


@dataclass(frozen=True, slots=True)
class WorkerCount:
    """The setting, as far as it can be read."""

    line: int
    number: int | None = None  # written, or what stands in for the variable
    variable: str = ""
    why: str = ""  # why there is no number


def read(text: str, tool: Literal["gunicorn", "puma"]) -> WorkerCount | None:
    """The `workers` of a config; None when it sets none. One that is set twice, or on a condition, is not known."""
    if len(text) > _LONGEST or "workers" not in text:
        return None
    found = list(_SET[tool].finditer(text))
    if not found:
        return None
    last = found[-1]
    line = text.count("\n", 0, last.start(2)) + 1
    expression = _bare(last[2])
    expression, _, condition = re.sub(r"(?<!\s)\s+(if|unless)\s", "\x00", expression, count=1).partition(
        "\x00"
    )
    made = _expression(expression, text, line)
    if len(found) > 1 or " else " in condition:
        return WorkerCount(line, why="the config sets it on a condition")
    if last[1] or condition:  # a variable's own value counts in production, what stands in for it may not
        known = _PRODUCTION.search(condition or text) is not None
        return WorkerCount(
            line, variable=made.variable if known else "", why="the config sets it on a condition"
        )
    return made


def _bare(expression: str) -> str:
    return re.split(r"\s#", expression, maxsplit=1)[0].strip()[:300]


def _expression(expression: str, text: str, line: int, deep: int = 3) -> WorkerCount:
    if re.fullmatch(r"\d{1,4}\)?", expression):
        return WorkerCount(line, int(expression.rstrip(")")))
    match = _ENVIRONMENT.search(expression)
    if match is not None:
        rest = expression[: match.start()] + "@" + expression[match.end() :]
        rest, computed = re.subn(r"@\s*(?:\)+\s*)?\{[^{}]*\}", "@", rest)
        rest, stands_in = re.subn(r"@\s*(?:\)+\s*)?(?:or|\|\|)\s*['\"]?(\d{1,4})['\"]?", r"@\1", rest)
        default = match[2] or match[3] or re.sub(r"\D", "", rest.partition("@")[2]) * bool(stands_in)
        if _PLAIN.fullmatch(re.sub(r"@\d*", "@", rest) if stands_in else rest):
            number = int(default) if default and not computed else None
            return WorkerCount(
                line, number, match[1] or match[4], "what stands in for it is computed" if computed else ""
            )
        return WorkerCount(line, why="the config computes it")
    name = re.match(r"(?:int\()?([A-Za-z_]\w*)\b\)?$", expression)
    if name is not None and deep:
        given = re.findall(
            rf"^[^\S\n]*{name[1]}[^\S\n]*(?::\s*\w+\s*)?=(?!=)[^\S\n]*(.*)$", text, re.MULTILINE
        )
        if len(given) == 1:
            return _expression(_bare(given[0]), text, line, deep - 1)
    if re.search(r"cpu|processor|nproc|:auto", expression):
        return WorkerCount(line, why="it depends on the number of CPUs")
    return WorkerCount(line, why="the config computes it")
