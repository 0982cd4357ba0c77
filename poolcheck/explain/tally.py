"""Counting what is recognised: every entry once, however long the log, with its times; and the story they tell."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

from poolcheck.catalogue import error_texts as known
from poolcheck.explain.log import Record, event_moment, records, whole
from poolcheck.explain.log_times import earliest, latest
from poolcheck.explain.recognise import ORIGIN, Hit, explanation, recognise, says_more
from poolcheck.model.explanation import Explanation, Explanations, Layer, Moment, Onset

WHOLE = 40_000  # characters up to which a text without times is also read as one wrapped message
_EVENT = 16_000  # bytes of an event up to which it is worth remembering
_MEMORY = 50_000  # events that are remembered, by a hash of 16 bytes
_CODES = b"53300|26000|34000|55000|42501|42704|57014|58000|08006|28000|40001|6432|6543"  # numbers that mean something
_NUMBERS = re.compile(rb"\b(?!(?:" + _CODES + rb")\b)\d+\b")
_IDS = re.compile(rb"\b(?=[0-9a-f-]{0,99}\d)[0-9a-f]{4,}(?:-[0-9a-f]+){0,20}\b")

Plain = tuple[int, list[tuple[str, tuple[int, int], tuple[Any, ...], tuple[Any, ...]]]]


@dataclass(slots=True)
class _Seen:
    """An entry that was recognised, how often and when; `led`: how often as the inner cause."""

    shown: Explanation
    count: int = 0
    first: Moment | None = None
    last: Moment | None = None
    led: int = 0
    led_first: Moment | None = None

    def add(self, count: int, first: Moment | None, last: Moment | None) -> None:
        self.count += count
        if first is not None and first is not self.first:
            self.first = earliest((self.first, first))
        if last is not None and last is not self.last:
            self.last = latest((self.last, last))

    def lead(self, count: int, first: Moment | None) -> None:
        self.led += count
        if first is not None and first is not self.led_first:
            self.led_first = earliest((self.led_first, first))

    def explained(self) -> Explanation:
        return replace(
            self.shown,
            count=self.count,
            first=self.first,
            last=self.last,
            led=self.led,
            led_first=self.led_first,
        )


@dataclass(slots=True)
class Tally:
    """Counts what is recognised. Holds one explanation for each entry, however long the log is."""

    dialled_pooler: bool | None = None
    records: int = 0
    _seen: dict[str, _Seen] = field(default_factory=dict)
    _events: dict[bytes, tuple[str, ...]] = field(default_factory=dict)

    def add(self, record: Record) -> tuple[str, ...]:
        """Recognise and count a record; the ids of what it shows."""
        hits = recognise(record)
        for hit in hits:
            if hit.error.id not in self._seen:
                self._seen[hit.error.id] = _Seen(explanation(hit, hits, record, self.dialled_pooler))
        ids = tuple(hit.error.id for hit in hits)
        self._count(ids, record.moment)
        return ids

    def add_event(self, raw: bytes) -> None:
        """Count an event as it stands in a log. Events that differ only in numbers and ids are recognised once."""
        key = b""
        if len(raw) <= _EVENT:
            key = blake2b(_IDS.sub(b"x", _NUMBERS.sub(b"0", raw)), digest_size=16).digest()
            ids = self._events.get(key)
            if ids is not None:
                if ids:
                    self._count(ids, event_moment(raw[:_EVENT].decode("utf-8", "replace").split("\n", 3)[:3]))
                return
        found = tally_text(self, raw.decode("utf-8", "replace"))
        if key and len(found) == 1 and len(self._events) < _MEMORY:
            self._events[key] = found[0]

    def add_once(self, record: Record) -> None:
        """As `add`, for entries that no part of the same text has shown: a message that was wrapped."""
        hits = recognise(record)
        for hit in hits:
            if hit.error.id not in self._seen and not self._said_better(hit):
                self._seen[hit.error.id] = _Seen(explanation(hit, hits, record, self.dialled_pooler))
                self._count((hit.error.id,), record.moment)

    def _said_better(self, hit: Hit) -> bool:
        exact = [Hit(seen.shown.error) for seen in self._seen.values() if not seen.shown.error.vague]
        return hit.error.vague and any(says_more(each, hit) for each in exact)

    def _count(self, ids: tuple[str, ...], moment: Moment | None) -> None:
        for error_id in ids:
            self._seen[error_id].add(1, moment, moment)
        if ids:  # the inner cause stands first: one event is one error, of that one's layer
            self._seen[ids[0]].lead(1, moment)
            self.records += 1

    def plain(self) -> Plain:
        """What was counted, as strings and numbers: for handing over to another process."""
        items = []
        for error_id, seen in self._seen.items():
            shown = seen.shown
            texts = (shown.layer, shown.evidence, shown.details, shown.notes, shown.inside)
            moments = (seen.first, seen.last, seen.led_first)
            times = tuple((moment.at, moment.form) if moment else None for moment in moments)
            items.append((error_id, (seen.count, seen.led), texts, times))
        return self.records, items

    def merge(self, later: Plain) -> None:
        """Add what was counted in a later part of the same log."""
        records_seen, items = later
        self.records += records_seen
        for error_id, (count, led), (layer, evidence, details, notes, inside), times in items:
            entry = known.error(error_id)
            assert entry is not None, error_id
            if error_id not in self._seen:
                shown = Explanation(
                    error=entry, layer=layer, evidence=evidence, details=details, notes=notes, inside=inside
                )
                self._seen[error_id] = _Seen(shown)
            first, last, led_first = (Moment(*time) if time else None for time in times)
            self._seen[error_id].add(count, first, last)
            self._seen[error_id].lead(led, led_first)

    def result(self, bytes_read: int = 0) -> Explanations:
        """Everything that was recognised: the story of a log, or the causes of one text from the inside outwards."""
        items = [seen.explained() for seen in self._seen.values()]
        if not any(item.first or item.count > 1 for item in items):  # one pasted text is one event as well
            items = [item for item in items if not item.error.vague or not self._said_better(Hit(item.error))]
        several = self.records > 1 or any(item.count > 1 for item in items)
        began = story(items) if several else ()  # where nothing has a time: in the order of the text
        if not several or not any(item.first for item in items):
            items.sort(key=lambda item: (item.error.wraps, ORIGIN[item.error.origin], item.error.vague))
        elif len({item.first.form if item.first else None for item in items}) == 1:
            items.sort(key=lambda item: item.first.order if item.first else 0.0)
        return Explanations(
            items=tuple(items),
            story=began,
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
    leading = [item for item in items if item.led]
    for item in [each for each in leading if not each.error.wraps] or leading:
        old = onsets.get(item.layer)
        if old is None:
            onsets[item.layer] = Onset(
                layer=item.layer, error=item.error.id, first=item.led_first, count=item.led
            )
            continue
        first = earliest((old.first, item.led_first))
        earlier = first is not None and first is item.led_first and first is not old.first
        onsets[item.layer] = Onset(
            layer=old.layer,
            error=item.error.id if earlier else old.error,
            first=first,
            count=old.count + item.led,
        )
    found = list(onsets.values())
    forms = {onset.first.form if onset.first else None for onset in found}
    if len(forms) == 1 and None not in forms:
        found.sort(key=lambda onset: onset.first.order if onset.first else 0.0)
    return tuple(found)


def tally_text(tally: Tally, text: str) -> list[tuple[str, ...]]:
    """Count every event of a text; the ids that each shows.

    A text without times is also read as one message that was wrapped.
    """
    timed = False
    found = []
    for record in records(text):
        timed = timed or record.moment is not None
        found.append(tally.add(record))
    if not timed and "\n" in text.strip() and len(text) <= WHOLE:
        tally.add_once(whole(text))
    return found
