"""The pools of one process of a package: in its code, in its string, in a config, or its driver's default. Never a guess.

A default counts only where the call that makes the pool was read and every argument of it was understood.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from poolcheck.connection.parse import from_parts, looks_like_connection_string, parse
from poolcheck.connection.string import ConnectionString
from poolcheck.model.amount import Amount, at_least, exact, plus
from poolcheck.model.config_text import FilledText, Slot, Written, fill, option, variables
from poolcheck.model.connection_map import Pool
from poolcheck.model.context import Context
from poolcheck.model.problem import Location
from poolcheck.model.project import DriverUse, Package
from poolcheck.model.roles import only_postgres
from poolcheck.model.source import UNSAID, fits
from poolcheck.model.target import Target
from poolcheck.model.url_readers import Reader, reader, readers
from poolcheck.record import dataclass

if TYPE_CHECKING:
    from poolcheck.model.config_file import ConfigFile, ConfiguredKey, ConfiguredPool
    from poolcheck.model.source import Site, SourceFile

# Settings of a framework's config that are the pool of one process.
_SETTINGS = ("default.OPTIONS.pool.max_size", "poolSize", "extra.max", "pool.max", "production.pool.max")
_VARIABLE = re.compile(r"\$\{([\w.-]+?)(?::-(\d+))?\}")
DEVELOPERS = ("local", "development", "dev", "test", "testing", "ci")
NO_CONNECTION = "sends queries over HTTP and keeps no connection"


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What stands beside a process's code when it runs."""

    environment: Mapping[str, str | None]  # None: set, but to what is not known
    complete: bool = True  # nothing else sets variables
    targets: Sequence[Target] = ()  # the strings that it is given, by variable
    stage: str = ""  # of the files that its strings come from
    threads: Amount | None = None  # requests that the process serves at once; None: not known


NOTHING_SET = Beside(environment={})
_Sites: TypeAlias = "dict[object, list[tuple[SourceFile, Site]]]"
_Configs: TypeAlias = "dict[object, list[ConfigFile]]"
_Configured: TypeAlias = "dict[object, list[ConfiguredPool]]"


def _by_package(subjects: Sequence[object]) -> tuple[_Sites, _Sites, _Configs, _Configured]:
    """Where the code of each package makes clients, and where it may, its configs, and the pools that a framework makes by them."""
    from poolcheck.model.config_file import (  # noqa: PLC0415 - a string alone has no code beside it
        ConfigFile,
        ConfiguredPool,
    )
    from poolcheck.model.source import SourceFile  # noqa: PLC0415 - as above

    sites: _Sites = {}
    open_: _Sites = {}
    configs: _Configs = {}
    configured: _Configured = {}
    for each in subjects:
        if isinstance(each, SourceFile) and each.purpose == "app":
            # a client that is given a pool: that pool is a site of its own
            own = [site for site in each.makes if site.argument != "pool" and not _ended(site)]
            own += each.unsaid if only_postgres(each.package.dependencies) else ()
            sites.setdefault(same(each.package), []).extend((each, site) for site in own)
            left = [
                site for site in (*each.sites, *each.unsaid) if site not in own and site.argument != "pool"
            ]
            open_.setdefault(same(each.package), []).extend(
                (each, site) for site in left if not _ended(site) and _unsaid(site)
            )
        elif isinstance(each, ConfigFile):
            configs.setdefault(same(each.package), []).append(each)
        elif isinstance(each, ConfiguredPool):
            configured.setdefault(same(each.package), []).append(each)
    made = {package: list(_with_settings(found)) for package, found in sites.items()}
    return made, open_, configs, configured


def _unsaid(site: "Site") -> bool:
    """Whether neither the call nor its file says which kind of database it is for."""
    return site.argument in ("", UNSAID) or not (site.made.elsewhere or site.made.any_database)


def _ended(site: "Site") -> bool:
    """Whether a function that runs now and then closes what it makes, however it ends: nothing of it stays."""
    return site.scope == "function" and site.closed == "always"


def _with_settings(
    found: "Sequence[tuple[SourceFile, Site]]",
) -> "Iterator[tuple[SourceFile, Site]]":
    """The calls, each with what a framework's config says of it; where that says two things, neither is taken."""
    settings = [site for _, site in found if site.argument == "setting"]
    for file, site in found:
        own = [each for each in settings if each.kind == site.kind]
        if site.argument == "setting" or not own:
            if site.argument != "setting":
                yield file, site
            continue
        alike = {each.call: dict(each.options) for each in own}
        sure = all(alike[each.call] == dict(each.options) for each in own)
        told = (
            [option for each in alike.values() for option in each.items()]
            if sure
            else [(each.call, "...") for each in own]
        )
        lines = (0,) * len(told)
        yield file, replace(site, options=(*site.options, *told), option_lines=(*site.option_lines, *lines))


class PoolReader:
    """The pools of each package, out of what was collected."""

    def __init__(self, subjects: Sequence[object], ctx: Context) -> None:
        self.ctx = ctx
        made = _by_package(subjects) if subjects else ({}, {}, {}, {})
        self._sites, self._open, self._configs, self._configured = made
        self._readers: dict[tuple[DriverUse, object], Reader | None] = {}

    def packages(self) -> list[Package]:
        """Those with a place that makes a pool, manifests or not."""
        found = [(home, many[0][0].package) for home, many in self._sites.items() if many]
        found += [(home, many[0].package) for home, many in self._configured.items()]
        return list(dict(reversed(found)).values())

    def sites(self, package: Package) -> "Sequence[tuple[SourceFile, Site]]":
        """Every place where the package's own code makes a client."""
        return self._sites.get(same(package), ())

    def may_make(self, package: Package) -> bool:
        """Whether its code makes a client of PostgreSQL, or one of whatever it is given."""
        return bool(self._sites.get(same(package)) or self._open.get(same(package)))

    def makes(self, package: Package, *, code: bool) -> list[Location]:
        """Where pools are made: in the package's own `code`, and by the config of its framework."""
        found = (
            [Location(file.path, site.line) for file, site in self.sites(package)]
            if code and self.speaks(package)
            else []
        )
        config = self.configured(package, NOTHING_SET)
        return found + [Location(each.path, each.site.line) for each in config]

    def is_configured(self, package: Package, name: str) -> bool:
        """Whether a variable holds the whole string of a pool that the package's framework makes."""
        pools = self._configured.get(same(package), ())
        whole = (each for pool in pools for each in pool.strings if each.name == "url")
        return any(
            name in each.variables or (len(each.text) == 1 and name in variables(each.text)) for each in whole
        )

    def speaks(self, package: Package) -> bool:
        """Whether its own code makes a client of PostgreSQL: the call says so, or nothing speaks for another database."""
        return any(
            site.argument == "postgres" or file.postgres is not False for file, site in self.sites(package)
        )

    def strings(self, package: Package) -> Iterator[tuple[str, str, Location]]:
        """What configs of the package say in their own text: key, text, place."""
        for file in self._configs.get(same(package), ()):
            for each in file.urls:
                if each.literal is not None and each.role == "app" and not each.conditional:
                    yield each.key, each.literal.reveal(), each.location

    def variables(self, package: Package, around: Beside = NOTHING_SET) -> tuple[str, ...]:
        """The variables that the package's code connects with, by its calls or its ORM's schema."""
        made = (name for _, site in self.sites(package) if (name := variable_of(site)))
        read = (each.variable for each in package.reads if each.role == "app")
        pools = self.configured(package, around)
        config = (name for each in pools if (name := _variable_of_string(each)))
        return tuple(dict.fromkeys([*made, *read, *config]))

    def configured(self, package: Package, around: Beside) -> "list[ConfiguredPool]":
        """The pools that its framework makes by config files where nothing in the code makes one of that driver."""
        every = self._configured.get(same(package), ())
        drivers = {site.made.driver for _, site in self.sites(package)}
        mine = [each for each in every if each.site.made.driver not in drivers and is_chosen(each, around)]
        named = {
            name: [each for each in mine if each.name == name]
            for name in dict.fromkeys(each.name for each in mine)
        }
        found = (_of_stage(many, around) for many in named.values())
        return [each for each in found if each is not None and (each.spoken or _told(each, around))]

    def pools(self, package: Package, around: Beside) -> tuple[Pool, ...]:
        """All pools of one process."""
        made = [self._of_site(package, file.path, site, around) for file, site in self.sites(package)]
        for each in self.configured(package, around):
            made.append(self._of_site(package, each.path, _filled(each, around), around, each))
        if not made and around.targets:  # the deployment gives it a string of PostgreSQL
            open_ = self._open.get(same(package), ())
            made = [self._of_site(package, file.path, site, around) for file, site in open_]
        if made:
            return tuple(made)
        first = around.targets[0].name if around.targets else ""
        found = [self._of_string(package, each) for each in around.targets if each.name == first]
        known = [each for each in found if each is not None]
        return (max(known, key=lambda each: each.size.most if each.size else 0),) if known else ()

    def _of_site(
        self, package: Package, path: str, site: "Site", around: Beside, by: "ConfiguredPool | None" = None
    ) -> Pool:
        use = package.driver(site.made.driver) or DriverUse(site.made.driver)
        key = use, same(package)
        if key not in self._readers:
            self._readers[key] = reader(use, package, self.ctx)
        who, at = self._readers[key], Location(path, site.line)
        names = names_of(by) if by is not None else ()
        variable = variable_of(site) or next((each.name for each in around.targets if each.name in names), "")
        fitting = [each for each in around.targets if not variable or each.name == variable]
        target = max(
            fitting, key=lambda each: _said(each, who), default=None
        )  # of two files the larger pool counts
        size = _size(site, at, who, target, around)
        if isinstance(size, Amount) and site.scope == "request":
            size = at_least(size.low, f"{site.call} makes one for each request", at, "code")
        return Pool(
            driver=site.made.driver, title=site.made.title, place=at, variable=variable,
            size=size if isinstance(size, Amount) else None, why="" if isinstance(size, Amount) else size,
            unbounded=isinstance(size, NoLimit),
            code=_as_called(who.own.size_code, site.call) if who and who.own else "",
            in_code=True, kept=site.scope in ("module", "cached"),
        )  # fmt: skip

    def _of_string(self, package: Package, target: Target) -> Pool | None:
        """Where no code was read that makes a pool: what the string says of it, or a config."""
        who = readers(target, self.ctx)
        if who and all(each.driver.kind == "http" for each in who):
            none = exact(0, f"{who[0].title} {NO_CONNECTION}", None, "catalogue")
            return Pool(driver=who[0].use.id, title=who[0].title, place=None, size=none, variable=target.name)
        if len(who) != 1:
            return None
        one = who[0]
        code = one.own.size_code if one.own else ""
        size = _in_string(target, one)
        if size is None:
            size = next(
                (
                    exact(int(setting.value), f"{setting.key}: {setting.value}", setting.location)
                    for file in self._configs.get(same(package), ())
                    for setting in file.settings
                    if setting.key in _SETTINGS and setting.value.isdigit() and int(setting.value) > 0
                ),
                None,
            )
        why = "" if size is not None else f"no call that makes a pool of {one.title} was read"
        return Pool(driver=one.use.id, title=one.title, place=target.location, size=size, variable=target.name, why=why, code=code)  # fmt: skip


class NoLimit(str):
    """Why the size of a pool is no number: it is known to have none."""

    __slots__ = ()


def _of_stage(many: "Sequence[ConfiguredPool]", around: Beside) -> "ConfiguredPool | None":
    """A pool as the stage has it that the environment chooses, else the one of the strings, else the usual one."""
    stages = {each.stage: each for each in many}
    chosen = [around.environment[name] for name in many[0].stage_variables if name in around.environment]
    wanted = [
        stage.strip().rpartition(".")[2].lower()
        for said in chosen[:1]
        for stage in reversed((said or "").split(","))
    ]
    asked = wanted if chosen else [around.stage, *many[0].usual]
    found = stages.get(next((stage for stage in asked if stage and stage in stages), ""))
    if found is not None and found.spoken:
        return found
    others = [each for each in many if each.spoken and not chosen and each.stage not in DEVELOPERS]
    return others[0] if len(others) == 1 else found


def is_chosen(pool: "ConfiguredPool", around: Beside) -> bool:
    """Whether the config uses the pool; where that is not known, strings of PostgreSQL speak for it."""
    said = fill(pool.chosen_by, around.environment, complete=around.complete).text
    return not pool.chosen_by or (
        bool(around.targets) if said is None else said == pool.name.rpartition(".")[2]
    )


def _told(pool: "ConfiguredPool", around: Beside) -> bool:
    """Whether the environment gives a string to a pool that no file gives one."""
    names = names_of(pool)
    return any(name in around.environment for name in names) or any(
        each.name in names for each in around.targets
    )


def names_of(pool: "ConfiguredPool") -> tuple[str, ...]:
    """The variables that its string may come from, and the key of the string itself."""
    found = [
        name
        for each in pool.strings
        if each.name in ("url", "host")
        for name in (*each.variables, *variables(each.text))
    ]
    return tuple(dict.fromkeys([*found, *(each.key for each in pool.strings)]))


def asked_by(pool: "ConfiguredPool") -> Iterator[str]:
    """Every variable of the environment that decides something about a pool."""
    yield from pool.stage_variables
    for each in (*pool.strings, *pool.sizes):
        yield from each.variables
        yield from variables(each.text)


def _variable_of_string(pool: "ConfiguredPool") -> str:
    """The variable that a pool's whole string comes from; "" where it is written out, or made of parts."""
    url = next((each for each in pool.strings if each.name == "url"), None)
    if url is None or any(each.name == "host" and each.text for each in pool.strings if not url.text):
        return ""
    if not all(isinstance(piece, Slot) for piece in url.text):
        return ""
    return next(iter(variables(url.text)), next(iter(url.variables), ""))


class ConfiguredString(NamedTuple):
    """Where a framework's pool connects in an environment: its string, else what is not known of it."""

    name: str  # the variable that it comes from, or its key
    conn: ConnectionString | None
    missing: str = ""  # the first variable that nobody sets, whatever stands in for it
    place: Location = Location("")


def string_of(pool: "ConfiguredPool", around: Beside) -> ConfiguredString | None:
    """The string that a pool is given; None: nobody says that it is given one."""
    said = {each.name: each for each in pool.strings if _option(each, around)}
    first = said.get("url") or said.get("host")
    if first is None:
        return None
    filled = {name: _text(each, around) for name, each in said.items()}
    made = filled[first.name]
    over = [name for name in first.variables if name in around.environment]
    names = [*over, *(name for name in variables(first.text) if name in around.environment), *made.missing]
    name = next((each for each in names if each), first.key)
    if made.text is None:
        return ConfiguredString(name, None, next((each for each in made.missing if each), ""), first.location)
    if first.name == "url":
        # Npgsql takes Server= too, as SQL Server does: that it is PostgreSQL's is known by now
        text = re.sub(r"(?i)\A\s*server\s*=", "Host=", made.text)
        conn = _parsed(text)
    else:
        parts = {part: each.text for part, each in filled.items()}
        conn = from_parts(
            host=parts.get("host"), port=parts.get("port"), user=parts.get("user"), password=parts.get("password"),
            database=parts.get("database"),
        )  # fmt: skip
    found = conn if conn is not None and conn.is_postgres and conn.host else None
    unset = (
        next((each for each in variables(first.text) if each not in around.environment), "")
        if not over
        else ""
    )
    return ConfiguredString(name, found, unset, first.location)


@lru_cache(maxsize=256)  # each client of a package asks for the same ones
def _parsed(text: str) -> ConnectionString | None:
    return parse(text) if looks_like_connection_string(text) else None


def _text(key: "ConfiguredKey", around: Beside) -> FilledText:
    over = next((name for name in key.variables if name in around.environment), "")
    text: Written = (Slot((over,)),) if over else key.text
    return fill(text, around.environment, complete=around.complete)


def _filled(pool: "ConfiguredPool", around: Beside) -> "Site":
    """The pool as code would make it: with the values that hold in this environment."""
    found = [(each, said) for each in pool.sizes if (said := _option(each, around))]
    options = [(each.name, said) for each, said in found]
    lines = [(each.location.line or 0) if each.location.path == pool.path else 0 for each, _ in found]
    site = pool.site
    if site.made.string_options:
        given = next((each.conn for each in around.targets if each.name in names_of(pool)), None)
        string = string_of(pool, around) if given is None else None
        conn = string.conn if string is not None else given
        site = replace(site, complete=site.complete and conn is not None)
        own = ((name, conn.param(name) if conn is not None else None) for name in site.made.string_options)
        options += [(name, text) for name, text in own if text]
    return replace(site, options=tuple(options), option_lines=(*lines, *(0 for _ in options[len(lines) :])))


def _option(key: "ConfiguredKey", around: Beside) -> str:
    """What a key is set to; "" for one that nothing sets."""
    over = next((name for name in key.variables if name in around.environment), "")
    return f"${{{over}}}" if over else option(key.text, around.environment, complete=around.complete)


def same(package: Package) -> object:
    """What two places of one package have in common: the manifests, or the folder where there is none."""
    return package.manifests or package.path


def variable_of(site: "Site") -> str:
    """The environment variable that a client's string comes from; "" where that is not seen."""
    name = site.url.rpartition(".")[2] or site.made.variable
    return name if name[:1].isupper() and name.upper() == name else ""


def _said(target: Target, who: Reader | None) -> int:
    size = _in_string(target, who) if who is not None else None
    return size.most if size is not None else 0


def _as_called(code: str, call: str) -> str:
    """The line that sets a size, with the function that the file calls: `create_async_engine(...)`, not `create_engine(...)`."""
    name, bracket, rest = code.partition("(")
    said = call.rpartition(".")[2]
    return f"{said}({rest}" if bracket and name.isidentifier() and said.isidentifier() else code


def _in_string(target: Target, who: Reader) -> Amount | None:
    """The size that the string's own parameter gives, where its reader takes it from there."""
    if any(trouble.kind == "separator" for trouble in target.conn.troubles):
        return None  # meant, and read by nobody (PC109)
    names = [who.url.size_param] if who.url and who.url.size_param else []
    if who.url is not None and who.url.fold_names:
        sizes = (each.name for each in who.url.params if each.role == "pool_size")
        names += [name for name in sizes if not name.lower().startswith("min")]
    said = ((name, target.conn.param(name) or "") for name in names)
    param, given = next((pair for pair in said if pair[1]), ("", ""))
    if not given.isdigit() or int(given) < 1:
        return None
    return exact(int(given), f"{param}={given}", target.location)


def _size(
    site: "Site", at: Location, who: Reader | None, target: Target | None, around: Beside
) -> Amount | str:
    """The connections of one pool; else why they are not known."""
    made = site.made
    if made.makes == "connection":
        return exact(1, f"{site.call}, one connection", at, "code") if site.scope in ("module", "cached") else at_least(
            1, f"{site.call} makes one for each call", at, "code"
        )  # fmt: skip
    if made.wire == "http":
        return exact(0, f"{made.title} {NO_CONNECTION}", at, "catalogue")
    name = next((name for name in made.size_options if _is_set(site, name)), "")
    bound = _bound(site, at, around, sized=bool(name))
    if bound is not None:
        return bound
    extra = _number(site, made.overflow_option, at, around) if made.overflow_option else None
    if isinstance(extra, str):
        return extra
    given = _given(site, name, extra, at, around) if name else None
    if given is not None:
        return given
    in_string = _in_string(target, who) if target is not None and who is not None else None
    if in_string is not None:
        return in_string
    default = _default(who)
    if not site.complete or _hidden(site, made.size_options) or (made.config_file and not site.argument):
        return _unseen(site)
    if not default and who is not None and who.own is not None and who.own.pool:
        said = f"nothing that was read sets the size of {site.call}; by default: {who.own.pool}"
        return NoLimit(said) if who.own.pool_unbounded else said
    if not default:
        return f"{who.title if who else made.title}: how many {site.call} opens by default depends on the machine, or the version is not known"  # fmt: skip
    if extra is not None:
        return plus(
            exact(
                default - made.overflow,
                f"{site.call} with its default of {default - made.overflow}",
                at,
                "default",
            ),
            extra,
        )
    return exact(default, f"{site.call} with its default of {default}", at, "default")


def _default(who: Reader | None) -> int | None:
    """How many a pool opens by default: at its version, or at every one where that is not known."""
    if who is None:
        return None
    if who.own is not None:
        return who.own.pool_size
    every = {each.pool_size for each in who.driver.versions}
    return every.pop() if len(every) == 1 else None


def _unseen(site: "Site") -> str:
    return f"not every argument of {site.call} is understood"


def _bound(site: "Site", at: Location, around: Beside, *, sized: bool) -> Amount | str | None:
    """What another option than the size makes of a pool: one connection, none kept, or what is not known; None: nothing."""
    made = site.made
    other = next((name for name in made.bounding_options if _is_set(site, name)), "")
    said = site.option(other) or ""
    alike = (said, said.rpartition(".")[2])
    holds = next((then for name, is_, then in made.bounds if name == other and is_ in alike), "")
    if holds == "one":
        return exact(1, f"{other}={said}", at, "code")
    if holds == "each" or (made.each and not sized):
        if made.language == "config" and not site.complete:
            return _unseen(site)
        if around.threads is not None:
            return replace(around.threads, words=f"one connection for each of {around.threads.words}")
        return at_least(1, f"{site.call} keeps no pool: each session has a connection of its own", at, "code")
    return f"{other} decides how many connections {site.call} opens" if other and holds != "size" else None


def _given(
    site: "Site", name: str, extra: Amount | None, at: Location, around: Beside
) -> Amount | str | None:
    """What an option makes of a pool, `extra` on top; else why that is not known. None: it says what is so without it."""
    made = site.made
    before = made.size_options[: made.size_options.index(name)]  # what would count instead
    if before and (not site.complete or _hidden(site, before)):
        return _unseen(site)
    size = _number(site, name, at, around)
    if not isinstance(size, Amount):
        return size or f"{name} is not understood"
    if size.most == 0:
        return None if made.zero == "default" else NoLimit(f"{name}: 0 sets no limit")
    if not made.overflow_option:
        return size
    if extra is None and (not site.complete or _hidden(site, (name,))):
        return _unseen(site)
    return plus(size, extra or exact(made.overflow, "max_overflow by default", None, "default"))


def _number(site: "Site", name: str, at: Location, around: Beside) -> Amount | str | None:
    """What an option is set to: a number, or a variable of the environment with what stands in; None: not written."""
    said = site.option(name)
    if said is None:
        return None
    at = Location(at.path, site.line_of(name) or at.line)
    if said.isdigit():
        return exact(int(said), f"{name}: {said}", at, "code")
    if said == "-1":
        return NoLimit(f"{name}: -1 sets no limit")
    variable = _VARIABLE.fullmatch(said)
    if variable is None:
        return f"{name} of {site.call} is {'computed' if '...' in said else f'{said}, which is computed'}"
    if variable[1] in around.environment:
        value = around.environment[variable[1]]
        if value is not None and value.isdigit():
            return exact(int(value), f"{name}: {variable[1]}={value}", at)
        return f"{name} of {site.call} is {variable[1]}, which is filled in when it is deployed"
    if variable[2] and around.complete:
        return exact(int(variable[2]), f"{name}: {variable[2]} unless {variable[1]} is set", at, "code")
    return f"{name} of {site.call} is {variable[1]}, which no file sets"


def _is_set(site: "Site", name: str) -> bool:
    """Whether an option is given a value; what is null counts as left out."""
    return site.option(name) not in (None, "None", "null", "undefined")


def _hidden(site: "Site", names: Sequence[str]) -> bool:
    """Whether one of these may stand in an object that was not seen into: `pool` of pool.max is a variable, or has a spread.

    `connection`, and what comes from the environment, is the string itself.
    """
    said = dict(site.options)
    for name in names:
        parts = name.split(".")
        for key in (".".join(parts[:end]) for end in range(1, len(parts))):
            for outer in [each for each in said if fits(each, key) and not each.endswith(".*")]:
                inner = [each for each in said if each.startswith(f"{outer}.")]
                string = parts[-2] == "connection" or _VARIABLE.fullmatch(said[outer]) is not None
                string = string or (outer, said[outer], "size") in site.made.bounds
                if f"{outer}.*" in inner or (not inner and said[outer] != "{}" and not string):
                    return True
    return False
