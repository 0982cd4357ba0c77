"""What one step says, and what its findings say to do: shared by the five steps and what follows them."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from poolcheck.diagnosis.ground import Ground
from poolcheck.model.finding import Finding
from poolcheck.model.report import Action, StepStatus
from poolcheck.model.target import Target
from poolcheck.text import plural

MOST_IDS = 3  # rules named in half a sentence


class Said(NamedTuple):
    """What one step says; its number and title come from its place."""

    status: StepStatus
    why: str  # whole sentences
    brief: str  # half a sentence: the reason in a report of five lines
    actions: tuple[Action, ...] = ()


def fixes(ground: Ground, step: int) -> tuple[Action, ...]:
    """What the findings of a step say to do, each once.

    A connection string is shown once, as it should be when everything about it is mended; the step that comes
    second points to it.
    """
    actions: dict[tuple[str, tuple[str, ...]], None] = {}
    for each in ground.of_step(step) if step <= 5 else ground.about_migrations():
        fix = each.fix
        if fix is None:
            continue
        place = f"{each.location.path}:{each.location.line}" if each.location and each.location.line else ""
        final = ground.final.get((place, each.subject))
        if fix.value is None or final is None:
            actions.setdefault((f"{place}: {fix.title}" if place else fix.title, fix.lines))
        elif final[0] < step:
            actions.setdefault(
                (f"{each.subject if place else 'The string'} in step {final[0]} carries it: {fix.title}", ())
            )
        else:
            beside = tuple(line for line in fix.lines[1:] if re.match(r'[A-Z][A-Z0-9_]*="', line))
            actions.setdefault((f"{place}: write" if place else "Write", (final[1], *beside)))
    return tuple(Action(text, lines) for text, lines in actions)


def names(targets: Iterable[Target]) -> str:
    """`DATABASE_URL`, `DATABASE_URL and REPORTS_URL`: the strings by name, each once."""
    return listed([target.label for target in targets])


def listed(words: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and 2 more`: each once."""
    different = list(dict.fromkeys(words))
    if len(different) > MOST_IDS:
        return f"{', '.join(different[: MOST_IDS - 1])} and {len(different) - MOST_IDS + 1} more"
    return different[0] if len(different) == 1 else f"{', '.join(different[:-1])} and {different[-1]}"


def messages(found: Iterable[Finding]) -> str:
    """What the findings say, each once."""
    return " ".join(dict.fromkeys(finding.message for finding in found))


def pointer(found: Iterable[Finding]) -> str:
    """The findings in half a sentence: `PC101 direct-endpoint-for-app`; of several rules the ids, of one the places."""
    counts: dict[str, int] = {}
    for each in found:
        title = f"{each.rule.id} {each.rule.name}"
        counts[title] = counts.get(title, 0) + 1
    if len(counts) > 1:
        return listed(title.partition(" ")[0] for title in counts)
    ((title, number),) = counts.items()
    return title if number == 1 else f"{title} in {plural(number, 'place')}"
