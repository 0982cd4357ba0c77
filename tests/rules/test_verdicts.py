"""The traps of the field and the contested points, each decided once: which rules speak, and which stay silent.

Every row is an env file with what is known of the project. `above` are the rules that must speak above info,
`never` those that must not speak at all.
"""

import re
from pathlib import Path

import pytest

from poolcheck.config.settings import Config
from poolcheck.diagnosis.lint import lint
from poolcheck.model.finding import Finding
from poolcheck.model.severity import Severity

NEON = "postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech/app?sslmode=require"
NEON_POOLED = NEON.replace("a1b2c3d4.", "a1b2c3d4-pooler.")
REF = "abcdefghijklmnopqrst"
SHARED = f"postgresql://postgres.{REF}:s3cret@aws-0-eu-central-1.pooler.supabase.com:6543/postgres"
SESSION = SHARED.replace("6543", "5432")
DIRECT = f"postgresql://postgres:s3cret@db.{REF}.supabase.co:5432/postgres"
DEDICATED = DIRECT.replace("5432", "6543")
PPG = "postgres://u:s3cret@db.prisma.io:5432/postgres?sslmode=require"
PPG_POOLED = PPG.replace("@db.", "@pooled.db.")
AZURE = "postgresql://app:s3cret@shop.postgres.database.azure.com:{port}/app?sslmode=require"
RDS = "postgresql://app:s3cret@shop.c9akciq32.eu-central-1.rds.amazonaws.com:5432/app"
PROXY = "postgresql://app:s3cret@shop.proxy-c9akciq32.eu-central-1.rds.amazonaws.com:5432/app"


class Given:
    """A config that no file has a say in."""

    def __init__(self, **settings: object) -> None:
        self.config = Config(fail_on="never", **settings)  # type: ignore[arg-type]  # the rows are written by hand

    def over(self, start: object) -> Config:
        return self.config


def judge(text: str, facts: str) -> list[Finding]:
    """Lint the text as .env; facts: a runtime, drivers as name@version, key=value settings."""
    settings: dict[str, object] = {"runtime": "serverless"}
    drivers = []
    for fact in facts.split():
        key, _, value = fact.partition("=")
        if "@" in fact or (not value and fact not in ("server", "edge", "local", "serverless")):
            drivers.append(fact)
        elif value:
            settings[key] = int(value) if value.isdigit() else value
        else:
            settings["runtime"] = fact
    if drivers:
        settings["driver"] = tuple(drivers)
    Path(".env").write_text(text, encoding="utf-8")
    return list(lint((".env",), Given(**settings)).findings)


CASES: list[tuple[str, str, str, str, str]] = [
    # name, env file, facts, rules above info, rules that never speak
    ("T1 accelerate retires", "DATABASE_URL=prisma://accelerate.prisma-data.net/?api_key=k", "prisma@6", "PC106", "PC203"),
    ("T1 prisma postgres over accelerate", "DATABASE_URL=prisma+postgres://accelerate.prisma-data.net/?api_key=k", "prisma@7", "PC106", ""),
    ("T1 local prisma dev is not affected", "DATABASE_URL=prisma+postgres://localhost:51213/?api_key=k", "prisma@7", "", "PC106 PC101"),
    ("T2 the name does not make it pooled", f"DATABASE_URL={PPG}", "prisma@7", "PC101", ""),
    ("T2 nor direct", f"DATABASE_URL={NEON_POOLED}", "pg", "", "PC101 PC108"),
    ("T3 suffix with a prefix claims direct", f"PRIMARY_DATABASE_URL_UNPOOLED={NEON_POOLED}", "", "PC108", ""),
    ("T3 railway spelling", f"DATABASE_UNPOOLED_URL={NEON_POOLED}", "", "PC108", ""),
    ("T3 pooled claim on a direct host", f"DATABASE_URL_POOLED={NEON}", "", "PC101 PC108", ""),
    ("T4 supabase's own non-pooling is the session pooler", f"POSTGRES_URL={SHARED}\nPOSTGRES_URL_NON_POOLING={SESSION}", "pg", "", "PC108 PC103 PC102"),
    ("T5 azure pooled by port", f"DATABASE_URL={AZURE.format(port=6432)}", "pg", "", "PC101"),
    ("T5 azure direct by port", f"DATABASE_URL={AZURE.format(port=5432)}", "pg", "PC101", ""),
    ("T5 a port names no provider", "DATABASE_URL=postgresql://app:s3cret@pg.acme.dev:6543/app", "pg", "", "PC101 PC102 PC208"),
    ("T6 planetscale replica by user", "DATABASE_URL=postgresql://postgres.br%7Creplica:s3cret@aws-eu-central-1-1.pg.psdb.cloud:5432/app?sslmode=verify-full", "pg", "PC101", "PC107 PC109"),
    ("T7 fly's pooler is session by default: not known from the URL", "DATABASE_URL=postgresql://app:s3cret@pgbouncer.abc123.flympg.net/fly-db", "pg", "", "PC101 PC102"),
    ("T8 azure tracks nothing by default", f"DATABASE_URL={AZURE.format(port=6432)}", "prisma@6", "PC203", "PC201 PC208"),
    ("T9 supa= is no typing mistake of anything", f"DATABASE_URL={SHARED}?supa=base-pooler.x", "pg", "", "PC109 PC205"),
    ("T10 neon's http driver takes the direct host too", f"DATABASE_URL={NEON}", "neon", "", "PC101"),
    ("T13 redis on digitalocean's port is nobody's finding", "REDIS_URL=rediss://u:s3cret@x-do-user-1-0.b.db.ondigitalocean.com:25061\nDATABASE_URL=postgresql://app:s3cret@localhost/app", "pg", "", "PC101 PC109"),
    ("look-alike host", "DATABASE_URL=postgresql://app:s3cret@ep-x.us-east-2.aws.neon.tech.evil.io/app?sslmode=require", "pg", "", "PC101"),
    ("5 neon pooled and Prisma 6 without the flag is fine", f"DATABASE_URL={NEON_POOLED}&connection_limit=1\nDIRECT_URL={NEON}", "prisma@6", "", "PC201"),
    ("5 supabase 6543 and Prisma 5 without it is not", f"DATABASE_URL={SHARED}?connection_limit=1\nDIRECT_URL={SESSION}", "prisma@5.22.0", "PC201", ""),
    ("5 Prisma 7 needs neither flag nor limit", f"DATABASE_URL={SHARED}\nDIRECT_URL={SESSION}", "prisma@7.10.1", "", "PC201 PC203"),
    ("5 the flag on Prisma 7 is info at most", f"DATABASE_URL={SHARED}?pgbouncer=true\nDIRECT_URL={SESSION}", "prisma@7.10.1", "", "PC201 PC207"),
    ("5 postgres.js on 6543 wants prepare=false", f"DATABASE_URL={SHARED}", "postgres-js@3.4.9", "PC208", ""),
    ("5 needless on neon", f"DATABASE_URL={NEON_POOLED}", "postgres-js@3.4.9", "", "PC208"),
    ("5 psycopg2 needs nothing", f"DATABASE_URL={SHARED}", "psycopg2", "", "PC208"),
    ("5 asyncpg does", f"DATABASE_URL=postgresql+asyncpg{SHARED.removeprefix('postgresql')}", "", "PC208", ""),
    ("5 django sets it itself", f"DATABASE_URL={SHARED}", "django@5.2.19", "", "PC208"),
    ("5 session pooler is a home for migrations", f"DATABASE_URL={SHARED}?pgbouncer=true&connection_limit=1\nDIRECT_URL={SESSION}", "prisma@6", "", "PC103 PC104"),
    ("5 migrations through neon's pooler: advised against", f"DATABASE_URL={NEON_POOLED}&connection_limit=1\nDIRECT_URL={NEON_POOLED}", "prisma@6", "PC103", ""),
    ("5 missing limit on a server is not a finding", f"DATABASE_URL={NEON_POOLED}\nDIRECT_URL={NEON}", "prisma@6 server", "", "PC203"),
    ("6543 on the direct host is the dedicated pooler", f"DATABASE_URL={DEDICATED}", "pg", "", "PC101 PC102"),
    ("shared pooler with a bare user", f"DATABASE_URL={SHARED.replace('postgres.' + REF, 'postgres')}", "pg", "PC107", ""),
    ("role.ref is a fine user", f"DATABASE_URL={SHARED.replace('postgres.' + REF, 'app.' + REF)}", "pg", "", "PC107"),
    ("flag planted on the direct supabase host", f"DATABASE_URL={DIRECT}?pgbouncer=true&connection_limit=1", "prisma@6", "PC101 PC202", ""),
    ("DIRECT_URL on port 6543", f"DATABASE_URL={SHARED}?pgbouncer=true&connection_limit=1\nDIRECT_URL={SHARED}", "prisma@6", "PC103", ""),
    ("a direct RDS from lambda", f"DATABASE_URL={RDS}", "pg", "PC101", ""),
    ("its proxy", f"DATABASE_URL={PROXY}", "pg", "", "PC101 PC102"),
    ("a direct endpoint on a server is silent", f"DATABASE_URL={NEON}", "pg server", "", "PC101"),
    ("not when the sums do not fit", f"DATABASE_URL={NEON}&connection_limit=20", "prisma@6 server instances=10 max_connections=104", "PC204", ""),
    ("sums need every number", "DATABASE_URL=postgresql://app:s3cret@pg.acme.dev/app?connection_limit=500", "prisma@6 server instances=10", "", "PC204"),
    ("session pooler from serverless", f"DATABASE_URL={SESSION}", "pg", "PC102", ""),
    ("test databases are nobody's outage", f"DATABASE_URL={NEON_POOLED}\nTEST_DATABASE_URL={NEON}", "pg", "", "PC101"),
    ("connection_limit=0", f"DATABASE_URL={NEON_POOLED}&connection_limit=0\nDIRECT_URL={NEON}", "prisma@6", "PC207", ""),
    ("pgbouncer=1", f"DATABASE_URL={SHARED}?pgbouncer=1&connection_limit=1\nDIRECT_URL={SESSION}", "prisma@6", "PC207", "PC201"),
    ("verify-full is read as prefer by the engine", f"DATABASE_URL={NEON_POOLED.replace('=require', '=verify-full')}&connection_limit=1\nDIRECT_URL={NEON}", "prisma@6", "PC207", ""),
    ("and is right for libpq", f"DATABASE_URL={NEON_POOLED.replace('=require', '=verify-full')}", "psycopg", "", "PC207"),
    ("channel_binding is neon's own and harms nobody there", f"DATABASE_URL={NEON_POOLED}&channel_binding=require", "postgres-js", "", "PC206"),
    ("misspelt limit", f"DATABASE_URL={NEON_POOLED}&connection_limt=1&connection_limit=1\nDIRECT_URL={NEON}", "prisma@6", "PC205", ""),
    ("symfony's words are no typing mistakes", "DATABASE_URL=postgresql://app:s3cret@localhost/app?serverVersion=16&charset=utf8", "", "", "PC205"),
    ("psycopg stops at pgbouncer", f"DATABASE_URL={NEON_POOLED}&pgbouncer=true", "psycopg", "PC206", ""),
    ("sqlalchemy with asyncpg stops at sslmode", f"DATABASE_URL=postgresql+asyncpg{NEON_POOLED.removeprefix('postgresql')}", "", "PC206", ""),
    ("sqlalchemy has no postgres scheme", "DATABASE_URL=postgres://app:s3cret@localhost/app", "sqlalchemy@2.1.9", "PC109", ""),
    ("a pooled URL with a startup option", f"DATABASE_URL={NEON_POOLED}&options=-c%20search_path%3Dx", "psycopg", "PC210", ""),
    ("the endpoint option is routing", f"DATABASE_URL={NEON_POOLED}&options=endpoint%3Dep-cool-darkness-a1b2c3d4", "psycopg", "", "PC210"),
    ("supabase's reference option names the tenant", f"DATABASE_URL={SHARED.replace('postgres.' + REF, 'postgres')}?options=reference%3D{REF}", "psycopg2", "", "PC107 PC210"),
    ("public name", f"NEXT_PUBLIC_DATABASE_URL={NEON_POOLED}", "pg", "PC111", ""),
    ("sqlite beside it is not ours", "DATABASE_URL=file:./dev.db\nPG_URL=postgresql://app:s3cret@localhost/app", "prisma@6", "", "PC109 PC101"),
    ("a log setting begins like a scheme", "LOGGING=prisma:error,info\nPG_URL=postgresql://app:s3cret@localhost/app", "", "", "PC109"),
    ("socket in the query", "DATABASE_URL=postgresql://app:s3cret@/app?host=/cloudsql/p:r:i", "psycopg", "", "PC109 PC101"),
    ("composed from parts in the file", "U=app\nP=s3cret\nDATABASE_URL=postgresql://${U}:${P}@localhost:5432/app", "pg", "", "PC109 PC110"),
    ("composed from the environment", "DATABASE_URL=postgresql://${U}:${P}@${H}:5432/app", "pg", "", "PC109 PC110"),
    ("no TLS to a public host", "DATABASE_URL=postgresql://app:s3cret@pg.acme.dev/app?sslmode=disable", "pg", "PC114", ""),
    ("no TLS inside the cluster", "DATABASE_URL=postgresql://app:s3cret@postgres:5432/app?sslmode=disable", "pg", "", "PC114"),
    ("same variable twice, same value", "DATABASE_URL=postgresql://a:s3cret@localhost/a\nDATABASE_URL=postgresql://a:s3cret@localhost/a", "pg", "", "PC112"),
    ("parameters without a question mark", f"DATABASE_URL={NEON_POOLED.replace('?sslmode', '&sslmode')}&connection_limit=1", "prisma@6", "PC104 PC109", "PC203 PC205 PC211"),
    ("parameters escaped for HTML", f"DATABASE_URL={NEON_POOLED}&amp;connection_limit=1", "prisma@6", "PC104 PC109", "PC203 PC205 PC206"),
    ("a misspelt limit is corrected, not joined by another", f"DATABASE_URL={NEON_POOLED}&conection_limit=1", "prisma@6", "PC104 PC205", "PC203"),
    ("two limits", f"DATABASE_URL={NEON_POOLED}&connection_limit=1&connection_limit=5", "prisma@6", "PC104 PC211", "PC203"),
    ("one limit, twice", f"DATABASE_URL={NEON_POOLED}&connection_limit=1&connection_limit=1", "prisma@6", "PC104", "PC203"),
    ("several options are a list", f"DATABASE_URL={NEON}&options=-c%20a%3D1&options=-c%20b%3D2", "libpq@16", "PC101", "PC211"),
    ("prisma without a version says nothing about parameters", f"DATABASE_URL={SHARED}", "prisma", "", "PC201 PC203"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "facts", "above", "never"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_verdict(
    text: str, facts: str, above: str, never: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exactly these rules speak above info, and these never."""
    monkeypatch.chdir(tmp_path)

    found = judge(text + "\n", facts)

    loud = {each.rule.id for each in found if each.severity > Severity.INFO}
    every = {each.rule.id for each in found}
    assert loud == set(above.split()), [each.message for each in found]
    assert not every & set(never.split()), [each.message for each in found]


def test_names_of_cases_are_unique() -> None:
    """So that a failing one is found."""
    assert len({case[0] for case in CASES}) == len(CASES)
    assert all(re.fullmatch(r"(PC\d{3} ?)*", case[3]) for case in CASES)
