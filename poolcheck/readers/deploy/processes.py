"""How many processes a command starts: gunicorn, uvicorn, Puma, Celery, PM2 and the like; each keeps a pool of its own.

Threads share their process's pool and are not counted: Puma's, Sidekiq's, Celery's with `-P threads`. A number that
depends on the machine (one per CPU) or on a variable that no file sets is not known, and the words say why.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from poolcheck.model.problem import Location
from poolcheck.readers.deploy import process_configs
from poolcheck.record import dataclass
from poolcheck.text import plural

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
    "celery": ("-c", "--concurrency", "--autoscale"),
    "rails": (),  # `rails server` runs Puma with its config
}
# Read where neither option nor config sets a number.
_VARIABLES = {
    "gunicorn": "WEB_CONCURRENCY",  # https://gunicorn.org/reference/settings/#workers
    "uvicorn": "WEB_CONCURRENCY",  # https://uvicorn.dev/settings/#production
    "puma": "WEB_CONCURRENCY",  # https://github.com/puma/puma#clustered-mode
    "rails": "WEB_CONCURRENCY",
    "granian": "GRANIAN_WORKERS",  # https://github.com/emmett-framework/granian#options
}
_CONFIG = {"gunicorn": ("-c", "--config"), "puma": ("-C", "--config")}
_CONFIGS = {
    "gunicorn": ("gunicorn.conf.py",),
    "puma": ("config/puma/production.rb", "config/puma.rb"),
    "rails": ("config/puma/production.rb", "config/puma.rb"),
}
_RUNNERS = ("npm", "pnpm", "yarn", "bun")
_END = ("&&", ";", "||", "|", "&")
_DOCKER = re.compile(r"^\s*(CMD|ENTRYPOINT)\s+(.*)$", re.IGNORECASE)
_LONGEST = 2_000  # words; a command line has a dozen
_FILLED = re.compile(r"\$\{?(\w+)(?::?-(\d{1,4}))?\}?")
_PM2_FILE = re.compile(r".*\.(?:config\.[cm]?js|json|ya?ml)")


@dataclass(frozen=True, slots=True)
class Processes:
    """What a command says of its processes."""

    number: int | None  # None: the words say why it is not known
    words: str
    location: Location | None = None  # where the number stands, when that is not the command itself
    file: str = ""  # a PM2 ecosystem file that the command starts
    only: str = ""  # the one of its apps that is started
    threads: int | None = None  # requests that one process serves at once; None: as many as come
    threads_words: str = ""


@dataclass(frozen=True, slots=True)
class Around:
    """What stands beside a command."""

    environment: Mapping[str, str | None]  # None: set, but to what is not known
    complete: bool = True  # nothing else sets variables
    config: Callable[[str], tuple[str, str] | None] = lambda _: None  # path → text and path as shown
    script: Callable[[str], str] = lambda _: ""  # a script of package.json


def read(command: Sequence[str], around: Around) -> Processes | None:
    """What a command says; None when it says nothing, which is one process for all that poolcheck knows."""
    words = list(command[:_LONGEST])
    for place, word in enumerate(words):
        program = word.rpartition("/")[2]
        rest = words[place + 1 :]
        if program in _RUNNERS and around.script is not _NO_SCRIPT:
            script = _script(program, rest)
            inner = around.script(script) if script else ""
            if inner:
                return read(
                    inner.split(), Around(around.environment, around.complete, around.config, _NO_SCRIPT)
                )
        if program in _OPTIONS and (program != "rails" or rest[:1] in (["s"], ["server"])):
            rest = rest[: next((at for at, each in enumerate(rest) if each in _END), len(rest))]
            if program == "celery":
                return _celery(rest, around)
            if program.startswith("pm2"):
                return _pm2(program, rest, around)
            made = _server(program, rest, around)
            return _gunicorn(made, rest, around) if program == "gunicorn" else made
    return None


def _gunicorn(made: Processes | None, rest: list[str], around: Around) -> Processes:
    """A sync worker serves one request at a time, a gthread worker one in each thread; others as many as come.

    https://docs.gunicorn.org/en/stable/design.html and settings.html#worker-class, #threads
    """
    made = made or Processes(1, "")
    words = [*rest, *(around.environment.get("GUNICORN_CMD_ARGS") or "").split()]
    kind = _value(words, "-k") or _value(words, "--worker-class")
    threads = _value(words, "--threads")
    named = _value(rest, "-c") or _value(rest, "--config")
    config = around.config(named.removeprefix("file:") or "gunicorn.conf.py")
    hidden = (
        (named and config is None)
        or (config is not None and re.search(r"\b(?:worker_class|threads)\b", config[0]))
        or "GUNICORN_CMD_ARGS" in around.environment
    )
    if (hidden and not kind) or kind not in ("", "sync", "gthread") or (threads and not threads.isdigit()):
        return made
    number = int(threads or 1) or 1
    said = (
        f"gunicorn --threads {number}"
        if threads
        else "a sync worker of gunicorn serves one request at a time"
    )
    return replace(made, threads=number, threads_words=said)


def _NO_SCRIPT(_: str) -> str:  # noqa: N802 - a constant: scripts that call scripts are followed once
    return ""


def _server(program: str, rest: list[str], around: Around) -> Processes | None:
    said = _said(program, rest, around)
    if said is None and program == "gunicorn" and "GUNICORN_CMD_ARGS" in around.environment:
        arguments = around.environment["GUNICORN_CMD_ARGS"]
        if arguments is None:
            return Processes(None, "GUNICORN_CMD_ARGS is set where it cannot be read")
        said = _said(program, arguments.split(), around)
    if said is not None:
        return said
    if program in _CONFIGS:
        named = next((value for option in _CONFIG.get(program, ()) if (value := _value(rest, option))), "")
        for name in [named] if named else _CONFIGS[program]:
            found = around.config(name.removeprefix("file:"))
            if found is None:
                continue
            text, path = found
            made = process_configs.read(text, "gunicorn" if program == "gunicorn" else "puma")
            if made is not None:
                return _configured(made, path, around)
            named = ""
            break
        if named:
            return Processes(None, f"{program} takes it from {named}, which is not in the project")
    variable = _VARIABLES.get(program, "")
    if variable in around.environment:
        known = around.environment[variable] or ""
        if not known.isdigit():
            return Processes(None, f"{variable} is filled in when it is deployed")
        return Processes(int(known) or 1, f"{variable}={known}")
    return None


def _configured(made: process_configs.WorkerCount, path: str, around: Around) -> Processes:
    """A number of a config file: written there, or out of a variable, or what stands in for it."""
    at = Location(path, made.line)
    if made.variable and made.variable in around.environment:
        value = around.environment[made.variable]
        if value is not None and value.isdigit():
            return Processes(int(value) or 1, f"{made.variable}={value}")
        return Processes(None, f"{made.variable} is filled in when it is deployed", at)
    if made.variable and not around.complete:
        return Processes(None, f"it is {made.variable}, which may be set elsewhere", at)
    if made.number is None:
        return Processes(None, made.why or f"it is {made.variable}, which no file sets", at)
    words = f"{made.variable} is not set: {made.number}" if made.variable else f"workers {made.number}"
    return Processes(made.number or 1, words, at)


def _celery(rest: list[str], around: Around) -> Processes | None:
    """Prefork children: https://docs.celeryq.dev/en/stable/userguide/workers.html#concurrency."""
    if "beat" in rest and "worker" not in rest:
        return Processes(1, "", threads=1, threads_words="celery beat sends one task at a time")
    if "worker" not in rest:
        return None  # flower, migrate, ...
    pool = _value(rest, "-P") or _value(rest, "--pool")
    said = _said("celery", rest, around)
    if pool in ("", "prefork", "processes"):
        said = said or Processes(None, "celery without -c starts one per CPU")
        return replace(said, threads=1, threads_words="a prefork process of celery runs one task at a time")
    number = 1 if pool == "solo" else said.number if said else None
    return Processes(
        1, "", threads=number, threads_words=f"celery -P {pool}: {plural(number or 0, 'task')} at once"
    )


def _pm2(program: str, rest: list[str], around: Around) -> Processes | None:
    """`pm2 start app.js -i 4`, or the apps of an ecosystem file."""
    if program == "pm2" and not any(
        each in ("start", "startOrReload", "startOrRestart", "reload", "restart") for each in rest
    ):
        return None
    said = _said(program, rest, around)
    file = next((each for each in rest if _PM2_FILE.fullmatch(each) and not each.startswith("-")), "")
    if file:
        number, words = (said.number, said.words) if said else (None, "")
        return Processes(number, words, file=file, only=_value(rest, "--only"))
    return said


def _script(program: str, rest: list[str]) -> str:
    """The script that `npm start`, `npm run x`, `yarn x` run."""
    words = [each for each in rest[:6] if not each.startswith("-")]
    if words[:1] in (["run"], ["run-script"]):
        return words[1] if len(words) > 1 else ""
    if words[:1] == ["start"] or (words and program in ("yarn", "pnpm", "bun")):
        return words[0]
    return ""


def _said(program: str, rest: Sequence[str], around: Around) -> Processes | None:
    """The number that an option gives."""
    for option in _OPTIONS[program]:
        value = _value(rest, option)
        if not value:
            continue
        shown = f"{program} {option} {value}"
        filled = _FILLED.fullmatch(value)
        if filled:
            known = around.environment.get(filled[1], filled[2] if around.complete else None) or ""
            if not known.isdigit():
                return Processes(None, f"{program} {option} takes {filled[1]}, which no file sets")
            return Processes(int(known) or 1, f"{program} {option} {known} ({filled[1]})")
        first = value.partition(",")[0]
        if program.startswith("pm2") and re.fullmatch(r"max|0|-\d+", value):
            return Processes(None, f"{shown} depends on the number of CPUs")
        if not re.fullmatch(r"\d{1,6}", first):
            return Processes(None, f"{program} {option} takes a value that is computed")
        return Processes(int(first) or 1, shown)
    return None


def _value(words: Sequence[str], option: str) -> str:
    for place, word in enumerate(words):
        if word == option and place + 1 < len(words):
            return words[place + 1]
        if option.startswith("--") and word.startswith(option + "="):
            return word.partition("=")[2]
        if not option.startswith("--") and re.fullmatch(re.escape(option) + r"\d+", word):
            return word[len(option) :]
    return ""


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


def docker_environment(text: str) -> dict[str, str | None]:
    """What ENV sets in a Dockerfile's last stage: `ENV A=1 B=2`, `ENV A 1`; None where something fills it in."""
    found: dict[str, str | None] = {}
    for row in text.replace("\\\n", " ").split("\n"):
        if re.match(r"\s*FROM\s", row, re.IGNORECASE):
            found = {}
        match = re.match(r"\s*ENV\s+(\S.*)$", row, re.IGNORECASE)
        if match is None:
            continue
        pairs = re.findall(r"""(?<!\w)(\w+)=("[^"]*"|'[^']*'|\S+)""", match[1])
        if not re.match(r"\w+=", match[1]):
            name, _, value = match[1].partition(" ")
            pairs = [(name, value.strip())]
        found |= {name: None if "$" in value else value.strip("\"'") for name, value in pairs}
    return found
