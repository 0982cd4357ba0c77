"""What `live` does, as a function: one look at a server, and at its pooler, judged by rules."""

import re
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import field, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from poolcheck.config.settings import Config
from poolcheck.connection.secret import Secret
from poolcheck.connection.string import DEFAULT_PORT
from poolcheck.errors import ExitCode, NothingToCheck, PoolcheckError, Unreachable
from poolcheck.live import credentials, dsn, postgres, route, sight
from poolcheck.live.dsn import Sources
from poolcheck.live.postgres import (
    DEFAULT_TIMEOUTS,
    Garbled,
    Link,
    Lost,
    NoConnection,
    StatementFailed,
    Timeouts,
    Unsupported,
)
from poolcheck.model.report import Report, Section, Skipped
from poolcheck.model.snapshot import BouncerSnapshot, LiveRoute, Refusal, Snapshot
from poolcheck.model.target import Target
from poolcheck.record import dataclass
from poolcheck.text import clean

if TYPE_CHECKING:
    from poolcheck.config.settings import Configured
    from poolcheck.model.context import Context
    from poolcheck.model.look import Look, PoolerLook

Ask = Callable[[str], str | None]


class NotPostgres(PoolcheckError):
    """The server answers the protocol and is not PostgreSQL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookOptions:
    """What the command line says beyond the settings."""

    dsn: str | None = None
    env_file: str | None = None
    environment: bool = True  # whether the user named the env file: it is filled in from the environment
    trusted: bool = (
        True  # whether dsn, bouncer and admin are the user's own words: an assistant's may be a file's
    )
    variable: str | None = None
    bouncer: str | None = None
    admin: str | None = None
    probe: bool = True
    show_queries: bool = False
    sample: float = 0.0
    timeouts: Timeouts = DEFAULT_TIMEOUTS
    meanwhile: Callable[[], None] = lambda: None  # what the caller gets ready while the server works

    @property
    def named(self) -> bool:
        """Whether the server is named in words: a string, a name, an env file, a variable."""
        return not (self.dsn is None and self.env_file is None and self.variable is None)


def nobody(_: str) -> str | None:
    """Asks nobody for a password."""
    return None


def live(options: LookOptions, settings: "Configured", ask: Ask = nobody) -> Report:
    """Look once, disconnect, judge.

    Raises:
        PoolcheckError: bad input or config, nothing to look at, not PostgreSQL, or lost while looking.
    """
    alone = not options.named
    if alone and options.admin:
        options = replace(options, dsn=options.admin, admin=None)  # what is printed on a refusal stands alone
    try:
        seen = begin(options, settings, ask)
    except NothingToCheck:
        if not options.bouncer or not alone:
            raise
        return _console_alone(options, settings, ask)
    if options.bouncer:
        console = dsn.console_target(options.bouncer, seen.config, trusted=options.trusted)
        seen.sources = replace(seen.sources, console=console)
    chosen = seen.sources
    if chosen.console is not None:
        seen.look_at_console(chosen.console)
    seen.look_at_server(chosen.main)
    if chosen.pooled is not None:
        seen.look_at_pooled(chosen.pooled)
    if seen.console is not None and chosen.console is not None and seen.waited_for_pooler:
        seen.look_again_at_console(chosen.console)
    if seen.snapshot is None and options.admin:
        seen.look_at_server(seen.admin(options.admin).main)
    return seen.report()


def _console_alone(options: LookOptions, settings: "Configured", ask: Ask) -> "Report":
    """A look at a pooler's console, where no string of a server is given or lies here."""
    config = settings.over(Path())
    check_selection(config)
    console = dsn.console_target(options.bouncer or "", config, trusted=options.trusted)
    seen = Inspection(config=config, options=options, sources=dsn.Sources(console), ask=ask)
    seen.look_at_console(console)
    failed = ExitCode.FAILED if seen.console is None else None
    report = seen.report()
    return replace(report, fix_path=(), exit_code=report.exit_code if failed is None else failed)


def begin(options: LookOptions, settings: "Configured", ask: Ask) -> "Inspection":
    """What `live`, `--watch` and `reap` start from: the config, and the strings that the options lead to.

    Raises:
        PoolcheckError: bad input or config, or nothing to look at.
    """
    config = settings.over(Path())
    check_selection(config)
    chosen = dsn.sources(
        options.dsn,
        config,
        env_file=options.env_file,
        variable=options.variable,
        environment=options.environment,
        trusted=options.trusted,
    )
    return Inspection(config=config, options=options, sources=chosen, ask=ask)


def check_selection(config: Config) -> None:
    """Complain about a --select or --ignore that names no rule, before anything is opened.

    Raises:
        BadConfig: with the nearest name.
    """
    if config.select or config.ignore:
        from poolcheck import rules  # noqa: PLC0415 - see load_judges
        from poolcheck.diagnosis import engine  # noqa: PLC0415 - see load_judges

        engine.check_selection(engine.Selection(config.select, config.ignore), rules.names())


def load_judges() -> None:
    """Import what judges the look, while the server works on it: half of the waiting is then for nothing."""
    import_module("poolcheck.diagnosis.steps")
    import_module("poolcheck.diagnosis.engine")
    import_module("poolcheck.rules").load("78")


def address(target: Target) -> str:
    """Host and port, as they are shown."""
    conn = target.conn
    return f"{clean(conn.host, limit=80)}:{conn.effective_port}" if conn.host else "the local socket"


def told_by(text: str) -> str:
    """What a host's own words are, without libpq's about whom it asked."""
    line = text.strip().splitlines()[0] if text.strip() else "no word"
    return clean(re.sub(r"^.*? failed: (?=.)", "", line.removeprefix("connection failed: ")), limit=160)


def _with_host(target: Target, at: int) -> Target:
    """The same with one of its hosts alone."""
    hosts = target.conn.hosts
    return replace(target, conn=replace(target.conn, hosts=(hosts[at],))) if at < len(hosts) else target


def _everywhere(target: Target) -> str:
    """All that may get a password typed for the target: every host, and the address that is dialled instead."""
    words = target.conn.libpq()
    instead = str(words.get("hostaddr", ""))
    hosts = target.conn.hosts[1:]
    others = ", ".join(f"{clean(host.name, limit=80)}:{host.port or DEFAULT_PORT}" for host in hosts)
    return ", ".join(filter(None, [address(target), others])) + (f" (at {clean(instead)})" if instead else "")


@dataclass(slots=True)
class Inspection:
    """What has been looked at so far; `report` judges it when every connection is closed."""

    config: Config
    options: LookOptions
    sources: Sources
    ask: Ask = nobody
    snapshot: Snapshot | None = None
    earlier: Snapshot | None = None
    console: BouncerSnapshot | None = None
    passwords: dict[str, Secret] = field(default_factory=dict)  # asked for, by address: each goes there alone
    nameless: bool = False  # a pooler was met: send no application_name
    shown: str = ""  # where the snapshot is from
    console_shown: str = ""
    refusals: list[Refusal] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def pooled(self, target: Target) -> bool:
        """Whether a pooler answers there: the string says so, or it is where a console answered."""
        return dsn.is_pooled(target) or (self.console is not None and address(target) == self.console_shown)

    def connect(self, target: Target) -> Link:
        """One connection; asks for the password once when the server wants one.

        Raises:
            Refused: with the other side's text.
        """
        link = self._open(target, named=not self.pooled(target) and not self.nameless)
        if link.made_up_key and not self.nameless and not self.pooled(target):
            # Something that speaks the protocol is in between. Nothing was asked yet: come back without a name.
            link.close()
            self.nameless = True
            link = self._open(target, named=False)
        for answer in link.passed_over:
            said = f"{answer.where} of {target.name} did not let poolcheck in ({told_by(answer.text)}): what is shown is {link.address}."
            if said not in self.notes:
                self.notes.append(said)
        return link

    def _open(self, target: Target, *, named: bool) -> Link:
        def dial(password: Secret | None) -> Link:
            return credentials.dial(
                target.conn, self.options.timeouts, trusted=target.trusted, named=named, password=password
            )

        where = _everywhere(target)
        try:
            return dial(None if "password" in target.conn.libpq() else self.passwords.get(where))
        except NoConnection as refused:
            password = self.ask(f"Password for {where}") if refused.password else None
            if not password:
                raise
            self.passwords[where] = Secret(password)
        return dial(self.passwords[where])

    def refused(
        self, text: str, target: Target, *, pooler: bool = False, like: str = "", means: str = ""
    ) -> Refusal:
        """Remember a refusal with what it means: as the error catalogue has it, unless `means` says it."""
        from poolcheck.live.refusal import refusal_of  # noqa: PLC0415 - only when refused

        refusal = refusal_of(
            text, target, pooler=pooler or self.pooled(target), like=like, console=self.console is not None
        )
        refusal = replace(refusal, means=means or refusal.means)
        self.refusals.append(refusal)
        return refusal

    def not_let_in(self, refused: NoConnection, target: Target) -> Refusal:
        """Remember what a connection was refused with; of several hosts' answers the one that says most is the cause."""
        if not refused.answers:
            return self.refused(refused.text, target)
        before = list(self.refusals)
        judged = [
            self.refused(answer.text, _with_host(target, at)) for at, answer in enumerate(refused.answers)
        ]
        told = tuple(
            replace(answer, text=told_by(answer.text), entry=each.entry)
            for answer, each in zip(refused.answers, judged, strict=True)
        )
        best = replace(max(judged, key=lambda each: each.weight), hosts=told)
        self.refusals = [*before, best]
        return best

    @property
    def waited_for_pooler(self) -> bool:
        """Whether a pooler took our connection and nothing came back."""
        return any(refusal.pooler and "time" in refusal.text for refusal in self.refusals)

    def look_again_at_console(self, target: Target) -> None:
        """With our own client in the queue: what it waited for stands there now, and is the cause."""
        from poolcheck.live import bouncer  # noqa: PLC0415 - only when there is a console

        try:
            with closing(self.connect(target)) as link:
                self.console = bouncer.look(link)
        except (NoConnection, Lost, bouncer.NotConsole):
            return  # what the first look saw stands
        empty = [pool for pool in self.console.pools if pool.clients_waiting and not pool.servers]
        for at, refusal in enumerate(self.refusals):
            if refusal.pooler and any(pool.database == refusal.database for pool in empty):
                self.refusals[at] = replace(
                    refusal,
                    layer="pooler-upstream",
                    title="the pooler let the client wait, and has no connection to the server for it",
                    means="Neither the address nor the number of clients is the cause: see what the console's look says.",
                    first="",
                    options=(),
                )

    def look_at_server(self, target: Target) -> None:
        """The look, the second one of --sample, and the way to the server.

        Raises:
            Unreachable, NotPostgres: nothing can be said.
        """
        try:
            link = self.connect(target)
        except NoConnection as refused:
            self.not_let_in(refused, target)
            return
        with closing(link):
            self.first_look(link, target)

    def first_look(self, link: Link, target: Target) -> Snapshot | None:
        """The look over an open connection; None when what became of it is a refusal.

        Raises:
            Unreachable, NotPostgres: nothing can be said.
        """
        try:
            self._look(link, target)
        except Lost as lost:
            self._lost(lost, target, link)
        except Unsupported as other:
            raise NotPostgres(
                f"{address(target)} is not a PostgreSQL that poolcheck knows: {clean(other.banner, limit=120)}",
                "Supported are PostgreSQL 12 to 18 and what is built from them. The connection itself works.",
            ) from None
        except StatementFailed as failed:
            raise Unreachable(
                f"{address(target)} refused the look: {clean(failed.text, limit=200)}",
                "Raise --statement-timeout, or look with a role that may read the statistics views.",
            ) from None
        return self.snapshot

    def _meanwhile(self) -> None:
        load_judges()
        self.options.meanwhile()

    def _look(self, link: Link, target: Target) -> None:
        snapshot, row = sight.look(link, self.options.timeouts, self._meanwhile)
        if self.options.sample:
            self.earlier = snapshot
            time.sleep(self.options.sample)
            snapshot, row = sight.look(link, self.options.timeouts)
        way = route.find(
            link,
            row,
            lambda: self.connect(target),
            known=known(target),
            probe=self.options.probe,
        )
        self.snapshot = replace(snapshot, route=way)
        if self.earlier:
            self.earlier = replace(self.earlier, route=way)
        self.shown = link.address
        self.skipped += snapshot.skipped

    def _lost(self, lost: Lost, target: Target, link: Link) -> None:
        limit = self.options.timeouts.statement + 2
        if isinstance(lost, Garbled):
            raise NotPostgres(
                f"{address(target)} answers, and not as PostgreSQL does: {lost.text}",
                "Look at what listens there: poolcheck believes nothing of such an answer.",
            ) from None
        if lost.timed_out and (link.made_up_key or self.pooled(target)):
            # The pooler let us in and never found a server connection for us: that is the finding.
            said = (
                f"The pooler accepted the connection, and no server connection came free within {limit:g} s."
            )
            means = f"Every server connection of this pool is in use: poolcheck waited {limit:g} s and left."
            self.refused(said, target, pooler=True, like="query_wait_timeout", means=means)
        elif lost.timed_out:
            raise Unreachable(
                f"{address(target)} accepted the connection and did not answer within {limit:g} s",
                "The server, or what is between, hangs: look at the machine. --statement-timeout waits longer.",
            )
        else:
            self.refused(lost.text, target, pooler=link.made_up_key)

    def look_at_pooled(self, target: Target) -> None:
        """The app's own, pooled string: only for the probe; the slots come from the direct one."""
        try:
            link = self.connect(target)
        except NoConnection as refused:
            self.not_let_in(refused, target)
            return
        with closing(link):
            try:
                row = postgres.whoami(link)
                way = route.find(
                    link, row, lambda: self.connect(target), known=known(target), probe=self.options.probe
                )
            except Lost as lost:
                self._lost(lost, target, link)
                return
            except StatementFailed as failed:
                self.skipped.append(Skipped(f"the pooler of {target.name}", clean(failed.text, limit=200)))
                return
        if self.snapshot is not None and way.pooled:
            # The snapshot is the server's own; only what was found out about the pool is added to it.
            self.pool_route = way
        self.notes.append(
            f"{target.name} ({address(target)}): {way.how[-1]}" + (f", {way.mode} mode." if way.mode else ".")
        )

    pool_route: LiveRoute | None = None

    def look_at_console(self, target: Target) -> None:
        """The pooler's console. What keeps it from being read is skipped: the server is looked at anyway."""
        from poolcheck.live import bouncer  # noqa: PLC0415 - only when there is a console

        what = f"the pooler's console at {address(target)}"
        try:
            link = self.connect(target)
        except NoConnection as refused:
            text = refused.text.splitlines()[-1] if refused.text else "refused"
            hint = "Log in as a user of admin_users or stats_users." if "not allowed" in text else ""
            self.skipped.append(Skipped(what, clean(text, limit=200), hint))
            return
        with closing(link):
            try:
                self.console = bouncer.look(link)
            except bouncer.NotConsole as other:
                self.skipped.append(
                    Skipped(
                        what,
                        other.text,
                        "Give the database pgbouncer: --bouncer postgresql://stats@host:6432/pgbouncer",
                    )
                )
                return
            except Garbled as garbled:
                self.skipped.append(Skipped(what, f"the answer is none of PgBouncer's: {garbled.text}"))
                return
            except Lost as lost:
                self.skipped.append(Skipped(what, lost.text))
                return
        self.console_shown = address(target)
        self.skipped += self.console.skipped

    # --- judging ---

    def look(self) -> "Look | None":
        """The look at the server with its verdicts."""
        from poolcheck.live.judge import put_together  # noqa: PLC0415 - see load_judges

        if self.snapshot is None:
            return None
        made = put_together(
            self.snapshot,
            self.config.thresholds,
            earlier=self.earlier,
            pooler=self.console,
            show_queries=self.options.show_queries,
            target=self.shown,
            instances=self.config.instances,
            surge=self.config.surge,
        )
        return replace(made, refused=any(refusal.layer == "slots" for refusal in self.refusals))

    def pooler_look(self) -> "PoolerLook | None":
        """The look at the console, beside what the server behind it allows."""
        from poolcheck.live.blocking import blocks  # noqa: PLC0415 - see load_judges
        from poolcheck.model.look import PoolerLook  # noqa: PLC0415 - see load_judges

        if self.console is None:
            return None
        seen = self.snapshot
        states: dict[str, int] = {}
        for client in seen.clients if seen else ():
            if client.pid in self.console.server_pids and client.state:
                states[client.state] = states.get(client.state, 0) + 1
        return PoolerLook(
            snapshot=self.console,
            thresholds=self.config.thresholds,
            usable=seen.server.usable if seen else None,
            blocks=blocks(seen) if seen else (),
            states=tuple(states.items()),
            target=self.console_shown,
        )

    def report(self, command: str = "live") -> Report:
        """Judge what was seen."""
        from poolcheck import rules  # noqa: PLC0415 - see load_judges
        from poolcheck.diagnosis import engine, steps  # noqa: PLC0415 - see load_judges
        from poolcheck.model.look import NoEntry  # noqa: PLC0415 - see load_judges
        from poolcheck.model.severity import SEVERITY  # noqa: PLC0415 - see load_judges

        look, pooler = self.look(), self.pooler_look()
        subjects: list[object] = [each for each in (look, pooler) if each is not None]
        if look is not None and self.pool_route is not None:
            subjects.append(
                replace(look, snapshot=replace(Snapshot(), route=self.pool_route), leaks=(), blocks=())
            )
        subjects += self.refusals
        context = self.context()
        chosen = engine.Selection(self.config.select, self.config.ignore)
        judged = engine.run(rules.load("78"), subjects, context, selection=chosen)
        sections: list[Section] = [NoEntry(refusal=refusal) for refusal in self.refusals]
        sections += [each for each in (look, pooler) if each is not None]
        targets = [each for each in (self.sources.main, self.sources.pooled) if each is not None]
        failed = any(not refusal.exhaustion for refusal in self.refusals) and look is None
        return Report(
            command=command,
            findings=judged.findings,
            skipped=tuple(self.skipped),
            targets=tuple(targets),
            # Where nobody could look, and for another reason than the slots, there is nothing to conclude.
            fix_path=() if failed else steps.plan(judged.findings, context, through=self._through()),
            sections=tuple(sections),
            notes=tuple(self._notes()),
            fail_on=SEVERITY[self.config.fail_on],
            exit_code=ExitCode.FAILED if failed and not judged.findings else None,
        )

    def _through(self) -> str:
        """The pooler that the look went through, in words; "" where it went to the server itself, or nobody can tell."""
        if self.snapshot is None or not self.snapshot.route.pooled:
            return ""
        mode = self.snapshot.route.mode
        return f"{self.snapshot.route.software or 'a pooler'}, {mode} mode" if mode else ""

    def _notes(self) -> list[str]:
        """What is to be said of the strings: which were chosen, and what of them was not used."""
        said = [self.sources.note] if self.sources.note else []
        said += self.notes
        strings = [self.sources.main, self.sources.pooled, self.sources.console]
        said += [words for target in strings if target and (words := credentials.left_out(target))]
        for target in filter(None, strings[:2]):
            names = ", ".join(dict.fromkeys(clean(param.name, limit=40) for param in target.conn.foreign))
            if names:
                said.append(
                    f"Left out of {target.name}, because libpq does not know them: {names}. poolcheck lint judges them."
                )
        return said

    def admin(self, text: str) -> Sources:
        """What --admin names: looked with where the strings that were chosen are refused."""
        return dsn.sources(text, self.config, trusted=self.options.trusted)

    def context(self) -> "Context":
        """What rules and the fix path may know: the target, its package, and the server's own numbers."""
        from poolcheck import catalogue  # noqa: PLC0415 - see load_judges
        from poolcheck.model.context import Context, Numbers  # noqa: PLC0415 - see load_judges

        config = self.config
        targets = tuple(each for each in (self.sources.main, self.sources.pooled) if each is not None)
        if config.plan or config.provider or config.driver or self.snapshot is None:
            from poolcheck.project import assumptions  # noqa: PLC0415 - brings the readers of files
            from poolcheck.project.collected import Collected  # noqa: PLC0415 - as above

            found = Collected(targets=targets, packages=(self.sources.main.package,))
            context = assumptions.context(found, config)
        else:
            # The server's own numbers need no catalogue of plans.
            provider = self.sources.main.match.provider
            numbers = Numbers(
                buffer=config.buffer,
                instances=config.instances,
                surge=config.surge,
                workers=config.workers,
                provider=provider.id if provider else "",
                sources={"instances": config.source("instances", config.path)} if config.instances else {},
            )
            context = Context(
                catalogue=catalogue, numbers=numbers, targets=targets, packages=(self.sources.main.package,)
            )
        if self.snapshot is None:
            return context
        from poolcheck.capacity.measured import of_string  # noqa: PLC0415 - see load_judges

        told = self.snapshot.server
        made = of_string(self.sources.main, context.numbers, told)
        return replace(context, numbers=told.over(context.numbers), map=made)


def known(target: Target) -> route.Known:
    """What the catalogue says of the target's host."""
    endpoint = target.match.endpoint
    kind = "pooled" if dsn.is_pooled(target) else target.match.kind
    return route.Known(kind=kind, mode=target.match.mode, software=endpoint.software if endpoint else "")
