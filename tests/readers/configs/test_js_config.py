"""prisma, drizzle and knex configs in every form they are written in."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolcheck.readers.configs import js_config
from poolcheck.readers.configs.js_config import ConfigRead, JsConfig


def reads(found: JsConfig) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Key → role and variables."""
    return {one.key: (one.role, one.variables) for one in found.reads}


def only(found: JsConfig) -> ConfigRead:
    """The one read there is."""
    assert len(found.reads) == 1
    return found.reads[0]


def test_names() -> None:
    """The file names that the tools look for, and their variants in the wild."""
    yes = [
        "prisma.config.ts",
        "packages/db/prisma.config.mjs",
        "prisma7.config.cts",
        ".config/prisma.ts",
        "a/.config/prisma7.js",
        "drizzle.config.ts",
        "drizzle.config.prod.ts",
        "drizzle-dev.config.ts",
        "knexfile.js",
        "db/knexfile.ts",
    ]
    assert [name for name in yes if not js_config.matches(name)] == []
    no = [
        "prisma.ts",
        "next.config.ts",
        "src/prisma.config.json",
        "drizzle.config.json",
        "knexfile",
        "myprisma.config.ts",
    ]
    assert [name for name in no if js_config.matches(name)] == []
    with pytest.raises(ValueError, match="not a config file"):
        js_config.read("", "next.config.ts")


@pytest.mark.parametrize(
    ("value", "variables"),
    [
        ('env("DIRECT_URL")', ("DIRECT_URL",)),
        ("env<Env>('DIRECT_URL')", ("DIRECT_URL",)),
        ("process.env.DIRECT_URL", ("DIRECT_URL",)),
        ('process.env["DIRECT_URL"]', ("DIRECT_URL",)),
        ("process.env.DIRECT_URL!", ("DIRECT_URL",)),
        ("process.env.DIRECT_URL as string", ("DIRECT_URL",)),
        ("(process.env.DIRECT_URL satisfies string)", ("DIRECT_URL",)),
        ('process.env.DIRECT_URL ?? ""', ("DIRECT_URL",)),
        ("process.env.A_URL || process.env.B_URL || process.env.C_URL", ("A_URL", "B_URL", "C_URL")),
        ("process.env.A_URL ?? process.env.B_URL!", ("A_URL", "B_URL")),
        ("prod ? process.env.A_URL : process.env.B_URL", ("A_URL", "B_URL")),
        ("`${process.env.DIRECT_URL}`", ("DIRECT_URL",)),
        ("String(process.env.DIRECT_URL)", ("DIRECT_URL",)),
        ("Bun.env.DIRECT_URL", ("DIRECT_URL",)),
        ('Deno.env.get("DIRECT_URL")', ("DIRECT_URL",)),
        ("env.DIRECT_URL", ("DIRECT_URL",)),
        ('mustHave("DIRECT_URL")', ("DIRECT_URL",)),
        ("above", ("ABOVE_URL",)),
        ("picked", ("PICKED_URL",)),
        ("renamed", ("FROM_URL",)),
        ("made()", ("MADE_URL", "OTHER_URL")),
        ("later", ("L1_URL", "L2_URL")),
    ],
)
def test_every_way_to_read_a_variable(value: str, variables: tuple[str, ...]) -> None:
    """All names, in the order they are tried."""
    text = (
        'import { defineConfig, env } from "prisma/config";\n'
        "const above = process.env.ABOVE_URL!;\n"
        "const { PICKED_URL: picked, FROM_URL: renamed } = process.env;\n"
        "function made() { if (prod) { return process.env.MADE_URL } return process.env.OTHER_URL }\n"
        "let later; if (prod) { later = process.env.L1_URL } else { later = process.env.L2_URL }\n"
        f"export default defineConfig({{ datasource: {{ url: {value} }} }});\n"
    )
    found = only(js_config.read(text, "prisma.config.ts"))
    assert (found.key, found.role, found.variables) == ("datasource.url", "migration", variables)
    assert not found.composed


@pytest.mark.parametrize(
    "value",
    [
        "process.env.DATABASE_URL + '?pgbouncer=true'",
        "`${process.env.DATABASE_URL}?sslmode=require`",
        "process.env.DATABASE_URL.replace('-pooler', '')",
        "addParams(process.env.DATABASE_URL)",
    ],
)
def test_composed(value: str) -> None:
    """What is put around a variable makes the value another one."""
    found = only(js_config.read(f"export default {{ datasource: {{ url: {value} }} }}", "prisma.config.ts"))
    assert (found.variables, found.composed, found.literal) == (("DATABASE_URL",), True, None)


@pytest.mark.parametrize(
    ("code", "wrapped"),
    [
        ("export default defineConfig({BODY});", "defineConfig"),
        ("export default {BODY};", ""),
        ("export default {BODY} satisfies PrismaConfig;", ""),
        ("export default <PrismaConfig>{BODY};", ""),
        ("const config = {BODY}; export default config;", ""),
        ("const config: PrismaConfig = defineConfig({BODY}); export default config;", "defineConfig"),
        ("module.exports = {BODY};", ""),
        ("module.exports = defineConfig({BODY});", "defineConfig"),
        ("exports.default = {BODY};", ""),
        ("export default defineConfig(() => ({BODY}));", "defineConfig"),
        ("export default defineConfig(async () => { const x = 1; return {BODY}; });", "defineConfig"),
        ("const base = {BODY}; export default defineConfig({ ...base });", "defineConfig"),
        ("export default { ...(process.env.CI ? {BODY} : {}) };", ""),
        ("export default { ...(process.env.CI && {BODY}) };", ""),
    ],
)
def test_every_way_to_export(code: str, wrapped: str) -> None:
    """The object is followed through wrappers, constants, functions and spreads."""
    body = '{ datasource: { url: env("DIRECT_URL"), directUrl: env("OTHER_URL") } }'
    found = js_config.read(code.replace("{BODY}", body), "prisma.config.ts")
    assert reads(found) == {
        "datasource.url": ("migration", ("DIRECT_URL",)),
        "datasource.directUrl": ("migration", ("OTHER_URL",)),
    }
    assert found.wrapped == wrapped
    assert found.reads[0].conditional is ("...(" in code)


def test_prisma_6_classic() -> None:
    """With a direct URL beside it, the url of Prisma 6's classic engine is the app's."""
    found = js_config.read(
        'import "dotenv/config";\nimport { defineConfig, env } from "prisma/config";\n'
        'export default defineConfig({\n  schema: "prisma/schema.prisma",\n  engine: "classic",\n  datasource: {\n'
        '    url: env("DATABASE_URL"),\n    directUrl: env("DIRECT_URL"),\n'
        '    shadowDatabaseUrl: env("SHADOW_URL"),\n  },\n});\n',
        "prisma.config.ts",
    )
    assert reads(found) == {
        "datasource.url": ("app", ("DATABASE_URL",)),
        "datasource.directUrl": ("migration", ("DIRECT_URL",)),
        "datasource.shadowDatabaseUrl": ("shadow", ("SHADOW_URL",)),
    }
    assert (found.engine, found.schema) == ("classic", "prisma/schema.prisma")
    assert [str(one.location) for one in found.reads] == [f"prisma.config.ts:{line}:5" for line in (7, 8, 9)]


def test_wrong_keys() -> None:
    """A connection string where Prisma does not look is told apart."""
    found = js_config.read(
        "export default { migrate: { url: process.env.DIRECT_URL }, url: 'postgresql://u:p@h/db',"
        " docs: { url: 'https://example.org' } }",
        "prisma.config.ts",
    )
    assert found.reads == ()
    assert [(one.key, one.variables) for one in found.unread] == [
        ("migrate.url", ("DIRECT_URL",)),
        ("url", ()),
    ]


def test_generations() -> None:
    """What only Prisma 7 or 8 reads."""
    seven = js_config.read('export default { datasource: { url: env("A_URL") } }', "prisma7.config.ts")
    assert seven.generation == 7
    imported = js_config.read(
        'import { defineConfig } from "@prisma/prisma7/config"; export default defineConfig({ datasource: {} })',
        "prisma.config.ts",
    )
    assert imported.generation == 7
    eight = js_config.read(
        'import { definePrismaConfig } from "@prisma/cli-engine";\n'
        'import { defineConfig } from "@prisma/orm-postgres/config";\n'
        "export default definePrismaConfig({ orm: defineConfig({ contract: './c.json',"
        " db: { connection: process.env.DATABASE_URL! } }) });",
        "prisma.config.ts",
    )
    assert eight.generation == 8
    assert reads(eight) == {"orm.db.connection": ("migration", ("DATABASE_URL",))}
    assert js_config.read("export default { datasource: {} }", "prisma.config.ts").generation is None


def test_literal() -> None:
    """A URL in the file itself: its place, never its text."""
    text = (
        "const url = 'postgresql://u:hunter2@h/db';\n"
        "export default defineConfig({ datasource: { url: process.env.DIRECT_URL ?? url } });\n"
    )
    found = only(js_config.read(text, "prisma.config.ts"))
    assert found.variables == ("DIRECT_URL",)
    assert found.literal is not None
    assert found.literal.reveal() == "postgresql://u:hunter2@h/db"
    assert "hunter2" not in repr(found)
    assert found.literal_line == 1
    assert text.splitlines()[0][found.start : found.end] == "postgresql://u:hunter2@h/db"
    assert found.location.line == 2


def test_columns_count_characters() -> None:
    """What stands before on the line may be wider than a byte."""
    text = "export default { datasource: { /* é𝄞 */ url: 'postgresql://h/ü' } }"
    found = only(js_config.read(text, "prisma.config.ts"))
    assert found.location.column == text.index("url") + 1
    assert text[found.start : found.end] == "postgresql://h/ü"


def test_drizzle() -> None:
    """A URL or parts, the dialect, and t3's env object."""
    found = js_config.read(
        'import { type Config } from "drizzle-kit";\nimport { env } from "~/env";\n'
        'export default {\n  schema: "./src/db/schema.ts",\n  dialect: "postgresql",\n'
        "  dbCredentials: {\n    url: env.DATABASE_URL,\n  },\n} satisfies Config;\n",
        "drizzle.config.ts",
    )
    assert reads(found) == {"dbCredentials.url": ("migration", ("DATABASE_URL",))}
    assert (found.dialect, found.tool, found.problem) == ("postgresql", "drizzle", None)
    parts = js_config.read(
        'export default defineConfig({ dialect: "postgresql", dbCredentials: { host: process.env.DB_HOST!,'
        ' port: Number(process.env.DB_PORT), user: "app", ssl: false } });',
        "drizzle.config.ts",
    )
    assert not any(one.whole for one in parts.reads)
    assert found.reads[0].whole
    assert [(one.key, one.variables, one.composed) for one in parts.reads] == [
        ("dbCredentials.host", ("DB_HOST",), False),
        ("dbCredentials.port", ("DB_PORT",), False),
        ("dbCredentials.user", (), False),
        ("dbCredentials.ssl", (), True),
    ]


def test_knex() -> None:
    """Environments, strings and objects, pool settings with their lines."""
    found = js_config.read(
        "require('dotenv').config();\nmodule.exports = {\n  development: { client: 'pg', connection: process.env.DEV_URL },\n"
        "  production: {\n    client: 'postgresql',\n    connection: { connectionString: process.env.DATABASE_URL },\n"
        "    pool: { min: 2,\n      max: 10 },\n  },\n};\n",
        "knexfile.js",
    )
    assert reads(found) == {
        "development.connection": ("app", ("DEV_URL",)),
        "production.connection.connectionString": ("app", ("DATABASE_URL",)),
    }
    assert [(one.key, one.value, one.line) for one in found.settings] == [
        ("production.pool.min", "2", 7),
        ("production.pool.max", "10", 8),
    ]
    assert found.dialect == "pg"


def test_what_cannot_be_followed() -> None:
    """Broken files and other people's helpers are said to be so."""
    broken = js_config.read("export default defineConfig({\n datasource: { url: ", "prisma.config.ts")
    assert broken.problem is not None
    elsewhere = js_config.read(
        'import config from "@acme/datasource"; export default config;', "prisma.config.ts"
    )
    assert elsewhere.problem is not None
    assert "followed" in elsewhere.problem.message
    helper = only(js_config.read("export default { datasource: { url: getUrl() } }", "prisma.config.ts"))
    assert not helper.known
    assert js_config.read("export default {}", "prisma.config.ts").problem is None
    assert js_config.read("x" * 1_000_001, "knexfile.js").problem is not None


PIECES = st.sampled_from(
    [
        *"{}()[]=,;:.`'\"\n\\é\0\ud800",
        "export default ",
        "module.exports",
        "datasource",
        "url",
        "process.env",
        "...",
        "=>",
        *["const a = ", "a", "${", "return ", "function f() ", "env(", "??", "||", "?"],
    ]
)


@given(st.one_of(st.text(), st.lists(PIECES, max_size=40).map("".join)), st.sampled_from(["ts", "js"]))
@settings(max_examples=400, deadline=None)
def test_no_text_raises(text: str, suffix: str) -> None:
    """Any text is read. "url" is added so that the parser always sees it."""
    js_config.read(text + "\n// url", f"prisma.config.{suffix}")


@pytest.mark.parametrize(
    "text",
    [
        "const a = {...b, ...b, ...c}, b = {...a, ...c, ...c}, c = {...a, ...b, ...b}; export default {...a, url: 1}",
        "const a = a || b || a || b, b = a ?? b ?? a ?? b; export default { datasource: { url: a || b } }",
        "const f = () => f(f(f)); export default f(f(f({ url: f(f(f())) })))",
        "export default " + "{a:" * 20_000 + "url",
        "export default { url: " + "(" * 20_000,
        "export default { url: " + "a||" * 50_000 + "a }",
    ],
)
def test_circles_and_depth(text: str) -> None:
    """Constants that name each other, and nesting without end, stop after a bounded number of steps."""
    js_config.read(text, "prisma.config.ts")
