"""pyproject.toml, requirements files, Pipfile, setup.cfg, setup.py, and the lock files of Poetry, uv, PDM and Pipenv."""

import posixpath
import re
from collections.abc import Iterable, Iterator

from poolcheck.model.project import Version
from poolcheck.readers.manifests.types import (
    Dependency,
    Manifest,
    UnreadableFile,
    load_json,
    load_toml,
    table,
    words,
)
from poolcheck.readers.manifests.versions import pinned, python

_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[([^\]]*)\])?\s*(@?)\s*\(?([^;()#]*)\)?")
_NAMED = re.compile(r"""(?:^\s*|["'])([A-Za-z0-9][A-Za-z0-9._-]*)(?=[\s"'\[<>=~!;@,]|$)""")
_PROSE = re.compile(r"\s*(?:name|version|description|keywords|readme|authors|classifiers)\s*=")


def normal(name: str) -> str:
    """The name as PyPI compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _requirement(text: str, *, line: int | None = None, dev: bool = False) -> Dependency | None:
    """One PEP 508 requirement; None for options, URLs and paths without a name."""
    match = _REQUIREMENT.match(text[:2000])
    if match is None or text.lstrip().startswith(("http:", "https:", "git+", "file:", "./", "../")):
        return None
    extras = tuple(normal(extra.strip()) for extra in (match[2] or "").split(",") if extra.strip())
    version = Version("") if match[3] else python(match[4].strip())
    return Dependency(name=normal(match[1]), version=version, line=line, dev=dev, extras=extras)


def _name_lines(text: str) -> dict[str, int]:
    """The first line on which each package name stands as a key or opens a string; prose fields do not count."""
    found: dict[str, int] = {}
    for number, row in enumerate(text.split("\n"), 1):
        if not _PROSE.match(row) and not row.lstrip().startswith("#"):
            for match in _NAMED.finditer(row[:2000]):
                found.setdefault(normal(match[1]), number)
    return found


def pyproject(text: str, path: str) -> Manifest:
    """PEP 621, dependency groups, and the tables of Poetry, uv and PDM."""
    data = load_toml(text)
    if not isinstance(data, dict):
        return Manifest(path=path, ecosystem="pypi", problem=data)
    lines = _name_lines(text)
    project, tool = table(data.get("project")), table(data.get("tool"))
    asked: list[Dependency | None] = [_requirement(one) for one in words(project.get("dependencies"))]
    for group in table(project.get("optional-dependencies")).values():
        asked += [_requirement(one) for one in words(group)]
    groups = [*table(data.get("dependency-groups")).values(), table(tool.get("uv")).get("dev-dependencies")]
    groups += table(table(tool.get("pdm")).get("dev-dependencies")).values()
    for group in groups:
        asked += [_requirement(one, dev=True) for one in words(group)]
    poetry = table(tool.get("poetry"))
    asked += _tables(table(poetry.get("dependencies")), dev=False)
    asked += _tables(table(poetry.get("dev-dependencies")), dev=True)
    for about in table(poetry.get("group")).values():
        asked += _tables(table(table(about).get("dependencies")), dev=True)
    name = project.get("name") or poetry.get("name")
    return Manifest(
        path=path,
        ecosystem="pypi",
        dependencies=_merge(asked, lines),
        name=name if isinstance(name, str) else "",
    )


def _tables(section: dict[str, object], *, dev: bool) -> Iterator[Dependency]:
    """`psycopg = "^3.1"` and `psycopg = {version = "^3.1", extras = ["binary"]}` of Poetry and Pipenv."""
    for name, about in section.items():
        if normal(name) == "python":
            continue
        # Poetry's list of several constraints by platform: no single version
        wanted = about if isinstance(about, str) else table(about).get("version")
        yield Dependency(
            name=normal(name),
            version=python(wanted) if isinstance(wanted, str) else Version(""),
            dev=dev,
            extras=tuple(normal(extra) for extra in words(table(about).get("extras"))),
        )


def _merge(asked: Iterable[Dependency | None], lines: dict[str, int]) -> tuple[Dependency, ...]:
    """Each name once: its first mention that is not for development only, else its first."""
    found: dict[str, Dependency] = {}
    for one in asked:
        if one is not None and (one.name not in found or (found[one.name].dev and not one.dev)):
            found[one.name] = Dependency(
                name=one.name,
                version=one.version,
                line=one.line or lines.get(one.name),
                dev=one.dev,
                extras=one.extras,
            )
    return tuple(found.values())


def requirements(text: str, path: str) -> Manifest:
    """A pip requirements file. Other files it names are reported in `includes`, not followed."""
    name = posixpath.basename(path).lower()
    dev = any(word in name for word in ("dev", "test", "lint", "docs", "ci"))
    asked: list[Dependency | None] = []
    includes: list[str] = []
    for number, row in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        row_text = re.split(r"(?:^|\s)#", row[:2000], maxsplit=1)[0].strip().rstrip("\\")
        option = re.match(r"(?:-r|--requirement|-c|--constraint)[\s=]*(\S+)", row_text)
        if option:
            includes.append(option[1])
        elif row_text and not row_text.startswith("-"):
            asked.append(_requirement(row_text.split(" --", 1)[0], line=number, dev=dev))
    return Manifest(path=path, ecosystem="pypi", dependencies=_merge(asked, {}), includes=tuple(includes))


def pipfile(text: str, path: str) -> Manifest:
    """Pipfile."""
    data = load_toml(text)
    if not isinstance(data, dict):
        return Manifest(path=path, ecosystem="pypi", problem=data)
    asked = [
        *_tables(table(data.get("packages")), dev=False),
        *_tables(table(data.get("dev-packages")), dev=True),
    ]
    return Manifest(path=path, ecosystem="pypi", dependencies=_merge(asked, _name_lines(text)))


def pipfile_lock(text: str, path: str) -> Manifest:
    """Pipfile.lock."""
    data = load_json(text)
    if not isinstance(data, dict):
        return Manifest(path=path, ecosystem="pypi", lock=True, problem=data)
    found = [
        Dependency(
            name=normal(name), version=pinned(version.lstrip("=")), dev=section == "develop", direct=None
        )
        for section in ("default", "develop")
        for name, about in table(data.get(section)).items()
        if isinstance(version := table(about).get("version"), str)
    ]
    return Manifest(path=path, ecosystem="pypi", lock=True, dependencies=tuple(found))


_TOML_STRING = re.compile(r'(name|version)\s*=\s*"([^"]*)"\s*')


def packages_lock(text: str, path: str, ecosystem: str = "pypi") -> Manifest:
    """`[[package]]` with `name` and `version`: what poetry.lock, uv.lock, pdm.lock and Cargo.lock have in common.

    Read by line: these files are written by tools, and parsing megabytes of hashes would cost a second.
    """
    found: list[Dependency] = []
    inside = False
    name = ""
    for number, row in enumerate(text.split("\n"), 1):
        if row.startswith("["):
            inside, name = row.startswith("[[package]]"), ""
            continue
        match = _TOML_STRING.fullmatch(row) if inside and len(row) < 500 else None
        if match is None:
            continue
        if match[1] == "name":
            name = normal(match[2]) if ecosystem == "pypi" else match[2]
        elif name:
            found.append(Dependency(name=name, version=pinned(match[2]), line=number, direct=None))
            name = ""
    return Manifest(path=path, ecosystem=ecosystem, lock=True, dependencies=tuple(found))


def setup_cfg(text: str, path: str) -> Manifest:
    """`install_requires` and `extras_require` of setup.cfg."""
    import configparser  # noqa: PLC0415 - few projects have a setup.cfg

    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text.removeprefix("\ufeff"))
    except configparser.Error as error:
        line = getattr(error, "lineno", None)
        return Manifest(
            path=path, ecosystem="pypi", problem=UnreadableFile("is not a readable INI file", line)
        )
    rows = parser.get("options", "install_requires", fallback="").split("\n")
    if parser.has_section("options.extras_require"):
        rows += [row for _, value in parser.items("options.extras_require") for row in value.split("\n")]
    asked = [_requirement(row) for row in rows if row.strip() and not row.lstrip().startswith(("#", "file:"))]
    return Manifest(path=path, ecosystem="pypi", dependencies=_merge(asked, _name_lines(text)))


def setup_py(text: str, path: str) -> Manifest:
    """The literal `install_requires` of setup.py; what code computes is not known and not guessed."""
    from poolcheck.readers.python.setup_file import install_requires  # noqa: PLC0415 - few projects have a setup.py

    found, error = install_requires(text, path)
    if error and not found:
        problem = UnreadableFile("is not readable as Python", error)
        return Manifest(path=path, ecosystem="pypi", problem=problem)
    asked = (_requirement(requirement, line=line) for requirement, line in found)
    return Manifest(path=path, ecosystem="pypi", dependencies=_merge(asked, {}))


FILES = {
    "pyproject.toml": pyproject,
    "Pipfile": pipfile,
    "Pipfile.lock": pipfile_lock,
    "poetry.lock": packages_lock,
    "uv.lock": packages_lock,
    "pdm.lock": packages_lock,
    "setup.cfg": setup_cfg,
    "setup.py": setup_py,
    "*requirements*.txt": requirements,
    "*requirements*.in": requirements,
    "requirements/*.txt": requirements,
    "requirements/*.in": requirements,
}
