"""The source files of a project: each read once, parsed only where its bytes say that it matters, and forgotten.

What stays in memory is what rules need: a few records for the few files that make or use database clients.
"""

import posixpath
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, Self, overload

from poolcheck import catalogue
from poolcheck.catalogue.makers import makers
from poolcheck.config.disk import read_limited
from poolcheck.model.ignores import Ignores
from poolcheck.model.project import BOUNDS, CARRIES, SWITCHES, WAITS, DriverUse, Package
from poolcheck.model.report import Skipped
from poolcheck.model.roles import packages_speak
from poolcheck.model.source import (
    MAPPED_LANGUAGES,
    MIDDLEWARE,
    CallForEach,
    Closed,
    Mark,
    Site,
    SourceFile,
    SourceTree,
)
from poolcheck.project.collected import Collected
from poolcheck.project.imports import Imports, stem_of
from poolcheck.readers import languages, source_files
from poolcheck.readers.deploy import entry_points
from poolcheck.readers.languages import OTHERS
from poolcheck.record import dataclass

if TYPE_CHECKING:
    from poolcheck.readers.configs.prisma import PrismaSchema

ATTACHES = b"attachDatabasePool"
LONGEST = 4 * source_files.LONGEST_SQL  # bytes
LONGEST_OTHER = 256_000  # bytes
_HYPERDRIVE = re.compile(rb"HYPERDRIVE|[Hh]yperdrive")
_HEAD = 2_000  # bytes: directives and imports stand at the beginning
_LOCAL_IMPORT = re.compile(
    rb"""(?:\bfrom\s*|\bimport\s*(?:\(\s*)?|\brequire\(\s*)['"]((?:\.{1,2}|[@~#$][\w-]*)/[^'"\n]{1,200})['"]"""
)
_SCRIPTS = frozenset({"javascript", "typescript", "tsx"})
_REGISTRIES = {
    "python": "pypi:", "go": "go:", "java": "maven:", "kotlin": "maven:", "csharp": "nuget:", "rust": "crate:",
}  # fmt: skip
_PATIENCE = 1.0  # seconds before progress is shown


class Place(Protocol):
    """What is asked of poolcheck.project.packages.Packages."""

    instead: Mapping[str, bytes]
    schemas: "list[PrismaSchema]"
    switches: "Switches | None"
    names: dict[str, None]

    def below(self, name: str) -> str:
        """The path within the project."""

    def of(self, name: str) -> Package:
        """The package that a file belongs to."""

    def serves(self, name: str, call: str, line: int) -> None:
        """Note that a file listens on a port."""


class _Reading:
    """The files that say something, as far as they are read."""

    def __init__(self, packages: Place) -> None:
        self.instead = packages.instead
        self.below = packages.below
        self.files: dict[str, SourceFile] = {}
        self.ignores: dict[str, Ignores] = {}
        self.skipped: list[Skipped] = []


class Switches:
    """Which switches the source mentions, and of which languages any source was seen that could hold them."""

    def __init__(self) -> None:
        self.texts: set[str] = set()
        self.languages: set[str] = set()

    def of(self, drivers: Iterable[DriverUse]) -> frozenset[str] | None:
        """The texts that were found; None when the drivers' language was not seen at work here."""
        wanted: set[str] = set()
        for use in drivers:
            driver = catalogue.driver(use.id)
            if driver is not None and driver.kind != "tool":
                wanted |= {word.strip() for word in driver.language.split(",")} - {"TypeScript"}
        return frozenset(self.texts) if wanted and wanted <= self.languages else None


class FileLines(Sequence[str]):
    """The lines of a file, read when a finding shows one: most files have none."""

    def __init__(self, name: str, instead: bytes | None = None) -> None:
        self._name, self._instead = name, instead
        self._rows: list[str] | None = None

    def _read(self) -> list[str]:
        if self._rows is None:
            try:
                data = (
                    self._instead
                    if self._instead is not None
                    else read_limited(self._name, LONGEST, cut=True)
                )
            except OSError:
                data = b""
            self._rows = data.decode("utf-8-sig", "replace").split("\n")
        return self._rows

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        """A line without its end."""
        return self._read()[index]

    def __len__(self) -> int:
        return len(self._read())


def collect(names: Iterable[str], packages: Place) -> Collected:
    """What the source files say; `packages.switches` is known from then on."""
    names = tuple(names)
    switches = Switches()
    reading = _Reading(packages)
    read = 0
    entries: dict[str, tuple[str, ...]] = {}
    attaching: set[str] = set()
    workers = any(posixpath.basename(name).startswith("wrangler.") for name in packages.names)
    hyperdrive = False
    with Progress(len(names)) as progress:
        for name in names:
            progress.step()
            code = _bytes(name, reading)
            if code is None:
                continue
            kind, other = languages.language(name), OTHERS.get(posixpath.splitext(name)[1])
            if other is not None:
                _note_switches(code, switches)
                if source_files.purpose(packages.below(name)) == "app":
                    switches.languages.add(other)
            if kind is None:
                continue
            read += 1
            entry = entry_points.serves(code, packages.below(name))
            if entry is not None and source_files.purpose(packages.below(name)) == "app":
                packages.serves(name, *entry)
            if ATTACHES in code:
                attaching.add(name)
            if workers and not hyperdrive:
                hyperdrive = _HYPERDRIVE.search(code) is not None
            if kind in _SCRIPTS and _is_entry(code[:_HEAD], name):
                entries[name] = tuple(each.decode("utf-8", "replace") for each in _LOCAL_IMPORT.findall(code))
            if source_files.matters(code, kind, makers()):
                _note_switches(code, switches)
                _read(code, name, reading)
        imports = Imports(names, packages.names, lambda name: _quietly(name, reading))
        _link(entries, reading, imports)
        _settle(reading, imports)
        _follow(names, reading, imports)
    for file in reading.files.values():
        if file.sites and file.language not in MAPPED_LANGUAGES:
            switches.languages.add("Python" if file.language == "python" else "JavaScript")
    packages.switches = switches
    made = _handed_over(reading.files, packages, attaches=bool(attaching), hyperdrive=hyperdrive)
    return replace(made, files=read, ignores=reading.ignores, skipped=tuple(reading.skipped))


def _bytes(name: str, reading: _Reading) -> bytes | None:
    most = LONGEST_OTHER if languages.language(name) is None else LONGEST
    try:
        data = reading.instead[name] if name in reading.instead else read_limited(name, most + 1, cut=True)
    except OSError as error:
        reading.skipped.append(
            Skipped(name, f"cannot be read: {error.strerror or error}", "Check its permissions.")
        )
        return None
    if len(data) > most:
        if languages.language(name) is not None and source_files.matters(
            data, languages.LANGUAGES[posixpath.splitext(name)[1].lower()], makers()
        ):
            reading.skipped.append(
                Skipped(
                    name,
                    f"larger than {most // 1_000_000} MB",
                    "Leave it out with `exclude` in poolcheck.toml.",
                )
            )
        return None
    return data


_SWITCH_BYTES = tuple((text, text.encode()) for text in (*SWITCHES, *WAITS, *BOUNDS, *CARRIES))


# `statement_cache_size: int = 100`, `prepareThreshold=5`: a number above 0 leaves named statements on.
_LEFT_ON = re.compile(
    rb"""(statement_cache_size|statement[-_]cache[-_]capacity|prepare_threshold|prepareThreshold)["']?"""
    rb"""(?:[ \t]{0,4}:[ \t]{0,4}[A-Za-z][\w\[\]., |]{0,40})?[ \t]{0,4}[:=(][ \t]{0,4}["']?[1-9]"""
)


def _note_switches(code: bytes, switches: Switches) -> None:
    found = {text: code.count(word) for text, word in _SWITCH_BYTES if word in code}
    for left_on in _LEFT_ON.findall(code) if found else ():
        found[left_on.decode()] -= 1
    switches.texts.update(text for text, number in found.items() if number > 0)


def _is_entry(head: bytes, name: str) -> bool:
    """Whether what the file imports decides something: it is a client component, or runs on the edge."""
    return (
        b"use client" in head
        or (b"runtime" in head and b"edge" in head)
        or posixpath.basename(name).startswith("middleware.")
    )


def _read(code: bytes, name: str, reading: _Reading) -> None:
    made = source_files.read(code, name, makers(), reading.below(name))
    if isinstance(made, source_files.UnreadSource):
        reading.skipped.append(Skipped(name, made.why, "Leave it out with `exclude` in poolcheck.toml."))
        return
    if made.partly:
        hint = "Mend it there, or leave the file out with `exclude` in poolcheck.toml."
        reading.skipped.append(Skipped(name, made.partly, hint))
    if not made.file.says_anything:
        return
    reading.files[name] = made.file
    if made.ignores:
        reading.ignores[name] = made.ignores


def _is_maker(each: SourceFile) -> bool:
    """Whether importing the file makes a client, or brings one."""
    return (
        each.purpose == "app"
        and not each.server_side
        and any(site.scope in ("module", "cached") for site in each.sites)
    )


def _needs_tcp(each: SourceFile) -> bool:
    """Whether a client of the file opens TCP sockets: Prisma's engine does, an adapter or Accelerate may not."""
    return any(
        site.made.wire == "tcp"
        or (
            site.made.wire == "engine"
            and site.option("adapter") is None
            and site.option("accelerateUrl") is None
            and site.complete
        )
        for site in each.sites
    )


def _link(entries: Mapping[str, tuple[str, ...]], reading: _Reading, imports: Imports) -> None:
    """Which client components and edge entries import a file that makes clients: those are parsed to be sure."""
    files = reading.files
    making = {name for name, file in files.items() if _is_maker(file)}
    for name, specifiers in entries.items():
        hits = {each: to for each in specifiers if (to := imports.direct(each, name, making))}
        if name not in files and (hits or posixpath.basename(name).startswith("middleware.")):
            code = _bytes(name, reading)
            if code is not None and hits:
                _read(code, name, reading)
        if name in files and files[name].edge:
            hits = {each: to for each, to in hits.items() if _needs_tcp(files[to])}
        if name in files and hits:
            reaches = tuple(
                Mark(hits[mark.kind], mark.line, mark.column, mark.kind)
                for mark in files[name].modules
                if mark.kind in hits
            )
            files[name] = replace(files[name], reaches=reaches)


def _settle(reading: _Reading, imports: Imports) -> None:
    """What is done with a pool of another file counts when that file makes one; else it is forgotten."""
    files = reading.files
    known = makers()
    pooled = {name for name, file in files.items() if file.pools}
    verbs = {
        made.kind: made.transaction
        for each in (known.javascript, known.python)
        for made in each.calls.values()
    }
    for name, file in list(files.items()):
        if not any(each.module for each in file.misuses):
            continue
        kept = []
        for each in file.misuses:
            to = imports.resolve(each.module, name, pooled) if each.module else ""
            if not each.module or (not to and each.named):
                kept.append(each)
            elif to:
                pools = files[to].pools
                made = next((mark for mark in pools if mark.text == each.exported), pools[0])
                kept.append(replace(each, module="", known=True, transaction=verbs.get(made.kind, "")))
        files[name] = replace(file, misuses=tuple(kept))


@dataclass(frozen=True, slots=True)
class Trail:
    """How something that makes a client is come to: its file and name there, and the functions on the way to it."""

    name: str
    exported: str
    through: tuple[str, ...] = ()
    closed: Closed = "no"  # by one of those functions


HOPS = 4  # files between a handler and what makes the client; each costs a look at all files for some names


def _follow(names: Iterable[str], reading: _Reading, imports: Imports) -> None:
    """What a helper makes is made for each request when what runs for each request calls it, over whichever files."""
    files = reading.files
    wanted = {
        (name, each): Trail(name, each)
        for name, file in files.items()
        if file.purpose == "app"
        for site in file.sites
        for each in site.reached_as
    }
    seen = set(wanted)
    found: dict[str, list[tuple[Trail, CallForEach, str]]] = {}
    sources = [
        name
        for name in (names if wanted else ())
        if languages.language(name) is not None and source_files.purpose(reading.below(name)) == "app"
    ]
    for _ in range(HOPS):
        callers: dict[tuple[str, str], Trail] = {}
        for call, caller, to in _calls(sources, wanted, reading, imports):
            path = wanted[to, call.exported]
            if call.within:
                found.setdefault(path.name, []).append((path, call, caller))
            for each in call.through:
                if (caller, each) not in seen:
                    through = (each, *path.through)
                    callers[caller, each] = Trail(path.name, path.exported, through, _closed(path, call))
        if not callers:
            break
        wanted = callers
        seen |= set(callers)
    for name, many in found.items():
        sites = tuple(_called_for_each(site, many) for site in files[name].sites)
        files[name] = replace(files[name], sites=sites)


def _calls(
    names: Iterable[str], wanted: Mapping[tuple[str, str], Trail], reading: _Reading, imports: Imports
) -> Iterator[tuple[CallForEach, str, str]]:
    """The calls of what is wanted, each with the file that calls and the file that it leads to."""
    reached: dict[str, set[str]] = {}
    for name, exported in wanted:
        reached.setdefault(name, set()).add(exported)
    exports = frozenset(exported for _, exported in wanted) - {"default"}
    words = [each.encode() for each in exports]
    words += [
        f"/{posixpath.basename(stem_of(name))}{q}".encode()
        for name in reached
        for q in "'\""
        if "default" in reached[name]
    ]
    for name in names:
        code = _quietly(name, reading)
        if code is None or not any(word in code for word in words):
            continue
        for call in source_files.calls(code, name, exports):
            to = imports.resolve(call.module, name, reached)
            if to and to != name and call.exported in reached[to]:
                yield call, name, to


def _closed(path: Trail, call: CallForEach) -> Closed:
    """Whether somebody on the way closes it, else whether who calls does."""
    return path.closed if path.closed != "no" else call.closed


def _called_for_each(site: Site, calls: Sequence[tuple[Trail, CallForEach, str]]) -> Site:
    for path, call, caller in calls:
        if site.scope == "function" and path.exported in site.reached_as:
            sure = "always" in (site.closed, path.closed, call.closed)
            closed: Closed = "always" if sure else _closed(path, call)
            named = ", ".join(f"{each}()" for each in path.through if each != "default")
            way = f", through {named}" if named else ""
            within = f"{call.within}{'' if call.within.endswith(',') else ','} in {caller}{way},"
            return replace(site, scope="request", within=within, closed=closed)
    return site


def _quietly(name: str, reading: _Reading) -> bytes | None:
    """The bytes of a file that was read before, or that nothing has to be said of."""
    try:
        return reading.instead[name] if name in reading.instead else read_limited(name, LONGEST, cut=True)
    except OSError:
        return None


def _handed_over(
    files: Mapping[str, SourceFile], packages: Place, *, attaches: bool, hyperdrive: bool
) -> Collected:
    """The files with their packages, and the packages as wholes, to the rules."""
    trees: dict[tuple[str, ...], list[SourceFile]] = {}
    homes: dict[tuple[str, ...], Package] = {}
    subjects: list[object] = []
    lines: dict[str, Sequence[str]] = {}
    for name, each in files.items():
        package = packages.of(name)
        next_js = "npm:next" in package.dependencies or not package.manifests
        edge = "" if each.edge == MIDDLEWARE and not (next_js and _at_root(name, package)) else each.edge
        whole = replace(each, package=package, edge=edge, postgres=_postgres(each, package, packages.schemas))
        subjects.append(whole)
        lines[name] = FileLines(name, packages.instead.get(name))
        home = package.manifests or (package.path,)
        trees.setdefault(home, []).append(whole)
        homes.setdefault(home, package)
    for home, many in trees.items():
        subjects.append(
            SourceTree(package=homes[home], files=tuple(many), attaches=attaches, hyperdrive=hyperdrive)
        )
    reads: dict[str, str] = {}
    for name, each in files.items():
        if each.purpose == "app":
            for variable, line in each.variables:
                reads.setdefault(variable, f"{name}:{line}")
    return Collected(
        subjects=tuple(subjects),
        lines=lines,
        reads=reads,
        groups=frozenset("4") if files else frozenset(),
        looked_at_source=any(
            (file.sites or file.http) and file.language not in MAPPED_LANGUAGES for file in files.values()
        ),
    )


def _at_root(name: str, package: Package) -> bool:
    """Whether a file stands in the folder of its package's manifest, or in src below it."""
    home = posixpath.dirname(package.manifests[0]) if package.manifests else ""
    return posixpath.dirname(name) in (home, posixpath.join(home, "src"))


def _postgres(each: SourceFile, package: Package, schemas: "Sequence[PrismaSchema]") -> bool | None:
    """Whether clients whose database stands elsewhere (Prisma's schema, an engine's URL) speak to PostgreSQL."""
    registry = _REGISTRIES.get(each.language)
    if registry is not None:
        own = {name for name in package.dependencies if name.startswith(registry)}
        if each.language in MAPPED_LANGUAGES:
            return packages_speak(own)
        if not own or not own.isdisjoint(catalogue.driver_packages(registry)):
            return True if own else None
        return None if own & _with_schema(registry) else False
    if any(
        mark.kind in ("@prisma/adapter-pg", "@prisma/adapter-neon", "@prisma/adapter-ppg")
        for mark in each.modules
    ):
        return True
    if any(mark.kind.startswith("@prisma/adapter-") for mark in each.modules):
        return False
    said = [
        (schema.path, any(one.postgres for one in schema.datasources))
        for schema in schemas
        if schema.datasources
    ]
    if not said:
        return None
    return _of_nearest(each.path, said)


def _with_schema(registry: str) -> frozenset[str]:
    """The packages whose clients read their database from a schema of its own."""
    made = {each.driver for each in makers().python.calls.values() if each.wire == "engine"}
    drivers = [catalogue.driver(stem) for stem in made]
    return frozenset(
        name for each in drivers if each is not None for name in each.packages if name.startswith(registry)
    )


def _of_nearest(path: str, said: Sequence[tuple[str, bool]]) -> bool:
    """What the nearest schema says: the one that shares most folders with the file; all of them when several do."""

    def shared(other: str) -> int:
        both = zip(path.split("/")[:-1], other.split("/")[:-1], strict=False)
        return next(
            (number for number, (one, two) in enumerate(both) if one != two),
            min(path.count("/"), other.count("/")),
        )

    best = max(shared(other) for other, _ in said)
    return any(verdict for other, verdict in said if shared(other) == best)


class Progress:
    """A line on standard error, once the work has taken a second and somebody may be watching."""

    def __init__(self, total: int) -> None:
        self.total, self.done, self.shown = total, 0, False
        self.start = time.monotonic()
        self.watched = sys.stderr is not None and sys.stderr.isatty()

    def __enter__(self) -> Self:
        return self

    def step(self) -> None:
        """One more file."""
        self.done += 1
        if self.watched and self.done % 100 == 0 and time.monotonic() - self.start > _PATIENCE:
            self.shown = True
            sys.stderr.write(f"\rreading source: {self.done:,} of {self.total:,} files")
            sys.stderr.flush()

    def __exit__(self, *_: object) -> None:
        if self.shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
