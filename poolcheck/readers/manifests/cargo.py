"""Cargo.toml and Cargo.lock."""

import re

from poolcheck.model.project import UNKNOWN_VERSION, Version
from poolcheck.readers.manifests.python_packages import packages_lock
from poolcheck.readers.manifests.types import Dependency, Manifest, load_toml, table
from poolcheck.readers.manifests.versions import cargo


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


FILES = {
    "Cargo.toml": cargo_toml,
    "Cargo.lock": cargo_lock,
}
