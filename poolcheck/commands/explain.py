"""`poolcheck explain`: an error text, a log, or the id of anything poolcheck knows."""

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import click

from poolcheck.catalogue import error_texts
from poolcheck.commands._help import Command
from poolcheck.commands._shared import Output, emit, output_options, write
from poolcheck.config.disk import stream
from poolcheck.errors import BadInput, ExitCode
from poolcheck.explain.explain import entries_by_id, errors_table, explain, steps
from poolcheck.model.explanation import Explanation, Explanations, Page, Pages
from poolcheck.model.report import Report, Section, Skipped
from poolcheck.text import clean, nearest

if TYPE_CHECKING:
    from poolcheck.explain.scan import Scanned

LISTS = ("rules", "providers", "drivers", "errors")
MOST_IDS = 8  # more words than this are a sentence


@click.command(
    "explain", cls=Command, short_help="Say what an error text or a log means, and what to do first."
)
@click.argument("what", nargs=-1, metavar="[TEXT or ID]...")
@click.option(
    "-f", "--file", "files", multiple=True, metavar="FILE", help="Read this log; gzip, bzip2, xz too."
)
@click.option(
    "--follow",
    is_flag=True,
    help="Tell each new kind of error as it comes, until the log ends or Ctrl-C; then the report.",
)
@output_options
def command(what: tuple[str, ...], files: tuple[str, ...], follow: bool, out: Output) -> int:
    r"""Say which layer failed, what that means, what it does not mean, and the first thing to do.

    Takes an error text, a log on standard input or in a file, the id of a rule, provider, driver or error, or one of
    the words rules, providers, drivers, errors for a list. Works offline. Passwords in the text are masked.
    Ctrl-C on a log that is still being written ends the reading, and tells what was found until then.
    The exit code is 0 when something was recognised, and 3 when nothing was.

    \b
    Examples:
      poolcheck explain "FATAL: sorry, too many clients already"
      poolcheck explain < app.log
      kubectl logs deploy/web | poolcheck explain
      kubectl logs -f deploy/web | poolcheck explain --follow
      poolcheck explain --file postgresql.log.gz --format json
      poolcheck explain PC101
      poolcheck explain errors
    """
    if what and files:
        raise click.UsageError("Give a text, or files with --file, not both.")
    if follow and (len(files) > 1 or (what and what != ("-",))):
        raise click.UsageError("--follow reads standard input, or one --file.")
    if what and what != ("-",):
        return emit(_said(what), out)
    if files and not follow:
        return emit(_read_files(files), out)
    if files and files != ("-",):
        return emit(_followed(files[0], out), out)
    given = sys.stdin.buffer if sys.stdin else None
    if given is None or (sys.stdin.isatty() and not what):
        raise click.UsageError("Give an error text or an id, or pipe a log: poolcheck explain < app.log")
    if follow:
        return emit(_follow(cast("BinaryIO", given), out), out)
    return emit(_read([("standard input", cast("BinaryIO", given))]), out)


# --- what was said on the command line --------------------------------------------------------------------------


def _said(words: tuple[str, ...]) -> Report:
    """Ids give their pages, everything else is a text: the words together, as an unquoted message comes."""
    pages = [page for word in words if (page := _page(word))]
    if len(pages) == len(words):
        return _pages(pages)
    if found := entries_by_id(words):
        return _explained(found)
    if all(_is_file(word) for word in words):
        report = _read_files(words)
        what = f"{words[0]} is a file, so it was" if len(words) == 1 else "These are files, so they were"
        return replace(report, notes=(f"{what} read as a log.", *report.notes))
    if len(words) == 1 and _is_folder(words[0]):
        raise BadInput(
            f"{words[0]} is a folder", "Give the logs in it: poolcheck explain --file FILE --file FILE"
        )
    others = [word for word in words if not _page(word)]
    if pages and len(words) <= MOST_IDS and all(explain(word).items for word in others):
        report = _explained(explain("\n".join(others)))  # ids beside codes: explain PC101 P2024
        return replace(report, sections=(*_pages(pages).sections, *report.sections))
    found = explain("\n".join(words) if all(" " in word for word in words) else " ".join(words))
    if found.items or any(" " in word for word in words if not _LOG.search(word)):
        return _explained(found)
    if all(_is_file(word) or _like_a_file(word) for word in words):
        absent = next(word for word in words if not _is_file(word))
        raise BadInput(f"{absent}: no such file", "Give a log that is there, or an error text in quotes.")
    return _explained(replace(found, meant=tuple(_did_you_mean(words))))


def _page(word: str) -> Page | None:
    """The page of a list, rule, provider or driver."""
    if not word or len(word) > 60 or " " in word.strip() or "\n" in word:
        return None
    from poolcheck import reference  # noqa: PLC0415 - loads rules and catalogue; an error text needs neither

    wanted = word.strip().lower()
    if wanted in LISTS:
        return Page(id=wanted, markdown=_list(wanted))
    found = reference.page(wanted)
    return Page(id=wanted, markdown=found) if found else None


def _list(name: str) -> str:
    from poolcheck import reference  # noqa: PLC0415 - as above

    if name == "errors":
        return errors_table()
    tables = {
        "rules": reference.rules_table,
        "providers": reference.providers_table,
        "drivers": reference.drivers_table,
    }
    return tables[name]()


def _did_you_mean(words: tuple[str, ...]) -> Iterator[str]:
    """Ids that resemble a word which is neither an id nor an error."""
    from poolcheck import reference  # noqa: PLC0415 - only after a miss

    known = {name.lower(): name for name in reference.names()}
    known |= {error.id: error.id for error in error_texts.errors()} | dict(zip(LISTS, LISTS, strict=True))
    for word in words:
        near = nearest(word.lower(), known, alike=0.75, most=3)  # a word of an error text is no misspelled id
        if near:
            yield f"Did you mean {' or '.join(known[each] for each in near)}?"


# The end of a log's name; and a name with folders or a usual suffix, as no error text has it.
_LOG = re.compile(r"\.(?:log|txt|out|err|jsonl?|ndjson|csv|gz|bz2|xz|zst|zip)(?:\.\d{1,4})?\Z")
_PATH = re.compile(
    r"(?:~|\.{1,2}|[A-Za-z]:)?[/\\][^\s:*?\"<>|]+|[\w.-]+[/\\][\w./\\-]+|[\w-]+\.(?:conf|ini|md|ya?ml|toml|env|sql|html?|[jt]sx?|py|go|rb)"
)


def _like_a_file(word: str) -> bool:
    """Whether a word that says nothing was meant as the name of a file."""
    return _LOG.search(word) is not None or _PATH.fullmatch(word) is not None


def _is_file(word: str) -> bool:
    try:
        return Path(word).is_file()
    except (OSError, ValueError):  # too long for a name, or a NUL in it: a text
        return False


def _is_folder(word: str) -> bool:
    try:
        return "/" in word and Path(word).is_dir()
    except (OSError, ValueError):
        return False


# --- logs -------------------------------------------------------------------------------------------------------


def _read_files(paths: tuple[str, ...]) -> Report:
    """All files as one log, in the order given.

    Raises:
        BadInput: a file cannot be opened.
    """
    streams: list[tuple[str, BinaryIO]] = []
    try:
        for path in paths:
            streams.append((path, cast("BinaryIO", sys.stdin.buffer) if path == "-" else stream(path)))
        return _read(streams)
    except OSError as error:
        raise BadInput(f"cannot read {error.filename}: {error.strerror}") from error
    finally:
        for path, opened in streams:
            if path != "-":
                opened.close()


def _read(streams: list[tuple[str, BinaryIO]]) -> Report:
    from poolcheck.explain.scan import scan  # noqa: PLC0415 - only logs need it
    from poolcheck.explain.stopping import Stop  # noqa: PLC0415 - as above

    with Stop().listening() as stop:
        return _scanned(scan(streams, stop=stop))


def _followed(path: str, out: Output) -> Report:
    """A file as it grows.

    Raises:
        BadInput: it cannot be opened.
    """
    try:
        opened = stream(path)
    except OSError as error:
        raise BadInput(f"cannot read {error.filename}: {error.strerror}") from error
    with opened:
        return _follow(opened, out, grows=True)


def _follow(given: BinaryIO, out: Output, *, grows: bool = False) -> Report:
    """Tell what is new as it comes, where the report is text on standard output; then the whole."""
    from poolcheck.explain.follow import LogFollower  # noqa: PLC0415 - only logs need it
    from poolcheck.explain.stopping import Stop  # noqa: PLC0415 - as above

    with Stop().listening() as stop:
        follower = LogFollower(given, stop, grows=grows)
        for item in follower:
            if out.format == "text" and out.path is None:
                write(_sighted(item), None)
        return _scanned(follower.result())


def _sighted(item: Explanation) -> str:
    """One line for what is new, with the first thing to do when it is seen for the first time."""
    when = f"{item.last or item.first} " if item.last or item.first else ""
    many = f"{item.count:,} x " if item.count > 1 else ""
    first = "" if item.count > 1 else f"\n  First  {clean(item.error.first)}"
    return f"{when}{item.layer}: {many}{clean(item.error.title)} ({item.error.id}){first}"


def _scanned(scanned: "Scanned") -> Report:
    skipped = tuple(
        Skipped(what=name, why=f"it could not be read to its end: {clean(why, limit=200)}")
        for name, why in scanned.broken
    )
    report = _explained(scanned.found, skipped=skipped)
    if not scanned.interrupted:
        return report
    return replace(
        report, notes=("Stopped before the end of the log: this is what was found until then.", *report.notes)
    )


# --- reports ----------------------------------------------------------------------------------------------------


def _explained(found: Explanations, *, skipped: tuple[Skipped, ...] = ()) -> Report:
    sections: tuple[Section, ...] = (found,)
    return Report(
        command="explain",
        sections=sections,
        fix_path=steps(found.items),
        skipped=skipped,
        exit_code=ExitCode.OK if found.items else ExitCode.NOTHING,
    )


def _pages(pages: list[Page]) -> Report:
    return Report(command="explain", sections=(Pages(items=tuple(pages)),), exit_code=ExitCode.OK)
