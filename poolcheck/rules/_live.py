"""What the rules about live servers share: names of groups, the statement to look for, roles as SQL."""

from collections.abc import Sequence
from datetime import datetime

from poolcheck.model.look import Look
from poolcheck.model.snapshot import Backend, Block, Leak, Verb
from poolcheck.text import clean


def group_name(leak: Leak) -> str:
    """The application, or who it logs in as."""
    application, user, _ = leak.group
    name = clean(application, limit=60) or f"user {clean(user, limit=60)}"
    return f"{name} ({leak.driver})" if leak.driver and leak.driver.lower() != name.lower() else name


def code_path(leak: Leak) -> tuple[str, ...]:
    """The last statement of most members, without its literals: what to search the source for."""
    texts = [member.statement for member in leak.members]
    common = max(set(texts), key=texts.count) if texts else ""
    return (clean(common, limit=160),) if common else ()


def role(name: str) -> str:
    """A role's name as SQL."""
    return '"' + clean(name).replace('"', '""') + '"'


def ending(verb: Verb, pids: Sequence[int]) -> tuple[str, ...]:
    """One statement that cancels or terminates these sessions; all names carry their schema."""
    if len(pids) == 1:
        return (f"SELECT pg_catalog.pg_{verb}_backend({pids[0]});",)
    listed = ", ".join(map(str, pids))
    return (
        (f"SELECT pg_catalog.pg_{verb}_backend(pid) FROM pg_catalog.unnest(ARRAY[{listed}]) pid;",)
        if pids
        else ()
    )


def waits_for_standby(block: Block) -> bool:
    """Whether the root has done its work and waits for a synchronous standby to confirm it."""
    return block.backend is not None and block.backend.wait_event == "SyncRep"


LONG_LOGIN = 5.0  # seconds


def starting(look: Look) -> list[Backend]:
    """Sessions that have been logging in for longer than a login takes; PostgreSQL 18 shows them."""
    return [
        each
        for each in look.snapshot.clients
        if each.state == "starting" and look.snapshot.epoch - _began(each) >= LONG_LOGIN
    ]


def _began(each: Backend) -> float:
    """When the session began, in seconds as the snapshot's epoch; far ahead when it is not known."""
    try:
        return datetime.fromisoformat(each.backend_start).timestamp()
    except ValueError:
        return float("inf")
