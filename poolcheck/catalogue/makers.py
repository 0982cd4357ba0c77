"""What makes clients in source code, as drivers/*.toml say it: for the readers of source, and for nobody else.

Of the drivers' files the tables `[[makers]]` and `[[tcp_modules]]` alone are parsed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import get_args

from poolcheck.catalogue.lookup import DRIVERS
from poolcheck.catalogue.shelf import quick_word
from poolcheck.errors import CatalogueError
from poolcheck.model.facts import Maker, MakerLanguage, TcpModule
from poolcheck.model.makers import AllMakers, Makers, Word

# Without one of these no call names PostgreSQL, and no rule asks where the file runs.
_DATABASES = frozenset({b"'pg", b'"pg', b"postgres", b"cockroachdb", b"edge", b"use client", b"next/server"})


@cache
def makers() -> AllMakers:
    """The calls that make clients, for each language.

    Raises:
        CatalogueError: a table is wrong, or two of them claim the same kind or the same call.
    """
    tables, modules = DRIVERS.tables("makers", Maker), DRIVERS.tables("tcp_modules", TcpModule)
    found = [(replace(each, driver=stem), stem) for stem, many in tables.items() for each in many]
    _check_apart(found)
    tcp = {each.module: each.title for many in modules.values() for each in many}
    orms = {stem for stem, text in DRIVERS.texts.items() if quick_word(text, "kind") == "orm"}
    by = {
        language: _makers(
            [(each, stem in orms) for each, stem in found if each.language == language],
            tcp if language == "javascript" else {},
        )
        for language in get_args(MakerLanguage)
        if language != "config"
    }
    config = tuple(
        sorted((each for each, _ in found if each.language == "config"), key=lambda each: each.needs)
    )
    return AllMakers(by.pop("javascript"), by.pop("python"), by, config)


def _makers(found: Sequence[tuple[Maker, bool]], tcp: Mapping[str, str]) -> Makers:
    calls = {call: each for each, _ in found for call in each.calls}
    return Makers(
        calls=calls,
        modules=frozenset(module for module, _ in calls) - {"*"},
        tcp=tcp,
        words=tuple(_words(found)),
    )


def _words(found: Iterable[tuple[Maker, bool]]) -> Iterator[Word]:
    """What a file has to hold to be parsed: the module, and more where every model of a project imports that."""
    needed: dict[tuple[str, bool], set[bytes]] = {}
    for each, orm in found:
        for module, exported in each.calls:
            quoted = each.language == "javascript" and module != "*"
            text = exported if module == "*" else module if quoted else module.partition(".")[0]
            last = exported.rpartition(".")[2]
            if each.language not in ("javascript", "python"):
                text, names = _written(each.language, module, exported), frozenset({last.encode()})
            elif each.any_database:
                called = module.rpartition("/")[2] if last in ("default", "*") else last
                names = _DATABASES | {
                    f"{called}(".encode(),
                    b"')(",
                    b'")(',
                }  # what the database is may stand elsewhere
            elif orm and module != "*" and last not in ("default", "*"):
                names = frozenset({last.encode()})
            else:
                names = frozenset({b""})  # in every file: the module alone is enough
            needed.setdefault((text, quoted), set()).update(names)
        needed.update({(name, False): {b""} for name in each.settings})
    for (text, quoted), words in needed.items():
        yield Word(text.encode(), quoted, () if b"" in words else tuple(sorted(words)))


def _written(language: str, module: str, exported: str) -> str:
    """What a file has to hold besides the last part of a call's name."""
    if module == "*":
        return exported.partition(".")[0]
    return module.removeprefix("*") if language in ("go", "java") else module.partition(".")[0]


def _check_apart(found: Iterable[tuple[Maker, str]]) -> None:
    """Kinds are in findings' fingerprints, and a call makes one thing."""
    seen: dict[str, str] = {}
    for each, stem in found:
        calls = each.calls if each.language != "config" else ()
        for key in (each.kind, *(f"{each.language} {module}:{name}" for module, name in calls)):
            if key in seen:
                raise CatalogueError(f"drivers/{stem}.toml: {key} is in drivers/{seen[key]}.toml too")
            seen[key] = stem
