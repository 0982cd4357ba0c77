"""The times at which log lines say they were written."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from typing import Literal

from poolcheck.model.explanation import Moment

MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
MONTH = "(?:" + "|".join(MONTHS) + ")"
_ISO = re.compile(
    r"(?<!\d)(\d{4})[-/](\d\d)[-/](\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?\s?(Z\b|UTC\b|GMT\b|[+-]\d\d(?::?\d\d)?\b)?"
)
_COMMON = re.compile(rf"(?<!\d)(\d\d)/({MONTH})/(\d{{4}}):(\d\d):(\d\d):(\d\d) ([+-]\d{{4}})")
_DATED = re.compile(rf"\b({MONTH}) +(\d{{1,2}}), (\d{{4}}),? (\d{{1,2}}):(\d\d):(\d\d)(?: ([AP]M))?")
_CTIME = re.compile(rf"\b({MONTH}) +(\d{{1,2}}) (\d\d):(\d\d):(\d\d)(?:\.(\d+))? (\d{{4}})\b")
_SYSLOG = re.compile(rf"\b({MONTH}) +(\d{{1,2}}) (\d\d):(\d\d):(\d\d)(?:\.(\d+))?")
_KLOG = re.compile(r"(?:^|\s)[IWEF](\d\d)(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d+))?")
_CLOCK = re.compile(r"\W{0,2}(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?!\d)")
_FIELD = re.compile(
    r"[\"'](?:time|ts|timestamp|@timestamp|t|date|datetime|eventTime|event_time|log_time|epoch|_time|epochSecond|__REALTIME_TIMESTAMP)[\"']\s?:\s?"
    r"[\"']?(\d{10}(?:\.\d+)?|\d{13}|\d{16}|\d{19})(?![\d.])"
)
_EPOCH = re.compile(r"\W{0,2}(\d{10}\.\d{1,9}|\d{13})(?=\s)")
_REACH = 400  # how far into a line a time is looked for


def parse_moment(line: str) -> Moment | None:
    """The time at which a line says it was written, or None.

    ISO 8601 with any separator and zone, PostgreSQL's log_line_prefix, Go, Java, Python's logging, nginx, syslog,
    Kubernetes, and epochs in seconds to nanoseconds at the start or in a JSON field.
    """
    line = line[:_REACH]
    try:
        return _read_moment(line)
    except (ValueError, OverflowError):
        return None  # the 31st of a short month, a second 61: not a time


def _read_moment(line: str) -> Moment | None:
    if found := _FIELD.search(line):
        return _epoch(found[1])
    if found := _ISO.search(line):
        year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
        return _full((year, month, day), (hour, minute, second), found[7], found[8])
    if found := _COMMON.search(line):
        clock = (int(found[4]), int(found[5]), int(found[6]))
        return _full((int(found[3]), MONTHS.index(found[2]) + 1, int(found[1])), clock, None, found[7])
    if found := _DATED.search(line):
        hour = int(found[4])
        if found[7]:
            hour = hour % 12 + (12 if found[7] == "PM" else 0)
        clock = (hour, int(found[5]), int(found[6]))
        return _full((int(found[3]), MONTHS.index(found[1]) + 1, int(found[2])), clock, None, None)
    if found := _CTIME.search(line):
        clock = (int(found[3]), int(found[4]), int(found[5]))
        return _full((int(found[7]), MONTHS.index(found[1]) + 1, int(found[2])), clock, found[6], None)
    if found := _SYSLOG.search(line):
        clock = (int(found[3]), int(found[4]), int(found[5]))
        return _without_year(MONTHS.index(found[1]) + 1, int(found[2]), clock, found[6], "yearless")
    if found := _KLOG.search(line):
        clock = (int(found[3]), int(found[4]), int(found[5]))
        return _without_year(int(found[1]), int(found[2]), clock, found[6], "yearless")
    if found := _EPOCH.match(line):
        return _epoch(found[1])
    if found := _CLOCK.match(line):
        clock = (int(found[1]), int(found[2]), int(found[3]))
        return _without_year(1, 1, clock, found[4], "clock")
    return None


def _micros(fraction: str | None) -> int:
    return int((fraction or "0")[:6].ljust(6, "0"))


def _full(
    day: tuple[int, int, int], clock: tuple[int, int, int], fraction: str | None, zone: str | None
) -> Moment:
    at = datetime(*day, *clock, _micros(fraction), tzinfo=_zone(zone))
    return Moment(at.astimezone(UTC) if zone else at.replace(tzinfo=None))


def _zone(text: str | None) -> timezone:
    if not text or text[0] not in "+-":
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)


def _without_year(
    month: int,
    day: int,
    clock: tuple[int, int, int],
    fraction: str | None,
    form: Literal["yearless", "clock"],
) -> Moment:
    return Moment(datetime(1904, month, day, *clock, _micros(fraction)), form)  # noqa: DTZ001 - the log has no zone


def _epoch(text: str) -> Moment:
    whole_part, _, fraction = text.partition(".")
    seconds = int(whole_part)
    micros = _micros(fraction)
    while seconds >= 10**11:  # milli-, micro- or nanoseconds
        seconds, rest = divmod(seconds, 1000)
        micros = rest * 1000 + micros // 1000
    return Moment(datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=micros))


def earliest(moments: Iterable[Moment | None]) -> Moment | None:
    """The first of those moments that can be compared with the first one given."""
    alike = _alike(moments)
    return min(alike, key=lambda moment: moment.order) if alike else None


def latest(moments: Iterable[Moment | None]) -> Moment | None:
    """The last of those moments that can be compared with the first one given."""
    alike = _alike(moments)
    return max(alike, key=lambda moment: moment.order) if alike else None


def _alike(moments: Iterable[Moment | None]) -> list[Moment]:
    found = [moment for moment in moments if moment is not None]
    return [moment for moment in found if moment.form == found[0].form]
