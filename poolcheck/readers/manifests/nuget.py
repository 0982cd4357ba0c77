""".NET's project files."""

import re

from poolcheck.model.project import UNKNOWN_VERSION, Version
from poolcheck.readers.manifests.markup import elements
from poolcheck.readers.manifests.types import Dependency, LineNumbers, Manifest
from poolcheck.readers.manifests.versions import interval

_XML_ATTRIBUTE = re.compile(r"""\b(\w+)\s*=\s*["']([^"']*)["']""")


def dotnet(text: str, path: str) -> Manifest:
    """PackageReference and PackageVersion of project files and Directory.Packages.props.

    The versions of Directory.Packages.props hold for the projects below it, so that file counts as a lock.
    """
    lines = LineNumbers(text)
    central = path.endswith("Directory.Packages.props")
    found: list[Dependency] = []
    for offset, tags, attributes, inner in elements(text):
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


FILES = {
    "Directory.Packages.props": dotnet,
    "*.csproj": dotnet,
    "*.fsproj": dotnet,
    "*.vbproj": dotnet,
}
