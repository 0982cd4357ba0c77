"""What `map` does, as a function; with --live, what the server says beside what the files say."""

import os
from collections.abc import Sequence
from dataclasses import replace

from poolcheck.capacity.asked import rows
from poolcheck.capacity.measured import reached
from poolcheck.capacity.sighting import sighted
from poolcheck.config.file import Settings
from poolcheck.diagnosis import told_tables
from poolcheck.errors import ExitCode, NothingToCheck
from poolcheck.live.project_server import NOT_ASKED, Looked, look, with_server
from poolcheck.model.connection_map import Map
from poolcheck.model.report import Report, Section, Skipped
from poolcheck.project import arguments, assumptions, collect

ASKED = ("max_connections", "server_limits", "instances", "pool")  # options that ask for the sums


def map_of(
    what: Sequence[str], settings: Settings, *, live: bool = False, bouncer: str | None = None
) -> Report:
    """The map of a project.

    It shows and does not judge: exit code 0, also where something does not fit. 2 where sums were asked for by an
    option and one cannot be made, or the server could not be looked at; 1 where it refused because it is full.

    Args:
        what: a folder, an env file, or connection strings.
        settings: options over the config.
        live: look at the server too.
        bouncer: with `live`, a pooler's console.

    Raises:
        PoolcheckError: bad config, bad input, or nothing that connects anywhere.
    """
    first = next((each for each in what if each != "-" and not arguments.is_url(each)), ".")
    config = settings.over(first if os.path.exists(first) else ".")
    found = collect.collect(what, config)
    context = assumptions.context(found, config)
    if not context.map.clients and not context.map.poolers:
        raise NothingToCheck(
            f"nothing that connects to PostgreSQL was found in {', '.join(what)}",
            "Name the folder of the project, or an env file: poolcheck map apps/api",
        )
    told_tables.check_whole(what, config, context.map)
    looked = NOT_ASKED
    if live:
        looked = look(what=what, env_files=(), variables=(), bouncer=bouncer, settings=settings, found=found)
        context = with_server(context, looked.server)
    map_, skipped = _seen(context.map, looked)
    sections: list[Section] = [map_]
    if looked.report is not None and looked.server is None:
        sections += looked.report.sections  # the refusal, and what can still be done
    code = None
    if looked.trouble is not None:
        code = ExitCode.FAILED
    elif not looked.findings or looked.server is not None:
        short = any(settings.given.get(name) for name in ASKED) and any(
            row.verdict == "cannot say" for row in rows(map_)
        )
        code = ExitCode.FAILED if short else ExitCode.OK
    return Report(
        command="map", sections=tuple(sections), questions=map_.questions, packages=found.packages, files=found.files,
        skipped=(*found.skipped, *looked.skipped, *skipped), exit_code=code,
        findings=looked.findings if looked.server is None else (),
        notes=(*found.notes, *(looked.report.notes if looked.report else ())),
    )  # fmt: skip


def _seen(map_: Map, looked: Looked) -> tuple[Map, tuple[Skipped, ...]]:
    """The map with what the look saw; what keeps it from being laid beside the files."""
    if looked.server is None:
        return map_, ()
    servers = reached(map_, looked.server.hosts)
    if not servers:
        why = f"it is none of the map's: nothing leads to {', '.join(sorted(looked.server.hosts))}"
        return map_, (
            Skipped("the server that was looked at", why, "hosts of a [server.NAME] say which it is."),
        )
    seen = sighted(map_, servers, looked.server.snapshot, looked.server.console)
    return replace(map_, seen=tuple(seen)), ()
