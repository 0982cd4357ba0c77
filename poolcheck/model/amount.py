"""A number of the map: how little and how much it may be, in words, where it stands, and how it is known.

Sums and products keep their terms, so that every result can be printed with its factors and their places.
"""

from collections.abc import Callable, Iterable, Iterator
from math import prod
from typing import Literal

from poolcheck.model.problem import Location
from poolcheck.record import dataclass

# measured: the server's own word. default: the driver's or the server's, where the call or the image was read in full.
How = Literal["option", "config", "file", "code", "measured", "catalogue", "default"]


@dataclass(frozen=True, slots=True)
class Amount:
    """A whole number of 0 or more. `high` None: it is at least `low`, and nothing tells how much more."""

    low: int
    high: int | None
    words: str  # "replicas: 10", "default of node-postgres: 10"; "" for a result
    where: Location | None = None
    how: How = "file"
    terms: tuple["Amount", ...] = ()  # of a result: what it was made from
    sign: Literal["", "+", "x", "min"] = ""

    @property
    def most(self) -> int:
        """What is held against a limit: the highest number that is known of it.

        Of a result that is open, with its known factors at their highest: 3 to 6 x at least 10 is 60 at 6.
        """
        if self.high is not None or not self.terms:
            return self.low if self.high is None else self.high
        return _COMBINED[self.sign](each.most for each in self.terms)

    @property
    def open(self) -> bool:
        """Whether it may be more than any number that is known."""
        return self.high is None

    @property
    def leaves(self) -> Iterator["Amount"]:
        """The numbers that were read, from left to right."""
        if not self.terms:
            yield self
        for each in self.terms:
            yield from each.leaves

    @property
    def formula(self) -> str:
        """`6 x 14`, `(3 + 1) x 10`; factors of 1 are left out. A number alone for one that was read."""
        if self.sign == "min":
            return str(self.most)  # which term it is, `places` says
        shown = [each for each in self.terms if self.sign != "x" or each.most != 1]
        if self.sign == "+":
            shown = [each for each in shown if each.most]
        if not shown:
            return str(self.most)
        inner = [f"({each.formula})" if self.sign == "x" and each.sign == "+" and "+" in each.formula else each.formula for each in shown]  # fmt: skip
        return f" {self.sign} ".join(inner)

    @property
    def equation(self) -> str:
        """`6 x 14 = 84`; the number alone where there is nothing to multiply or add."""
        made = self.formula
        return made if made == str(self.most) else f"{made} = {self.most}"

    @property
    def places(self) -> tuple[str, ...]:
        """Each number that was read and is not 1 by default, with where it is written; each once."""
        told = (each for each in self.leaves if each.words and (each.where or each.most != 1 or each.open))
        return tuple(dict.fromkeys(map(str, told)))

    def __str__(self) -> str:
        said = f"{self.words} ({self.where})" if self.where else self.words
        return f"at least {self.low}: {said}" if self.open and not self.terms else said


def exact(number: int, words: str, where: Location | None = None, how: How = "file") -> Amount:
    """A number that is known."""
    return Amount(number, number, words, where, how)


def at_least(number: int, words: str, where: Location | None = None, how: How = "file") -> Amount:
    """A number that may be larger; the words say why it is not known."""
    return Amount(number, None, words, where, how)


def plus(*amounts: Amount) -> Amount:
    """The sum; of none 0."""
    return (
        amounts[0]
        if len(amounts) == 1
        else _made("+", sum(each.low for each in amounts), _high(amounts, sum), amounts)
    )


def times(*amounts: Amount) -> Amount:
    """The product."""
    return (
        amounts[0]
        if len(amounts) == 1
        else _made("x", prod(each.low for each in amounts), _high(amounts, prod), amounts)
    )


def within(amount: Amount, cap: Amount) -> Amount:
    """The smaller of two: a pool that only so many threads can use, server connections below a cap."""
    if amount.high is not None and cap.low >= amount.high:
        return amount
    highs = [each.high for each in (amount, cap) if each.high is not None]
    return _made("min", min(amount.low, cap.low), min(highs) if highs else None, (amount, cap))


def _made(sign: Literal["+", "x", "min"], low: int, high: int | None, terms: tuple[Amount, ...]) -> Amount:
    how = terms[0].how if terms else "default"
    return Amount(low, high, "", None, how, terms, sign)


_COMBINED: dict[str, Callable[[Iterable[int]], int]] = {"+": sum, "x": prod, "min": min}


def _high(amounts: tuple[Amount, ...], combined: Callable[[Iterable[int]], int]) -> int | None:
    highs = [each.high for each in amounts if each.high is not None]
    return combined(highs) if len(highs) == len(amounts) else None
