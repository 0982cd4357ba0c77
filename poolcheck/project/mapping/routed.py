"""Connection strings by their routes: those of deployment files for the rules, and what each string really leads to.

A string of a compose file, a manifest, a chart's values or a platform file is a target like that of an env file, once, with its
place in the text. Left out is what something fills in (`$`), and what the catalogue would call a placeholder.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from poolcheck.model.facts import CLAIMED, OWN, Endpoint, MigrationsHere, PoolMode, Tracks
from poolcheck.model.pooler_config import PoolerConfig
from poolcheck.model.target import Target, on_this_machine
from poolcheck.project.mapping.draft import MapDraft
from poolcheck.project.mapping.ends import End, PoolerDraft, evidence_of, flagged
from poolcheck.project.packages import Packages

# A line that holds one string and nothing else: the rest of any other may hold another secret.
_BEFORE = re.compile(
    r"\s*(?:-\s*)?(?:\{\s*name:\s*[\w.-]+,\s*value:\s*|(?:[\"']?[\w.-]+[\"']?\s*[:=]\s*)?)[\"']?(?:[\w.-]+=)?"
)
_BEHIND = re.compile(r"[\"']?\s*(?:[}\]]{1,2},?\s*|,\s*)?")
_TRACKS: dict[bool | None, Tracks] = {True: "yes", False: "no", None: "unknown"}
_CHECKED = date(2026, 11, 30)
_SOURCE = "https://www.pgbouncer.org/features.html"


def targets(draft: MapDraft, known: Sequence[Target], strings: Sequence[Target]) -> tuple[Target, ...]:
    """All strings that rules judge: those that are known, and those of deployment files, each as what it leads to."""
    pairs = [(way.target, way.end) for each in draft.running for way in each.ways if way.target is not None]
    ends = {_key(target): end for target, end in pairs}
    new = {
        _key(each): each for each in (*strings, *(each for each, _ in pairs)) if each.origin == "deployment"
    }
    rows = _Rows(draft.packages)
    judged = [made for each in new.values() if (made := rows.placed(each)) is not None]
    return tuple(_led(draft, each, ends.get(_key(each))) for each in (*known, *judged))


def _key(target: Target) -> tuple[str, int | None, str]:
    return target.location.path, target.location.line, target.conn.raw


class _Rows:
    """The rows of deployment files, split once."""

    def __init__(self, packages: Packages) -> None:
        self.packages = packages
        self.files: dict[str, list[str]] = {}

    def placed(self, target: Target) -> Target | None:
        """The string with its column, as it is where its text is not written there in one piece, and alone.

        None: something else fills in a part of it, or all. What it leads to is known then, and what it says is not.
        """
        raw, rows, line = target.conn.raw, self._of(target.location.path), target.location.line or 0
        row = rows[line - 1].rstrip("\r") if 0 < line <= len(rows) else ""
        before, found, behind = row.partition(raw)
        if target.conn.has_placeholder or "filled-in" in raw or "$" in raw or "${" in before:
            return None
        if not found or _BEFORE.fullmatch(before) is None or _BEHIND.fullmatch(behind) is None:
            return target
        return replace(target, value_column=len(before), raw=raw, line_text=row)

    def _of(self, path: str) -> list[str]:
        if path not in self.files:
            self.files[path] = (self.packages.text(path) or "").split("\n")
        return self.files[path]


def _led(draft: MapDraft, target: Target, end: End | None) -> Target:
    """The string as what it leads to: a pooler of the project, or what its own words claim to be one."""
    if not target.conn.is_postgres or target.conn.unclear:
        return target
    pooler = end.pooler if end is not None else draft.ends.pooler_of(target.conn)
    if pooler is not None and pooler.config is not None:
        server = end.server if end is not None else draft.ends.behind(pooler, target.conn.database or "")
        behind = next(iter(server.addresses), "") if server is not None else ""
        endpoint = _own(pooler, pooler.config, target.conn.database or "", behind)
    elif (pooler is None or pooler.match is None) and target.match.kind in ("unknown", "local"):
        known = on_this_machine(target) or (pooler is None and end is not None and end.server is not None)
        evidence = "" if known else evidence_of(target.conn)
        if not evidence:
            return target
        endpoint = _claimed(evidence, "transaction" if flagged(target.conn) else None)
    else:
        return target
    return replace(target, match=replace(target.match, endpoint=endpoint))


def _own(pooler: PoolerDraft, config: PoolerConfig, database: str, behind: str) -> Endpoint:
    """A pooler of the project, as its file says for a database; its note is the address of the server behind it."""
    lines = {each.name: each for each in config.databases}
    mode: PoolMode | None = config.mode(lines.get(database) or lines.get("*"))  # type: ignore[assignment]  # one of them
    migrations: MigrationsHere = "unknown" if mode is None else "ok" if mode == "session" else "fail"
    return Endpoint(
        id=OWN, kind="pooled", source=config.facts.homepage if config.facts else _SOURCE, checked=_CHECKED, mode=mode,
        software=config.title, tracks_prepared=_TRACKS[config.tracks_prepared], migrations=migrations, public=False,
        title=f"{config.title}{f' in {mode} mode' if mode else ''} ({pooler.place})", evidence="repository",
        note=behind,
    )  # fmt: skip


def _claimed(evidence: str, mode: PoolMode | None) -> Endpoint:
    """A pooler that nobody here runs, by what its string says."""
    return Endpoint(
        id=CLAIMED, kind="pooled", source=_SOURCE, checked=_CHECKED, mode=mode, tracks_prepared="unknown", migrations="unknown",
        title=f"a pooler, by {evidence}", evidence="observed",
    )  # fmt: skip
