"""Deployment YAML with line numbers, on PyYAML's events: scalars stay the text that is written, and nothing is built.

A text that is no YAML, or that goes beyond what people write, gives no document at all, so that nothing is concluded
from half of one. Templates (`{{ }}` outside quotes) are such texts: to YAML they are mappings whose key is a mapping.
"""

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from yaml._yaml import Mark as CMark
    from yaml.error import Mark
    from yaml.events import AliasEvent, CollectionStartEvent, Event, ScalarEvent

_DEEPEST = 60  # through aliases too: what reads these trees goes down them by calling itself
_LONGEST = 2_000_000  # characters; nobody writes a larger one by hand
_MOST_MERGED = 200_000  # pairs that merge keys may copy; real files copy a few hundred
_MOST_DIRECTIVES = 100  # libyaml looks through all of them for each one more
# YAML 1.1 breaks rows at these; YAML 1.2, editors and whoever counts our lines do not.
_NO_BREAK = re.compile("\r(?!\n)|[\x85\u2028\u2029]")
_BLOCKS = ("|", ">")
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")  # written as escapes; no path and no terminal takes them
UNKNOWN = "\ufffd"  # stands in rendered text for what is not known


class Node(NamedTuple):
    """A value with its place: text, a mapping, or a list. `line` counts from 1."""

    value: str | dict[str, "Node"] | list["Node"]
    line: int
    quoted: bool = False  # or a block of text

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


class _Unread(Exception):
    """Something that is not read here."""


def documents(text: str) -> list[Node]:
    """Every document of a text; [] when any of it is beyond this reader."""
    if len(text) > _LONGEST or text.count("\n%") > _MOST_DIRECTIVES:
        return []
    import yaml  # noqa: PLC0415 - 12 ms, and most projects have no YAML that is read

    loader = getattr(
        yaml, "CSafeLoader", yaml.SafeLoader
    )  # built without libyaml, PyYAML has only the second
    text = _NO_BREAK.sub(" ", text.removeprefix("\ufeff"))
    try:
        return list(_documents(yaml.parse(text, Loader=loader)))
    except (yaml.YAMLError, ValueError, _Unread):  # ValueError: characters that Unicode does not have
        return []


def _documents(events: Iterator["Event"]) -> Iterator[Node]:
    """Each document but those with nothing in them."""
    for event in events:
        if _kind(event) == "DocumentStartEvent":
            node = _Composer(events).node(next(events), 0)
            if node.value != "" or node.quoted:
                yield node


def _kind(event: "Event") -> str:
    """The class, by its name: PyYAML is not imported before there is something to read."""
    return type(event).__name__


class _Composer:
    """Nodes of one document's events. PyYAML's own composer has no bounds, and goes down until C's stack ends."""

    def __init__(self, events: Iterator["Event"]) -> None:
        self.events = events
        self.anchors: dict[str | None, tuple[Node, int]] = {}  # with the levels below each
        self.deepest = 0  # level reached so far in the anchor that is open
        self.merged = 0  # mappings and pairs that merge keys brought so far
        self.makers: dict[str, Callable[[Any, int], Node]] = {
            "AliasEvent": self._alias,
            "ScalarEvent": self._scalar,
            "SequenceStartEvent": self._list,
            "MappingStartEvent": self._mapping,
        }

    def node(self, event: Any, deep: int) -> Node:
        """The node that begins with this event."""
        kind = _kind(event)
        if event.anchor is None or kind == "AliasEvent":
            return self.makers[kind](event, deep)
        self.anchors.pop(event.anchor, None)  # inside of itself a name stands for nothing yet
        around, self.deepest = self.deepest, deep
        made = self.makers[kind](event, deep)
        self.anchors[event.anchor] = (made, self.deepest - deep)
        self.deepest = max(around, self.deepest)
        return made

    def _reach(self, deep: int) -> None:
        self.deepest = max(self.deepest, deep)
        if deep > _DEEPEST:
            raise _Unread

    def _alias(self, event: "AliasEvent", deep: int) -> Node:
        if event.anchor not in self.anchors:
            raise _Unread
        made, height = self.anchors[event.anchor]
        self._reach(deep + height)
        return made

    def _scalar(self, event: "ScalarEvent", _deep: int) -> Node:
        value = event.value
        if _NO_TEXT.search(value):
            raise _Unread
        return Node(
            value.rstrip() if event.style in _BLOCKS else value, _row(event.start_mark), bool(event.style)
        )

    def _list(self, event: "CollectionStartEvent", deep: int) -> Node:
        self._reach(deep + 1)
        return Node([self.node(below, deep + 1) for below in self._until("SequenceEndEvent")], _begin(event))

    def _mapping(self, event: "CollectionStartEvent", deep: int) -> Node:
        self._reach(deep + 1)
        pairs: dict[str, Node] = {}
        merges: list[Node] = []
        for below in self._until("MappingEndEvent"):
            key = self.node(below, deep + 1)
            if not isinstance(key.value, str):  # `{{ }}` of a template
                raise _Unread
            node = self.node(next(self.events), deep + 1)
            if key.value == "<<" and not key.quoted:
                merges += self._merges(node)
            else:
                pairs[key.value] = node
        for merge in merges:
            for name, node in merge.pairs.items():  # what is written wins, then the first that is merged
                pairs.setdefault(name, node)
        return Node(pairs, _begin(event))

    def _until(self, end: str) -> Iterator["Event"]:
        while _kind(event := next(self.events)) != end:
            yield event

    def _merges(self, node: Node) -> Iterator[Node]:
        for merge in node.items or [node]:
            self.merged += 1 + len(merge.pairs)
            if self.merged > _MOST_MERGED:
                raise _Unread
            yield merge


def _begin(event: "CollectionStartEvent") -> int:
    """The row of the first key, dash or bracket: the event itself begins at its anchor or tag."""
    return _row(event.end_mark)


def _row(mark: "Mark | CMark | None") -> int:
    return mark.line + 1 if mark else 0
