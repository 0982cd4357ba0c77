"""What the rules may know beside the files: numbers, drivers that were named, the day."""

from datetime import UTC, datetime

from poolcheck import catalogue
from poolcheck.config.settings import DEFAULTS, SERVER_RESERVED, Config
from poolcheck.errors import BadConfig
from poolcheck.model.context import Context, Numbers
from poolcheck.model.facts import Limit, Provider
from poolcheck.model.project import DriverUse, Version
from poolcheck.project.arguments import display
from poolcheck.project.collected import Collected
from poolcheck.text import did_you_mean


def numbers(found: Collected, config: Config) -> Numbers:
    """The numbers for sizing: from the config, else from the catalogue's plan; with where each comes from.

    Raises:
        BadConfig: a provider that nobody knows, or a plan that it does not have.
    """
    sources: dict[str, str] = {}
    path = display(config.path) if config.path else ""
    most, reserved = config.max_connections, config.reserved
    ids = {target.match.provider.id for target in found.targets if target.match.provider}
    provider_id = config.provider or (next(iter(ids)) if len(ids) == 1 else "")
    known = known_provider(provider_id) if provider_id else None
    if config.plan and known is not None:
        limit = known_plan(known, config.plan)
        if most is None and limit.max_connections and not limit.max_connections_most:
            most, sources["max_connections"] = (
                limit.max_connections,
                f"{known.title} {limit.title or limit.plan}",
            )
        if reserved is None and limit.reserved is not None:
            reserved, sources["reserved"] = limit.reserved, f"{known.title} {limit.title or limit.plan}"
    if reserved is None and known is not None and known.default_reserved is not None:
        reserved, sources["reserved"] = known.default_reserved, known.title
    if config.max_connections is not None:
        sources["max_connections"] = config.source("max_connections", path)
    for name in ("instances", "pool", "workers", "surge"):
        if getattr(config, name) not in (None, getattr(DEFAULTS, name)):
            sources[name] = config.source(name, path)
    return Numbers(
        max_connections=most, reserved=SERVER_RESERVED if reserved is None else reserved, buffer=config.buffer,
        instances=config.instances, surge=config.surge, workers=config.workers, pool=config.pool, plan=config.plan,
        provider=provider_id, one_server=any(each.source for each in config.server), sources=sources,
    )  # fmt: skip


def known_provider(name: str) -> Provider:
    """The provider of that id or alias.

    Raises:
        BadConfig: there is none.
    """
    known = catalogue.provider(name)
    if known is None:
        raise BadConfig(f"no provider is named {name!r}", "`poolcheck explain providers` lists them.")
    return known


def known_plan(provider: Provider, name: str) -> Limit:
    """What a plan of a provider gives.

    Raises:
        BadConfig: no plan of that name is known.
    """
    limit = catalogue.limit(provider.id, name)
    if limit is None:
        plans = ", ".join(each.plan for each in provider.limits)
        hint = (
            f"Known: {plans}." if plans else "No plan of it is known here: max_connections says what counts."
        )
        raise BadConfig(f"{provider.title} has no plan {name!r}", hint)
    return limit


def assumed_drivers(config: Config) -> tuple[DriverUse, ...]:
    """--driver prisma@6 as uses.

    Raises:
        BadConfig: a driver that the catalogue does not know, or a version that is none.
    """
    uses = []
    for text in config.driver:
        name, _, version = text.strip().rpartition("@") if "@" in text.strip()[1:] else (text.strip(), "", "")
        driver = catalogue.driver(name)
        if driver is None:
            hint = did_you_mean(name, (known.id for known in catalogue.drivers()))
            lists = "`poolcheck explain drivers` lists them."
            raise BadConfig(f"no driver is named {name!r}", f"{hint} {lists}".lstrip())
        numbers_ = version.lstrip("v").split(".")
        if version and not all(number.isdigit() for number in numbers_):
            raise BadConfig(
                f"--driver {text}: {version!r} is not a version",
                "Write for example prisma@6 or prisma@6.19.3.",
            )
        parts = tuple(int(number) for number in numbers_) if version else ()
        uses.append(DriverUse(driver.id, Version(version, parts, exact=len(parts) > 1), "--driver"))
    return tuple(uses)


def context(found: Collected, config: Config) -> Context:
    """What the rules may know."""
    return Context(
        catalogue=catalogue,
        numbers=numbers(found, config),
        thresholds=config.thresholds,
        map=found.map,
        targets=found.targets,
        packages=found.packages,
        today=datetime.now(UTC).date().isoformat(),
        assumed=assumed_drivers(config),
    )
