"""What a project's own config files set of the properties that code reads by name: `@Value("${db.max:10}")`.

The reader of the code calls a property as the environment may set it, DB_MAX; what stands in for it may stand in a file.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from poolcheck.model.config_text import Written, option
from poolcheck.model.source import MAPPED_LANGUAGES, Site, SourceFile, env_value
from poolcheck.readers.configs import rows as reader

if TYPE_CHECKING:
    from poolcheck.project.packages import Packages

_READS = frozenset({"java", "kotlin"}) & MAPPED_LANGUAGES


def filled(subjects: Sequence[object], packages: "Packages", names: Sequence[str]) -> Iterator[object]:
    """The subjects, the pools' numbers as the config files have them where no variable of the environment does."""
    read: Mapping[str, list[tuple[str, Written]]] | None = None
    for each in subjects:
        if isinstance(each, SourceFile) and each.language in _READS and _asked(each.sites):
            if read is None:
                read = _read(packages, names)
            yield replace(each, sites=tuple(_filled(site, read) for site in each.sites))
        else:
            yield each


def _asked(sites: Sequence[Site]) -> bool:
    return any(env_value(said) is not None for site in sites for _, said in site.options)


def _read(packages: "Packages", names: Sequence[str]) -> dict[str, list[tuple[str, Written]]]:
    """(stage, text) of each key of the application's files; "*" where a file was not understood as a whole."""
    found: dict[str, list[tuple[str, Written]]] = {}
    for name in sorted(names):
        family = reader.family(name)
        text = packages.text(name) if family is not None and family.id == "application" else None
        if family is None or text is None:
            continue
        made = reader.read(text, name)
        for row in made.rows:
            stage = "*usual" if row.stage in family.usual else row.stage
            found.setdefault(_plain(row.key), []).append((stage, row.text))
        if not made.whole:
            found.setdefault("*", [])
    return found


def _filled(site: Site, read: Mapping[str, list[tuple[str, Written]]]) -> Site:
    return replace(site, options=tuple((name, _said(said, read)) for name, said in site.options))


def _said(said: str, read: Mapping[str, list[tuple[str, Written]]]) -> str:
    variable = env_value(said)
    if variable is None:
        return said
    rows = read.get(_plain(variable[0]), [])
    usual = [text for stage, text in rows if stage == "*usual"]
    texts = set(usual or [text for stage, text in rows if not stage])
    if not texts:  # in no file, or where only a stage says it
        return said if not rows and "*" not in read else f"${{{variable[0]}}}"
    if len(texts) > 1:
        return "..."
    found = option(texts.pop(), {})
    return f"${{{variable[0]}:-{found}}}" if found.isdigit() else found


def _plain(key: str) -> str:
    """db.pool-size, DB_POOL_SIZE and db.poolSize are one."""
    return re.sub(r"[._-]", "", key).lower()
