"""The map in text and JSON: clients, poolers, servers, with what is asked of each and whether it fits."""

from collections.abc import Iterator, Mapping
from typing import Any

from poolcheck.capacity.asked import Asked, rows
from poolcheck.model.amount import Amount, plus
from poolcheck.model.connection_map import Client, Map, Pooler, Question, Server
from poolcheck.model.problem import Location
from poolcheck.model.verdict import Fit
from poolcheck.output._map_tree import Branch, tree
from poolcheck.output.paint import Paint
from poolcheck.text import clean, plural, width

STYLE: dict[Fit, str] = {"fits": "ok", "does not fit": "error", "cannot say": "check"}
SIGN: dict[Fit, str] = {"fits": "done", "does not fit": "error", "cannot say": "check"}


def record(section: Map) -> dict[str, Any]:
    """Under `map`: every part of it, sums and verdicts beside each server and pooler."""
    by_name = {(type(row.of), row.name): row for row in rows(section)}
    routes: dict[str, list[str]] = {}
    for route in section.routes:
        routes.setdefault(route.client, []).append(route.id)
    return {
        "map": {
            "clients": [_client(each, routes.get(each.name, [])) for each in section.clients],
            "poolers": [_pooler(each, by_name.get((Pooler, each.name))) for each in section.poolers],
            "servers": [_server(each, by_name) for each in section.servers],
            "routes": [
                {
                    "id": each.id, "variable": clean(each.variable), "role": each.role, "client": clean(each.client),
                    "pooler": clean(each.pooler) or None, "server": clean(each.server) or None, "place": place(each.place),
                }
                for each in section.routes
            ],
            "seen": [
                {"kind": each.kind, "of": clean(each.of), "at": clean(each.at), "number": each.number, "how": clean(each.how)}
                for each in section.seen
            ],
        }
    }  # fmt: skip


def question(each: Question) -> dict[str, Any]:
    """One question as plain data."""
    return {
        "of": clean(each.of), "server": clean(each.server), "what": each.what, "tell": clean(each.tell),
        "why": clean(each.why), "where": place(each.where),
    }  # fmt: skip


def amount(each: Amount | None) -> dict[str, Any] | None:
    """An amount as plain data; a sum or product with its terms."""
    if each is None:
        return None
    made: dict[str, Any] = {
        "low": each.low,
        "high": each.high,
        "how": each.how,
        "words": clean(each.words or each.equation),
        "where": place(each.where),
    }
    if each.terms:
        made["sign"] = each.sign
        made["terms"] = [amount(term) for term in each.terms]
    return made


def place(at: Location | None) -> dict[str, Any]:
    """A place as plain data; {} for none."""
    if at is None or not at.path:
        return {}
    return {"path": clean(at.path)} | ({"line": at.line} if at.line else {})


def _client(each: Client, routes: list[str]) -> dict[str, Any]:
    return {
        "name": clean(each.name), "place": place(each.place), "package": clean(each.package.path), "runtime": each.runtime,
        "instances": amount(each.instances), "surge": amount(each.surge), "processes": amount(each.processes),
        "threads": amount(each.threads), "once": each.once, "deployed": each.deployed,
        "pools": [
            {
                "driver": pool.driver, "title": clean(pool.title), "size": amount(pool.size), "place": place(pool.place),
                "variable": clean(pool.variable),
            }
            for pool in each.pools
        ],
        "routes": routes,
    }  # fmt: skip


def _pooler(each: Pooler, row: Asked | None) -> dict[str, Any]:
    known = [opening.most for opening in each.opens if opening.most is not None]
    return {
        "name": clean(each.name), "place": place(each.place), "software": each.software, "mode": each.mode,
        "addresses": [clean(address) for address in each.addresses], "replicas": amount(each.replicas),
        "max_clients": amount(each.max_clients), "server_connections": amount(plus(*known)) if known and len(known) == len(each.opens) else None,
        "server": clean(each.opens[0].server) if each.opens else None,
        "opens": [{"server": clean(one.server), "most": amount(one.most)} for one in each.opens],
        "evidence": clean(each.evidence), "asked": _asked(row), "verdict": row.verdict if row else None,
    }  # fmt: skip


def _server(each: Server, by_name: Mapping[tuple[type, str], Asked]) -> dict[str, Any]:
    row = by_name.get((Server, each.name))
    parts = [(one, by_name.get((Server, one.title(each.name)))) for one in each.caps]
    return {
        "name": clean(each.name), "place": place(each.place), "addresses": [clean(address) for address in each.addresses],
        "provider": each.provider or None, "plan": each.plan or None, "max_connections": amount(each.max_connections),
        "reserved": amount(each.reserved), "asked": _asked(row), "verdict": row.verdict if row else None,
        "limits": [
            {"kind": one.kind, "of": clean(one.of), "most": amount(one.most), "asked": _asked(part), "verdict": part.verdict if part else None}
            for one, part in parts
        ],
    }  # fmt: skip


def _asked(row: Asked | None) -> dict[str, Any]:
    if row is None:
        return {}
    return {
        "steady": amount(row.steady), "deploy": amount(row.deploy), "usable": row.capacity,
        "not_counted": [clean(name) for name in row.uncounted], "once": [clean(name) for name in row.once],
    }  # fmt: skip


def text(section: Map, paint: Paint) -> Iterator[str]:
    """Servers, below them their poolers and clients; each number with its place, each question below what it is about."""
    made = tree(section)
    if paint.flows and not paint.look.plain:  # a page: the heading of its picture
        yield paint.heading(counted(section))
    for number, root in enumerate(made.roots):
        if number:
            yield ""
        yield from _Branches(paint).node(root)
    if made.aside or made.questions:
        yield ""
    for each in made.aside:
        yield from paint.wrap(f"Not summed: {each}.", indent=2)
    for asked in made.questions:
        yield from _Branches(paint).question(asked, "")


def counted(section: Map) -> str:
    """`5 clients, 1 pooler, 1 server`."""
    parts = (("client", section.clients), ("pooler", section.poolers), ("server", section.servers))
    return ", ".join(plural(len(many), one) for one, many in parts if many)


class _Branches:
    """The lines of a tree: drawn where lines have an end, else in words that say what each stands below."""

    def __init__(self, paint: Paint) -> None:
        self.paint = paint
        self.fork, self.end, self.trunk = (
            ("├─ ", "└─ ", "│  ") if paint.look.unicode else ("|- ", "`- ", "|  ")
        )

    def node(self, node: Branch, lead: str = "", rest: str = "", through: str = "") -> Iterator[str]:
        """A node and what is below it; `lead` stands before its own line, `rest` before those under it."""
        name = f"{node.name}{f' through {through}' if through and self.paint.flows else ''}"
        verdict = self.paint.marked(SIGN[node.verdict], node.verdict) if node.verdict else ""
        under = rest + (self.trunk if node.below else "   ")
        head = f"{name}: {f'{verdict}. ' if verdict else ''}{node.sums[:1].upper() if verdict else node.sums[:1]}{node.sums[1:]}"
        places = "; ".join(node.places)
        beside = not self.paint.flows and width(clean(f"{lead}{head}  {places}")) <= self.paint.width
        for number, line in enumerate(self.lines(head, lead, under)):
            shown = line.replace(name, self.paint.style(name, "bold"), 1) if number == 0 else line
            if node.verdict:
                shown = shown.replace(verdict, self.paint.style(verdict, STYLE[node.verdict]), 1)
            yield shown + (self.paint.style(f"  {clean(places)}", "dim") if beside and places else "")
        if places and not beside:
            yield from self.lines(places, under, under, "dim")
        for asked in node.questions:
            yield from self.question(asked, under)
        behind = node.name if node.kind == "pooler" else ""
        for number, each in enumerate(node.below, 1):
            last = number == len(node.below)
            leads = (self.end, "   ") if last else (self.fork, self.trunk)
            yield from self.node(each, rest + leads[0], rest + leads[1], behind)

    def question(self, asked: Question, lead: str) -> Iterator[str]:
        """What nobody tells, and the option that would."""
        where = f" ({asked.where})" if asked.where else ""
        sign = self.paint.symbol("check") + " "
        text = f"{sign}{asked.why or f'the {asked.what} is not known'}{where}: {asked.tell}"
        yield from self.lines(text, lead, lead + " " * len(sign), "check")

    def lines(self, text: str, lead: str, rest: str, *roles: str) -> Iterator[str]:
        """A paragraph on its branch; the branch itself has no colour."""
        if self.paint.flows:
            if roles:
                yield from self.paint.wrap(text, indent=len(rest) + 3)
            else:
                yield " " * len(rest) + clean(text)
            return
        for number, line in enumerate(self.paint.wrap(text, indent=len(rest), first=lead)):
            body = line[len(rest) :] if number or not lead else line[len(lead) :]
            yield (rest if number else lead) + self.paint.style(body, *roles)
