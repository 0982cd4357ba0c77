"""pom.xml, Gradle's build files and its version catalogue."""

import re

from poolcheck.model.project import UNKNOWN_VERSION
from poolcheck.readers.manifests.markup import elements
from poolcheck.readers.manifests.types import Dependency, LineNumbers, Manifest, load_toml, table
from poolcheck.readers.manifests.versions import interval

_QUOTED = re.compile(r"""["']([^"'\n]*)["']""")


def pom_xml(text: str, path: str) -> Manifest:
    """pom.xml: dependencies with their version, `${property}` resolved inside the file.

    One without a version has that of an imported list of its group: io.quarkus.platform:quarkus-bom goes with io.quarkus.
    """
    lines = LineNumbers(text)
    properties: dict[str, str] = {}
    entries: list[tuple[int, dict[str, str], bool]] = []
    for offset, tags, _, inner in elements(text):
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

    def resolved(said: str) -> str:
        match = re.fullmatch(r"\$\{([^}]*)\}", said)
        return properties.get(match[1], "") if match else said

    lists = {
        resolved(about.get("groupId", "")): resolved(about.get("version", ""))
        for _, about, management in entries
        if management and about.get("scope") == "import"
    }
    for offset, about, management in entries:
        name = _artifact(about)
        group = f"{about.get('groupId', '')}."
        of_list = next((each for of, each in lists.items() if f"{of}.".startswith(group)), "")
        wanted = resolved(about.get("version") or managed.get(name, "")) or of_list
        if not management:
            dev = about.get("scope") == "test"
            found.append(Dependency(name=name, version=interval(wanted), line=lines.at(offset), dev=dev))
    return Manifest(path=path, ecosystem="maven", dependencies=tuple(found))


def _artifact(about: dict[str, str]) -> str:
    return f"{about.get('groupId', '')}:{about.get('artifactId', '')}"


_GRADLE = re.compile(
    r"""\b(\w+)\s*(?:\(\s*)?(?:platform\s*\(\s*)?["']([\w.-]+):([\w.-]++)(?::([^"':@\n]*+))?[^"'\n]*["']"""
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


FILES = {
    "pom.xml": pom_xml,
    "build.gradle": build_gradle,
    "build.gradle.kts": build_gradle,
    "libs.versions.toml": version_catalog,
}
