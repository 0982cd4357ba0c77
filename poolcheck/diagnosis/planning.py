"""What `size` and `simulate` do over a project: the sizes of its clients, and the client that a burst is made of."""

import os
from collections.abc import Mapping
from typing import Any

from poolcheck.capacity import asked
from poolcheck.capacity.client_sizes import ClientSize, ClientSizes, client_sizes
from poolcheck.config.file import Settings
from poolcheck.errors import BadConfig, ExitCode, NothingToCheck
from poolcheck.model.amount import Amount, plus, times
from poolcheck.model.connection_map import Question
from poolcheck.model.report import Report
from poolcheck.project import assumptions, collect
from poolcheck.project.collected import Collected
from poolcheck.record import dataclass
from poolcheck.text import did_you_mean

# What a ramp cannot do without: its name in `simulate`, what the map asks of it, and the option that tells it.
ASKED = (
    ("last", "instances", "--to N"),
    ("limit", "pool", "--pool N"),
    ("max_connections", "max_connections", "--max N"),
)
WORDS = {
    "last": "how many instances of {0} run at most",
    "limit": "how many connections an instance of {0} opens",
    "max_connections": "how many connections {1} takes",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The clients of a project with their sizes, and what is to be reported with them."""

    sizes: ClientSizes
    found: Collected
    questions: tuple[Question, ...]
    asked: bool  # a limit, a number of instances or a pool was given: the sums were asked for

    @property
    def report(self) -> Report:
        """Exit code 1 when a sum does not fit; 2 when it was asked for and cannot be made."""
        verdicts = {row.verdict for row in self.sizes.rows}
        code = ExitCode.FAILED if self.asked and "cannot say" in verdicts else ExitCode.OK
        return Report(
            command="size", sections=(self.sizes,), questions=self.questions, skipped=self.found.skipped,
            packages=self.found.packages, notes=self.found.notes, files=self.found.files,
            exit_code=ExitCode.FINDINGS if "does not fit" in verdicts else code,
        )  # fmt: skip

    def ramp(self, name: str, given: Mapping[str, Any]) -> "Tells":
        """What the files tell of a burst of a client's instances: the largest one's where no name is given.

        From the fewest instances to the most, and what a deploy adds; each with all pools of its processes; against what the
        server, or the pooler that the client leads to, takes beside the others.

        Args:
            name: a client's, or "".
            given: options by the name that they have in `simulate`; nothing that one gives is asked for.

        Raises:
            BadConfig: no such client, or a number that nobody tells, with the option that would.
        """
        chosen = _client(self.sizes, name)
        client, row = chosen.client, chosen.row
        numbers: dict[str, tuple[Any, str]] = {}
        numbers["client"] = (client.name, f"{client.name} ({client.place}), at {row.name}")
        if client.instances is not None:
            peak = asked.at_peak(client, client.instances)
            numbers["first"] = (client.instances.low, f"{client.instances.low}, {_told(client.instances)}")
            numbers["last"] = (peak.most, f"{peak.equation}, {_told(peak)}")
        if not chosen.pool.open:
            each = times(client.processes, chosen.pool)
            numbers["limit"] = (each.most, f"{each.equation} of one instance, {_told(each)}")
        if row.limit is not None:
            numbers["max_connections"] = (row.limit.low, row.limit_words)
            kept = row.reserved
            numbers["reserved"] = (kept.most, _told(kept)) if kept is not None else (0, "a pooler keeps none")
        others = [each for each in row.terms if each.client is not client and each.name != client.name]
        taken = plus(*(each.steady for each in others))
        if taken.most:
            numbers["others"] = (
                taken.most,
                f"{taken.most} of {', '.join(each.name for each in others)}, all pools full",
            )
        if row.against != "slots":
            numbers["of"] = (f"clients of {row.name}", f"{client.name} leads to {row.name}")
        for key, what, option in ASKED:
            if key not in numbers and given.get(key) is None:
                why = "".join(
                    f": {each.why}{f' ({each.where})' if each.where else ''}"
                    for each in row.questions
                    if each.what == what == "pool" and each.of == client.name
                )
                raise BadConfig(
                    f"nobody tells {WORDS[key].format(client.name, row.name)}{why}", f"{option} says it."
                )
        notes = []
        clients = {each.client.name for each in self.sizes.clients}
        if not name and len(clients) > 1:
            rest = ", ".join(sorted(clients - {client.name}))
            notes.append(
                f"Of {len(clients)} clients {client.name} asks for most; --client NAME takes another: {rest}."
            )
        if row.uncounted and row.uncounted != (client.name,):
            notes.append(f"Not counted: {', '.join(each for each in row.uncounted if each != client.name)}.")
        return Tells(client=client.name, numbers=numbers, notes=tuple(notes))


def _told(amount: Amount) -> str:
    return ", ".join(amount.places) or amount.words or amount.equation


def plan_of(path: str, given: dict[str, Any], config_path: str | None, *, isolated: bool) -> Plan:
    """The sizes of a project's clients.

    Args:
        path: its folder, or a file of it.
        given: options by their key of `Config`, and `server_limits`; None where nobody gave one.
        config_path: this config file, instead of the nearest.
        isolated: read no config file.

    Raises:
        PoolcheckError: bad config, bad input, or nothing that connects to a server whose slots count.
    """
    where = os.path.normpath(path)
    config = Settings(given, config_path, isolated).over(where)
    found = collect.collect((where,), config)
    context = assumptions.context(found, config)
    rows = asked.rows(context.map, context.numbers.buffer)
    if not rows:
        raise NothingToCheck(_nothing(where, [each.name for each in context.map.clients]), "Name the project's folder, or give the numbers: poolcheck size --max 100 --instances 10.")  # fmt: skip
    return Plan(sizes=client_sizes(rows, context.map.questions), found=found, questions=context.map.questions, asked=context.numbers.ask_for_sums)  # fmt: skip


def _nothing(where: str, clients: list[str]) -> str:
    here = "this folder" if where == "." else where
    if not clients:
        return f"nothing that connects to PostgreSQL was found in {here}"
    who = ", ".join(clients[:5])
    return f"in {here} nothing counts on a server or pooler: what connects leads to this machine, or runs once ({who})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tells:
    """What a project tells of a ramp: numbers by the name that they have in `simulate`, each with its source."""

    client: str
    numbers: dict[str, tuple[Any, str]]
    notes: tuple[str, ...] = ()


def _client(sizes: ClientSizes, name: str) -> ClientSize:
    """The client whose instances come in a burst: the one that is named, else the one that asks for most.

    Where the sum of none is known, the one of which most is.

    Raises:
        BadConfig: no client has that name.
    """
    named = [each for each in sizes.clients if name in ("", each.client.name)]
    if not named:
        names = list(dict.fromkeys(each.client.name for each in sizes.clients))
        hint = f"{did_you_mean(name, names)} Known: {', '.join(names)}.".lstrip()
        raise BadConfig(f"no client is named {name!r}", hint)
    return max(
        named,
        key=lambda each: (
            each.term is not None,
            each.row.against == "slots" if name else False,
            each.term.deploy.most if each.term else -each.pool.open,
        ),
    )
