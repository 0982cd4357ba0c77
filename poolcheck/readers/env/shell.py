"""What a shell that sources an env file ends up with. No command is run: what one would give counts as empty.

`set -a; . ./.env` sets every assignment that stands alone; a `&` behind one runs it in a child, a word behind one
makes it the environment of a command. https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_USE = re.compile(rf"\$(?:({_NAME})|\{{({_NAME})(?:(:?)([-+=?])([^}}]*))?\}}|[0-9@*#?$!-])")
_OPERATOR = re.compile(r"&&|\|\||[\n;&|]")
_PLAIN = re.compile(r"[^\s\\'\"$`;&|<>()#]+|#")


_NOTHING = ("", True)


class _Stop(Exception):
    """A syntax error: the shell has done what stands on the lines before it."""


class _Exit(Exception):
    """A POSIX shell exits when `export` meets a bad name; whatever sourced the file goes with it."""


class _Command(NamedTuple):
    words: tuple[tuple[str, bool], ...]  # without quotes; whether it is an assignment
    before: str  # the operator that precedes it
    after: str  # the one that follows it


def shell(text: str) -> dict[str, str]:
    """`set -a; . file` in a POSIX shell."""
    return _Shell(text, bash=False).run()


def direnv(text: str) -> dict[str, str]:
    """`.envrc` as direnv runs it, in bash: only what is exported reaches the program."""
    return _Shell(text, bash=True).run()


class _Shell:
    """One pass over a text: whole lines are read, then carried out, as shells do."""

    def __init__(self, text: str, *, bash: bool) -> None:
        self.text = text
        self.pos = 0
        self.bash = bash
        self.known: dict[str, str] = {}
        self.exported: set[str] = set()

    def run(self) -> dict[str, str]:
        """All variables in the end; in bash, the exported ones."""
        try:
            while self.pos < len(self.text):
                self.line()
        except _Stop:
            pass
        except _Exit:
            return {}
        if self.bash:
            return {name: value for name, value in self.known.items() if name in self.exported}
        return self.known

    def line(self) -> None:
        """Read commands up to a newline that ends them, then do what they say."""
        commands: list[_Command] = []
        operator = "\n"
        while True:
            words, after = self.words()
            if not words and operator in ("&&", "||", "|") and after == "\n":
                continue  # an operator at the end of a line goes on in the next
            if not words and (after not in ("\n", "") or operator in ("&&", "||", "|")):
                raise _Stop
            commands.append(_Command(words, operator, after))
            operator = after
            if after in ("\n", ""):
                break
        succeeded = True
        for at, command in enumerate(commands):
            if {"&&": not succeeded, "||": succeeded}.get(command.before):
                continue
            ends = next(command.after for command in commands[at:] if command.after in ("\n", "", ";", "&"))
            elsewhere = ends == "&" or "|" in (command.before, command.after)
            succeeded = self.carry_out(command.words, elsewhere=elsewhere) or ends == "&"

    def words(self) -> tuple[tuple[tuple[str, bool], ...], str]:
        """The words of one simple command, and the operator behind it."""
        words: list[tuple[str, bool]] = []
        while True:
            self.space()
            char = self.text[self.pos : self.pos + 1]
            if char == "#":
                self.pos = _line_end(self.text, self.pos)
            elif char in ("", "\n", ";", "&", "|"):
                break
            elif char in "()":
                raise _Stop
            elif char in "<>":
                self.pos += 1
            else:
                start, (word, assigned) = self.pos, self.word()
                nothing = not word and self.text[start] in "$`"  # an expansion that gives nothing is no word
                words.append(_NOTHING if nothing else (word, assigned))
        operator = _OPERATOR.match(self.text, self.pos)
        after = operator[0] if operator else ""
        self.pos += len(after)
        return tuple(words), after

    def carry_out(self, words: Iterable[tuple[str, bool]], *, elsewhere: bool) -> bool:
        """Set what a command sets; False when it would fail. What runs in a child process sets nothing here."""
        words = [word for word in words if word != _NOTHING]
        exporting = words[:1] == [("export", False)]
        arguments = words[1:] if exporting else words
        failed = any(
            not assigned and not (exporting and re.fullmatch(_NAME, word)) for word, assigned in arguments
        )
        if failed and exporting and not self.bash and not elsewhere:
            raise _Exit
        if elsewhere or (failed and not exporting):
            return not failed
        for word, assigned in arguments:
            name, _, value = word.partition("=")
            if assigned:
                self.known[name] = value
            if exporting:
                self.exported.add(name)
        return not failed

    def space(self) -> None:
        while self.text[self.pos : self.pos + 1] in (" ", "\t") or self.text.startswith("\\\n", self.pos):
            self.pos += 2 if self.text[self.pos] == "\\" else 1

    def word(self) -> tuple[str, bool]:
        """One word without its quotes, and whether it is an assignment."""
        start = self.pos
        parts: list[str] = []
        assigned = re.compile(rf"{_NAME}=").match(self.text, start) is not None
        while self.pos < len(self.text):
            char = self.text[self.pos]
            plain = _PLAIN.match(self.text, self.pos)
            if plain is not None:
                parts.append(plain[0])
                self.pos = plain.end()
            elif char == "\\":
                parts.append(self.text[self.pos + 1 : self.pos + 2].replace("\n", ""))
                self.pos += 2
            elif self.bash and self.text.startswith(("$'", '$"'), self.pos):
                self.pos += 1  # bash's own quotes: the dollar is no part of the value
            elif char == "'":
                parts.append(self.until_quote())
            elif char == '"':
                parts.append(self.double_quoted())
            elif char in "$`":
                parts.append(self.use())
            elif char in " \t\n;&|<>()":
                break
            else:
                parts.append(char)
                self.pos += 1
        return "".join(parts), assigned

    def until_quote(self) -> str:
        close = self.text.find("'", self.pos + 1)
        if close < 0:
            raise _Stop
        inside, self.pos = self.text[self.pos + 1 : close], close + 1
        return inside

    def double_quoted(self) -> str:
        self.pos += 1
        parts: list[str] = []
        while self.pos < len(self.text):
            char = self.text[self.pos]
            if char == '"':
                self.pos += 1
                return "".join(parts)
            if char in "$`":
                parts.append(self.use())
                continue
            following = self.text[self.pos + 1 : self.pos + 2]
            if char == "\\" and following and following in '$`"\\\n':
                parts.append(following.replace("\n", ""))
                self.pos += 2
            else:
                parts.append(char)
                self.pos += 1
        raise _Stop

    def use(self) -> str:
        """`$NAME`, `${NAME}`, `${NAME:-word}`, a command: what it gives."""
        if self.text[self.pos] == "`" or self.text.startswith("$(", self.pos):
            return self.substitution()
        found = _USE.match(self.text, self.pos)
        if found is None:
            if self.text.startswith("${", self.pos):
                raise _Stop
            self.pos += 1
            return "$"
        self.pos = found.end()
        name = found[1] or found[2]
        value = self.known.get(name) if name else None
        there = bool(value) if found[3] else value is not None
        if found[4] in ("-", "=") and not there:
            return found[5]
        if found[4] == "+":
            return found[5] if there else ""
        return value or ""

    def substitution(self) -> str:
        close = self.text.find("`" if self.text[self.pos] == "`" else ")", self.pos + 1)
        if close < 0:
            raise _Stop
        self.pos = close + 1
        return ""


def _line_end(text: str, pos: int) -> int:
    end = text.find("\n", pos)
    return len(text) if end < 0 else end
