"""PM2 ecosystem files: the apps that one machine runs, how many processes of each, and their environment.

`instances` counts processes in fork mode as in cluster mode; 0 and "max" are as many as there are CPUs, a negative
number that many fewer: https://github.com/Unitech/pm2/blob/31adee8048db/lib/God.js#L137-L146. What a file does not tell
as a plain number is not known.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping

from poolcheck.connection.secret import Secret
from poolcheck.model.problem import Location
from poolcheck.readers.javascript.values import ParsedFile
from poolcheck.readers.yaml import Node, documents
from poolcheck.record import dataclass

_NAME = re.compile(
    r"(?:[\w-]+\.)?ecosystem(?:\.[\w-]+)*\.(?:[cm]?js|json|ya?ml)|(?:process|pm2|processes)(?:\.config)?\.(?:json|ya?ml|[cm]?js)"
    r"|[\w.-]{0,255}pm2[\w-]{0,255}\.config\.[cm]?js"
)
_LONGEST = 500_000  # characters
_DEVELOPMENT = re.compile(r"(?:^|[/._-])(?:dev|development|local|tests?|staging)(?:$|[/._-])")


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """One app of an ecosystem file."""

    name: str
    location: Location
    instances: int | None  # None: the words say why it is not known
    words: str
    instances_line: int = 0  # 0: not written, one process
    script: str = ""
    folder: str = ""  # where it runs, as far as the project tells
    environment: tuple[tuple[str, Secret | None, int], ...] = ()  # None: filled in when it runs


@dataclass(frozen=True, slots=True)
class Ecosystem:
    """The apps, and whether the file names them all."""

    apps: tuple[App, ...]
    complete: bool


def matches(path: str) -> bool:
    """Is it an ecosystem file, by its name?"""
    return _NAME.fullmatch(posixpath.basename(path)) is not None and _DEVELOPMENT.search(path) is None


def read(text: str, path: str) -> Ecosystem | None:
    """The apps of a file; None when it names none that can be followed."""
    if len(text) > _LONGEST or "script" not in text:
        return None
    if path.endswith((".yaml", ".yml")):
        found = [
            {key: (node.text, "", node.line) for key, node in _flat(item)}
            for document in documents(text)[:1]
            for item in (document.get("apps") or document).items
        ]
        complete = True
    else:
        # PM2 runs a JSON file as JavaScript: comments and trailing commas are fine
        source = ParsedFile(f"module.exports = {text}" if path.endswith(".json") else text, typescript=False)
        values, complete = source.listed("apps")
        found = [{each.key: (each.literal, each.plain, each.line) for each in one} for one in values]
    made = [_app(each, path) for each in found]
    apps = tuple(app for app in made if app is not None and _DEVELOPMENT.search(app.name) is None)
    return Ecosystem(apps, complete) if apps else None


def _flat(node: Node) -> Iterator[tuple[str, Node]]:
    """`name`, `instances`, `env.PORT`: two levels, as PM2 has them."""
    for key, value in node.pairs.items():
        if value.text is not None:
            yield key, value
        for inner, below in value.pairs.items():
            if below.text is not None:
                yield f"{key}.{inner}", below


def _app(values: Mapping[str, tuple[str | None, str, int]], path: str) -> App | None:
    if "script" not in values and "name" not in values:
        return None

    def text(key: str) -> str:
        literal, plain, _ = values.get(key, (None, "", 0))
        return literal if literal is not None else plain

    number, words = _instances(text("instances"))
    folder = posixpath.dirname(path)
    inner = text("cwd") if not text("cwd").startswith(("/", "~", "$")) else ""
    environment: dict[str, tuple[Secret | None, int]] = {}
    for group in ("env.", "env_production.", "env_prod."):
        for key, (literal, plain, line) in values.items():
            if key.startswith(group):
                known = literal if literal is not None else plain or None
                environment[key[len(group) :]] = (None if known is None else Secret(known), line)
    written = "instances" in values
    return App(
        name=text("name") or posixpath.splitext(posixpath.basename(text("script")))[0] or "app",
        location=Location(path, min(line for _, _, line in values.values())),
        instances=number if written else 1,
        words=words if written else "1 process",
        instances_line=values["instances"][2] if written else 0,
        script=text("script"),
        folder=posixpath.normpath(posixpath.join(folder, inner)),
        environment=tuple((name, value, line) for name, (value, line) in environment.items()),
    )


def _instances(text: str) -> tuple[int | None, str]:
    if re.fullmatch(r"[1-9]\d{0,4}", text):
        return int(text), f"instances: {text}"
    if text in ("max", "0") or re.fullmatch(r"-\d{1,4}", text):
        return None, f"instances: {text} depends on the number of CPUs"
    return None, "instances is computed or filled in"
