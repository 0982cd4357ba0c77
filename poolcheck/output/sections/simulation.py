"""A burst in text and JSON: the verdict, a picture, what would help, and the sums."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from poolcheck.model.simulation import Point, Ramp, Simulation, Traffic
from poolcheck.output.paint import Paint
from poolcheck.text import clean, percent, plural

HEIGHT = 15
LABEL = 7  # columns left of the picture


def record(section: Simulation) -> dict[str, Any]:
    """Under `simulation`: the documented numbers, then the rest."""
    names = (
        "mode", "preset", "first_refusal_seconds", "first_refusal_instance", "wanted", "open", "refused",
        "peak_instances", "instances_hit", "requests", "failed", "throttled", "recovers", "p50", "p99",
        "warn_seconds", "critical_seconds", "implied_seconds", "connections_per_second",
    )  # fmt: skip
    found: dict[str, Any] = {name: getattr(section, name) for name in names}
    found["available"] = section.slots
    found["client"] = clean(section.client) or None
    found["sources"] = {name: clean(source) for name, source in section.sources}
    found["verdict"] = verdict(section)
    found["inputs"] = asdict(section.inputs)
    found["helps"] = [asdict(each) for each in section.helps]
    found["series"] = [asdict(point) for point in section.series]
    return {"simulation": found}


def text(section: Simulation, paint: Paint) -> Iterator[str]:
    """Verdict, picture, sums, what would help."""
    bad = bool(section.refused or section.failed or section.throttled)
    symbol = paint.symbol("error" if bad else "done")
    yield from paint.wrap(verdict(section), indent=2, first=symbol + " ")
    if paint.look.verbosity < 0:
        return
    yield ""
    if paint.look.plain:
        rows, header = course(section)
        yield from paint.table(rows, header, ">" * len(header))
    elif not paint.flows:  # a page has a picture of its own
        yield from picture(section, paint.width)
    yield ""
    for each in sums(section):
        yield from paint.wrap(each, indent=4, first="  - ")
    if section.helps:
        yield ""
        yield paint.heading("What would help: the same burst with one thing changed")
        yield from helps(section, paint)


def share(part: int, whole: int) -> str:
    """`37 %`, with a digit behind the point below one percent."""
    percent = 100 * part / whole if whole else 0.0
    return f"{percent:.1f} %" if 0 < percent < 1 else f"{percent:.0f} %"


def verdict(section: Simulation) -> str:
    """What happened, in one sentence or two."""
    first, instance = section.first_refusal_seconds, section.first_refusal_instance
    when = "" if first is None else f"First refusal {first:.2f} s in, at instance {instance}: "
    if section.mode == "ramp":
        if first is None:
            return f"No refusal: {section.wanted:,} connections wanted, and {section.slots} slots are there."
        hit = f"{section.instances_hit:,} of {section.peak_instances:,} instances do not get their whole pool"
        return f"{when}{section.wanted:,} connections wanted, {section.open:,} open, {section.refused:,} refused; {hit}."
    requests, failed = section.requests or 0, section.failed or 0
    peak = (
        f"at most {plural(section.peak_instances, 'instance')} at once, {plural(section.open, 'connection')}"
    )
    parts = []
    if section.refused:
        parts.append(f"{plural(section.refused, 'connection')} refused")
    if failed:
        parts.append(f"{failed:,} of {requests:,} requests failed ({share(failed, requests)})")
    if section.throttled:
        turned = f"{section.throttled:,} of {requests:,}" if not failed else f"{section.throttled:,}"
        parts.append(f"{turned} turned away by the platform's limits ({share(section.throttled, requests)})")
    if not parts:
        return f"All {requests:,} requests were served; {peak}."
    tail = "" if not (failed or section.throttled) else "; it does not recover"
    if section.recovers is not None:
        tail = f"; the last failure is {section.recovers:.1f} s in"
    if section.refused and not failed:
        parts.append("no request failed")
    return f"{when}{', '.join(parts)}; {peak}{tail}."


def sums(section: Simulation) -> Iterator[str]:
    """Where the numbers come from, and what they mean for an alert."""
    asked = section.inputs
    slots = asked.slots
    others = f" - {slots.others} for others" if slots.others else ""
    reserved = f" - {slots.reserved} reserved" if slots.reserved or slots.of == "max_connections" else ""
    there = f"{slots.available} = {slots.max_connections} {slots.of}{reserved}{others}"
    for name, source in section.sources:
        yield f"{name}: {source}"
    if isinstance(asked, Ramp):
        yield (
            f"{asked.first} to {asked.last} instances in {asked.seconds:g} s x {plural(asked.limit, 'connection')}"
            f" = {section.connections_per_second or 0:.1f} new connections per second"
        )
        if section.first_refusal_instance:
            needed = section.first_refusal_instance * asked.limit
            yield f"{section.first_refusal_instance} x {asked.limit} = {needed} is more than {there}"
        else:
            yield f"{asked.last} x {asked.limit} = {section.wanted} fits into {there}"
    else:
        yield from traffic_sums(section, asked, there)
    if section.warn_seconds is not None and section.critical_seconds is not None:
        yield (
            f"From {percent(slots.warn_at)} of the slots to the first refusal: {section.warn_seconds:.1f} s;"
            f" from {percent(slots.critical_at)}: {section.critical_seconds:.1f} s. An alert does not stop a burst; a cap or a pooler does"
        )
    if section.implied_seconds is not None and (
        rate := asked.rate if isinstance(asked, Ramp) else asked.rate_to
    ):
        concurrency = 1 if isinstance(asked, Ramp) else asked.concurrency
        each = f" x {concurrency} requests" if concurrency > 1 else ""
        yield (
            f"Little's law: {plural(section.peak_instances, 'instance')}{each}, all busy, at {rate:.4g} requests/s"
            f" means {section.implied_seconds:.3g} s per request"
        )


def traffic_sums(section: Simulation, asked: Traffic, there: str) -> Iterator[str]:
    """The traffic, the platform and the pooler in words."""
    rate = f"{asked.rate_to:.4g}/s"
    if asked.ramp_seconds and asked.rate_from != asked.rate_to:
        rate = f"{asked.rate_from:.4g}/s growing to {rate} in {asked.ramp_seconds:g} s"
    busy = asked.rate_to * asked.hold
    yield (
        f"{rate} for {asked.seconds:g} s, each holding a connection for {asked.hold * 1000:g} ms:"
        f" {busy:.3g} connections busy on average at the top; {there}"
    )
    words = [
        f"{plural(asked.concurrency, 'request')} at once",
        f"a pool of {asked.limit}, {'opened at once' if asked.eager else 'opened when needed'}",
        f"cold start {asked.cold_start * 1000:g} ms",
    ]
    if asked.frozen:
        words.append("suspended when idle, so idle connections stay open")
    elif asked.idle_timeout is not None and not asked.eager:
        words.append(f"idle connections closed after {asked.idle_timeout:g} s")
    if asked.max_instances is not None:
        words.append(f"at most {plural(asked.max_instances, 'instance')}")
    if asked.retry is not None:
        words.append(f"refused requests try again every {asked.retry:g} s for {asked.give_up:g} s")
    if asked.deploy_at is not None:
        words.append(f"a deploy at {asked.deploy_at:g} s")
    yield f"Instance: {'; '.join(words)}"
    if asked.pooler is not None:
        most = "" if asked.pooler_clients is None else f", at most {asked.pooler_clients} clients"
        yield f"Pooler: {asked.pooler} server connections in transaction mode{most}"
    if section.p99 is not None:
        yield f"Requests that were served took {section.p50:.2f} s in the middle, 99 % at most {section.p99:.2f} s; seed {asked.seed}"


def helps(section: Simulation, paint: Paint) -> Iterator[str]:
    """One row for the burst as it is, one for each change."""
    ramp = section.mode == "ramp"
    whole = section.peak_instances if ramp else section.requests or 0
    failed = section.instances_hit if ramp else section.failed or 0
    rows = [
        [
            "as it is",
            share(failed, whole),
            share(section.throttled or 0, whole),
            _time(section.first_refusal_seconds),
        ]
    ]
    rows += [
        [
            each.change,
            share(each.failed, each.of),
            share(each.throttled, each.of),
            _time(each.first_refusal_seconds),
        ]
        for each in section.helps
    ]
    header = ["change", "hit" if ramp else "failed", "turned away", "first refusal"]
    if not ramp:
        header.append("p99")
        for row, p99 in zip(rows, (section.p99, *(each.p99 for each in section.helps)), strict=True):
            row.append(_time(p99))
    if paint.flows:
        for row, option in zip(rows, ("", *(each.option for each in section.helps)), strict=True):
            row.append(option)
        yield from paint.table(rows, [*header, "option"], "<" + ">" * (len(header) - 1) + "<")
        return
    lines = list(paint.table(rows, header, "<" + ">" * (len(header) - 1)))
    yield from lines[:2]
    # The option has a line of its own: cut in a table, it could not be typed.
    for line, each in zip(lines[2:], section.helps, strict=True):
        yield line
        yield from paint.code((each.option,), indent=6)


def _time(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.2f} s"


def course(section: Simulation) -> tuple[list[list[str]], list[str]]:
    """The picture in numbers: rows and header, eight moments of equal length with the highest of each."""
    pooled = isinstance(section.inputs, Traffic) and section.inputs.pooler is not None
    header = ["until", "instances", "connections", *(["waiting"] if pooled else []), "refused so far"]
    rows = []
    for point in _bins(section, 8):
        waiting = [str(point.waiting)] if pooled else []
        rows.append(
            [f"{point.t:.1f} s", str(point.instances), str(point.connections), *waiting, str(point.refused)]
        )
    return rows, header


def picture(section: Simulation, width: int) -> Iterator[str]:
    """Connections (#) against the slots (-), instances (.) on a scale of their own, the first refusal (X); plain ASCII."""
    columns = max(20, min(width, 100) - LABEL - 3)
    bins = _bins(section, columns)
    pooled = isinstance(section.inputs, Traffic) and section.inputs.pooler is not None
    top = max(section.slots, *(max(p.connections, p.waiting if pooled else 0) for p in bins))
    most = max(1, *(p.instances for p in bins))
    grid = [[" "] * columns for _ in range(HEIGHT)]

    def row(value: float) -> int:
        """From the bottom, 1 to HEIGHT; 0 for nothing."""
        return min(HEIGHT, int(value * HEIGHT / top + 0.999999)) if value > 0 else 0

    limit = row(section.slots)
    for column, point in enumerate(bins):
        for each in range(row(point.connections)):
            grid[each][column] = "#"
        if grid[limit - 1][column] == " ":
            grid[limit - 1][column] = "-"
        if pooled and point.waiting:
            grid[row(point.waiting) - 1][column] = "w"
        if point.instances:
            grid[row(point.instances * top / most) - 1][column] = "."
    first = section.first_refusal_seconds
    end = section.series[-1].t if section.series else 0.0
    if first is not None and end:
        grid[limit - 1][min(columns - 1, int(first / end * columns))] = "X"
    for number in range(HEIGHT, 0, -1):
        label = str(section.slots) if number == limit else str(top) if number == HEIGHT else ""
        yield f"{label:>{LABEL}} |" + "".join(grid[number - 1]).rstrip()
    yield f"{'0':>{LABEL}} +" + "-" * columns
    yield " " * (LABEL + 2) + _axis(end, columns)
    legend = ["# connections", "- slots", f". instances, 0 to {most}"]
    legend += ["w waiting"] if pooled else []
    legend += ["X first refusal"] if first is not None else []
    line = ""
    for word in legend:
        if line and len(line) + len(word) + 3 > columns:
            yield " " * (LABEL + 2) + line
            line = ""
        line += ("   " if line else "") + word
    yield " " * (LABEL + 2) + line


def _bins(section: Simulation, columns: int) -> list[Point]:
    """The highest of each column's moments."""
    found = []
    series = section.series
    for column in range(columns):
        part = series[
            column * len(series) // columns : max(
                1 + column * len(series) // columns, (column + 1) * len(series) // columns
            )
        ]
        highest = part[-1]
        found.append(
            Point(
                highest.t,
                max(p.instances for p in part),
                max(p.connections for p in part),
                max(p.busy for p in part),
                max(p.waiting for p in part),
                highest.refused,
                highest.failed,
            )
        )
    return found


def _axis(end: float, columns: int) -> str:
    """Times under the picture: start, quarters, end."""
    line = [" "] * (columns + 8)
    for quarter in range(5) if columns >= 50 else (0, 2, 4):
        label = f"{end * quarter / 4:g} s" if quarter else "0"
        place = min(columns * quarter // 4, columns - len(label))
        line[place : place + len(label)] = label
    return "".join(line).rstrip()
