"""JavaScript and TypeScript: what a pool's options come to, and which variable its connection string comes from."""

import pytest

from poolcheck.model.source import Site
from tests.readers.javascript.test_source import read

IMPORTS = (
    "import pg, { Pool } from 'pg'\nimport postgres from 'postgres'\nimport { imported } from './other'\n"
)


def sites(text: str, path: str = "src/db.ts") -> tuple[Site, ...]:
    """What the file makes."""
    return read(IMPORTS + text, path).sites


def site(text: str, path: str = "src/db.ts") -> Site:
    """The only client that the file makes."""
    (found,) = sites(text, path)
    return found


VALUES = {
    "number": ("12", "12"),
    "separators": ("10_000", "10000"),
    "product": ("2 * 5", "10"),
    "sum in brackets": ("(2 + 3) * 60", "300"),
    "quotient that is whole": ("10 / 2", "5"),
    "quotient that is not": ("10 / 4", "..."),
    "negative": ("-1", "-1"),
    "exponent": ("1e4", "10000"),
    "variable": ("process.env.POOL_MAX", "${POOL_MAX}"),
    "nullish default": ("process.env.POOL_MAX ?? 10", "${POOL_MAX:-10}"),
    "default": ("process.env.POOL_MAX || 10", "${POOL_MAX:-10}"),
    "number of it": ("Number(process.env.POOL_MAX)", "${POOL_MAX}"),
    "number, default inside": ("Number(process.env.POOL_MAX ?? 10)", "${POOL_MAX:-10}"),
    "number, default outside": ("Number(process.env.POOL_MAX) || 10", "${POOL_MAX:-10}"),
    "number, default that is never taken": ("Number(process.env.POOL_MAX) ?? 10", "${POOL_MAX}"),
    "parsed": ("parseInt(process.env.POOL_MAX || '10', 10)", "${POOL_MAX:-10}"),
    "parsed by Number": ('Number.parseInt(process.env.POOL_MAX ?? "10")', "${POOL_MAX:-10}"),
    "parsed, or nothing": ("Number.parseInt(process.env.POOL_MAX || '', 10) || 15", "${POOL_MAX:-15}"),
    "parsed, not null": ("parseInt(process.env.POOL_MAX!, 10)", "${POOL_MAX}"),
    "parsed as hexadecimal": ("parseInt(process.env.POOL_MAX || '10', 16)", "..."),
    "plus": ("+(process.env.POOL_MAX ?? 10)", "${POOL_MAX:-10}"),
    "plus, not null": ("+process.env.POOL_MAX!", "${POOL_MAX}"),
    "as a key": ("process.env['POOL_MAX'] ?? 10", "${POOL_MAX:-10}"),
    "cast": ("(process.env.POOL_MAX as unknown as number) ?? 10", "${POOL_MAX:-10}"),
    "cast environment": ("(process.env as any).POOL_MAX", "${POOL_MAX}"),
    "Bun": ("Bun.env.POOL_MAX ?? 10", "${POOL_MAX:-10}"),
    "Deno": ("Number(Deno.env.get('POOL_MAX') ?? '10')", "${POOL_MAX:-10}"),
    "Vite": ("import.meta.env.POOL_MAX", "${POOL_MAX}"),
    "ternary": ("process.env.POOL_MAX ? Number(process.env.POOL_MAX) : 10", "${POOL_MAX:-10}"),
    "ternary the other way": ("!process.env.POOL_MAX ? 10 : parseInt(process.env.POOL_MAX)", "${POOL_MAX:-10}"),
    "ternary on undefined": ("process.env.POOL_MAX !== undefined ? +process.env.POOL_MAX : 10", "${POOL_MAX:-10}"),
    "ternary on another": ("process.env.NODE_ENV === 'test' ? 1 : 20", "..."),
    "ternary that compares": ("Number(process.env.POOL_MAX) > 5 ? Number(process.env.POOL_MAX) : 5", "..."),
    "zero is no number": ("Number(process.env.POOL_MAX ?? 0) || 10", "${POOL_MAX:-10}"),
    "zero is one": ("process.env.POOL_MAX ?? 0", "${POOL_MAX:-0}"),
    "two variables": ("process.env.A_MAX ?? process.env.B_MAX ?? 10", "..."),
    "default that is a call": ("process.env.POOL_MAX ?? cpus()", "..."),
    "twice the variable": ("Number(process.env.POOL_MAX ?? 10) * 2", "..."),
    "NestJS": ("configService.get<number>('POOL_MAX', 10)", "${POOL_MAX:-10}"),
    "NestJS, member": ("this.config.getOrThrow('POOL_MAX')", "${POOL_MAX}"),
    "own reader": ("getEnvInt('POOL_MAX', 10)", "${POOL_MAX:-10}"),
    "schema of another file": ("env.POOL_MAX", "${POOL_MAX}"),
    "config of another file": ("imported.pool.max", "..."),
    "call": ("poolSize()", "..."),
    "greater": ("Math.max(9, 2 * 5)", "10"),
    "Math": ("Math.min(10, cpus().length)", "..."),
    "unknown name": ("imported", "imported"),
    "text": ("'10'", "..."),
    "text of the environment's default": ("process.env.PGPASSWORD || '123456'", "..."),
}  # fmt: skip


@pytest.mark.parametrize(("written", "said"), VALUES.values(), ids=VALUES)
def test_value(written: str, said: str) -> None:
    """A number, a variable with its default, or nothing that could mislead."""
    made = site(f"export const pool = new Pool({{ max: {written} }})")

    assert (made.option("max"), made.complete) == (said, True)


CONSTANTS = {
    "constant": ("const MAX = 12", "12"),
    "constant of a type": ("export const MAX: number = 12", "12"),
    "as const": ("const MAX = 12 as const", "12"),
    "satisfies": ("const MAX = 12 satisfies number", "12"),
    "let that stays": ("let MAX = 12", "12"),
    "of the environment": ("const MAX = Number(process.env.POOL_MAX ?? 10)", "${POOL_MAX:-10}"),
    "of a constant": ("const BASE = 6\nconst MAX = BASE * 2", "12"),
    "of a part of an object": ("const c = { pool: { MAX: 12 } }\nconst MAX = c.pool.MAX", "12"),
    "taken out of the environment": ("const { MAX } = process.env", "${MAX}"),
    "taken out, default": ("const { MAX = 10 } = process.env", "${MAX:-10}"),
    "taken out by another name": ("const { POOL_MAX: MAX = 10 } = process.env", "${POOL_MAX:-10}"),
    "taken out of an object": ("const { MAX } = { MAX: 12 }", "12"),
    "name for the environment": ("const env = process.env\nconst MAX = env.POOL_MAX ?? 10", "${POOL_MAX:-10}"),
    "schema": ("const config = schema.parse(process.env)\nconst MAX = config.POOL_MAX", "${POOL_MAX}"),
    "given anew": ("let MAX = 12\nif (imported) MAX = 30", "MAX"),
    "counted up": ("let MAX = 12\nMAX++", "MAX"),
    "added to": ("let MAX = 12\nMAX += imported", "MAX"),
    "declared later": ("let MAX\nMAX = 12", "MAX"),
    "declared twice": ("var MAX = 12\nvar MAX = 13", "MAX"),
    "of itself": ("const MAX = MAX", "MAX"),
    "in a circle": ("const A = MAX\nconst MAX = A", "MAX"),
    "a call": ("const MAX = size()", "MAX"),
    "another scope's": ("function f() { const MAX = 12 }", "MAX"),
    "another scope's anew": ("const MAX = 12\nfunction f() { let MAX = 1; MAX = 2 }", "12"),
    "a parameter elsewhere": ("const MAX = 12\nconst f = (MAX: number) => MAX", "12"),
    "imported": ("import { MAX } from './constants'", "MAX"),
}  # fmt: skip


@pytest.mark.parametrize(("head", "said"), CONSTANTS.values(), ids=CONSTANTS)
def test_constant(head: str, said: str) -> None:
    """What a name stands for, when nothing gives it another value; also inside a function, and in short."""
    for made in ("new Pool({ max: MAX })", "function f() { return new Pool({ max: MAX }) }"):
        assert site(f"{head}\nexport const p = {made}").option("max") == said


SHADOWED = {
    "parameter": "function f(max: number) { return new Pool({ max }) }",
    "parameter taken apart": "function f({ max }) { return new Pool({ max }) }",
    "parameter with a default": "function f({ max = 5 } = {}) { return new Pool({ max }) }",
    "arrow": "const f = max => new Pool({ max })",
    "method": "class A { f(max) { return new Pool({ max }) } }",
    "loop": "for (const max of sizes) { new Pool({ max }) }",
    "caught": "try { f() } catch (max) { new Pool({ max }) }",
    "inner constant": "function f() { const max = size(); return new Pool({ max }) }",
    "function": "function f() { function max() {} return new Pool({ max }) }",
}


@pytest.mark.parametrize("written", SHADOWED.values(), ids=SHADOWED)
def test_an_inner_name_is_another_name(written: str) -> None:
    """A constant of the module does not answer for a name that a function has of its own."""
    assert site("const max = 12\n" + written).option("max") == "max"


def test_the_innermost_constant_holds() -> None:
    """Scope by scope, as the language has it."""
    text = "const max = 12\nfunction f() { const max = 3; { const max = 4 } return new Pool({ max }) }"

    assert site(text).option("max") == "3"


OBJECTS = {
    "in a constant": ("const options = { max: 12, idleTimeoutMillis: 20 }", "options", {"max": "12", "idleTimeoutMillis": "20"}, True),
    "of a type": ("const options: PoolConfig = { max: 12 }", "options", {"max": "12"}, True),
    "as const": ("const options = { max: 12 } as const", "options!", {"max": "12"}, True),
    "satisfies": ("const options = { max: 12 } satisfies PoolConfig", "options as PoolConfig", {"max": "12"}, True),
    "frozen": ("const options = Object.freeze({ max: 12 })", "options", {"max": "12"}, True),
    "part of a config": ("const config = { pool: { max: 5 }, port: 1 }", "config.pool", {"max": "5"}, True),
    "part that is another constant": ("const pool = { max: 5 }\nconst config = { pool }", "config.pool", {"max": "5"}, True),
    "part that is missing": ("const config = { pool: { max: 5 } }", "config.db", {"max": None}, False),
    "taken out of a config": ("const { pool: mine } = { pool: { max: 5 } }", "mine", {"max": "5"}, True),
    "spread below": ("const base = { max: 9, min: 1 }", "{ ...base, max: 3 }", {"max": "3", "min": "1"}, True),
    "spread above": ("const base = { max: 9 }", "{ max: 3, ...base }", {"max": "9"}, True),
    "unknown spread below": ("", "{ ...imported, max: 3 }", {"max": "3"}, False),
    "unknown spread above": ("", "{ max: 3, ...imported }", {"max": "..."}, False),
    "spread on a condition": ("", "{ max: 3, ...(imported ? { ssl: true } : {}) }", {"max": "3", "ssl": "..."}, True),
    "spread on a condition that sets it": ("", "{ max: 3, ...(imported && { max: 5 }) }", {"max": "..."}, True),
    "spread on a condition, unknown": ("", "{ max: 3, ...(imported && other()) }", {"max": "..."}, False),
    "spread of a spread": ("const base = { ...imported, min: 1 }", "{ max: 3, ...base }", {"max": "...", "min": "1"}, False),
    "set anew": ("const options = { max: 12 }\noptions.max = 20", "options", {"max": "20"}, True),
    "set anew by its key": ("const options = { max: 12 }\noptions['max'] = 20", "options", {"max": "20"}, True),
    "set anew, cast": ("const options = { max: 12 };\n(options as any).max = 20", "options", {"max": "20"}, True),
    "added": ("const options: any = {}\noptions.max = 20", "options", {"max": "20"}, True),
    "set on a condition": ("const options = { max: 12, min: 1 }\nif (imported) options.max = 20", "options", {"max": "...", "min": "1"}, False),
    "set in a block": ("const options = { max: 12 }\nif (imported) { options.max = 20 }", "options", {"max": "..."}, False),
    "set by a function": ("const options = { max: 12 }\nfunction f() { options.max = 20 }", "options", {"max": "..."}, False),
    "assigned to": ("const options = { max: 12 }\nObject.assign(options, imported)", "options", {"max": "..."}, False),
    "taken away": ("const options = { max: 12 }\ndelete options.max", "options", {"max": "..."}, False),
    "unknown key set": ("const options = { max: 12 }\noptions[imported] = 20", "options", {"max": "..."}, False),
    "part set anew": ("const config = { pool: { max: 5 } }\nconfig.pool.max = 7", "config.pool", {"max": None}, False),
    "another's key set": ("const options = { max: 12 }\nother.options.max = 3\nfunction f(options) { options.max = 4 }", "options", {"max": "12"}, True),
    "given anew": ("let options = { max: 12 }\nif (imported) options = { max: 20 }", "options", {"max": None}, False),
    "getter": ("", "{ get max() { return 5 } }", {"max": "..."}, True),
    "computed key": ("", "{ max: 3, [imported]: 5 }", {"max": "..."}, False),
    "either": ("const a = { max: 1 }, b = { max: 2 }", "imported ? a : b", {"max": "..."}, True),
    "either, alike": ("const a = { max: 1, min: 1 }, b = { max: 1 }", "imported ? a : b", {"max": "1", "min": "..."}, True),
    "either, one unknown": ("const a = { max: 1 }", "imported ? a : other()", {"max": None}, False),
    "call": ("", "config()", {"max": None}, False),
    "imported": ("", "imported", {"max": None}, False),
    "in a circle": ("const a = { ...b }, b = { ...a, max: 2 }", "a", {"max": "2"}, False),
}  # fmt: skip


@pytest.mark.parametrize(("head", "given", "said", "complete"), OBJECTS.values(), ids=OBJECTS)
def test_object(head: str, given: str, said: dict[str, str | None], complete: bool) -> None:
    """Options in a constant count as if they stood in the call, as far as they are certain."""
    made = site(f"{head}\nexport const p = new Pool({given})")

    assert {key: made.option(key) for key in said} == said
    assert made.complete is complete


def test_what_is_set_after_the_call_comes_too_late() -> None:
    """Unless the call stands in a function that runs later."""
    head, anew = "const options = { max: 12 }\n", "\noptions.max = 20"

    assert site(head + "const p = new Pool(options)" + anew).option("max") == "12"
    assert site(head + "const f = () => new Pool(options)" + anew).option("max") == "20"


def test_options_behind_the_string() -> None:
    """postgres.js takes the string first."""
    text = "const options = { max: 12, idle_timeout: 20 }\nconst url = process.env.DATABASE_URL!\nconst sql = postgres(url, options)"
    made = site(text)

    assert (made.option("max"), made.option("idle_timeout"), made.complete) == ("12", "20", True)
    assert (made.argument, made.url) == ("env", "process.env.DATABASE_URL")


@pytest.mark.parametrize(
    "text",
    [
        "new Pool({\n  host,\n  max: 12,\n})",
        "new Pool({ host,\n ...{\nmax: 12 } })",
        "const o = { host }\n\no.max = 12\nnew Pool(o)",
        "const s = 12\nconst o = {\nmax: s }\nnew Pool({ ...o })",
    ],
)
def test_the_line_of_an_option(text: str) -> None:
    """Where the option itself is set."""
    made = site(text)
    lines = (IMPORTS + text).split("\n")

    assert "max" in lines[made.line_of("max") - 1]
    assert made.line_of("nothing") == made.line


URLS = {
    "in a constant": ("const url = process.env.DATABASE_URL!", "{ connectionString: url }", "process.env.DATABASE_URL"),
    "in short": ("const connectionString = process.env.DATABASE_URL", "{ connectionString }", "process.env.DATABASE_URL"),
    "in an object": ("const o = { connectionString: process.env.DATABASE_URL }", "o", "process.env.DATABASE_URL"),
    "in a part of a config": ("const c = { db: { url: process.env.DATABASE_URL ?? '' } }", "{ connectionString: c.db.url }", "process.env.DATABASE_URL"),
    "taken out": ("const { DATABASE_URL: url } = process.env", "{ connectionString: url }", "process.env.DATABASE_URL"),
    "settings": ("import { env } from './env'", "{ connectionString: env.DATABASE_URL }", "env.DATABASE_URL"),
    "SvelteKit": ("import { DATABASE_URL as url } from '$env/static/private'", "{ connectionString: url }", "process.env.DATABASE_URL"),
    "Deno": ("", "{ connectionString: Deno.env.get('DATABASE_URL')! }", "DATABASE_URL"),
    "NestJS": ("", "{ connectionString: this.configService.get('DATABASE_URL') }", "DATABASE_URL"),
    "required": ("", "{ connectionString: requireEnv('DATABASE_URL') }", "DATABASE_URL"),
    "checked": ("", "{ connectionString: required(process.env.DATABASE_URL) }", "process.env.DATABASE_URL"),
    "default": ("const url = process.env.DATABASE_URL || 'postgres://a:hunter2@h/d'", "{ connectionString: url }", "process.env.DATABASE_URL"),
    "second choice": ("", "{ connectionString: imported.url ?? process.env.DATABASE_URL }", "process.env.DATABASE_URL"),
    "with parameters": ("const url = `${process.env.DATABASE_URL}?sslmode=require`", "{ connectionString: url }", "process.env.DATABASE_URL"),
    "replaced": ("", "{ connectionString: process.env.DATABASE_URL.replace('a', 'b') }", "process.env.DATABASE_URL"),
    "of a function": ("function url() { return process.env.DATABASE_URL! }", "{ connectionString: url() }", "process.env.DATABASE_URL"),
    "given anew": ("let url = process.env.DATABASE_URL\nif (imported) url = url.replace('a', 'b')", "{ connectionString: url }", "process.env.DATABASE_URL"),
    "given anew, added to": ("let url = process.env.DATABASE_URL\nif (imported) url += '?a=b'", "{ connectionString: url }", "process.env.DATABASE_URL"),
    "given later": ("let url\nurl = process.env.DATABASE_URL", "{ connectionString: url }", "process.env.DATABASE_URL"),
    "given anew, another": ("let url = process.env.DATABASE_URL\nif (imported) url = process.env.TEST_URL", "{ connectionString: url }", "url"),
    "given anew, unknown": ("let url = process.env.DATABASE_URL\nif (imported) url = build", "{ connectionString: url }", "url"),
    "in a circle": ("let url = url.a()\nurl = url.b()", "{ connectionString: url }", "url"),
    "either, in a constant": ("const c = imported ? { connectionString: process.env.DATABASE_URL } : { host: 'h' }", "c", "process.env.DATABASE_URL"),
    "either": ("", "imported ? { connectionString: process.env.DATABASE_URL } : { host: 'h' }", "process.env.DATABASE_URL"),
    "below a spread": ("", "{ connectionString: process.env.DATABASE_URL, ...imported }", "process.env.DATABASE_URL"),
    "on a condition": ("", "{ connectionString: imported ? process.env.DATABASE_URL : 'postgres://hunter2@h' }", "process.env.DATABASE_URL"),
    "one of two": ("", "{ connectionString: imported ? process.env.DATABASE_URL : process.env.TEST_URL }", ""),
    "written out": ("const DATABASE_URL = 'postgres://a:hunter2@h/d'", "{ connectionString: DATABASE_URL }", ""),
    "parts": ("const U = 'hunter2'", "{ connectionString: `postgres://${process.env.PGUSER}:${U}@h/d` }", ""),
    "parameter": ("", "{ connectionString: url }", "url"),
    "settings in capitals": ("import ENV from './env'", "{ connectionString: ENV.DATABASE_URL }", "ENV.DATABASE_URL"),
}  # fmt: skip


@pytest.mark.parametrize(("head", "given", "name"), URLS.values(), ids=URLS)
def test_where_the_connection_string_comes_from(head: str, given: str, name: str) -> None:
    """The variable, through constants; never the string itself."""
    made = site(f"{head}\nexport const p = new Pool({given})")

    assert made.url == name
    assert "hunter2" not in repr(made)


@pytest.mark.parametrize(
    "parameter", ["url = process.env.DATABASE_URL", "url: string = process.env.DATABASE_URL!"]
)
def test_where_a_parameters_default_comes_from(parameter: str) -> None:
    """The name that holds when nobody gives another; a number is not known then."""
    path = "src/db.ts" if ":" in parameter else "src/db.js"
    text = f"function make({parameter}, max = 5) {{ return new Pool({{ connectionString: url, max }}) }}"
    made = site(text, path)

    assert (made.url, made.option("max")) == ("process.env.DATABASE_URL", "max")


TYPEORM = "import { DataSource } from 'typeorm'\n"
NESTED = {
    "TypeORM": (TYPEORM + "new DataSource({ type: 'postgres', url: process.env.DATABASE_URL, extra: { max: 40 } })", {"extra.max": "40"}, True),
    "TypeORM in a constant": (TYPEORM + "const extra = { max: 40 }\nconst options: DataSourceOptions = { type: 'postgres', extra, poolSize: 3 }\nnew DataSource(options)", {"extra.max": "40", "poolSize": "3"}, True),
    "TypeORM with a spread": (TYPEORM + "new DataSource({ type: 'postgres', extra: { max: 40, ...imported } })", {"extra.max": "...", "extra.*": "..."}, True),
    "TypeORM with unknown extras": (TYPEORM + "new DataSource({ type: 'postgres', extra: imported })", {"extra": "imported", "extra.max": None}, True),
    "Knex": ("const knex = require('knex')\nmodule.exports = knex({ client: 'pg', connection: process.env.DATABASE_URL, pool: { min: 0, max: 40 } })", {"pool.max": "40", "pool.min": "0"}, True),
    "Knex of a config": ("import knex from 'knex'\nconst c = { dev: { client: 'pg', connection: { connectionString: process.env.DATABASE_URL }, pool: { max: +process.env.MAX! } } }\nknex(c.dev)", {"pool.max": "${MAX}"}, True),
    "Sequelize": ("import { Sequelize } from 'sequelize'\nconst pool = { max: 7 }\nnew Sequelize(process.env.DATABASE_URL!, { dialect: 'postgres', pool })", {"pool.max": "7"}, True),
    "Drizzle": ("import { drizzle } from 'drizzle-orm/node-postgres'\ndrizzle({ connection: { connectionString: process.env.DATABASE_URL, max: 8 } })", {"connection.max": "8"}, True),
}  # fmt: skip


@pytest.mark.parametrize(("text", "said", "complete"), NESTED.values(), ids=NESTED)
def test_options_of_an_inner_object(text: str, said: dict[str, str | None], complete: bool) -> None:
    """`pool.max`, one level in."""
    made = site(text, "src/db.ts")

    assert {key: made.option(key) for key in said} == said
    assert made.complete is complete
    assert made.made.size_options


def test_a_database_in_parts_has_no_connection_string() -> None:
    """Sequelize(database, user, password): the first is no string to connect with."""
    text = "import { Sequelize } from 'sequelize'\nconst name = process.env.DB_NAME\n"
    made = site(
        text + "new Sequelize(name, process.env.DB_USER, password, { dialect: 'postgres', pool: { max: 6 } })"
    )

    assert (made.url, made.number("pool.max")) == ("", 6)


def test_another_database_in_a_constant_is_none_of_ours() -> None:
    """As where it stands in the call."""
    mysql = "// postgres\nconst options = { type: 'mysql', extra: { max: 40 } }\nnew DataSource(options)"

    assert sites(TYPEORM + mysql) == ()


PRISMA = "import { PrismaPg } from '@prisma/adapter-pg'\nimport { PrismaClient } from './generated/prisma/client'\n"


@pytest.mark.parametrize(
    "text",
    [
        "const adapter = new PrismaPg({ connectionString: process.env.DATABASE_URL, max: 25 })\nexport const prisma = new PrismaClient({ adapter })",
        "const adapter = new PrismaPg({ connectionString: process.env.DATABASE_URL!, max: 25 })\nconst create = () => new PrismaClient({ adapter, log: ['error'] })",
        "export const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: process.env.DATABASE_URL, max: 25 }) })",
        "function create() { const config = { connectionString: process.env.DATABASE_URL, max: 25 }; const a = new PrismaPg(config); return new PrismaClient({ adapter: a }) }",
    ],
)
def test_prismas_pool_is_its_adapters(text: str) -> None:
    """PrismaClient with an adapter has no pool size of its own."""
    made = site(PRISMA + text)

    assert (made.kind, made.number("adapter.max"), made.url) == ("prisma", 25, "process.env.DATABASE_URL")
    assert "adapter.max" in made.made.size_options


def test_a_client_of_a_pool_is_marked() -> None:
    """The pool is a site of its own, and the only one that holds connections."""
    text = (
        "const pool = new Pool({ max: 5 })\nconst adapter = new PrismaPg(pool)\nnew PrismaClient({ adapter })"
    )

    assert [(made.kind, made.argument) for made in sites(PRISMA + text)] == [
        ("pg-pool", "object"),
        ("prisma", "pool"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "import { drizzle } from 'drizzle-orm/postgres-js'\nexport const db = drizzle(postgres(process.env.DATABASE_URL!, { max: 40 }))",
        "import { drizzle } from 'drizzle-orm/postgres-js'\nconst client = postgres(process.env.DATABASE_URL!, { max: 40 })\nexport const db = drizzle(client, { schema })",
        "import { drizzle } from 'drizzle-orm/postgres-js'\nconst client = postgres(process.env.DATABASE_URL!, { max: 40 })\nexport const db = drizzle({ client, schema })",
        "import { Kysely, PostgresDialect } from 'kysely'\nconst db = new Kysely({ dialect: new PostgresDialect({ pool: new Pool({ max: 40 }) }) })",
    ],
)
def test_what_is_made_of_a_client_is_no_pool(text: str) -> None:
    """One pool, with its own options."""
    assert site(text).number("max") == 40


def test_constants_that_double_at_every_step_end() -> None:
    """Work is bounded by count, and the file is still read."""
    lines = [f"const o{n} = {{ ...o{n + 1}, ...o{n + 1} }}" for n in range(40)]
    sums = [f"const n{n} = n{n + 1} + n{n + 1}" for n in range(40)]
    text = "\n".join(
        [*lines, *sums, "const o40 = { max: 1 }", "const n40 = 1", "new Pool({ ...o0, min: n0 })"]
    )

    assert (site(text).option("min"), site(text).complete) == ("n0", False)
