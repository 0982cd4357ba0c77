"""Gemfile and Gemfile.lock."""

import re

from poolcheck.readers.manifests.types import Dependency, Manifest
from poolcheck.readers.manifests.versions import gem, pinned

_QUOTED = re.compile(r"""["']([^"'\n]*)["']""")


def gemfile(text: str, path: str) -> Manifest:
    """`gem "pg", "~> 1.5"` of a Gemfile; groups named development or test are for development only."""
    found: list[Dependency] = []
    dev = False
    for number, row in enumerate(text.split("\n"), 1):
        line = row[:2000].strip()
        group = re.match(r"group\b(.*)\bdo\b", line)
        if group:
            dev = re.search(r":(?!development\b|test\b)\w", group[1]) is None
        elif line == "end":
            dev = False
        match = re.match(r"""gem\s*(?:\(\s*)?["']([\w.-]+)["'](.*)""", line)
        if match:
            rest = match[2].split("#", 1)[0]
            wanted = re.match(r"""(?:\s*,\s*["'][^"'\n]*["'])*""", rest)
            ranges = ", ".join(_QUOTED.findall(wanted[0])) if wanted else ""
            only_dev = dev or re.search(r"groups?:\s*(?:\[\s*)?:(?:development|test)\b", rest) is not None
            found.append(Dependency(name=match[1], version=gem(ranges), line=number, dev=only_dev))
    return Manifest(path=path, ecosystem="gem", dependencies=tuple(found))


def gemfile_lock(text: str, path: str) -> Manifest:
    """Gemfile.lock: releases of the GEM part, and which of them the project asked for itself."""
    releases: dict[str, tuple[str, int]] = {}
    direct: set[str] = set()
    section = ""
    for number, row in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if row[:1].strip():
            section = row.strip()
        elif section == "DEPENDENCIES":
            match = re.match(r"  ([\w.-]+)", row)
            if match:
                direct.add(match[1])
        else:
            match = re.fullmatch(r" {4}([\w.-]+) \(([^)\s]+)\)", row)
            if match:
                # "1.16.5-x86_64-linux": the platform is no part of the release
                releases.setdefault(match[1], (match[2], number))
    found = tuple(
        Dependency(name=name, version=pinned(version), line=line, direct=name in direct)
        for name, (version, line) in releases.items()
    )
    return Manifest(path=path, ecosystem="gem", lock=True, dependencies=found)


FILES = {
    "Gemfile": gemfile,
    "Gemfile.lock": gemfile_lock,
}
