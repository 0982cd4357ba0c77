"""Texts of config files in which variables of the environment stand: `jdbc:postgresql://${DB_HOST:db}:5432/app`."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, TypeAlias


class Slot(NamedTuple):
    """What is filled in: the first of its names that is set counts, else the default. Without a name: something else is."""

    names: tuple[str, ...] = ()
    default: "Written | None" = None  # None: there is none


Written: TypeAlias = tuple["str | Slot", ...]  # its pieces, in their order
UNKNOWN: Written = (Slot(),)
_DEEPEST = 8  # defaults inside defaults


class FilledText(NamedTuple):
    """A text with its variables filled in."""

    text: str | None  # None: something of it is not known
    missing: tuple[str, ...] = ()  # the variables that are not known; "" for what has no name


def fill(
    written: Written, environment: Mapping[str, str | None], *, complete: bool = True, deep: int = _DEEPEST
) -> FilledText:
    """The text as it is where these variables are set (None: to something that is not known).

    A default counts only where the environment is `complete`.
    """
    made: list[str] = []
    missing: list[str] = []
    for piece in written:
        if isinstance(piece, str):
            made.append(piece)
            continue
        name = next((name for name in piece.names if name in environment), None)
        value = environment[name] if name is not None else None
        if name is None and piece.default is not None and complete and deep:
            inner = fill(piece.default, environment, deep=deep - 1)
            value = inner.text
            missing += inner.missing
        elif value is None:
            missing.append(name or next(iter(piece.names), ""))
        made.append(value or "")
    return FilledText(None if missing else "".join(made), tuple(dict.fromkeys(missing)))


def option(written: Written, environment: Mapping[str, str | None], *, complete: bool = True) -> str:
    """A value in the notation of `Site.options`: a text, "${NAME:-10}" for a variable, "..." for what is not understood."""
    if all(isinstance(piece, str) for piece in written):
        return "".join(map(str, written))
    if len(written) != 1 or not isinstance(variable := written[0], Slot) or not variable.names:
        return "..."
    name = next((name for name in variable.names if name in environment), variable.names[0])
    if variable.default is None or name in environment:
        return f"${{{name}}}"
    inner = fill(variable.default, environment, complete=complete)
    return "..." if inner.text is None else f"${{{name}:-{inner.text}}}"


def variables(written: Written) -> Iterator[str]:
    """Every variable that stands in a text, by its first name; those in defaults too."""
    for piece in written:
        if isinstance(piece, Slot):
            yield from piece.names[:1]
            yield from variables(piece.default or ())


def literal(written: Written) -> str:
    """What is written out, with nothing for its variables; the default of a text that is all one variable."""
    if len(written) == 1 and isinstance(written[0], Slot):
        return literal(written[0].default or ())
    return "".join(piece for piece in written if isinstance(piece, str))
