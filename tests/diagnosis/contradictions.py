"""What no report may do: each predicate gives the sentence that a reader would object with, or nothing.

They are walked over generated projects, the shipped examples and reports of live looks.
"""

import re
from collections.abc import Callable, Iterator

from poolcheck.capacity import asked
from poolcheck.capacity.asked import Asked, Term
from poolcheck.diagnosis.afterwards import LIVE
from poolcheck.diagnosis.ground import ground_of
from poolcheck.model.context import Context
from poolcheck.model.report import Report, Step
from poolcheck.model.severity import Severity

MOST_BRIEF = 110  # columns of half a sentence


class Said:
    """A report beside the map that it was made from."""

    def __init__(self, report: Report, ctx: Context) -> None:
        self.report, self.ctx = report, ctx
        self.rows: tuple[Asked, ...] = asked.rows(ctx.map, ctx.numbers.buffer)
        self.full = [each for each in self.rows if each.verdict == "does not fit"]
        self.ground = ground_of(report.findings, ctx)

    def step(self, number: int) -> Step:
        """1 to 5; 6 migrations, 7 meanwhile."""
        return next(each for each in self.report.fix_path if each.step == number)


def order(said: Said) -> Iterator[str]:
    """Always the five, always in order, then migrations and meanwhile."""
    if [each.step for each in said.report.fix_path] != [1, 2, 3, 4, 5, 6, 7]:
        yield "the steps are not 1 to 5 and what follows"


def shape(said: Said) -> Iterator[str]:
    """Half a sentence each: one line, no full stop, never empty."""
    for each in said.report.fix_path:
        if not each.brief or "\n" in each.brief or each.brief.endswith(".") or len(each.brief) > MOST_BRIEF:
            yield f"step {each.step} is no half sentence: {each.brief!r}"


def found_is_to_be_done(said: Said) -> Iterator[str]:
    """What a finding asks for is neither settled nor a question in its step."""
    for each in said.report.findings:
        number = each.rule.step
        if number and number <= 5 and each.severity > Severity.INFO and said.step(number).status != "do":
            yield f"{each.rule.id} stands above, and step {number} is {said.step(number).status}"


def full_server_needs_something(said: Said) -> Iterator[str]:
    """A sum that does not fit is in steps 2 and 5."""
    if said.ground.full_server is not None:
        if said.step(5).status != "do":
            yield f"a server's sum does not fit, and step 5 is {said.step(5).status}"
        if said.step(2).status in ("done", "not needed"):
            yield f"a server's sum does not fit, and step 2 is {said.step(2).status}"


def raised_only_when_full(said: Said) -> Iterator[str]:
    """Nor is a limit raised that nothing was found to exceed."""
    if said.step(5).status == "do" and not said.full:
        yield "step 5 raises a limit that every sum fits into"


def unsaid_is_asked(said: Said) -> Iterator[str]:
    """A sum that cannot be made is no all-clear by its number."""
    for row in said.rows:
        if (
            row.verdict == "cannot say"
            and not row.shared
            and re.search(r"at most [\d,]+ of", said.step(5).brief)
        ):
            named = [each for each in said.rows if each.verdict == "fits"]
            if not named:
                yield f"the sum of {row.name} is not known, and step 5 says {said.step(5).brief}"
    settled = said.rows and all(each.verdict == "fits" for each in said.rows)
    if (
        not settled
        and said.step(2).status == "done"
        and any(each.verdict == "does not fit" for each in said.rows)
    ):
        yield "step 2 is done, and a sum does not fit"


def pooled_is_pooled(said: Said) -> Iterator[str]:
    """A way through a pooler is never called none."""
    through = any(route.pooler and route.role == "app" for route in said.ctx.map.routes)
    pooled = any(target.match.kind == "pooled" for target in said.ground.app)
    if (through and pooled) and "not pooled" in said.step(6).why:
        yield "a string leads through a pooler, and migrations hear that it is not pooled"
    if said.step(1).status == "do" and not said.ground.of_step(1) and not said.full:
        yield "step 1 asks for a pooler without a finding and without a sum"


def numbers_come_from_somewhere(said: Said) -> Iterator[str]:
    """No step has a number of its own: each stands in its sentences, in a finding, or in a sum."""
    above = " ".join(
        f"{each.message} {each.why} {each.fix.title if each.fix else ''}" for each in said.report.findings
    )
    sums = " ".join(
        f"{row.equation} {row.deploy.equation} {row.steady.most} {row.deploy.most} {row.capacity}"
        for row in said.rows
    )
    for number in (1, 2, 5):
        step = said.step(number)
        known = set(re.findall(r"\d+", f"{step.why} {above} {sums} {said.ground.advices}".replace(",", "")))
        own = set(re.findall(r"(?<![\w.-])\d+(?![\w.-]|:\d)", step.brief.replace(",", ""))) - known
        if own:
            yield f"step {number} says {', '.join(sorted(own))}, which stands nowhere else: {step.brief}"


def one_size_for_each_client(said: Said) -> Iterator[str]:
    """The pool that a finding gives a client is the one that step 2 gives it."""
    advised = {each.client: each.size for each in said.ground.advices if not each.table}
    for each in said.report.findings:
        told = re.match(r"Give each process of (.+) (\d+);", each.fix.title) if each.fix else None
        if (
            told
            and said.ground.row
            and told[1] in advised
            and said.ground.row.name == each.subject
            and advised[told[1]] != told[2]
        ):
            yield f"{each.rule.id} gives {told[1]} {told[2]}, and step 2 {advised[told[1]]}"


def advised_sizes_fit(said: Said) -> Iterator[str]:
    """With the pools that step 2 gives, the sum of their server or pooler fits while a deploy runs."""
    row = said.ground.row
    if (
        row is None
        or row.capacity is None
        or any(not each.pool_size or each.sizing is None for each in said.ground.advices)
    ):
        return
    given = {each.client: each.pool_size or 0 for each in said.ground.advices}
    total = sum(
        given[term.name] * _processes(term) if term.name in given else term.deploy.most for term in row.terms
    )
    if total > row.capacity:
        yield f"the pools of step 2 ask for {total} of {row.capacity} of {row.name}"


def _processes(term: Term) -> int:
    """While a deploy runs."""
    client = term.client
    if client is None or client.instances is None:
        return 0
    return (client.instances.most + (client.surge.most if client.surge else 0)) * client.processes.most


def short_of_slots_now(said: Said) -> Iterator[str]:
    """On a server that has just refused, or is nearly full, no limit is "not needed"."""
    now = [each for each in said.report.findings if each.rule.id >= LIVE and each.severity >= Severity.ERROR]
    if now and said.step(5).status in ("done", "not needed"):
        yield f"{now[0].rule.id} stands above, and step 5 is {said.step(5).status}"


def nothing_found_is_not_done(said: Said) -> Iterator[str]:
    """One client per process is done where a line of code shows it, and never because nothing was found."""
    if said.step(3).status == "done" and not re.search(r":\d+", said.step(3).brief):
        yield f"step 3 is done without a place: {said.step(3).brief}"


ALL: tuple[Callable[[Said], Iterator[str]], ...] = (
    order, shape, found_is_to_be_done, full_server_needs_something, raised_only_when_full, unsaid_is_asked,
    pooled_is_pooled, numbers_come_from_somewhere, one_size_for_each_client, advised_sizes_fit,
    short_of_slots_now, nothing_found_is_not_done,
)  # fmt: skip


def contradictions(report: Report, ctx: Context) -> list[str]:
    """Every objection; [] for a report that holds together."""
    said = Said(report, ctx)
    return [words for predicate in ALL for words in predicate(said)]
