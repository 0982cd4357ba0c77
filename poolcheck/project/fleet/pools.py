"""The pool of one process: in the URL, in a config, in the source, or the driver's default. Never a guess."""

from collections.abc import Sequence

from poolcheck.capacity.sums import configured_size
from poolcheck.model.config_file import ConfigFile
from poolcheck.model.context import Context
from poolcheck.model.fleet import Amount
from poolcheck.model.problem import Location
from poolcheck.model.project import Package
from poolcheck.model.source import Site, SourceFile
from poolcheck.model.target import Target
from poolcheck.model.url_readers import readers

# Settings of a framework's config that are the pool of one process.
_SETTINGS = (
    "production.pool", "production.max_connections", "default.OPTIONS.pool.max_size", "poolSize", "extra.max",
    "pool.max", "production.pool.max", "spring.datasource.hikari.maximum-pool-size",
    "spring.datasource.hikari.maximumPoolSize",
)  # fmt: skip


def pool_size(target: Target, ctx: Context, subjects: Sequence[object]) -> Amount | None:
    """The pool of one process: in the URL, in a config, in the source, or the driver's default; None: not known."""
    who = readers(target, ctx)
    if len(who) != 1:
        return None
    size, words = configured_size(target, who[0])
    if size is not None:
        in_url = "=" in words
        return Amount(size, words, target.location if in_url else None)
    for file in subjects:
        if isinstance(file, ConfigFile) and same(file.package, target.package):
            for setting in file.settings:
                if setting.key in _SETTINGS and setting.value.isdigit() and int(setting.value) > 0:
                    return Amount(int(setting.value), f"{setting.key}: {setting.value}", setting.location)
    return _from_source(target, subjects, who[0].own.pool_size if who[0].own else None)


def same(one: Package, other: Package) -> bool:
    """Whether two places belong to the same package: folders of one manifest, or the same folder."""
    return one.path == other.path or (one.manifests != () and one.manifests == other.manifests)


def _from_source(target: Target, subjects: Sequence[object], default: int | None) -> Amount | None:
    """The only pool that the package's source makes; two of them, or one with a computed size, tell nothing."""
    sites = [
        (file, site)
        for file in subjects
        if isinstance(file, SourceFile) and file.purpose == "app" and same(file.package, target.package)
        for site in file.makes
    ]
    if len(sites) != 1:
        return None
    ((file, site),) = sites
    if site.made.makes == "connection":
        return None  # one connection for each call; how many calls there are at once is not known
    at = Location(file.path, site.line)
    name = next((name for name in site.made.size_options if site.option(name) is not None), "")
    if name:
        said, extra = site.option(name) or "", _overflow(site)
        if not said.isdigit() or int(said) < 1 or extra is None:
            return None
        words = f"{name}: {said}" + (f" + {extra} overflow" if extra else "")
        return Amount(int(said) + extra, words, at)
    if site.complete and default and not _hidden(site):
        return Amount(default, f"{site.call} with its default of {default}", at)
    return None


def _hidden(site: Site) -> bool:
    """Whether the size may stand in an object that was not seen into: `pool` of pool.max is a variable, or has a spread.

    `connection` is mostly the string itself.
    """
    for name in site.made.size_options:
        key, dot, _ = name.rpartition(".")
        inner = [option for option, _ in site.options if option.startswith(f"{key}.")]
        unseen = f"{key}.*" in inner or (not inner and key != "connection")
        if dot and site.option(key) is not None and unseen:
            return True
    return False


def _overflow(site: Site) -> int | None:
    """How many connections a pool opens on top of its size; None when that is not known."""
    if not site.made.overflow_option:
        return 0
    said = site.option(site.made.overflow_option)
    if said is None:
        return site.made.overflow if site.complete else None
    return int(said) if said.isdigit() else None
