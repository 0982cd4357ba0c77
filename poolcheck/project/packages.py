"""The project's packages: which folder uses which drivers, runs where, and reads which variable for what.

Files are found by walking a folder, or around a single file: in its folder and those above it, up to the
repository's root. The nearest manifest speaks first; a folder without any is told by those below it.
"""

import os
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from poolcheck import catalogue
from poolcheck.config.disk import MB, NO_ROOM, FileRefused, leads_out, may_read, read_limited, room, too_large
from poolcheck.config.settings import Config
from poolcheck.errors import BadInput
from poolcheck.model.project import DriverUse, Package, Role, Runtime, VariableRead
from poolcheck.model.report import Skipped
from poolcheck.project.walk import walk
from poolcheck.readers.env import dotenv
from poolcheck.readers.index import manifest_of, reader_of

if TYPE_CHECKING:
    from poolcheck.project.source_code import Switches
    from poolcheck.readers.configs.js_config import JsConfig
    from poolcheck.readers.configs.prisma import PrismaSchema, UrlField
    from poolcheck.readers.deploy.runtime import Signal
    from poolcheck.readers.manifests.manifest import Manifest

# By hand, and by a tool. Lock files of large monorepos have 1 to 3 MB (n8n 1.3, gutenberg 2.3, novu 2.6); the largest
# that is known for its size, of several hundred projects, 5.7 MB: https://github.com/pnpm/pnpm/issues/7570
MAX_WRITTEN, MAX_DENSE, MAX_MADE, MAX_LOCK = 1 * MB, 2 * MB, 4 * MB, 6 * MB
SPARSE = 40  # bytes for each bracket and version, at least, in a lock file above MAX_DENSE: real ones have 60 and more
_MADE = re.compile(r"lock|shrinkwrap|\.(?:ya?ml|tf)$")
_LARGE = ("package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock")
_MARKS = (b"{", b"[", b"version", b" (")
NEAR = (
    "prisma",
    "prisma/schema",
    "src/prisma",
    "db",
    "src/db",
    ".config",
    "config",
)  # beside a single env file


class Packages:
    """Collects the files that tell the context, and answers which package a path belongs to."""

    def __init__(
        self,
        config: Config,
        instead: Mapping[str, bytes] | None = None,
        judged: dict[str, bytes] | None = None,
    ) -> None:
        self.config = config
        self.judged = judged  # by path as shown: the bytes that were read, where somebody wants them
        self.instead = instead or {}  # by path as shown: what is read in place of a file's own content
        self.skipped: list[Skipped] = []  # what could not be read
        self.names: dict[str, None] = {}  # context files, as shown
        self.sources: dict[str, None] = {}  # source files, as shown
        self.walked: list[str] = []  # context files below a folder that the user named
        self.folders: dict[str, bool] = {}  # that were looked into, as shown, and whether all below them was
        self.roots: list[str] = []  # "app/": what the user named, and what he named a file in
        self.named: list[str] = []  # context files that the user named themselves
        self.switches: Switches | None = None  # what the source mentions, once it was looked at
        self._texts: dict[str, str | None] = {}  # None: it cannot be read, and that was said
        self._packages: dict[str, Package] | None = None
        self._manifests: dict[str, list[Manifest]] = {}
        self._signals: dict[str, list[Signal]] = {}
        self._entries: dict[str, list[Signal]] = {}  # what the source says, by the folder of its manifest
        self._served: list[Signal] = []  # the same, before the manifests are known
        self.against: dict[str, None] = {}  # sentences about files that contradict each other
        self.schemas: list[PrismaSchema] = []
        self.js_configs: list[JsConfig] = []

    # --- finding files ---

    def walk(self, root: "str | os.PathLike[str]") -> list[str]:
        """The env files below `root`; what tells the context is noted on the way.

        Raises:
            BadInput: the folder cannot be read at all.
        """
        from poolcheck.readers import languages  # noqa: PLC0415 - a lint of one file does not walk

        shown = os.path.normpath(root).replace(os.sep, "/")
        base = "" if shown == "." else shown.rstrip("/") + "/"
        if not os.access(root, os.R_OK | os.X_OK):
            raise BadInput(f"{root}: cannot be read", "Check the folder's permissions.")
        self.roots.append(base)
        self.folders[base] = True
        found = []

        def problem(path: str, error: OSError) -> None:
            self.skipped.append(
                Skipped(base + path, f"cannot be read: {error.strerror}", "Check its permissions.")
            )

        def refused(path: str, why: str) -> None:
            name, stem = base + path, posixpath.basename(path)
            if stem == ".gitignore":
                self.skipped.append(
                    Skipped(name, f"{why}: what it excludes is looked at", "Save it as a file.")
                )
            elif dotenv.matches(stem) or self.kind_of(name) or languages.matches(name):
                self._refuse(name, why)

        for path in walk(
            os.fspath(root),
            lambda name: True,
            dotenv.matches,
            exclude=self.config.exclude,
            problem=problem,
            refused=refused,
        ):
            name = base + path
            if dotenv.matches(posixpath.basename(path)):
                found.append(name)
                continue
            if self.kind_of(name):
                self.names[name] = None
                self.walked.append(name)
            if languages.matches(name):
                self.sources[name] = None
        return found

    def around(self, path: "str | os.PathLike[str]") -> None:
        """Note the context files near a single file: its folder, well-known folders below, and those above."""
        name = os.path.normpath(path).replace(os.sep, "/")
        folder = os.path.dirname(os.path.abspath(path))
        shown = posixpath.dirname(name)
        self.roots.append(f"{shown}/".lstrip("/") if not shown.startswith("/") else f"{shown.rstrip('/')}/")
        if self.kind_of(name):
            self.names[name] = None
            self.named.append(name)
        up = shown
        above = [folder]
        while os.path.dirname(above[-1]) != above[-1]:
            above.append(os.path.dirname(above[-1]))
        root = next(
            (level for level, each in enumerate(above) if os.path.exists(os.path.join(each, ".git"))), None
        )
        # Without a repository only one folder up: a manifest lying about in a home folder is nobody's.
        around = above[: 2 if root is None else root + 1]
        for near in NEAR:
            self._list(os.path.join(folder, near), posixpath.join(shown, near), around[-1])
        for each in around:
            if each not in (os.path.expanduser("~"), above[-1]) or each == folder:
                self._list(each, up, around[-1])
            up = posixpath.join(up, "..")

    def _list(self, folder: str, shown: str, top: str) -> None:
        """Note the context files of a folder; a link that leads out of `top` is said and not read."""
        try:
            if not may_read(folder):
                return
            with os.scandir(folder) as scan:
                found = {entry.name: entry.is_symlink() for entry in scan if entry.is_file()}
        except OSError:
            return
        linked = os.path.islink(folder)
        self.folders.setdefault(posixpath.join(shown, ""), False)
        for entry in sorted(found):
            name = posixpath.normpath(posixpath.join(shown, entry)) if shown else entry
            if not self.kind_of(name):
                continue
            why = leads_out(os.path.join(folder, entry), top) if linked or found[entry] else ""
            if not why:
                self.names[name] = None
            elif name not in self.named:
                self._refuse(name, why)

    def _refuse(self, name: str, why: str) -> None:
        self.skipped.append(Skipped(name, f"{why}: it is not read", "Name it, if it is to be read."))

    def kind_of(self, name: str) -> str | None:
        """`manifest`, `platform`, `prisma`, `js-config`, `framework`, `pooler`, `terraform`, `sql`, `script`, or None: by name, cheaply."""
        base = posixpath.basename(name)
        if manifest_of(name) is not None:
            return "manifest"
        config = reader_of("configs", name)
        if config is not None:
            return str(config.KIND)
        if reader_of("poolers", name) is not None:
            return "pooler"
        if base.endswith(PLATFORM_ENDINGS) or base in PLATFORM_NAMES or "ockerfile" in base:
            from poolcheck.readers.deploy import runtime as platform  # noqa: PLC0415 - only where there is one

            if platform.matches(name):
                return "platform"
            if PROCESS_FILES.search(base):
                return "processes"
            if base.endswith((".tf", ".tfvars")):
                return "terraform"
        if base.endswith(".sql") or (base.endswith(".sh") and "init" in name):
            return "sql"
        if _STARTS.search(base):
            from poolcheck.readers.deploy import gateways  # noqa: PLC0415 - only where there is one

            return "script" if gateways.is_script(base) else None
        return None

    # --- reading them ---

    def content(self, name: str, most: int) -> bytes:
        """The bytes of a file, or what is read in place of them.

        Raises:
            OSError: it cannot be read, or is larger than `most` bytes.
        """
        if name not in self.instead:
            return read_limited(name, most)
        if len(self.instead[name]) > most:
            raise too_large(name, most)
        if not room(len(self.instead[name])):
            raise FileRefused(NO_ROOM, name)
        return self.instead[name]

    def text(self, name: str) -> str | None:
        """The text of a context file; None, and a Skipped, when it cannot be read."""
        if name not in self._texts:
            self._texts[name] = None
            base = posixpath.basename(name)
            most = MAX_LOCK if base in _LARGE else MAX_MADE if _MADE.search(base) else MAX_WRITTEN
            try:
                data = self.content(name, most)
                if (
                    "lock" in base
                    and len(data) > MAX_DENSE
                    and SPARSE * sum(map(data.count, _MARKS)) > len(data)
                ):
                    raise FileRefused(
                        f"larger than {MAX_DENSE // MB} MB, and no tool writes it so densely", name
                    )
                self._texts[name] = data.decode("utf-8-sig")
                if self.judged is not None:
                    self.judged.setdefault(name, data)
            except OSError as error:
                self.skipped.append(
                    Skipped(name, f"cannot be read: {error.strerror or error}", "Check its permissions.")
                )
            except UnicodeDecodeError as error:
                self.skipped.append(Skipped(name, f"not UTF-8 at byte {error.start}", "Save it as UTF-8."))
        return self._texts[name]

    def serves(self, name: str, call: str, line: int) -> None:
        """Note that a source file listens on a port; before the first question for a package."""
        from poolcheck.readers.deploy import runtime as platform  # noqa: PLC0415 - see _read_all

        self._served.append(platform.Signal("server", "", name, platform.HINTED, f"it calls {call}", line))

    def _read_all(self) -> None:
        """Read every context file once."""
        self._packages = {}
        if not self.names:
            return
        from poolcheck.readers.deploy import runtime as platform  # noqa: PLC0415 - only where there is one

        for name in self.names:
            kind = self.kind_of(name)
            text = (
                self.text(name) if kind not in ("sql", "processes", "script") else None
            )  # read where something names it
            folder = posixpath.dirname(name)
            if text is None:
                continue
            if kind == "manifest":
                from poolcheck.readers.manifests import manifest  # noqa: PLC0415 - only where there is one

                made = manifest.read(text, name)
                if made.problem:
                    at = f":{made.problem.line}" if made.problem.line else ""
                    self.skipped.append(
                        Skipped(f"{name}{at}", made.problem.message, "Its drivers are not known.")
                    )
                self._manifests.setdefault(folder, []).append(made)
                if made.lock:
                    del self._texts[name]  # megabytes that nobody asks for again
            elif kind == "prisma":
                from poolcheck.readers.configs import prisma  # noqa: PLC0415 - only where there is one

                schema = prisma.read(text, name)
                if not schema.is_template and not schema.is_generated_copy:
                    self.schemas.append(schema)
            elif kind == "js-config":
                from poolcheck.readers.configs import js_config  # noqa: PLC0415 - only where there is one

                self.js_configs.append(js_config.read(text, name))
            if platform.matches(name):
                signal = platform.read(text, name, self.below(name))
                if signal is not None:
                    self._signals.setdefault(folder, []).append(signal)
        for entry in self._served:
            places = upwards(posixpath.dirname(entry.path))
            home = next((place for place in places if place in self._manifests), "")
            self._entries.setdefault(home, []).append(entry)

    # --- answering ---

    def below(self, name: str) -> str:
        """The path from the folder that the user named: that it lies in ~/dev or /ci says nothing of a project."""
        root = max((root for root in self.roots if name.startswith(root)), key=len, default="")
        return name[len(root) :]

    def outside(self) -> Package:
        """The package of a string that came without a file: only options tell about it."""
        return Package(path="", runtime=self._configured() or Runtime())

    def of(self, name: str) -> Package:
        """The package that a file belongs to."""
        if self._packages is None:
            self._read_all()
        assert self._packages is not None
        folder = posixpath.dirname(posixpath.normpath(name))  # "./x", a build context's, is "x"
        if folder not in self._packages:
            self._packages[folder] = self._make(folder)
        return self._packages[folder]

    def of_env_file(self, name: str) -> Package:
        """The package that an env file is for: its folder's; in a folder of no package (deploy/) the one that its name tells, or the only one."""
        home = self.of(name)
        if home.manifests:
            return home
        speaking = {each.manifests: each for each in self.known() if each.drivers}
        words = re.split(r"[^A-Za-z0-9-]+", posixpath.basename(name))
        named = [each for each in speaking.values() if posixpath.basename(each.path) in words]
        found = named or list(speaking.values())
        return found[0] if len(found) == 1 else home

    def known(self) -> list[Package]:
        """Every package that has a manifest, when no env file led to one."""
        if self._packages is None:
            self._read_all()
        return [self.of(posixpath.join(folder, "x")) for folder in self._manifests]

    def manifest_in(self, folder: str) -> bool:
        """Whether a folder has a manifest of its own."""
        if self._packages is None:
            self._read_all()
        return ("" if folder == "." else folder) in self._manifests

    def _only_home(self) -> str | None:
        """The folder of the project's only package: whose a file in a folder without a manifest is (deploy/, docker/)."""
        homes = {place for place, many in self._manifests.items() if not all(each.lock for each in many)}
        return homes.pop() if len(homes) == 1 else None

    def _configured(self, folder: str = "") -> Runtime | None:
        config = self.config.at(f"{folder}/.env" if folder else "")
        if config.runtime == "auto":
            return None
        return Runtime(config.runtime, config.path or "--runtime")  # type: ignore[arg-type]  # checked by click and config

    def _make(self, folder: str) -> Package:
        if not self.names:
            return Package(path=folder or ".", runtime=self._configured(folder) or Runtime())
        from poolcheck.readers.deploy import runtime as platform  # noqa: PLC0415 - see _read_all
        from poolcheck.readers.manifests import manifest  # noqa: PLC0415 - see _read_all

        above = self._with_included(
            each for place in upwards(folder) for each in self._manifests.get(place, [])
        )
        below = [each for place, many in self._manifests.items() if inside(place, folder) for each in many]
        if not above and not below and (only := self._only_home()) is not None and only != folder:
            return replace(self.of(posixpath.join(only, "x")), path=folder or ".")
        manifests = above
        names = manifest.names(manifests)
        known = catalogue.drivers_for_packages(names)
        if not known and below:
            manifests = [*below, *(each for each in above if each not in below)]
            names = manifest.names(manifests)
            known = catalogue.drivers_for_packages(names)
        drivers = manifest.drivers(manifests, known) if known else ()
        signals = next((self._signals[place] for place in upwards(folder) if place in self._signals), None)
        if signals is None:
            signals = [
                each for place, many in self._signals.items() if inside(place, folder) for each in many
            ]
        runtime = self._configured(folder)
        if runtime is None:
            first = next((each.path for each in manifests if not each.lock), "")
            homes = dict.fromkeys(posixpath.dirname(each.path) for each in manifests) or {"": None}
            entries = [entry for home in homes for entry in self._entries.get(home, ())]
            concluded = platform.conclude([*signals, *platform.frameworks(names, first), *entries])
            runtime = concluded.runtime
            for other in concluded.against:
                self.against.setdefault(
                    f"{runtime.source} says {runtime.kind}, {other.path} says {other.kind}: {runtime.kind} is taken. --runtime says otherwise."
                )
        reads = tuple(self._variable_reads(folder))
        return Package(
            path=folder or ".", title=next((each.name for each in manifests if each.name), ""), manifests=tuple(each.path for each in manifests), drivers=drivers, runtime=runtime,
            reads=reads, dependencies=names, loaders=loaders(names, drivers),
            mentions=self.switches.of(drivers) if self.switches else None,
        )  # fmt: skip

    def _with_included(self, manifests: "Iterable[Manifest]") -> "list[Manifest]":
        """The manifests, and those that they name: `-r requirements/base.txt`."""
        found = {each.path: each for each in manifests}
        waiting = list(found.values())
        while waiting:
            each = waiting.pop(0)
            for name in each.includes:
                path = posixpath.normpath(posixpath.join(posixpath.dirname(each.path), name))
                more = next(
                    (one for one in self._manifests.get(posixpath.dirname(path), ()) if one.path == path),
                    None,
                )
                if more is not None and path not in found and "constraint" not in path:
                    found[path] = more
                    waiting.append(more)
        return list(found.values())

    def _variable_reads(self, folder: str) -> Iterator[VariableRead]:
        """Which variable the ORM configs below this folder read as app and as migration URL; else any config's."""
        schemas = [
            schema for schema in self.schemas if inside(posixpath.dirname(schema.path), folder)
        ] or self.schemas
        for schema in schemas:
            for source in schema.datasources:
                if not source.postgres:
                    continue
                fields: tuple[tuple[UrlField | None, Role], ...] = (
                    (source.url, "app"),
                    (source.direct_url, "migration"),
                    (source.shadow_url, "shadow"),
                )
                for field, role in fields:
                    if field is not None and field.variable:
                        yield VariableRead(field.variable, role, "prisma", field.location)
        configs = [
            config for config in self.js_configs if inside(posixpath.dirname(config.path), folder)
        ] or self.js_configs
        for config in configs:
            for read in config.reads:
                for variable in read.variables if read.whole and not read.composed else ():
                    yield VariableRead(variable, read.role, config.tool, read.location)


def upwards(folder: str) -> Iterator[str]:
    """A folder as shown and those above it: "a/b", "a", "", "..", "../.." and so on; "/a", "/".

    Whoever climbs through shown paths climbs here: dirname("/") is "/", and a loop that waits for "" never ends.
    """
    place = folder
    while posixpath.basename(place) not in ("", ".", ".."):
        yield place
        place = posixpath.dirname(place)
    yield place
    for _ in range(0 if place.startswith("/") else 10):
        place = posixpath.normpath(posixpath.join(place, ".."))
        yield place


def inside(place: str, folder: str) -> bool:
    """Whether `place` is below `folder`."""
    return folder in ("", ".") or place == folder or place.startswith(folder + "/")


def loaders(dependencies: frozenset[str], drivers: Iterable[DriverUse] = ()) -> frozenset[str]:
    """The env-file dialects that the dependencies bring: keys of readers._dotenv_dialects.DIALECTS.

    Prisma reads .env itself up to version 6; from 7 on the project does, with a loader of its own.
    """
    found = {dialect for package, dialect in LOADERS.items() if package in dependencies}
    found |= {"prisma" for use in drivers if use.id == "prisma" and (use.version.major or 7) < 7}
    return frozenset(found)


LOADERS = {
    "npm:dotenv": "node-dotenv",
    "npm:next": "nextjs",
    "npm:dotenv-expand": "dotenv-expand",
    "npm:vite": "dotenv-expand",
    "pypi:python-dotenv": "python-dotenv",
    "pypi:pydantic-settings": "python-dotenv",
}
PLATFORM_ENDINGS = (
    ".json", ".jsonc", ".toml", ".yaml", ".yml", ".ts", ".mts", ".cts", ".js", ".mjs", ".cjs", ".py", ".tf",
    ".tfvars", ".conf", ".service",
)  # fmt: skip
_STARTS = re.compile(r"\.sh$|^start|entrypoint$|-(?:run|start)$")
PROCESS_FILES = re.compile(
    r"gunicorn[\w.-]{0,255}\.py$|^puma\.rb$|ecosystem|pm2|^process(?:es)?\.(?:json|config)|\.conf$"
)
PLATFORM_NAMES = frozenset({"puma.rb", "Procfile", "Dockerfile"})
