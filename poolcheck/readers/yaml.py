"""Deployment YAML with line numbers: mappings, lists, scalars, block scalars, flow style, anchors and merge keys.

Not all of YAML: what compose files, Kubernetes manifests and Helm values use. A text with anything else in it gives
no document at all, so that nothing is concluded from half of one. Templates (`{{ }}` outside quotes) are such texts.
"""

import re
from typing import NamedTuple

_DEEPEST = 60
_LONGEST_VALUE = 400  # lines of one flow value or quoted text
_LONGEST = 2_000_000  # characters; nobody writes a larger one by hand
_MOST_MERGED = 200_000  # pairs that merge keys may copy; real files copy a few hundred
_KEY = re.compile(
    r"""(?:"((?:[^"\\]|\\.)*)"\s*|'((?:[^']|'')*)'\s*|([^\s\-?\[\]{},#&*!|>'"%@`][^#]*?|-[^\s#][^#]*?|<<)):(?:\s+|$)"""
)


_TAG = re.compile(r"![^\s,\[\]{}]*+\s*+")


class Node(NamedTuple):
    """A value with its place: text, a mapping, or a list. `line` counts from 1."""

    value: str | dict[str, "Node"] | list["Node"]
    line: int
    quoted: bool = False

    def get(self, *path: str) -> "Node | None":
        """What stands below these keys; None when it does not."""
        node: Node | None = self
        for key in path:
            if node is None or not isinstance(node.value, dict):
                return None
            node = node.value.get(key)
        return node

    @property
    def text(self) -> str | None:
        """The scalar; None for a mapping or a list, and for nothing."""
        return self.value if isinstance(self.value, str) else None

    @property
    def items(self) -> list["Node"]:
        """The list's items; [] for anything else."""
        return self.value if isinstance(self.value, list) else []

    @property
    def pairs(self) -> dict[str, "Node"]:
        """The mapping's pairs; {} for anything else."""
        return self.value if isinstance(self.value, dict) else {}


def text_of(node: Node | None) -> str:
    """A scalar's text; "" for what is none, or not there."""
    return (node.text or "") if node is not None else ""


class _Row(NamedTuple):
    indent: int
    text: str
    line: int


class _Unread(Exception):
    """Something that is not read here."""


def documents(text: str) -> list[Node]:
    """Every document of a text; [] when any of it is beyond this reader."""
    if len(text) > _LONGEST:
        return []
    found: list[Node] = []
    rows: list[_Row] = []
    all_rows = text.split("\n")
    starts = [number for number, line in enumerate(all_rows) if re.match(r"---(?:\s|$)", line)]
    for first, last in zip([0, *[each + 1 for each in starts]], [*starts, len(all_rows)], strict=True):
        rows = [
            _Row(len(line) - len(line.lstrip(" ")), line.lstrip(" ").rstrip(), number)
            for number, line in enumerate((each.rstrip("\r") for each in all_rows[first:last]), first + 1)
        ]
        if not any(row.text and not row.text.startswith(("#", "%")) for row in rows):
            continue
        try:
            found.append(_Parser(rows).document())
        except (_Unread, RecursionError):
            return []
    return found


class _Parser:
    def __init__(self, rows: list[_Row]) -> None:
        self.rows = rows
        self.at = 0
        self.anchors: dict[str, Node] = {}
        self.merged = 0  # pairs copied so far

    def document(self) -> Node:
        row = self._peek()
        if row is None:
            raise _Unread
        node = self._block(row.indent, 0)
        if self._peek() is not None:
            raise _Unread
        return node

    def _peek(self) -> _Row | None:
        """The next row that says something."""
        while self.at < len(self.rows):
            row = self.rows[self.at]
            if row.text and not row.text.startswith("#"):
                if "\t" in row.text[:1]:
                    raise _Unread
                return row
            self.at += 1
        return None

    def _block(self, indent: int, deep: int) -> Node:
        """The mapping, list or scalar whose rows begin at this indent."""
        row = self._peek()
        if row is None or deep > _DEEPEST:
            raise _Unread
        if row.text == "-" or row.text.startswith("- "):
            return self._list(indent, deep)
        if _KEY.match(row.text):
            return self._mapping(indent, deep)
        self.at += 1
        return self._value(row.text, row, indent - 1, deep)

    def _list(self, indent: int, deep: int) -> Node:
        items: list[Node] = []
        first = self._peek()
        assert first is not None
        while (
            (row := self._peek()) is not None
            and row.indent == indent
            and (row.text == "-" or row.text.startswith("- "))
        ):
            rest = row.text[1:].lstrip()
            inner = indent + len(row.text) - len(rest)
            if not rest or rest.startswith("#"):
                self.at += 1
                items.append(self._below(row, indent, deep))
            elif _KEY.match(rest) or rest.startswith("- "):
                self.rows[self.at] = _Row(inner, rest, row.line)  # `- key: value` begins a mapping of its own
                items.append(self._block(inner, deep + 1))
            else:
                self.at += 1
                items.append(self._value(rest, row, indent, deep))
        if (row := self._peek()) is not None and row.indent > indent:
            raise _Unread
        return Node(items, first.line)

    def _mapping(self, indent: int, deep: int) -> Node:
        pairs: dict[str, Node] = {}
        merges: list[Node] = []
        first = self._peek()
        assert first is not None
        while (row := self._peek()) is not None and row.indent == indent:
            match = _KEY.match(row.text)
            if match is None:
                break
            key = next(part for part in match.groups() if part is not None).rstrip()
            rest = row.text[match.end() :]
            self.at += 1
            node = (
                self._value(rest, row, indent, deep)
                if rest and not rest.startswith("#")
                else self._below(row, indent, deep)
            )
            if key == "<<":
                merges += node.items or [node]
            else:
                pairs[key] = node
        if (row := self._peek()) is not None and row.indent > indent:
            raise _Unread
        for merge in merges:
            self.merged += len(merge.pairs)
            if self.merged > _MOST_MERGED:
                raise _Unread
            for key, node in merge.pairs.items():  # what is written wins, then the first that is merged
                pairs.setdefault(key, node)
        return Node(pairs, first.line)

    def _below(self, row: _Row, indent: int, deep: int) -> Node:
        """What stands below a key or dash that has nothing behind it."""
        after = self._peek()
        if after is not None and (after.indent > indent or (after.indent == indent and row.text[:1] != "-" and (after.text == "-" or after.text.startswith("- ")))):  # fmt: skip
            return self._block(after.indent, deep + 1)
        return Node("", row.line)

    def _value(self, text: str, row: _Row, indent: int, deep: int) -> Node:
        """What stands behind a key or a dash."""
        anchor = re.match(r"&([\w.-]+)\s*", text)
        if anchor:
            rest = text[anchor.end() :]
            if rest.startswith("&"):
                raise _Unread
            node = (
                self._value(rest, row, indent, deep)
                if rest and not rest.startswith("#")
                else self._below(row, indent, deep)
            )
            self.anchors[anchor[1]] = node
            return node
        text = re.sub(r"^!\S*\s*", "", text)
        if not text:
            return self._below(row, indent, deep)
        alias = re.fullmatch(r"\*([\w.-]+)\s*(?:#.*)?", text)
        if alias:
            if alias[1] not in self.anchors:
                raise _Unread
            return self.anchors[alias[1]]
        if re.match(r"[|>][-+\d]*\s*(?:#.*)?$", text):
            return self._scalar_block(row, indent, folded=text[0] == ">")
        if text[0] in "[{":
            if text.startswith("{{"):
                raise _Unread
            return _Flow(self._joined(text), row.line, self.anchors).node()
        return self._plain(text, row, indent)

    def _scalar_block(self, row: _Row, indent: int, *, folded: bool) -> Node:
        lines: list[str] = []
        first: int | None = None
        while self.at < len(self.rows):
            each = self.rows[self.at]
            if each.text and each.indent <= indent:
                break
            first = each.indent if first is None and each.text else first
            lines.append(" " * (0 if folded else max(0, each.indent - (first or 0))) + each.text)
            self.at += 1
        return Node((" " if folded else "\n").join(lines).strip(), row.line, quoted=True)

    def _joined(self, text: str) -> str:
        """A flow value may go over several rows."""
        first, parts, brackets = self.at, [text], _Brackets()
        while (missing := brackets.open_after(parts[-1])) and self.at < min(
            len(self.rows), first + _LONGEST_VALUE
        ):
            parts.append(self.rows[self.at].text)
            self.at += 1
        if missing:
            raise _Unread
        return " ".join(parts)

    def _plain(self, text: str, row: _Row, indent: int) -> Node:
        if text[0] in "\"'":
            first, parts, rest = self.at, [text], _IN_QUOTES[text[0]].sub("", text[1:], 1)
            while not rest and self.at < min(len(self.rows), first + _LONGEST_VALUE):
                parts.append(self.rows[self.at].text)
                rest = _IN_QUOTES[text[0]].sub("", parts[-1], 1)
                self.at += 1
            if not rest or (rest[1:].strip() and not rest[1:].strip().startswith("#")):
                raise _Unread
            whole = " ".join(parts)
            return Node(_unquoted(whole[: len(whole) - len(rest) + 1]), row.line, quoted=True)
        words = [re.split(r"\s#", text, maxsplit=1)[0].strip()]
        while (after := self._peek()) is not None and after.indent > indent:
            if _KEY.match(after.text):
                raise _Unread
            words.append(re.split(r"\s#", after.text, maxsplit=1)[0])
            self.at += 1
        return Node(" ".join(words), row.line)


class _Flow:
    """`[a, b]` and `{a: b}`."""

    def __init__(self, text: str, line: int, anchors: dict[str, Node]) -> None:
        self.text, self.line, self.anchors, self.at = text, line, anchors, 0

    def node(self) -> Node:
        made = self._any(0)
        rest = self.text[self.at :].strip()
        if rest and not rest.startswith("#"):
            raise _Unread
        return made

    def _skip(self) -> str:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1
        return self.text[self.at : self.at + 1]

    def _any(self, deep: int) -> Node:
        if deep > _DEEPEST:
            raise _Unread
        head = self._skip()
        tag = _TAG.match(self.text, self.at)
        if tag:  # `[!Ref a, !Split [",", b]]`, as templates of CloudFormation have it
            self.at = tag.end()
            head = self._skip()
        if head == "[":
            return self._many("]", deep)
        if head == "{":
            return self._many("}", deep)
        return self._scalar()

    def _many(self, end: str, deep: int) -> Node:
        self.at += 1
        items: list[Node] = []
        pairs: dict[str, Node] = {}
        while self._skip() != end:
            if self.at >= len(self.text):
                raise _Unread
            node = self._any(deep + 1)
            if end == "}":
                key = node.text
                value = Node("", self.line)
                if self._skip() == ":":
                    self.at += 1
                    value = self._any(deep + 1)
                if key is None:
                    raise _Unread
                pairs[key] = value
            else:
                items.append(node)
            if self._skip() == ",":
                self.at += 1
            elif self._skip() != end:
                raise _Unread
        self.at += 1
        return Node(pairs if end == "}" else items, self.line)

    def _scalar(self) -> Node:
        if self.text[self.at : self.at + 1] in ("'", '"'):
            quoted = _QUOTED.match(self.text, self.at)
            if quoted is None:
                raise _Unread
            self.at = quoted.end()
            return Node(_unquoted(quoted[0]), self.line, quoted=True)
        match = _FLOW_WORD.match(self.text, self.at)
        word = match[0] if match else ""
        self.at += len(word)
        word = word.strip()
        if word.startswith("*"):
            if word[1:] not in self.anchors:
                raise _Unread
            return self.anchors[word[1:]]
        return Node(word, self.line)


# What stands between quotes, as far as a row goes; outside of them, what opens or closes something.
_IN_QUOTES = {"'": re.compile(r"(?:[^']|'')*"), '"': re.compile(r'(?:[^"\\]|\\(?:.|$))*')}
_FLOW_SIGN = re.compile(r"""[\[{\]}]|(?:^|(?<=[\s\[{,:]))['"]|\s#""")
_QUOTED = re.compile(r"""'(?:[^']|'')*'(?!')|"(?:[^"\\]|\\.)*\"""")
_FLOW_WORD = re.compile(r"(?:[^,\[\]{}:]|:(?!\s|$))*")


def _unquoted(text: str) -> str:
    inner = text[1:-1]
    if text[0] == "'":
        return inner.replace("''", "'")
    return re.sub(r"\\(.)", lambda match: {"n": "\n", "t": "\t"}.get(match[1], match[1]), inner)


class _Brackets:
    """How many brackets of a flow value are open, counted row by row; a quoted text may go over rows too."""

    def __init__(self) -> None:
        self.open, self.quote = 0, ""

    def open_after(self, row: str) -> int:
        """The number after one more row; a quote that is open counts as one."""
        at = 0
        while at < len(row):
            if self.quote:
                inside = _IN_QUOTES[self.quote].match(row, at)
                at = inside.end() + 1 if inside else len(row)
                if at > len(row):
                    break
                self.quote = ""
            sign = _FLOW_SIGN.search(row, at)
            if sign is None or sign[0].endswith("#"):
                break
            at = sign.end()
            if sign[0] in "'\"":
                self.quote = sign[0]
            else:
                self.open += (sign[0] in "[{") - (sign[0] in "]}")
        return self.open or len(self.quote)
