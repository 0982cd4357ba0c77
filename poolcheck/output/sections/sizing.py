"""Pool sizes in text and JSON: the answer, its sums, what was not checked, and the lines to write."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from poolcheck.capacity import sizing_words as words
from poolcheck.model.sizing import Measured, Sizing, Status
from poolcheck.output.paint import Paint

_STYLE: dict[Status, str] = {"ok": "ok", "tight": "warning"}
_WORDS: dict[Status, str] = {
    "tight": "Tight",
    "deploy_overflows": "Does not fit while a deploy runs",
    "needs_pooler": "Needs a pooler",
    "over_capacity": "More than the server has",
    "needs_cpu": "Needs more CPU",
    "too_many_pools": "Too many pools",
}


def record(section: Sizing) -> dict[str, Any]:
    """Under `sizing`: the documented numbers, then the sentences and what else there is."""
    names = (
        "status", "pool_size", "classic", "available", "usable", "max_steady", "max_deploy", "comfort",
        "total_steady", "total_deploy", "procs", "procs_peak", "erlangs", "need", "need_shared", "knee",
        "recommended", "classic_verdict", "warn_line", "instances_peak", "useful",
    )  # fmt: skip
    found: dict[str, Any] = {name: getattr(section, name) for name in names}
    found["also"] = list(section.also)
    found["headline"] = words.headline(section)
    found["verdict"] = words.verdict(section)
    found["advice"] = list(words.advice(section))
    found["sums"] = list(words.sums(section))
    found["unchecked"] = words.unchecked(section)
    found["inputs"] = asdict(section.inputs)
    found["sources"] = dict(section.sources)
    if section.functions:
        found["functions"] = asdict(section.functions)
    if section.shares:
        found["shares"] = [{**asdict(share), "procs": share.procs} for share in section.shares]
    if section.pooler:
        found["pooler"] = asdict(section.pooler)
    if section.measured:
        found["measured"] = asdict(section.measured)
    if section.lines:
        found["lines"] = [asdict(line) for line in section.lines]
    if section.ini:
        found["ini"] = section.ini
    return {"sizing": found}


def text(section: Sizing, paint: Paint) -> Iterator[str]:
    """Headline, verdict and advice, sums, what was not checked, the lines to write."""
    colour = _STYLE.get(section.status, "error")
    yield paint.style(words.headline(section), colour, "bold")
    for status in (section.status, *section.also):
        verdict = words.verdict(section, status)
        if verdict:
            symbol = "warning" if status == "tight" else "error"
            yield from paint.wrap(
                f"{_WORDS[status]}: {verdict}", indent=4, first="  " + paint.symbol(symbol) + " "
            )
        for each in words.advice(section, status):
            yield from paint.wrap(each, indent=6, first="    " + paint.symbol("do") + " ")
    if paint.look.verbosity < 0:
        return
    if section.measured:
        yield from paint.wrap(measured(section.measured), indent=4, first="  - ")
    for each in words.sums(section):
        yield from paint.wrap(each, indent=4, first="  - ")
    if paint.look.verbosity > 0:
        for each in (words.memory(section), words.published(section)):
            if each:
                yield from paint.wrap(each, indent=4, first="  - ")
    if unchecked := words.unchecked(section):
        yield from paint.wrap(unchecked, indent=4, first="  - ")
    if section.lines:
        yield ""
        yield paint.heading("Write")
        for line in section.lines:
            yield from paint.wrap(line.title, indent=2)
            yield from paint.code((line.code,), indent=6)
    if section.ini:
        yield ""
        yield paint.heading("pgbouncer.ini (--format ini writes nothing else)")
        yield from paint.code(section.ini.splitlines(), indent=2)


def measured(sample: Measured) -> str:
    """What a sample told, in one sentence."""
    said = f"Measured for {sample.seconds:.0f} s in {sample.where}: {sample.tps:.4g} transactions/s"
    if sample.hold_ms is not None:
        said += f" x {sample.hold_ms:.3g} ms = {sample.erlangs:.3g} connections busy on average"
    if sample.idle_share is not None:
        said += f"; {sample.idle_share * 100:.0f} % of that idle in transaction"
    if sample.busy_ratio is not None:
        said += f"; sessions are busy {sample.busy_ratio * 100:.1f} % of their time"
    if sample.cv2 is not None:
        said += f"; squared variation of the hold time {sample.cv2:.2g} ({sample.cv2_source})"
    if sample.wait_ms is not None:
        said += f"; clients wait {sample.wait_ms:.3g} ms on average"
    return f"{said}. A quiet minute sizes for a quiet minute: sample the peak."
