"""Edits of Prisma schemas and of the config files of Prisma and Drizzle, where what to write is certain.

The structure comes from the readers; the edit itself is made on the one line that the reader names, and only where
that line has the plain form that nearly all such files have. Anything else is said in words.
"""

import json
import posixpath
import re
from collections.abc import Callable, Iterator, Sequence

from poolcheck.fix.diff import split_lines
from poolcheck.model.problem import Edit, Location
from poolcheck.model.project import Package
from poolcheck.model.target import Target
from poolcheck.project.collected import Collected
from poolcheck.readers.configs.js_config import JsConfig
from poolcheck.readers.configs.prisma import Datasource, PrismaSchema, UrlField
from poolcheck.record import dataclass

Text = Callable[[str], str | None]  # path → its text as it would be read now
_URL_LINE = re.compile(r"(\s*)url(\s*)=(\s*)env\(\"[^\"]+\"\)\s*(?://.*)?")


@dataclass(frozen=True, slots=True)
class Companion:
    """What goes with a change of an env file."""

    edits: tuple[Edit, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Moved:
    """A schema's URL on its way into the config."""

    path: str
    title: str
    safe: bool
    edits: tuple[Edit, ...]
    notes: tuple[str, ...] = ()


def direct_url_readers(found: Collected, target: Target, name: str, text: Text) -> Companion:
    """What makes migrations read `name`, which is new beside the app's `target`.

    Prisma up to 6: `directUrl` in the schema. Prisma 7 and Drizzle: another variable in the config.
    """
    edits: list[Edit] = []
    notes: list[str] = []
    reads = [read for read in target.package.reads if read.variable == target.name]
    if any(read.variable == name for read in target.package.reads):
        return Companion()  # it was read already, and only its value was missing
    for read in reads:
        schema = read.location.path.endswith(".prisma")
        if read.tool not in ("prisma", "drizzle") or (schema and _major(target.package) not in (5, 6)):
            continue
        if not schema and read.role != "migration":
            continue
        edit = let_migrations_read(found, read.location, name, text)
        if edit:
            edits.append(edit)
        else:
            notes.append(f"Let {read.tool} read {name} for migrations ({read.location.path}).")
    if edits:
        notes.append(f"Set {name} wherever migrations run, before the next deploy.")
    return Companion(tuple(edits), tuple(notes))


def _major(package: Package) -> int | None:
    use = package.driver("prisma")
    return use.version.major if use else None


def _line(path: str, number: int | None, text: Text) -> str | None:
    """A line without its end."""
    lines = split_lines(text(path) or "")
    return lines[number - 1].rstrip("\r\n") if number and number <= len(lines) else None


def let_migrations_read(found: Collected, at: Location, name: str, text: Text) -> Edit | None:
    """What makes the config at that place read `name` for migrations: a schema's or a config file's `url`."""
    if at.path.endswith(".prisma"):
        package = _package_of(at.path, found.packages)
        return _direct_url_line(found, at, name, text) if package and _major(package) in (5, 6) else None
    for config in found.configs:
        for read in config.reads if config.path == at.path else ():
            if (
                read.location.line == at.line
                and read.whole
                and not read.composed
                and len(read.variables) == 1
            ):
                return _other_variable(at, read.variables[0], name, text)
    return None


def _direct_url_line(found: Collected, at: Location, name: str, text: Text) -> Edit | None:
    """`directUrl = env("...")` below `url`, in its column."""
    sources = [
        datasource for schema in found.schemas if schema.path == at.path for datasource in schema.datasources
    ]
    line = _line(at.path, at.line, text)
    form = _URL_LINE.fullmatch(line or "")
    if len(sources) != 1 or sources[0].direct_url or line is None or form is None or not at.line:
        return None
    gap = " " * max(1, len("url") + len(form[2]) - len("directUrl"))
    new = f'{line}\n{form[1]}directUrl{gap}={form[3]}env("{name}")'
    return Edit(at.path, at.line, 0, len(line), line, new, new)


def _other_variable(at: Location, old: str, new: str, text: Text) -> Edit | None:
    """Another variable's name in the one place of the line where it stands."""
    line = _line(at.path, at.line, text) or ""
    places = list(re.finditer(rf"(?<![\w$]){re.escape(old)}(?![\w$])", line))
    if len(places) != 1 or not at.line:
        return None
    return Edit(at.path, at.line, places[0].start(), places[0].end(), old, new, new)


def url_out_of_schema(found: Collected, text: Text) -> Iterator[Moved]:
    """Prisma 7 refuses a schema with a URL in it (P1012): the command line's URL belongs into prisma.config.

    Where the config has one, the schema's is only in the way. Where there is no config, one is made: that is not
    safe, since the config then decides about more than the URL.
    """
    for schema in found.schemas:
        package = _package_of(schema.path, found.packages)
        source = schema.datasource
        if package is None or _major(package) != 7 or source is None or not source.postgres:
            continue
        fields = [each for each in (source.url, source.direct_url, source.shadow_url) if each]
        removed = [edit for field_ in fields if (edit := _without_line(field_, text))]
        if not fields or len(removed) != len(fields) or not all(field_.variable for field_ in fields):
            continue  # a literal holds a password: where that goes is for a person to say
        home = _home(schema, package)
        configs = [
            config for config in found.configs if config.tool == "prisma" and _near(config, schema, home)
        ]
        if any(read.key == "datasource.url" for config in configs for read in config.reads):
            title = "Remove the URL from the schema: prisma.config has it"
            yield Moved(schema.path, title, safe=True, edits=tuple(removed))
        elif not configs:
            path = posixpath.join(home, "prisma.config.ts")
            content = config_text(posixpath.relpath(schema.path, home or "."), source, package)
            made = Edit(path, 1, 0, 0, "", content, content)
            yield Moved(
                schema.path,
                f"Move the URL from the schema into {path}",
                safe=False,
                edits=(*removed, made),
                notes=_notes(package),
            )


LONGEST_LINE = 1000  # characters; nobody writes a longer one by hand
_VALUE = r"(?:env\(\s*[\"'][^\"']+[\"']\s*\)|process\.env\.\w+!?)"
_BOTH = re.compile(
    rf"(?s)(?P<head>.*\burl\s*:\s*){_VALUE}\s*,\s*directUrl\s*:\s*(?P<direct>{_VALUE})(?P<tail>.*)"
)
_ALONE = re.compile(
    rf"(?P<head>\s*(?P<key>url|directUrl)\s*:\s*)(?P<value>{_VALUE})(?P<tail>\s*(?:,\s*)?(?://.*)?)"
)


def direct_url_into_url(found: Collected, path: str, text: Text) -> tuple[Edit, ...]:
    """Prisma 7 takes `directUrl` of its config and does nothing with it: its value becomes that of `url`.

    For the two usual forms: both on one line, or each on a line of its own.
    """
    reads = {read.key: read for config in found.configs if config.path == path for read in config.reads}
    pair = reads.get("datasource.url"), reads.get("datasource.directUrl")
    if pair[0] is None or pair[1] is None:
        return ()
    numbers = pair[0].location.line, pair[1].location.line
    lines = _line(path, numbers[0], text), _line(path, numbers[1], text)
    if lines[0] is None or lines[1] is None or numbers[0] is None or numbers[1] is None:
        return ()
    both = _BOTH.fullmatch(lines[0][:LONGEST_LINE])
    if numbers[0] == numbers[1] and both and len(lines[0]) <= LONGEST_LINE:
        new = both["head"] + both["direct"] + both["tail"]
        return (Edit(path, numbers[0], 0, len(lines[0]), lines[0], new, new),)
    url, direct = _ALONE.fullmatch(lines[0]), _ALONE.fullmatch(lines[1])
    if (
        numbers[0] == numbers[1]
        or not url
        or not direct
        or (url["key"], direct["key"]) != ("url", "directUrl")
    ):
        return ()
    start, end = url.span("value")
    return (
        Edit(path, numbers[0], start, end, url["value"], direct["value"], direct["value"]),
        Edit(path, numbers[1], 0, len(lines[1]), lines[1], "", ""),
    )


def _package_of(path: str, packages: Sequence[Package]) -> Package | None:
    """The package whose reads name the schema."""
    return next((p for p in packages if any(read.location.path == path for read in p.reads)), None)


def _home(schema: PrismaSchema, package: Package) -> str:
    """The folder of the nearest package.json above the schema: where Prisma looks for its config."""
    folders = [
        posixpath.dirname(manifest)
        for manifest in package.manifests
        if posixpath.basename(manifest) == "package.json"
    ]
    above = [folder for folder in folders if not folder or schema.path.startswith(f"{folder}/")]
    return max(above, key=len, default=posixpath.dirname(schema.path))


def _near(config: JsConfig, schema: PrismaSchema, home: str) -> bool:
    """Whether a config is this schema's: beside the manifest, or in `.config` below it."""
    folder = posixpath.dirname(config.path)
    return folder in (home, posixpath.join(home, ".config"), posixpath.dirname(schema.path))


def _without_line(field: UrlField, text: Text) -> Edit | None:
    """The whole line away, where nothing else stands on it."""
    line = _line(field.location.path, field.location.line, text)
    plain = re.fullmatch(
        r"\s*(?:url|directUrl|shadowDatabaseUrl)\s*=\s*env\(\"[^\"]+\"\)\s*(?://.*)?", line or ""
    )
    if line is None or plain is None or not field.location.line:
        return None
    return Edit(field.location.path, field.location.line, 0, len(line), line, "", "")


def config_text(schema: str, source: Datasource, package: Package) -> str:
    """A prisma.config.ts that reads the variables which the schema has read.

    https://www.prisma.io/docs/orm/reference/prisma-config-reference
    """
    lines = ['import "dotenv/config";'] if "npm:dotenv" in package.dependencies else []
    lines += ['import { defineConfig, env } from "prisma/config";', "", "export default defineConfig({"]
    lines += [f"  schema: {json.dumps(schema)},", "  datasource: {"]
    for key, field in (("url", source.direct_url or source.url), ("shadowDatabaseUrl", source.shadow_url)):
        if field:
            lines.append(f"    {key}: env({json.dumps(field.variable)}),")
    return "\n".join([*lines, "  },", "});", ""])


def _notes(package: Package) -> tuple[str, ...]:
    said = [
        "The client takes its URL in code: new PrismaClient({ adapter: new PrismaPg({ connectionString: process.env.DATABASE_URL }) })."
    ]
    if "npm:dotenv" not in package.dependencies:
        said.append(
            "Prisma 7 loads no env file by itself: export the variable, or add dotenv and import it in the config."
        )
    return tuple(said)
