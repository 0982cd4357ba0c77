"""What files and arguments say, as one frozen value: each stage returns its part, `collect` puts the parts together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, fields
from itertools import chain
from typing import Any

from poolcheck.model.connection_map import Map
from poolcheck.model.ignores import Ignores, ignores_in_lines
from poolcheck.model.project import Package
from poolcheck.model.report import Skipped
from poolcheck.model.target import Target
from poolcheck.record import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from poolcheck.model.pooler_config import PoolerConfig
    from poolcheck.readers.configs.js_config import JsConfig
    from poolcheck.readers.configs.prisma import PrismaSchema

ALWAYS = frozenset("12")  # the hundreds of rules that need no more than a connection string


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """The parts of a project that rules read, and what could not be read. Empty: nothing was said."""

    targets: tuple[Target, ...] = ()
    subjects: tuple[object, ...] = ()  # what the rules are run over
    packages: tuple[Package, ...] = ()
    groups: frozenset[str] = ALWAYS  # the hundreds of rules that have something to read
    lines: Mapping[str, Sequence[str]] = field(default_factory=dict)  # by path: for excerpts
    ignores: Mapping[str, Ignores] = field(default_factory=dict)  # by path
    reads: Mapping[str, str] = field(
        default_factory=dict
    )  # variable → where the source first connects with it
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()
    schemas: "tuple[PrismaSchema, ...]" = ()
    configs: "tuple[JsConfig, ...]" = ()
    poolers: "tuple[PoolerConfig, ...]" = ()
    files: int = 0  # how many were read
    map: Map = Map()
    named: int = 0  # how many configs the user named that were judged
    looked_at_source: bool = (
        False  # some source makes a client: only then its absence elsewhere means something
    )

    @property
    def anything(self) -> bool:
        """Whether there was something to judge."""
        return bool(self.targets or self.poolers or self.map.clients or self.named or self.looked_at_source)


def together(parts: Iterable[Collected]) -> Collected:
    """All parts as one, in their order; of two lines, ignores or reads of one name the first is kept.

    Linear in what the parts hold.
    """
    parts = tuple(parts)
    made = {
        field_.name: _joined([getattr(part, field_.name) for part in parts]) for field_ in fields(Collected)
    }
    return Collected(**made) if parts else Collected()


def _joined(values: list[Any]) -> Any:
    first = values[0] if values else None
    if isinstance(first, Map):
        return next((each for each in values if each.clients or each.servers), first)
    if isinstance(first, tuple):
        return tuple(chain.from_iterable(values))
    if isinstance(first, frozenset):
        return first.union(*values)
    if isinstance(first, Mapping):
        return {name: value for mapping in reversed(values) for name, value in mapping.items()}
    return any(values) if isinstance(first, bool) else sum(values)


def lines_of(name: str, text: str | None) -> Collected:
    """The lines of a file for excerpts, and its ignore comments; nothing of a file that cannot be read."""
    if text is None:
        return Collected()
    lines = text.split("\n")
    ignores = ignores_in_lines(lines, "#|//|--|;") if "poolcheck" in text.lower() else None
    return Collected(lines={name: lines}, ignores={name: ignores} if ignores else {})
