"""The pools of a project's clients in text and JSON: now, advised, and the sums, each number with its place."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from poolcheck.capacity.asked import Asked
from poolcheck.capacity.client_sizes import ClientSize, ClientSizes
from poolcheck.model.connection_map import Question
from poolcheck.output.paint import Paint
from poolcheck.output.sections import sizing
from poolcheck.output.sections.map import SIGN, STYLE, amount, place
from poolcheck.text import clean


def record(section: ClientSizes) -> dict[str, Any]:
    """Under `clients` each client at each server, under `sums` each server; `sizing` is that of the client that asks for most."""
    found: dict[str, Any] = {}
    if section.sizing is not None:
        found |= sizing.record(section.sizing)
    return found | {
        "clients": [_client(each) for each in section.clients],
        "sums": [_sum(row) for row in section.rows],
    }


def _client(each: ClientSize) -> dict[str, Any]:
    table = each.advice.table if each.advice else ()
    return {
        "client": clean(each.client.name), "place": place(each.client.place), "server": clean(each.row.name), "against": each.row.against,
        "instances": amount(each.client.instances), "surge": amount(each.client.surge), "processes": amount(each.client.processes),
        "pool": amount(each.pool), "advised": each.advised,
        "advised_by_instances": [{"instances": number, "pool": pool} for number, pool in table],
        "steady": amount(each.term.steady if each.term else None), "deploy": amount(each.term.deploy if each.term else None),
        "deploy_advised": amount(each.sum_advised), "verdict": each.row.verdict,
        "lines": [asdict(one) for one in each.lines],
    }  # fmt: skip


def _sum(row: Asked) -> dict[str, Any]:
    return {
        "name": clean(row.name), "against": row.against, "limit": amount(row.limit), "reserved": amount(row.reserved),
        "usable": row.capacity, "steady": amount(row.steady), "deploy": amount(row.deploy), "verdict": row.verdict,
        "not_counted": [clean(name) for name in row.uncounted], "once": [clean(name) for name in row.once],
    }  # fmt: skip


def text(section: ClientSizes, paint: Paint) -> Iterator[str]:
    """A block for each server and pooler: the sum, the limit, the clients, and what nobody tells."""
    for number, row in enumerate(section.rows):
        if number:
            yield ""
        symbol = paint.style(paint.symbol(SIGN[row.verdict]), STYLE[row.verdict])
        yield from paint.wrap(headline(row), indent=2, first=symbol + " ")
        if paint.look.verbosity >= 0:
            if row.limit is not None:
                yield from paint.wrap(limit(row), indent=4, first="  ")
            yield from _poolers(row, paint)
        for each in section.of(row):
            yield from _shown(each, paint)
        if paint.look.verbosity >= 0:
            yield from _questions(row.questions, paint)
    if section.loose and paint.look.verbosity >= 0:
        yield ""
        yield from _questions(section.loose, paint)


def headline(row: Asked) -> str:
    """Whether everybody fits, with the two numbers."""
    what = "slots" if row.against == "slots" else "clients"
    steady = f", {row.steady.most:,} else" if row.steady.most != row.deploy.most else ""
    least = "at least " if row.least else ""
    if row.verdict != "cannot say":
        said = f"{row.name} {row.verdict}: {least}{row.deploy.most:,} of {row.capacity:,} {what} while a deploy runs{steady}"
    else:
        known = f"{least}{row.deploy.most:,} while a deploy runs{steady}; " if row.terms else ""
        there = (
            f"{row.capacity:,} {what}"
            if row.capacity is not None
            else f"how many {what} there are is not known"
        )
        said = f"{row.name}, cannot say: {known}{there}"
    left = f"; not counted: {', '.join(row.uncounted)}" if row.uncounted else ""
    once = f"; runs once, or for people: {', '.join(row.once)}" if row.once else ""
    return said + left + once


def limit(row: Asked) -> str:
    """Where the slots come from: `97 = max_connections 100, poolcheck.toml - 3 reserved; 5 of them are kept free`."""
    least = "at least " if row.limit is not None and row.limit.low != row.limit.high else ""
    reserved = (
        f" - {', '.join(row.reserved.places) or row.reserved.words}"
        if row.reserved and row.reserved.most
        else ""
    )
    kept = f"; the advice keeps {row.buffer} free" if row.buffer else ""
    return f"{least}{row.capacity:,} = {row.limit_words}{reserved}{kept}"


def _poolers(row: Asked, paint: Paint) -> Iterator[str]:
    for each in row.terms:
        if each.pooler:
            yield from paint.wrap(f"{each.name} opens {each.deploy.equation}: {', '.join(each.deploy.places)}", indent=4, first="  ")  # fmt: skip


def _shown(each: ClientSize, paint: Paint) -> Iterator[str]:
    now = f"pool now {'at least ' if each.pool.open else ''}{each.pool.most}"
    advised = "" if each.advised is None else f", advised {each.advised}"
    if each.kept:
        advised = ", and so advised"
    yield from paint.wrap(f"{each.client.name}: {now}{advised}", indent=4, first="  ")
    if paint.look.verbosity < 0:
        return
    if each.term is not None:
        yield from paint.wrap(f"at deploy {each.term.deploy.equation}", indent=6, first="    ")
    new = each.sum_advised
    if new is not None and not each.kept:
        yield from paint.wrap(f"with {each.advised}: {new.equation}", indent=6, first="    ")
    if each.advised == 0 and not each.kept:
        yield from paint.wrap(
            f"not even one connection each fits: {each.row.way_out}", indent=6, first="    "
        )
    if each.advice is not None and each.advice.table:
        numbers, pools = (", ".join(map(str, column)) for column in zip(*each.advice.table, strict=True))
        yield from paint.wrap(f"instances {numbers}: pool {pools}", indent=6, first="    ")
    places = (*each.processes_places, *each.pool.places)
    if places:
        yield from paint.wrap("; ".join(places), indent=6, first="    ")
    for one in each.lines:
        yield from paint.wrap(f"Write, for {one.title}:", indent=6, first=f"    {paint.symbol('do')} ")
        yield from paint.code((one.code,), indent=6)


def _questions(questions: tuple[Question, ...], paint: Paint) -> Iterator[str]:
    for each in questions:
        yield from paint.wrap(
            f"{each.words}. Tell it: {each.tell}", indent=4, first=f"  {paint.symbol('check')} "
        )
