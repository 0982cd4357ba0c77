"""The files of poolers other than PgBouncer: Odyssey with its includes, PgCat, PgDog with its users, RDS Proxy."""

import posixpath
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from poolcheck.model.pooler_config import PoolerConfig
from poolcheck.model.report import Skipped
from poolcheck.project.collected import Collected, lines_of
from poolcheck.readers.manifests.types import Unreadable
from poolcheck.readers.poolers.lines import shown

if TYPE_CHECKING:
    from poolcheck.project.packages import Packages

LONGEST = 1_000_000  # characters
_ROUNDS = 16  # as deep as Odyssey follows includes


def files(packages: "Packages", names: Sequence[str], parts: list[Collected]) -> dict[str, PoolerConfig]:
    """The configurations by path; what cannot be read is said. An included file is not one of its own."""
    from poolcheck.readers.poolers import odyssey, pgcat, pgdog  # noqa: PLC0415 - only where there is one

    read: dict[str, PoolerConfig] = {}
    included: set[str] = set()
    for name in names:
        if not (odyssey.matches(name) or pgcat.matches(name) or pgdog.matches(name)):
            continue
        text = packages.text(name)
        if text is None:
            continue
        if len(text) > LONGEST:
            parts.append(
                _skipped(name, "larger than 1 MB: nobody wrote it by hand", "Its pools are in no sum.")
            )
            continue
        if odyssey.matches(name):
            made, more = _odyssey(packages, name, text, parts)
            included |= more
        elif pgcat.matches(name):
            made, more = pgcat.read(text, name), set()
        else:
            beside = posixpath.join(posixpath.dirname(name), "users.toml")
            users = packages.text(beside) if beside in packages.names else None
            made, more = pgdog.read(text, name, users, beside), {beside} if users is not None else set()
        if isinstance(made, Unreadable):
            at = f":{made.line}" if made.line else ""
            parts.append(_skipped(f"{name}{at}", made.message, "Its pools are in no sum."))
        elif made is None:
            kind = {"pgcat.toml": "[pools]", "pgdog.toml": "[[databases]]"}.get(posixpath.basename(name))
            if kind:  # by any other name it may be something else's file
                parts.append(_skipped(name, f"has no {kind}", "Its pools are in no sum."))
        else:
            read[name] = made
            parts += _lines(packages, (name, *more))
    return {name: config for name, config in read.items() if name not in included}


def _odyssey(
    packages: "Packages", name: str, text: str, parts: list[Collected]
) -> tuple[PoolerConfig | Unreadable | None, set[str]]:
    """The file with what it includes, and the paths of that."""
    from poolcheck.readers.poolers import odyssey  # noqa: PLC0415 - see files

    texts: dict[str, str] = {}
    missing: dict[str, Skipped] = {}
    made = odyssey.read(text, name)
    for _ in range(_ROUNDS):
        if made is None or isinstance(made, Unreadable):
            break
        before = len(texts)
        for each in made.includes:
            path = odyssey.include_path(each.location.path, each.value)
            inner = packages.text(path) if path in packages.names and path != name else None
            if inner is not None and len(inner) <= LONGEST:
                texts[path] = inner
            else:
                why = f"the included file {each.value} is {'larger than 1 MB' if inner else 'not in the project'}"
                missing.setdefault(path, Skipped(str(each.location), why, "Its settings are not known."))
        if len(texts) == before:
            break
        made = odyssey.read(text, name, tuple(texts.items()))
    parts.append(Collected(skipped=tuple(missing.values())))
    if isinstance(made, PoolerConfig) and missing:
        made = replace(made, complete=False)
    return made, set(texts)


def proxies(
    packages: "Packages", texts: Iterable[tuple[str, str]], parts: list[Collected]
) -> list[PoolerConfig]:
    """RDS Proxy for PostgreSQL; proxies of one database know of each other."""
    from poolcheck.readers.poolers import rds_proxy  # noqa: PLC0415 - only where there is one

    made: list[PoolerConfig] = []
    modules: dict[str, list[rds_proxy.Resource]] = {}
    for name, text in texts:
        own = rds_proxy.resources(text, name) if name.endswith(".tf") else rds_proxy.from_template(text, name)
        if own is None:
            parts.append(_skipped(name, "cannot be read as far as its RDS Proxy", "It is judged by nothing."))
            continue
        parts += _lines(packages, (name,))
        for each in own:
            if isinstance(each, PoolerConfig):
                made.append(each)
            else:
                modules.setdefault(posixpath.dirname(name), []).append(each)
    for resources in modules.values():
        made += rds_proxy.from_terraform(resources)
    return _grouped(made)


def _grouped(proxies: Iterable[PoolerConfig]) -> list[PoolerConfig]:
    """The first proxy of a database, in a folder, knows of the others."""
    groups: dict[tuple[str, str], list[PoolerConfig]] = {}
    for number, each in enumerate(proxies):
        target = each.databases[0].value("host") or str(number)
        groups.setdefault((posixpath.dirname(each.location.path), target), []).append(each)
    return [
        replace(each, beside=tuple(group[1:])) if each is group[0] else each
        for group in groups.values()
        for each in group
    ]


def _lines(packages: "Packages", names: Iterable[str]) -> Iterator[Collected]:
    """Lines and ignore comments; nothing behind a key that names a secret is shown."""
    for name in names:
        made = lines_of(name, packages.text(name))
        yield replace(made, lines={name: shown("\n".join(made.lines.get(name, ())))})


def _skipped(what: str, why: str, hint: str) -> Collected:
    return Collected(skipped=(Skipped(what, why, hint),))
