"""The pool that each client should have: the model's answer over the rows of the map, or over several numbers of instances."""

from poolcheck.capacity.asked import Asked, Term
from poolcheck.capacity.pool_size import recommend
from poolcheck.config.settings import DEFAULTS, SERVER_MAX
from poolcheck.model.amount import Amount, exact
from poolcheck.model.connection_map import Client, Server
from poolcheck.model.sizing import Inputs, Sizing
from poolcheck.record import dataclass

INSTANCES = (2, 5, 10, 20)  # shown where nobody tells how many run


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What one process of a client may have, and what that rests on."""

    client: str
    pool_size: int | None  # connections of one process; None: it depends on what nobody tells
    words: str  # one or two sentences, "" when there is nothing to say
    sizing: Sizing | None = None  # where every number is known
    table: tuple[tuple[int, int], ...] = ()  # (instances, pool) where the instances are not known
    assumed: str = ""  # what was taken for a limit that nobody told

    @property
    def size(self) -> str:
        """For a line to write: the number, or N."""
        return "N" if self.pool_size is None else str(self.pool_size)


def advise(row: Asked, client: Client, *, short_lived: bool, pooler: bool = False) -> Advice:
    """The pool of one process of a client that leads to this row's server or pooler.

    Where instances come and go behind a transaction-mode pooler, or where the provider has one (`pooler`), the number of instances is under nobody's control, and a
    pool starts at 1; the model is for processes that hold slots themselves, or that share a pooler's clients.
    """
    shared = row.against == "pooler clients" and getattr(row.of, "mode", None) != "session"
    if (shared or pooler) and short_lived:
        words = "Start at 1 connection per instance: the number of instances is not under your control. More only where one instance serves several requests at once."
        return Advice(client=client.name, pool_size=1, words=words)
    limit, assumed = row.limit, ""
    if limit is None and shared:
        return Advice(
            client=client.name, pool_size=None, words=f"How many clients {row.name} takes is not known."
        )
    if limit is None:
        assumed = f"max_connections {SERVER_MAX}, PostgreSQL's default"
        limit = exact(SERVER_MAX, assumed, None, "default")
    if limit.low != limit.high:
        limit = exact(
            limit.low, f"{limit.low} {row.against}, what the smallest plan gives", None, "catalogue"
        )
    own = next((each for each in row.terms if each.name == client.name), None)
    others = sum(each.deploy.most for each in row.terms if each.name != client.name)
    if client.instances is None:
        return _over_instances(row, client, limit, others, assumed)
    if row.capacity is not None and others >= row.capacity:
        words = f"What the others ask for ({others} of {row.capacity}) leaves nothing for {client.name}."
        return Advice(client=client.name, pool_size=0, words=words)
    made = sizing_of(row, client, limit, others)
    size = made.pool_size if made.max_deploy else 0
    if own is not None and own.pool is not None and own.deploy.most + others <= made.usable and not assumed:
        now = f"{own.deploy.equation} while a deploy runs, of {made.available + others}."
        return Advice(client=client.name, pool_size=size, words=f"At most {made.max_deploy} per process fit; now {now}", sizing=made)  # fmt: skip
    taken = f"With {assumed} (--max N says it): " if assumed else ""
    beside = f" beside {others} of others" if others else ""
    words = f"{taken}{made.procs} x {size} = {made.procs * size} of {made.available} {row.against}{beside}, {made.procs_peak * size} while a deploy runs."
    return Advice(client=client.name, pool_size=size, words=words, sizing=made, assumed=assumed)


def _over_instances(row: Asked, client: Client, limit: Amount, others: int, assumed: str) -> Advice:
    """A row of answers: how many run is for the reader to say."""
    table = tuple((number, sizing_of(row, client, limit, others, number).pool_size) for number in INSTANCES)
    of = f" of {assumed or limit.words}"
    shown = ", ".join(str(number) for number, _ in table)
    sizes = ", ".join(str(size) for _, size in table)
    words = f"Instances {shown}: pool {sizes}{of}. --instances N{' and --max N say it' if assumed else ' says it'}."
    return Advice(client=client.name, pool_size=None, words=words, table=table, assumed=assumed)


def sizing_of(row: Asked, client: Client, limit: Amount, others: int, instances: int | None = None) -> Sizing:
    """The model over a row: the limit without what an ordinary role never gets and what everybody else asks for."""
    reserved = min(row.reserved.most if row.reserved else 0, limit.most - 1)
    others = min(others, max(0, limit.most - reserved - 1))
    count = instances or (client.instances.most if client.instances else 1)
    added = client.surge.most if client.surge is not None and instances is None else None
    return recommend(
        Inputs(
            max_connections=limit.most,
            instances=max(1, count),
            reserved=reserved,
            others=others,
            buffer=min(row.buffer, max(0, limit.most - reserved - others - 1)),
            workers=max(1, client.processes.most),
            surge=DEFAULTS.surge if added is None else str(added),
        )
    )


def fitting(row: Asked) -> tuple[Term, int, int]:
    """The client that takes most and is no pooler, the pool that the model gives it beside the others, and the most that fits."""
    own = [each for each in row.terms if not each.pooler] or list(row.terms)
    largest = max(own, key=lambda each: each.deploy.most)
    others = row.deploy.most - largest.deploy.most
    if largest.client is None or row.capacity is None or row.limit is None or row.capacity - others < 1:
        return largest, 0, 0
    made = sizing_of(row, largest.client, row.limit, others)
    return largest, made.pool_size if made.max_deploy else 0, made.max_deploy


def is_server(row: Asked) -> bool:
    """Whether a row is a server's."""
    return isinstance(row.of, Server)
