"""The look at the server behind a project, for `gate` and `map`: what goes wrong is told, and is no error."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from poolcheck.capacity.measured import measured
from poolcheck.config.settings import Configured
from poolcheck.errors import ExitCode, PoolcheckError
from poolcheck.model.context import Context
from poolcheck.model.finding import Finding
from poolcheck.model.look import Look, NoEntry, PoolerLook
from poolcheck.model.report import Report, Skipped
from poolcheck.model.snapshot import BouncerSnapshot, LiveServer, Snapshot
from poolcheck.project import arguments
from poolcheck.project.collected import Collected
from poolcheck.record import dataclass
from poolcheck.text import clean


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredLimits:
    """What the server itself said, for the strings that lead to it."""

    hosts: frozenset[str]
    server: LiveServer
    snapshot: Snapshot = Snapshot()
    console: BouncerSnapshot | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What became of the look at the server."""

    words: str  # for the verdict
    report: Report | None = None
    server: MeasuredLimits | None = None
    trouble: Skipped | None = None  # why it could not be looked at

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found on the server."""
        return self.report.findings if self.report else ()

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What could not be looked at, the server itself first."""
        return (*((self.trouble,) if self.trouble else ()), *(self.report.skipped if self.report else ()))


NOT_ASKED = Looked(words="was not looked at")


def look(
    *,
    what: Sequence[str],
    env_files: Sequence[str],
    variables: Sequence[str],
    bouncer: str | None,
    settings: Configured,
    found: Collected,
) -> Looked:
    """Look at the server behind what is judged: a connection string, an env file, a variable, else what `live` finds.

    Args:
        what: paths and connection strings, as named.
        env_files: of --env-file.
        variables: names of variables of the environment.
        bouncer: a pooler's console.
        settings: the config, with options over it.
        found: what was collected, for a folder's own env files.
    """
    urls = [each for each in what if arguments.is_url(each)]
    files = [*env_files, *(each for each in what if Path(each).is_file())]
    if set(what) - {"."} and not files and not urls:
        files = _files_of(
            found
        )  # of the folder that was named; the current one is looked through by `live` itself
    variable = variables[0] if variables and not env_files else None
    from poolcheck.live import look as looking  # noqa: PLC0415 - brings psycopg, which a gate without --live does not need

    wanted = looking.LookOptions(
        dsn=urls[0] if urls else None,
        env_file=files[0] if files and not urls and not variable else None,
        variable=variable if not urls else None,
        environment=bool(env_files),
        bouncer=bouncer,
    )
    try:
        report = looking.live(wanted, settings)
    except PoolcheckError as error:
        return Looked(
            words="could not be looked at", trouble=Skipped("the server", error.message, error.hint)
        )
    if report.code == ExitCode.FAILED:
        return Looked(words="could not be looked at", report=report, trouble=_trouble(report))
    return Looked(words="was looked at", report=report, server=_measured(report))


def _trouble(report: Report) -> Skipped:
    """What kept a look from being one: the refusal that is no diagnosis, in a line."""
    refused = next((section.refusal for section in report.sections if isinstance(section, NoEntry)), None)
    if refused is None:
        return Skipped("the server", "it gave no answer that tells anything of its slots")
    where = f"{clean(refused.host, limit=80)}:{refused.port}" if refused.host else "the local socket"
    return Skipped("the server", f"{where}: {refused.title or clean(refused.text, limit=200)}", refused.first)


def _files_of(found: Collected) -> list[str]:
    """The env files that hold a string of the app that a server can be behind; production's first."""
    fitting = [
        target
        for target in found.targets
        if target.origin == "env"
        and target.role == "app"
        and target.active
        and not (
            target.commented or target.example_file or target.conn.has_placeholder or target.stage == "test"
        )
    ]
    fitting.sort(key=lambda each: each.stage != "production")
    return list(dict.fromkeys(each.location.path for each in fitting))


def _measured(report: Report) -> MeasuredLimits | None:
    seen = next((section for section in report.sections if isinstance(section, Look)), None)
    if seen is None:
        return None
    console = next((section.snapshot for section in report.sections if isinstance(section, PoolerLook)), None)
    hosts = frozenset(target.conn.host for target in report.targets)
    return MeasuredLimits(hosts=hosts, server=seen.snapshot.server, snapshot=seen.snapshot, console=console)


def with_server(context: Context, seen: MeasuredLimits | None) -> Context:
    """What the sums and the fix path stand on: the server's own numbers, where it was looked at. Its word wins."""
    if seen is None:
        return context
    told = measured(context.map, seen.hosts, seen.server)
    return replace(context, numbers=seen.server.over(context.numbers), map=told)
