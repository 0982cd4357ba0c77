"""Sums whose numbers stand in platform files: concurrency of a function, a Procfile's processes, Terraform's limit.

These files do not say which connection string their code reads, so they count only where the project has one string
for the app, and where the file runs one thing.
"""

import posixpath
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from poolcheck.core.context import Context, Numbers
from poolcheck.core.finding import Location
from poolcheck.core.fleet import Amount, Member
from poolcheck.core.target import Target
from poolcheck.fleet_processes import ONE, Commands
from poolcheck.pool_sizes import pool_size
from poolcheck.sizing import surge

if TYPE_CHECKING:
    from poolcheck.packages import Packages

_FUNCTIONS = re.compile(
    r"^\s*[\"']?(?:handler|Handler)[\"']?\s*:|^\s*(?:image|- image)\s*:|PackageType:\s*Image", re.MULTILINE
)
_TERRAFORM = re.compile(
    r"name\s*=\s*\"max_connections\"[^{}]*?\bvalue\s*=\s*\"?(\d{1,6})\b"
    r"|\bvalue\s*=\s*\"?(\d{1,6})\"?[^{}]*?\bname\s*=\s*\"max_connections\""
)


def app_target(targets: Sequence[Target]) -> Target | None:
    """The project's only connection string for the app that leads somewhere real."""
    found = {
        each.conn.host: each
        for each in targets
        if each.role == "app" and each.origin == "env" and each.active and not each.commented
        and not each.example_file and each.stage != "test" and not each.match.local and not each.conn.has_placeholder
    }  # fmt: skip
    return next(iter(found.values())) if len(found) == 1 else None


def members(
    packages: "Packages",
    names: Sequence[str],
    target: Target,
    *,
    numbers: Numbers,
    subjects: Sequence[object],
    ctx: Context,
    commands: Commands,
) -> list[Member]:
    """What the platform files say about the app; [] where the pool is not known."""
    pool = pool_size(target, ctx, subjects)
    if pool is None:
        return []
    made = []
    for name in names:
        text = packages.text(name) if packages.kind_of(name) == "platform" else None
        if text is None:
            continue
        if posixpath.basename(name) == "Procfile":
            member = _procfile(text, name, pool, numbers, commands)
        else:
            member = _function(text, name, pool)
        if member is not None:
            made.append(member)
    return made


def _function(text: str, name: str, pool: Amount) -> Member | None:
    """The one function of a file, with the most instances that its platform starts."""
    if (
        "oncurren" not in text
        and "axScale" not in text
        and "axInstances" not in text
        and "axinstances" not in text
    ):
        return None
    from poolcheck.readers import platform  # noqa: PLC0415 - only where a file names a limit

    signal = platform.read(text, name)
    if signal is None or signal.kind != "serverless" or len(_FUNCTIONS.findall(text)) != 1:
        return None
    limits = [each for each in platform.scales(text, name) if each.what == "max instances"]
    if len(limits) != 1:
        return None
    (limit,) = limits
    at = Location(name, limit.line)
    words = f"{limit.key.rpartition('.')[2]}: {limit.number}"
    return Member(
        name=signal.platform, location=at, instances=Amount(limit.number, words, at), workers=Amount(1, "1 process"), pool=pool
    )  # fmt: skip


def _procfile(text: str, name: str, pool: Amount, numbers: Numbers, commands: Commands) -> Member | None:
    """The web processes of a Procfile, where the config says how many instances there are."""
    if numbers.instances is None or numbers.workers != 1:
        return None
    for number, line in enumerate(text.split("\n"), 1):
        web, colon, command = line.partition(":")
        at = Location(name, number)
        found = (
            commands.amount(command.split(), at, {}, posixpath.dirname(name) or ".")
            if colon and web.strip() == "web"
            else ONE
        )
        if found.number > 1 or found.least:
            source = numbers.sources.get("instances", "an option")
            return Member(
                name="web", location=at, pool=pool, workers=found,
                instances=Amount(numbers.instances, f"{numbers.instances} instances, {source}"),
                surge=surge(numbers.instances, numbers.surge),
            )  # fmt: skip
    return None


def terraform_limit(packages: "Packages", names: Sequence[str]) -> Amount | None:
    """max_connections as the project's Terraform sets it, when it is set once."""
    found = []
    for name in names:
        text = packages.text(name) if name.endswith(".tf") else None
        for match in _TERRAFORM.finditer(text or ""):
            line = (text or "").count("\n", 0, match.start()) + 1
            found.append(
                Amount(int(match[1] or match[2]), "max_connections in Terraform", Location(name, line))
            )
    return found[0] if len({each.number for each in found}) == 1 else None
