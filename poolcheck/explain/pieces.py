"""Halves of lines, a code alone, other quotes: texts that no pattern finds, and that are still known.

Only for what is short enough to have been pasted. Nothing is claimed for sure: each explanation says of which text it
takes this to be a piece, and what else holds the same words.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import cache
from math import log

from poolcheck.catalogue import error_texts as known
from poolcheck.explain.log import Record, collapse, records, whole
from poolcheck.explain.recognise import (
    ORIGIN,
    Hit,
    about_another_service,
    explanation,
    lenient,
    weigh,
)
from poolcheck.model.explanation import ErrorText, Explanation, Near

LONGEST = 4_000  # characters of a text that is looked at for pieces
MOST_RECORDS = 40
MOST_OTHERS = 4  # other texts that are named
SHORTEST_PIECE = 9  # characters, spaces left out; in scripts without spaces half of it
ENOUGH = 0.75  # of the weight of what is characteristic of a text
PIECE = 2.0  # above any share: the whole of what was given stands in a text
MOST_ALIKE, MOST_LAYERS = (
    12,
    2,
)  # texts that hold the same words, and their layers: above that they tell nothing
_WORD = re.compile(r"\w+(?:['.:]+\w+)*")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_MARK = re.compile(
    r"(?:FATAL|ERROR|PANIC|WARNING|LOG|[Ee]rror|Exception): {1,3}"
)  # also at the end of a class's name
_SQLSTATE = re.compile(r"(?:SQLSTATE\W{0,3})?([0-9A-Z]{5})")
# Names that any program gives its errors: alone they tell nothing.
_ANYBODYS = frozenset(
    "TimeoutError TimeoutException Exception ConnectionError ConnectionException RuntimeError RuntimeException TypeError "
    "ValueError SQLException IOException SocketException IllegalStateException InvalidOperationException".split()
)
_IDENTIFIER = re.compile(r"[a-z][A-Z]|\w_\w")
_AROUND = " \t\r\n\"'`()[]{}<>.,;:!…"


@dataclass(frozen=True, slots=True)
class _Guess:
    """An entry that a piece may belong to, and how that was seen."""

    error: ErrorText
    told: str
    sure: bool = False  # the catalogue has this very code, whatever else has it too


@dataclass(frozen=True, slots=True)
class _Known:
    """An example, and the part of it that a pattern recognises, in normal form."""

    error: ErrorText
    example: str
    text: str
    start: int
    end: int

    @property
    def words(self) -> list[str]:
        return self.text[self.start : self.end].split()


def of(text: str) -> tuple[tuple[Explanation, ...], tuple[Near, ...]]:
    """What a text shows that no pattern finds; or, where its words tell too little, the texts that hold them."""
    if not text.strip() or len(text) > LONGEST:
        return (), ()
    events = list(records(text))
    if len(events) > MOST_RECORDS:
        return (), ()
    if len(events) > 1:
        events.append(whole(text))
    near: tuple[Near, ...] = ()
    for record in events:
        items, alike = _of_record(record)
        if items:
            return items, ()
        near = near or alike
    return (), near


def _of_record(record: Record) -> tuple[tuple[Explanation, ...], tuple[Near, ...]]:
    text = record.text
    if hits := lenient(text):
        hits = weigh(hits)
        return tuple(explanation(hit, hits, record, None) for hit in hits), ()
    found = _by_code(text) or ([] if about_another_service(text) else _by_words(text))
    if not _tells_enough(found):
        return (), tuple(
            Near(error=each.error, example=each.error.examples[0], score=0.0) for each in found[:MOST_OTHERS]
        )
    if not found:
        return (), ()
    shown = explanation(Hit(found[0].error), [Hit(found[0].error)], record, None)
    return (replace(shown, notes=(*shown.notes, *_notes(found))),), ()


def _tells_enough(found: list[_Guess]) -> bool:
    layers = {each.error.layer for each in found}
    return not found or found[0].sure or (len(found) <= MOST_ALIKE and len(layers) <= MOST_LAYERS)


def _notes(found: list[_Guess]) -> Iterator[str]:
    yield found[0].told
    by_layer = {each.error.layer: each for each in reversed(found)}  # the first of each layer
    others = [each for each in by_layer.values() if each is not found[0]][::-1]
    others += [each for each in found[1:] if each not in others]
    if others:
        named = "; ".join(f"{each.error.title} ({each.error.id})" for each in others[:MOST_OTHERS])
        more = len(others) - MOST_OTHERS
        yield f"It could also be: {named}{f'; and {more} more' if more > 0 else ''}."


# --- a code or a class alone ------------------------------------------------------------------------------------


def _by_code(text: str) -> list[_Guess]:
    """The entries of a SQLSTATE, a driver's code or an error class that stands alone; those of the code first."""
    alone = text.strip(_AROUND)
    if " " in alone and not alone.startswith("SQLSTATE"):
        return []
    state = _SQLSTATE.fullmatch(alone)
    if state:
        code = state[1]
        some = [error for error in known.errors() if error.sqlstate == code or code in error.codes]
        some.sort(key=lambda error: (code not in error.codes, error.wraps, ORIGIN[error.origin]))
        told = f"Recognised by SQLSTATE {code} alone: the message beside it says which of these it is."
        return [_Guess(error, told, sure=code in error.codes) for error in some]
    name = _class(alone)
    own = [error for error in known.errors() if alone in (error.code, *error.codes)]
    if len(name) >= 8 and name != name.lower() and alone not in _ANYBODYS:
        others = [error for error in known.errors() if error not in own and name in _classes(error)]
        others.sort(key=lambda error: not any(alone in example for example in error.examples))
        own += others
    told = f"Recognised by the name {alone} alone: the message behind it says more."
    return [_Guess(error, told) for error in own]


def _class(name: str) -> str:
    return re.split(r"[.:#]", name)[-1]


@cache
def _classes(error: ErrorText) -> frozenset[str]:
    """Names of error classes: the entry's code, and what stands before a colon in its examples."""
    found = {_class(error.code)}
    for example in error.examples:
        found |= {_class(each) for each in re.findall(r"(?<![\w.:])([A-Za-z_][\w.:]*\w)(?=: )", example)}
    return frozenset(each for each in found if len(each) >= 8 and each != each.lower())


# --- some of its words ------------------------------------------------------------------------------------------


def normal(text: str) -> str:
    """Words and numbers alone, every number the same: what is left when quotes, breaks and values change."""
    return " ".join(_NUMBER.sub("0", word) for word in _WORD.findall(collapse(text)))


@cache
def _texts() -> tuple[_Known, ...]:
    found = []
    for error in known.errors():
        for example in error.examples:
            text = collapse(example)
            for pattern in error.patterns:
                if match := known.compiled(pattern).search(text):
                    before, part = normal(text[: match.start()]), normal(match[0])
                    start = len(before) + bool(before)
                    found.append(
                        _Known(
                            error,
                            example,
                            f"{before} {part} {normal(text[match.end() :])}".strip(),
                            start,
                            start + len(part),
                        )
                    )
    for translation in known.translations():
        entry = known.error(translation.id)
        assert entry is not None, translation.id
        for _, text in translation.texts:
            plain = normal(re.sub(r"%[sdm]", " ", text))
            found.append(_Known(entry, text, plain, 0, len(plain)))
    return tuple(found)


@cache
def _weights() -> dict[str, float]:
    """Of each word, how much it tells: rare ones most, numbers nothing."""
    held = Counter(
        word
        for each in {(one.error.id, one.text[one.start : one.end]) for one in _texts()}
        for word in set(each[1].split())
    )
    return {word: 0.0 if word == "0" else log(1 + len(_texts()) / count) for word, count in held.items()}


def _by_words(text: str) -> list[_Guess]:
    """The entries of which this is a piece, or of whose text it holds most; the best first, each once."""
    given = [normal(each) for each in dict.fromkeys((text, _MARK.split(text)[-1], text.rpartition(": ")[2]))]
    best: dict[str, tuple[float, _Known]] = {}
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(given[0].split())
    for one in _texts():
        score = max(*(_is_piece(each, one) for each in given), _holds(matcher, one))
        if score > best.get(one.error.id, (0.0,))[0]:
            best[one.error.id] = (score, one)
    most = max((score for score, _ in best.values()), default=0.0)
    found = sorted(
        (each for each in best.values() if most < PIECE or each[0] == PIECE),
        key=lambda each: (-each[0], each[1].error.wraps, each[1].error.vague, ORIGIN[each[1].error.origin]),
    )
    return [_Guess(one.error, f"Taken for a piece of: {collapse(one.example)[:200]}") for _, one in found]


def _is_piece(given: str, one: _Known) -> float:
    """Whether all of the given words stand in the example, most of them where the pattern does; a word may be cut."""
    letters = len(given.replace(" ", ""))
    if letters < (SHORTEST_PIECE if given.isascii() else SHORTEST_PIECE // 2):
        return 0.0
    at = one.text.find(given)
    words = [word for word in given.split() if word != "0"]
    if at < 0 or (given.isascii() and len(words) < 2):
        return 0.0
    if given.isascii() and len(words) == 2 and not _IDENTIFIER.search(given):
        return 0.0
    inside = min(at + len(given), one.end) - max(at, one.start)
    return PIECE if 2 * inside > len(given) else 0.0


def _holds(matcher: "SequenceMatcher[str]", one: _Known) -> float:
    """How much of what is characteristic of a text stands in the given one, in one run of at least three words."""
    words = one.words
    matcher.set_seq1(words)
    run = matcher.find_longest_match()
    if run.size < 3:
        return 0.0
    weights = _weights()
    total = sum(weights[word] for word in words)
    share = sum(weights[word] for word in words[run.a : run.a + run.size]) / total if total else 0.0
    return share if share >= ENOUGH else 0.0
