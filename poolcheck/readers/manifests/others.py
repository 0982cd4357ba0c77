"""Manifests and lock files of Ruby, Go, PHP, the JVM, Elixir, Rust and .NET."""

import re
from collections.abc import Iterator

from poolcheck.model.project import UNKNOWN_VERSION, Version
from poolcheck.readers.manifests.python_packages import packages_lock
from poolcheck.readers.manifests.types import (
    Dependency,
    Lines,
    Manifest,
    json_key_lines,
    load_json,
    load_toml,
    table,
)
from poolcheck.readers.manifests.versions import cargo, composer, gem, interval, pinned

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
        match = re.match(r"""gem\s*\(?\s*["']([\w.-]+)["'](.*)""", line)
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


def go_mod(text: str, path: str) -> Manifest:
    """go.mod: `require` lines; the versions listed are the ones built."""
    found: list[Dependency] = []
    block = name = ""
    for number, row in enumerate(text.split("\n"), 1):
        code, _, comment = row[:2000].partition("//")
        parts = code.split()
        if parts[:1] == ["module"] and len(parts) > 1:
            name = parts[1]
        elif parts[1:] == ["("]:
            block = parts[0]
        elif parts == [")"]:
            block = ""
        else:
            if parts[:1] == ["require"]:
                parts = parts[1:]
            elif block != "require":
                continue
            if len(parts) == 2:
                direct = comment.strip() != "indirect"
                found.append(Dependency(name=parts[0], version=pinned(parts[1]), line=number, direct=direct))
    return Manifest(path=path, ecosystem="go", dependencies=tuple(found), name=name)


def composer_json(text: str, path: str) -> Manifest:
    """composer.json; "ext-pdo_pgsql" is a dependency like the others."""
    data = load_json(text)
    if not isinstance(data, dict):
        return Manifest(path=path, ecosystem="composer", problem=data)
    lines = json_key_lines(text)
    found = [
        Dependency(
            name=name.lower(),
            version=composer(wanted),
            line=lines.get((section, name)),
            dev=section != "require",
        )
        for section in ("require", "require-dev")
        for name, wanted in table(data.get(section)).items()
        if isinstance(wanted, str)
    ]
    name = data.get("name")
    return Manifest(
        path=path,
        ecosystem="composer",
        dependencies=tuple(found),
        name=name if isinstance(name, str) else "",
    )


def composer_lock(text: str, path: str) -> Manifest:
    """composer.lock."""
    data = load_json(text)
    if not isinstance(data, dict):
        return Manifest(path=path, ecosystem="composer", lock=True, problem=data)
    found: list[Dependency] = []
    for section in ("packages", "packages-dev"):
        entries = data.get(section)
        for entry in entries if isinstance(entries, list) else []:
            name, version = table(entry).get("name"), table(entry).get("version")
            if isinstance(name, str) and isinstance(version, str):
                dev = section == "packages-dev"
                found.append(Dependency(name=name.lower(), version=pinned(version), dev=dev, direct=None))
    return Manifest(path=path, ecosystem="composer", lock=True, dependencies=tuple(found))


_XML_SKIP = re.compile(r"<!--(?:.*?-->|.*)", re.DOTALL)
_XML_TAG = re.compile(r"<(/?)([\w.:-]+)([^<>]*?)(/?)>([^<]*)")


def _xml(text: str) -> Iterator[tuple[int, tuple[str, ...], str, str]]:
    """Every element as (offset, path of tags, attributes, text before its first child). No entities, no DTD: safe."""
    blank = _XML_SKIP.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    path: list[str] = []
    for match in _XML_TAG.finditer(blank):
        closing, tag, attributes, empty, inner = match.groups()
        if closing:
            if tag in path:
                del path[len(path) - 1 - path[::-1].index(tag) :]
        elif len(path) < 100:
            path.append(tag)
            yield match.start(), tuple(path), attributes, inner.strip()
            if empty:
                path.pop()


def pom_xml(text: str, path: str) -> Manifest:
    """pom.xml: dependencies with their version, `${property}` resolved inside the file."""
    lines = Lines(text)
    properties: dict[str, str] = {}
    entries: list[tuple[int, dict[str, str], bool]] = []
    for offset, tags, _, inner in _xml(text):
        if len(tags) == 3 and tags[1] == "properties":
            properties[tags[2]] = inner
        elif tags[-1] == "dependency":
            entries.append((offset, {}, "dependencyManagement" in tags))
        elif len(tags) > 1 and tags[-2] == "dependency" and entries:
            entries[-1][1][tags[-1]] = inner
    managed: dict[str, str] = {}
    found: list[Dependency] = []
    for _, about, management in entries:
        if management:
            managed[_artifact(about)] = about.get("version", "")
    for offset, about, management in entries:
        name = _artifact(about)
        wanted = about.get("version") or managed.get(name, "")
        match = re.fullmatch(r"\$\{([^}]*)\}", wanted)
        wanted = properties.get(match[1], "") if match else wanted
        if not management:
            dev = about.get("scope") == "test"
            found.append(Dependency(name=name, version=interval(wanted), line=lines.at(offset), dev=dev))
    return Manifest(path=path, ecosystem="maven", dependencies=tuple(found))


def _artifact(about: dict[str, str]) -> str:
    return f"{about.get('groupId', '')}:{about.get('artifactId', '')}"


_GRADLE = re.compile(
    r"""\b(\w+)\s*\(?\s*(?:platform\s*\(\s*)?["']([\w.-]+):([\w.-]+)(?::([^"':@\n]*))?[^"'\n]*["']"""
)


def build_gradle(text: str, path: str) -> Manifest:
    """`implementation("group:artifact:version")` of build.gradle and build.gradle.kts; variables stay unknown."""
    code = re.sub(r"/\*(?:.*?\*/|.*)", lambda match: "\n" * match[0].count("\n"), text, flags=re.DOTALL)
    found: list[Dependency] = []
    for number, row in enumerate(code.split("\n"), 1):
        if row.lstrip().startswith("//"):
            continue
        for match in _GRADLE.finditer(row[:2000]):
            wanted = match[4] or ""
            version = UNKNOWN_VERSION if "$" in wanted else interval(wanted)
            dev = match[1].startswith("test")
            found.append(Dependency(name=f"{match[2]}:{match[3]}", version=version, line=number, dev=dev))
    return Manifest(path=path, ecosystem="maven", dependencies=tuple(found))


def version_catalog(text: str, path: str) -> Manifest:
    """gradle/libs.versions.toml: the libraries a build may use."""
    data = load_toml(text)
    if not isinstance(data, dict):
        return Manifest(path=path, ecosystem="maven", problem=data)
    versions = table(data.get("versions"))
    rows: dict[str, int] = {}
    for number, row in enumerate(text.split("\n"), 1):
        for quoted in _QUOTED.findall(row[:2000]):
            rows.setdefault(":".join(quoted.split(":")[:2]), number)
    found: list[Dependency] = []
    for entry in table(data.get("libraries")).values():
        if isinstance(entry, str):
            group, _, rest = entry.partition(":")
            artifact, _, wanted = rest.partition(":")
            name = f"{group}:{artifact}"
        else:
            about = table(entry)
            module = about.get("module")
            name = module if isinstance(module, str) else f"{about.get('group')}:{about.get('name')}"
            asked = about.get("version")
            asked = versions.get(str(table(asked).get("ref")), asked) if isinstance(asked, dict) else asked
            wanted = asked if isinstance(asked, str) else ""
        found.append(Dependency(name=name, version=interval(wanted), line=rows.get(name)))
    return Manifest(path=path, ecosystem="maven", dependencies=tuple(found))


_MIX_DEPENDENCY = re.compile(r"""\{\s*:(\w+)\s*,\s*(?:"([^"\n]*)")?([^{}\n]*)""")


def mix_exs(text: str, path: str) -> Manifest:
    """`{:postgrex, "~> 0.19"}` of mix.exs."""
    found = [
        Dependency(
            name=match[1],
            version=gem(match[2] or ""),
            line=number,
            dev=re.search(r"only:\s*(?:\[\s*)?:(?:dev|test)\b(?!.*:prod)", match[3]) is not None,
        )
        for number, row in enumerate(text.split("\n"), 1)
        if not row.lstrip().startswith("#")
        for match in _MIX_DEPENDENCY.finditer(row[:2000])
        if match[2] is not None or re.search(r"\b(?:git|github|path|hex|override):", match[3])
    ]
    return Manifest(path=path, ecosystem="hex", dependencies=tuple(found))


def mix_lock(text: str, path: str) -> Manifest:
    """`"postgrex": {:hex, :postgrex, "0.19.1", ...` of mix.lock."""
    found: list[Dependency] = []
    for number, row in enumerate(text.split("\n"), 1):
        match = re.match(r'\s*"(\w+)":\s*\{:hex,\s*:(\w+),\s*"([^"]+)"', row[:500])
        if match:
            found.append(Dependency(name=match[2], version=pinned(match[3]), line=number, direct=None))
    return Manifest(path=path, ecosystem="hex", lock=True, dependencies=tuple(found))


def cargo_toml(text: str, path: str) -> Manifest:
    """Cargo.toml, with the workspace's shared versions and renamed packages."""
    data = load_toml(text)
    if not isinstance(data, dict):
        return Manifest(path=path, ecosystem="crate", problem=data)
    shared = table(table(data.get("workspace")).get("dependencies"))
    rows: dict[str, int] = {}
    for number, row in enumerate(text.split("\n"), 1):
        match = re.match(r'\s*(?:\[[\w.-]*dependencies\.)?"?([\w-]+)"?\s*[=.\]]', row[:500])
        if match:
            rows.setdefault(match[1], number)
    found: dict[str, Dependency] = {}
    for section, dev in (("dependencies", False), ("build-dependencies", True), ("dev-dependencies", True)):
        for local, entry in table(data.get(section)).items():
            about = shared.get(local) if table(entry).get("workspace") is True else entry
            real = table(about).get("package")
            name = real if isinstance(real, str) else local
            found.setdefault(
                name, Dependency(name=name, version=_crate(about), line=rows.get(local), dev=dev)
            )
    for local, entry in shared.items():
        found.setdefault(local, Dependency(name=local, version=_crate(entry), line=rows.get(local)))
    own = table(data.get("package")).get("name")
    return Manifest(
        path=path,
        ecosystem="crate",
        dependencies=tuple(found.values()),
        name=own if isinstance(own, str) else "",
    )


def _crate(about: object) -> Version:
    """`"0.8"` or `{ version = "0.8" }`."""
    wanted = about if isinstance(about, str) else table(about).get("version")
    return cargo(wanted) if isinstance(wanted, str) else UNKNOWN_VERSION


def cargo_lock(text: str, path: str) -> Manifest:
    """Cargo.lock."""
    return packages_lock(text, path, "crate")


_XML_ATTRIBUTE = re.compile(r"""\b(\w+)\s*=\s*["']([^"']*)["']""")


def dotnet(text: str, path: str) -> Manifest:
    """PackageReference and PackageVersion of project files and Directory.Packages.props.

    The versions of Directory.Packages.props hold for the projects below it, so that file counts as a lock.
    """
    lines = Lines(text)
    central = path.endswith("Directory.Packages.props")
    found: list[Dependency] = []
    for offset, tags, attributes, inner in _xml(text):
        about = {name.lower(): value for name, value in _XML_ATTRIBUTE.findall(attributes)}
        if (
            tags[-1] in ("PackageReference", "PackageVersion", "GlobalPackageReference")
            and "include" in about
        ):
            version = _nuget(about.get("version") or about.get("versionoverride") or "")
            found.append(
                Dependency(
                    name=about["include"],
                    version=version,
                    line=lines.at(offset),
                    direct=None if central else True,
                )
            )
        elif tags[-1] == "Version" and tags[-2:-1] == ("PackageReference",) and found:
            last = found[-1]
            found[-1] = Dependency(name=last.name, version=_nuget(inner), line=last.line)
    return Manifest(path=path, ecosystem="nuget", lock=central, dependencies=tuple(found))


def _nuget(wanted: str) -> Version:
    """NuGet takes the lowest release that fits: "8.0.3" is at least 8.0.3 and, when nothing asks for more, exactly it."""
    return UNKNOWN_VERSION if "$" in wanted else interval(wanted)
