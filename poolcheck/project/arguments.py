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
    """The path as it is shown and looked up: relative to the current folder where it is in it, POSIX slashes.

    One place has one name, however it was written: absolute, `./x/../x`, with a slash at the end.
    Made of strings: pathlib takes 3 ms to import, a tenth of what a lint may take to start.
    """
    text = os.fspath(path)
    plain = os.path.normpath(text) if text else ""
    if os.sep == "/" and plain.startswith("//"):
        plain = plain[1:]
    if ".." in text and not _same(plain, text):  # x/.. is not here where x is a link
        plain = os.path.realpath(text)
    if os.path.isabs(plain) or plain.startswith(".."):
        whole = os.path.abspath(plain)
        here = os.getcwd()
        shell = os.environ.get("PWD", "")  # $PWD keeps the links by which the user came
        for top in (here, shell) if os.path.isabs(shell) and _same(shell, here) else (here,):
            if whole == top or whole.startswith(top.rstrip(os.sep) + os.sep):
                plain = os.path.relpath(whole, top)
                break
    return plain.replace(os.sep, "/")


def _same(one: str, other: str) -> bool:
    """Whether two paths lead to one place; what is not there is the same as anything."""
    try:
        return os.path.samefile(one, other)
    except (OSError, ValueError):  # ValueError: a NUL in it
        return not os.path.lexists(other)


def url_target(text: str, package: Package) -> Target:
    """A connection string given as an argument: taken as app traffic."""
    conn: ConnectionString = parse(text)
    return Target(
        name="argument", conn=conn, location=Location("", None, None), origin="argument", role="app",
        role_source="an argument is taken as the app's", match=catalogue.match(conn), package=package,
    )  # fmt: skip
