"""What `lint` does, as a function: also for `fix`, `gate`, and those who embed poolcheck."""

import os
from collections.abc import Sequence

from poolcheck import rules
from poolcheck.capacity import asked
from poolcheck.capacity.asked import Asked
from poolcheck.config.settings import Config, Configured
from poolcheck.diagnosis import engine, ground, steps
from poolcheck.errors import ExitCode, NothingToCheck
from poolcheck.model.context import Context
from poolcheck.model.project import Package
from poolcheck.model.report import Report, Skipped
from poolcheck.model.severity import SEVERITY
from poolcheck.project import arguments, assumptions, collect
from poolcheck.project.collected import Collected
from poolcheck.text import plural, sentence

MOST_NAMED = 5  # variables in one sentence


def lint(what: Sequence[str], settings: Configured) -> Report:
    """Lint what is named, or the current folder.

    Raises:
        PoolcheckError: bad config, bad input, or nothing to check.
    """
    what = what or (".",)
    first = next((each for each in what if each != "-" and not arguments.is_url(each)), ".")
    config = settings.over(first if os.path.exists(first) else ".")
    return report_on(collect.collect(what, config), config, what)


def report_on(found: Collected, config: Config, what: Sequence[str], *, planned: bool = True) -> Report:
    """Judge what was collected.

    Unless `planned`, without the fix path: who adds findings of their own makes it from all of them.
    """
    selection = engine.Selection(config.select, config.ignore)
    below = tuple(token for each in config.per_path for token in each.ignore)
    engine.check_selection(engine.Selection(config.select, (*config.ignore, *below)), rules.names())
    context = assumptions.context(found, config)
    rows = asked.rows(context.map, context.numbers.buffer)
    judged = engine.run(
        rules.load(found.groups),
        (*found.subjects, *context.map.clients, *rows),
        context,
        selection=selection,
        ignores=found.ignores,
        lines=found.lines,
    )
    judged = engine.by_path(judged, config.ignored_at) if config.per_path else judged
    if not found.anything and not judged.findings and not found.skipped:
        place = "the current folder" if tuple(what) == (".",) else ", ".join(what)
        raise NothingToCheck(
            f"no PostgreSQL connection string was found in {place}",
            "Name an env file or a connection string: poolcheck lint .env.production",
        )
    return Report(
        command="lint",
        findings=ground.whole_lines(judged.findings, context),
        suppressed=judged.suppressed,
        skipped=(*found.skipped, *unsummed(rows), *unknown_strings(found)),
        targets=tuple(target for target in found.targets if not target.commented),
        packages=found.packages,
        fix_path=steps.plan(judged.findings, context, looked_at_source=found.looked_at_source)
        if planned
        else (),
        questions=context.map.questions,
        facts=tuple(facts(found, context)),
        notes=(*assumed(found, context), *found.notes),
        again=None
        if any(each == "-" or arguments.is_url(each) for each in what)
        else tuple(each for each in what if each != "."),
        files=found.files,
        fail_on=SEVERITY[config.fail_on],
        exit_code=None if found.anything or judged.findings else ExitCode.NOTHING,
    )


def unsummed(rows: Sequence[Asked], *, everything: bool = False) -> tuple[Skipped, ...]:
    """What keeps sums from being made, with the option that tells it.

    Unless `everything` is asked for, of servers and poolers that several deployed processes lead to: one container's
    pool has to be large indeed, and a string alone is no deployment.
    """
    return tuple(
        dict.fromkeys(
            Skipped(f"the sum of connections to {row.name}", each.words, f"{sentence(each.ask)}.")
            for row in rows
            if everything or row.large
            for each in row.questions
        )
    )


def unknown_strings(found: Collected) -> tuple[Skipped, ...]:
    """What source alone does not tell: which server the clients connect to."""
    if not found.looked_at_source or found.targets:
        return ()
    first = [f"{variable} ({place})" for variable, place in found.reads.items()]
    more = f" and {len(first) - MOST_NAMED} more" if len(first) > MOST_NAMED else ""
    what = ", ".join(first[:MOST_NAMED]) + more or "connection string"
    why = "the source connects with it, and no env file or config here holds it: its endpoint and parameters are not known."
    return (Skipped(what, why, "Name the file that does: poolcheck lint .env.production"),)


def facts(found: Collected, context: Context) -> list[str]:
    """What stands in files, and in which; what holds for several packages is said once."""
    said = grouped(
        "Drivers",
        {
            each.path: drivers_words(each, context)
            for each in found.packages
            if context.assumed or each.drivers
        },
    )
    said += grouped(
        "Runtime",
        {each.path: runtime_words(each) for each in found.packages if each.runtime.kind != "unknown"},
    )
    reads: dict[tuple[str, str, str], dict[str, None]] = {}
    for package in found.packages:
        for read in package.reads:
            role: str = "migrations" if read.role == "migration" else read.role
            reads.setdefault((read.variable, role, read.tool), {}).setdefault(str(read.location))
    for (variable, role, tool), places in reads.items():
        first, *more = places
        rest = f" and {plural(len(more), 'other file')}" if more else ""
        said.append(f"{variable} is read for {role} by {tool} ({first}{rest}).")
    return said


def assumed(found: Collected, context: Context) -> list[str]:
    """What no file says, and the option that does."""
    said = grouped(
        "Drivers",
        {
            each.path: drivers_words(each, context)
            for each in found.packages
            if not (context.assumed or each.drivers)
        },
    )
    said += grouped(
        "Runtime",
        {each.path: runtime_words(each) for each in found.packages if each.runtime.kind == "unknown"},
    )
    return said + [
        f"{use.id}: its behaviour depends on the version; write --driver {use.id}@VERSION."
        for use in context.assumed
        if context.catalogue.behaviour(use.id, use.version) is None
    ]


def grouped(title: str, words: dict[str, str]) -> list[str]:
    """`Runtime in a, b: server.`: the places of the same words together, no place where there is one package."""
    places: dict[str, list[str]] = {}
    for path, text in words.items():
        places.setdefault(text, []).append(path or "the argument")
    if len(words) == 1:
        return [f"{title}: {text}" for text in places]
    return [f"{title} in {', '.join(paths)}: {text}" for text, paths in places.items()]


def drivers_words(package: Package, context: Context) -> str:
    """The drivers with their versions, and the file that says so."""
    uses = context.assumed or package.drivers
    if not uses:
        return "none known; no manifest names one. --driver prisma@6 says which."
    words = (f"{use.id} {use.version}".strip() + (f" ({use.source})" if use.source else "") for use in uses)
    return ", ".join(words) + "."


def runtime_words(package: Package) -> str:
    """Where it runs, and the file that says so."""
    runtime = package.runtime
    if runtime.kind == "unknown":
        return "no platform file was found, so serverless is assumed. --runtime says otherwise."
    return f"{runtime.kind} ({runtime.source})." if runtime.source else f"{runtime.kind}."
