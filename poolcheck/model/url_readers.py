"""Who reads a connection string: the drivers of its package, and how they behave at their version.

Unknown stays unknown: a driver whose version is not known well enough has no behaviour, and rules say nothing.
"""

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
        return tuple(each for use in ctx.assumed if (each := reader(use, package, ctx)))
    if target.conn.dialect:
        said = ctx.catalogue.driver_of_dialect(target.conn.dialect)
        if said:
            # A dialect is SQLAlchemy's word: its version decides how the dialect behaves.
            alchemy = package.driver("sqlalchemy") or package.driver("sqlmodel")
            use = (
                DriverUse(said, alchemy.version, alchemy.source, alchemy.line) if alchemy else DriverUse(said)
            )
            found = reader(use, package, ctx)
            return (found,) if found else ()
    uses = (each for use in package.drivers if (each := reader(use, package, ctx)))
    found_ = [each for each in uses if _reads_at_run_time(each) and _takes(each.driver)]
    silent = {each.use.id for each in found_ if each.driver.over and _says_nothing(each)}
    below = {driver_id for each in found_ if each.use.id not in silent for driver_id in each.driver.over}
    if any(each.use.id.startswith("prisma-adapter-") for each in found_):
        below.add("prisma")  # its own engine does not run; the adapter reads the URL
    ids = {each.use.id for each in found_}
    stood_for = {each.use.id for each in found_ if each.use.id in silent and ids & set(each.driver.over)}
    top = [each for each in found_ if each.use.id not in below | stood_for]
    stated = {read.tool for read in package.reads if read.variable == target.name and read.role == "app"}
    named = [each for each in top if each.use.id in stated]
    return tuple(named or top)


def _reads_at_run_time(each: Reader) -> bool:
    """Not a migration tool; dj-database-url is a tool that stands between the URL and its driver."""
    return each.driver.kind != "tool" or bool(each.driver.over and each.own and not each.own.migrations)


def _takes(driver: Driver) -> bool:
    """Whether it reads PostgreSQL URLs at all: supabase-js takes https, Npgsql key=value text."""
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
