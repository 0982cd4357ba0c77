"""Which file of the project an import names: relative paths, aliases of tsconfig.json, workspace packages, re-exports."""

import posixpath
import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping

from poolcheck.readers.manifests.types import UnreadableFile, load_json

_ENDING = re.compile(r"\.(?:[cm]?[jt]sx?|d\.ts|vue|svelte|py)$")
_REEXPORT = re.compile(
    rb"""\bexport\s{1,9}(?:\*(?:\s{1,9}as\s{1,9}\w{1,80})?|(?:type\s{1,9})?\{[^{}]{0,2000}\})\s{0,9}from\s{0,9}['"]([^'"\n]{1,200})['"]"""
)
_REQUIRED = re.compile(rb"""\bmodule\.exports\s*=\s*require\(\s*['"]([^'"\n]{1,200})['"]""")
_FROM = re.compile(
    rb"^[ \t]{0,80}from[ \t]{1,9}(\.[\w.]{0,200}|[\w.]{1,200})[ \t]{1,9}import\b", re.MULTILINE
)
_DEEPEST = 4  # barrels behind each other
_ALIASES = ("@/", "~/", "#/", "$lib/", "@@/", "~~/")

Read = Callable[[str], bytes | None]


class Imports:
    """The source files of a project, by the names that imports give them."""

    def __init__(self, names: Iterable[str], manifests: Iterable[str], read: Read) -> None:
        self._read = read
        self._by_stem: dict[str, str] = {}
        self._by_last: dict[str, list[str]] = {}  # last part of a stem → stems
        for name in names:
            stem = stem_of(name)
            self._by_stem.setdefault(stem, name)
            self._by_last.setdefault(posixpath.basename(stem), []).append(stem)
        self._manifests = tuple(manifests)
        self._packages: dict[str, str] | None = None
        self._passed_on: dict[str, list[str]] = {}
        self._aliases: dict[str, list[tuple[str, list[str]]]] = {}

    def resolve(self, specifier: str, importer: str, wanted: Container[str]) -> str:
        """The one of the wanted files that an import comes to, through files that export it again; "" for none."""
        at = self._files(specifier, importer)
        seen: set[str] = set()
        for _ in range(_DEEPEST):
            hit = next((name for name in at if name in wanted), "")
            if hit or not at:
                return hit
            seen.update(at)
            at = list(dict.fromkeys(found for name in at for found in self._again(name) if found not in seen))
        return ""

    def direct(self, specifier: str, importer: str, wanted: Container[str]) -> str:
        """The one of the wanted files that an import names itself; "" for none."""
        return next((name for name in self._files(specifier, importer) if name in wanted), "")

    def _files(self, specifier: str, importer: str) -> list[str]:
        if importer.endswith(".py"):
            return list(self._python(specifier, importer))
        return list(self._script(specifier, importer))

    def _again(self, name: str) -> list[str]:
        """The files whose names a file exports again."""
        if name not in self._passed_on:
            self._passed_on[name] = list(self._exported_again(name))
        return self._passed_on[name]

    def _exported_again(self, name: str) -> Iterator[str]:
        code = self._read(name) or b""
        patterns = (_FROM,) if name.endswith(".py") else (_REEXPORT, _REQUIRED)
        for pattern in patterns:
            for found in pattern.findall(code)[:200]:
                yield from self._files(found.decode("utf-8", "replace"), name)

    def _script(self, specifier: str, importer: str) -> Iterator[str]:
        path = stem_of(specifier) if _ENDING.search(specifier) else specifier.removesuffix("/index")
        if path in (".", "..") or path.startswith(("./", "../")):
            yield from self._at(posixpath.normpath(posixpath.join(posixpath.dirname(importer), path)))
            return
        for pattern, places in self._paths(posixpath.dirname(importer)):
            head, star, tail = pattern.partition("*")
            if path == pattern or (star and path.startswith(head) and path.endswith(tail)):
                middle = path[len(head) : len(path) - len(tail)] if star else ""
                for place in places:
                    yield from self._at(stem_of(place.replace("*", middle)))
        alias = next((each for each in _ALIASES if path.startswith(each)), "")
        if alias:
            yield from self._ending_with(path[len(alias) :], importer)
            return
        for package, folder in self._workspace().items():
            if path == package or path.startswith(package + "/"):
                rest = path[len(package) + 1 :]
                for base in ("", "src", "lib"):
                    yield from self._at(posixpath.normpath(posixpath.join(folder, base, rest)))

    def _python(self, module: str, importer: str) -> Iterator[str]:
        dots = len(module) - len(module.lstrip("."))
        path = module.lstrip(".").replace(".", "/")
        if dots:
            folder = posixpath.dirname(importer)
            for _ in range(dots - 1):
                folder = posixpath.dirname(folder)
            yield from self._at(posixpath.normpath(posixpath.join(folder, path)))
        elif path:
            yield from self._ending_with(path, importer)

    def _at(self, stem: str) -> Iterator[str]:
        found = self._by_stem.get(stem)
        if found is not None:
            yield found

    def _ending_with(self, rest: str, importer: str) -> Iterator[str]:
        """The file whose path ends so, when it is the only one, or the only one in the importer's top folder."""
        fits = [
            stem
            for stem in self._by_last.get(posixpath.basename(rest), ())
            if stem == rest or stem.endswith("/" + rest)
        ]
        near = fits
        if len(fits) > 1:
            shared = {stem: len(posixpath.commonpath(["/" + stem, "/" + importer])) for stem in fits}
            near = [stem for stem in fits if shared[stem] == max(shared.values())]
        if len(near) == 1:
            yield self._by_stem[near[0]]

    def _workspace(self) -> Mapping[str, str]:
        """The folder of each package of the project, by its name."""
        if self._packages is None:
            self._packages = {}
            for name in self._manifests:
                if posixpath.basename(name) == "package.json":
                    package = self._json(name).get("name")
                    if isinstance(package, str):
                        self._packages.setdefault(package, posixpath.dirname(name))
        return self._packages

    def _paths(self, folder: str) -> list[tuple[str, list[str]]]:
        """The aliases of the nearest tsconfig.json or jsconfig.json that has any."""
        if folder not in self._aliases:
            self._aliases[folder] = self._own_paths(folder)
            parent = posixpath.dirname(folder)
            if not self._aliases[folder] and parent != folder:
                self._aliases[folder] = self._paths(parent)
        return self._aliases[folder]

    def _own_paths(self, folder: str) -> list[tuple[str, list[str]]]:
        for base in ("tsconfig.json", "jsconfig.json"):
            options = self._json(posixpath.join(folder, base)).get("compilerOptions")
            if not isinstance(options, dict):
                continue
            root = posixpath.normpath(posixpath.join(folder, str(options.get("baseUrl") or ".")))
            paths = options.get("paths")
            found = [
                (
                    pattern,
                    [
                        posixpath.normpath(posixpath.join(root, place))
                        for place in places
                        if isinstance(place, str)
                    ],
                )
                for pattern, places in (paths.items() if isinstance(paths, dict) else ())
                if isinstance(places, list)
            ]
            if options.get("baseUrl"):
                found.append(("*", [posixpath.join(root, "*")]))
            if found:
                return found
        return []

    def _json(self, name: str) -> dict[str, object]:
        data = load_json((self._read(name) or b"{}").decode("utf-8", "replace"), comments=True)
        return {} if isinstance(data, UnreadableFile) else data


def stem_of(name: str) -> str:
    """A path as an import names it: without its ending, without /index or /__init__."""
    stem = _ENDING.sub("", name)
    return stem.removesuffix("/index").removesuffix("/__init__")
