"""Counting what is recognised: every entry once, however long the log, with its times; and the story they tell."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from poolcheck import error_catalogue as known
from poolcheck.core.explanation import Explanation, Explanations, Layer, Moment, Onset
from poolcheck.readers.log import Record, earliest, latest, records, whole
from poolcheck.recognising import ORIGIN, Hit, explanation, recognise, says_more

WHOLE = 40_000  # characters up to which a text without times is also read as one wrapped message
_NUMBERS = re.compile(
    r"\b(?!(?:53300|26000|34000|55000|42501|42704|57014|58000|08006|28000|40001|6432|6543)\b)\d+\b"
)
_IDS = re.compile(r"\b(?=[0-9a-f-]*\d)[0-9a-f]{4,}(?:-[0-9a-f]+)*\b")


Plain = tuple[int, list[tuple[str, int, tuple[Any, ...], tuple[Any, ...]]]]


@dataclass(slots=True)
class Tally:
    """Counts what is recognised. Holds one explanation for each entry, however long the log is."""

    dialled_pooler: bool | None = None
    records: int = 0
    _items: dict[str, Explanation] = field(default_factory=dict)
    _alike: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def add(self, record: Record) -> bool:
        """Recognise and count a record; False when nothing in it is known."""
        key = _IDS.sub("x", _NUMBERS.sub("0", record.text)) + "".join(record.sqlstates)
        seen = self._alike.get(key)
        if seen is None:
            hits = recognise(record)
            seen = tuple(hit.error.id for hit in hits)
            if len(self._alike) < 20_000 and len(key) < 2_000:
                self._alike[key] = seen
            for hit in hits:
                if hit.error.id not in self._items:
                    new = explanation(hit, hits, record, self.dialled_pooler)
                    self._items[hit.error.id] = replace(new, count=0)
        for error_id in seen:
            self._count(error_id, record.moment)
        self.records += bool(seen)
        return bool(seen)

    def add_once(self, record: Record) -> None:
        """As `add`, for entries that no part of the same text has shown: a message that was wrapped."""
        hits = recognise(record)
        for hit in hits:
            if hit.error.id not in self._items and not self._said_better(hit):
                self._items[hit.error.id] = explanation(hit, hits, record, self.dialled_pooler)
                self.records += 1

    def _said_better(self, hit: Hit) -> bool:
        exact = [Hit(item.error) for item in self._items.values() if not item.error.vague]
        return hit.error.vague and any(says_more(each, hit) for each in exact)

    def _count(self, error_id: str, moment: Moment | None) -> None:
        item = self._items[error_id]
        self._items[error_id] = replace(
            item,
            count=item.count + 1,
            first=earliest((item.first, moment)),
            last=latest((item.last, moment)),
        )

    def plain(self) -> Plain:
        """What was counted, as strings and numbers: for handing over to another process."""
        items = []
        for item in self._items.values():
            texts = (item.layer, item.evidence, item.details, item.notes, item.inside)
            times = tuple((moment.at, moment.form) if moment else None for moment in (item.first, item.last))
            items.append((item.error.id, item.count, texts, times))
        return self.records, items

    def merge(self, later: Plain) -> None:
        """Add what was counted in a later part of the same log."""
        records_seen, items = later
        self.records += records_seen
        for error_id, count, (layer, evidence, details, notes, inside), times in items:
            entry = known.error(error_id)
            assert entry is not None, error_id
            first, last = (Moment(*each) if each else None for each in times)
            old = self._items.get(error_id) or Explanation(
                error=entry,
                layer=layer,
                evidence=evidence,
                details=details,
                notes=notes,
                inside=inside,
                count=0,
            )
            self._items[error_id] = replace(
                old,
                count=old.count + count,
                first=earliest((old.first, first)),
                last=latest((old.last, last)),
            )

    def result(self, bytes_read: int = 0) -> Explanations:
        """Everything that was recognised: the story of a log, or the causes of one text from the inside outwards."""
        items = list(self._items.values())
        if not any(item.first or item.count > 1 for item in items):  # one pasted text is one event as well
            items = [item for item in items if not item.error.vague or not self._said_better(Hit(item.error))]
        several = self.records > 1 or any(item.count > 1 for item in items)
        if not several or not any(item.first for item in items):
            items.sort(key=lambda item: (item.error.wraps, ORIGIN[item.error.origin], item.error.vague))
        elif len({item.first.form if item.first else None for item in items}) == 1:
            items.sort(key=lambda item: item.first.order if item.first else 0.0)
        return Explanations(
            items=tuple(items),
            story=story(items) if several else (),
            run=run_next(items),
            bytes_read=bytes_read,
            records=self.records,
            several=several,
        )


def run_next(items: Iterable[Explanation], most: int = 4) -> tuple[str, ...]:
    """The commands that the failing layers' pages advise, each once."""
    pages = dict.fromkeys(item.layer for item in items)
    return tuple(dict.fromkeys(line for layer in pages for line in known.layer(layer).run))[:most]


def story(items: Iterable[Explanation]) -> tuple[Onset, ...]:
    """The layers in the order in which they began to fail: by time where all have comparable ones, else by place."""
    onsets: dict[Layer, Onset] = {}
    listed = list(items)
    for item in [each for each in listed if not each.error.wraps] or listed:
        old = onsets.get(item.layer)
        if old is None:
            onsets[item.layer] = Onset(
                layer=item.layer, error=item.error.id, first=item.first, count=item.count
            )
            continue
        first = earliest((old.first, item.first))
        earlier = first is not None and first is item.first and first is not old.first
        onsets[item.layer] = Onset(
            layer=old.layer,
            error=item.error.id if earlier else old.error,
            first=first,
            count=old.count + item.count,
        )
    found = list(onsets.values())
    forms = {onset.first.form if onset.first else None for onset in found}
    if len(forms) == 1 and None not in forms:
        found.sort(key=lambda onset: onset.first.order if onset.first else 0.0)
    return tuple(found)


def tally_text(tally: Tally, text: str) -> None:
    """Count every event of a text; a text without times is also read as one message that was wrapped."""
    timed = False
    for record in records(text):
        timed = timed or record.moment is not None
        tally.add(record)
    if not timed and "\n" in text.strip() and len(text) <= WHOLE:
        tally.add_once(whole(text))
