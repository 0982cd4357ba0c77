"""The pools that frameworks make by their config files: which keys count is said by the drivers, the files are read as rows.

Files of one folder are laid over each other as their framework does it: what a stage says counts before what holds everywhere.
"""

import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from poolcheck import catalogue
from poolcheck.catalogue.makers import makers
from poolcheck.connection.parse import looks_like_connection_string
from poolcheck.model.config_file import ConfiguredKey, ConfiguredPool
from poolcheck.model.config_text import Written, literal, variables
from poolcheck.model.facts import Maker
from poolcheck.model.problem import Location
from poolcheck.model.project import Package
from poolcheck.model.roles import other_databases
from poolcheck.model.source import Site
from poolcheck.model.target import Target
from poolcheck.project.collected import Collected
from poolcheck.project.mapping.pools import Beside, is_chosen, same, string_of
from poolcheck.readers.configs import rows as reader
from poolcheck.readers.configs.rows import ConfigRow, ConfigRows, Family
from poolcheck.readers.env import dotenv

if TYPE_CHECKING:
    from poolcheck.project.packages import Packages

PARTS = ("host", "port", "user", "password", "database")
_POSTGRES = re.compile(r"postg(?:res|is)|pgsql", re.IGNORECASE)
_EMBEDDED = re.compile(r"sqlite|h2|hsqldb|derby", re.IGNORECASE)
_KEYWORDS = re.compile(r"(?i)\s*(?:host|server|data source|user id|username|database)\s*=[^;]*;")
_OTHERS = re.compile(
    r"mysql|trilogy|maria|sqlite|oracle|sqlserver|mssql|h2|hsqldb|derby|db2|mongo|cassandra", re.IGNORECASE
)


class _Placed(NamedTuple):
    """A row with its file."""

    row: ConfigRow
    path: str


class _Laid(NamedTuple):
    """The files of one folder, laid over each other for a stage."""

    family: Family
    package: Package
    path: str  # of the first file
    whole: bool
    stage: str
    said: dict[str, _Placed]  # by the key, its spellings made one

    def key(self, section: str, name: str, called: str = "") -> ConfiguredKey:
        """What is said under a key of a section."""
        full = ".".join(filter(None, (section, name)))
        there = self.said.get(_key(self.family, full))
        return ConfiguredKey(
            name=called or name, key=there.row.key if there else full, text=there.row.text if there else (),
            location=Location(there.path, there.row.line) if there else Location(self.path, 1), variables=self.family.override(full),
        )  # fmt: skip


def read(packages: "Packages", names: Sequence[str]) -> Iterator[ConfiguredPool]:
    """Every pool of the files, once for each stage that says something of it."""
    groups: dict[tuple[str, str], list[tuple[str, ConfigRows]]] = {}
    for name in names:
        family = reader.family(name)
        text = packages.text(name) if family is not None else None
        if family is not None and text is not None:
            groups.setdefault((posixpath.dirname(name), family.id), []).append(
                (name, reader.read(text, name))
            )
    for (_, known), files in groups.items():
        family = next(each for each in reader.FAMILIES if each.id == known)
        for laid in _laid(family, files, packages.of(files[0][0])):
            made = [pool for section, mine in _sections(laid) for pool in _pool(laid, section, mine)]
            spoken = {each.site.made.driver for each in made if each.spoken}
            yield from (each for each in made if each.spoken or each.site.made.driver not in spoken)


def _laid(family: Family, files: Sequence[tuple[str, ConfigRows]], package: Package) -> Iterator[_Laid]:
    placed = [_Placed(row, path) for path, made in files for row in made.rows]
    whole = all(made.whole for _, made in files)
    for stage in dict.fromkeys(["", *(each.row.stage for each in placed)]):
        over = [each for each in placed if not each.row.stage] if stage else []
        over += [each for each in placed if each.row.stage == stage]
        yield _Laid(
            family, package, files[0][0], whole, stage, {_key(family, each.row.key): each for each in over}
        )


def _key(family: Family, key: str) -> str:
    return reader.folded(key) if family.folded else key


def _sections(laid: _Laid) -> Iterator[tuple[str, list[Maker]]]:
    """The keys around each pool that may be there, with whatever may make it: of one string, one of them does."""
    known = [
        (pattern, maker) for maker in makers().config for of, pattern in maker.calls if of == laid.family.id
    ]
    own = {
        f"{pattern}.{key.partition('.')[0]}"
        for pattern, maker in known
        for key in _keys(maker)
        if "*" not in pattern
    }
    claimed = {_key(laid.family, each) for each in own}
    found: dict[tuple[str, str], list[Maker]] = {}
    for pattern, maker in known:
        for section in _matching(pattern, laid) if "*" in pattern else (pattern,):
            if _key(laid.family, section) not in claimed:
                found.setdefault((section, "".join(maker.string_keys[-1:])), []).append(maker)
    yield from ((section, mine) for (section, _), mine in found.items())


def _keys(maker: Maker) -> tuple[str, ...]:
    return (
        *maker.string_keys,
        *(key for _, key in maker.part_keys),
        *maker.size_options,
        *maker.kind_keys,
        *maker.bounding_options,
    )


def _matching(pattern: str, laid: _Laid) -> Iterator[str]:
    """The keys that a pattern fits, of those that are there."""
    steps = _key(laid.family, pattern).split(".")
    found: dict[str, str] = {}
    for key, placed in laid.said.items():
        parts = key.split(".")[: len(steps)]
        if len(parts) == len(steps) and all(
            fnmatchcase(part, one) for one, part in zip(steps, parts, strict=True)
        ):
            found.setdefault(".".join(parts), ".".join(placed.row.key.split(".")[: len(steps)]))
    yield from found.values()


def _pool(laid: _Laid, section: str, mine: Sequence[Maker]) -> Iterator[ConfiguredPool]:
    maker = _chosen(mine, lambda name: laid.key(section, name).text, laid.package)
    strings = [laid.key(section, name, "url") for name in maker.string_keys]
    if strings:
        over = tuple(name for each in strings for name in each.variables)
        strings = [replace(next((each for each in strings if each.text), strings[0]), variables=over)]
    strings += [laid.key(section, name, part) for part, name in maker.part_keys]
    spoken = any(each.text for each in strings if each.name in ("url", "host", "database"))
    kinds = [_kind(laid.key(section, name).text) for name in maker.kind_keys]
    url = next((_kind(each.text) for each in strings if each.name == "url"), "")
    if not _of_postgres(url, kinds, laid.package) or not (spoken or laid.package.driver(maker.driver)):
        return
    called = ".".join([section, *filter(None, ["".join(maker.string_keys[-1:]).rpartition(".")[0]])])
    sizes = [
        laid.key(section, name) for name in dict.fromkeys((*maker.size_options, *maker.bounding_options))
    ]
    at = next((each.location for each in (*sizes, *strings) if each.text), Location(laid.path, 1))
    yield ConfiguredPool(
        path=at.path, name=called, package=laid.package, stage=laid.stage, strings=tuple(strings), sizes=tuple(sizes),
        chosen_by=laid.key("", maker.chosen_by).text if maker.chosen_by else (), stage_variables=laid.family.stages, usual=laid.family.usual, spoken=spoken,
        site=Site(made=maker, call=maker.title, line=at.line or 1, column=1, scope="module", complete=laid.whole),
    )  # fmt: skip


def _kind(text: Written) -> str:
    """What a text says of its database; a developer's SQLite that stands in for a variable says nothing against PostgreSQL."""
    said = literal(text)
    known = _POSTGRES.search(said) or _OTHERS.search(said)
    return "" if any(variables(text)) and (not known or _EMBEDDED.search(said)) else said


def _chosen(mine: Sequence[Maker], said: Callable[[str], Written], package: Package) -> Maker:
    """Of several that read the same keys the one that a key names; else one that is there and has its size set."""
    for maker in mine:
        if any(said(name) and value in ("*", literal(said(name))) for name, value, _ in maker.bounds):
            return maker
        there = maker.needs and package.driver(maker.driver) is not None
        if there and any(said(each) for each in maker.size_options):
            return maker
    return next((maker for maker in mine if not maker.needs), mine[0])


def _of_keywords(text: str, package: Package) -> bool:
    """Whether `Host=db;Database=app` is Npgsql's: SQL Server and MySQL take Server=, and so does Npgsql."""
    if re.search(
        r"(?i)(?:trusted.?connection|integrated security|initial catalog|data source|multipleactiveresultsets|filename)\s*=",
        text,
    ):
        return False
    if re.match(r"(?i)\s*host\s*=", text) or re.search(r"(?i);\s*port\s*=\s*(?:5432|6432|6543)\b", text):
        return True
    return catalogue.speak_postgres(package.dependencies) and not other_databases(package.dependencies)


def _of_postgres(url: str, kinds: Sequence[str], package: Package) -> bool:
    """Whether a pool is one of PostgreSQL: by its string, else by what stands beside it, else by the manifests."""
    if _KEYWORDS.match(url):
        return _of_keywords(url, package)
    if looks_like_connection_string(url):
        return True
    for said in (url, *kinds):
        if _POSTGRES.search(said):
            return True
        if re.match(r"\w+:", said) or _OTHERS.search(said):
            return False
    # a text that is nobody's string, as Redis's localhost:6379 beside it, is none of PostgreSQL's
    return not url and catalogue.speak_postgres(package.dependencies)


# --- the strings of pools that env files fill in ---


def stages(pools: Sequence[ConfiguredPool]) -> dict[tuple[str, int | None], str]:
    """The stage that each line of a string is for, as env files call it."""
    found: dict[tuple[str, int | None], str] = {}
    for pool in pools:  # those of no stage come first
        for each in pool.strings:
            stage = "production" if pool.stage in pool.usual else pool.stage
            found.setdefault((each.location.path, each.location.line), stage)
    return found


def targets(
    packages: "Packages", pools: Sequence[ConfiguredPool], read: Collected, written: Sequence[Target]
) -> Iterator[Target]:
    """The strings of pools: as the files write them, but for those that are `written` already, and as env files fill them in."""
    seen = {(each.location.path, each.location.line) for each in written}
    holds = stages(pools)
    for pool in pools:
        nothing = Beside(environment={})
        string = string_of(pool, nothing) if is_chosen(pool, nothing) else None
        if string is None or string.conn is None or (at := (string.place.path, string.place.line)) in seen:
            continue
        match = catalogue.match(string.conn)
        if not (
            match.local
            or string.conn.has_placeholder
            or any(list(variables(each.text)) for each in pool.strings)
        ):
            seen.add(at)
            yield Target(
                name=string.name, conn=string.conn, location=string.place, origin="config", role="app", role_source=str(string.place),
                match=match, package=pool.package, stage=holds[at],
            )  # fmt: skip
    if pools:
        yield from _of_env_files(packages, pools, read)


def _of_env_files(packages: "Packages", pools: Sequence[ConfiguredPool], read: Collected) -> Iterator[Target]:
    """What env files make of the variables that pools read; but what their names tell already."""
    known = {(each.location.path, each.name) for each in read.targets}
    known |= {(each.location.path, each.conn.host) for each in read.targets}
    for path in [each for each in read.lines if dotenv.matches(posixpath.basename(each))]:
        env = dotenv.read(packages.text(path) or "", path)
        home = packages.of_env_file(path)
        values = {entry.key: entry for entry in env.active}
        around = Beside(environment={key: entry.resolved or entry.value for key, entry in values.items()})
        for pool in pools:
            if home.drivers and same(pool.package) != same(home):
                continue
            if pool.stage not in ("", env.stage, *pool.usual):
                continue
            string = string_of(pool, around) if is_chosen(pool, around) else None
            entry = values.get(string.name) if string else None
            if string is None or string.conn is None or entry is None:
                continue
            if known.isdisjoint({(path, string.name), (path, string.conn.host)}):
                known |= {(path, string.name), (path, string.conn.host)}
                yield Target(
                    name=string.name, conn=string.conn, location=Location(path, entry.line, entry.location_column), origin="parts",
                    role="app", role_source=str(string.place), match=catalogue.match(string.conn), package=pool.package,
                    stage=env.stage, example_file=env.example,
                )  # fmt: skip
