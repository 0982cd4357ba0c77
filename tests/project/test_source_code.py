"""Source files as `lint` meets them: found, read once, given to the rules with their packages."""

from pathlib import Path

import pytest

from poolcheck.config.settings import Config
from poolcheck.diagnosis.lint import lint
from poolcheck.errors import ExitCode, NothingToCheck
from poolcheck.model.report import Report
from poolcheck.model.source import SourceFile
from poolcheck.project.collect import collect
from poolcheck.project.collected import Collected
from tests.rules.projects import write

PRISMA = "import { PrismaClient } from '@prisma/client'\nexport async function GET() { const p = new PrismaClient() }\n"
POOLED = (
    "postgresql://postgres.abcdefghijklmnopqrst:s3cret@aws-0-eu-central-1.pooler.supabase.com:6543/postgres"
)


class Fixed:
    """A config that no file has a say in."""

    def __init__(self, **settings: str) -> None:
        self.config = Config(fail_on="never", **settings)  # type: ignore[arg-type]  # texts only

    def over(self, start: object) -> Config:  # the start makes no difference
        return self.config


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rules(report: Report) -> list[str]:
    """The rules about source that found something, in order."""
    return [f.rule.id for f in report.findings if f.rule.id.startswith("PC4")]


def look(files: dict[str, str], project: Path) -> Report:
    """Lint these files."""
    write(project, {".env": "DATABASE_URL=postgresql://app:s3cret@localhost/app\n", **files})
    return lint((".",), Fixed())


def subjects(found: Collected) -> dict[str, SourceFile]:
    """The source files, by path."""
    return {subject.path: subject for subject in found.subjects if isinstance(subject, SourceFile)}


@pytest.mark.parametrize(("provider", "found"), [("postgresql", ["PC401"]), ("sqlite", []), ("mongodb", [])])
def test_the_datasource_decides(provider: str, found: list[str], project: Path) -> None:
    """A client per request of SQLite or MongoDB is no matter of PostgreSQL's slots."""
    schema = f'datasource db {{\n  provider = "{provider}"\n  url = env("DATABASE_URL")\n}}\n'

    report = look({"prisma/schema.prisma": schema, "app/api/a/route.ts": PRISMA}, project)

    assert rules(report) == found


def test_the_nearest_schema_decides(project: Path) -> None:
    """In a repository of several packages each has its own datasource."""
    schema = 'datasource db {{\n  provider = "{}"\n  url = env("DATABASE_URL")\n}}\n'
    files = {
        "apps/a/prisma/schema.prisma": schema.format("sqlite"),
        "apps/b/prisma/schema.prisma": schema.format("postgresql"),
        "apps/a/app/api/x/route.ts": PRISMA,
        "apps/b/app/api/x/route.ts": PRISMA,
    }

    report = look(files, project)

    assert [f.location.path for f in report.findings if f.rule.id == "PC401" and f.location] == [
        "apps/b/app/api/x/route.ts"
    ]


@pytest.mark.parametrize(("driver", "found"), [("pg", ["PC404"]), ("mysql2", [])])
def test_a_query_runner_of_another_database_is_nobodys(driver: str, found: list[str], project: Path) -> None:
    """TypeORM's query runners look the same on MySQL."""
    code = "export async function f(source) {\n  const r = source.createQueryRunner()\n  await r.startTransaction()\n}\n"

    report = look(
        {
            "package.json": f'{{"dependencies": {{"typeorm": "1.1.1", "{driver}": "1.0.0"}}}}',
            "src/a.ts": code,
        },
        project,
    )

    assert rules(report) == found


def test_a_finding_shows_its_line(project: Path) -> None:
    """The file is read again for the lines that are shown, and only then."""
    report = look({"app/api/a/route.ts": PRISMA}, project)

    finding = next(f for f in report.findings if f.rule.id == "PC401")
    assert finding.excerpt == PRISMA.splitlines()[1]
    assert (finding.location and finding.location.line) == 2


def test_ignore_comments_silence_and_are_accounted_for(project: Path) -> None:
    """A comment above the statement; one that covers nothing is told."""
    text = PRISMA.replace("const p", "\n// poolcheck: ignore[PC401] a benchmark\nconst p")
    unused = "import { Pool } from 'pg'\n// poolcheck: ignore[PC404]\nexport const p = new Pool({ connectionTimeoutMillis: 1 })\n"

    report = look({"app/api/a/route.ts": text, "src/b.ts": unused}, project)

    assert [f.rule.id for f in report.suppressed] == ["PC401"]
    assert [(f.rule.id, str(f.location)) for f in report.findings if f.rule.id == "PC115"] == [
        ("PC115", "src/b.ts:2:1")
    ]


@pytest.mark.parametrize(
    ("code", "severity"),
    [
        ("import postgres from 'postgres'\nexport const sql = postgres(process.env.DATABASE_URL)\n", "error"),
        ("import postgres from 'postgres'\nexport const sql = postgres(url, { prepare: false })\n", None),
        ("export const nothing = 1\n", "warning"),
    ],
    ids=["without the switch", "with the switch", "driver not seen at work"],
)
def test_switches_in_code_make_pc208_certain(code: str, severity: str | None, project: Path) -> None:
    """An error where the code was read and has no switch, silent where it has, a warning where it was not seen."""
    files = {
        ".env": f"DATABASE_URL={POOLED}\n",
        "package.json": '{"dependencies": {"postgres": "3.4.9"}}',
        "src/db.ts": code,
    }

    report = look(files, project)

    assert [f.severity.word for f in report.findings if f.rule.id == "PC208"] == (
        [severity] if severity else []
    )


def test_client_components_and_the_modules_they_reach(project: Path) -> None:
    """Relative paths and @/ are followed; types are not."""
    db = "import { Pool } from 'pg'\nexport type Row = {}\nexport const pool = new Pool()\n"
    files = {
        "src/lib/db/index.ts": db,
        "src/app/a.tsx": "'use client'\nimport { pool } from '@/lib/db'\npool.query('x')\n",
        "src/app/b.tsx": "'use client'\nimport { pool } from '../lib/db/index'\npool.query('x')\n",
        "src/app/c.tsx": "'use client'\nimport type { Row } from '@/lib/db'\nexport const x = (r: Row) => r\n",
        "src/app/d.tsx": "'use client'\nimport { Row } from '@/lib/db'\nexport const x = (r: Row) => r\n",
        "src/app/e.tsx": "import { pool } from '@/lib/db'\npool.query('x')\n",
        "src/app/f.tsx": "'use client'\nimport { pool } from './other'\npool.query('x')\n",
    }

    report = look(files, project)

    assert [f.location.path for f in report.findings if f.rule.id == "PC409" and f.location] == [
        "src/app/a.tsx",
        "src/app/b.tsx",
    ]


def test_ignored_and_generated_files_are_not_read(project: Path) -> None:
    """What .gitignore names, build output, and excluded files."""
    files = {
        ".gitignore": "gen/\n",
        "gen/api/route.ts": PRISMA,
        "dist/app/api/a/route.ts": PRISMA,
        "node_modules/x/route.ts": PRISMA,
        "src/types.d.ts": PRISMA,
    }

    assert rules(look(files, project)) == []


def test_pathological_files_are_skipped_with_their_reason(project: Path) -> None:
    """Neither read nor passed over in silence."""
    report = look({"public/app.js": "new PrismaClient();" * 5_000}, project)

    assert [(each.what, each.why) for each in report.skipped] == [
        ("public/app.js", "written by a bundler: one line is longer than 20,000 bytes")
    ]


def test_what_does_not_matter_is_not_kept(project: Path) -> None:
    """Files without a word about databases leave nothing behind."""
    write(project, {f"src/m{number}.ts": "export const a = 1\n" for number in range(50)})
    write(project, {"src/db.ts": "import { Pool } from 'pg'\nexport const p = new Pool()\n"})

    found = collect((".",), Config())

    assert list(subjects(found)) == ["src/db.ts"]
    assert found.looked_at_source
    assert found.files == 51


def test_a_single_source_file(project: Path) -> None:
    """It can be named; what lies around it tells the package."""
    write(project, {"package.json": '{"dependencies": {"pg": "8.13.0"}}', "src/api.ts": "import { Pool } from 'pg'\nexport const GET = async () => { const p = new Pool() }\n"})  # fmt: skip

    report = lint(("src/api.ts",), Fixed())

    assert "PC401" in rules(report)


def test_source_without_any_connection_string_is_something_to_check(project: Path) -> None:
    """Code that was read and found right ends in 0, not in 'nothing to check'."""
    write(project, {"src/db.ts": "import { Pool } from 'pg'\nexport const p = new Pool({ connectionTimeoutMillis: 1 })\n"})  # fmt: skip

    assert lint((".",), Fixed()).code == 0


def test_no_secret_of_the_source_is_shown(project: Path) -> None:
    """A connection string in code is masked in excerpts and messages."""
    text = "import { Pool } from 'pg'\nexport const GET = async () => { const p = new Pool({ connectionString: 'postgres://a:hunter2@h/d' }) }\n"  # fmt: skip

    report = look({"app/api/a/route.ts": text}, project)

    assert "PC401" in rules(report)
    assert "hunter2" not in repr([(f.excerpt, f.message, f.why, f.fix) for f in report.findings])


def test_an_absolute_build_context_ends(project: Path) -> None:
    """The way up from an absolute path stops at the root."""
    compose = "services:\n  app:\n    build: /recommender\n    environment:\n      DATABASE_URL: postgresql://a:b@db/d\n"

    report = look({"docker-compose.yml": compose, "src/a.ts": "export const a = 1\n"}, project)

    assert report.files


def test_python_that_is_read_in_part_says_so(project: Path) -> None:
    """What stands outside the error is found, and where the error is stands among what was skipped."""
    text = "import asyncpg\n@app.get('/')\nasync def f():\n    c = await asyncpg.connect(URL)\n\n\nx = = 1\n"
    report = look({"a.py": text, "requirements.txt": "asyncpg\nfastapi\n"}, project)

    assert [(each.what, each.why) for each in report.skipped] == [
        ("a.py", "not Python at line 7: what stands around it was not looked at")
    ]
    assert "PC421" in rules(report)


def test_vanished_file_is_skipped(project: Path) -> None:
    """A link to nowhere is not a reason to stop."""
    (project / "gone.ts").symlink_to("nowhere.ts")

    report = look({"src/a.ts": "export const a = 1\n"}, project)

    assert report.code == 0


NEON = "import { neon } from '@neondatabase/serverless'\nexport const sql = neon(process.env.DATABASE_URL!)\n"
READS = {
    "neon() over HTTP": ("src/db.ts", NEON, "DATABASE_URL (src/db.ts:2)"),
    "drizzle over HTTP": (
        "src/db.ts",
        "import { drizzle } from 'drizzle-orm/neon-http'\nexport const db = drizzle(process.env.NEON_URL!)\n",
        "NEON_URL (src/db.ts:2)",
    ),
    "Vercel's sql": (
        "src/db.ts",
        "import { sql } from '@vercel/postgres'\nexport const all = () => sql`select 1`\n",
        "POSTGRES_URL (src/db.ts:2)",
    ),
    "pg": (
        "src/db.ts",
        "import { Pool } from 'pg'\nexport const pool = new Pool({ connectionString: process.env.PG_MAIN })\n",
        "PG_MAIN (src/db.ts:2)",
    ),
    "asyncpg": (
        "app/db.py",
        "import asyncpg, os\nasync def main():\n    return await asyncpg.connect(os.environ['DATABASE_URL'])\n",
        "DATABASE_URL (app/db.py:3)",
    ),
    "no variable": (
        "app/db.py",
        "import asyncpg\nasync def main():\n    return await asyncpg.connect()\n",
        "connection string",
    ),
}


@pytest.mark.parametrize(("path", "text", "what"), READS.values(), ids=READS)
def test_source_without_an_env_file_is_looked_at(path: str, text: str, what: str, project: Path) -> None:
    """The source was checked, so this is no "nothing to check"; what it connects to is said not to be known."""
    write(project, {path: text})

    report = lint((".",), Fixed())

    assert report.code is ExitCode.OK
    assert [each.what for each in report.skipped] == [what]


def test_a_string_that_is_there_is_not_called_unknown(project: Path) -> None:
    """With an env file the same source leaves nothing open."""
    report = look({"src/db.ts": NEON}, project)

    assert report.skipped == ()


def test_source_that_is_not_the_databases_is_nothing_to_check(project: Path) -> None:
    """A driver's name in a string makes no client."""
    write(project, {"src/a.ts": "console.log('postgres', process.env.DATABASE_URL)\n"})

    with pytest.raises(NothingToCheck):
        lint((".",), Fixed())


WORKER = (
    "import { Client } from 'pg'\nexport default { async fetch(request: Request, env: Env) {\n"
    "  const client = new Client({ connectionString: env.DATABASE_URL })\n  return new Response('')\n} }\n"
)
PG_8 = '{"dependencies": {"pg": "8.16.3"}}'
WITHOUT_HYPERDRIVE = {
    "TOML": ({"wrangler.toml": 'main = "src/index.ts"\n'}, ["PC414"]),
    "JSON with comments": ({"wrangler.jsonc": '{ "main": "src/index.ts" } // x\n'}, ["PC414"]),
    "bound": ({"wrangler.toml": '[[hyperdrive]]\nbinding = "DB"\nid = "x"\n'}, []),
    "bound for production": ({"wrangler.toml": '[[env.production.hyperdrive]]\nbinding = "DB"\nid = "x"\n'}, []),
    "a config that cannot be read": ({"wrangler.toml": "main = = 1\n"}, []),
    "bound by a deploy script": (
        {"wrangler.toml": "", "alchemy.run.ts": "export const db = await Hyperdrive('db', {})\n"},
        [],
    ),
    "no Workers": ({}, []),
    "Workers elsewhere": ({"edge/wrangler.toml": 'main = "a.ts"\n'}, []),
    "a string that a pooler takes": (
        {"wrangler.toml": "", ".env": f"DATABASE_URL={POOLED}\n"},
        ["PC414"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("files", "found"), WITHOUT_HYPERDRIVE.values(), ids=WITHOUT_HYPERDRIVE)
def test_workers_without_hyperdrive(files: dict[str, str], found: list[str], project: Path) -> None:
    """Only the wrangler config, read and without a binding, tells that nothing pools for the Worker."""
    report = look({"package.json": PG_8, "src/index.ts": WORKER, **files}, project)

    assert [rule for rule in rules(report) if rule == "PC414"] == found


def test_a_pooled_string_makes_it_a_matter_of_handshakes(project: Path) -> None:
    """The pooler bounds the slots, so it is no warning any more."""
    files = {"wrangler.toml": "", ".env": f"DATABASE_URL={POOLED}\n"}

    report = look({"package.json": PG_8, "src/index.ts": WORKER, **files}, project)

    assert [f.severity.name for f in report.findings if f.rule.id == "PC414"] == ["INFO"]


KEPT = "import { Pool } from 'pg'\nexport const pool = new Pool({ connectionString: env.URL, OPTIONS })\n"


@pytest.mark.parametrize(
    ("dependencies", "options", "found"),
    [
        ('"pg": "8.16.3"', "max: 5", ["PC408"]),
        ('"pg": "8.16.3"', "maxUses: process.env.USES ?? 1", []),
        ('"pg": "8.16.3"', "maxUses: 1", []),  # no socket for a second request
        ('"pg": "8.16.3", "express": "5.0.0"', "max: 5", []),  # a server lives in the same package
    ],
)
def test_pools_kept_on_workers(dependencies: str, options: str, found: list[str], project: Path) -> None:
    """A TCP socket may no more outlive its request there than a WebSocket."""
    files = {
        "package.json": f'{{"dependencies": {{{dependencies}}}}}',
        "wrangler.toml": "",
        "src/db.ts": KEPT.replace("OPTIONS", options),
    }

    report = look(files, project)

    assert [rule for rule in rules(report) if rule == "PC408"] == found


LIMITS = {
    "none": ("", ["PC411"]),
    "written out": ("connectionTimeoutMillis: 5000", []),
    "switched off": ("connectionTimeoutMillis: 0", ["PC411"]),
    "by default": ("connectionTimeoutMillis: Number(process.env.WAIT ?? 5000)", []),
    "switched off by default": ("connectionTimeoutMillis: Number(process.env.WAIT ?? 0)", ["PC411"]),
    "of the environment alone": ("connectionTimeoutMillis: Number(process.env.WAIT)", []),
    "idles for ever by default": ("connectionTimeoutMillis: 1, idleTimeoutMillis: +(process.env.IDLE ?? 0)", ["PC411"]),
    "idles as the environment says": ("connectionTimeoutMillis: 1, idleTimeoutMillis: +process.env.IDLE", []),
    "in a constant": ("...limits", []),
    "in something": ("...other", []),
}  # fmt: skip


@pytest.mark.parametrize(("options", "found"), LIMITS.values(), ids=LIMITS)
def test_time_limits_of_a_pool(options: str, found: list[str], project: Path) -> None:
    """A variable's default is the number; without one nothing is known."""
    text = f"import {{ Pool }} from 'pg'\nconst limits = {{ connectionTimeoutMillis: 5000 }}\nexport const pool = new Pool({{ max: 3, {options} }})\n"
    report = look({"package.json": '{"dependencies": {"pg": "8.16.3"}}', "src/db.ts": text}, project)

    assert [rule for rule in rules(report) if rule == "PC411"] == found


STACKED = {
    "the default pool": ("", ["PC424"]),
    "a large pool": (", pool_size=20, max_overflow=0", ["PC424"]),
    "no limit": (", pool_size=0", ["PC424"]),
    "overflow without limit": (", pool_size=1, max_overflow=-1", ["PC424"]),
    "a small pool": (", pool_size=2, max_overflow=0", []),
    "no pool": (", poolclass=NullPool", []),
    "a pool of another kind": (", poolclass=StaticPool", []),
    "a size that is not known": (", pool_size=settings.size", []),
    "a large pool by default": (", pool_size=int(os.getenv('SIZE', '20')), max_overflow=0", ["PC424"]),
    "a small pool by default": (", pool_size=int(os.getenv('SIZE', '2')), max_overflow=0", []),
    "a size of the environment alone": (", pool_size=int(os.environ['SIZE']), max_overflow=0", []),
    "keywords that are not known": (", **options", []),
    "names for each statement": (
        ', pool_size=2, max_overflow=0, connect_args={"prepared_statement_name_func": name}',
        ["PC424"],
    ),
    "names without a pool": (
        ', poolclass=NullPool, connect_args={"prepared_statement_name_func": name, "statement_cache_size": 0}',
        [],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("options", "found"), STACKED.values(), ids=STACKED)
def test_a_pool_in_front_of_a_pooler(options: str, found: list[str], project: Path) -> None:
    """SQLAlchemy's pool matters where it is known, large, or gathers statements."""
    engine = (
        f"import os\nfrom sqlalchemy import create_engine\nengine = create_engine(settings.url{options})\n"
    )
    files = {".env": f"DATABASE_URL={POOLED}\n", "requirements.txt": "sqlalchemy==2.0.30\npsycopg2==2.9.9\n"}

    report = look({**files, "app/db.py": engine}, project)

    assert [rule for rule in rules(report) if rule == "PC424"] == found


LAMBDA = "import psycopg2\n\ndef lambda_handler(event, context):\n    conn = psycopg2.connect(URL)\n    conn.cursor()\n"
ENGINE = "from sqlalchemy import create_engine\n@app.get('/')\ndef f():\n    engine = create_engine(URL)\n"


@pytest.mark.parametrize(
    ("requirements", "text", "found"),
    [
        (
            "boto3==1.0\n",
            LAMBDA,
            ["PC421", "PC422"],
        ),  # the driver comes with the platform; the import says enough
        ("sqlalchemy==2.0.30\npymysql==1.0\n", ENGINE, []),  # nothing speaks PostgreSQL
        ("sqlalchemy==2.0.30\npsycopg2==2.9.9\n", ENGINE, ["PC421"]),
    ],
)
def test_whose_database_python_speaks_to(
    requirements: str, text: str, found: list[str], project: Path
) -> None:
    """A driver's import says so itself; for an engine the manifest has to."""
    report = look({"requirements.txt": requirements, "app/main.py": text}, project)

    assert sorted(rules(report)) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("\nconst prisma = new PrismaClient\nexport default () => prisma.x.findMany()\n", ["PC409"]),
        ("\nexport function db() { return new PrismaClient() }\n", ["PC409"]),
        ("\nexport const type = 1\n", []),
    ],
)
def test_client_components_that_make_a_client(text: str, found: list[str], project: Path) -> None:
    """No module in between is needed to bring it into the browser."""
    head = "'use client'\nimport { PrismaClient } from '@prisma/client'"

    report = look({"app/page.tsx": head + text}, project)

    assert [rule for rule in rules(report) if rule == "PC409"] == found


EDGE = {
    "Prisma's engine": ("new PrismaClient()", ["PC407"]),
    "an adapter": ("new PrismaClient({ adapter })", []),
    "options that are not known": ("new PrismaClient(options)", []),
    "Accelerate": ("new PrismaClient({ accelerateUrl: url })", []),
}


@pytest.mark.parametrize(("made", "found"), EDGE.values(), ids=EDGE)
def test_prisma_on_the_edge(made: str, found: list[str], project: Path) -> None:
    """Its own engine needs what is not there; adapters over HTTP or WebSockets do not."""
    route = (
        f"import {{ PrismaClient }} from '@prisma/client'\nexport const runtime = 'edge'\nconst p = {made}\n"
    )

    report = look({"app/api/x/route.ts": route}, project)

    assert [rule for rule in rules(report) if rule == "PC407"] == found


@pytest.mark.parametrize(("value", "found"), [("0", ["PC423"]), ("None", [])])
def test_prepare_threshold_given_to_an_engine(value: str, found: list[str], project: Path) -> None:
    """SQLAlchemy hands it on to Psycopg, where 0 means at once."""
    files = {
        ".env": f"DATABASE_URL={POOLED}\n",
        "requirements.txt": "sqlalchemy==2.0.30\npsycopg==3.2.0\n",
        "app/db.py": "from sqlalchemy import create_engine\n"
        f"engine = create_engine(settings.url, connect_args={{'prepare_threshold': {value}}})\n",
    }

    report = look(files, project)

    assert [rule for rule in rules(report) if rule == "PC423"] == found


@pytest.mark.parametrize(
    ("made", "imported", "found"),
    [
        ("export const db = new Pool()", "import { db } from './lib/db'", ["PC415"]),
        ("export default new Pool()", "import db from './lib/db'", ["PC415"]),
        ("const pool = new Pool()\nexport const query = (t) => pool.query(t)", "import * as db from './lib/db'", ["PC415"]),
        ("module.exports = new Pool()", "const db = require('./lib/db')", ["PC415"]),
        ("export const db = new Client()", "import { db } from './lib/db'", []),
        ("export const db = new Map()", "import { db } from './lib/db'", []),
        ("export const db = new Pool()", "import { db } from './lib/other'", []),
    ],
)  # fmt: skip
def test_a_pool_of_another_file(made: str, imported: str, found: list[str], project: Path) -> None:
    """What is sent to an imported name counts when that file makes a pool."""
    work = f"{imported}\nexport async function work() {{ await db.query('BEGIN'); await db.query('COMMIT') }}"

    report = look(
        {"src/lib/db.js": f"import {{ Pool, Client }} from 'pg'\n{made}\n", "src/work.js": work}, project
    )

    assert [each for each in rules(report) if each == "PC415"] == found


HELPER = "import { Pool } from 'pg'\nexport function openDb() { return new Pool({ connectionTimeoutMillis: 1, idleTimeoutMillis: 1 }) }\n"
ROUTE = (
    "export async function GET() { const db = openDb(); return Response.json(await db.query('select 1')) }\n"
)
PY_HELPER = "from sqlalchemy import create_engine\n\n\ndef open_engine():\n    return create_engine(URL)\n"
PY_ROUTE = "from fastapi import FastAPI, Depends\napp = FastAPI()\n\n\n@app.get('/')\ndef f():\n    return open_engine()\n"
FOLLOWED = {
    "a relative import": ({"src/db.ts": HELPER, "src/app/api/route.ts": "import { openDb } from '../../db'\n" + ROUTE}, ["PC401"]),
    "with its ending": ({"src/db.ts": HELPER, "src/app/api/route.ts": "import { openDb } from '../../db.js'\n" + ROUTE}, ["PC401"]),
    "another name": ({"src/db.ts": HELPER, "src/app/api/route.ts": "import { openDb as make } from '../../db'\n" + ROUTE.replace("openDb", "make")}, ["PC401"]),
    "a namespace": ({"src/db.ts": HELPER, "src/app/api/route.ts": "import * as lib from '../../db'\n" + ROUTE.replace("openDb", "lib.openDb")}, ["PC401"]),
    "a default export": ({"src/db.ts": HELPER.replace("export function", "export default function"), "src/app/api/route.ts": "import openDb from '../../db'\n" + ROUTE}, ["PC401"]),
    "require": ({"src/db.js": "const { Pool } = require('pg')\nexports.openDb = () => new Pool({ connectionTimeoutMillis: 1, idleTimeoutMillis: 1 })\n", "src/a.js": "const { openDb } = require('./db')\napp.get('/', async (req, res) => { const db = openDb() })\n"}, ["PC401"]),
    "a barrel": ({"src/lib/db.ts": HELPER, "src/lib/index.ts": "export * from './db'\n", "src/app/api/route.ts": "import { openDb } from '../../lib'\n" + ROUTE}, ["PC401"]),
    "a barrel of a barrel": ({"src/lib/x/db.ts": HELPER, "src/lib/x/index.ts": "export { openDb } from './db'\n", "src/lib/index.ts": "export * from './x'\n", "src/app/api/route.ts": "import { openDb } from '../../lib'\n" + ROUTE}, ["PC401"]),
    "an alias of tsconfig.json": ({"tsconfig.json": '{ "compilerOptions": { "paths": { "@server/*": ["./src/server/*"] } } } // x\n', "src/server/db.ts": HELPER, "src/app/api/route.ts": "import { openDb } from '@server/db'\n" + ROUTE}, ["PC401"]),
    "a base URL": ({"jsconfig.json": '{ "compilerOptions": { "baseUrl": "src" } }\n', "src/server/db.js": HELPER, "src/app/api/route.js": "import { openDb } from 'server/db'\n" + ROUTE}, ["PC401"]),
    "a workspace package": ({"packages/db/package.json": '{ "name": "@acme/db", "dependencies": { "pg": "8.13.0" } }', "packages/db/src/index.ts": HELPER, "apps/web/package.json": '{ "name": "web", "dependencies": { "@acme/db": "*", "next": "15.0.0" } }', "apps/web/app/api/route.ts": "import { openDb } from '@acme/db'\n" + ROUTE}, ["PC401"]),
    "a class": ({"src/repo.ts": "import { Pool } from 'pg'\nexport class Repo { private pool = new Pool({ connectionTimeoutMillis: 1, idleTimeoutMillis: 1 }) }\n", "src/app/api/route.ts": "import { Repo } from '../../repo'\nexport async function GET() { const repo = new Repo(); return Response.json(await repo.all()) }\n"}, ["PC401"]),
    "over a file between": ({"src/db.ts": HELPER, "src/repo.ts": "import { openDb } from './db'\nexport async function rows() { const db = openDb(); return (await db.query('select 1')).rows }\n", "src/app/api/route.ts": "import { rows } from '../../repo'\nexport async function GET() { return Response.json(await rows()) }\n"}, ["PC401"]),
    # https://github.com/Merit-Systems/echo/pull/237
    "a class that a helper of a helper makes": ({"src/control.ts": "import { Pool } from 'pg'\nexport class Control {\n  private readonly db: Pool\n  constructor(key: string) {\n    if (!key) throw new Error()\n    this.db = new Pool({ connectionTimeoutMillis: 1, idleTimeoutMillis: 1 })\n  }\n}\n", "src/headers.ts": "import { Control } from './control'\nexport const check = async (headers) => {\n  const control = new Control(headers.key)\n  return [headers, control]\n}\n", "src/auth.ts": "import { check } from './headers'\nexport async function authenticate(path, headers) {\n  const [rest, control] = await check(headers)\n  return { rest, control }\n}\n", "src/server.ts": "import express from 'express'\nimport { authenticate } from './auth'\nconst app = express()\napp.all('*', async (req, res, next) => {\n  const { control } = await authenticate(req.path, req.headers)\n  res.json(await control.all())\n})\n"}, ["PC401"]),
    "kept in the file between": ({"src/db.ts": HELPER, "src/repo.ts": "import { openDb } from './db'\nlet db\nexport async function rows() { db ??= openDb(); return (await db.query('select 1')).rows }\n", "src/app/api/route.ts": "import { rows } from '../../repo'\nexport async function GET() { return Response.json(await rows()) }\n"}, []),
    "made at module level between": ({"src/db.ts": HELPER, "src/repo.ts": "import { openDb } from './db'\nconst db = openDb()\nexport const rows = async () => (await db.query('select 1')).rows\n", "src/app/api/route.ts": "import { rows } from '../../repo'\nexport async function GET() { return Response.json(await rows()) }\n"}, []),
    "another function of the file between": ({"src/db.ts": HELPER, "src/repo.ts": "import { openDb } from './db'\nexport async function seed() { const db = openDb(); await db.end() }\nexport const rows = async () => []\n", "src/app/api/route.ts": "import { rows } from '../../repo'\nexport async function GET() { return Response.json(await rows()) }\n"}, []),
    "a circle": ({"src/db.ts": HELPER, "src/a.ts": "import { openDb } from './db'\nimport { b } from './b'\nexport function a(n) { return n ? b(n - 1) : openDb() }\n", "src/b.ts": "import { a } from './a'\nexport function b(n) { return a(n) }\n"}, []),
    "Python, over a file between": ({"app/db.py": PY_HELPER, "app/repo.py": "from app.db import open_engine\n\n\ndef rows():\n    engine = open_engine()\n    return engine.connect()\n", "app/main.py": "from app.repo import rows\n" + PY_ROUTE.replace("open_engine", "rows")}, ["PC421"]),
    "Python, a class that a helper makes": ({"app/db.py": "from sqlalchemy import create_engine\n\n\nclass Repo:\n    def __init__(self):\n        self.engine = create_engine(URL)\n", "app/service.py": "from app.db import Repo\n\n\ndef service():\n    return Repo()\n", "app/main.py": "from app.service import service\n" + PY_ROUTE.replace("open_engine", "service")}, ["PC421"]),
    "Python, kept in the file between": ({"app/db.py": PY_HELPER, "app/repo.py": "from functools import cache\nfrom app.db import open_engine\n\n\n@cache\ndef rows():\n    return open_engine()\n", "app/main.py": "from app.repo import rows\n" + PY_ROUTE.replace("open_engine", "rows")}, []),
    "kept by the caller": ({"src/db.ts": HELPER, "src/app/api/route.ts": "import { openDb } from '../../db'\nlet db\nexport async function GET() { db ??= openDb(); return Response.json(await db.query('select 1')) }\n"}, []),
    "made at module level": ({"src/db.ts": HELPER, "src/app/api/route.ts": "import { openDb } from '../../db'\nconst db = openDb()\nexport async function GET() { return Response.json(await db.query('select 1')) }\n"}, []),
    "kept by the helper": ({"src/db.ts": "import { Pool } from 'pg'\nlet pool\nexport function openDb() { pool ??= new Pool({ connectionTimeoutMillis: 1, idleTimeoutMillis: 1 }); return pool }\n", "src/app/api/route.ts": "import { openDb } from '../../db'\n" + ROUTE}, []),
    "another file of that name": ({"src/db.ts": HELPER, "src/other.ts": "export function openDb() { return new Map() }\n", "src/app/api/route.ts": "import { openDb } from '../../other'\n" + ROUTE}, []),
    "a Worker": ({"src/db.ts": HELPER, "src/app/api/route.ts": "import { openDb } from '../../db'\nexport default { async fetch(request, env) { const db = openDb(env.HYPERDRIVE) } }\n"}, []),
    "a test": ({"src/db.ts": HELPER, "tests/route.test.ts": "import { openDb } from '../src/db'\n" + ROUTE}, []),
    "Python": ({"app/db.py": PY_HELPER, "app/main.py": "from app.db import open_engine\n" + PY_ROUTE}, ["PC421"]),
    "Python, relative": ({"app/db.py": PY_HELPER, "app/main.py": "from .db import open_engine\n" + PY_ROUTE}, ["PC421"]),
    "Python, a module": ({"app/db.py": PY_HELPER, "app/main.py": "from app import db\n" + PY_ROUTE.replace("open_engine", "db.open_engine")}, ["PC421"]),
    "Python, a package": ({"app/db/session.py": PY_HELPER, "app/db/__init__.py": "from .session import open_engine\n", "app/main.py": "from app.db import open_engine\n" + PY_ROUTE}, ["PC421"]),
    "Python, a dependency": ({"app/db.py": PY_HELPER, "app/main.py": "from app.db import open_engine\nfrom fastapi import FastAPI, Depends\napp = FastAPI()\n\n\n@app.get('/')\ndef f(e=Depends(open_engine)):\n    return e\n"}, ["PC421"]),
    "Python, a class": ({"app/db.py": "from sqlalchemy import create_engine\n\n\nclass Repo:\n    def __init__(self):\n        self.engine = create_engine(URL)\n", "app/main.py": "from app.db import Repo\n" + PY_ROUTE.replace("open_engine", "Repo")}, ["PC421"]),
    "Python, kept": ({"app/db.py": "from functools import cache\nfrom sqlalchemy import create_engine\n\n\n@cache\ndef open_engine():\n    return create_engine(URL)\n", "app/main.py": "from app.db import open_engine\n" + PY_ROUTE}, []),
    "Python, at start": ({"app/db.py": PY_HELPER, "app/main.py": "from app.db import open_engine\nengine = open_engine()\n"}, []),
}  # fmt: skip


@pytest.mark.parametrize(("files", "found"), FOLLOWED.values(), ids=FOLLOWED)
def test_a_helper_of_another_file(files: dict[str, str], found: list[str], project: Path) -> None:
    """A client that a helper makes is made for each request when a handler calls the helper, in whichever file."""
    report = look(files, project)

    assert [each for each in rules(report) if each in ("PC401", "PC421")] == found


def test_the_caller_is_named(project: Path) -> None:
    """The finding stands where the client is made, and says who has it made."""
    report = look(
        {"src/db.ts": HELPER, "app/api/route.ts": "import { openDb } from '../../src/db'\n" + ROUTE}, project
    )

    finding = next(each for each in report.findings if each.rule.id == "PC401")
    assert finding.location is not None
    assert finding.location.path == "src/db.ts"
    assert finding.message.startswith("The route handler GET, in app/api/route.ts, makes pg.Pool")


def test_the_functions_on_the_way_are_named(project: Path) -> None:
    """Over several files: who handles the request, and through what it comes to the client."""
    report = look(FOLLOWED["a class that a helper of a helper makes"][0], project)

    finding = next(each for each in report.findings if each.rule.id == "PC401")
    assert finding.message.startswith(
        "The request handler, in src/server.ts, through authenticate(), check(), makes pg.Pool for each request"
    )


@pytest.mark.parametrize(
    ("code", "found"),
    [
        (
            "    c = await asyncpg.connect(URL)\n    return await c.fetch('x')\n",
            ("pool = await asyncpg.create_pool(...)",),
        ),
        (
            "    c = await asyncpg.connect(URL)\n    await c.add_listener('jobs', push)\n    await wait()\n",
            (),
        ),
        ("    c = await asyncpg.connect(URL)\n    await c.execute('LISTEN jobs')\n    await wait()\n", ()),
    ],
)
def test_what_is_made_once_instead_of_a_connection(code: str, found: tuple[str, ...], project: Path) -> None:
    """A pool, not one connection for all requests; and one connection for LISTEN in each process."""
    head = "import asyncpg\nfrom fastapi import FastAPI\napp = FastAPI()\n\n\n@app.get('/')\nasync def f():\n"

    report = look({"app/main.py": head + code}, project)

    finding = next(each for each in report.findings if each.rule.id == "PC421")
    assert finding.fix is not None
    assert finding.fix.lines == found
    assert ("LISTEN" in finding.fix.title) is not bool(found)


@pytest.mark.parametrize(("framework", "found"), [("next", ["PC407"]), ("express", [])])
def test_middleware_of_next_alone_runs_on_the_edge(framework: str, found: list[str], project: Path) -> None:
    """By default, whatever it imports; a file of that name is anything elsewhere."""
    code = (
        "import { Pool } from 'pg'\n"
        "const pool = new Pool({ connectionString: process.env.DATABASE_URL, connectionTimeoutMillis: 5000 })\n"
        "export async function middleware(request) { await pool.query('select 1') }\n"
    )
    manifest = f'{{"dependencies": {{"{framework}": "15.1.0", "pg": "8.16.0"}}}}'
    report = look({"src/middleware.ts": code, "package.json": manifest}, project)

    assert [rule for rule in rules(report) if rule == "PC407"] == found
