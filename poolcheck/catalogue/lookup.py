"""The catalogue: what providers, drivers and poolers/*.toml say, and which of it a connection string shows.

Looking up one host must not cost the parsing of every file. So the lists that name things (`suffixes`, `prefixes`,
`aliases`, `packages`) are found in the raw text, and only the files that fit are parsed.
"""

import os
import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from poolcheck.catalogue.shelf import Shelf, admits, pattern, quick_word
from poolcheck.model.facts import (
    DatabaseObject,
    Driver,
    DriverVersion,
    Image,
    Limit,
    PoolerFacts,
    Program,
    Provider,
)
from poolcheck.model.project import Version
from poolcheck.model.roles import packages_speak

_HERE = os.path.dirname(__file__)  # pathlib takes 3 ms to import
PROVIDERS = Shelf(Provider, os.path.join(_HERE, "providers"))
DRIVERS = Shelf(Driver, os.path.join(_HERE, "drivers"))
_IMAGES = Shelf(Image, os.path.join(_HERE, "images"))
_POOLERS = Shelf(PoolerFacts, os.path.join(_HERE, "poolers"))
_PROGRAMS = Shelf(Program, os.path.join(_HERE, "programs"))
_OBJECTS = Shelf(DatabaseObject, os.path.join(_HERE, "objects"))


def provider(name: str) -> Provider | None:
    """A provider by id or alias; None when the catalogue has none."""
    return PROVIDERS.find(name)


def providers() -> tuple[Provider, ...]:
    """All providers, sorted by id."""
    return PROVIDERS.all()


def driver(driver_id: str) -> Driver | None:
    """A driver by id or alias; None when the catalogue has none."""
    return DRIVERS.find(driver_id)


def drivers() -> tuple[Driver, ...]:
    """All drivers, sorted by id."""
    return DRIVERS.all()


def pooler(software: str) -> PoolerFacts:
    """What a pooler other than PgBouncer calls its settings, by the file's stem.

    Raises:
        KeyError: the catalogue has no such file.
    """
    return _POOLERS.load(software)


def poolers() -> tuple[PoolerFacts, ...]:
    """All poolers but PgBouncer, sorted by id."""
    return _POOLERS.all()


def image(name: str) -> Image | None:
    """The kind of image with this name, without registry and tag; None when nothing is known of it."""
    lower = name.lower()
    stems = [stem for stem, words in _IMAGES.names("words").items() if any(word in lower for word in words)]
    found = [each for each in map(_IMAGES.load, stems) if _fits(each, lower)]
    return next((each for each in found if not each.otherwise), next(iter(found), None))


def _fits(known: Image, name: str) -> bool:
    if known.not_pattern and pattern(known.not_pattern).fullmatch(name):
        return False
    return pattern(known.pattern).fullmatch(name) is not None


def images() -> tuple[Image, ...]:
    """All kinds of images, sorted by id."""
    return _IMAGES.all()


def programs(word: str) -> tuple[Program, ...]:
    """The programs that a word of a command line may start: by its last name without a version, or by its path's end."""
    last = word.rpartition("/")[2]
    ends = dict.fromkeys((last, last.rstrip("0123456789."), "/".join(word.split("/")[-2:])))
    return tuple(_PROGRAMS.load(stem) for end in ends for stem in _started().get(end, ()))


@cache
def _started() -> dict[str, list[str]]:
    """Command → the programs that it starts. Parses nothing."""
    made: dict[str, list[str]] = {}
    for stem, commands in _PROGRAMS.names("commands").items():
        for command in commands:
            made.setdefault(command, []).append(stem)
    return made


def all_programs() -> tuple[Program, ...]:
    """Every program, sorted by id."""
    return _PROGRAMS.all()


def database_object(group: str, kind: str) -> DatabaseObject | None:
    """What an operator makes of a Kubernetes object; None when nothing is known of it. Parses no other file."""
    groups = _OBJECTS.names("groups")
    stems = [
        stem for stem, kinds in _OBJECTS.names("kinds").items() if kind in kinds and group in groups[stem]
    ]
    return _OBJECTS.load(stems[0]) if stems else None


def database_objects() -> tuple[DatabaseObject, ...]:
    """All kinds of such objects, sorted by id."""
    return _OBJECTS.all()


def drivers_for_packages(names: Iterable[str]) -> dict[str, str]:
    """Package name (`npm:pg`) → driver id, for those names that the catalogue knows. Parses nothing."""
    index = {package: stem for stem, packages in DRIVERS.names("packages").items() for package in packages}
    return {name: index[name] for name in names if name in index}


def driver_packages(prefix: str) -> frozenset[str]:
    """The packages (`pypi:asyncpg`) of drivers that speak PostgreSQL themselves, unlike an ORM. Parses nothing."""
    drivers_ = {stem for stem, text in DRIVERS.texts.items() if quick_word(text, "kind") == "driver"}
    lists = DRIVERS.names("packages")
    return frozenset(name for stem in drivers_ for name in lists[stem] if name.startswith(prefix))


def speak_postgres(dependencies: Iterable[str]) -> bool:
    """Whether programs with these dependencies (`pypi:psycopg`) speak to PostgreSQL, whatever else they speak to."""
    names = tuple(dependencies)
    registries = {name.partition(":")[0] for name in names}
    drivers_ = (driver_packages(f"{registry}:") for registry in registries)
    return any(not each.isdisjoint(names) for each in drivers_) or packages_speak(names) is True


def driver_of_dialect(dialect: str) -> str | None:
    """The id of the driver that lists this scheme suffix; None when none does. Parses nothing."""
    return next((stem for stem, names in DRIVERS.names("dialects").items() if dialect in names), None)


def first_size_line(driver_id: str) -> tuple[str, str]:
    """Label and size line of a driver's first version block, from the raw text: parses nothing.

    For a report that names the commonest drivers because it knows of none. A test holds it against the parsed file.
    """
    text = DRIVERS.texts[driver_id]
    found = [
        re.search(rb'^%s = ("(?:[^"\\]|\\.)*")$' % key, text, re.MULTILINE)
        for key in (b"label", b"size_code")
    ]
    # The two escapes that these lines have; the test would meet a third.
    label, code = ((each[1][1:-1].decode().replace('\\"', '"') if each else "") for each in found)
    return label, code


@cache
def parameter_names() -> frozenset[str]:
    """Every URL parameter that some driver knows. Parses nothing: only a parameter's table has a `name`."""
    return frozenset(
        name for text in DRIVERS.texts.values() for name in re.findall(r'\bname = "([^"]+)"', text.decode())
    )


def behaviour(driver_id: str, version: Version) -> DriverVersion | None:
    """How that version of the driver behaves: the first block whose `when` admits it.

    A version that is not exact (`^6.2.0`) stands for everything from there to the end of its major version; where
    the blocks differ within that, or where nothing is known of the version and there is more than one block, the
    answer is None: no guess.
    """
    known = driver(driver_id)
    if known is None:
        return None
    if not version.parts:
        return known.versions[0] if len(known.versions) == 1 else None
    last = version.parts if version.exact else (version.parts[0], 10**9)
    found = _block(known, version.parts)
    return found if found is _block(known, last) else None


def _block(known: Driver, release: tuple[int, ...]) -> DriverVersion | None:
    return next((block for block in known.versions if admits(block.when, release)), None)


def limit(provider_id: str, plan: str) -> Limit | None:
    """The limits of a provider's plan or compute size, by name or alias; None when it has no such plan."""
    known = provider(provider_id)
    if known is None:
        return None
    wanted = _plain(plan)
    return next(
        (found for found in known.limits if wanted in map(_plain, (found.plan, *found.aliases))), None
    )


def _plain(plan: str) -> str:
    """`0.25 CU`, `0.25cu` and `Standard_B1ms`, `standard-b1ms` and `db.t3.micro`, `t3.micro` are the same plan."""
    return re.sub(r"[\s_-]", "", plan.lower()).removeprefix("db.")


def shelves() -> tuple[Shelf[Any], ...]:
    """Every shelf."""
    return (PROVIDERS, DRIVERS, _POOLERS, _IMAGES, _PROGRAMS, _OBJECTS)
