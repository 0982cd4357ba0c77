"""An error text to explanations: which layer failed, what that means, what to do first.

Pure: text in, types out. `live` uses `explain_text` for what a server answered, `explain` for what people paste;
`scanning` feeds whole logs through the same `Tally`. What decides is errors/*.toml.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from functools import cache

from poolcheck.catalogue import error_texts as known
from poolcheck.explain import pieces
from poolcheck.explain.tally import WHOLE, Tally, run_next, tally_text
from poolcheck.model.explanation import ErrorText, Explanation, Explanations, Near
from poolcheck.model.report import TITLES, Action, Step, StepStatus

_RANK: dict[StepStatus, int] = {"do": 3, "check": 2, "done": 1, "not needed": 0}


def explain(text: str, *, dialled_pooler: bool | None = None) -> Explanations:
    """What a pasted text shows. Nothing recognised: `items` is empty, and `near` has what resembles it."""
    return closer(text, _tallied(text, dialled_pooler))


def _tallied(text: str, dialled_pooler: bool | None) -> Explanations:
    tally = Tally(dialled_pooler)
    tally_text(tally, text)
    return tally.result(len(text.encode("utf-8", "replace")))


def closer(text: str, found: Explanations) -> Explanations:
    """Where the patterns found nothing in a pasted text: what it is a piece of, else what resembles it."""
    if found.items:
        return found
    items, near = pieces.of(text)
    if items:
        return replace(found, items=items, run=run_next(items), records=1)
    return replace(found, near=near or nearest(text))


def explain_text(text: str, *, dialled_pooler: bool | None = None) -> tuple[Explanation, ...]:
    """What a whole error text shows, the inner cause first; () when nothing in it is known. Pieces are not guessed at.

    `dialled_pooler` says whether the address that answered is a pooler's; None: judge by the text.
    """
    return _tallied(text, dialled_pooler).items


def entries_by_id(words: Iterable[str]) -> Explanations | None:
    """The entries with these ids, as if a text had shown them; None when a word is no entry's id."""
    found = [known.error(word) for word in words]
    items = tuple(Explanation(error=each, layer=each.layer, count=0) for each in found if each)
    return Explanations(items=items, run=run_next(items)) if len(items) == len(found) else None


# --- what resembles it ------------------------------------------------------------------------------------------

_WORD = re.compile(r"[A-Za-z][A-Za-z_]{2,}")
_PLAIN = re.compile(r"[A-Za-z0-9_']+")
_SEVERITY = re.compile(r"(?i)^(?:(?:fatal|error|panic|exception|\w*error)\s*:\s*)+")
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
    """Known texts that share at least half of their telling words, and three of them, with this one.

    Where there are none, those that hold what may be a piece of them: words that somebody remembers of an error.
    """
    return _alike(text, limit) or _holding(text, limit)


def _alike(text: str, limit: int) -> tuple[Near, ...]:
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


MOST_REMEMBERED = 12  # words; a longer text is no fragment


def _holding(text: str, limit: int) -> tuple[Near, ...]:
    """Known texts with the longest run of this short text's words: all of them, or three and half of them."""
    words = [found[0].lower() for found in _PLAIN.finditer(_SEVERITY.sub("", text[:WHOLE].strip()))]
    if not 2 <= len(words) <= MOST_REMEMBERED:
        return ()
    for length in range(len(words), 1, -1):
        if length < len(words) and (length < 3 or 2 * length < len(words)):
            return ()
        runs = [words[at : at + length] for at in range(len(words) - length + 1)]
        telling = [f" {' '.join(run)} " for run in runs if any(word in _weights() for word in run)]
        found: dict[str, Near] = {}
        for error, example, _ in _known_words():
            whole = f" {' '.join(each[0].lower() for each in _PLAIN.finditer(example))} "
            if error.id not in found and any(run in whole for run in telling):
                found[error.id] = Near(error=error, example=example, score=round(length / len(words), 2))
        if found:
            # Of several, the server's own words first: they are what is most often met.
            return tuple(sorted(found.values(), key=lambda near: near.error.origin != "server")[:limit])
    return ()


# --- the five steps ---------------------------------------------------------------------------------------------


def steps(items: Iterable[Explanation]) -> tuple[Step, ...]:
    """The five steps in the light of the layers that failed, then migrations where an entry concerns them.

    Each step takes the most pressing status that a layer gives it, with that layer's reason.
    """
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
