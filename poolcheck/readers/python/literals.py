"""Strings and numbers of Python source, as they are written."""

import re
from typing import NamedTuple

from tree_sitter import Node

from poolcheck.readers.python.tree import bare, dotted
from poolcheck.readers.syntax import field, text

_ESCAPE = re.compile(
    r"\\(?:\n|([\\'\"abfnrtv])|([0-7]{1,3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|N\{[^}]{0,200}\})"
)
_SHORT = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_NUMBERS = frozenset({"integer", "float", "true", "false", "none", "ellipsis"})
_LONGEST = 40  # characters of a number that anybody sets an option to


class Written(NamedTuple):
    """A string: the texts between the values that are put in. `formatted`: some part of it is an f-string."""

    texts: tuple[str, ...]
    formatted: bool = False


def string(node: Node | None) -> Written | None:
    """A string, or several that stand behind each other; None for bytes and for anything else."""
    node = bare(node)
    if node is None or node.type not in ("string", "concatenated_string"):
        return None
    parts = [node] if node.type == "string" else node.named_children
    texts: list[list[str]] = [[]]
    formatted = False
    for part in parts:
        if part.type != "string":
            continue
        prefix = text(part.children[0]).rstrip("'\"").lower() if part.children else ""
        if "b" in prefix or text(part).startswith("`"):
            return None
        formatted = formatted or "f" in prefix or "t" in prefix
        _read_into(texts, part, prefix)
    return Written(tuple("".join(each) for each in texts), formatted)


def _read_into(texts: list[list[str]], part: Node, prefix: str) -> None:
    for child in part.named_children:
        if child.type == "interpolation":
            texts.append([])
        elif child.type == "string_content":
            written = text(child)
            if "r" not in prefix and "\\" in written:
                written = _ESCAPE.sub(_unescaped, written)
            if "f" in prefix:
                written = written.replace("{{", "{").replace("}}", "}")
            texts[-1].append(written)


def _unescaped(match: re.Match[str]) -> str:
    if match[1]:
        return _SHORT.get(match[1], match[1])
    digits, base = (match[2], 8) if match[2] else (match[3] or match[4] or match[5], 16)
    if not digits:
        return "" if match[0] == "\\\n" else "\ufffd"  # a character by its name
    code = int(digits, base)
    return chr(code) if code < 0x110000 else "\ufffd"


def constant(node: Node | None) -> str | None:
    """The text of a string without values in it; None for anything else."""
    found = string(node)
    return found.texts[0] if found is not None and not found.formatted else None


def number(node: Node) -> str | None:
    """A number, True, False or None as Python shows it; None for anything else, "..." for what is no setting."""
    if node.type not in _NUMBERS:
        return None
    written = text(node)
    if node.type == "ellipsis":
        return "Ellipsis"
    if node.type not in ("integer", "float"):
        return written
    if len(written) > _LONGEST:
        return "..."
    try:
        return _shown(written.rstrip("lL"), whole=node.type == "integer")
    except ValueError:
        return "..."


def _shown(written: str, *, whole: bool) -> str:
    if written[-1:] in "jJ":
        return repr(complex(written))
    if not whole:
        return repr(float(written))
    old_octal = re.fullmatch(r"0[0-7]+", written) is not None
    return repr(int(written, 8 if old_octal else 0))


def plain(node: Node | None) -> str:
    """A value that can be no secret: a number or a name; "..." for anything else."""
    node = bare(node)
    if node is None:
        return "..."
    found = number(node)
    if found is not None:
        return found
    if node.type == "unary_operator" and text(field(node, "operator")) == "-":
        operand = bare(field(node, "argument"))
        if operand is not None and (operand.type in _NUMBERS or string(operand) is not None):
            return f"-{plain(operand)}"
    return dotted(node)[:40] or "..."
