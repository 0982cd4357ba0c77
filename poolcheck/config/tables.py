"""TOML tables as frozen dataclasses: one walk, for settings and for the catalogue. Every complaint, with its place.

The dataclass is the schema; nothing else describes a file. A field's metadata narrows its type: `choices`, `minimum` and
`maximum`, `pattern`; of a list's strings `choices` and `item`; `heading`, the field of the inner tables that their names are,
and `named`, the pattern of those. `form` says a pattern in words, where the value must not be shown.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date
from types import UnionType
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

from poolcheck.connection.secret import redact_setting
from poolcheck.errors import PoolcheckError
from poolcheck.record import dataclass
from poolcheck.text import clean, did_you_mean

Keys: TypeAlias = tuple[str | int, ...]
Check: TypeAlias = Callable[[type, Mapping[str, Any], Keys], None]
NAMES = {
    str: "a string",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a table",
    date: "a date",
}
MOST_SHOWN = 20  # complaints; a file that is something else entirely would print hundreds


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing that is wrong: where, what, and what to do."""

    keys: Keys
    what: str
    hint: str = ""
    hidden: bool = False  # the last key is not shown: it may be a connection string


_shapes: dict[type, dict[str, tuple["Field[Any]", Any]]] = {}


def shape(kind: Any) -> dict[str, tuple["Field[Any]", Any]]:
    """Key → field and type. `from` stands for the field `from_`."""
    if kind not in _shapes:
        hints = get_type_hints(kind)
        _shapes[kind] = {field_.name.rstrip("_"): (field_, hints[field_.name]) for field_ in fields(kind)}
    return _shapes[kind]


def default_of(each: "Field[Any]") -> Any:
    """A field's default value; MISSING where it has none."""
    return each.default if each.default_factory is MISSING else each.default_factory()


class Walk:
    """One reading of a file. What is made is of use only where `complaints` stays empty.

    Args:
        hidden: fields that are no keys.
        check: says by an error what types cannot, of the values of one table.
    """

    def __init__(self, *, hidden: Collection[str] = (), check: Check | None = None) -> None:
        self.hidden, self.check = hidden, check
        self.complaints: list[Complaint] = []

    def say(self, keys: Keys, what: str, hint: str = "", *, hidden: bool = False) -> None:
        """Complain."""
        self.complaints.append(Complaint(keys, what, hint, hidden))

    def table(
        self,
        kind: Any,
        table: Any,
        keys: Keys = (),
        *,
        defaults: Mapping[str, Any] = {},
        given: Mapping[str, Any] = {},
    ) -> Any:
        """A `kind` of a table; None with a complaint.

        `defaults` are values for required keys that are left out, and under a key's name those of its own tables.
        `given` are values that the table does not hold: that of its heading.
        """
        if not isinstance(table, dict):
            return self._wrong(keys, dict, table, f"Write [{'.'.join(map(str, keys))}].")
        before = len(self.complaints)
        known = {key: each for key, each in shape(kind).items() if key not in self.hidden}
        values = dict(given)
        for key, value in table.items():
            name = key.replace("-", "_")
            here = (*keys, key)
            if name not in known:
                self.say(
                    here,
                    "unknown key",
                    (len(self.complaints) < MOST_SHOWN and did_you_mean(name, known))
                    or f"Known keys: {', '.join(sorted(known))}.",
                )
                continue
            field, hint = known[name]
            if field.name in values:
                self.say(here, f"given twice, as {name} and {name.replace('_', '-')}")
            else:
                own = defaults.get(name)
                inner = {**defaults, **own} if isinstance(own, dict) else defaults
                values[field.name] = self.value(hint, value, here, field.metadata, inner)
        self._fill(known, values, keys, defaults)
        if len(self.complaints) == before and self.check is not None:
            try:
                self.check(kind, values, keys)
            except PoolcheckError as wrong:
                self.say(keys, wrong.message, wrong.hint)
        return kind(**values) if len(self.complaints) == before else None

    def _fill(
        self,
        known: Mapping[str, tuple["Field[Any]", Any]],
        values: dict[str, Any],
        keys: Keys,
        defaults: Mapping[str, Any],
    ) -> None:
        """Required keys that are left out: from the defaults, or missed."""
        for key, (field, hint) in known.items():
            if field.name in values or default_of(field) is not MISSING:
                continue
            if key in defaults and not isinstance(defaults[key], dict):
                values[field.name] = self.value(hint, defaults[key], (*keys, key))
            else:
                self.say((*keys, key), "is missing")

    def value(
        self,
        hint: Any,
        value: Any,
        keys: Keys,
        meta: Mapping[str, Any] = {},
        defaults: Mapping[str, Any] = {},
    ) -> Any:
        """A value of the type `hint`, and as narrow as `meta` wants it; anything with a complaint."""
        origin = get_origin(hint)
        if origin is Literal:
            return value if value in get_args(hint) else self._none_of(value, keys, get_args(hint))
        if origin in (Union, UnionType):  # TOML has no null: an optional field is there, or left out
            return self.value(
                next(one for one in get_args(hint) if one is not type(None)), value, keys, meta, defaults
            )
        if origin is tuple:
            if "heading" in meta:
                return self._headed(get_args(hint)[0], value, keys, meta)
            return (
                self._strings(value, keys, meta)
                if meta
                else self._tuple(get_args(hint), value, keys, defaults)
            )
        if is_dataclass(hint):
            made_already = type(value) is hint  # by who embeds poolcheck
            return value if made_already else self.table(hint, value, keys, defaults=defaults)
        if type(value) is int and (hint is float or (hint is str and "pattern" in meta)):  # surge = 2
            value = hint(value)
        if type(value) is not hint:  # exactly: True is no number, and a time of day is no date
            return self._wrong(keys, hint, value, _reason(meta))
        return self._narrow(value, keys, meta)

    def _narrow(self, value: Any, keys: Keys, meta: Mapping[str, Any]) -> Any:
        if "choices" in meta and value not in meta["choices"]:
            return self._none_of(value, keys, meta["choices"])
        if ("minimum" in meta and not value >= meta["minimum"]) or (
            "maximum" in meta and not value <= meta["maximum"]
        ):
            most = f" and at most {meta['maximum']:,}" if "maximum" in meta else ""
            return self.say(keys, f"must be at least {meta['minimum']}{most}, not {value}", _reason(meta))
        if "pattern" in meta and not re.fullmatch(meta["pattern"], value, re.ASCII):
            return self.say(keys, _misformed(value, meta), _reason(meta))
        return value

    def _tuple(self, args: tuple[Any, ...], value: Any, keys: Keys, defaults: Mapping[str, Any]) -> Any:
        """A list of any length (`tuple[X, ...]`), or of these very types (`tuple[X, Y]`)."""
        if not isinstance(value, list):
            return self._wrong(keys, list, value)
        kinds = (args[0],) * len(value) if args[-1] is Ellipsis else args
        if len(kinds) != len(value):
            return self.say(keys, f"must have {len(kinds)} values, not {len(value)}")
        pairs = enumerate(zip(kinds, value, strict=True))
        return tuple(self.value(kind, item, (*keys, at), {}, defaults) for at, (kind, item) in pairs)

    def _strings(self, value: Any, keys: Keys, meta: Mapping[str, Any]) -> Any:
        """The strings of a setting; one alone may stand without brackets."""
        items = [value] if isinstance(value, str) else value
        example = f"For example {meta.get('example', '[]')}."
        if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
            return self.say(keys, "must be a list of strings", example)
        for item in items:
            if "choices" in meta and item not in meta["choices"]:
                self._none_of(item, keys, meta["choices"])
            elif "item" in meta and not re.fullmatch(meta["item"], item.strip(), re.ASCII):
                self.say(keys, _misformed(item, meta), example)
        return tuple(item.strip() for item in items)

    def _headed(self, kind: Any, value: Any, keys: Keys, meta: Mapping[str, Any]) -> Any:
        """Tables whose name is one of their fields: `[per-path."apps/web/**"]`, `[server.orders]`."""
        if not isinstance(value, dict):
            return self._wrong(keys, dict, value, meta["example"])
        made = []
        for name, inner in value.items():
            if not isinstance(inner, dict):
                self.say((*keys, name), "must be a table with a name of its own", meta["example"])
            elif "named" in meta and not re.fullmatch(meta["named"], name, re.ASCII):
                self.say((*keys, name), "a table's name has the wrong form", meta["example"], hidden=True)
            else:
                made.append(self.table(kind, inner, (*keys, name), given={meta["heading"]: name}))
        return tuple(made)

    def _wrong(self, keys: Keys, wanted: type, value: Any, hint: str = "") -> None:
        self.say(keys, f"must be {_named(wanted)}, not {_named(type(value))}", hint)

    def _none_of(self, value: Any, keys: Keys, choices: Collection[Any]) -> None:
        self.say(
            keys,
            f"{_shown(value)} is not one of {', '.join(map(str, choices))}",
            did_you_mean(str(value), choices),
        )


def _named(kind: type) -> str:
    return NAMES.get(kind, kind.__name__)


def _misformed(value: str, meta: Mapping[str, Any]) -> str:
    return f"must be {meta['form']}" if "form" in meta else f"{_shown(value)} has the wrong form"


def _shown(value: Any) -> str:
    return repr(clean(redact_setting(str(value)), limit=60))


def _reason(meta: Mapping[str, Any]) -> str:
    return f"It is {meta['reason']}." if meta.get("reason") else ""
