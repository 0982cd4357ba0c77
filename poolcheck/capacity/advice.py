"""The pool that each client should have: the model's answer over the rows of the map, or over several numbers of instances."""

from collections.abc import Sequence
from dataclasses import replace

from poolcheck.capacity.asked import Asked, Term
from poolcheck.config.settings import DEFAULTS, SERVER_MAX
from poolcheck.model.amount import Amount, exact
from poolcheck.model.connection_map import Client
from poolcheck.model.sizing import Inputs, Share, Sizing
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
    brief: str = ""  # the words in half a sentence

    @property
    def size(self) -> str:
        """For a line to write: the number, or N."""
        return "N" if self.pool_size is None else str(self.pool_size)


def advise(row: Asked, client: Client, *, short_lived: bool, pooler: bool = False) -> Advice:
    """The pool of one process of a client that leads to this row's server or pooler.

    Where instances come and go behind a transaction-mode pooler, or where the provider has one (`pooler`), the number of instances is under nobody's control, and a
    pool starts at 1; the model is for processes that hold slots themselves, or that share a pooler's clients.
    """
    if (row.shared or pooler) and short_lived:
        words = "Start at 1 connection per instance: the number of instances is not under your control. More only where one instance serves several requests at once."
        return Advice(client=client.name, pool_size=1, words=words, brief="start at 1 per instance")
    limit, assumed = row.limit, ""
    if limit is None and row.shared:
        return Advice(
            client=client.name,
            pool_size=None,
            words=f"How many clients {row.name} takes is not known.",
            brief="the pooler's client limit is not known",
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
        return Advice(client=client.name, pool_size=0, words=words, brief="no pool size fits")
    made = sizing_of(row, client, limit, others)
    size = made.pool_size if made.max_deploy else 0
    if own is not None and not own.deploy.open and own.deploy.most + others <= made.usable and not assumed:
        now = f"{own.deploy.equation} while a deploy runs, of {made.available + others}."
        brief = f"{own.deploy.equation} of {made.available + others}, which fits"
        return Advice(client=client.name, pool_size=size, words=f"At most {made.max_deploy} per process fit; now {now}", sizing=made, brief=brief)  # fmt: skip
    taken = f"With {assumed} (--max N says it): " if assumed else ""
    beside = f" beside {others} of others" if others else ""
    words = f"{taken}{made.procs} x {size} = {made.procs * size} of {made.available} {row.against}{beside}, {made.procs_peak * size} while a deploy runs."
    brief = (
        f"{size} each: {made.procs} x {size} = {made.procs * size} of {made.available}"
        if size
        else "no pool size fits"
    )
    return Advice(client=client.name, pool_size=size, words=words, sizing=made, brief=brief)


def _over_instances(row: Asked, client: Client, limit: Amount, others: int, assumed: str) -> Advice:
    """A row of answers: how many run is for the reader to say."""
    made = [(number, sizing_of(row, client, limit, others, number)) for number in INSTANCES]
    table = tuple((number, each.pool_size if each.max_deploy else 0) for number, each in made)
    of = f" of {assumed or limit.words}"
    shown = ", ".join(str(number) for number, _ in table)
    sizes = ", ".join(str(size) for _, size in table)
    words = f"Instances {shown}: pool {sizes}{of}. --instances N{' and --max N say it' if assumed else ' says it'}."
    brief = f"{shown} instances: pool {sizes} of {limit.most:,}{' by default' if assumed else ''}"
    return Advice(client=client.name, pool_size=None, words=words, table=table, brief=brief)


def sizing_of(row: Asked, client: Client, limit: Amount, others: int, instances: int | None = None) -> Sizing:
    """The model over a row: the limit without what an ordinary role never gets and what everybody else asks for."""
    count = instances or (client.instances.most if client.instances else 1)
    added = client.surge.most if client.surge is not None and instances is None else None

    from poolcheck.capacity import pool_size  # noqa: PLC0415 - only where there is something to advise

    return pool_size.recommend(
        replace(
            _room(row, limit, others),
            instances=max(1, count),
            workers=max(1, client.processes.most),
            surge=DEFAULTS.surge if added is None else str(added),
            threads=_useful(row, client),
        )
    )


def _useful(row: Asked, client: Client) -> int | None:
    """More connections a process cannot use: its pools hold one for each request that it serves at once."""
    if client.threads is None:
        return None
    return max(1, client.threads.most) * max(1, len(row.pools.get(client.name, ())))


def _room(row: Asked, limit: Amount, others: int) -> Inputs:
    """What a row leaves beside `others`, for one instance; one slot at least, so that the model has an answer."""
    reserved = min(row.reserved.most if row.reserved else 0, limit.most - 1)
    others = min(others, max(0, limit.most - reserved - 1))
    buffer = min(row.buffer, max(0, limit.most - reserved - others - 1))
    return Inputs(max_connections=limit.most, instances=1, reserved=reserved, others=others, buffer=buffer)


def together(row: Asked) -> tuple[Advice, ...]:
    """The pool of each client of a row, so that all of them fit at once: who can keep its pool keeps it.

    Where the sum does not fit, the client that asks for most gives way (`fitting`), and where that is not enough all of them
    do; a client whose pool nobody knows is given one. A client whose instances nobody tells has a row of answers. None has
    an answer where nobody tells the limit.
    """
    if row.limit is None:
        return ()
    if len(row.clients) == 1:
        return (_within(row, row.clients[0]),)
    limit = _least(row.limit)
    new = [each.client for each in row.terms if each.client and each.pool and each.pool.open]
    if row.capacity is not None and row.deploy.most > row.capacity:
        client = largest(row).client
        new += [client] if client is not None and client not in new else []
    divided = _divided(row, new, limit)
    if not all(size for size, _ in divided.values()):
        holding = [
            each.client for each in row.terms if each.client and each.pool and each.pool.most
        ]  # not over HTTP
        divided = _divided(row, holding, limit)
    made = []
    for client in row.clients:
        if client.instances is None:
            made.append(_within(row, client))
        elif client.name in divided:
            size, sizing = divided[client.name]
            made.append(
                Advice(client=client.name, pool_size=size, words="" if size else row.way_out, sizing=sizing)
            )
        else:
            made.append(_kept(row, client, limit))
    return tuple(made)


def _within(row: Asked, client: Client) -> Advice:
    """The model's answer for a client, within the least that the limit may be."""
    least = replace(row, limit=_least(row.limit)) if row.limit is not None else row
    return advise(least, client, short_lived=client.package.runtime.short_lived)


def _kept(row: Asked, client: Client, limit: Amount) -> Advice:
    own = next(each for each in row.terms if each.name == client.name)
    sizing = sizing_of(row, client, limit, row.deploy.most - own.deploy.most)
    size = own.pool.most if own.pool is not None else None
    return Advice(
        client=client.name,
        pool_size=size,
        words="",
        sizing=sizing,
    )


def _divided(row: Asked, clients: Sequence[Client], limit: Amount) -> dict[str, tuple[int, Sizing]]:
    """The pools of these clients beside the others, which keep theirs: by name, 0 where not even one connection each fits."""
    names = {each.name for each in clients}
    others = sum(each.deploy.most for each in row.terms if each.name not in names)
    if others >= max(1, (row.capacity or 0)):
        return {each.name: (0, sizing_of(row, each, limit, others)) for each in clients}
    if len(clients) == 1:
        made = sizing_of(row, clients[0], limit, others)
        return {clients[0].name: (made.pool_size if made.max_deploy else 0, made)}
    services = tuple(_service(row, each) for each in clients)
    if not services:
        return {}
    from poolcheck.capacity import pool_size  # noqa: PLC0415 - as above

    made = pool_size.share(_room(row, limit, others), services)
    return {each.service: (each.pool_size if made.max_deploy else 0, made) for each in made.shares}


def _service(row: Asked, client: Client) -> Share:
    count, added = (each.most if each is not None else 0 for each in (client.instances, client.surge))
    workers = max(1, client.processes.most)
    return Share(
        service=client.name, instances=max(1, count), workers=workers, peak=max(1, count + added) * workers,
        most=_useful(row, client), pool_size=0,
    )  # fmt: skip


def _least(limit: Amount) -> Amount:
    """A limit by what it is at least: of a provider whose plan nobody tells, the smallest one's."""
    return limit if limit.low == limit.high else exact(limit.low, limit.words, limit.where, limit.how)


def largest(row: Asked) -> Term:
    """Who takes most and is no pooler: it gives way first."""
    own = [each for each in row.terms if not each.pooler] or list(row.terms)
    return max(own, key=lambda each: each.deploy.most)


def fitting(row: Asked) -> tuple[Term, int, int]:
    """The client that takes most, its pool among those that fit together, and the most that fits beside the others' pools.

    0 and 0 where no pool size fits.
    """
    term = largest(row)
    if term.client is None or row.capacity is None or row.limit is None:
        return term, 0, 0
    sizes = {each.client: each.pool_size for each in together(row)}
    size = sizes.get(term.name) or 0
    others = sum(_with(each, sizes.get(each.name)) for each in row.terms if each is not term)
    if not size or others >= row.capacity:
        return term, 0, 0
    return term, size, max(size, sizing_of(row, term.client, row.limit, others).max_deploy)


def _with(term: Term, size: int | None) -> int:
    """What a client asks for while a deploy runs, with a pool of this size in each process."""
    if term.client is None or term.client.instances is None or size is None:
        return term.deploy.most
    most = term.client.instances.most + (term.client.surge.most if term.client.surge is not None else 0)
    return most * term.client.processes.most * size
