"""How a deployment serves a Django project: by ASGI, in greenlets, or by WSGI with threads; told by its commands.

A command names the module that it loads (`shop.asgi:application`), a worker class, or a server that knows ASGI alone:
https://docs.djangoproject.com/en/5.2/howto/deployment/asgi/ , https://gunicorn.org/reference/settings/#worker-class
"""

import re
from collections.abc import Iterator

from poolcheck.model.config_file import Gateway, GatewayKind
from poolcheck.model.problem import Location

_LONGEST = 200_000  # characters
# The first that fits a row is shown; the channel layer of Channels 1 is no application.
_KINDS: tuple[tuple[GatewayKind, re.Pattern[str]], ...] = (
    ("asgi", re.compile(r"\b\w[\w.]{0,100}\.(?:asgi|routing):(?!channel_layer)\w+")),
    ("asgi", re.compile(r"\buvicorn[._]workers?\.Uvicorn\w*|\bUvicorn(?:H11)?Worker\b|\bworker_class\s*=\s*[\"']asgi\b")),
    ("asgi", re.compile(r"\bdaphne[\"',\s]+-\w|\bgranian\b[^\n#]{0,200}--interface[\"',=\s]+asgi")),
    ("greenlets", re.compile(r"\bgunicorn\b[^\n#]{0,300}(?:-k|--worker-class)[\"',=\s]+(?:gevent|eventlet)")),
    ("greenlets", re.compile(r"\bworker_class\s*=\s*[\"'](?:gevent|eventlet)\b")),
    ("greenlets", re.compile(r"\bcelery\b[^\n#]{0,300}(?:-P|--pool)[\"',=\s]+(?:gevent|eventlet)")),
    ("wsgi", re.compile(r"\b\w[\w.]{0,100}\.wsgi(?::\w+)?\b")),
)  # fmt: skip
_WORDS = ("asgi", "outing:", "aphne", "vicorn", "gevent", "eventlet", "wsgi")
_DEVELOPMENT = re.compile(r"--reload\b|\brunserver\b")
# Files of developers and of tests say nothing about production.
_OTHERS = re.compile(
    r"(?:^|/)(?:\.devcontainer|dev|local|development|tests?|docs?|examples?)/|[._-](?:dev|local|development|tests?|ci)\b|\.github/"
)
_SCRIPT = re.compile(
    r"(?:[\w.-]{1,40}[-_.])?(?:entrypoint|start|run|serve|server|boot|launch|web|worker|asgi|daphne|uvicorn|gunicorn|celery)"
    r"(?:[-_.][\w.-]{1,40})?\.sh|(?:docker-)?entrypoint|start(?:-\w+)?|(?:asgi|wsgi|web|app|server|django|worker)-(?:run|start)"
)


def is_script(name: str) -> bool:
    """Whether a file of that name may be the script that a container starts with."""
    return _SCRIPT.fullmatch(name) is not None


def read(text: str, path: str, below: str) -> Iterator[Gateway]:
    """What the commands of a file serve a project by, each kind once. `below`: its path within the project."""
    if len(text) > _LONGEST or _OTHERS.search(below) or not any(word in text for word in _WORDS):
        return
    rows = text.replace("\\\n", " \x00").split("\n")
    found: set[str] = set()
    number = 1
    for row in rows:
        if not row.lstrip(" \x00").startswith(("#", ";", "//")) and not _DEVELOPMENT.search(row):
            for kind, pattern in _KINDS:
                match = pattern.search(row)
                if match is not None and kind not in found:
                    found.add(kind)
                    words = " ".join(match[0].replace("\x00", "").split())
                    yield Gateway(kind, Location(path, number), words)
        number += 1 + row.count("\x00")
