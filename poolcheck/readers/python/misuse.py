"""What Python sends to a pool that belongs on one connection, and what it asks of a pool while it holds one of it."""

import re
from collections.abc import Iterable, Iterator

from tree_sitter import Node

from poolcheck.model.facts import Maker
from poolcheck.model.source import Mark, Misuse, Site
from poolcheck.readers import session_state
from poolcheck.readers.python.literals import string
from poolcheck.readers.python.scope import name_of
from poolcheck.readers.python.tree import Module, arguments, bare, called, dotted, keywords, verb
from poolcheck.readers.syntax import field, text

SENDS = frozenset(
    "execute executemany fetch fetchval fetchrow exec_driver_sql text mogrify execute_raw query_raw fetch_all fetch_one "
    "fetch_val execute_many".split()
)
_QUERIES = SENDS - {"text", "mogrify", "exec_driver_sql"}
_HOLDS = frozenset({"acquire", "connection", "connect", "begin"})  # what a `with` holds a connection by
_TAKES = _HOLDS | {"getconn", "fetch", "fetchval", "fetchrow", "execute", "executemany"}
_POOL_NAME = re.compile(r"(?:^|\.)_?(?:\w*_)?(?:db)?pool$", re.IGNORECASE)
_SESSIONS = re.compile(
    r"^(?:\w*SessionLocal|\w*_?session_?maker|\w*_?session_factory|async_session)$", re.IGNORECASE
)
_OTHER = re.compile(
    r"(?i)^(?:aiomysql|aioredis|redis|aioodbc|aiosqlite|sqlite3|multiprocessing|concurrent)\b"
)


class Pools:
    """The pools of one file, by their names."""

    def __init__(self, module: Module, sites: Iterable[Site]) -> None:
        self.module = module
        self.sites = tuple(sites)
        self._made = {
            site.name: site.made
            for site in self.sites
            if site.name and site.made.makes != "connection" and site.made.wire != "http"
        }
        names = set(module.names.values())
        self._own = any(name.startswith(("asyncpg", "psycopg")) for name in names) and not any(
            _OTHER.match(name) for name in names
        )

    def of(self, words: str) -> Maker | None:
        """What made the pool of that name; None when it was not made in this file."""
        return self._made.get(words)

    def named(self, words: str) -> bool:
        """Whether a name says that it is a pool, in a file that speaks PostgreSQL."""
        return self._own and _POOL_NAME.search(words) is not None

    def marks(self) -> Iterator[Mark]:
        """What of the file is a pool, for those who import it."""
        for site in self.sites:
            if site.made.makes != "connection" and site.made.wire != "http":
                yield Mark(site.kind, site.line, site.column, site.name)


def misuses(module: Module, calls: list[Node], pools: Pools) -> Iterator[Misuse]:
    """Each statement that needs one connection and is sent to a pool; each second connection inside a `with`."""
    yield from _sent(module, calls, pools)
    for item in module.with_items:
        yield from _inside(module, calls, pools, item)


def _sent(module: Module, calls: list[Node], pools: Pools) -> Iterator[Misuse]:
    locked: set[str] = set()
    for call in calls:
        owner = dotted(called(call)).rpartition(".")[0]
        if verb(call) not in _QUERIES or not owner:
            continue
        made, imported = pools.of(owner), module.own.get(owner.partition(".")[0])
        if made is None and imported is None and not pools.named(owner):
            continue
        written = string(next(iter(arguments(call)), None))
        statement = "x".join(written.texts) if written is not None else ""
        said = session_state.needs_one_connection(statement)
        if not said or ("unlock" in statement.lower() and owner in locked):
            continue
        if said == "lock":
            locked.add(owner)
        function = module.function(call)
        yield Misuse(
            kind="begin" if said == "begin" else "local" if said == "local" else "state",
            line=module.line(call),
            column=module.column(call),
            on=owner,
            text=session_state.beginning(statement),
            detail=said,
            within=name_of(function) if function is not None else "",
            transaction=made.transaction if made is not None else "",
            module=imported[0] if made is None and imported is not None else "",
            exported=imported[1] if made is None and imported is not None else "",
            known=made is not None,
            named=pools.named(owner),
        )


def _inside(module: Module, calls: list[Node], pools: Pools, item: Node) -> Iterator[Misuse]:
    value = bare(field(item, "value"))
    held = ""
    if value is not None and value.type == "as_pattern":
        held = text(value.named_children[-1])
        value = bare(value.named_children[0])
    statement = module.parent(item)
    if value is None or value.type != "call" or statement is None:
        return
    words = dotted(called(value))
    owner, _, opened = words.rpartition(".")
    session = bool(_SESSIONS.match(words))
    made = pools.of(owner)
    if not session and not _opens(owner, opened, made, pools):
        return
    owner = words if session else owner
    function = module.function(value)
    for call in module.inside(calls, statement):
        if call.start_byte < value.end_byte or module.function(call) != function:
            continue
        if _another(call, owner, held, session=session, opened=opened, made=made):
            yield Misuse(
                kind="inside",
                line=module.line(call),
                column=module.column(call),
                on=owner,
                text=held or "the connection that is held",
                detail=str(module.line(value)),
                within=name_of(function) if function is not None else "",
                known=made is not None or session,
                named=True,
            )


def _opens(owner: str, opened: str, made: Maker | None, pools: Pools) -> bool:
    if made is not None and opened == made.transaction and opened:
        return True
    engine = owner.rpartition(".")[2].endswith("engine")
    return opened in _HOLDS and (
        made is not None or pools.named(owner) or (engine and opened in ("begin", "connect"))
    )


def _another(call: Node, owner: str, held: str, *, session: bool, opened: str, made: Maker | None) -> bool:
    """Whether a call takes another connection of the same pool."""
    words = dotted(called(call))
    if session:
        return words == owner
    given = [*arguments(call), *(value for _, value in keywords(call))]
    if held and any(dotted(each) == held for each in given):
        return False
    if made is not None and opened == made.transaction and opened:
        return words.startswith(f"{owner}.")
    mine, _, asked = words.rpartition(".")
    if mine == owner and asked in _TAKES:
        return True
    return owner.endswith("engine") and any(dotted(each) == owner for each in given)
