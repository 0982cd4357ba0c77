"""JSON as every format writes it: readable, and nothing in it that a terminal or a runner takes for more than text."""

import json
import re
from typing import Any

from poolcheck.text import COMMAND


def encode(data: Any) -> str:
    """The data, indented. What is invisible is escaped, and so is what a runner's log would take for a command.

    A half of a surrogate pair, as in names of files that are no UTF-8, becomes a question mark: no JSON may hold one.
    """
    text = json.dumps(data, indent=2, ensure_ascii=False).encode("utf-8", "replace").decode()
    if not text.replace("\n", "").isprintable():
        text = text.translate(
            {ord(char): _escaped(char) for char in set(text) if not char.isprintable() and char != "\n"}
        )
    return re.sub(COMMAND, r"\\u0023", text) if "##" in text else text


def _escaped(char: str) -> str:
    return json.dumps(char)[1:-1] if ord(char) > 0x7F else f"\\u{ord(char):04x}"
