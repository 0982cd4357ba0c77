"""HCL, as far as Terraform resources need it: blocks, attributes, strings, heredocs, comments.

A value that is more than one literal is an expression: its text is kept for comparison, and its value is not known.
https://github.com/hashicorp/hcl/blob/main/hclsyntax/spec.md
"""

import re
from collections.abc import Iterator

from poolcheck.record import dataclass

_TOKEN = re.compile(
    r"(?P<blank>[ \t\r\f\v]++|(?:\#|//)[^\n]*+|/\*[^*]*+(?:\*(?!/)[^*]*+)*(?:\*/)?)|(?P<newline>\n)"
    r"|(?P<heredoc><<-?[A-Za-z_][\w-]*+[ \t]*\r?\n)|(?P<quote>\")|(?P<number>\d++(?:\.\d++)?)"
    r"|(?P<word>[A-Za-z_][\w-]*+)|(?P<other>.)",
    re.DOTALL,
)
_IN_STRING = re.compile(r"[^\"\\$%]++|\\.|[$%]\{|(?P<end>\")|.", re.DOTALL)
_IN_TEMPLATE = re.compile(r"[^\"{}]++|(?P<open>\{)|(?P<close>\})|(?P<quote>\")|.", re.DOTALL)
_DEEPEST = 30
_WIDEST = 50  # tokens of a value in a map
LONGEST = 1_000_000  # characters; nobody writes a larger one by hand


@dataclass(frozen=True, slots=True)
class Value:
    """An attribute's value. `known`: a string without a template, a number, true or false, then as text."""

    text: str
    line: int
    known: bool = True
    pairs: tuple[tuple[str, "Value"], ...] = ()  # of an expression: every `key = value` in it, in their order


@dataclass(frozen=True, slots=True, kw_only=True)
class HclBlock:
    """`type "label" { ... }`. The last of two attributes of one name counts."""

    type: str
    labels: tuple[str, ...]
    line: int
    attributes: dict[str, Value]
    blocks: tuple["HclBlock", ...]

    @property
    def address(self) -> str:
        """The name by which expressions mean a resource: aws_db_instance.orders."""
        return ".".join(self.labels)

    def block(self, type_: str) -> "HclBlock | None":
        """The first inner block of that type."""
        return next((block for block in self.blocks if block.type == type_), None)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # word, string, number, newline, other
    text: str
    line: int
    known: bool = True


class _Unread(Exception):
    """Something that is not read here, at a line."""


def read(text: str) -> tuple[HclBlock, ...] | None:
    """The top-level blocks of a file; None when its brackets or quotes do not match."""
    if len(text) > LONGEST:
        return None
    try:
        return _Parser(list(_tokens(text))).body(0)[1]
    except _Unread:
        return None


def _tokens(text: str) -> Iterator[_Token]:
    at, line = 0, 1
    while at < len(text):
        match = _TOKEN.match(text, at)
        assert match is not None  # the last alternative takes any character
        kind, token, start = match.lastgroup or "other", match[0], line
        at = match.end()
        line += token.count("\n")
        if kind == "quote":
            end = _string_end(text, at)
            inner = text[at : end - 1]
            line += inner.count("\n")
            at = end
            yield _Token("string", inner, start, known="${" not in inner and "%{" not in inner)
        elif kind == "heredoc":
            word = token.strip().lstrip("<-")
            found = re.compile(rf"^[ \t]*{re.escape(word)}[ \t]*\r?$", re.MULTILINE).search(text, at)
            if found is None:
                raise _Unread
            line += text.count("\n", at, found.start())
            at = found.end()
            yield _Token("string", "", start, known=False)
        elif kind != "blank":
            yield _Token(kind, token, start)


def _string_end(text: str, at: int) -> int:
    """Behind the quote that closes a string: what stands in `${ }` may hold strings of its own."""
    inside = ["string"]
    while inside:
        match = (_IN_STRING if inside[-1] == "string" else _IN_TEMPLATE).match(text, at)
        if match is None or len(inside) > _DEEPEST:
            raise _Unread
        at = match.end()
        kind = match.lastgroup
        if inside[-1] == "string":
            if kind == "end":
                inside.pop()
            elif match[0] in ("${", "%{"):
                inside.append("template")
        elif kind == "close":
            inside.pop()
        elif kind == "open":
            inside.append("template")
        elif kind == "quote":
            inside.append("string")
    return at


class _Parser:
    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
        self.at = 0

    def body(self, deep: int) -> tuple[dict[str, Value], tuple[HclBlock, ...]]:
        """Attributes and blocks up to the closing brace, or to the end."""
        attributes: dict[str, Value] = {}
        blocks: list[HclBlock] = []
        while (token := self._next()) is not None:
            if token.kind == "newline":
                continue
            if token.text == "}" and token.kind == "other":
                if not deep:
                    raise _Unread
                return attributes, tuple(blocks)
            if token.kind not in ("word", "string"):
                raise _Unread
            after = self._next()
            if after is not None and after.text == "=" and after.kind == "other":
                attributes[token.text] = self._value(after.line)
                continue
            labels = []
            while after is not None and after.kind in ("word", "string"):
                labels.append(after.text)
                after = self._next()
            if after is None or after.text != "{" or after.kind != "other" or deep >= _DEEPEST:
                raise _Unread
            own, inner = self.body(deep + 1)
            blocks.append(
                HclBlock(type=token.text, labels=tuple(labels), line=token.line, attributes=own, blocks=inner)
            )
        if deep:
            raise _Unread
        return attributes, tuple(blocks)

    def _next(self) -> _Token | None:
        token = self.tokens[self.at] if self.at < len(self.tokens) else None
        self.at += 1
        return token

    def _value(self, line: int) -> Value:
        """The expression up to the end of its line, or of the block that stands on one line."""
        every: list[_Token] = []
        depth = 0
        while (token := self._next()) is not None:
            if token.kind == "newline" and depth == 0:
                break
            if token.kind == "other":
                if token.text == "}" and depth == 0:
                    self.at -= 1
                    break
                depth += (token.text in "([{") - (token.text in ")]}")
                if depth < 0:
                    raise _Unread
            every.append(token)
        if depth:
            raise _Unread
        found = [each for each in every if each.kind != "newline"]
        if len(found) == 1 and (found[0].kind in ("string", "number") or found[0].text in ("true", "false")):
            return Value(found[0].text, found[0].line, found[0].known)
        at, pairs = found[0].line if found else line, tuple(_pairs(every))
        return Value("".join(each.text for each in found), at, known=False, pairs=pairs)


def _pairs(tokens: list[_Token]) -> Iterator[tuple[str, Value]]:
    """`key = value` inside of an expression, where the value ends on its line and opens no bracket."""
    for number, key in enumerate(tokens[:-2]):
        if key.kind not in ("word", "string") or tokens[number + 1].text not in ("=", ":"):
            continue
        held: list[_Token] = []
        for token in tokens[number + 2 : number + 2 + _WIDEST]:
            if token.kind == "newline" or (token.kind == "other" and token.text in ",{}[]()"):
                break
            held.append(token)
        if held and tokens[number + 1].kind == "other":
            known = len(held) == 1 and held[0].kind in ("string", "number") and held[0].known
            yield key.text, Value("".join(each.text for each in held), held[0].line, known)
