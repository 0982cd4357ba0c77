"""The JSON Schema of poolcheck.toml, for editors: made from the fields of `Config`, so the two cannot differ.

`python -m poolcheck.config.schema` writes poolcheck/poolcheck.schema.json; a test compares it.
"""

import json
import re
from dataclasses import Field
from pathlib import Path
from typing import Any, get_args, get_type_hints

from poolcheck.config.checks import headed, settings_of
from poolcheck.config.settings import Config, Thresholds
from poolcheck.config.staged import write_whole
from poolcheck.config.tables import default_of

ID = "https://raw.githubusercontent.com/poolcheck/poolcheck/main/poolcheck/poolcheck.schema.json"
FILE = (
    Path(__file__).parent.parent / "poolcheck.schema.json"
)  # where editors look for it: its address is public
TYPES = {str: "string", int: "integer", float: "number"}


def schema() -> dict[str, Any]:
    """The schema, draft 7, which is what the TOML plug-ins of editors read."""
    made = table(Config)
    made["properties"]["thresholds"] = {**table(Thresholds), "description": _first_line(Thresholds)}
    for name, kind, each in headed():
        made["properties"][name] = tables(kind, each)
    made["properties"] = _both_spellings(made["properties"])
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": ID,
        "title": "poolcheck.toml, or [tool.poolcheck] in pyproject.toml",
        **made,
    }


def _first_line(kind: Any) -> str:
    return str(kind.__doc__).partition("\n")[0]


def tables(kind: Any, each: "Field[Any]") -> dict[str, Any]:
    """The schema of tables of one kind, each under a name of its own."""
    made = {"type": "object", "description": _first_line(kind), "additionalProperties": table(kind)}
    if "named" in each.metadata:
        made["propertyNames"] = {"pattern": anchored(each.metadata["named"])}
    return made


def table(kind: Any) -> dict[str, Any]:
    """The schema of one dataclass; nested tables are put in by the caller."""
    hints = get_type_hints(kind)
    simple = {
        name: one(hints[name], each) for name, each in settings_of(kind).items() if "reason" in each.metadata
    }
    properties = simple if kind is Config else _both_spellings(simple)
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _both_spellings(properties: dict[str, Any]) -> dict[str, Any]:
    """`max_connections` and `max-connections` mean the same."""
    made = {}
    for name, each in properties.items():
        made[name] = each
        if "_" in name:
            made[name.replace("_", "-")] = each
    return made


def one(hint: Any, each: "Field[Any]") -> dict[str, Any]:
    """The schema of one setting."""
    meta = each.metadata
    made: dict[str, Any] = {"description": meta["reason"]}
    if hint == tuple[str, ...]:
        item: dict[str, Any] = {"type": "string"}
        if "choices" in meta:
            item["enum"] = list(meta["choices"])
        if "item" in meta:
            item["pattern"] = anchored(meta["item"])
        made["anyOf"] = [{"type": "array", "items": item}, item]
    else:
        wanted = next(kind for kind in get_args(hint) or (hint,) if kind is not type(None))
        made["type"] = TYPES[wanted]
        if "choices" in meta:
            made["enum"] = list(meta["choices"])
        if "pattern" in meta:
            if re.fullmatch(meta["pattern"], "1"):  # a number may stand without quotes
                made["type"] = ["string", "integer"]
            made["pattern"] = anchored(meta["pattern"])
        made |= {key: meta[key] for key in ("minimum", "maximum") if key in meta}
    default = default_of(each)
    if default not in (None, (), ""):
        made["default"] = default
    return made


def anchored(pattern: str) -> str:
    """A pattern for the whole string, in ECMA's dialect, which has no inline flags."""
    if pattern.startswith("(?i)"):
        pattern = pattern.removeprefix("(?i)").replace("pc", "[Pp][Cc]")
    return f"^(?:{pattern})$"


def render() -> str:
    """The text of the file."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    write_whole(FILE, render().encode())
