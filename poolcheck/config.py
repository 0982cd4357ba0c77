"""poolcheck.toml, or [tool.poolcheck] in pyproject.toml, and the options, as one frozen `Config`.

A field is written once, here, with its type, default and reason; the file's validation, `poolcheck config`,
`poolcheck init` and the JSON Schema are derived from it.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import field, fields, replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

from poolcheck.core.record import dataclass
from poolcheck.errors import BadConfig

RUNTIMES = ("auto", "serverless", "edge", "server", "local")
FAIL_ON = ("error", "warning", "info", "never")


def setting(default: Any, reason: str, **meta: Any) -> Any:
    """A field with its reason, and `choices`, `minimum`, `maximum` or `pattern` where it has them."""
    return field(default=default, metadata={"reason": reason, **meta})


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """When a number becomes a finding. Shares are of usable slots, never of max_connections."""

    warn_at: float = setting(
        0.70,
        "share of usable slots; earlier than the usual 80 % because a deploy can double a fleet",
        minimum=0,
        maximum=1,
    )
    critical_at: float = setting(
        0.85,
        "share of usable slots; a burst leaves about one second between here and refusal",
        minimum=0,
        maximum=1,
    )
    min_free: int = setting(
        5, "fewer free slots than this are critical: a share says little on a server of 20 slots", minimum=0
    )
    idle_in_transaction_count: int = setting(
        10, "sessions idle in transaction, counted from idle_in_transaction_seconds on", minimum=0
    )
    idle_in_transaction_seconds: int = setting(5, "younger ones are gaps between statements", minimum=0)
    idle_in_transaction_old_seconds: int = setting(
        30, "from here on that many sessions are an emergency", minimum=0
    )
    idle_in_transaction_oldest_seconds: int = setting(
        300, "one session this old is an emergency: it holds a slot, locks and old rows", minimum=0
    )
    waiting_sessions: int = setting(
        20, "sessions waiting for a lock, or pooler clients waiting for a server", minimum=0
    )
    max_wait_seconds: float = setting(1.0, "oldest pooler client's wait: warning", minimum=0)
    max_wait_critical_seconds: float = setting(
        5.0, "half of the pool timeout of Prisma up to 6: users are about to see errors", minimum=0
    )
    idle_seconds: int = setting(
        300, "how long a session must be idle before it can be called stuck", minimum=1
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Every setting, with its default. Options win over the file."""

    runtime: str = setting("auto", "where the code runs; auto reads the project", choices=RUNTIMES)
    driver: tuple[str, ...] = setting((), 'drivers in use, as "prisma@6"; default: the manifests say')
    instances: int | None = setting(
        None, "most instances that run at once: the autoscaler's maximum", minimum=1
    )
    workers: int = setting(1, "processes in an instance; each has its own pool", minimum=1)
    max_connections: int | None = setting(None, "the server's max_connections", minimum=1)
    reserved: int | None = setting(
        None, "slots an ordinary role never gets; default 3, or the provider's", minimum=0
    )
    buffer: int = setting(5, "slots kept for psql, migrations and monitoring", minimum=0)
    surge: str = setting(
        "25%", "instances a deploy adds before old ones stop: a share or a count", pattern=r"\d+%?"
    )
    provider: str = setting("", "where the server runs, when its host does not tell")
    plan: str = setting("", "plan or compute size, as `poolcheck explain PROVIDER` names them")
    select: tuple[str, ...] = setting((), "only these rules: ids, names or prefixes such as PC2")
    ignore: tuple[str, ...] = setting((), "not these rules")
    exclude: tuple[str, ...] = setting((), "paths not to look at, as in .gitignore")
    fail_on: str = setting("error", "lowest severity that makes the exit code 1", choices=FAIL_ON)
    thresholds: Thresholds = field(default_factory=Thresholds)
    path: str = ""  # the file this was read from; not a key


INTERNAL = {"path"}


def find(start: Path) -> Path | None:
    """The nearest poolcheck.toml, or pyproject.toml with [tool.poolcheck], at or above `start`."""
    start = start.absolute()
    for folder in (start, *start.parents) if start.is_dir() else start.parents:
        own = folder / "poolcheck.toml"
        if own.is_file():
            return own
        project = folder / "pyproject.toml"
        try:
            if project.is_file() and b"tool.poolcheck" in project.read_bytes():
                return project
        except OSError:
            continue
    return None


def load(path: Path) -> Config:
    """Read a config file.

    Raises:
        BadConfig: not TOML, an unknown key, a wrong type or value; with file, line and key.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise BadConfig(
            f"{path}: cannot be read: {error.strerror}", "Check the file's permissions."
        ) from error
    except UnicodeDecodeError as error:
        raise BadConfig(f"{path}: not UTF-8 at byte {error.start}", "Save the file as UTF-8.") from error
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadConfig(f"{path}: not valid TOML: {error}", "See https://toml.io for the syntax.") from error
    if path.name == "pyproject.toml":
        table = table.get("tool", {}).get("poolcheck", {})
    config: Config = build(Config, table, path, text)
    return replace(config, path=str(path))


def build(kind: Any, table: Any, path: Path, text: str, prefix: str = "") -> Any:
    """A dataclass from a table: keys known, types right, values in range; else BadConfig."""
    if not isinstance(table, dict):
        raise BadConfig(
            f"{path}: {prefix.rstrip('.') or 'poolcheck'} must be a table", f"Write [{prefix.rstrip('.')}]."
        )
    hints = get_type_hints(kind)
    known = {f.name: f for f in fields(kind) if f.name not in INTERNAL}
    values: dict[str, Any] = {}
    for key, value in table.items():
        name = key.replace("-", "_")
        where = f"{path}:{line_of(text, key)}: {prefix}{key}"
        if name not in known:
            raise BadConfig(
                f"{where}: unknown key",
                did_you_mean(name, known) or f"Known keys: {', '.join(sorted(known))}.",
            )
        if name == "thresholds":
            values[name] = build(Thresholds, value, path, text, "thresholds.")
        else:
            values[name] = check(hints[name], value, known[name].metadata, where)
    return kind(**values)


def check(hint: Any, value: Any, meta: Mapping[str, Any], where: str) -> Any:
    """One value of the right type and in range."""
    wanted = get_args(hint) or (hint,)
    if hint == tuple[str, ...]:
        if isinstance(value, str):
            value = [value]
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise BadConfig(f"{where}: must be a list of strings", 'For example ["PC203"].')
        return tuple(value)
    if str in wanted and isinstance(value, int) and not isinstance(value, bool) and "pattern" in meta:
        value = str(value)  # surge = 2
    if float in wanted and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if isinstance(value, bool) or not isinstance(
        value, tuple(each for each in wanted if each is not type(None))
    ):
        names = " or ".join(each.__name__ for each in wanted if each is not type(None))
        raise BadConfig(f"{where}: must be {names}, not {type(value).__name__}", str(meta.get("reason", "")))
    if "choices" in meta and value not in meta["choices"]:
        hint_text = did_you_mean(str(value), meta["choices"])
        raise BadConfig(f"{where}: {value!r} is not one of {', '.join(meta['choices'])}", hint_text)
    if ("minimum" in meta and value < meta["minimum"]) or ("maximum" in meta and value > meta["maximum"]):
        limits = f"at least {meta['minimum']}" + (
            f" and at most {meta['maximum']}" if "maximum" in meta else ""
        )
        raise BadConfig(f"{where}: must be {limits}, not {value}", str(meta.get("reason", "")))
    if "pattern" in meta:
        import re  # noqa: PLC0415 - one setting needs it

        if not re.fullmatch(meta["pattern"], str(value)):
            raise BadConfig(f"{where}: {value!r} has the wrong form", str(meta.get("reason", "")))
    return value


def check_values(values: Mapping[str, Any]) -> None:
    """The values of options, by the same rules as the file's.

    Raises:
        BadConfig: a value has the wrong form.
    """
    known = {each.name: each for each in fields(Config)}
    hints = get_type_hints(Config)
    for name, value in values.items():
        if not isinstance(value, tuple):
            check(hints[name], value, known[name].metadata, "--" + name.replace("_", "-"))


def line_of(text: str, key: str) -> int:
    """The line a key stands on; 1 when it cannot be told."""
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip().strip("[]").lstrip()
        if bare == key or bare.split("=")[0].strip().strip("\"'") == key or bare.endswith("." + key):
            return number
    return 1


def did_you_mean(word: str, known: Any) -> str:
    """`Did you mean x?`, or nothing when nothing is near."""
    from difflib import get_close_matches  # noqa: PLC0415 - only on errors

    near = get_close_matches(word, list(known), n=1)
    return f"Did you mean {near[0]}?" if near else ""
