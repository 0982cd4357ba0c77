"""From a TOML table to a `Config`: keys known, types right, values in range. Every complaint, not only the first."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields
from typing import Any, get_args, get_type_hints

from poolcheck.config.settings import INTERNAL, PerPath, Thresholds
from poolcheck.errors import BadConfig
from poolcheck.record import dataclass
from poolcheck.text import clean, did_you_mean

MOST_SHOWN = 20  # complaints; a file that is something else entirely would print hundreds
NAMES = {
    str: "a string",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a table",
}


@dataclass(frozen=True, slots=True)
class Source:
    """The file that the table is from; `base` is where in it the settings stand."""

    path: str
    text: str
    base: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing that is wrong: where, what, and what to do."""

    where: str
    what: str
    hint: str = ""


def build(kind: Any, table: Mapping[str, Any], source: Source) -> Any:
    """The config that a table says.

    Raises:
        BadConfig: with every complaint, in file order.
    """
    complaints: list[Complaint] = []
    made = _table(kind, table, source, (), complaints)
    if complaints:
        complaints.sort(key=_line)
        raise complain(complaints)
    return made


def _line(complaint: Complaint) -> int:
    parts = complaint.where.split(": ")[0].rsplit(":", 1)
    return int(parts[-1]) if parts[-1].isdigit() else 0


def complain(complaints: Sequence[Complaint]) -> BadConfig:
    """The complaints as one error; with a single one its hint stands in a line of its own."""
    if len(complaints) == 1:
        only = complaints[0]
        return BadConfig(f"{only.where}: {only.what}", only.hint)
    lines = [
        f"{each.where}: {each.what}" + (f". {each.hint}" if each.hint else "")
        for each in complaints[:MOST_SHOWN]
    ]
    if len(complaints) > MOST_SHOWN:
        lines.append(f"and {len(complaints) - MOST_SHOWN} more")
    return BadConfig("\n  ".join(lines))


def settings_of(kind: Any) -> dict[str, "Field[Any]"]:
    """The fields of a dataclass that are keys of the file, by name."""
    return {each.name: each for each in fields(kind) if each.name not in INTERNAL}


def _table(
    kind: Any, table: Mapping[str, Any], source: Source, keys: tuple[str, ...], complaints: list[Complaint]
) -> Any:
    hints, known, values = get_type_hints(kind), settings_of(kind), {}
    for key, value in table.items():
        name = key.replace("-", "_")
        here = (*keys, key)
        where = _where(source, here)
        if name not in known:
            hint = did_you_mean(name, known) or f"Known keys: {', '.join(sorted(known))}."
            complaints.append(Complaint(where, "unknown key", hint))
        elif name in values:
            complaints.append(Complaint(where, f"given twice, as {name} and {name.replace('_', '-')}"))
        elif name == "thresholds":
            if isinstance(value, dict):
                values[name] = _table(Thresholds, value, source, here, complaints)
            else:
                complaints.append(Complaint(where, _not_a(dict, value), "Write [thresholds]."))
        elif name == "per_path":
            values[name] = _per_path(value, source, here, complaints)
        else:
            try:
                values[name] = check(hints[name], value, known[name].metadata, where)
            except BadConfig as wrong:
                complaints.append(Complaint(where, wrong.message.removeprefix(f"{where}: "), wrong.hint))
    return kind(**values) if not complaints else None


def _per_path(
    value: Any, source: Source, keys: tuple[str, ...], complaints: list[Complaint]
) -> tuple[PerPath, ...]:
    example = 'Write [per-path."apps/web/**"] and below it for example ignore = ["PC203"].'
    if not isinstance(value, dict):
        complaints.append(Complaint(_where(source, keys), _not_a(dict, value), example))
        return ()
    made = []
    for pattern, inner in value.items():
        where = _where(source, (*keys, pattern))
        if not isinstance(inner, dict):
            complaints.append(Complaint(where, "must be a table: its name is a path", example))
            continue
        try:
            from poolcheck.config.settings import matches  # noqa: PLC0415 - brings pathspec

            matches(pattern, "x")
        except ValueError:
            complaints.append(Complaint(where, "is no path pattern", "Write it as in .gitignore."))
            continue
        one = _table(PerPath, inner, source, (*keys, pattern), complaints)
        if one is not None:
            made.append(PerPath(pattern=pattern, ignore=one.ignore, runtime=one.runtime, reason=one.reason))
    return tuple(made)


def _where(source: Source, keys: tuple[str, ...]) -> str:
    shown = ".".join(key if re.fullmatch(r"[\w-]+", key) else f'"{clean(key, limit=60)}"' for key in keys)
    return f"{source.path}:{line_of(source.text, (*source.base, *keys))}: {shown}"


def _not_a(wanted: type, value: Any) -> str:
    return f"must be {NAMES[wanted]}, not {NAMES.get(type(value), type(value).__name__)}"


def check(hint: Any, value: Any, meta: Mapping[str, Any], where: str) -> Any:
    """One value of the right type and in range.

    Raises:
        BadConfig: with `where` in front.
    """
    wanted = tuple(each for each in get_args(hint) or (hint,) if each is not type(None))
    if hint == tuple[str, ...]:
        return _strings(value, meta, where)
    if str in wanted and isinstance(value, int) and not isinstance(value, bool) and "pattern" in meta:
        value = str(value)  # surge = 2
    if float in wanted and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, wanted):
        raise BadConfig(f"{where}: {_not_a(wanted[0], value)}", _reason(meta))
    if "choices" in meta and value not in meta["choices"]:
        raise BadConfig(
            f"{where}: {_shown(value)} is not one of {', '.join(meta['choices'])}",
            did_you_mean(str(value), meta["choices"]),
        )
    if ("minimum" in meta and not value >= meta["minimum"]) or (
        "maximum" in meta and not value <= meta["maximum"]
    ):
        limits = f"at least {meta['minimum']}" + (
            f" and at most {meta['maximum']:,}" if "maximum" in meta else ""
        )
        raise BadConfig(f"{where}: must be {limits}, not {value}", _reason(meta))
    if "pattern" in meta and not re.fullmatch(meta["pattern"], value, re.ASCII):
        raise BadConfig(f"{where}: {_shown(value)} has the wrong form", _reason(meta))
    return value


def _strings(value: Any, meta: Mapping[str, Any], where: str) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
        raise BadConfig(f"{where}: must be a list of strings", f"For example {meta.get('example', '[]')}.")
    for each in value:
        if "choices" in meta and each not in meta["choices"]:
            raise BadConfig(
                f"{where}: {_shown(each)} is not one of {', '.join(meta['choices'])}",
                did_you_mean(each, meta["choices"]),
            )
        if "item" in meta and not re.fullmatch(meta["item"], each.strip(), re.ASCII):
            raise BadConfig(
                f"{where}: {_shown(each)} has the wrong form", f"For example {meta.get('example', '')}."
            )
    return tuple(each.strip() for each in value)


def _shown(value: Any) -> str:
    return repr(clean(str(value), limit=60))


def _reason(meta: Mapping[str, Any]) -> str:
    reason = str(meta.get("reason", ""))
    return f"It is {reason}." if reason else ""


def check_options(kind: Any, values: Mapping[str, Any]) -> None:
    """The values of options, by the rules of the file's; the option's name stands for the place.

    Raises:
        BadConfig: a value has the wrong form.
    """
    hints, known = get_type_hints(kind), settings_of(kind)
    for name, value in values.items():
        if name in known:
            option = "--max" if name == "max_connections" else "--" + name.replace("_", "-")
            check(hints[name], value, known[name].metadata, option)


def default_of(each: "Field[Any]") -> Any:
    """A field's default value."""
    if each.default_factory is not MISSING:
        return each.default_factory()
    return each.default


def line_of(text: str, keys: tuple[str, ...]) -> int:
    """The line, from 1, on which a key stands; that of its table, or 1, when it cannot be told.

    TOML's reader gives no places. Headers and keys are looked for line by line: enough to point at, and never used
    for more.
    """
    table: tuple[str, ...] = ()
    best, depth = 1, 0
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[\[?(.+?)\]\]?\s*(?:#.*)?$", line)
        if header:
            table = _dotted(header[1])
            here = table
        else:
            name, sep, _ = line.partition("=")
            if not sep or line.lstrip().startswith("#"):
                continue
            here = (*table, *_dotted(name))
        common = len(here) if here == keys[: len(here)] else 0
        if common > depth:
            best, depth = number, common
    return best


def _dotted(text: str) -> tuple[str, ...]:
    """The parts of a dotted key, quotes taken off."""
    return tuple(
        first or second or bare
        for first, second, bare in re.findall(r'"([^"]*)"|\'([^\']*)\'|([\w-]+)', text)
    )
