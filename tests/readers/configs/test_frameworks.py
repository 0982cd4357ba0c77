"""Django, Rails, Alembic, TypeORM, Spring, Quarkus and Laravel configs as projects have them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolcheck.readers.configs import frameworks, rows
from poolcheck.readers.configs.frameworks import FrameworkConfig


def reads(found: FrameworkConfig) -> dict[str, tuple[str, tuple[str, ...], str | None]]:
    """Key → role, variables, literal."""
    return {
        one.key: (one.role, one.variables, one.literal.reveal() if one.literal else None)
        for one in found.reads
    }


def kept(found: FrameworkConfig) -> list[tuple[str, str, int]]:
    """The settings as tuples."""
    return [(one.key, one.value, one.line) for one in found.settings]


def literals_are_where_they_say(text: str, found: FrameworkConfig) -> None:
    """The place of a literal holds its text."""
    for one in found.reads:
        if one.literal and one.literal_line is not None:
            assert text.split("\n")[one.literal_line - 1][one.start : one.end] == one.literal.reveal()


DJANGO = """import os
from pathlib import Path

DB_HOST = os.environ.get("DB_HOST", "localhost")
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ["DB_NAME"],
        "USER": os.getenv("DB_USER") or os.getenv("PGUSER"),
        "PASSWORD": "hunter2",
        "HOST": DB_HOST,
        "PORT": config("DB_PORT", default=6543, cast=int),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"pool": {"min_size": 2, "max_size": 4}, "prepare_threshold": None},
    },
    "legacy": {"ENGINE": "django.db.backends.mysql", "NAME": "x"},
}
DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = True
"""


def test_django_parts() -> None:
    """Parts, fallbacks, constants, and the settings that decide about the pool."""
    found = frameworks.read(DJANGO, "app/settings.py")
    assert found.tool == "django"
    assert reads(found) == {
        "default.database": ("app", ("DB_NAME",), None),
        "default.user": ("app", ("DB_USER", "PGUSER"), None),
        "default.password": ("app", (), "hunter2"),
        "default.host": ("app", ("DB_HOST",), "localhost"),
        "default.port": ("app", ("DB_PORT",), None),
    }
    assert kept(found) == [
        ("default.CONN_MAX_AGE", "600", 13),
        ("default.CONN_HEALTH_CHECKS", "True", 14),
        ("default.OPTIONS.pool.min_size", "2", 15),
        ("default.OPTIONS.pool.max_size", "4", 15),
        ("default.OPTIONS.prepare_threshold", "None", 15),
        ("default.DISABLE_SERVER_SIDE_CURSORS", "True", 19),
    ]
    literals_are_where_they_say(DJANGO, found)
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    ("value", "variables", "literal"),
    [
        ("dj_database_url.config(conn_max_age=600)", ("DATABASE_URL",), None),
        ('dj_database_url.config("MAIN_URL")', ("MAIN_URL",), None),
        ('dj_database_url.config(env="MAIN_URL", default="sqlite:///db.sqlite3")', ("MAIN_URL",), None),
        ('dj_database_url.config(default="postgres://u:p@h/db")', ("DATABASE_URL",), "postgres://u:p@h/db"),
        ('dj_database_url.parse(os.environ["MAIN_URL"], conn_max_age=600)', ("MAIN_URL",), None),
        ('dj_database_url.parse("postgres://u:p@h/db")', (), "postgres://u:p@h/db"),
        ("env.db()", ("DATABASE_URL",), None),
        ('env.db("MAIN_URL")', ("MAIN_URL",), None),
    ],
)
def test_django_url(value: str, variables: tuple[str, ...], literal: str | None) -> None:
    """dj-database-url and django-environ."""
    text = f"if True:\n    DATABASES = {{'default': {value}}}\n"
    found = frameworks.read(text, "config/settings/production.py")
    assert reads(found) == {"default.url": ("app", variables, literal)}
    assert kept(found) == ([("default.CONN_MAX_AGE", "600", 2)] if "600" in value else [])
    literals_are_where_they_say(text, found)


def test_django_alias_in_a_constant() -> None:
    """The alias need not be a literal."""
    text = 'REPLICA = "replica"\nDATABASES = {REPLICA: dj_database_url.config("R_URL"), settings.X: env.db("X_URL")}\n'
    found = frameworks.read(text, "settings.py")
    assert reads(found) == {
        "replica.url": ("app", ("R_URL",), None),
        "settings.X.url": ("app", ("X_URL",), None),
    }


@pytest.mark.parametrize(
    "text",
    [
        "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'x'}}",
        "# DATABASES = {'default': dj_database_url.config()}",
        "def f():\n    DATABASES = {'default': dj_database_url.config()}",
        "DATABASES = load()",
    ],
)
def test_django_nothing(text: str) -> None:
    """Other databases, comments, what code computes."""
    assert frameworks.read(text, "settings.py").reads == ()


RAILS = """# config
default: &default
  adapter: postgresql
  encoding: unicode
  pool: <%= ENV.fetch("RAILS_MAX_THREADS") { 5 } %>
  prepared_statements: false # pooler

development:
  <<: *default
  database: app_development

production:
  primary:
    <<: *default
    url: <%= ENV["DATABASE_URL"] %>
    checkout_timeout: 2
  queue:
    <<: *default
    host: db.example.org
    password: <%= ENV.fetch("DB_PASSWORD", "x") %>
"""


def test_rails() -> None:
    """ERB, anchors, several databases."""
    found = frameworks.read(RAILS, "config/database.yml")
    assert reads(found) == {
        "development.database": ("app", (), "app_development"),
        "production.primary.url": ("app", ("DATABASE_URL",), None),
        "production.queue.host": ("app", (), "db.example.org"),
        "production.queue.password": ("app", ("DB_PASSWORD",), None),
    }
    assert kept(found) == [
        ("default.pool", "5", 5),
        ("default.prepared_statements", "false", 6),
        ("production.primary.checkout_timeout", "2", 16),
    ]
    literals_are_where_they_say(RAILS, found)
    mysql = "production:\n  adapter: mysql2\n  url: <%= ENV['DATABASE_URL'] %>\n"
    assert frameworks.read(mysql, "config/database.yml").reads == ()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("sqlalchemy.url = driver://user:pass@localhost/dbname", {}),
        ("sqlalchemy.url =", {}),
        ("# sqlalchemy.url = postgresql://u@h/db", {}),
        (
            "sqlalchemy.url = postgresql+psycopg://u:p@h/db",
            {"sqlalchemy.url": ("migration", (), "postgresql+psycopg://u:p@h/db")},
        ),
        ("sqlalchemy.url = %(DB_URL)s", {"sqlalchemy.url": ("migration", ("DB_URL",), None)}),
    ],
)
def test_alembic(line: str, expected: dict[str, object]) -> None:
    """The line that `alembic init` writes, and what people make of it."""
    text = f"[alembic]\nscript_location = alembic\n{line}\n"
    found = frameworks.read(text, "alembic.ini")
    assert reads(found) == expected
    literals_are_where_they_say(text, found)


def test_typeorm() -> None:
    """`new DataSource`, its pool, and other databases."""
    text = (
        "export const AppDataSource = new DataSource({\n  type: 'postgres',\n  url: process.env.DATABASE_URL,\n"
        "  poolSize: 5,\n  extra: { max: 10, idleTimeoutMillis: 0 },\n});\n"
    )
    found = frameworks.read(text, "src/data-source.ts")
    assert reads(found) == {"url": ("app", ("DATABASE_URL",), None)}
    assert kept(found) == [("poolSize", "5", 4), ("extra.max", "10", 5), ("extra.idleTimeoutMillis", "0", 5)]
    assert frameworks.read(text.replace("'postgres'", "'mysql'"), "src/data-source.ts").reads == ()


def test_spring() -> None:
    """YAML and properties say the same; placeholders with what stands in."""
    yaml = (
        "spring:\n  datasource:\n    url: ${JDBC_URL:jdbc:postgresql://localhost/app}\n    username: app\n"
        "    hikari:\n      maximum-pool-size: ${POOL:20}\n  flyway:\n    url: ${DIRECT_JDBC_URL}\n"
    )
    found = frameworks.read(yaml, "src/main/resources/application-prod.yml")
    expected = {
        "spring.datasource.url": ("app", ("JDBC_URL",), "jdbc:postgresql://localhost/app"),
        "spring.datasource.username": ("app", (), "app"),
        "spring.flyway.url": ("migration", ("DIRECT_JDBC_URL",), None),
    }
    assert reads(found) == expected
    assert kept(found) == [("spring.datasource.hikari.maximum-pool-size", "20", 6)]
    literals_are_where_they_say(yaml, found)
    properties = (
        "# prod\nspring.datasource.url=${JDBC_URL:jdbc:postgresql://localhost/app}\nspring.datasource.username = app\n"
        "spring.datasource.hikari.maximum-pool-size=20\nspring.flyway.url=${DIRECT_JDBC_URL}\n"
    )
    found = frameworks.read(properties, "application.properties")
    assert reads(found) == expected
    assert kept(found) == [("spring.datasource.hikari.maximum-pool-size", "20", 4)]
    literals_are_where_they_say(properties, found)
    mysql = "spring.datasource.url=jdbc:mysql://h/db\nspring.datasource.username=x\n"
    assert frameworks.read(mysql, "application.properties").reads == ()


def test_quarkus() -> None:
    """Quarkus writes to the same file."""
    text = "quarkus.datasource.jdbc.url=jdbc:postgresql://h/db\nquarkus.datasource.jdbc.max-size=16\n"
    found = frameworks.read(text, "application.properties")
    assert reads(found) == {"quarkus.datasource.jdbc.url": ("app", (), "jdbc:postgresql://h/db")}
    assert kept(found) == [("quarkus.datasource.jdbc.max-size", "16", 2)]


LARAVEL = """<?php
return [
    'connections' => [
        'mysql' => [
            'url' => env('MYSQL_URL'),
        ],
        'pgsql' => [
            'driver' => 'pgsql',
            'url' => env('DB_URL'),
            'host' => env('DB_HOST', '127.0.0.1'),
            // 'port' => env('OLD_PORT'),
            'sslmode' => 'prefer',
            'options' => [
                PDO::ATTR_EMULATE_PREPARES => true,
            ],
        ],
        'sqlsrv' => [
            'url' => env('MS_URL'),
        ],
    ],
];
"""


def test_laravel() -> None:
    """Only the pgsql connection of the many in the file."""
    found = frameworks.read(LARAVEL, "config/database.php")
    assert reads(found) == {
        "url": ("app", ("DB_URL",), None),
        "host": ("app", ("DB_HOST",), "127.0.0.1"),
    }
    assert kept(found) == [("sslmode", "prefer", 12), ("options.ATTR_EMULATE_PREPARES", "true", 14)]
    literals_are_where_they_say(LARAVEL, found)


def test_names() -> None:
    """Which files are looked at."""
    assert frameworks.tool("api/settings/base.py") == "django"
    assert frameworks.tool("src/dataSource.ts") == "typeorm"
    assert frameworks.tool("database.php") is None
    assert not frameworks.matches("application.yaml.bak")
    with pytest.raises(ValueError, match="not a framework config"):
        frameworks.read("", "main.py")


PATHS = [
    "settings.py",
    "database.yml",
    "alembic.ini",
    "data-source.ts",
    "application.yml",
    "config/database.php",
    "application.properties",
    "appsettings.json",
    "config/runtime.exs",
]
PIECES = st.sampled_from(
    [
        *"{}()[]=,:'\"\n %$\\é\0\ud800",
        *("DATABASES", "default", "url", "env(", "<%= ENV['A'] %>", "${A:b}", "%(A)s", "'pgsql' => ["),
        *(
            "config :shop, Shop.Repo,",
            "url: x",
            "#{",
            '"""',
            "|| ",
            "erb0erb",
            "&a ",
            "*a",
            "<<: ",
            "#---",
            "ENV.fetch('A') { ",
        ),
        *("new DataSource(", "os.environ[", "\r\n", "spring.datasource.url", "sqlalchemy.url", "# ", "- "),
    ]
)


@given(st.sampled_from(PATHS), st.one_of(st.text(), st.lists(PIECES, max_size=50).map("".join)))
@settings(max_examples=500, deadline=None)
def test_no_text_raises(path: str, text: str) -> None:
    """Any text is read, and literals are where they say."""
    frameworks.read(text, path)
    if rows.family(path) is not None:
        assert all(row.line >= 1 for row in rows.read(text, path).rows)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "piece",
    [
        "DATABASES = url{",
        "a:\n  ",
        "url: \n",
        "host = (",
        "'pgsql' => [\n",
        "${a:",
        "config :a, B.Repo, a: b,\n",
        "a = b ||\n",
        "<%= ENV.fetch('a') { ",
        '{"a": [',
    ],
)
def test_linear(path: str, piece: str) -> None:
    """100 kB of anything are read: a pass that is not linear would not end."""
    text = "url" + piece * (100_000 // len(piece))
    frameworks.read(text, path)
    if rows.family(path) is not None:
        rows.read(text, path)
