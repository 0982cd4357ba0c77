"""`poolcheck mcp`: the read-only parts of poolcheck as tools for coding assistants."""

import click

from poolcheck.commands._help import Command
from poolcheck.errors import PoolcheckError


@click.command(
    "mcp", cls=Command, short_help="Serve lint, live, size and explain to coding assistants (MCP over stdio)."
)
@click.option(
    "--allow",
    multiple=True,
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False),
    help="Read files of this folder too; several times for several.",
)
def command(allow: tuple[str, ...]) -> int:
    r"""Serve the Model Context Protocol on standard input and output.

    Four tools: lint, live (reads only), size, explain. None writes a file or ends a session, and none reads one outside
    of the folder that it was started in. Needs the extra: pip install 'poolcheck[mcp]'. A client starts it in the project's folder, for example by this in .mcp.json:

    \b
      {"mcpServers": {"poolcheck": {"command": "poolcheck", "args": ["mcp"]}}}
    """
    try:
        from poolcheck.commands._mcp_tools import serve  # noqa: PLC0415 - the SDK is an extra
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in ("mcp", "mcp_types", "pydantic"):
            raise
        raise PoolcheckError("the MCP SDK is not installed", "pip install 'poolcheck[mcp]'") from None
    serve(allow)
    return 0
