"""mix.exs and mix.lock."""

import re

from poolcheck.readers.manifests.types import Dependency, Manifest
from poolcheck.readers.manifests.versions import gem, pinned

_MIX_DEPENDENCY = re.compile(r"""\{\s*:(\w+)\s*,\s*(?:"([^"\n]*)")?([^{}\n]*)""")


def mix_exs(text: str, path: str) -> Manifest:
    """`{:postgrex, "~> 0.19"}` of mix.exs."""
    found = [
        Dependency(
            name=match[1],
            version=gem(match[2] or ""),
            line=number,
            dev=_for_development(match[3]),
        )
        for number, row in enumerate(text.split("\n"), 1)
        if not row.lstrip().startswith("#")
        for match in _MIX_DEPENDENCY.finditer(row[:2000])
        if match[2] is not None or re.search(r"\b(?:git|github|path|hex|override):", match[3])
    ]
    return Manifest(path=path, ecosystem="hex", dependencies=tuple(found))


def _for_development(options: str) -> bool:
    """`only: :dev`, `only: [:dev, :test]`, and not `only: [:test, :prod]`."""
    only = re.search(r"only:\s*(?:\[\s*)?:(?:dev|test)\b", options)
    return only is not None and ":prod" not in options[only.end() :]


def mix_lock(text: str, path: str) -> Manifest:
    """`"postgrex": {:hex, :postgrex, "0.19.1", ...` of mix.lock."""
    found: list[Dependency] = []
    for number, row in enumerate(text.split("\n"), 1):
        match = re.match(r'\s*"(\w+)":\s*\{:hex,\s*:(\w+),\s*"([^"]+)"', row[:500])
        if match:
            found.append(Dependency(name=match[2], version=pinned(match[3]), line=number, direct=None))
    return Manifest(path=path, ecosystem="hex", lock=True, dependencies=tuple(found))


FILES = {
    "mix.exs": mix_exs,
    "mix.lock": mix_lock,
}
