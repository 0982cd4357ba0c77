"""What a rule may know besides its subject."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import field
from typing import Any, Protocol, TypeVar, cast

from poolcheck.config.settings import DEFAULTS, SERVER_RESERVED, Thresholds
from poolcheck.connection.string import ConnectionString
from poolcheck.model.amount import How
from poolcheck.model.connection_map import Map, Route
from poolcheck.model.facts import Driver, DriverVersion, Limit, Match
from poolcheck.model.project import DriverUse, Package, Version
from poolcheck.model.target import Target
from poolcheck.record import dataclass

T = TypeVar("T")
R = TypeVar("R")


class Catalogue(Protocol):
    """What rules ask of the catalogue: see poolcheck.catalogue."""

    def match(self, conn: ConnectionString) -> Match:
        """The provider and endpoint of a connection string."""

    def driver(self, driver_id: str) -> Driver | None:
        """A driver by id or alias."""

    def driver_of_dialect(self, dialect: str) -> str | None:
        """The id of the driver that a scheme's suffix names: `asyncpg` of postgresql+asyncpg."""

    def first_size_line(self, driver_id: str) -> tuple[str, str]:
        """Label and size line of a driver's first version block."""

    def parameter_names(self) -> frozenset[str]:
        """Every URL parameter that some driver knows."""

    def limit(self, provider_id: str, plan: str) -> Limit | None:
        """The limits of a provider's plan, however its name is spelled."""

    def behaviour(self, driver_id: str, version: Version) -> DriverVersion | None:
        """How a driver of that version behaves; None when the version is not known well enough to tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """The numbers that sizing needs, with where each comes from. None: not known, never guessed."""

    max_connections: int | None = None
    reserved: int = SERVER_RESERVED
    buffer: int = DEFAULTS.buffer
    instances: int | None = None
    surge: str = DEFAULTS.surge
    workers: int = DEFAULTS.workers
    pool: int | None = None
    plan: str = ""
    provider: str = ""
    one_server: bool = False  # --max NAME=N told the max_connections of one
    sources: Mapping[str, str] = field(default_factory=dict)  # field name → "poolcheck.toml", "--max", ...

    def how(self, name: str) -> How:
        """How the number of that field is known: by an option, the settings, or by nobody's word."""
        source = self.sources.get(name, "")
        return "option" if source.startswith("--") else "config" if source else "default"

    @property
    def ask_for_sums(self) -> bool:
        """Whether a limit, a number of instances or a pool was given: then a sum that cannot be made is no pass."""
        return self.one_server or not self.sources.keys().isdisjoint(("max_connections", "instances", "pool"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Everything a rule may know besides its subject. Rules do no I/O."""

    catalogue: Catalogue
    numbers: Numbers = Numbers()
    thresholds: Thresholds = DEFAULTS.thresholds
    map: Map = Map()  # clients, poolers, servers: what every sum is computed from
    targets: tuple[Target, ...] = ()  # all of the project, for rules about pairs
    packages: tuple[Package, ...] = ()
    today: str = ""  # ISO date: retirement dates are compared with it
    assumed: tuple[DriverUse, ...] = ()  # from --driver or the config: they stand for what the manifests say
    memo: dict[Any, tuple[object, Any]] = field(default_factory=dict)

    def groups(self, key: Callable[[Target], Hashable]) -> Mapping[Hashable, Sequence[Target]]:
        """The targets by `key`, a function of a module: made once for all rules.

        A rule that looks for a target's companions asks here: to walk through all of them for each takes a minute
        where a file has 10,000.
        """
        return self._grouped(self.targets, key)

    def routes_of(self, target: Target) -> Sequence[Route]:
        """The routes of the map that a connection string is part of."""
        place = target.location
        return self._grouped(self.map.routes, _written_at).get((target.name, place.path, place.line), ())

    def _grouped(self, every: tuple[T, ...], key: Callable[[T], Hashable]) -> Mapping[Hashable, Sequence[T]]:
        def group() -> Mapping[Hashable, Sequence[T]]:
            found: dict[Hashable, list[T]] = {}
            for each in every:
                found.setdefault(key(each), []).append(each)
            return found

        return self.once(key, every, group)

    def once(self, name: Hashable, of: object, make: Callable[[], R]) -> R:
        """What `make` makes of the frozen `of`, made when it is first asked for under that name."""
        place = (name, id(of))  # a copy with another tuple shares the memo; what is held keeps its id
        if place not in self.memo:
            self.memo[place] = (of, make())
        return cast("R", self.memo[place][1])


def _written_at(route: Route) -> tuple[str, str, int | None]:
    return route.variable, route.place.path, route.place.line
