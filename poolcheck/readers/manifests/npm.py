"""package.json, and the lock files of npm, pnpm, Yarn and Bun."""

import re
from collections.abc import Iterator

from poolcheck.model.project import Version
from poolcheck.readers.manifests.types import Dependency, Manifest, json_key_lines, load_json, table, words
from poolcheck.readers.manifests.versions import npm, pinned
from poolcheck.readers.specifiers import plain_module, version_of
from poolcheck.readers.yaml import Node, documents, text_of

# Section of package.json → only needed while developing. Peers are what the host app installs: not the package's own.
_SECTIONS = {"dependencies": False, "optionalDependencies": False, "devDependencies": True}
MOST_RANGES = 1000  # of a package, in a head of yarn.lock: real ones have less than a hundred
_ALIAS = re.compile(r"npm:(@?[^@\s]+)(?:@(.*))?", re.DOTALL)


def package_json(text: str, path: str) -> Manifest:
    """What package.json asks for, its workspaces, scripts and the place of its Prisma schema."""
    data = load_json(text)
    if not isinstance(data, dict):
        return Manifest(path=path, ecosystem="npm", problem=data)
    lines = json_key_lines(text)
    found: dict[str, Dependency] = {}
    for section, dev in _SECTIONS.items():
        for local, asked in table(data.get(section)).items():
            if isinstance(asked, str) and local not in found:
                name, wanted = _unalias(local, asked)
                found[local] = Dependency(
                    name=name,
                    version=npm(wanted),
                    line=lines.get((section, local)),
                    dev=dev,
                    local=_local(local, name),
                )
    workspaces = data.get("workspaces")
    patterns = words(workspaces) or words(table(workspaces).get("packages"))
    scripts = tuple((name, run) for name, run in table(data.get("scripts")).items() if isinstance(run, str))
    schema = table(data.get("prisma")).get("schema")
    own = data.get("name")
    return Manifest(
        path=path,
        ecosystem="npm",
        dependencies=tuple(found.values()),
        name=own if isinstance(own, str) else "",
        workspaces=patterns,
        scripts=scripts,
        prisma_schema=schema if isinstance(schema, str) else "",
    )


def deno_json(text: str, path: str) -> Manifest:
    """The npm packages of the import map of deno.json or deno.jsonc: https://docs.deno.com/runtime/fundamentals/modules/"""
    data = load_json(text, comments=True)
    if not isinstance(data, dict):
        return Manifest(path=path, ecosystem="npm", problem=data)
    lines = json_key_lines(text)
    found: dict[str, Dependency] = {}
    for local, asked in table(data.get("imports")).items():
        name = plain_module(asked) if isinstance(asked, str) else ""
        if name and name != asked:
            package = re.match(r"@[^/]+/[^/]+|[^/]+", name)
            wanted = version_of(asked)
            found[local] = Dependency(name=package[0] if package else name, version=npm(wanted), line=lines.get(("imports", local)), local=_local(local, name))  # fmt: skip
    return Manifest(path=path, ecosystem="npm", dependencies=tuple(found.values()))


def package_lock(text: str, path: str) -> Manifest:
    """package-lock.json or npm-shrinkwrap.json, versions 1 to 3: what is installed where code can import it."""
    data = load_json(text)
    if not isinstance(data, dict):
        return Manifest(path=path, ecosystem="npm", lock=True, problem=data)
    packages = table(data.get("packages"))
    found = list(_installed(packages) if packages else _installed_v1(table(data.get("dependencies")), ""))
    return Manifest(path=path, ecosystem="npm", lock=True, dependencies=tuple(found))


def _installed(packages: dict[str, object]) -> Iterator[Dependency]:
    """Versions 2 and 3: "node_modules/pg", and "packages/db/node_modules/pg" of a workspace; deeper ones are theirs."""
    for place, entry in packages.items():
        member, inside, local = place.rpartition("node_modules/")
        if not inside or "node_modules/" in member:
            continue
        about = table(entry)
        version, name = about.get("version"), about.get("name")
        if isinstance(version, str):
            real = name if isinstance(name, str) else local
            yield Dependency(
                name=real,
                local=_local(local, real),
                version=pinned(version),
                dev=about.get("dev") is True,
                direct=None,
                member=member.rstrip("/"),
            )


def _installed_v1(dependencies: dict[str, object], member: str) -> Iterator[Dependency]:
    """Version 1: a tree; what a workspace ("file:packages/db") holds for itself hangs below it."""
    for local, entry in dependencies.items():
        about = table(entry)
        version = about.get("version")
        if not isinstance(version, str):
            continue
        if version.startswith("file:"):
            if not member:
                yield from _installed_v1(table(about.get("dependencies")), version.removeprefix("file:"))
            continue
        name, plain = _unalias(local, version)
        yield Dependency(
            name=name,
            local=_local(local, name),
            version=pinned(plain),
            dev=about.get("dev") is True,
            direct=None,
            member=member,
        )


def yarn_lock(text: str, path: str) -> Manifest:
    """yarn.lock, both the first format and Berry's: which release answers which range."""
    found: list[Dependency] = []
    heads: list[str] = []
    line = 0
    for number, row in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if row and not row[0].isspace() and not row.startswith("#"):
            heads = [head.strip().strip('"') for head in row.rstrip(":").split(",", MOST_RANGES)]
            line = number
            continue
        match = re.fullmatch(r'  version:? "?([^"\s]+)"?\s*', row)
        if match is None or not heads:
            continue
        wanted: list[str] = []
        names: list[str] = []
        for head in heads:
            local, _, asked = head[1:].partition("@")
            local = head[:1] + local
            if asked.startswith(("workspace:", "file:", "link:", "portal:")):
                continue
            name, plain = _unalias(local, asked)
            names.append(name)
            wanted.append(plain.removeprefix("npm:"))
        if names:
            found.append(
                Dependency(
                    name=names[0], version=pinned(match[1]), line=line, direct=None, wanted=tuple(wanted)
                )
            )
        heads = []
    return Manifest(path=path, ecosystem="npm", lock=True, dependencies=tuple(found))


def bun_lock(text: str, path: str) -> Manifest:
    """bun.lock: JSON with trailing commas; "packages" maps an import path to ["name@version", ...]."""
    data = load_json(text, comments=True)
    if not isinstance(data, dict):
        return Manifest(path=path, ecosystem="npm", lock=True, problem=data)
    members = {
        name: folder
        for folder, about in table(data.get("workspaces")).items()
        if isinstance(name := table(about).get("name"), str)
    }
    found: list[Dependency] = []
    for place, entry in table(data.get("packages")).items():
        if not isinstance(entry, list) or not entry or not isinstance(entry[0], str):
            continue
        name, _, version = entry[0][1:].partition("@")
        name = entry[0][:1] + name
        steps = re.findall(r"@[^/]+/[^/]+|[^/]+", place)
        member = "" if len(steps) == 1 else members.get(steps[0]) if len(steps) == 2 else None
        if member is not None and not version.startswith(("workspace:", "file:", "link:")):
            local = _local(steps[-1], name)
            found.append(
                Dependency(name=name, local=local, version=pinned(version), direct=None, member=member)
            )
    return Manifest(path=path, ecosystem="npm", lock=True, dependencies=(*found, *_catalogs(data)))


def _catalogs(data: dict[str, object]) -> Iterator[Dependency]:
    """The ranges behind "catalog:" and "catalog:<name>"."""
    groups = {"": table(data.get("catalog")), **table(data.get("catalogs"))}
    for group, entries in groups.items():
        key = "catalog:" if group in ("", "default") else f"catalog:{group}"
        for local, asked in table(entries).items():
            if isinstance(asked, str):
                name, plain = _unalias(local, asked)
                yield Dependency(name=name, version=npm(plain), direct=False, wanted=(key,))


_PNPM_SECTION = {"dependencies": False, "optionalDependencies": False, "devDependencies": True}
_YAML_PAIR = re.compile(r"""( *)(?:'([^']*)'|"([^"]*)"|([^\s'"#:][^:#]*?)):(?: ++(.*\S|))?\s*""")


def _yaml_rows(text: str) -> Iterator[tuple[int, int, str, str]]:
    """Line number, indent, key and plain value of every `key: value` line of a file that a tool wrote."""
    for number, row in enumerate(text.split("\n"), 1):
        if len(row) > 2000:
            continue
        match = _YAML_PAIR.fullmatch(row)
        if match:
            key = next((part for part in match.groups()[1:4] if part is not None), "")
            value = (match[5] or "").split(" #", 1)[0].strip()
            yield number, len(match[1]), key, value.strip("'\"")


def pnpm_lock(text: str, path: str) -> Manifest:
    """pnpm-lock.yaml, lockfile versions 5 to 9: only the `importers` part, or its like at the top level.

    Versions up to 5 write `pg: 8.7.1`, later ones a `specifier` and a `version` below the name.
    """
    found: list[Dependency] = []
    parents: list[tuple[int, str]] = []  # open keys with their indent
    for number, indent, key, value in _yaml_rows(text):
        if indent == 0 and key in ("packages", "snapshots"):
            break
        while parents and parents[-1][0] >= indent:
            parents.pop()
        keys = [name for _, name in parents]
        if keys[:1] == ["importers"]:
            member, keys = (keys[1] if len(keys) > 1 else ""), keys[2:]
        else:
            member = ""
        local = ""
        if len(keys) == 1 and value and keys[0] in _PNPM_SECTION:
            local = key
        elif len(keys) == 2 and key == "version" and keys[0] in _PNPM_SECTION:
            local = keys[1]
        if local and not value.startswith(("link:", "file:", "workspace:")):
            name, version = _pnpm_version(local, value)
            found.append(
                Dependency(
                    name=name,
                    local=_local(local, name),
                    version=version,
                    line=number,
                    dev=_PNPM_SECTION[keys[0]],
                    member="" if member == "." else member,
                )
            )
        if not value:
            parents.append((indent, key))
    return Manifest(path=path, ecosystem="npm", lock=True, dependencies=tuple(found))


def _pnpm_version(local: str, value: str) -> tuple[str, Version]:
    """Name and version of "6.19.3(prisma@6.19.3)", "8.11.0_react@18", "/pg/8.11.0", "/pg@8.11.0" and "pg@8.11.0"."""
    value = value.split("(", 1)[0].split("_", 1)[0]
    alias = re.fullmatch(r"/?(@[^/@\s]+/[^/@\s]+|[^/@\s]+)[@/](\d[^/\s]*)", value)
    if alias and not value[0].isdigit():
        return alias[1], pinned(alias[2])
    return local, pinned(value)


def pnpm_workspace(text: str, path: str) -> Manifest:
    """pnpm-workspace.yaml: member folders, and the catalogs that "catalog:" in a package.json points to."""
    root = next(iter(documents(text)), Node({}, 1))
    named = root.get("catalogs") or Node({}, 1)
    catalogs = {name: _texts(node) for name, node in named.pairs.items()}
    found = tuple(_catalogs({"catalog": _texts(root.get("catalog")), "catalogs": catalogs}))
    patterns = tuple(item.text for item in (root.get("packages") or Node([], 1)).items if item.text)
    return Manifest(path=path, ecosystem="npm", lock=True, dependencies=found, workspaces=patterns)


def _texts(node: Node | None) -> dict[str, str]:
    return {name: text_of(inner) for name, inner in (node.pairs if node else {}).items()}


def _unalias(local: str, asked: str) -> tuple[str, str]:
    """Real name and range: "npm:pg@8.11.0" under the name "db" is pg, 8.11.0."""
    match = _ALIAS.fullmatch(asked)
    if match is None:
        return local, asked
    if match[2] is None and re.match(r"[\d^~<>=*]", match[1]):  # Berry's "npm:^8.11.0" is a plain range
        return local, match[1]
    return match[1], match[2] or "*"


def _local(local: str, name: str) -> str:
    return "" if local == name else local


FILES = {
    "package.json": package_json,
    "deno.json": deno_json,
    "deno.jsonc": deno_json,
    "package-lock.json": package_lock,
    "npm-shrinkwrap.json": package_lock,
    "yarn.lock": yarn_lock,
    "bun.lock": bun_lock,
    "pnpm-lock.yaml": pnpm_lock,
    "pnpm-workspace.yaml": pnpm_workspace,
}
