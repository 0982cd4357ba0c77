"""From a report, sums and a look to the verdict: what was found decides first, then what could not be looked at."""

from collections import Counter

from poolcheck.errors import ExitCode, NothingToCheck
from poolcheck.live.project_server import NOT_ASKED, Looked
from poolcheck.model.report import Report
from poolcheck.model.severity import Severity
from poolcheck.model.verdict import Outcome, PeakChange, PeakSum, Statistics, Verdict
from poolcheck.text import plural


def conclude(
    report: Report,
    sums: tuple[PeakSum, ...],
    looked: Looked,
    required: set[str],
    nothing: NothingToCheck | None,
    *,
    changes: tuple[PeakChange, ...] = (),
) -> tuple[Verdict, ExitCode]:
    """The verdict: what was found decides first, then what should have been looked at and was not."""
    fail_on = report.fail_on
    decided = tuple(
        finding for finding in report.findings if fail_on is not None and finding.severity >= fail_on
    )
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
    if nothing is None and not missing:
        reasons += [_cannot_say(each) for each in sums if each.verdict == "cannot say"]
        if not sums:
            reasons.append(_sums_not_made(report))
    if looked != NOT_ASKED and not missing:
        reasons.append(f"The server {looked.words}.")
    not_raised = {(each.name, each.against) for each in changes if not each.raised}
    reasons += [_as_before(each) for each in sums if (each.name, each.against) in not_raised and _above(each)]
    return Verdict(
        outcome=outcome,
        reasons=tuple(reasons),
        decided=decided,
        sums=sums,
        changes=changes,
        live=looked.words,
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
    if required & {"sums", "all", "told"} and nothing is None:
        missing += [_cannot_say(each) for each in sums if each.verdict == "cannot say"]
        if not sums and required & {"sums", "all"}:
            missing.append(_sums_not_made(report))
    if "all" in required and not missing and report.skipped:
        missing.append(f"{len(report.skipped)} not checked, and all is required: {report.skipped[0].what}.")
    return missing


def _above(row: PeakSum) -> bool:
    return row.exceeds or row.verdict == "does not fit"


def _as_before(row: PeakSum) -> str:
    return f"{row.name} {'does not fit' if row.verdict == 'does not fit' else 'is above the limit'}, as before: this change does not raise its peak, so that is not counted."


def _cannot_say(row: PeakSum) -> str:
    """Why a sum has no verdict, and what would tell."""
    asks = " ".join(f"{each.rstrip('.')}." for each in row.unknown)
    return f"Cannot say whether {row.name} fits: {asks}"


def _sums_not_made(report: Report) -> str:
    lacking = next((each for each in report.skipped if each.what.startswith("the sum")), None)
    why = f"{lacking.why}. {lacking.hint}".strip() if lacking else "there is nothing to add up."
    return f"The sums were not made: {why if why.endswith('.') else why + '.'}"


def statistics(report: Report) -> Statistics:
    """How often each rule was met, most often first."""
    counts = Counter(finding.rule.id for finding in report.findings)
    ignored = Counter(each.rule.id for each in report.suppressed)
    worst: dict[str, tuple[str, Severity]] = {}
    for each in (*report.suppressed, *report.findings):
        name, severity = worst.get(each.rule.id, (each.rule.name, each.severity))
        worst[each.rule.id] = (name, max(severity, each.severity))
    order = sorted(worst, key=lambda rule: (-counts[rule], -ignored[rule], rule))
    return Statistics(
        rows=tuple((rule, worst[rule][0], worst[rule][1].word, counts[rule], ignored[rule]) for rule in order)
    )
