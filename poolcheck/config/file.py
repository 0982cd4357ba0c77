"""The configuration file: found upwards from a path, read, laid under the options."""

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from poolcheck.config.disk import MB, leads_out, may_read, read_limited
from poolcheck.config.settings import Config, NamedServer, StrPath, option_of
from poolcheck.errors import BadConfig
from poolcheck.record import dataclass

LONGEST = MB // 4  # bytes of a config file

# A dotted key of very many parts: tomllib takes the square of its length for it.
LONG_KEY = r"(?<![\w-])(?:(?:[\w-]++|\"[^\"\n]*+\"|'[^'\n]*+')[ \t]*+\.[ \t]*+){100}"


@dataclass(frozen=True, slots=True)
class Settings:
    """Options as given; `over` lays them on the config file of a path.

    `given` holds keys of `Config`, and `server_limits`: max_connections by the name of a server.
    """

    given: dict[str, Any]
    config_path: str | None = None
    isolated: bool = False

    def over(self, start: StrPath, instead: Mapping[str, bytes | None] | None = None) -> Config:
        """The config file near `start` (or `config_path`), with the options on top.

        `instead` holds, by path, what is read in place of a config file's own content; None: there is none.

        Raises:
            BadConfig: the file, or an option, is wrong.
        """
        path = self.config_path or (None if self.isolated else find(start))
        if path is None or (instead and path in instead and instead[path] is None):
            config = Config()
        else:
            config = load(path, (instead or {}).get(path))
        given = {key: value for key, value in self.given.items() if value not in (None, ())}
        limits = given.pop("server_limits", {})
        for values in (given, *({"max_connections": most} for most in limits.values())):
            check_values(values)
        return replace(config, **given, server=with_limits(config.server, limits), options=tuple(given))

    def typed(self, paths: tuple[str, ...] | None) -> tuple[str, ...] | None:
        """The paths and options as they are typed for another command; None where a value could be a secret."""
        if paths is None:
            return None
        found: list[str] = []
        for name, value in self.given.items():
            named = [f"{key}={most}" for key, most in value.items()] if isinstance(value, dict) else value
            option = option_of("max_connections" if name == "server_limits" else name)
            for each in named if isinstance(named, list | tuple) else (named,):
                found += [option, str(each)] if each is not None else []
        if not all(re.fullmatch(r"[\w.,/@%=*+-]+", each, re.ASCII) for each in found):
            return None
        found += ["--config", self.config_path] if self.config_path else []
        return (*paths, *found, *(["--isolated"] if self.isolated else ()))


def with_limits(servers: tuple[NamedServer, ...], limits: Mapping[str, int]) -> tuple[NamedServer, ...]:
    """The servers of the config with the max_connections that options give them; a name that is new makes a server."""
    made = {each.name: each for each in servers}
    for name, most in limits.items():
        told = made.get(name, NamedServer(name=name))
        made[name] = replace(told, max_connections=most, source="--max")
    return tuple(made.values())


def find(start: StrPath) -> str | None:
    """The nearest poolcheck.toml, or pyproject.toml with [tool.poolcheck], at or above `start`."""
    # x may be a link in x/..
    folder = os.path.realpath(start) if ".." in os.fspath(start) else os.path.abspath(start)
    if not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    while True:
        if not may_read(folder):
            return None
        own = os.path.join(folder, "poolcheck.toml")
        if os.path.exists(own) and not os.path.isdir(own):
            return _within(own)
        project = os.path.join(folder, "pyproject.toml")
        if speaks_of_us(project):
            return _within(project)
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above


def speaks_of_us(path: str) -> bool:
    """Whether a pyproject.toml may hold settings; one that cannot be read may not: the next one up may."""
    try:
        return b"tool.poolcheck" in read_limited(path, LONGEST)
    except OSError:
        return False


def _within(path: str) -> str:
    """A config that was found, not named.

    Raises:
        BadConfig: it is a link that leads out of the repository; without one, out of its folder.
    """
    if os.path.islink(path):
        folder = top = os.path.dirname(path)
        while not os.path.exists(os.path.join(top, ".git")) and top != os.path.dirname(top):
            top = os.path.dirname(top)
        whole = top if os.path.exists(os.path.join(top, ".git")) else folder
        if where := leads_out(path, whole):
            raise BadConfig(f"{path}: {where}: it is not read", f"Name it: --config {path}")
    return path


def load(path: StrPath, instead: bytes | None = None) -> Config:
    """Read a config file; with `instead`, these bytes in its place.

    Raises:
        BadConfig: not TOML, an unknown key, a wrong type or value; every complaint with file, line and key.
    """
    from poolcheck.config import checks  # noqa: PLC0415 - only where there is a file

    text, table = read(path, instead)
    config: Config = checks.build(Config, table, checks.SettingsSource(str(path), text, base(path)))
    return replace(config, path=str(path))


def base(path: StrPath) -> tuple[str, ...]:
    """The table of the file that holds the settings."""
    return ("tool", "poolcheck") if os.path.basename(path) == "pyproject.toml" else ()


def read(path: StrPath, instead: bytes | None = None) -> tuple[str, dict[str, Any]]:
    """The text of a config file, or of what is read in its place, and its table of settings.

    Raises:
        BadConfig: it cannot be read, or is not TOML.
    """
    import tomllib  # noqa: PLC0415 - only where there is a file

    try:
        text = (read_limited(path, LONGEST) if instead is None else instead).decode("utf-8-sig")
    except OSError as error:
        raise BadConfig(
            f"{path}: cannot be read: {error.strerror}", "Check the file's permissions."
        ) from error
    except UnicodeDecodeError as error:
        raise BadConfig(f"{path}: not UTF-8 at byte {error.start}", "Save the file as UTF-8.") from error
    if re.search(LONG_KEY, text):
        raise BadConfig(f"{path}: a key has more than 100 parts", "See poolcheck config for what can be set.")
    try:
        table: Any = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits, brackets in brackets
        why = (
            error if isinstance(error, tomllib.TOMLDecodeError) else "nested too deeply, or a number too long"
        )
        raise BadConfig(f"{path}: not valid TOML: {why}", "See https://toml.io for the syntax.") from error
    for name in base(path):
        table = table.get(name, {})
        if not isinstance(table, dict):
            raise BadConfig(f"{path}: {name} must be a table", "Write [tool.poolcheck].")
    return text, table


def check_values(values: Mapping[str, Any]) -> None:
    """The values of options, by the same rules as the file's.

    Raises:
        BadConfig: a value has the wrong form.
    """
    from poolcheck.config import checks  # noqa: PLC0415 - only where an option is given

    given = {name: value for name, value in values.items() if value is not None and value != ()}
    if given:
        checks.check_options(Config, given)
