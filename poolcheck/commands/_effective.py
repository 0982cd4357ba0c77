"""The settings in force for a path, each with where it comes from; and the file that `poolcheck init` writes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, replace
from pathlib import Path
from typing import Any

from poolcheck import rules
from poolcheck.config import file
from poolcheck.config.checks import headed, line_of, settings_of
from poolcheck.config.schema import ID
from poolcheck.config.settings import Config, Thresholds, option_of
from poolcheck.config.tables import default_of
from poolcheck.connection.secret import redact, redact_setting
from poolcheck.diagnosis import engine
from poolcheck.errors import BadConfig
from poolcheck.model.effective import Effective, EffectiveSetting, ToldTable, key, toml
from poolcheck.project import arguments, assumptions, collect
from poolcheck.project.collected import Collected
from poolcheck.text import clean, sentence


def effective(config: Config, given: Mapping[str, Any], tables: tuple[ToldTable, ...] = ()) -> Effective:
    """Every setting of a config. `given` are the options of the command line that were used, `tables` what the map says.

    Raises:
        BadConfig: a setting names a rule, driver, provider or plan that there is not.
    """
    check_names(config)
    text, table = file.read(Path(config.path)) if config.path else ("", {})
    base = file.base(Path(config.path)) if config.path else ()
    shown = arguments.display(Path(config.path)) if config.path else ""

    def place(keys: tuple[str, ...]) -> str:
        return f"{shown}:{line_of(text, (*base, *keys))}"

    rows = list(_rows(config, (), table, place, given))
    rows += _rows(config.thresholds, ("thresholds",), table.get("thresholds", {}), place, {})
    for name, _, each in headed():
        own = name if name in table else name.replace("_", "-")
        for told in getattr(config, name):
            heading = getattr(told, each.metadata["heading"])
            inner = table.get(own, {}).get(heading, {})
            option = {"max_connections": told.max_connections} if getattr(told, "source", "") else {}
            rows += [
                row for row in _rows(told, (own, heading), inner, place, option) if row.source != "default"
            ]
    return Effective(file=shown, settings=tuple(rows), tables=tables)


def _rows(
    values: Any,
    keys: tuple[str, ...],
    table: Mapping[str, Any],
    place: Callable[[tuple[str, ...]], str],
    given: Mapping[str, Any],
) -> Iterator[EffectiveSetting]:
    """The settings of one table, which stands under `keys`; `place` tells where in the file a key is."""
    for name, each in settings_of(type(values)).items():
        if "reason" not in each.metadata:
            continue  # a table of its own
        written = next((spelt for spelt in (name, name.replace("_", "-")) if spelt in table), "")
        if given.get(name) not in (None, ()):
            source = option_of(name)
        elif written:
            source = place((*keys, written))
        else:
            source = "default"
        yield EffectiveSetting(
            name=".".join([*map(key, map(redact, keys)), name]),  # masked first: quoting hides what it is
            value=_masked(getattr(values, name)),
            source=source,
            reason=each.metadata["reason"],
        )


def _masked(value: Any) -> Any:
    """A setting's value: a connection string may have been put into the wrong place."""
    if isinstance(value, tuple):
        return tuple(map(_masked, value))
    return redact_setting(value) if isinstance(value, str) else value


def check_names(config: Config) -> None:
    """Complain about rules, drivers, providers and plans that there are not.

    Raises:
        BadConfig: with the nearest name.
    """
    ignored = tuple(token for each in config.per_path for token in each.ignore)
    engine.check_selection(engine.Selection(config.select, (*config.ignore, *ignored)), rules.names())
    assumptions.assumed_drivers(config)
    assumptions.numbers(Collected(), config)
    for server in config.server:
        try:
            assumptions.numbers(Collected(), replace(config, provider=server.provider, plan=server.plan))
        except BadConfig as wrong:
            raise BadConfig(f"[server.{key(server.name)}]: {wrong.message}", wrong.hint) from None


# --- init ---


def draft(folder: Path) -> str:
    """A commented poolcheck.toml for the project in `folder`, which is the current one.

    What was found is written beside the setting it concerns. Only the provider is set: env files, which tell it, are
    often not there in CI. Everything else is read anew by every run.

    Raises:
        PoolcheckError: the folder cannot be read.
    """
    found = collect.collect((str(folder),), Config())
    notes = _detected(found)
    lines = [
        f"#:schema {ID}",
        "# Settings of poolcheck for this project. A line that is commented out shows the default, or an example.",
        "# `poolcheck config` shows what is in force and where it comes from.",
    ]
    providers = {target.match.provider.id for target in found.targets if target.match.provider}
    config = replace(Config(), provider=next(iter(providers))) if len(providers) == 1 else Config()
    for name, each in settings_of(Config).items():
        if "reason" in each.metadata:
            lines += ["", *_setting(name, each, getattr(config, name), notes.get(name, ""))]
    lines += ["", f"# {_summary(Thresholds)}", "[thresholds]"]
    for name, each in settings_of(Thresholds).items():
        lines += _setting(name, each, default_of(each), "")
    for _, kind, heading in headed():
        lines += ["", f"# {_summary(kind)}", f"# {heading.metadata['table']}"]
        for name, each in settings_of(kind).items():
            lines += _setting(name, each, default_of(each), "")
    return "\n".join(lines) + "\n"


def _summary(kind: Any) -> str:
    return str(kind.__doc__).partition("\n")[0]


def _setting(name: str, each: "Field[Any]", value: Any, note: str) -> Iterator[str]:
    reason = str(each.metadata["reason"])
    yield f"# {sentence(reason)}."
    if "choices" in each.metadata:
        yield f"# One of {', '.join(each.metadata['choices'])}."
    if note:
        yield f"# Found here: {clean(note)}."
    if value != default_of(each):
        yield f"{name} = {toml(value)}"
    else:
        shown = each.metadata.get("example") if value in (None, (), "") else toml(value)
        yield f"# {name} = {shown}"


def _detected(found: Collected) -> dict[str, str]:
    """What the project tells about a setting."""
    notes: dict[str, list[str]] = {"runtime": [], "driver": [], "provider": []}
    for package in found.packages:
        where = "" if package.path in (".", "") else f" in {package.path}"
        if package.runtime.source:
            notes["runtime"].append(f"{package.runtime.kind}{where} ({package.runtime.source})")
        notes["driver"] += [f"{use.id} {use.version}".strip() + f" ({use.source})" for use in package.drivers]
    for target in found.targets:
        if target.match.provider:
            notes["provider"].append(
                f"{target.match.provider.title} ({target.name} in {target.location.path})"
            )
    return {name: ", ".join(dict.fromkeys(each)) for name, each in notes.items() if each}
