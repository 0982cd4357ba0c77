"""`poolcheck live`: one look at a server that may be drowning."""

import gc
import sys
from importlib import import_module

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
from poolcheck.commands._settings import Settings, setting_options
from poolcheck.commands._shared import Output, emit, html_option, output_options


@click.command(
    "live",
    cls=Command,
    short_help="One look at a server: how full, who holds the slots, what leaks, what to do.",
)
@dsn_argument
@env_file_option
@variable_option
@click.option("--bouncer", metavar="DSN", help="Look at this PgBouncer console too.")
@admin_option
@click.option("--no-probe", is_flag=True, help="Open no second client, also when a pooler is suspected.")
@click.option(
    "--sample",
    type=Seconds(),
    default=0.0,
    metavar="TIME",
    help="Look twice, this far apart, and judge growth: 30s.",
)
@click.option(
    "--watch",
    type=Seconds(),
    is_flag=False,
    flag_value="2s",
    metavar="[TIME]",
    help="Look again and again, every 2 s or as given.",
)
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="With --watch: stop after N looks.")
@click.option("--show-queries", is_flag=True, help="Show statements with their literals.")
@connect_timeout_option
@statement_timeout_option
@setting_options
@html_option
@output_options
def command(
    *,
    dsn: str | None,
    env_file: str | None,
    variable: str | None,
    bouncer: str | None,
    admin: str | None,
    no_probe: bool,
    sample: float,
    watch: float | None,
    count: int | None,
    show_queries: bool,
    connect_timeout: float,
    statement_timeout: float,
    settings: Settings,
    out: Output,
) -> int:
    r"""Look at a PostgreSQL server, and at its pooler.

    DSN is a connection string; parameters of Prisma and other drivers are left out. NAME is a [server.NAME] of
    poolcheck.toml, which says with dsn_env and bouncer_env what variables lead there. Without it: --env-file, the
    config's only server, the environment, then the env files of the current folder. One connection, one message, nothing is changed; through a
    pooler a second client asks for the mode, and nothing stays behind.

    \b
    Examples:
      poolcheck live "$DATABASE_URL"
      poolcheck live orders
      poolcheck live --env-file .env.production
      poolcheck live "$DATABASE_URL" --bouncer postgresql://stats@127.0.0.1:6432/pgbouncer
      poolcheck live --sample 30s
      poolcheck live --watch
      poolcheck live --format prometheus --output /var/lib/node_exporter/poolcheck.prom
    """
    from poolcheck.live.look import LookOptions, live  # noqa: PLC0415 - brings psycopg
    from poolcheck.live.postgres import Timeouts  # noqa: PLC0415 - as above

    gc.disable()  # one look makes no garbage worth a collection, and the imports run a tenth faster without
    options = LookOptions(
        dsn=dsn,
        env_file=env_file,
        variable=variable,
        bouncer=bouncer,
        admin=admin,
        probe=not no_probe,
        show_queries=show_queries,
        sample=sample,
        timeouts=Timeouts(connect=connect_timeout, statement=statement_timeout),
        meanwhile=load_text,
    )
    if watch is not None:
        gc.enable()
        from poolcheck.commands._watch import watch as watching  # noqa: PLC0415 - brings rich

        return watching(options, settings, out, every=watch, count=count, ask=ask_password)
    if count is not None:
        raise click.UsageError("--count goes with --watch")
    if sample and sys.stderr.isatty():
        click.echo(f"two looks, {sample:g} s apart ...", err=True)
    return emit(live(options, settings, ask_password), out)


def load_text() -> None:
    """Import what shows the look."""
    import_module("poolcheck.output.text")
    import_module("poolcheck.output.sections.live")
