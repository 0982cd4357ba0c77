"""The baseline: findings that were there when the gate was switched on. Only new ones fail it.

A finding is known by its fingerprint, which survives line moves. The file has no secret and no line number in it,
and its order is stable: it is made to be committed and reviewed.
"""

import json
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from poolcheck.config.disk import MB, read_limited
from poolcheck.config.staged import write_whole
from poolcheck.errors import BadConfig, BadInput
from poolcheck.model.finding import Finding
from poolcheck.record import dataclass
from poolcheck.text import clean
from poolcheck.version import __version__

SCHEMA = 1
MAX_FILE = 4 * MB  # ten thousand findings stay below


@dataclass(frozen=True, slots=True)
class AcceptedFinding:
    """One accepted finding, with what a reviewer wants to know; `count` where the same stands there more than once."""

    fingerprint: str
    rule: str
    name: str
    path: str
    subject: str
    message: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Sifted:
    """Findings parted by a baseline. `gone` are entries of files that were looked at, and met no finding."""

    new: tuple[Finding, ...]
    known: tuple[Finding, ...]
    gone: tuple[AcceptedFinding, ...]


def sift(
    findings: Sequence[Finding], entries: Sequence[AcceptedFinding], *, looked_at: Collection[str]
) -> Sifted:
    """Part findings into new and known ones. Live findings are never known: a full server is no old debt.

    Args:
        findings: of this run.
        entries: of the baseline.
        looked_at: paths that were judged; an entry of another path is not called gone.
    """
    left = Counter({entry.fingerprint: entry.count for entry in entries})
    new, known = [], []
    for finding in findings:
        if not live(finding) and left[finding.fingerprint] > 0:
            left[finding.fingerprint] -= 1
            known.append(finding)
        else:
            new.append(finding)
    met = {finding.fingerprint for finding in known}
    gone = tuple(entry for entry in entries if entry.fingerprint not in met and entry.path in looked_at)
    return Sifted(tuple(new), tuple(known), gone)


def live(finding: Finding) -> bool:
    """Whether it was found on a server rather than in a file."""
    return finding.rule.id[2] in "78"


def entries_of(
    findings: Sequence[Finding], kept: Sequence[AcceptedFinding] = ()
) -> tuple[AcceptedFinding, ...]:
    """What a baseline of these findings holds, besides the entries that are kept."""
    made: dict[str, AcceptedFinding] = {each.fingerprint: each for each in kept}
    counts = Counter(finding.fingerprint for finding in findings if not live(finding))
    for finding in findings:
        if live(finding):
            continue
        made[finding.fingerprint] = AcceptedFinding(
            fingerprint=finding.fingerprint,
            rule=finding.rule.id,
            name=finding.rule.name,
            path=clean(finding.location.path) if finding.location else "",
            subject=clean(finding.subject),
            message=clean(finding.message),
            count=counts[finding.fingerprint],
        )
    return tuple(
        sorted(made.values(), key=lambda each: (each.path, each.rule, each.subject, each.fingerprint))
    )


def render(entries: Sequence[AcceptedFinding]) -> str:
    """The text of a baseline file."""
    listed = [
        {
            "fingerprint": entry.fingerprint,
            "rule": entry.rule,
            "name": entry.name,
            "path": entry.path,
            "subject": entry.subject,
            "message": entry.message,
            **({"count": entry.count} if entry.count > 1 else {}),
        }
        for entry in entries
    ]
    return (
        json.dumps(
            {"schema": SCHEMA, "poolcheck": __version__, "findings": listed}, indent=2, ensure_ascii=False
        )
        + "\n"
    )


def read(path: Path) -> tuple[AcceptedFinding, ...]:
    """The entries of a baseline file.

    Raises:
        BadInput: it cannot be read.
        BadConfig: it is no baseline, or one of a later poolcheck.
    """
    again = "poolcheck gate --baseline FILE --update-baseline writes one."
    try:
        data = json.loads(read_limited(path, MAX_FILE).decode("utf-8-sig"))
    except FileNotFoundError:
        raise BadInput(f"{path}: no such baseline", again) from None
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}", "Check its permissions.") from error
    except (ValueError, RecursionError):
        raise BadConfig(f"{path}: not JSON, so no baseline", again) from None
    if not isinstance(data, dict) or not isinstance(data.get("findings"), list):
        raise BadConfig(f"{path}: no baseline: it has no list of findings", again)
    if data.get("schema") != SCHEMA:
        raise BadConfig(
            f"{path}: a baseline of schema {clean(str(data.get('schema')), limit=20)}; this poolcheck reads {SCHEMA}",
            "Update poolcheck.",
        )
    return tuple(_entry(each, path, number) for number, each in enumerate(data["findings"], 1))


def _entry(record: Any, path: Path, number: int) -> AcceptedFinding:
    if not isinstance(record, dict) or not isinstance(record.get("fingerprint"), str):
        raise BadConfig(
            f"{path}: entry {number} has no fingerprint", "Make the file anew with --update-baseline."
        )
    count = record.get("count", 1)
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise BadConfig(
            f"{path}: entry {number}: count must be at least 1", "Make the file anew with --update-baseline."
        )
    words = {name: str(record.get(name, "")) for name in ("rule", "name", "path", "subject", "message")}
    return AcceptedFinding(record["fingerprint"], **words, count=count)


def write(path: Path, entries: Sequence[AcceptedFinding]) -> None:
    """Write a baseline file.

    Raises:
        BadInput: it cannot be written.
    """
    try:
        write_whole(path, render(entries).encode())
    except OSError as error:
        raise BadInput(
            f"cannot write {path}: {error.strerror}", "Give --baseline a file in a folder that exists."
        ) from error
