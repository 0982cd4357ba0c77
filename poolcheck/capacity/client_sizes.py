"""The clients of a project with the pool that each has and the one that it should have: a section of the report."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from poolcheck.capacity.advice import Advice, together
from poolcheck.capacity.asked import Asked, Term, at_peak, pool_of
from poolcheck.capacity.driver_lines import line
from poolcheck.model.amount import Amount, exact, times
from poolcheck.model.connection_map import Client, Question
from poolcheck.model.sizing import ConfigLine, Sizing
from poolcheck.record import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSize:
    """One client at one server or pooler: what it has, and what it should have."""

    client: Client
    row: Asked
    pool: Amount  # of one process; open where nobody tells all of it
    term: Term | None  # None: a number of it is not known
    advice: Advice | None  # None: nobody tells the limit

    @property
    def advised(self) -> int | None:
        """Connections of one process: 0 where not even one fits, None where it depends on what nobody tells."""
        return None if self.advice is None else self.advice.pool_size

    @property
    def kept(self) -> bool:
        """Whether the advised pool is the one that it has."""
        return not self.pool.open and self.pool.most == self.advised

    @property
    def sum_advised(self) -> Amount | None:
        """What it would ask for with the advised pool, while it is deployed."""
        if not self.advised or self.client.instances is None:
            return None
        peak = at_peak(self.client, self.client.instances)
        return times(peak, self.client.processes, exact(self.advised, ""))

    @property
    def processes_places(self) -> tuple[str, ...]:
        """Where the numbers of its processes come from."""
        known = (self.client.instances, self.client.surge, self.client.processes)
        return tuple(place for each in known if each is not None for place in each.places)

    @property
    def lines(self) -> tuple[ConfigLine, ...]:
        """What to write where the pool should change; of several pools in a process each has a part of it, and nobody knows which."""
        pools = self.row.pools.get(self.client.name, ())
        if self.kept or not self.advised or len(pools) != 1 or not pools[0].code:
            return ()
        return (line(pools[0].title, pools[0].code, "", self.advised),)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSizes:
    """Every client of every server and pooler. A section of the report."""

    name: ClassVar[str] = "client_sizes"
    instead: ClassVar[tuple[str, ...]] = ("summary", "notes")

    rows: tuple[Asked, ...]
    clients: tuple[ClientSize, ...]
    loose: tuple[Question, ...] = ()  # questions that belong to no row

    def of(self, row: Asked) -> Iterator[ClientSize]:
        """The clients of a row."""
        return (each for each in self.clients if each.row is row)

    @property
    def largest(self) -> ClientSize | None:
        """The client that asks for most; None where the sum of none is known."""
        known = [each for each in self.clients if each.term is not None]
        return max(known, key=lambda each: each.term.deploy.most if each.term else 0, default=None)

    @property
    def sizing(self) -> Sizing | None:
        """The model's answer for the largest client, where every number of it is known."""
        sized = self.largest or next(
            (each for each in self.clients if each.advice and each.advice.sizing), None
        )
        return sized.advice.sizing if sized is not None and sized.advice is not None else None


def client_sizes(rows: Sequence[Asked], questions: Sequence[Question]) -> ClientSizes:
    """What each client has and should have.

    Args:
        rows: of `capacity.asked`.
        questions: of the map; those that no row asks are kept beside the rows.
    """
    asked = {question for row in rows for question in row.questions}
    loose = tuple(each for each in questions if each not in asked)
    return ClientSizes(rows=tuple(rows), clients=tuple(_clients(rows)), loose=loose)


def _clients(rows: Sequence[Asked]) -> Iterator[ClientSize]:
    for row in rows:
        advised = {each.client: each for each in together(row)}
        terms = {each.name: each for each in row.terms if each.client is not None}
        for client in row.clients:
            pool = pool_of(client, row.pools.get(client.name, ()))
            yield ClientSize(client=client, row=row, pool=pool, term=terms.get(client.name), advice=advised.get(client.name))  # fmt: skip
