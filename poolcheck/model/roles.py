"""What a variable is for: from what reads it, then from the words of its name. A name alone is only a hint."""

import re
from collections.abc import Iterable

from poolcheck.model.project import Package, Role

DIRECT = frozenset("direct unpooled migrate migration migrations session nonpooling".split())
MIGRATORS = frozenset("goose flyway dbmate liquibase".split())  # tools, in the names of their variables
PARTS_HOST = {  # the variable that names the host, and its family
    "PGHOST": ("PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE", "PGSSLMODE"),
    "POSTGRES_HOST": ("POSTGRES_PORT", "POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB", ""),
    "POSTGRESQL_HOST": ("POSTGRESQL_PORT", "POSTGRESQL_USER", "POSTGRESQL_PASSWORD", "POSTGRESQL_DB", ""),
    "DB_HOST": ("DB_PORT", "DB_USER", "DB_PASSWORD", "DB_NAME", "DB_SSLMODE"),
    "DATABASE_HOST": ("DATABASE_PORT", "DATABASE_USER", "DATABASE_PASSWORD", "DATABASE_NAME", ""),
}
SPELLINGS = {  # other spellings of one part
    "POSTGRES_DB": ("POSTGRES_DATABASE", "POSTGRES_DBNAME"),
    "POSTGRES_USER": ("POSTGRES_USERNAME",),
    "DB_USER": ("DB_USERNAME",),
    "DB_NAME": ("DB_DATABASE",),
    "DB_PASSWORD": ("DB_PASS",),
    "DATABASE_USER": ("DATABASE_USERNAME",),
}
# DB_* and DATABASE_* belong to any database: one of these must speak for PostgreSQL.
POSTGRES_WORDS = re.compile(r"postgres|pgsql|psql", re.IGNORECASE)
# Packages, with their registry, that speak to PostgreSQL alone, and that speak to another kind of database.
DRIVER = re.compile(
    r"(?i)(?:^npm:(?:pg|pg-native|postgres)$|^pypi:(?:psycopg|asyncpg|pg8000|aiopg)|^gem:pg$|^hex:postgrex$|^nuget:npgsql|^maven:org\.postgresql:"
    r"|^go:.*(?:/pgx|/lib/pq|driver/postgres)|^crate:(?:tokio-postgres|postgres|deadpool-postgres|sqlx-postgres)$|^composer:ext-(?:pdo_)?pgsql$)"
)
OTHER_DRIVER = re.compile(
    r"(?i)mysql|maria|sqlite|oracle|cx_oracle|mssql|sqlserver|sqlclient|tedious|:h2$|pyodbc"
)
KIND_VARIABLES = ("DB_CONNECTION", "DB_ENGINE", "DB_TYPE", "DB_DRIVER", "DB_DIALECT", "DATABASE_TYPE", "DATABASE_CLIENT", "DATABASE_ENGINE")  # fmt: skip
_OTHER_DRIVERS = re.compile(r"(?i)mysql|maria|sqlite|oracle|sqlclient|mssql|sqlserver|tedious|\bh2\b")
POSTGRES_PORTS = frozenset({"5432", "6543", "6432"})


def role_of(name: str, package: Package) -> tuple[Role, str]:
    """The role of a variable, and what says so. App wins where one variable is read for both."""
    said = [read for read in package.reads if read.variable == name]
    for role in ("app", "migration", "shadow"):
        for read in said:
            if read.role == role:
                return read.role, str(read.location)
    words = re.split(r"[^a-z0-9]+", name.lower().replace("non_pooling", "nonpooling"))
    if "shadow" in words:
        return "shadow", "its name"
    if "test" in words or "testing" in words:
        return "other", "its name"
    if DIRECT.intersection(words) or MIGRATORS.intersection(words):
        return "migration", "its name"
    return "app", "its name"


def name_claims(name: str) -> str:
    """`direct`, `pooled` or nothing: what the name claims. The two spellings that look like pooled are direct.

    https://docs.railway.com/databases/postgresql-pgbouncer and https://neon.com/docs/guides/vercel-managed-integration
    """
    upper = name.upper()
    if (
        "UNPOOLED" in upper
        or "NON_POOLING" in upper
        or "NONPOOLING" in upper
        or re.search(r"(?:^|_)DIRECT(?:_|$)", upper)
    ):
        return "direct"
    if re.search(r"(?:^|_)(?:POOLED|POOLER|POOL|POOLING|PGBOUNCER)(?:_|$)", upper) and "SESSION" not in upper:
        return "pooled"
    return ""


def packages_speak(dependencies: Iterable[str]) -> bool | None:
    """Whether programs with these dependencies speak to PostgreSQL, whatever else they speak to; None: nothing says so."""
    names = tuple(dependencies)
    if any(re.search(r"(?i)postgre[sx]|pgx|lib/pq|npgsql|pgdriver|deadpool-pg", name) for name in names):
        return True
    return False if other_databases(names) else None


def other_driver(dependencies: Iterable[str]) -> bool:
    """Whether one of these packages is known to be another database's."""
    return any(OTHER_DRIVER.search(name) for name in dependencies)


def only_postgres(dependencies: Iterable[str]) -> bool:
    """Whether one of these packages speaks to PostgreSQL alone, and none is known to be another database's."""
    names = tuple(dependencies)
    return any(DRIVER.search(name) for name in names) and not other_driver(names)


def other_databases(dependencies: Iterable[str]) -> bool:
    """Whether a program with these dependencies may speak to another database."""
    return any(_OTHER_DRIVERS.search(name) for name in dependencies)
