"""What --max takes: max_connections of every server that nothing else tells of, or of one by its name."""

import re
from collections.abc import Callable
from typing import Any

import click

from poolcheck.config import settings as configuration


class MaxConnections(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.5 on
    """max_connections of every server that nothing else tells of, or of one: 100, orders=400."""

    name = "number"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        """The server's name, empty for a bare number, and the number."""
        name, _, number = str(value).rpartition("=")
        if "=" in str(value) and not re.fullmatch(configuration.SERVER_NAME, name, re.ASCII):
            self.fail(f"{name!r} is not the name of a server; write for example orders=400", param, ctx)
        return name, click.IntRange(min=1)(number, param, ctx)


def max_option(help_: str) -> Callable[[Any], Any]:
    """--max N, or NAME=N for a server of the project: `max_connections` and `server_limits`. The last one counts."""

    def parted(ctx: click.Context, _: click.Parameter, value: tuple[tuple[str, int], ...]) -> int | None:
        named = dict(value)
        bare = named.pop("", None)
        ctx.params["server_limits"] = named or None
        return bare

    return click.option(
        "--max", "max_connections", type=MaxConnections(), multiple=True, callback=parted, metavar="N|NAME=N", help=help_,
    )  # fmt: skip
