"""Which files are source, by their names, and in which language."""

import posixpath
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from poolcheck.model.source import Language

LANGUAGES: "dict[str, Language]" = {
    ".ts": "typescript", ".mts": "typescript", ".cts": "typescript", ".tsx": "tsx",
    ".js": "javascript", ".mjs": "javascript", ".cjs": "javascript", ".jsx": "javascript",
    ".vue": "typescript", ".svelte": "typescript", ".py": "python", ".sql": "sql",
    ".go": "go", ".java": "java", ".kt": "kotlin", ".cs": "csharp", ".rs": "rust",
}  # fmt: skip


@lru_cache(maxsize=64)  # a file is asked about some times in a row
def language(path: str) -> "Language | None":
    """The language of a file by its name; None for what is not read. Declarations hold no code."""
    if path.endswith((".d.ts", ".d.mts", ".d.cts", ".min.js")):
        return None
    return LANGUAGES.get(posixpath.splitext(path)[1].lower())


# Files that are looked through for switches; "" where the ending does not tell whose they are.
OTHERS = {
    ".go": "Go", ".rb": "Ruby", ".yml": "", ".ex": "Elixir", ".exs": "Elixir", ".php": "PHP", ".java": "Java",
    ".kt": "Java", ".properties": "", ".rs": "Rust", ".cs": ".NET",
}  # fmt: skip


def matches(name: str) -> bool:
    """Whether a file is looked at as source, by its name."""
    return language(name) is not None or posixpath.splitext(name)[1] in OTHERS
