"""composer.json and composer.lock."""

from poolcheck.readers.manifests.types import Dependency, Manifest, json_key_lines, load_json, table
from poolcheck.readers.manifests.versions import composer, pinned


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


FILES = {
    "composer.json": composer_json,
    "composer.lock": composer_lock,
}
