"""XML as manifests need it: elements with their places."""

import re
from collections.abc import Iterator

_XML_SKIP = re.compile(r"<!--(?:.*?-->|.*)", re.DOTALL)
_XML_TAG = re.compile(r"<(/?)([\w.:-]++)([^<>]*?)(/?)>([^<]*)")


def elements(text: str) -> Iterator[tuple[int, tuple[str, ...], str, str]]:
    """Every element as (offset, path of tags, attributes, text before its first child). No entities, no DTD: safe."""
    blank = _XML_SKIP.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    path: list[str] = []
    for match in _XML_TAG.finditer(blank):
        closing, tag, attributes, empty, inner = match.groups()
        if closing:
            if tag in path:
                del path[len(path) - 1 - path[::-1].index(tag) :]
        elif len(path) < 100:
            path.append(tag)
            yield match.start(), tuple(path), attributes, inner.strip()
            if empty:
                path.pop()
