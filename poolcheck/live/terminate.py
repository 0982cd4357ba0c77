"""End one session, and only the one that was judged."""

import re

from poolcheck.live import sql
from poolcheck.live.postgres import Link, Lost, StatementFailed
from poolcheck.model.snapshot import Backend
from poolcheck.record import dataclass

_TIME = re.compile(r"\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
PATIENCE = 4.0  # seconds: the server itself waits for 2 until the session has ended
_STATES = ("idle", "idle in transaction", "idle in transaction (aborted)")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one session."""

    backend: Backend
    ended: bool
    why: str = ""  # why not


def nameable(backend: Backend) -> bool:
    """Whether the session was seen well enough: idle or without a client, with its start and its last change of state."""
    times = (backend.backend_start, backend.state_change)
    fits = backend.state in _STATES or (backend.client_gone and backend.state == "active")
    return fits and all(_TIME.fullmatch(time) for time in times)


def statement(backend: Backend, major: int) -> str:
    """The exact statement for one session.

    Raises:
        ValueError: the session was not seen well enough to be named: hidden, or in no idle state.
    """
    if not nameable(backend):
        raise ValueError(f"pid {backend.pid} cannot be named for certain")
    text = sql.load("terminate", major)
    for name, value in (
        ("pid", str(int(backend.pid))),
        ("backend_start", backend.backend_start),
        ("state_change", backend.state_change),
        ("state", backend.state),
    ):
        text = text.replace("{" + name + "}", value)
    return text


def terminate(link: Link, backend: Backend, major: int) -> Outcome:
    """End the session if it is still the one that was judged.

    Raises:
        Lost: the connection ended.
    """
    try:
        _, rows = link.ask(statement(backend, major), seconds=PATIENCE + 2, statement=PATIENCE)
    except StatementFailed as error:
        return Outcome(backend, ended=False, why=_reason(error))
    if not rows:
        return Outcome(backend, ended=False, why="it has been used or has ended since: left alone")
    if rows[0]["ended"] != "t":
        return Outcome(backend, ended=False, why="the signal was sent, and it had not ended 2 s later")
    return Outcome(backend, ended=True)


def _reason(error: StatementFailed) -> str:
    if error.sqlstate == "42501":
        return (
            "this role may not end it: it takes the same role, a member of it, pg_signal_backend,"
            " or the provider's admin role"
        )
    return error.text


__all__ = ["Lost", "Outcome", "statement", "terminate"]
