"""What the user named: connection strings told from paths, and paths as they are shown."""

import os

from poolcheck import catalogue
from poolcheck.connection.parse import looks_like_connection_string, parse
from poolcheck.connection.string import ConnectionString
from poolcheck.errors import BadTarget
from poolcheck.model.problem import Location
from poolcheck.model.project import Package
from poolcheck.model.target import Target


def is_url(argument: str) -> bool:
    """Whether an argument is meant as a connection string rather than a path.

    Raises:
        BadTarget: it is a URL of something that is not PostgreSQL.
    """
    if looks_like_connection_string(argument):
        return True
    scheme, sep, _ = argument.partition("://")
    if sep and scheme.replace("+", "").isalnum() and not os.path.exists(argument):
        raise BadTarget(
            f"{scheme}:// is not a PostgreSQL connection string",
            "poolcheck reads postgresql://, postgres://, prisma://, JDBC URLs and key=value strings.",
        )
    return False


def display(path: "str | os.PathLike[str]") -> str:
    """The path as it is shown: relative to the current folder where it is below it, POSIX slashes.

    Made of strings: pathlib takes 3 ms to import, a tenth of what a lint may take to start.
    """
    text = os.fspath(path)
    here = os.getcwd()
    if os.path.isabs(text) and text.startswith(here + os.sep):
        text = os.path.relpath(text, here)
    text = text.replace(os.sep, "/")
    while text.startswith("./"):
        text = text[2:].lstrip("/")
    return text


def url_target(text: str, package: Package) -> Target:
    """A connection string given as an argument: taken as app traffic."""
    conn: ConnectionString = parse(text)
    return Target(
        name="argument", conn=conn, location=Location("", None, None), origin="argument", role="app",
        role_source="an argument is taken as the app's", match=catalogue.match(conn), package=package,
    )  # fmt: skip
