"""How many processes a command starts, and how many requests each serves at once; each process keeps a pool of its own.

Which options, files, variables and defaults count is the catalogue's knowledge (programs/*.toml). A number that depends on
the machine (one per CPU) or on a variable that no file sets is not known, and the words say why.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from poolcheck.model.facts import CountRule, Program
from poolcheck.model.problem import Location
from poolcheck.readers.deploy import process_configs
from poolcheck.record import dataclass

_RUNNERS = ("npm", "pnpm", "yarn", "bun")
_END = ("&&", ";", "||", "|", "&")
_DOCKER = re.compile(r"^\s*(CMD|ENTRYPOINT)\s+(.*)$", re.IGNORECASE)
_LONGEST = 2_000  # words; a command line has a dozen
_SHELL = re.compile(r"[\w./-]{1,200}(?:\.sh|entrypoint)")
_LONGEST_SCRIPT = 100_000  # characters
_FILLED = re.compile(r"\$\{?(\w+)(?::?-(\d{1,4}))?\}?")
_NUMBER = re.compile(r"(?:\d{1,6}:)?(\d{1,6})(?:,\d{1,6})?")  # 4; Puma's min:max; Celery's max,min
_STAGE = re.compile(r"\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?", re.IGNORECASE)
_PM2 = ("pm2", "pm2-runtime")
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
    threads_location: Location | None = None


class _Told(NamedTuple):
    """What is said of one number."""

    number: int | None
    words: str
    location: Location | None = None


class _Command(NamedTuple):
    """A program that is started."""

    program: Program
    name: str
    rest: list[str]  # its arguments
    further: list[str] | None  # those of a variable; None: set, and not known
    around: "Around"
    config: tuple[str, str] | None  # text, and path as shown
    named: str  # the config that is named, and not there


@dataclass(frozen=True, slots=True)
class Around:
    """What stands beside a command."""

    environment: Mapping[str, str | None]  # None: set, but to what is not known
    complete: bool = True  # nothing else sets variables
    config: Callable[[str], tuple[str, str] | None] = lambda _: None  # path → text and path as shown
    script: Callable[[str], str] = lambda _: ""  # a script of package.json


def read(
    command: Sequence[str], around: Around, programs: Callable[[str], Sequence[Program]]
) -> Processes | None:
    """What a command says; None when it says nothing, which is one process for all that poolcheck knows.

    `programs` gives those that a word of a command line may start.
    """
    words = list(command[:_LONGEST])
    for place, word in enumerate(words):
        name = word.rpartition("/")[2]
        rest = words[place + 1 :]
        if name in _RUNNERS and around.script is not _NO_SCRIPT:
            script = _script(name, rest)
            inner = around.script(script) if script else ""
            if inner:
                return read(inner.split(), replace(around, script=_NO_SCRIPT), programs)
        if around.script is not _NO_SCRIPT and _SHELL.fullmatch(word) and (found := around.config(word)):
            made = _shell(found[0], word, around, programs)
            if made is not None:
                return made
        rest = _own(rest)
        if name in _PM2:
            return _pm2(name, rest, around)
        program = _program(words, place, programs)
        if program is not None:
            after = words[place + 1 + len(rest) :]
            if after[:1] == ["&"] and any(_program(after, at, programs) for at in range(len(after))):
                return Processes(None, "the command starts several programs")
            return _counted(program, name, rest, around)
    return None


def _own(words: list[str]) -> list[str]:
    """The words up to the next command."""
    return words[: next((at for at, each in enumerate(words) if each in _END), len(words))]


def _program(words: list[str], place: int, programs: Callable[[str], Sequence[Program]]) -> Program | None:
    """The program that a word starts, by its arguments."""
    found = programs(words[place])
    rest = _own(words[place + 1 :]) if found else []
    fitting = (each for each in found if not each.words or any(word in each.words for word in rest))
    return next(fitting, None)


def _shell(
    text: str, name: str, around: Around, programs: Callable[[str], Sequence[Program]]
) -> Processes | None:
    """What a shell script starts: the one program that it knows."""
    if not re.match(r"#!.*sh\b", text) or len(text) > _LONGEST_SCRIPT:
        return None
    rows = [row for row in text.replace("\\\n", " ").split("\n") if not row.lstrip().startswith("#")]
    words = " ; ".join(rows).split()[:_LONGEST]
    if sum(_program(words, at, programs) is not None for at in range(len(words))) > 1:
        return Processes(None, f"{name} starts several programs")
    return read(words, replace(around, script=_NO_SCRIPT), programs)


def _NO_SCRIPT(_: str) -> str:  # noqa: N802 - a constant: scripts that call scripts are followed once
    return ""


def _counted(program: Program, name: str, rest: list[str], around: Around) -> Processes:
    further = around.environment.get(program.arguments, "") if program.arguments else ""
    named = next((value for option in program.config if (value := _named(rest, option))), "")
    named = named.partition(":")[2] if named.startswith(("file:", "python:")) else named
    found = (around.config(path) for path in ([named] if named else program.configs))
    config = next((each for each in found if each is not None), None)
    command = _Command(
        program,
        name,
        rest,
        None if further is None else further.split(),
        around,
        config,
        "" if config else named,
    )
    kind = _kind(command)
    number, threads = _ruled(program.processes, kind, command), _ruled(program.threads, kind, command)
    number, threads = number or _Told(1, ""), threads or _Told(None, "")
    return Processes(
        number.number, number.words, number.location,
        threads=threads.number, threads_words=threads.words, threads_location=threads.location,
    )  # fmt: skip


def _kind(command: _Command) -> str | None:
    """The kind of its workers; None where it is set to what cannot be read."""
    rule, around = command.program.kind, command.around
    for words in (command.rest, command.further or ()):
        for option in rule.options:
            if value := _value(words, option):
                return value
    if command.further is None or (rule.setting and command.named):
        return None
    if rule.setting and command.config is not None:
        rows = re.findall(
            rf"""^[^\S\n]*["']?(?:{rule.setting})["']?[^\S\n]*[:=](?!=)(.*)$""",
            command.config[0],
            re.MULTILINE,
        )
        if rows:
            plain = re.fullmatch(r"""\s*(["']?)([\w.]+)\1[\s,]*(?:[#;].*)?""", rows[0])
            return plain[2] if plain and len(rows) == 1 else None
    variable = next((each for each in rule.variables if each in around.environment), "")
    return around.environment[variable] if variable else rule.default


def _ruled(rules: Sequence[CountRule], kind: str | None, command: _Command) -> _Told | None:
    """A number by the rule that fits the kind of worker; None where there is none."""
    for rule in rules:
        if rule.kinds and kind not in rule.kinds:
            continue
        told = _written(rule, command)
        if told is None and rule.why and rule.variables and not command.around.complete:
            return _Told(None, f"it may be set elsewhere: {rule.variables[0]}")
        told = told or _Told(rule.default or None, rule.why)
        if rule.plus and told.number:
            own = f"up to {rule.plus}" if rule.maybe else str(rule.plus)
            return told._replace(number=told.number + rule.plus, words=f"{told.words}, and {own} of its own")
        return told
    return None


def _written(rule: CountRule, command: _Command) -> _Told | None:
    """The number that an option, the config or a variable gives."""
    name, around = command.name, command.around
    said = _said(name, rule.options, command.rest, around)
    if said is None and command.further is None and rule.options:
        return _Told(None, f"{command.program.arguments} is set where it cannot be read")
    said = said or _said(name, rule.options, command.further or (), around)
    if said is not None:
        return said
    if rule.setting and command.named:
        return _Told(None, f"{name} takes it from {command.named}, which is not in the project")
    if rule.setting and command.config is not None:
        text, path = command.config
        made = process_configs.read(text, command.program.format, rule.setting, rule.default)
        if made is not None:
            return _configured(made, path, around)
    for variable in rule.variables:
        if variable in around.environment:
            known = around.environment[variable] or ""
            if not known.isdigit():
                return _Told(None, f"{variable} is filled in when it is deployed")
            return _Told(int(known) or 1, f"{variable}={known}")
    return None


def _configured(made: process_configs.Setting, path: str, around: Around) -> _Told:
    """A number of a config file: written there, or out of a variable, or what stands in for it."""
    at = Location(path, made.line)
    if made.variable and made.variable in around.environment:
        value = around.environment[made.variable]
        if value is not None and value.isdigit():
            return _Told(int(value) or 1, f"{made.variable}={value}")
        return _Told(None, f"{made.variable} is filled in when it is deployed", at)
    if made.variable and not around.complete:
        return _Told(None, f"it is {made.variable}, which may be set elsewhere", at)
    if made.number is None:
        return _Told(None, made.why or f"it is {made.variable}, which no file sets", at)
    words = f"{made.variable} is not set: {made.number}" if made.variable else f"{made.name} {made.number}"
    return _Told(made.number or 1, words, at)


def _pm2(program: str, rest: list[str], around: Around) -> Processes | None:
    """`pm2 start app.js -i 4`, or the apps of an ecosystem file."""
    if program == "pm2" and not any(
        each in ("start", "startOrReload", "startOrRestart", "reload", "restart") for each in rest
    ):
        return None
    said = _said(program, ("-i", "--instances"), rest, around)
    file = next((each for each in rest if _PM2_FILE.fullmatch(each) and not each.startswith("-")), "")
    if file:
        number, words = (said.number, said.words) if said else (None, "")
        return Processes(number, words, file=file, only=_value(rest, "--only"))
    return Processes(said.number, said.words) if said else None


def _script(program: str, rest: list[str]) -> str:
    """The script that `npm start`, `npm run x`, `yarn x` run."""
    words = [each for each in rest[:6] if not each.startswith("-")]
    if words[:1] in (["run"], ["run-script"]):
        return words[1] if len(words) > 1 else ""
    if words[:1] == ["start"] or (words and program in ("yarn", "pnpm", "bun")):
        return words[0]
    return ""


def _said(program: str, options: Sequence[str], words: Sequence[str], around: Around) -> _Told | None:
    """The number that an option gives."""
    for option in options:
        value = _value(words, option).strip("\"'")
        if not value:
            continue
        shown = f"{program} {option} {value}"
        filled = _FILLED.fullmatch(value)
        if filled:
            known = around.environment.get(filled[1], filled[2] if around.complete else None) or ""
            if not known.isdigit():
                return _Told(None, f"{program} {option} takes {filled[1]}, which no file sets")
            return _Told(int(known) or 1, f"{program} {option} {known} ({filled[1]})")
        if value in ("max", "auto") or (program in _PM2 and re.fullmatch(r"0|-\d+", value)):
            return _Told(None, f"{shown} depends on the number of CPUs")
        number = _NUMBER.fullmatch(value)
        if number is None:
            return _Told(None, f"{program} {option} takes a value that is computed")
        return _Told(int(number[1]) or 1, shown)
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


def _named(words: Sequence[str], option: str) -> str:
    """The file that an option names, or an argument that ends so."""
    return (
        next((each for each in words if each.endswith(option)), "")
        if option[0] == "."
        else _value(words, option)
    )


def docker_command(text: str) -> tuple[tuple[str, ...], int]:
    """The command of a Dockerfile's last stage, and its line; () when it has none that is known.

    A stage begins with the command of its image: of an earlier stage, or PHP-FPM of PHP's own.
    """
    stages: dict[str, tuple[tuple[str, ...], int]] = {}
    found: tuple[str, ...] = ()
    at, number, own, name = 0, 1, False, ""
    for row in text.replace("\\\n", " \x00").split("\n"):
        match = _DOCKER.match(row)
        stage = _STAGE.match(row)
        if stage:
            stages[name] = found, at
            image, _, tag = stage[1].rpartition("/")[2].partition(":")
            fpm = ("php-fpm",) if image == "php" and "fpm" in tag else ()
            found, at = stages.get(stage[1].lower(), (fpm, number))
            own, name = False, (stage[2] or "").lower()
        if match:
            words = re.findall(r'"([^"]*)"', match[2]) if match[2].startswith("[") else match[2].split()
            if len(words) == 3 and words[0] in ("sh", "/bin/sh", "bash", "/bin/bash"):
                words = words[2].split()
            words = [word.strip("\x00") for word in words]
            found, at, own = (*(found if own else ()), *words), number, True
        number += 1 + row.count("\x00")
    return found, at


def docker_image(text: str) -> str:
    """The image that a Dockerfile's last stage begins with; "" where there is none."""
    stages: dict[str, str] = {}
    found = ""
    for row in text.replace("\\\n", " ").split("\n"):
        stage = _STAGE.match(row)
        if stage:
            found = stages.get(stage[1].lower(), stage[1])
            stages[(stage[2] or "").lower()] = found
    return found


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
