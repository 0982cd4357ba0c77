"""go.mod."""

from poolcheck.readers.manifests.types import Dependency, Manifest
from poolcheck.readers.manifests.versions import pinned


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


FILES = {
    "go.mod": go_mod,
}
