"""From what the user named to subjects for the rules: files are found, read once, and made into targets.

All file reading of `lint`, `fix` and `gate` is here and in `packages`; the readers only ever see text.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from poolcheck.config.disk import bounded
from poolcheck.config.settings import Config
from poolcheck.connection.secret import redact_setting
from poolcheck.errors import BadInput
from poolcheck.model.roles import name_claims
from poolcheck.model.target import Target
from poolcheck.project.arguments import display, is_url, url_target
from poolcheck.project.collected import Collected, together
from poolcheck.project.env_files import read_env_file, read_stdin
from poolcheck.project.packages import Packages
from poolcheck.readers.env import dotenv
from poolcheck.readers.languages import LANGUAGES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from poolcheck.project.past import Past

_TESTS = r"(?:^|/)(?:tests?|__tests__|spec|fixtures|cassettes|testdata|examples?|samples?|node_modules|templates?)/"


def collect(
    arguments: Sequence[str],
    config: Config,
    instead: Mapping[str, bytes] | None = None,
    judged: dict[str, bytes] | None = None,
    past: "Past | None" = None,
) -> Collected:
    """Everything that the arguments name: connection strings, files, folders, `-` for stdin.

    `instead` holds, by path as shown, what is read in place of a file's own content: edits that are not written yet.
    `past` is a commit: what the arguments name is read as it holds it, and standard input, which is new, not at all.
    `judged` is given, by path as shown, the bytes of each env file and config that was read: for whoever edits them.

    Raises:
        BadInput: a path does not exist or cannot be read; stdin is not text.
        BadTarget: an argument looks like a connection string of another database.
        GitSilent: git cannot tell what the past was.
    """
    with bounded():
        return _collect(arguments, Packages(config, instead, judged), past)


def _collect(arguments: Sequence[str], packages: Packages, past: "Past | None") -> Collected:
    parts: list[Collected] = []
    files: dict[str, None] = {}
    for argument in arguments:
        if argument == "-":
            if past is not None:
                continue
            parts.append(read_stdin(packages.outside()))
        elif is_url(argument):
            parts.append(Collected(targets=(url_target(argument, packages.outside()),)))
        else:
            path = display(argument)
            if os.path.isdir(path):
                files |= dict.fromkeys(packages.walk(path))
            elif os.path.lexists(path):
                packages.around(path)
                files[path] = None
                if os.path.splitext(path)[1] in LANGUAGES and not dotenv.matches(os.path.basename(path)):
                    packages.sources[path] = None
            else:
                raise BadInput(
                    f"{redact_setting(argument)}: no such file or folder",
                    "Give an env file, a folder, a connection string in quotes, or - for standard input.",
                )
    if past is not None:
        past.lay_over(packages, files)
    new = (name for name in packages.instead if not os.path.exists(name))
    packages.names |= dict.fromkeys(name for name in new if packages.kind_of(name))
    explicit = {display(argument) for argument in arguments if argument != "-" and not is_url(argument)}
    if packages.sources:
        from poolcheck.project import source_code  # noqa: PLC0415 - only where there is source code

        parts.append(source_code.collect(packages.sources, packages))
    for name in files:
        if dotenv.matches(name) or (
            name in explicit and packages.kind_of(name) is None and name not in packages.sources
        ):
            parts.append(read_env_file(name, packages, explicit=name in explicit))
        elif name not in packages.sources:
            parts.append(Collected(files=1))
    return finish(together(parts), packages)


def names_of(packages: Packages) -> list[str]:
    """The config files, pooler files and deployment files that are judged: walked or named, and nobody's tests."""
    if not packages.walked and not packages.named:
        return []
    tests = re.compile(_TESTS)
    return list(
        dict.fromkeys(
            [*(name for name in packages.walked if not tests.search(packages.below(name))), *packages.named]
        )
    )


def finish(read: Collected, packages: Packages) -> Collected:
    """What was read, with the configs, poolers and sums of the project; the targets in the order of their places."""
    if names := names_of(packages):
        from poolcheck.project import config_files, pooler_files  # noqa: PLC0415 - a lint of one file judges none

        read = together((read, config_files.collect(packages, names, read)))
        if any(packages.kind_of(name) == "framework" for name in names):
            from poolcheck.project import injected  # noqa: PLC0415 - as above

            read = replace(read, subjects=tuple(injected.filled(read.subjects, packages, names)))
        read = together((read, pooler_files.collect(packages, names, read.lines)))
    from poolcheck.project.mapping import build  # noqa: PLC0415 - it needs this module's own readers

    own = {target.package.path: target.package for target in read.targets}
    read = build.collect(read, packages, names)
    targets = [also_app(target, read.targets) for target in read.targets]
    targets.sort(key=lambda target: (target.location.path, target.location.line or 0))
    return replace(
        read, targets=tuple(targets), subjects=(*read.subjects, *targets),
        packages=tuple(own.values()) or tuple(packages.known()), notes=(*read.notes, *packages.against),
        skipped=(*packages.skipped, *read.skipped), schemas=tuple(packages.schemas), configs=tuple(packages.js_configs),
    )  # fmt: skip


def also_app(target: Target, everyone: Sequence[Target]) -> Target:
    """A config's only string serves the app as well: Prisma 7 and drizzle.config name it for migrations alone.

    A name that claims to be direct stays what it is, and so does a string that has an app string beside it.
    """
    if target.role != "migration" or target.role_source == "its name" or name_claims(target.name) == "direct":
        return target
    beside = [each for each in everyone if each.location.path == target.location.path and not each.commented]
    if any(each.role == "app" for each in beside):
        return target
    return replace(
        target, role="app", role_source=f"{target.role_source}, and no other string is there for the app"
    )
