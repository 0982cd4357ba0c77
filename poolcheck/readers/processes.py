"""How many processes a command starts: gunicorn, uvicorn, Puma, PM2 and the like; each keeps a pool of its own."""

import re
from collections.abc import Mapping, Sequence

# program → options that set the number of processes
_OPTIONS: dict[str, tuple[str, ...]] = {
    "gunicorn": ("-w", "--workers"),
    "uvicorn": ("--workers",),
    "hypercorn": ("-w", "--workers"),
    "granian": ("--workers",),
    "fastapi": ("--workers",),
    "puma": ("-w", "--workers"),
    "pm2": ("-i", "--instances"),
    "pm2-runtime": ("-i", "--instances"),
    "celery": ("-c", "--concurrency"),
    "daphne": (),
}
# Read where the option is missing.
_VARIABLES = {
    "gunicorn": "WEB_CONCURRENCY",
    "uvicorn": "WEB_CONCURRENCY",
    "puma": "WEB_CONCURRENCY",
}
_DOCKER = re.compile(r"^\s*(CMD|ENTRYPOINT)\s+(.*)$", re.IGNORECASE)


def workers(command: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str] | None:
    """The number of processes and the words that say so; None when the command does not tell."""
    words = list(command)
    for place, word in enumerate(words):
        program = word.rpartition("/")[2]
        if program not in _OPTIONS:
            continue
        for option in _OPTIONS[program]:
            found = _option(words[place + 1 :], option)
            if found is not None:
                return found, f"{program} {option} {found}"
        variable = _VARIABLES.get(program, "")
        value = environment.get(variable, "")
        if value.isdigit():
            return int(value), f"{variable}={value}"
        return None
    return None


def _option(words: Sequence[str], option: str) -> int | None:
    for place, word in enumerate(words):
        if word in ("&&", ";", "||", "|"):
            return None
        value = None
        if word == option and place + 1 < len(words):
            value = words[place + 1]
        elif option.startswith("--") and word.startswith(option + "="):
            value = word.partition("=")[2]
        elif not option.startswith("--") and re.fullmatch(re.escape(option) + r"\d+", word):
            value = word[len(option) :]
        if value is not None:
            return int(value) if value.isdigit() and int(value) > 0 else None
    return None


def docker_command(text: str) -> tuple[tuple[str, ...], int]:
    """The command of a Dockerfile's last stage, and its line; () when it has none."""
    found: tuple[str, ...] = ()
    at = 0
    rows = text.replace("\\\n", " \x00").split("\n")
    number = 1
    for row in rows:
        match = _DOCKER.match(row)
        if re.match(r"\s*FROM\s", row, re.IGNORECASE):
            found, at = (), 0
        if match:
            words = re.findall(r'"([^"]*)"', match[2]) if match[2].startswith("[") else match[2].split()
            if len(words) == 3 and words[0] in ("sh", "/bin/sh", "bash", "/bin/bash"):
                words = words[2].split()
            found, at = (*found, *(word.strip("\x00") for word in words)), number
        number += 1 + row.count("\x00")
    return found, at
