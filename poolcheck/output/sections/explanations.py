"""What `explain` found: the story of a log, then each error with what it means and what to do first."""

from collections.abc import Iterator
from typing import Any

from poolcheck.catalogue import error_texts
from poolcheck.model.explanation import Explanation, Explanations, Near, Onset
from poolcheck.output.paint import Paint
from poolcheck.text import clean, plural

IN_FULL = 3  # so many are told whole; the others in two lines, unless -v asks for all


def record(section: Explanations) -> dict[str, Any]:
    """The key `explanations`; for logs `story`, for unknown texts `nearest`; `run` is what to run next."""
    found: dict[str, Any] = {"explanations": [_item(item) for item in section.items]}
    if section.story:
        found["story"] = [_onset(onset) for onset in section.story]
    if section.near:
        found["nearest"] = [_near(near) for near in section.near]
    if section.meant:
        found["meant"] = list(section.meant)
    if section.run:
        found["run"] = list(section.run)
    found["read"] = {"bytes": section.bytes_read, "records": section.records}
    return found


def _item(item: Explanation) -> dict[str, Any]:
    error = item.error
    return {
        "id": error.id,
        "title": error.title,
        "layer": item.layer,
        "sqlstate": error.sqlstate or None,
        "code": error.code or None,
        "who": error.who,
        "origin": error.origin,
        "driver": error.driver or None,
        "means": error.means,
        "not_means": error.not_means or None,
        "first": error.first,
        "step": error.step,
        "causes": [{"sign": cause.sign, "cause": cause.cause} for cause in error.causes],
        "count": item.count,
        "first_seen": str(item.first) if item.first else None,
        "last_seen": str(item.last) if item.last else None,
        "evidence": item.evidence or None,
        "details": [{"name": name, "value": value} for name, value in item.details],
        "notes": list(item.notes),
        "seen_through": list(item.inside),
        "wraps": error.wraps,
        "vague": error.vague,
        "proof": error.proof,
        "sources": [error.source],
        "checked": error.checked.isoformat(),
    }


def _onset(onset: Onset) -> dict[str, Any]:
    return {
        "layer": onset.layer,
        "error": onset.error,
        "first_seen": str(onset.first) if onset.first else None,
        "count": onset.count,
    }


def _near(near: Near) -> dict[str, Any]:
    return {
        "id": near.error.id,
        "title": near.error.title,
        "layer": near.error.layer,
        "text": near.example,
        "score": near.score,
    }


def text(section: Explanations, paint: Paint) -> Iterator[str]:
    """As people read it: the story first, then the causes from the inside outwards."""
    if not section.items:
        yield from _unknown(section, paint)
        return
    if len(section.story) > 1 or (section.several and section.story):
        yield from _story(section, paint)
    for number, item in enumerate(section.items):
        if number or section.several:
            yield ""
        whole = number < IN_FULL or paint.look.verbosity > 0
        yield from _explanation(item, section, paint, whole=whole)
    if section.run and paint.look.verbosity >= 0:
        yield ""
        yield paint.heading("Run next")
        yield from paint.code(section.run)


def _unknown(section: Explanations, paint: Paint) -> Iterator[str]:
    yield from map(paint.heading, section.meant)
    yield paint.heading("Not recognised")
    yield from paint.wrap("Nothing in this text is an error that the catalogue knows.", indent=2)
    if section.near:
        yield ""
        yield paint.heading("Nearest known texts")
        for near in section.near:
            yield from paint.wrap(near.example, indent=4, first="  - ")
            yield from paint.wrap(f"{near.error.title} ({near.error.layer}, {near.error.id})", indent=4)


def _story(section: Explanations, paint: Paint) -> Iterator[str]:
    yield from _heading("The layers, in the order in which they began to fail", paint)
    rows = []
    for onset in section.story:
        same = [item for item in section.items if item.layer == onset.layer]
        told = [
            f"{item.error.title} {item.count:,} x" if len(same) > 1 else item.error.title for item in same
        ]
        title = ": ".join([error_texts.layer(onset.layer).title, *filter(None, [", ".join(told)])])
        rows.append((str(onset.first or ""), onset.layer, f"{onset.count:,} x", title))
    if not any(row[0] for row in rows):
        rows = [("", *row[1:]) for row in rows]
    yield from paint.table(rows, align="<<><")
    if len(section.story) > 1:
        first = error_texts.layer(section.story[0].layer)
        yield from paint.wrap(f"It began with {first.title}; what came later may follow from it.", indent=2)


def _explanation(item: Explanation, section: Explanations, paint: Paint, *, whole: bool) -> Iterator[str]:
    error = item.error
    page = error_texts.layer(item.layer)
    yield from _heading(f"{error.title[0].upper()}{error.title[1:]}", paint)
    labels = [f"Layer: {page.title} ({item.layer})", error.who]
    code = error.code or (f"SQLSTATE {error.sqlstate}" if error.sqlstate else "")
    yield from paint.wrap("; ".join([*labels, code] if code else labels), indent=2)
    if section.several and item.count:
        yield from paint.wrap(_seen(item), indent=2)
    if item.evidence:
        yield from paint.wrap(item.evidence, indent=4, first="  " + paint.style("| ", "dim"))
    if not whole:
        yield from _labelled("First", error.first, paint)
        return
    if item.details:
        yield from paint.wrap(", ".join(f"{name}: {value}" for name, value in item.details), indent=2)
    if paint.look.verbosity < 0:
        yield from _labelled("First", error.first, paint)
        return
    yield from _labelled("Means", error.means, paint)
    if error.not_means:
        yield from _labelled("But", error.not_means, paint)
    for note in item.notes:
        yield from _labelled("Note", note, paint)
    yield from _around(item, paint)
    yield from _labelled("First", error.first, paint)
    if error.causes:
        yield from _labelled("Tell the causes apart:", "", paint)
        for cause in error.causes:
            yield from paint.wrap(f"{cause.sign}: {cause.cause}", indent=6, first="    - ")
    if paint.look.verbosity > 0:
        proof = {
            "reproduced": "reproduced",
            "source": "read in the source",
            "documented": "documented or reported",
        }
        yield from paint.wrap(
            f"{error.source} ({proof[error.proof]}, checked {error.checked}; {error.id})",
            indent=6,
            first="  see ",
        )


def _heading(title: str, paint: Paint) -> Iterator[str]:
    return (paint.heading(line) for line in paint.wrap(title))


def _labelled(label: str, sentence: str, paint: Paint) -> Iterator[str]:
    """`Means  ...` with the label in bold; the paragraph hangs behind the longest label."""
    lines = list(paint.wrap(sentence, indent=9)) if sentence else [""]
    gap = " " * max(1, 7 - len(label))
    if paint.look.plain:
        label, gap = label.rstrip(":") + ":", " "
    yield f"  {paint.style(label, 'bold')}{gap}{clean(lines[0].strip())}".rstrip()
    yield from lines[1:]


def _around(item: Explanation, paint: Paint) -> Iterator[str]:
    titles = [error.title for each in item.inside if (error := error_texts.error(each))]
    if titles:
        yield from _labelled("Seen through:", "", paint)
        for title in titles:
            yield from paint.wrap(title, indent=6, first="    - ")


def _seen(item: Explanation) -> str:
    count = plural(item.count, "time")
    if item.first is None:
        return count
    if item.last is None or str(item.last) == str(item.first):
        return f"{count}, at {item.first}"
    return f"{count}, {item.first} to {item.last}"
