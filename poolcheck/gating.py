"""What `gate` does, as a function: lint, the sums, a look at the server when asked for; one verdict."""

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from poolcheck import baseline, catalogue, discover, engine, fixpath, linting, peak
from poolcheck.config import Config
from poolcheck.core.context import Context
from poolcheck.core.finding import Finding, Location, Severity
from poolcheck.core.fleet import Fleet
from poolcheck.core.project import Package
from poolcheck.core.record import dataclass
from poolcheck.core.report import Report, Section, Skipped
from poolcheck.core.target import Target
from poolcheck.core.text import clean, plural
from poolcheck.core.url import from_parts, looks_like_connection_string, parse
from poolcheck.core.verdict import Outcome, PeakSum, Statistics, Verdict
from poolcheck.discover import Found
from poolcheck.errors import BadInput, ExitCode, NothingToCheck, PoolcheckError
from poolcheck.linting import Configured
from poolcheck.packages import Packages
from poolcheck.roles import PARTS_HOST, role_of

Live = Literal["no", "optional", "required"]
ENVIRONMENT = "environment"  # stands for a path where a variable comes from no file


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line says beyond the settings."""

    what: tuple[
        str, ...
    ] = ()  # files, folders, connection strings; () with nothing below: the current folder
    env_files: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()  # names, looked up in the environment
    live: Live = "no"
    bouncer: str | None = None
    require: tuple[str, ...] = ()  # sums, live, all
    max_usage: str | None = None  # "85%"
    pool: int | None = None  # connections of one process's pool, where the files do not tell
    baseline: str | None = None
    update_baseline: bool = False
    since: str | None = None
    statistics: bool = False
    allow_empty: bool = False  # nothing to check is a pass: for hooks that run on every commit


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What became of the look at the server."""

    words: str  # for the verdict
    report: Report | None = None
    server: peak.Measured | None = None
    trouble: Skipped | None = None  # why it could not be looked at


def gate(options: Options, settings: Configured, environ: Mapping[str, str] | None = None) -> Report:
    """Lint, add up, look, and conclude.

    Raises:
        PoolcheckError: bad config or input. That there is nothing to check, or that the server cannot be reached,
            is a verdict and no error.
    """
    environ = os.environ if environ is None else environ
    named = (*options.what, *options.env_files)
    what = named or (() if options.variables else (".",))
    first = next((Path(each) for each in what if each != "-" and not discover.is_url(each)), Path())
    config = settings.over(first if first.exists() else Path())
    required = {*config.require, *options.require, *(("live",) if options.live == "required" else ())}
    if "live" in required and options.live == "no":
        options = replace(options, live="required")
    found = collect(what, options.variables, config, environ)
    nothing: NothingToCheck | None = None
    try:
        linted = linting.report_on(found, config, what or options.variables)
    except NothingToCheck as none:
        nothing, linted = none, Report(command="gate", fail_on=linting.SEVERITY[config.fail_on])
    looked = look(options, settings, found)
    context = discover.context(found, config)
    limit = int((options.max_usage or config.max_usage).rstrip("%")) / 100
    fleets = [each for each in found.subjects if isinstance(each, Fleet)]
    sums, not_summed = peak.peaks(
        linted.targets, context, limit=limit, pool=options.pool, server=looked.server, fleets=fleets
    )
    if linted.exit_code == ExitCode.NOTHING:
        nothing = NothingToCheck("nothing that was found could be read")
    if fleets:
        nothing = None  # the project's services were added up, though no string of theirs is anywhere
    judged = judge_sums(sums, linted, found, context, config)
    findings = (*linted.findings, *judged.findings, *(looked.report.findings if looked.report else ()))
    suppressed = (*linted.suppressed, *judged.suppressed)
    skipped = [*linted.skipped, *(not_summed if nothing is None else ())]
    notes = [*linted.notes]
    if nothing is not None:
        skipped.append(Skipped("the project", nothing.message, nothing.hint))
    if looked.trouble:
        skipped.append(looked.trouble)
    if looked.report:
        skipped += looked.report.skipped
        notes += looked.report.notes
    everything = findings
    unchanged: frozenset[str] = frozenset()
    if options.since is not None:
        findings, unchanged = only_changed(findings, options.since, notes)
    path = options.baseline or _beside(config)
    if options.update_baseline and not path:
        raise BadInput("--update-baseline needs a file", "Add --baseline poolcheck-baseline.json.")
    if path:
        sifted = compare(findings, Path(path), _looked_at(found, unchanged), options, notes)
        findings, suppressed = sifted.new, (*suppressed, *sifted.known)
    findings = tuple(sorted(findings, key=lambda each: each.sort_key))
    report = Report(
        command="gate",
        findings=findings,
        suppressed=suppressed,
        skipped=tuple(skipped),
        targets=linted.targets or (looked.report.targets if looked.report else ()),
        packages=linted.packages,
        fix_path=fixpath.plan(
            everything, _with_server(context, looked.server), looked_at_source=found.looked_at_source
        ),
        notes=tuple(notes),
        files=linted.files,
        fail_on=linted.fail_on,
    )
    if nothing is not None and options.allow_empty:
        nothing, notes = None, [*notes, "Nothing to check was found, and that is allowed (--allow-empty)."]
        report = replace(report, notes=tuple(notes))
        required -= {"sums"}
    verdict, code = conclude(report, sums, looked, required, nothing)
    sections: list[Section] = [verdict, *(looked.report.sections if looked.report else ())]
    if options.statistics:
        sections.append(statistics(report))
    return replace(report, sections=tuple(sections), exit_code=code)


def collect(
    what: tuple[str, ...], variables: tuple[str, ...], config: Config, environ: Mapping[str, str]
) -> Found:
    """What the arguments name, and these variables of the environment, which belong to the project here.

    Raises:
        BadInput: a variable is not there, empty, or no connection string.
    """
    found = discover.collect(what, config) if what else Found()
    if not variables:
        return found
    packages = Packages(config, found.skipped)
    packages.around(Path(".env"))
    package = packages.of(".env")
    found.targets += [_variable(name, environ, package) for name in variables]
    found.subjects[:] = [each for each in found.subjects if not isinstance(each, Target)]
    before = list(found.packages)
    discover.finish(found, packages)
    found.packages += [each for each in before if each.path not in {other.path for other in found.packages}]
    return found


def _variable(name: str, environ: Mapping[str, str], package: Package) -> Target:
    value = environ.get(name)
    if not value:
        state = "is not in the environment" if value is None else "is empty"
        raise BadInput(
            f"{clean(name, limit=60)} {state}",
            "Hand it to the job. CI gives no secrets to pull requests from forks: do not run the gate on those.",
        )
    if name in PARTS_HOST:
        port, user, password, database, _ = (environ.get(each) if each else None for each in PARTS_HOST[name])
        conn = from_parts(host=value, port=port, user=user, password=password, database=database)
    elif looks_like_connection_string(value):
        conn = parse(value)
    else:
        discover.is_url(value)  # says so when it is a URL of another database
        raise BadInput(
            f"{clean(name, limit=60)} holds no PostgreSQL connection string", "Name the variable that does."
        )
    role, why = role_of(name, package)
    return Target(
        name=name, conn=conn, location=Location(ENVIRONMENT), origin="parts" if name in PARTS_HOST else "env", role=role, role_source=why,
        match=catalogue.match(conn), package=package,
    )  # fmt: skip


# --- the server ---


def look(options: Options, settings: Configured, found: Found) -> Looked:
    """Look at the server when that was asked for. What goes wrong is told, not raised."""
    if options.live == "no":
        return Looked(words="was not looked at")
    from poolcheck import looking  # noqa: PLC0415 - brings psycopg, which a gate without --live does not need

    urls = [each for each in options.what if discover.is_url(each)]
    files = [*options.env_files, *(each for each in options.what if Path(each).is_file())]
    if set(options.what) - {"."} and not files and not urls:
        files = _files_of(
            found
        )  # of the folder that was named; the current one is looked through by `live` itself
    variable = options.variables[0] if options.variables and not options.env_files else None
    wanted = looking.Options(
        dsn=urls[0] if urls else None,
        env_file=files[0] if files and not urls and not variable else None,
        variable=variable if not urls else None,
        bouncer=options.bouncer,
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
    from poolcheck.looks import NoEntry  # noqa: PLC0415 - only after a look

    refused = next((each.refusal for each in report.sections if isinstance(each, NoEntry)), None)
    if refused is None:
        return Skipped("the server", "it gave no answer that tells anything of its slots")
    where = f"{clean(refused.host, limit=80)}:{refused.port}" if refused.host else "the local socket"
    return Skipped("the server", f"{where}: {refused.title or clean(refused.text, limit=200)}", refused.first)


def _files_of(found: Found) -> list[str]:
    """The env files that hold a string of the app that a server can be behind; production's first."""
    fitting = [
        each
        for each in found.targets
        if each.origin == "env" and each.role == "app" and each.active
        and not (each.commented or each.example_file or each.conn.has_placeholder or each.stage == "test")
    ]  # fmt: skip
    fitting.sort(key=lambda each: each.stage != "production")
    return list(dict.fromkeys(each.location.path for each in fitting))


def _measured(report: Report) -> peak.Measured | None:
    from poolcheck.looks import Look  # noqa: PLC0415 - only after a look

    seen = next((each for each in report.sections if isinstance(each, Look)), None)
    if seen is None:
        return None
    server = seen.snapshot.server
    limits = [each for each in (server.role_limit, server.database_limit) if each is not None]
    return peak.Measured(
        hosts=frozenset(target.conn.host for target in report.targets),
        max_connections=server.max_connections,
        reserved=server.superuser_reserved + server.reserved,
        tighter=min(limits) if limits else None,
    )


def _with_server(context: Context, server: peak.Measured | None) -> Context:
    """What the fix path stands on: the server's own numbers, where it was looked at."""
    if server is None:
        return context
    sources = {**context.numbers.sources, "max_connections": server.where, "reserved": server.where}
    numbers = replace(
        context.numbers, max_connections=server.max_connections, reserved=server.reserved, sources=sources
    )
    return replace(context, numbers=numbers)


# --- judging ---


def judge_sums(
    sums: tuple[PeakSum, ...], linted: Report, found: Found, context: Context, config: Config
) -> engine.Judgement:
    """The findings of the sums that no rule has called an error already, or was told not to."""
    from poolcheck.rules.pc651_deploy_peak_above_limit import check as rule  # noqa: PLC0415 - the gate's own rule

    said = {
        (each.location.path if each.location else "", each.subject)
        for each in (*(one for one in linted.findings if one.severity == Severity.ERROR), *linted.suppressed)
        if each.rule.id in ("PC204", "PC601", "PC602")
    }
    subjects = [each for each in sums if (each.location.path, each.name) not in said]
    return engine.run(
        [rule], subjects, context, selection=engine.Selection(config.select, config.ignore),
        ignores=found.ignores, lines=found.lines,
    )  # fmt: skip


def only_changed(
    findings: tuple[Finding, ...], revision: str, notes: list[str]
) -> tuple[tuple[Finding, ...], frozenset[str]]:
    """Leave out the findings in files that are as they were; say how many.

    Raises:
        BadInput: git cannot tell.
    """
    from poolcheck import changed  # noqa: PLC0415 - only with --since

    same = changed.unchanged(revision, Path())
    kept = tuple(each for each in findings if each.location is None or each.location.path not in same)
    left = len(findings) - len(kept)
    said = f"{plural(left, 'finding')} in files that have not changed since {clean(revision, limit=60)}: not counted."
    notes.append(said if left else f"Only files that have changed since {clean(revision, limit=60)} count.")
    return kept, same


def _beside(config: Config) -> str:
    """The config's baseline, relative to the config file."""
    return str(Path(config.path).parent / config.baseline) if config.baseline else ""


def _looked_at(found: Found, unchanged: frozenset[str]) -> frozenset[str]:
    paths = {*found.lines, *(target.location.path for target in found.targets)}
    return frozenset(paths - unchanged)


def compare(
    findings: tuple[Finding, ...], path: Path, looked_at: frozenset[str], options: Options, notes: list[str]
) -> baseline.Sifted:
    """Part the findings by the baseline; write it anew when asked to.

    Raises:
        BadInput, BadConfig: the file cannot be read or written, or is none.
    """
    update = options.update_baseline
    entries = () if update and not path.exists() else baseline.read(path)
    # A file that is gone has no findings any more, and neither has one that was judged.
    looked = looked_at | {each.path for each in entries if each.path and not Path(each.path).exists()}
    if not update:
        sifted = baseline.sift(findings, entries, looked_at=looked)
        if sifted.gone:
            shown = ", ".join(f"{each.rule} {each.path}" for each in sifted.gone[:5])
            more = f" and {len(sifted.gone) - 5} more" if len(sifted.gone) > 5 else ""
            notes.append(
                f"{plural(len(sifted.gone), 'entry', 'entries')} of {path} no longer occur: {shown}{more}."
                " --update-baseline drops them."
            )
        return sifted
    kept = [each for each in entries if each.path not in looked]
    made = baseline.entries_of(findings, kept)
    baseline.write(path, made)
    old, new = {each.fingerprint for each in entries}, {each.fingerprint for each in made}
    notes.append(
        f"{path} written: {plural(len(made), 'entry', 'entries')}, {len(new - old)} new, {len(old - new)} dropped."
    )
    return baseline.sift(findings, made, looked_at=looked)


def conclude(
    report: Report,
    sums: tuple[PeakSum, ...],
    looked: Looked,
    required: set[str],
    nothing: NothingToCheck | None,
) -> tuple[Verdict, ExitCode]:
    """The verdict: what was found decides first, then what should have been looked at and was not."""
    fail_on = report.fail_on
    decided = tuple(each for each in report.findings if fail_on is not None and each.severity >= fail_on)
    missing = _missing(report, sums, looked, required, nothing)
    outcome: Outcome = "pass"
    code = ExitCode.OK
    if decided and fail_on is not None:
        outcome, code = "fail", ExitCode.FINDINGS
        rules = ", ".join(dict.fromkeys(each.rule.id for each in decided))
        reasons = [f"{plural(len(decided), 'finding')} at or above {fail_on.word}: {rules}."]
    elif missing:
        outcome = "could not check"
        only_nothing = nothing is not None and looked.report is None
        code = ExitCode.NOTHING if only_nothing and not looked.trouble else ExitCode.FAILED
        reasons = []
    else:
        threshold = f"at or above {fail_on.word}" if fail_on else "that counts (--fail-on never)"
        reasons = [f"Nothing {threshold} was found."]
    reasons += missing
    if not sums and nothing is None and not missing:
        reasons.append(_sums_not_made(report))
    if looked.words != "was not looked at" and not missing:
        reasons.append(f"The server {looked.words}.")
    return Verdict(
        outcome=outcome, reasons=tuple(reasons), decided=decided, sums=sums, live=looked.words
    ), code


def _missing(
    report: Report,
    sums: tuple[PeakSum, ...],
    looked: Looked,
    required: set[str],
    nothing: NothingToCheck | None,
) -> list[str]:
    """What had to be checked and could not be, in sentences."""
    missing = []
    if nothing is not None and looked.report is None:
        missing.append(f"There was nothing to check: {nothing.message}.")
    if looked.trouble and required & {"live", "all"}:
        missing.append(f"The server could not be looked at: {looked.trouble.why}.")
    if not sums and required & {"sums", "all"} and nothing is None:
        missing.append(_sums_not_made(report))
    if "all" in required and not missing and report.skipped:
        missing.append(f"{len(report.skipped)} not checked, and all is required: {report.skipped[0].what}.")
    return missing


def _sums_not_made(report: Report) -> str:
    lacking = next((each for each in report.skipped if each.what.startswith("the sum")), None)
    why = f"{lacking.why}. {lacking.hint}".strip() if lacking else "there is nothing to add up."
    return f"The sums were not made: {why if why.endswith('.') else why + '.'}"


def statistics(report: Report) -> Statistics:
    """How often each rule was met, most often first."""
    counts = Counter(each.rule.id for each in report.findings)
    ignored = Counter(each.rule.id for each in report.suppressed)
    worst: dict[str, tuple[str, Severity]] = {}
    for each in (*report.suppressed, *report.findings):
        name, severity = worst.get(each.rule.id, (each.rule.name, each.severity))
        worst[each.rule.id] = (name, max(severity, each.severity))
    order = sorted(worst, key=lambda rule: (-counts[rule], -ignored[rule], rule))
    return Statistics(
        rows=tuple((rule, worst[rule][0], worst[rule][1].word, counts[rule], ignored[rule]) for rule in order)
    )
