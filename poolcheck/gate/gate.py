"""What `gate` does, as a function: lint, the sums, a look at the server when asked for; one verdict."""

import os
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from poolcheck import catalogue
from poolcheck.capacity import asked
from poolcheck.config.disk import leads_out
from poolcheck.config.file import Settings
from poolcheck.config.settings import Config
from poolcheck.connection.parse import from_parts, looks_like_connection_string, parse
from poolcheck.diagnosis import engine, steps, told_tables
from poolcheck.diagnosis import lint as linting
from poolcheck.errors import BadConfig, BadInput, ExitCode, NothingToCheck
from poolcheck.gate import baseline, peak
from poolcheck.gate.conclusion import conclude, statistics
from poolcheck.live.project_server import NOT_ASKED, look, with_server
from poolcheck.model import severity
from poolcheck.model.context import Context
from poolcheck.model.finding import Finding
from poolcheck.model.problem import Location
from poolcheck.model.project import Package
from poolcheck.model.report import Report, Section, Skipped
from poolcheck.model.roles import PARTS_HOST, role_of
from poolcheck.model.severity import Severity
from poolcheck.model.target import Target
from poolcheck.model.verdict import PeakSum
from poolcheck.project import arguments, assumptions
from poolcheck.project import collect as discover
from poolcheck.project.collected import Collected
from poolcheck.project.packages import Packages
from poolcheck.record import dataclass
from poolcheck.rules.pc651_deploy_peak_above_limit import check as rule
from poolcheck.text import clean, plural

if TYPE_CHECKING:
    from poolcheck.gate.comparison import Compared
    from poolcheck.project.past import Past

Live = Literal["no", "optional", "required"]
ENVIRONMENT = "environment"  # stands for a path where a variable comes from no file


@dataclass(frozen=True, slots=True, kw_only=True)
class GateOptions:
    """What the command line says beyond the settings."""

    what: tuple[
        str, ...
    ] = ()  # files, folders, connection strings; () with nothing below: the current folder
    env_files: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()  # names, looked up in the environment
    live: Live = "no"
    bouncer: str | None = None
    require: tuple[str, ...] = ()  # sums, live, all
    max_usage: str | None = None  # as the setting's text
    baseline: str | None = None
    update_baseline: bool = False
    since: str | None = None
    statistics: bool = False
    allow_empty: bool = False  # nothing to check is a pass: for hooks that run on every commit


def gate(options: GateOptions, settings: Settings, environ: Mapping[str, str] | None = None) -> Report:
    """Lint, add up, look, and conclude.

    Raises:
        PoolcheckError: bad config or input. That there is nothing to check, or that the server cannot be reached,
            is a verdict and no error.
    """
    named = (*options.what, *options.env_files)
    # Variables of the job are the project's: its source and manifests are judged with them.
    what = named or (".",)
    first = next((Path(each) for each in what if each != "-" and not arguments.is_url(each)), Path())
    start = first if first.exists() else Path()
    config = settings.over(start)
    required = {*config.require, *options.require, *(("live",) if options.live == "required" else ())}
    environ = os.environ if environ is None else environ
    found = collect(what, options.variables, config, environ, named=bool(named))
    told_tables.check_whole(what, config, found.map)
    linted, nothing = lint(found, config, what)
    looked = NOT_ASKED
    if options.live != "no" or "live" in required:
        looked = look(
            what=options.what,
            env_files=options.env_files,
            variables=options.variables,
            bouncer=options.bouncer,
            settings=settings,
            found=found,
        )
    plain = assumptions.context(found, config)  # as the lint judged it: without the server's own word
    context = with_server(plain, looked.server)
    rows = asked.rows(context.map, context.numbers.buffer)
    limit = int((options.max_usage or config.max_usage).rstrip("%")) / 100
    sums, not_summed = peak.peaks(rows, limit), linting.unsummed(rows, everything=True)
    judged = judge_sums(sums, linted, found, context, config)
    everything = (*linted.findings, *judged.findings, *looked.findings)
    compared: Compared | None = None
    if options.since is not None:
        from poolcheck.gate import comparison  # noqa: PLC0415 - it runs git: only with --since

        def rows_of(past: "Past", then: Config) -> tuple[asked.Asked, ...]:
            was = collect(what, options.variables, then, environ, past=past, named=bool(named))
            told = with_server(assumptions.context(was, then), looked.server)
            return asked.rows(told.map, told.numbers.buffer)

        compared = comparison.compare(options.since, rows, rows_of, partial(settings.over, start), config)
        linted_rows = rows if context is plain else asked.rows(plain.map, plain.numbers.buffer)
        compared = compared.excusing((*linted_rows, *sums), context)
    notes = [*linted.notes, *(looked.report.notes if looked.report else ())]
    counted, accepted = count(everything, options, config, found, notes, compared=compared)
    empty = Skipped("the project", nothing.message, nothing.hint) if nothing else None
    if nothing is not None and options.allow_empty:
        nothing, required = None, required - {"sums"}
        notes.append("Nothing to check was found, and that is allowed (--allow-empty).")
    report = Report(
        command="gate",
        findings=tuple(sorted(counted, key=lambda each: each.sort_key)),
        suppressed=(*linted.suppressed, *judged.suppressed, *accepted),
        accepted=len(accepted),
        skipped=tuple(
            dict.fromkeys(
                (
                    *linted.skipped,
                    *((empty,) if empty else not_summed),
                    *looked.skipped,
                    *(compared.skipped if compared else ()),
                )
            )
        ),
        targets=linted.targets or (looked.report.targets if looked.report else ()),
        packages=linted.packages,
        fix_path=steps.plan(everything, context, looked_at_source=found.looked_at_source),
        questions=context.map.questions,
        facts=linted.facts,
        notes=tuple(notes),
        again=linted.again,
        files=linted.files,
        fail_on=linted.fail_on,
    )
    if plain.numbers.ask_for_sums:
        required |= {"told"}
    verdict, code = conclude(
        report, sums, looked, required, nothing, changes=compared.changes if compared else ()
    )
    sections: list[Section] = [verdict, *(looked.report.sections if looked.report else ())]
    if options.statistics:
        sections.append(statistics(report))
    return replace(report, sections=tuple(sections), exit_code=code)


def collect(
    what: tuple[str, ...],
    variables: tuple[str, ...],
    config: Config,
    environ: Mapping[str, str],
    *,
    past: "Past | None" = None,
    named: bool = True,
) -> Collected:
    """What the arguments name, and these variables of the environment, which belong to the project here.

    With `past`, what they name as a commit holds it. Where nothing is `named`, the variables are the app's strings: those of
    env files that lie here are not judged beside them.

    Raises:
        BadInput: a variable is not there, empty, or no connection string.
    """
    found = discover.collect(what, config, past=past)
    if not variables:
        return found
    packages = Packages(config)
    packages.around(Path(".env"))
    package = packages.of(".env")
    kept = found.targets if named else tuple(each for each in found.targets if each.origin != "env")
    read = replace(
        found,
        targets=(*kept, *(_variable(name, environ, package) for name in variables)),
        subjects=tuple(subject for subject in found.subjects if not isinstance(subject, Target)),
    )
    made = discover.finish(read, packages)
    paths = {package.path for package in made.packages}
    return replace(
        made, packages=(*made.packages, *(package for package in found.packages if package.path not in paths))
    )


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
        arguments.is_url(value)  # says so when it is a URL of another database
        raise BadInput(
            f"{clean(name, limit=60)} holds no PostgreSQL connection string", "Name the variable that does."
        )
    role, why = role_of(name, package)
    return Target(
        name=name, conn=conn, location=Location(ENVIRONMENT), origin="parts" if name in PARTS_HOST else "env", role=role, role_source=why,
        match=catalogue.match(conn), package=package,
    )  # fmt: skip


# --- judging ---


def lint(found: Collected, config: Config, what: tuple[str, ...]) -> tuple[Report, NothingToCheck | None]:
    """The lint's report without a fix path, and why there was nothing to check, if there was not."""
    try:
        report = linting.report_on(found, config, what, planned=False)
    except NothingToCheck as none:
        return Report(command="gate", fail_on=severity.SEVERITY[config.fail_on]), none
    if report.exit_code == ExitCode.NOTHING:
        return report, NothingToCheck("nothing that was found could be read")
    return report, None


def judge_sums(
    sums: tuple[PeakSum, ...], linted: Report, found: Collected, context: Context, config: Config
) -> engine.Judgement:
    """The findings of the sums that no rule has called an error already, or was told not to."""
    about = [
        each
        for each in (*(one for one in linted.findings if one.severity == Severity.ERROR), *linted.suppressed)
        if each.rule.subject is asked.Asked
    ]
    said = {each.subject for each in about}
    strings = {(each.subject, each.location.path) for each in about if each.location}
    said |= {each.end for each in context.map.routes if (each.variable, each.place.path) in strings}
    subjects = [each for each in sums if each.name not in said]
    return engine.run(
        [rule], subjects, context, selection=engine.Selection(config.select, config.ignore),
        ignores=found.ignores, lines=found.lines,
    )  # fmt: skip


def count(
    findings: tuple[Finding, ...],
    options: GateOptions,
    config: Config,
    found: Collected,
    notes: list[str],
    *,
    compared: "Compared | None" = None,
) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """The findings that count, after --since and the baseline, and those that the baseline accepts.

    Raises:
        BadInput, BadConfig: git cannot tell, or the baseline cannot be read or written.
    """
    unchanged: frozenset[str] = frozenset()
    if compared is not None:
        looked_at = _looked_at(found, frozenset((ENVIRONMENT,)))
        findings, unchanged = compared.count(findings, looked_at, notes)
    path = options.baseline or _beside(config)
    if path:
        sifted = compare(findings, Path(path), _looked_at(found, unchanged), options, notes)
        return sifted.new, sifted.known
    if options.update_baseline:
        raise BadInput("--update-baseline needs a file", "Add --baseline poolcheck-baseline.json.")
    return findings, ()


def _beside(config: Config) -> str:
    """The config's baseline, relative to the config file and below it.

    Raises:
        BadConfig: a link leads elsewhere.
    """
    if not config.baseline:
        return ""
    folder = Path(config.path).parent
    path = str(folder / config.baseline)
    if where := leads_out(path, str(folder)):
        raise BadConfig(f"{path}: {where}", "--baseline may name any file.")
    return path


def _looked_at(found: Collected, unchanged: frozenset[str]) -> frozenset[str]:
    paths = {*found.lines, *(target.location.path for target in found.targets)}
    return frozenset(paths - unchanged)


def compare(
    findings: tuple[Finding, ...],
    path: Path,
    looked_at: frozenset[str],
    options: GateOptions,
    notes: list[str],
) -> baseline.Sifted:
    """Part the findings by the baseline; write it anew when asked to.

    Raises:
        BadInput, BadConfig: the file cannot be read or written, or is none.
    """
    update = options.update_baseline
    entries = () if update and not os.path.lexists(path) else baseline.read(path)
    # A file that is gone has no findings any more, and neither has one that was judged.
    looked = looked_at | {entry.path for entry in entries if entry.path and not Path(entry.path).exists()}
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
    kept = [entry for entry in entries if entry.path not in looked]
    made = baseline.entries_of(findings, kept)
    baseline.write(path, made)
    old, new = {entry.fingerprint for entry in entries}, {each.fingerprint for each in made}
    notes.append(
        f"{path} written: {plural(len(made), 'entry', 'entries')}, {len(new - old)} new, {len(old - new)} dropped."
    )
    return baseline.sift(findings, made, looked_at=looked)
