"""An error text or a log to explanations: which layer failed, what that means, what to do first.

Pure: text in, types out. `live` uses `explain_text` for what a server answered, `explain` for what people paste,
`scanning` feeds whole logs through the same `Tally`. What decides is errors/*.toml.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache

from poolcheck import error_catalogue as known
from poolcheck.core.explanation import (
    ErrorText,
    Explanation,
    Explanations,
    Layer,
    Moment,
    Near,
    Onset,
)
from poolcheck.core.report import Action, Step, StepStatus
from poolcheck.core.secret import redact
from poolcheck.core.text import clean
from poolcheck.readers.log import Record, collapse, earliest, latest, records, whole

EVIDENCE = 240  # characters of the text shown as evidence
WHOLE = 40_000  # characters up to which a text without times is also read as one wrapped message
_ORIGIN = {"server": 0, "pooler": 1, "network": 2, "client": 3}
_RANK: dict[StepStatus, int] = {"do": 3, "check": 2, "done": 1, "not needed": 0}
_POOLER = re.compile(
    r"(?:port |:)(?:6432|6543)\b|-pooler\.|\.pooler\.|\bpgbouncer\b|pooled\.db\.prisma\.io|\.proxy-\w+\."
)
_DIALLED = (
    re.compile(r'connection to server at "([^"]{1,120})"(?: \([^)]{1,60}\))?, port (\d{1,5})'),
    re.compile(r"(?<![\w.:-])([\w-]{1,60}(?:\.[\w-]{1,60}){1,8}):(\d{4,5})\b"),
)


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry that a text shows: where, and by what."""

    error: ErrorText
    start: int = 0
    end: int = 0
    by_code: bool = False


# --- recognising ------------------------------------------------------------------------------------------------


@cache
def _patterns() -> tuple[tuple[ErrorText, re.Pattern[str]], ...]:
    return tuple((error, known.compiled(each)) for error in known.errors() for each in error.patterns)


@cache
def _translated() -> tuple[tuple[ErrorText, str, re.Pattern[str]], ...]:
    """(entry, a fixed part, pattern) of every translation: the fixed part is looked for first.

    A server that was started without a locale sends a question mark for each letter outside ASCII: that is recognised
    too, as long as enough of the message is left.
    """
    found = []
    for each in known.translations():
        error = known.error(each.id)
        assert error is not None, each.id
        for _, text in each.texts:
            parts = re.split(r"%[sdm]", text)
            body = (
                re.escape(text).replace("%s", ".{0,80}?").replace("%d", r"\d{1,9}").replace("%m", ".{1,60}")
            )
            plain = max(
                (run for part in parts for run in re.findall(r"[ -~]{8,}", part)), key=len, default=""
            )
            if plain:
                body = re.sub(r"[^\x00-\x7f]", lambda letter: f"(?:{letter[0]}|[?\ufffd]{{1,4}})", body)
            fixed = plain or max(parts, key=len).strip()
            found.append((error, fixed.strip(), known.compiled(body)))
    return tuple(found)


@cache
def _by_code() -> dict[str, tuple[ErrorText, ...]]:
    codes: dict[str, list[ErrorText]] = {}
    for error in known.errors():
        for code in error.codes:
            codes.setdefault(code, []).append(error)
    return {code: tuple(errors) for code, errors in codes.items()}


@cache
def _by_routine() -> dict[tuple[str, str], ErrorText]:
    return {(error.sqlstate, routine): error for error in known.errors() for routine in error.routines}


def search(text: str) -> list[Hit]:
    """Every entry whose pattern or translation stands in the text, in the order of the catalogue; nothing is weighed."""
    hits: dict[str, Hit] = {}
    for error, pattern in _patterns():
        if error.id not in hits and (found := pattern.search(text)):
            hits[error.id] = Hit(error, found.start(), found.end())
    for error, fixed, pattern in _translated():
        if error.id not in hits and fixed in text and (found := pattern.search(text)):
            hits[error.id] = Hit(error, found.start(), found.end())
    return list(hits.values())


def recognise(record: Record) -> list[Hit]:
    """What a record shows, inner causes first; what is said better by something else in it is left out."""
    text = record.text
    hits = search(text)
    if not hits and len(record.lines) > 1:
        hits = search(record.unbroken)
    return _weigh(hits + list(_coded(record, hits)))


def _coded(record: Record, hits: list[Hit]) -> Iterator[Hit]:
    """By SQLSTATE and routine, where no text says it already."""
    said = {hit.error.sqlstate for hit in hits if not hit.error.wraps and not hit.error.vague}
    ids = {hit.error.id for hit in hits}
    for code in record.sqlstates:
        if code in said:
            continue
        routines = [_by_routine().get((code, routine)) for routine in record.routines]
        for error in [each for each in routines if each] or _by_code().get(code, ()):
            if error.id not in ids:
                yield Hit(error, by_code=True)


def _weigh(hits: list[Hit]) -> list[Hit]:
    """Drop what lies inside a longer text of another entry and what is vague beside something exact; sort."""
    kept = [hit for hit in hits if not any(_covers(other, hit) for other in hits)]
    exact = [hit for hit in kept if not hit.error.vague]
    kept = [hit for hit in kept if not hit.error.vague or not any(_says_more(each, hit) for each in exact)]
    return sorted(
        kept, key=lambda hit: (hit.error.wraps, _ORIGIN[hit.error.origin], hit.error.vague, hit.start)
    )


def _covers(other: Hit, hit: Hit) -> bool:
    if other is hit or other.by_code or hit.by_code or other.error.wraps or hit.error.wraps:
        return False
    inside = other.start <= hit.start and hit.end <= other.end
    return inside and (other.end - other.start) > (hit.end - hit.start)


def _says_more(exact: Hit, vague: Hit) -> bool:
    if exact.error.layer == vague.error.layer:
        return True
    return not exact.error.wraps and _ORIGIN[exact.error.origin] <= _ORIGIN[vague.error.origin]


# --- what the text proves ---------------------------------------------------------------------------------------

# Words of connection strings that may be quoted by a driver's complaint: not secrets, whatever redaction thinks.
_POOL_WORDS = frozenset(
    "pgbouncer connection_limit pool_timeout schema sslmode channel_binding options search_path prepare max pool "
    "statement_cache_size prepare_threshold pool_size max_overflow connect_timeout statement_timeout".split()
)


def explanation(hit: Hit, hits: list[Hit], record: Record, dialled_pooler: bool | None) -> Explanation:
    """The entry with its evidence in this record, secrets masked. `hits` is everything that the record shows."""
    masked = collapse(redact("\n".join(record.lines)))
    found = _find(hit.error, masked)
    details = list(_details(hit.error, record.text, found))
    notes = []
    dialled = next((match for pattern in _DIALLED if (match := pattern.search(masked))), None)
    if dialled:
        details.append(("dialled", f"{dialled[1]}:{dialled[2]}"))
    pooled = dialled_pooler if dialled_pooler is not None else _POOLER.search(masked) is not None
    if pooled and hit.error.origin == "server" and hit.error.layer in ("slots", "role-limit", "db-limit"):
        notes.append(
            "A pooler was dialled and PostgreSQL's own text came back: the server refuses the pooler. "
            "Raising the pooler's client limit does not help."
        )
    if hit.by_code:
        code = next((code for code in record.sqlstates if code in (*hit.error.codes, hit.error.sqlstate)), "")
        routine = next((each for each in record.routines if each in hit.error.routines), "")
        notes.append(
            f"Recognised by SQLSTATE {code}{f' and routine {routine}' if routine else ''}, not by its words."
        )
    return Explanation(
        error=hit.error,
        layer=hits[0].error.layer if hit.error.wraps else hit.error.layer,
        evidence=_excerpt(masked, found),
        details=tuple(dict.fromkeys(details)),
        notes=tuple(notes),
        inside=tuple(other.error.id for other in hits[hits.index(hit) + 1 :]),
        first=record.moment,
        last=record.moment,
    )


def _find(error: ErrorText, text: str) -> re.Match[str] | None:
    ours = [pattern for each, pattern in _patterns() if each is error]
    ours += [pattern for each, _, pattern in _translated() if each is error]
    return next((found for pattern in ours if (found := pattern.search(text))), None)


def _details(error: ErrorText, text: str, found: re.Match[str] | None) -> Iterator[tuple[str, str]]:
    for name, value in (found.groupdict() if found else {}).items():
        if value and "***" in value and name == "parameter":
            plain = _find(error, text)
            value = plain["parameter"] if plain and plain["parameter"] in _POOL_WORDS else ""  # noqa: PLW2901
        if not value or "***" in value or name == "reason":
            continue
        label, _, unit = name.rpartition("_") if name.endswith(("_s", "_ms")) else (name, "", "")
        yield label.replace("_", " "), clean(f"{value} {unit}".rstrip(), limit=80)
        if name == "statement" and (driver := known.statement_driver(value)):
            yield "prepared by", driver


def _excerpt(text: str, found: re.Match[str] | None) -> str:
    """The part of the text around what was found, cut at words."""
    if found is None or len(text) <= EVIDENCE:
        return clean(text, limit=EVIDENCE)
    room = max(0, EVIDENCE - (found.end() - found.start()))
    start = max(0, found.start() - room // 2)
    if start:
        space = text.find(" ", start, found.start())
        start = space + 1 if space >= 0 else start
    lead = "… " if start else ""
    return clean(lead + text[start:], limit=EVIDENCE)


# --- counting ---------------------------------------------------------------------------------------------------

_NUMBERS = re.compile(
    r"\b(?!(?:53300|26000|34000|55000|42501|42704|57014|58000|08006|28000|40001|6432|6543)\b)\d+\b"
)
_IDS = re.compile(r"\b(?=[0-9a-f-]*\d)[0-9a-f]{4,}(?:-[0-9a-f]+)*\b")


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
        return hit.error.vague and any(_says_more(each, hit) for each in exact)

    def _count(self, error_id: str, moment: Moment | None) -> None:
        item = self._items[error_id]
        self._items[error_id] = replace(
            item,
            count=item.count + 1,
            first=earliest((item.first, moment)),
            last=latest((item.last, moment)),
        )

    def result(self, bytes_read: int = 0) -> Explanations:
        """Everything that was recognised: the story of a log, or the causes of one text from the inside outwards."""
        items = list(self._items.values())
        if not any(item.first or item.count > 1 for item in items):  # one pasted text is one event as well
            items = [item for item in items if not item.error.vague or not self._said_better(Hit(item.error))]
        several = self.records > 1 or any(item.count > 1 for item in items)
        if not several or not any(item.first for item in items):
            items.sort(key=lambda item: (item.error.wraps, _ORIGIN[item.error.origin], item.error.vague))
        pages = dict.fromkeys(item.layer for item in items)
        run = dict.fromkeys(line for layer in pages for line in known.layer(layer).run)
        return Explanations(
            items=tuple(items),
            story=story(items) if several else (),
            run=tuple(run)[:4],
            bytes_read=bytes_read,
            records=self.records,
            several=several,
        )


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


# --- whole texts ------------------------------------------------------------------------------------------------


def tally_text(tally: Tally, text: str) -> None:
    """Count every event of a text; a text without times is also read as one message that was wrapped."""
    timed = False
    for record in records(text):
        timed = timed or record.moment is not None
        tally.add(record)
    if not timed and "\n" in text.strip() and len(text) <= WHOLE:
        tally.add_once(whole(text))


def explain(text: str, *, dialled_pooler: bool | None = None) -> Explanations:
    """What a pasted text shows. Nothing recognised: `items` is empty, and `near` has what resembles it."""
    tally = Tally(dialled_pooler)
    tally_text(tally, text)
    result = tally.result(len(text.encode("utf-8", "replace")))
    return result if result.items else replace(result, near=nearest(text))


def explain_text(text: str, *, dialled_pooler: bool | None = None) -> tuple[Explanation, ...]:
    """What an error text shows, the inner cause first; () when nothing in it is known.

    `dialled_pooler` says whether the address that answered is a pooler's; None: judge by the text.
    """
    return explain(text, dialled_pooler=dialled_pooler).items


# --- what resembles it ------------------------------------------------------------------------------------------

_WORD = re.compile(r"[A-Za-z][A-Za-z_]{2,}")
_COMMON = frozenset(
    "the for and from not with was has have this that error fatal exception failed server connection connections "
    "database postgres postgresql pool client user org com java sql psycopg sqlalchemy exc line file could".split()
)


def _words(text: str) -> set[str]:
    return {word for found in _WORD.finditer(text) if (word := found[0].lower()) not in _COMMON}


@cache
def _known_words() -> tuple[tuple[ErrorText, str, frozenset[str]], ...]:
    return tuple(
        (error, example, frozenset(_words(example))) for error in known.errors() for example in error.examples
    )


@cache
def _weights() -> dict[str, float]:
    seen = Counter(word for _, _, words in _known_words() for word in words)
    return {word: math.log(1 + len(_known_words()) / count) for word, count in seen.items()}


def nearest(text: str, limit: int = 3) -> tuple[Near, ...]:
    """Known texts that share at least half of their telling words, and three of them, with this one."""
    weights = _weights()
    words = _words(text[:WHOLE])
    found: dict[str, Near] = {}
    for error, example, theirs in _known_words():
        shared = theirs & words
        total = sum(weights[word] for word in theirs)
        score = sum(weights[word] for word in shared) / total if total else 0.0
        if len(shared) >= 3 and score >= 0.5 and (error.id not in found or found[error.id].score < score):
            found[error.id] = Near(error=error, example=example, score=round(score, 2))
    return tuple(sorted(found.values(), key=lambda near: -near.score)[:limit])


# --- the five steps ---------------------------------------------------------------------------------------------


def steps(items: Iterable[Explanation]) -> tuple[Step, ...]:
    """The five steps in the light of the layers that failed, then migrations where an entry concerns them.

    Each step takes the most pressing status that a layer gives it, with that layer's reason.
    """
    from poolcheck.fixpath import TITLES  # noqa: PLC0415 - `live` asks for explanations without the fix path

    listed = list(items)
    found = [item.error for item in listed]
    pages = [known.layer(layer) for layer in dict.fromkeys(item.layer for item in listed)]
    if not pages:
        return ()
    result = []
    for number in range(1, 6):
        views = [view for page in pages for view in page.steps if view.step == number]
        chosen = max(views, key=lambda view: _RANK[view.status])
        actions = [Action(text) for view in views if view.status == chosen.status for text in view.do]
        code = tuple(
            dict.fromkeys(line for view in views if view.status == chosen.status for line in view.code)
        )
        if code:
            last = actions.pop() if actions else Action("Run:")
            actions.append(Action(last.text, code))
        result.append(
            Step(
                step=number,
                title=TITLES[number],
                status=chosen.status,
                why=chosen.why,
                actions=tuple(dict.fromkeys(actions)),
            )
        )
    migrating = [error for error in found if error.step == 6]
    if migrating:
        result.append(
            Step(
                step=6,
                title=TITLES[6],
                status="do",
                why=migrating[0].means,
                actions=(Action(migrating[0].first),),
            )
        )
    return tuple(result)


def errors_table() -> str:
    """Every entry as a Markdown table, by layer: for `explain errors`."""
    lines = ["| id | layer | what it says | from |", "|---|---|---|---|"]
    for page in known.layers():
        lines += [
            f"| {error.id} | {error.layer} | {error.title} | {error.who} |"
            for error in known.errors()
            if error.layer == page.id
        ]
    return "\n".join(lines) + "\n"
