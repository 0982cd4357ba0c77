"""From config files, pooler files and compose files to subjects: what the 3xx, 5xx and 6xx rules look at.

Only files that the user named, or below a folder that was named, are judged; what lies around a single env file is context, no more.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from poolcheck import catalogue
from poolcheck.connection.parse import looks_like_connection_string, parse
from poolcheck.connection.secret import Secret
from poolcheck.connection.string import ConnectionString
from poolcheck.model.config_file import ConfigFile, ConfigSetting, ConfigUrl, Gateway
from poolcheck.model.problem import Location
from poolcheck.model.project import UNKNOWN_VERSION, Package
from poolcheck.model.source import env_value
from poolcheck.model.target import Target
from poolcheck.project.collected import Collected, lines_of, together

if TYPE_CHECKING:
    from poolcheck.project.packages import Packages
    from poolcheck.readers.configs.frameworks import FrameworkConfig
    from poolcheck.readers.configs.js_config import ConfigRead, JsConfig
    from poolcheck.readers.configs.prisma import Datasource, PrismaSchema, UrlField


def collect(packages: "Packages", names: Sequence[str], read: Collected) -> Collected:
    """The configs of ORMs and frameworks, and the pools that they make; `read` are the env files and the source."""
    known = packages.known()  # reads the schemas and configs too
    prisma = tuple(each for each in known if packages.walked and each.driver("prisma") is not None)
    more = Collected(subjects=prisma, groups=frozenset("3")) if prisma else Collected()
    configs, pools = _configs(packages, frozenset(names), read.lines), Collected()
    if any(packages.kind_of(name) == "framework" for name in names):
        from poolcheck.project import configured  # noqa: PLC0415 - only where there is one

        made = tuple(configured.read(packages, sorted(names)))
        stages = configured.stages(made)
        configs = replace(configs, targets=tuple(replace(each, stage=stages.get((each.location.path, each.location.line), "")) for each in configs.targets))  # fmt: skip
        pools = Collected(
            subjects=made, targets=tuple(configured.targets(packages, made, read, configs.targets))
        )
    return together((configs, more, pools))


# --- configs of ORMs and frameworks ---


def _configs(
    packages: "Packages", names: frozenset[str], env_lines: Mapping[str, Sequence[str]]
) -> Collected:
    files: list[ConfigFile] = []
    for schema in packages.schemas:
        if schema.path in names and not schema.prisma_8:
            package = packages.of(schema.path)
            files += [
                _from_schema(schema, datasource, package)
                for datasource in schema.datasources
                if datasource.postgres
            ]
    for config in packages.js_configs:
        if config.path in names:
            files.append(_from_js(config, packages.of(config.path)))
    for name in sorted(names):
        if packages.kind_of(name) == "framework":
            made = _framework(packages.text(name), name, packages.of(name))
            if made is not None:
                files.append(made)
    files = [file for file in files if file.urls or file.unread or file.settings]
    if not files:
        return Collected()
    if any(file.tool == "django" for file in files):
        files = _django(files, packages, env_lines)
    defined = _defined(env_lines)
    words = _words(packages) if any(file.kind != "framework" for file in files) else {}
    parts = []
    for file in files:
        mentioned = frozenset(word for word, paths in words.items() if paths - {file.path})
        parts += [
            Collected(
                subjects=(replace(file, defined=defined, mentioned=mentioned),),
                targets=tuple(_targets(file)),
                named=int(file.path in packages.named),
                groups=frozenset("3"),
            ),
            lines_of(file.path, packages.text(file.path)),
        ]
    return together(parts)


def _defined(lines: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """Every name that an env file sets, or shows in a comment."""
    sets = re.compile(r"\s*(?:#\s*)?(?:export\s+)?([A-Za-z_]\w*)\s*=")
    return frozenset(match[1] for each in lines.values() for line in each if (match := sets.match(line)))


def _django(
    files: Sequence[ConfigFile], packages: "Packages", env_lines: Mapping[str, Sequence[str]]
) -> list[ConfigFile]:
    """Django's settings with what the environment sets them to, and with the commands that serve the project."""
    from poolcheck.readers.deploy import gateways  # noqa: PLC0415 - only where there is Django

    wanted = {told[0] for file in files for each in file.settings if (told := env_value(each.value))}
    values = _values(wanted, env_lines, packages)
    found: list[tuple[Package, Gateway]] = []
    for name in packages.names:
        if packages.kind_of(name) in ("platform", "processes", "script") or "ockerfile" in name:
            text = packages.text(name)
            if text is not None:
                home = packages.of(name)
                found += [(home, each) for each in gateways.read(text, name, packages.below(name))]
    made = []
    for file in files:
        own = [
            each
            for home, each in found
            if home.manifests == file.package.manifests or home.driver("django") is None
        ]
        settings = [_resolved(each, values) for each in file.settings] if file.tool == "django" else []
        made.append(replace(file, settings=tuple(settings), gateways=tuple(own)) if file.tool == "django" else file)  # fmt: skip
    return made


def _values(
    wanted: set[str], env_lines: Mapping[str, Sequence[str]], packages: "Packages"
) -> dict[str, set[str]]:
    """What env files, manifests and scripts set these names to, where that is a plain number."""
    if not wanted:
        return {}
    names = "|".join(sorted(map(re.escape, wanted)))
    given = re.compile(
        rf"""\b({names})\b["']?[^\S\n]{{0,4}}[:=]?(?:[^\S\n]{{0,4}}\n)?[^\S\n]{{0,40}}(?:value:[^\S\n]{{1,4}})?["']?(\d{{1,9}})\b"""
    )
    texts = [
        "\n".join(line for line in each if not line.lstrip().startswith("#")) for each in env_lines.values()
    ]
    texts += [
        packages.text(name) or ""
        for name in packages.names
        if packages.kind_of(name) in ("platform", "script")
    ]
    found: dict[str, set[str]] = {}
    for text in texts:
        for match in given.finditer(text):
            found.setdefault(match[1], set()).add(match[2])
    return found  # fmt: skip


def _resolved(setting: ConfigSetting, values: Mapping[str, set[str]]) -> ConfigSetting:
    """A setting that the environment sets, as the project's files do; not known where one switches it off, another on."""
    told = env_value(setting.value)
    known = values.get(told[0], set()) if told is not None else set()
    if told is None or not known:
        return setting
    value = f"${{{told[0]}}}" if "0" in known and len(known) > 1 else max(known, key=int)
    return replace(setting, value=value)


def _words(packages: "Packages") -> dict[str, set[str]]:
    """The words in capitals of the context files: some script or workflow may use a variable."""
    found: dict[str, set[str]] = {}
    for name in packages.names:
        if not name.endswith((".lock", "-lock.json", "-lock.yaml")):
            for word in set(re.findall(r"[A-Z][A-Z0-9_]{3,}", packages.text(name) or "")):
                found.setdefault(word, set()).add(name)
    return found


def _from_schema(schema: "PrismaSchema", source: "Datasource", package: Package) -> ConfigFile:
    fields: tuple[tuple[str, UrlField | None], ...] = (
        ("url", source.url),
        ("directUrl", source.direct_url),
        ("shadowDatabaseUrl", source.shadow_url),
    )
    roles = {"url": "app", "directUrl": "migration", "shadowDatabaseUrl": "shadow"}
    urls = [
        ConfigUrl(
            key=key,
            role=roles[key],  # type: ignore[arg-type]  # three of the roles
            location=field.location,
            variables=(field.variable,) if field.variable else (),
            literal=field.literal,
            conn=_conn(field.literal),
        )
        for key, field in fields
        if field is not None
    ]
    use = package.driver("prisma")
    return ConfigFile(
        path=schema.path, kind="schema", tool="prisma", location=source.location,
        version=use.version if use else UNKNOWN_VERSION, package=package, urls=tuple(urls),
    )  # fmt: skip


def _from_js(config: "JsConfig", package: Package) -> ConfigFile:
    use = package.driver("drizzle-kit" if config.tool == "drizzle" else config.tool) or package.driver(
        config.tool
    )
    return ConfigFile(
        path=config.path, kind="config", tool=config.tool, location=Location(config.path, 1),
        version=use.version if use else UNKNOWN_VERSION, package=package,
        urls=tuple(_urls(config.reads)), unread=tuple(_urls(config.unread)),
        settings=tuple(ConfigSetting(setting.key, setting.value, Location(config.path, setting.line)) for setting in config.settings),
        wrapped=config.wrapped, engine=config.engine, generation=config.generation,
    )  # fmt: skip


def _framework(text: str | None, name: str, package: Package) -> ConfigFile | None:
    if text is None:
        return None
    from poolcheck.readers.configs import frameworks  # noqa: PLC0415 - only where there is one

    config: FrameworkConfig = frameworks.read(text, name)
    use = package.driver(config.tool)
    lines = text.split("\n")
    # ENV.fetch("POOL") { 5 }, ${POOL:5}: what stands in for a variable is not what runs
    fixed = [
        setting
        for setting in config.settings
        if config.tool == "django"  # read as a tree: its values are what is written
        or not re.search(r"\bENV\b|\$\{|environ|getenv", lines[setting.line - 1])
    ]
    return ConfigFile(
        path=name, kind="framework", tool=config.tool, location=Location(name, 1),
        version=use.version if use else UNKNOWN_VERSION, package=package, urls=tuple(_urls(config.reads)),
        settings=tuple(ConfigSetting(each.key, each.value, Location(name, each.line), each.before) for each in fixed),
        words=frozenset(re.findall(r"[A-Za-z_]\w{3,}", text)),
    )  # fmt: skip


def _urls(reads: "Iterable[ConfigRead]") -> Iterator[ConfigUrl]:
    for read in reads:
        at = read.location
        if read.literal is not None and read.literal_line:
            at = Location(at.path, read.literal_line, read.start + 1)
        yield ConfigUrl(
            key=read.key, role=read.role, location=at, variables=read.variables, literal=read.literal,
            conn=_conn(read.literal), composed=read.composed, conditional=read.conditional,
        )  # fmt: skip


def _conn(literal: Secret | None) -> ConnectionString | None:
    if literal is None or not looks_like_connection_string(literal.reveal()):
        return None
    conn = parse(literal.reveal())
    return conn if conn.is_postgres else None


def _targets(file: ConfigFile) -> Iterator[Target]:
    """The connection strings that stand in the file itself, for the rules of connection strings.

    Those of developers' own machines, and what stands in for a variable, are left out.
    """
    for url in file.urls:
        conn = url.conn
        if conn is None or url.variables or url.composed or conn.has_placeholder:
            continue
        match = catalogue.match(conn)
        if match.local:
            continue
        yield Target(
            name=url.key, conn=conn, location=url.location, origin="config", role=url.role,
            role_source=f"{file.path}:{url.location.line}", match=match, package=file.package,
        )  # fmt: skip


# --- texts ---
