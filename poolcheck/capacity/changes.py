"""What a change does to the peak at deploy of each server and pooler: two lists of rows, compared. The sums are `asked`'s."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from poolcheck.capacity.asked import Asked, Term
from poolcheck.model.amount import Amount
from poolcheck.model.problem import Location
from poolcheck.model.verdict import MovedNumber, PeakChange

T = TypeVar("T", Asked, Term)


def changes(
    before: Sequence[Asked], after: Sequence[Asked], unclear: Mapping[str, str] | None = None
) -> tuple[PeakChange, ...]:
    """What became of each row, in the order of `after`; those of which nothing is left stand at the end.

    Args:
        before: the rows of the map as it was.
        after: the rows of the map as it is.
        unclear: files of which nobody can tell what they held, and why; a row with a number out of one may have risen.
    """
    return tuple(_change(was, now, unclear or {}) for was, now in _pairs(before, after))


def _pairs(before: Sequence[T], after: Sequence[T]) -> list[tuple[T | None, T | None]]:
    """What is the same by its name, then by its place; of the rest each alone. Linear in both."""
    left = {(_kind(each), each.name): each for each in before}
    met: dict[int, T] = {}
    for now in after:
        was = left.pop((_kind(now), now.name), None)
        if was is not None:
            met[id(now)] = was
    by_place = {key: each for each in left.values() for key in _places(each)}
    for now in after:
        for key in _places(now) if id(now) not in met else ():
            was = by_place.get(key)
            if was is not None and left.pop((_kind(was), was.name), None) is not None:
                met[id(now)] = was
                break
    made: list[tuple[T | None, T | None]] = [(met.get(id(now)), now) for now in after]
    made += [(was, None) for was in left.values()]
    return made


def _kind(each: Asked | Term) -> str:
    return type(each.of).__name__ if isinstance(each, Asked) else str(each.pooler)


def _places(each: Asked | Term) -> Iterator[tuple[str, str]]:
    """What it is known by when its name is another: a server's addresses, a client's place."""
    if isinstance(each, Asked):
        yield from ((_kind(each), address) for address in each.of.addresses)
    elif each.place.path:
        yield _kind(each), str(each.place)


def _change(was: Asked | None, now: Asked | None, unclear: Mapping[str, str]) -> PeakChange:
    row = now or was
    assert row is not None
    peaks = [None if each is None else each.deploy.most for each in (was, now)]
    usable = [None if each is None else each.capacity for each in (was, now)]
    moved = list(_moved(was, now))
    unknown = list(_unknown(was, now, unclear))
    return PeakChange(
        name=row.name, against=row.against, before=peaks[0], after=peaks[1], usable_before=usable[0], usable=usable[1],
        moved=tuple(dict.fromkeys(moved)), unknown=tuple(unknown), raised=_raised(was, now, unclear),
    )  # fmt: skip


def _raised(was: Asked | None, now: Asked | None, unclear: Mapping[str, str]) -> bool:
    """Whether it rose or may have risen: only what is known not to have is excused."""
    if now is None:
        return False
    if was is None or _unclear_files(now, unclear):
        return True
    rose = now.deploy.most > was.deploy.most or (now.deploy.open and not was.deploy.open)
    newly = set(now.uncounted) - set(was.uncounted)
    fell = now.capacity is not None and (was.capacity is None or now.capacity < was.capacity)
    lost = now.capacity is None and was.capacity is not None
    return rose or bool(newly) or fell or lost


def _unknown(was: Asked | None, now: Asked | None, unclear: Mapping[str, str]) -> Iterator[str]:
    """What keeps either sum from being exact."""
    for when, row, other in (("was", was, now), ("is", now, was)):
        if row is None:
            continue
        asks = f"what {{}} asks for {when} not known" if when == "is" else "what {} asked for was not known"
        yield from (asks.format(name) for name in row.uncounted)
        for term in row.terms:
            if term.deploy.open:
                yield f"how much more than {term.deploy.most:,} {term.name} {'asks' if when == 'is' else 'asked'} for"
        if row.capacity is None and other is not None and other.capacity is not None:
            yield f"how many it {'takes' if when == 'is' else 'took'}"
    if now is not None:
        yield from (f"what {path} held: {unclear[path]}" for path in _unclear_files(now, unclear))


def _unclear_files(row: Asked, unclear: Mapping[str, str]) -> tuple[str, ...]:
    """The files that numbers of a row stand in, of which nobody can tell what they held."""
    if not unclear:
        return ()
    amounts = [*(each.deploy for each in row.terms), *((row.limit,) if row.limit else ())]
    places = [leaf.where for each in amounts for leaf in each.leaves]
    paths = dict.fromkeys(place.path for place in places if place)
    return tuple(path for path in paths if path in unclear)


# --- what moved ---


def _moved(was: Asked | None, now: Asked | None) -> Iterator[MovedNumber]:
    """The clients that came and went, and the numbers of the others; then the limit's."""
    for old, new in _pairs(was.terms if was else (), now.terms if now else ()):
        if old is not None and new is not None:
            yield from _of_term(old, new)
        elif new is not None:
            known = was is not None and new.name in was.uncounted
            what = "asks for" if known else ""
            yield MovedNumber(of=new.name, what=what, before=None, after=new.deploy.most, place=new.place)
        elif old is not None:
            known = now is not None and old.name in now.uncounted
            what = "asks for" if known else ""
            yield MovedNumber(of=old.name, what=what, before=old.deploy.most, after=None, place=old.place)
    if was is not None and now is not None:
        for before, after, kind in (
            (was.limit, now.limit, "limit"),
            (was.reserved, now.reserved, "reserved slots"),
        ):
            yield from _of_amounts(now.name, kind, before, after, None)


def _of_term(old: Term, new: Term) -> Iterator[MovedNumber]:
    """The numbers of one client or pooler; what follows from another of them (25 % of the instances) is none of its own."""
    if old.client is None or new.client is None:
        yield from _of_amounts(new.name, "server connections", old.deploy, new.deploy, new.place)
        return
    one, other = old.client, new.client
    yield from _of_amounts(new.name, "instances", one.instances, other.instances, new.place)
    if one.surge is None or other.surge is None or one.surge.words != other.surge.words:
        yield from _of_amounts(new.name, "more while a deploy runs", one.surge, other.surge, new.place)
    yield from _of_amounts(new.name, "processes", one.processes, other.processes, new.place)
    yield from _of_amounts(new.name, "pool", old.pool, new.pool, new.place)


def _of_amounts(
    of: str, kind: str, before: Amount | None, after: Amount | None, place: Location | None
) -> Iterator[MovedNumber]:
    """The numbers that two amounts were made from, where they are made alike; else the amounts."""
    ones, others = (list(each.leaves) if each else [] for each in (before, after))
    same = Counter(map(_written, ones)) & Counter(map(_written, others))
    ones, others = _without(ones, same), _without(others, same)
    if len(ones) == len(others):
        for one, other in zip(ones, others, strict=True):
            if (one.most, one.open) != (other.most, other.open):
                what = _label(one, other) or kind
                yield MovedNumber(
                    of=of, what=what, before=_number(one), after=_number(other), place=other.where or place
                )
        return
    numbers = [_number(each) for each in (before, after)]
    if numbers[0] != numbers[1]:
        where = next((each.where for each in (*others, *ones) if each.where), place)
        yield MovedNumber(of=of, what=kind, before=numbers[0], after=numbers[1], place=where)


def _written(each: Amount) -> tuple[int, str]:
    return each.most, each.words


def _without(leaves: list[Amount], same: "Counter[tuple[int, str]]") -> list[Amount]:
    left, kept = Counter(same), []
    for each in leaves:
        if left[_written(each)] > 0:
            left[_written(each)] -= 1
        else:
            kept.append(each)
    return kept


def _label(before: Amount, after: Amount) -> str:
    """The word that stands before the number in both: "replicas" of `replicas: 4` and `replicas: 8`; "" when there is none."""
    labels = set()
    for each in (before, after):
        words = each.words.partition(" (")[0]
        label = words.removesuffix(str(each.most)).rstrip(" :=") if words.endswith(str(each.most)) else ""
        labels.add(label)
    return labels.pop() if len(labels) == 1 else ""


def _number(each: Amount | None) -> int | None:
    """None for what is not there, or not known."""
    return None if each is None or each.open else each.most
