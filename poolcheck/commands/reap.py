"""`poolcheck reap`: end sessions that are held for nothing."""

import click

from poolcheck.commands._connecting import (
    Seconds,
    admin_option,
    ask_password,
    connect_timeout_option,
    dsn_argument,
    env_file_option,
    statement_timeout_option,
    variable_option,
)
from poolcheck.commands._help import Command
from poolcheck.commands._settings import Settings
from poolcheck.commands._shared import Output, emit, output_options
from poolcheck.config.settings import DEFAULTS

STATES = {
    "idle": ("idle",),
    "idle-in-transaction": ("idle in transaction", "idle in transaction (aborted)"),
    "aborted": ("idle in transaction (aborted)",),
}


@click.command("reap", cls=Command, short_help="End leaked sessions: a dry run unless --yes.")
@dsn_argument
@env_file_option
@variable_option
@admin_option
@click.option("--yes", is_flag=True, help="End them. Without it, nothing is changed.")
@click.option(
    "--older-than",
    type=Seconds(),
    default=float(DEFAULTS.thresholds.idle_seconds),
    show_default=f"{DEFAULTS.thresholds.idle_seconds / 60:g}m",
    metavar="TIME",
    help="Only sessions in their state for longer than this.",
)
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(tuple(STATES)),
    help="Every session in this state instead of the leaks. Idle ones of a warm pool are idle too.",
)
@click.option("--app", "application", metavar="NAME", help="Only this application_name.")
@click.option("--pid", "pids", multiple=True, type=click.IntRange(min=1), help="Only these pids.")
@click.option(
    "--most",
    "most",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="End at most so many in one run.",
)
@click.option("--max", "most_before", type=click.IntRange(min=1), hidden=True)
@click.option(
    "--sample",
    type=Seconds(),
    default=0.0,
    metavar="TIME",
    help="Two looks, so far apart: sessions that were forgotten and grow in number are seen only so.",
)
@connect_timeout_option
@statement_timeout_option
@click.option(
    "--config",
    "config_path",
    type=click.Path(exists=True, dir_okay=False),
    help="This config file instead of the nearest.",
)
@output_options
def command(
    *,
    dsn: str | None,
    env_file: str | None,
    variable: str | None,
    yes: bool,
    older_than: float,
    states: tuple[str, ...],
    application: str | None,
    pids: tuple[int, ...],
    most: int,
    most_before: int | None,
    admin: str | None,
    sample: float,
    connect_timeout: float,
    statement_timeout: float,
    config_path: str | None,
    out: Output,
) -> int:
    r"""End sessions that are held for nothing.

    Without --state these are the leaks that `poolcheck live` calls certain or probable: idle in a transaction, left by a
    client that is gone, or with --sample forgotten and growing. NAME is a [server.NAME] of poolcheck.toml, whose dsn_env names the variable. Each session's pid, start and state are checked again in the statement that ends it. Never
    ended: superusers, replication, autovacuum, other databases, sessions that were used meanwhile, and its own.

    Exit code 0: nothing is left to end. 1: something is.

    \b
    Examples:
      poolcheck reap "$DATABASE_URL"
      poolcheck reap "$DATABASE_URL" --older-than 10m --yes
      poolcheck reap --env-file .env --state idle --app worker --older-than 1h --yes
    """
    from poolcheck.live.look import LookOptions  # noqa: PLC0415 - brings psycopg
    from poolcheck.live.postgres import Timeouts  # noqa: PLC0415 - as above
    from poolcheck.live.reap import ReapChoice, reap  # noqa: PLC0415 - as above

    options = LookOptions(
        dsn=dsn,
        env_file=env_file,
        variable=variable,
        admin=admin,
        sample=sample,
        timeouts=Timeouts(connect=connect_timeout, statement=statement_timeout),
    )
    choice = ReapChoice(
        older_than=older_than,
        states=tuple(each for name in states for each in STATES[name]),
        application=application,
        most=most_before
        or most,  # --max is max_connections everywhere else; the old spelling goes on working
        pids=pids,
        do=yes,
    )
    return emit(reap(options, choice, Settings({}, config_path), ask_password), out)
