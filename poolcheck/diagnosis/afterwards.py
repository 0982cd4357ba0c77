"""What follows the five steps: migrations, and what to do meanwhile."""

from poolcheck.diagnosis.ground import Ground, variable
from poolcheck.diagnosis.said import Said, fixes, messages, names, pointer
from poolcheck.model.report import Action
from poolcheck.model.severity import Severity
from poolcheck.model.target import on_this_machine
from poolcheck.model.url_readers import migration_tools

LIVE = "PC7"  # rules from here on judge a server that was looked at
TO_POOLER = ("PC101", "PC102")  # their remedy leaves migrations without a direct string, unless it is kept
NAMELESS = {"argument": "this connection string", "stdin": "this connection string"}


def migrations(ground: Ground) -> Said:
    """Whether what runs migrations has a string that no transaction-mode pooler stands before."""
    found = ground.about_migrations()
    if found:
        return Said("do", messages(found), pointer(found), fixes(ground, 6))
    direct = [t for t in ground.ctx.targets if t.role == "migration" and not t.commented]
    if direct:
        endpoint = direct[0].match.endpoint
        where = endpoint.title if endpoint and endpoint.title else direct[0].match.kind
        return Said("done", f"{names(direct)} is there for migrations and goes to {where}.", names(direct))
    moved = [each for each in ground.of_step(1) if each.rule.id in TO_POOLER]
    if moved:
        strings = ", ".join(dict.fromkeys(NAMELESS.get(each.subject, each.subject) for each in moved))
        tools = [tool for target in ground.app for tool in migration_tools(target.package, ground.ctx)]
        return Said(
            "do" if tools else "check",
            f"Step 1 puts a pooler before {strings}: whatever runs migrations keeps the direct string.",
            "keep the direct string for them",
        )
    pooled = [t for t in ground.app if t.match.kind == "pooled"]
    if ground.through or any(t.match.mode != "session" for t in pooled):
        why = "The app's string is pooled: whatever runs migrations needs a direct (or session-mode) one."
        return Said("check", why, "they need a direct string")
    if not ground.app or any(t.match.kind == "unknown" for t in ground.app) or _not_told(ground):
        why = "Where the app's string leads to a transaction-mode pooler, whatever runs migrations needs a direct one."
        return Said("check", why, "behind a pooler they need a direct string")
    how = "pooled in session mode" if pooled else "not pooled"
    return Said("not needed", f"The app's string is {how}: migrations can use it.", f"the string is {how}")


def _not_told(ground: Ground) -> bool:
    """Whether a string leads into a private network, where nothing says what answers."""
    return any(
        t.match.kind == "local"
        and not on_this_machine(t)
        and not all(_placed(ground, each.server) for each in ground.ctx.routes_of(t))
        for t in ground.app
    )


def _placed(ground: Ground, name: str) -> bool:
    server = ground.ctx.map.server(name)
    return server is not None and server.place is not None


def meanwhile(ground: Ground) -> Said:
    """What frees slots now."""
    seen = any(finding.rule.id >= LIVE and finding.severity > Severity.INFO for finding in ground.findings)
    if not seen and ground.app and all(on_this_machine(target) for target in ground.app):
        return Said("not needed", "The server is on this machine.", "the server is on this machine")
    if not seen and not any(finding.severity > Severity.WARNING for finding in ground.findings):
        why = "Nothing is failing by what was read. In an incident: poolcheck live, then poolcheck reap."
        return Said("not needed", why, "nothing is failing by what was read")
    return Said(
        "check",
        "End what leaks (a dry run until --yes)."
        if seen
        else "If slots are gone right now: see who holds them, then end what leaks (a dry run until --yes).",
        "see who holds the slots, end what leaks",
        (
            *(() if seen else (Action("Look", (f'poolcheck live "${variable(ground)}"',)),)),
            Action("Free slots", (f'poolcheck reap "${variable(ground)}" --older-than 10m',)),
        ),
    )
