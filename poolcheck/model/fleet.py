"""What all processes of a project may ask of one server or pooler together: the subject of the 6xx rules."""

from typing import Literal

from poolcheck.model.problem import Location
from poolcheck.record import dataclass

Against = Literal["slots", "pooler clients"]  # what a sum is held against


@dataclass(frozen=True, slots=True)
class Amount:
    """A number, the words it was found in, and where. No location: a default, or an option."""

    number: int
    words: str  # "replicas: 10", "connection_limit=5", "default of node-postgres 8: 10"
    location: Location | None = None
    least: bool = False  # the words say why the real number is not known; it is at least this

    def __str__(self) -> str:
        said = f"{self.words} ({self.location})" if self.location else self.words
        return f"at least {self.number}: {said}" if self.least else said


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One service that opens connections: instances x processes x pool."""

    name: str
    location: Location
    instances: Amount
    workers: Amount
    pool: Amount
    surge: int = 0  # instances that a deploy adds before old ones stop
    pooler: bool = False  # a pooler: its pools are already the sum of its clients

    @property
    def steady(self) -> int:
        """Connections when every pool is full."""
        return self.instances.number * self.workers.number * self.pool.number

    @property
    def deploy(self) -> int:
        """The same while a deploy runs."""
        return (self.instances.number + self.surge) * self.workers.number * self.pool.number

    @property
    def least(self) -> bool:
        """Whether a number is not known, so that the sum is the least that can happen."""
        return self.instances.least or self.workers.least

    @property
    def words(self) -> str:
        """The product: "web 10 x 4 x 5 = 200"; factors of 1 are left out."""
        factors = [self.instances.number, self.workers.number, self.pool.number]
        shown = [factor for factor in factors[:2] if factor != 1] + factors[2:]
        product = " x ".join(map(str, shown))
        return f"{self.name} {product}" + (f" = {self.steady}" if len(shown) > 1 else "")

    @property
    def places(self) -> tuple[str, ...]:
        """Each number that is not 1, with where it is written."""
        amounts = [each for each in (self.instances, self.workers) if each.number != 1 or each.least] + [
            self.pool
        ]
        return tuple(str(amount) for amount in amounts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """Everything that connects to one server, or to one pooler, and how much that takes."""

    name: str  # the host
    location: Location  # where the largest member stands
    members: tuple[Member, ...]
    limit: Amount
    against: Against
    reserved: int = 0  # of the limit, what an ordinary role never gets
    raises: str = ""  # how the pooler's file writes its client limit: "max_client_conn = {}"
    buffer: int = 0  # kept for psql, migrations and monitoring

    @property
    def available(self) -> int:
        """What the members may share."""
        return max(0, self.limit.number - self.reserved)

    @property
    def steady(self) -> int:
        """All pools full."""
        return sum(member.steady for member in self.members)

    @property
    def deploy(self) -> int:
        """All pools full while every member is deployed."""
        return sum(member.deploy for member in self.members)
