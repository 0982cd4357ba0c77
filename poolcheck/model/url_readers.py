"""Who reads a connection string: the drivers of its package, and how they behave at their version.

Unknown stays unknown: a driver whose version is not known well enough has no behaviour, and rules say nothing.
"""

from collections.abc import Iterable, Sequence

from poolcheck.model.context import Context
from poolcheck.model.facts import Driver, DriverVersion
from poolcheck.model.project import DriverUse, Package
from poolcheck.model.target import Target
from poolcheck.record import dataclass


@dataclass(frozen=True, slots=True)
class Reader:
    """One driver that reads the connection string, and what is known of it.

    `own` is the driver's behaviour at its version; `url` the behaviour that decides about the URL's parameters,
    which is another driver's where an ORM hands the URL on (Prisma 7 to node-postgres).
    """

    use: DriverUse
    driver: Driver
    own: DriverVersion | None
    url: DriverVersion | None

    @property
    def title(self) -> str:
        """Driver and version, for sentences."""
        if self.own and self.own.label:
            return self.own.label
        return f"{self.driver.title} {self.use.version}".strip()


def readers(target: Target, ctx: Context) -> tuple[Reader, ...]:
    """The drivers that read this string at run time: --driver, else the URL's dialect, else the package's.

    An ORM stands for the drivers it runs on, unless nothing is known of the ORM itself: then they stand for it.
    """
    package = target.package
    if ctx.assumed:
        return _known(ctx.assumed, package, ctx)
    said = ctx.catalogue.driver_of_dialect(target.conn.dialect) if target.conn.dialect else None
    if said:
        # A dialect is SQLAlchemy's word: its version decides how the dialect behaves.
        alchemy = package.driver("sqlalchemy") or package.driver("sqlmodel")
        use = DriverUse(said, alchemy.version, alchemy.source, alchemy.line) if alchemy else DriverUse(said)
        return _known((use,), package, ctx)
    takers = [
        one
        for one in _known(package.drivers, package, ctx)
        if _reads_at_run_time(one) and _takes(one.driver, keywords=target.conn.form == "npgsql")
    ]
    top = _on_top(takers)
    stated = {read.tool for read in package.reads if read.variable == target.name and read.role == "app"}
    return tuple(one for one in top if one.use.id in stated) or top


def _known(uses: Iterable[DriverUse], package: Package, ctx: Context) -> tuple[Reader, ...]:
    """The uses of drivers that the catalogue knows, with their behaviour."""
    return tuple(found for use in uses if (found := reader(use, package, ctx)))


def _on_top(takers: Sequence[Reader]) -> tuple[Reader, ...]:
    """Those that no other of them stands for: an ORM over its driver, unless nothing is known of the ORM."""
    silent = {one.use.id for one in takers if one.driver.over and _says_nothing(one)}
    below = {driver_id for one in takers if one.use.id not in silent for driver_id in one.driver.over}
    if any(one.use.id.startswith("prisma-adapter-") for one in takers):
        below.add("prisma")  # its own engine does not run; the adapter reads the URL
    ids = {one.use.id for one in takers}
    stood_for = {one.use.id for one in takers if one.use.id in silent and ids & set(one.driver.over)}
    return tuple(one for one in takers if one.use.id not in below | stood_for)


def _reads_at_run_time(each: Reader) -> bool:
    """Not a migration tool; dj-database-url is a tool that stands between the URL and its driver."""
    return each.driver.kind != "tool" or bool(each.driver.over and each.own and not each.own.migrations)


def _takes(driver: Driver, *, keywords: bool) -> bool:
    """Whether it reads PostgreSQL URLs at all, or .NET's keywords: supabase-js takes https, Npgsql key=value text."""
    if keywords:
        return "" in driver.schemes
    return not driver.schemes or any("postgres" in scheme or "prisma" in scheme for scheme in driver.schemes)


def _says_nothing(each: Reader) -> bool:
    own = each.own
    return own is None or (
        not own.url_read_by and own.unknown_params is None and own.named_prepared == "unknown"
    )


def reader(use: DriverUse, package: Package, ctx: Context) -> Reader | None:
    """A use of a driver with its behaviour; None when the catalogue does not know the driver."""
    driver = ctx.catalogue.driver(use.id)
    if driver is None:
        return None
    own = ctx.catalogue.behaviour(use.id, use.version)
    url = own
    if own and own.url_read_by:
        below = package.driver(own.url_read_by)
        url = ctx.catalogue.behaviour(own.url_read_by, below.version if below else DriverUse("").version)
    return Reader(use, driver, own, url)


def migration_tools(package: Package, ctx: Context) -> tuple[Reader, ...]:
    """The drivers and tools of a package that run migrations."""
    uses = ctx.assumed or package.drivers
    return tuple(one for one in _known(uses, package, ctx) if one.own and one.own.migrations)


def engine_prisma(each: Reader) -> bool:
    """Prisma with its own engine (up to 6): the only one that reads Prisma's URL parameters at run time."""
    return (
        each.use.id == "prisma"
        and each.own is not None
        and not each.own.url_read_by
        and bool(each.own.params)
    )
