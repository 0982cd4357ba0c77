"""From a TOML table to a `Config`, with the file's lines in every complaint; and the same rules for options."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import Field
from typing import Any, get_args

from poolcheck.config.settings import INTERNAL, Config, PerPath, matches, option_of
from poolcheck.config.tables import MOST_SHOWN, Complaint, Keys, Walk, shape
from poolcheck.connection.secret import redact
from poolcheck.errors import BadConfig
from poolcheck.record import dataclass
from poolcheck.text import clean, did_you_mean

MOST_PATTERNS = 200
MOST_PLACED = 100  # complaints whose lines are looked for, each time from the file's beginning


@dataclass(frozen=True, slots=True)
class SettingsSource:
    """The file that the table is from; `base` is where in it the settings stand."""

    path: str
    text: str
    base: tuple[str, ...] = ()


def build(kind: Any, table: Mapping[str, Any], source: SettingsSource) -> Any:
    """The config that a table says.

    Raises:
        BadConfig: with every complaint, in file order.
    """
    walk = Walk(hidden=INTERNAL, check=_check)
    made = walk.table(kind, table)
    if isinstance(made, Config):
        if _leaves(made.baseline):
            walk.say(
                ("baseline",), "must lie in this file's folder or below", "--baseline may name any file."
            )
        _check_servers(made, walk)
    if walk.complaints:
        raise complain(walk.complaints, source)
    return made


def _check_servers(config: Config, walk: Walk) -> None:
    """What a table cannot say alone: a host leads to one server, and a client's server is one of them."""
    homes: dict[str, str] = {}
    for each in config.server:
        for host in each.hosts:
            home = homes.setdefault(host.lower(), each.name)
            if home != each.name:
                said = f"{host} is one of the hosts of [server.{home}], too"
                walk.say(("server", each.name, "hosts"), said, "A host leads to one server: name it once.")
    if sum("*" in host for each in config.server for host in each.hosts) > MOST_PATTERNS:
        walk.say(
            ("server",), f"more than {MOST_PATTERNS} hosts with `*`", "Each is held against every address."
        )
    names = {each.name for each in config.server}
    wrong = [each for each in config.client if each.server and each.server not in names]
    for number, client in enumerate(wrong):
        near = did_you_mean(client.server, names) if number < MOST_SHOWN else ""
        said = "there is no [server.NAME] of that name"
        walk.say(("client", client.name, "server"), said, near or f"Write [server.{client.server}] as well.")


def _leaves(path: str) -> bool:
    """Whether a relative path is none, or climbs; of either system, since a file is read on both."""
    parts = re.split(r"[/\\]", path)
    return (len(parts) > 1 and not parts[0]) or ":" in parts[0] or ".." in parts


def _check(kind: type, values: Mapping[str, Any], _: Keys) -> None:
    """What types cannot say: whether a path pattern is one."""
    if kind is PerPath:
        try:
            matches(values["pattern"], "x")
        except ValueError:
            raise BadConfig("is no path pattern", "Write it as in .gitignore.") from None


def complain(complaints: Sequence[Complaint], source: SettingsSource) -> BadConfig:
    """The complaints as one error, in file order; with a single one its hint stands in a line of its own."""
    placed = [
        (line_of(source.text, (*source.base, *map(str, each.keys))), each)
        for each in complaints[:MOST_PLACED]
    ]
    placed.sort(key=lambda pair: pair[0])
    lines = [
        (
            f"{source.path}:{line}: {_shown(each.keys[:-1] if each.hidden else each.keys)}: {each.what}",
            each.hint,
        )
        for line, each in placed
    ]
    if len(lines) == 1:
        return BadConfig(*lines[0])
    said = [text + (f". {hint}" if hint else "") for text, hint in lines[:MOST_SHOWN]]
    if len(complaints) > MOST_SHOWN:
        said.append(f"and {len(complaints) - MOST_SHOWN} more")
    return BadConfig("\n  ".join(said))


def _shown(keys: Keys) -> str:
    return ".".join(
        key if re.fullmatch(r"[\w-]+", key) else f'"{clean(redact(key), limit=60)}"' for key in map(str, keys)
    )


def settings_of(kind: Any) -> dict[str, "Field[Any]"]:
    """The fields of a dataclass that are keys of the file, by name."""
    return {name: field for name, (field, _) in shape(kind).items() if name not in INTERNAL}


def headed() -> Iterator[tuple[str, Any, "Field[Any]"]]:
    """The settings that are tables under names of their own (per-path, server, client), with the dataclass of one."""
    for name, (field, hint) in shape(Config).items():
        if "heading" in field.metadata:
            yield name, get_args(hint)[0], field


def check_options(kind: Any, values: Mapping[str, Any]) -> None:
    """The values of options, by the rules of the file's; the option's name stands for the place.

    Raises:
        BadConfig: a value has the wrong form.
    """
    walk, known = Walk(), shape(kind)
    for name, value in values.items():
        if name in settings_of(kind):
            walk.value(known[name][1], value, (option_of(name),), known[name][0].metadata)
    if walk.complaints:
        first = walk.complaints[0]
        raise BadConfig(f"{first.keys[0]}: {first.what}", first.hint)


def line_of(text: str, keys: tuple[str, ...]) -> int:
    """The line, from 1, on which a key stands; that of its table, or 1, when it cannot be told.

    TOML's reader gives no places. Headers and keys are looked for line by line: enough to point at, and never used
    for more.
    """
    table: tuple[str, ...] = ()
    best, depth = 1, 0
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"(?s)\s*\[\[?(.+?)\]\]?\s*(?:#.*)?$", line)
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
