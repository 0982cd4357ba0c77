"""The settings in force in text and JSON: name, value and where it comes from; with -v what each is for."""

from collections.abc import Iterator
from typing import Any

from poolcheck.connection.secret import redact
from poolcheck.model.effective import Effective, ToldTable, toml
from poolcheck.output.paint import Paint
from poolcheck.text import clean, width


def record(section: Effective) -> dict[str, Any]:
    """Under `settings`: one object for each."""
    return {
        "config_file": clean(section.file) or None,
        "settings": [
            {
                "name": clean(setting.name),
                "value": list(setting.value) if isinstance(setting.value, tuple) else setting.value,
                "source": clean(setting.source),
                "reason": setting.reason,
                **({"note": clean(setting.note)} if setting.note else {}),
            }
            for setting in section.settings
        ],
        **({"tables": [_table(each) for each in section.tables]} if section.tables else {}),
    }


def _table(each: ToldTable) -> dict[str, Any]:
    return {"table": clean(each.heading), "matched": [clean(redact(name)) for name in each.matched]}


def text(section: Effective, paint: Paint) -> Iterator[str]:
    """One line for each; what nobody has set is dim."""
    yield paint.heading(f"Settings: {clean(section.file)}" if section.file else "Settings: no config file")
    shown = [(clean(f"{setting.name} = {_value(setting.value)}"), setting) for setting in section.settings]
    column = min(50, max((len(line) for line, _ in shown), default=0))
    for line, each in shown:
        said = clean(f"{each.source}; {each.note}" if each.note else each.source)
        row = f"  {line}: {said}" if paint.flows else f"  {line:<{column}}  {said}"
        if width(row) > paint.width:  # a narrow terminal: where it comes from stands below
            row = f"  {line}\n      {said}"
        yield from (
            paint.style(part, "dim") if each.source == "default" else part for part in row.split("\n")
        )
        if paint.look.verbosity > 0 and each.reason:
            yield from paint.wrap(each.reason, indent=6)
    for table in section.tables:
        matched = ", ".join(clean(redact(name), limit=80) for name in table.matched) or "nothing"
        yield from paint.wrap(f"{table.heading} is matched to: {matched}", indent=2)


def _value(value: Any) -> str:
    return "(not set)" if value in (None, (), "") else toml(value)
