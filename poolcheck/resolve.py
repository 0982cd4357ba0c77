"""Who reads a connection string: the drivers of its package, and how they behave at their version.

Unknown stays unknown: a driver whose version is not known well enough has no behaviour, and rules say nothing.
"""

from poolcheck.core.context import Context
from poolcheck.core.facts import Driver, DriverVersion
from poolcheck.core.project import DriverUse, Package
from poolcheck.core.record import dataclass
from poolcheck.core.target import Target


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

    An ORM stands for the drivers it runs on: with Drizzle over pg, Drizzle is the reader.
    """
    if ctx.assumed:
        return tuple(each for use in ctx.assumed if (each := reader(use, target.package, ctx)))
    uses = target.package.drivers
    if target.conn.dialect:
        named = tuple(use for use in uses if _takes_dialect(use, target.conn.dialect, ctx))
        if named:
            uses = named
    found = [
        each for use in uses if (each := reader(use, target.package, ctx)) and each.driver.kind != "tool"
    ]
    below = {driver_id for each in found for driver_id in each.driver.over}
    adapters = {each.use.id for each in found if each.use.id.startswith("prisma-adapter-")}
    if adapters:
        below.add("prisma")  # its own engine does not run; the adapter reads the URL
    top = [each for each in found if each.use.id not in below]
    stated = {
        read.tool for read in target.package.reads if read.variable == target.name and read.role == "app"
    }
    said = [each for each in top if each.use.id in stated]
    return tuple(said or top)


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


def _takes_dialect(use: DriverUse, dialect: str, ctx: Context) -> bool:
    driver = ctx.catalogue.driver(use.id)
    return driver is not None and dialect in driver.dialects


def migration_tools(package: Package, ctx: Context) -> tuple[Reader, ...]:
    """The drivers and tools of a package that run migrations."""
    uses = ctx.assumed or package.drivers
    found = [each for use in uses if (each := reader(use, package, ctx))]
    return tuple(each for each in found if each.own and each.own.migrations)


def engine_prisma(each: Reader) -> bool:
    """Prisma with its own engine (up to 6): the only one that reads Prisma's URL parameters at run time."""
    return (
        each.use.id == "prisma"
        and each.own is not None
        and not each.own.url_read_by
        and bool(each.own.params)
    )
