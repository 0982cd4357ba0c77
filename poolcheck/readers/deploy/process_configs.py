"""A number of a config file (gunicorn.conf.py, Puma's, sidekiq.yml): written, a variable with what stands in, or computed."""

import re
from dataclasses import replace
from typing import Literal

from poolcheck.readers.yaml import documents, text_of
from poolcheck.record import dataclass

_LONGEST = 500_000  # characters; such a config has a hundred lines
_FORMS = {
    "assigned": r"^([^\S\n]*)(%s)[^\S\n]*(?::\s*int\s*)?=(?!=)[^\S\n]*(.*)$",
    "ruby": r"^([^\S\n]*)(%s)(?:[^\S\n]+|[^\S\n]*\()(?![=.])(.*)$",
}
_ENVIRONMENT = re.compile(
    r"""(?:os\.environ\.get|os\.getenv|getenv|environ\.get|ENV\.fetch)\(\s*['"](\w+)['"]\s*(?:,\s*(?:default\s*=\s*)?['"]?(\d{1,4})['"]?\s*)?\)\s*(?:\{\s*['"]?(\d{1,4})['"]?\s*\})?"""
    r"""|(?:os\.environ|environ|ENV)\[\s*['"](\w+)['"]\s*\]"""
)
# A variable and nothing that changes its value: int(@), max(1, int(@)), Integer(@), @.to_i
_PLAIN = re.compile(r"(?:int\(|Integer\(|str\(|max\(\s*1\s*,|[(\s])*@(?:[)\s]|\.to_i|,\s*10\b)*")
_PRODUCTION = re.compile(r"production|[>]=?\s*[01]\b")


@dataclass(frozen=True, slots=True)
class Setting:
    """The setting, as far as it can be read."""

    line: int
    number: int | None = None  # written, or what stands in for the variable
    variable: str = ""
    why: str = ""  # why there is no number
    name: str = ""


def read(
    text: str, form: Literal["assigned", "ruby", "yaml"], setting: str, default: int = 0
) -> Setting | None:
    """A setting, by its pattern; None when the config sets none. One that is set twice, or on a condition, is not known.

    `default` is that of an item of YAML's `workers`, which sets each for itself.
    """
    if len(text) > _LONGEST:
        return None
    if form == "yaml":
        return _yaml(text, setting, default)
    found = list(re.finditer(_FORMS[form] % setting, text, re.MULTILINE))
    if not found:
        return None
    last = found[-1]
    line = text.count("\n", 0, last.start(3)) + 1
    expression, _, condition = re.sub(r"(?<!\s)\s+(if|unless)\s", "\x00", _bare(last[3]), count=1).partition(
        "\x00"
    )
    made = _expression(_last(expression) if form == "ruby" else expression, text, line)
    if len(found) > 1 or " else " in condition:
        return Setting(line, why="the config sets it on a condition")
    if last[1] or condition:  # a variable's own value counts in production, what stands in for it may not
        known = _PRODUCTION.search(condition or text) is not None
        return Setting(line, variable=made.variable if known else "", why="the config sets it on a condition")
    return replace(made, name=last[2])


def _last(expression: str) -> str:
    """The last of Ruby's arguments: `threads 1, 5`."""
    deep, start = 0, 0
    for at, character in enumerate(expression):
        deep += (character in "([{") - (character in ")]}")
        if character == "," and deep == 0:
            start = at + 1
    return expression[start:].strip()


def _yaml(text: str, setting: str, default: int) -> Setting | None:
    """Of production's section, or of the whole file; or of each of its `workers`: processes add up, the most threads count."""
    whole = next(iter(documents(text)), None)
    if whole is None:
        return Setting(1, why="the config cannot be read")
    for owner in (whole.get("production"), whole):
        if owner is None:
            continue
        made = []
        for each in (owner, *(node for node in (owner.get("workers"),) if node for node in node.items)):
            key = next((name for name in each.pairs if re.fullmatch(setting, name)), "")
            node = each.pairs.get(key)
            if node is not None:
                written = re.sub(r"<%=?|-?%>", "", text_of(node)).strip()
                made.append(replace(_expression(written, "", node.line), name=key))
            elif each is not owner:
                made.append(Setting(each.line, default, name=f"default of {setting}:"))
        numbers = [each.number or 0 for each in made]
        if len(made) < 2 and made:
            return made[0]
        if made and all(each.number is not None and not each.variable for each in made):
            number = sum(numbers) if setting == "processes" else max(numbers)
            return Setting(made[0].line, number, name=f"{len(made)} workers, {setting}")
        if made:
            return Setting(made[0].line, why="the config computes it")
    return None


def _bare(expression: str) -> str:
    return re.split(r"\s[#;]", expression, maxsplit=1)[0].strip()[:300]


def _expression(expression: str, text: str, line: int, deep: int = 3) -> Setting:
    if re.fullmatch(r"\d{1,4}\)?", expression):
        return Setting(line, int(expression.rstrip(")")))
    match = _ENVIRONMENT.search(expression)
    if match is not None:
        rest = expression[: match.start()] + "@" + expression[match.end() :]
        rest, computed = re.subn(r"@\s*(?:\)+\s*)?\{[^{}]*\}", "@", rest)
        rest, stands_in = re.subn(r"@\s*(?:\)+\s*)?(?:or|\|\|)\s*['\"]?(\d{1,4})['\"]?", r"@\1", rest)
        default = match[2] or match[3] or re.sub(r"\D", "", rest.partition("@")[2]) * bool(stands_in)
        if _PLAIN.fullmatch(re.sub(r"@\d*", "@", rest) if stands_in else rest):
            number = int(default) if default and not computed else None
            return Setting(
                line, number, match[1] or match[4], "what stands in for it is computed" if computed else ""
            )
        return Setting(line, why="the config computes it")
    name = re.match(r"(?:int\()?([A-Za-z_]\w*)\b\)?$", expression)
    if name is not None and deep:
        given = re.findall(
            rf"^[^\S\n]*{name[1]}[^\S\n]*(?::\s*\w+\s*)?=(?!=)[^\S\n]*(.*)$", text, re.MULTILINE
        )
        if len(given) == 1:
            return _expression(_bare(given[0]), text, line, deep - 1)
    if re.search(r"cpu|processor|nproc|:auto", expression):
        return Setting(line, why="it depends on the number of CPUs")
    return Setting(line, why="the config computes it")
