"""One thing, one file: a copy of the package gets one file more, and the command line knows the new thing."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import poolcheck
from tests.rules.projects import compose, write


class Copy:
    """A copy of the package in a temporary folder, and a project beside it."""

    def __init__(self, folder: Path) -> None:
        self.root, self.project = folder / "copy", folder / "project"
        self.project.mkdir()
        shutil.copytree(
            Path(poolcheck.__file__).parent,
            self.root / "poolcheck",
            ignore=shutil.ignore_patterns("__pycache__"),
        )

    def add(self, path: str, text: str) -> None:
        """The one new file, by its path in the package."""
        place = self.root / "poolcheck" / path
        assert not place.exists()
        place.write_text(text, encoding="utf-8")

    def run(self, *arguments: str, files: Mapping[str, str] | None = None) -> str:
        """What the command line prints in the project, with these files in it."""
        write(self.project, files or {})
        done = subprocess.run(
            [sys.executable, "-m", "poolcheck", *arguments], cwd=self.project, capture_output=True, text=True,
            check=False, env={**os.environ, "PYTHONPATH": str(self.root), "NO_COLOR": "1"},
        )  # fmt: skip
        assert done.returncode in (0, 1, 3), done.stderr
        return done.stdout

    def report(self, *arguments: str, files: Mapping[str, str]) -> Any:
        """The JSON report of a lint."""
        return json.loads(self.run("lint", *arguments, "--format", "json", files=files))


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """The package, ready to get a file."""
    return Copy(tmp_path)


def rules(report: Any) -> set[str]:
    """The rules that found something."""
    return {finding["rule"] for finding in report["findings"]}


# A driver that nobody has: its pool is sized in JavaScript as well as in Python.
DRIVER = """
title = "Acme"
language = "JavaScript, TypeScript, Python"
homepage = "https://acme.example"
kind = "driver"
packages = ["npm:acme-pg", "pypi:acme-pg"]

[[makers]]
kind = "acme-js"
title = "Acme's pool"
language = "javascript"
calls = [["acme-pg", "openPool"]]
makes = "pool"
size_options = ["most"]

[[makers]]
kind = "acme-py"
title = "Acme's pool"
language = "python"
calls = [["acme_pg.pools", "Pool"]]
makes = "pool"
size_options = ["most"]
overflow_option = "extra"
overflow = 2

[[tcp_modules]]
module = "acme-pg"
title = "Acme"

[[versions]]
when = "*"
label = "Acme"
source = "https://acme.example/pool"
checked = 2026-11-21
"""
COMPOSE = compose(4)
PACKAGE = '{"name": "web", "dependencies": {"acme-pg": "1.2.0"}}'
SCRIPT = "import { openPool } from 'acme-pg'\nexport const pool = openPool(process.env.DATABASE_URL, { most: 30 })\n"
PYTHON = "from acme_pg.pools import Pool\n\npool = Pool(most=30)\n"


@pytest.mark.parametrize(
    ("files", "size"),
    [
        ({"package.json": PACKAGE, "db.ts": SCRIPT}, "4 x 30 = 120"),
        ({"requirements.txt": "acme-pg==1.2.0\n", "db.py": PYTHON}, "4 x (30 + 2) = 128"),
    ],
    ids=["JavaScript", "Python"],
)
def test_driver_read_from_source(copy: Copy, files: dict[str, str], size: str) -> None:
    """Its call is found, the option is its size, and the project's sum counts it."""
    files = {**files, "docker-compose.yml": COMPOSE}
    assert "PC601" not in rules(copy.report(".", files=files))

    copy.add("catalogue/drivers/acme.toml", DRIVER)
    report = copy.report(".", files=files)

    (found,) = [finding for finding in report["findings"] if finding["rule"] == "PC601"]
    assert size in found["message"]


def test_driver_whose_connections_are_not_given_back(copy: Copy) -> None:
    """A package with it speaks PostgreSQL, so that a pool.connect() in it matters."""
    taken = "const client = await pool.connect(); await client.query('select 1'); client.release()"
    files = {
        ".env": "DATABASE_URL=postgresql://app:s3cret@localhost/app\n",
        "package.json": PACKAGE,
        "work.ts": f"import {{ pool }} from './db'\nexport async function work() {{ {taken} }}\n",
    }
    assert "PC404" not in rules(copy.report(".", files=files))

    copy.add("catalogue/drivers/acme.toml", DRIVER)
    assert "PC404" in rules(copy.report(".", files=files))


def test_driver_where_it_cannot_run(copy: Copy) -> None:
    """Its module is refused on the edge, its pool for each request, and both by its own name."""
    copy.add("catalogue/drivers/acme.toml", DRIVER)
    handler = SCRIPT.replace("export const pool =", "export async function GET() { const pool =") + "}\n"
    report = copy.report(
        ".",
        files={
            "package.json": PACKAGE,
            "app/api/a/route.ts": handler,
            "app/api/b/route.ts": f"{handler}export const runtime = 'edge'\n",
        },
    )

    said = {finding["rule"]: finding["message"] for finding in report["findings"]}
    assert "makes Acme's pool for each request" in said["PC401"]
    assert said["PC407"].startswith("Acme needs TCP sockets")


# Poolacme, as far as a reader needs: `key = 'value'`. Its words for PgBouncer's settings are in the TOML.
POOLER = '''
"""poolacme.conf: settings of Poolacme."""

import re

from poolcheck.model.finding import Location
from poolcheck.model.pooler_config import PoolerConfig, PoolerSetting
from poolcheck.readers.poolers.interface import ALONE, Files
from poolcheck.readers.poolers.lines import ignores as ignores
from poolcheck.readers.poolers.lines import shown as shown

NAMES = ("poolacme",)
LONGEST = 1_000_000


def matches(path: str) -> bool:
    return path.endswith("poolacme.conf")


def read(text: str, path: str, _files: Files = ALONE) -> PoolerConfig | None:
    rows = [re.match(r"(\\w+)\\s*=\\s*'?([^'#\\s]*)", row) for row in text.splitlines()]
    settings = [
        PoolerSetting(row[1], row[2], Location(path, number)) for number, row in enumerate(rows, 1) if row
    ]
    return PoolerConfig(software="poolacme", name=path, location=Location(path, 1), settings=tuple(settings))
'''
WORDS = """
title = "Poolacme"
homepage = "https://poolacme.example"

[defaults]
checked = 2026-11-21
source = "https://poolacme.example/settings"

[[options]]
concept = "auth_type"
name = "pool_auth"
off = ["any", "trust"]

[[options]]
concept = "listen_addr"
name = "listen_addresses"
default = "localhost"
"""


def test_pooler(copy: Copy) -> None:
    """One module reads its file, one TOML says what it calls PgBouncer's settings, and the rules judge it."""
    files = {
        ".env": "DATABASE_URL=postgresql://app:s3cret@localhost/app\n",
        "deploy/poolacme.conf": "listen_addresses = '*'\npool_auth = 'trust'\n",
    }
    assert "PC505" not in rules(copy.report(".", files=files))

    copy.add("catalogue/poolers/poolacme.toml", WORDS)
    copy.add("readers/poolers/poolacme.py", POOLER)
    (found,) = [each for each in copy.report(".", files=files)["findings"] if each["rule"] == "PC505"]

    assert (found["location"]["path"], found["location"]["line"]) == ("deploy/poolacme.conf", 2)
    assert "pool_auth" in found["message"]


PROVIDER = """
title = "Acme Postgres"
homepage = "https://acme.example"
summary = "PostgreSQL by Acme."
suffixes = ["db.acme.example"]
pooler = "PgBouncer on port 6543 of the same host."

[defaults]
source = "https://acme.example/docs"
checked = 2026-11-21

[[endpoints]]
id = "direct"
kind = "direct"
title = "direct"
host = '[a-z]+\\.db\\.acme\\.example'
ports = [5432]

[[endpoints]]
id = "pooled"
kind = "pooled"
title = "PgBouncer"
host = '[a-z]+\\.db\\.acme\\.example'
ports = [6543]
mode = "transaction"
tracks_prepared = "no"

[[conversions]]
from = "direct"
to = "pooled"
port = 6543

[[examples]]
url = "postgresql://u:p@x.db.acme.example:5432/app"
endpoint = "direct"
"""


def test_provider(copy: Copy) -> None:
    """Its hosts are recognised, its direct string is told to move, and `explain` has its page."""
    url = "postgresql://app:s3cret@shop.db.acme.example:5432/app"
    copy.add("catalogue/providers/acme.toml", PROVIDER)
    report = copy.report("--runtime", "serverless", files={".env": f"DATABASE_URL={url}\n"})

    (target,) = report["targets"]
    assert (target["provider"], target["endpoint"]) == ("acme", "direct")
    (found,) = [finding for finding in report["findings"] if finding["rule"] == "PC101"]
    assert ":6543/app" in json.dumps(found["fix"])
    assert "Acme Postgres" in copy.run("explain", "acme")


IMAGE = """
title = "Acme's PostgreSQL"
homepage = "https://acme.example"
words = ["acmedb"]
pattern = "acme/acmedb"
is = "server"
max_variable = "ACME_CONNECTIONS"
source = "https://acme.example/image"
checked = 2026-11-21

[[examples]]
name = "acme/acmedb"
fits = true
"""


def test_image(copy: Copy) -> None:
    """A server's limit is read from the variable that its image takes."""
    compose = COMPOSE.replace(
        "image: postgres:17", "image: acme/acmedb:3\n    environment: {ACME_CONNECTIONS: 40}"
    )
    files = {
        "docker-compose.yml": compose, "requirements.txt": "psycopg2==2.9.11\nsqlalchemy==2.0.44\n",
        "db.py": "from sqlalchemy import create_engine\nengine = create_engine(URL, pool_size=10, max_overflow=5)\n",
    }  # fmt: skip
    assert "PC601" not in rules(copy.report(".", files=files))

    copy.add("catalogue/images/acmedb.toml", IMAGE)
    (found,) = [each for each in copy.report(".", files=files)["findings"] if each["rule"] == "PC601"]

    assert "4 x (10 + 5) = 60 connections, and the server allows 37" in found["message"]
    assert "ACME_CONNECTIONS=40" in found["message"] + json.dumps(found)


MANIFEST = '''
"""acme.deps: one package in each line."""

from poolcheck.readers.manifests.types import Dependency, Manifest
from poolcheck.readers.manifests.versions import pinned


def deps(text: str, path: str) -> Manifest:
    rows = [row.partition(" ") for row in text.splitlines()]
    found = (Dependency(name=name, version=pinned(version)) for name, _, version in rows)
    return Manifest(path=path, ecosystem="npm", dependencies=tuple(found))


FILES = {
    "acme.deps": deps,
}
'''


def test_manifest(copy: Copy) -> None:
    """Its packages lead to the driver, and to what is wrong with that version of it."""
    files = {
        ".env": "DATABASE_URL=postgresql://u:p@ep-x-pooler.eu-central-1.aws.neon.tech/app?pgbouncer=true\n",
        "acme.deps": "@prisma/client 6.19.3\nprisma 6.19.3\n",
    }
    assert copy.report(".", files=files)["context"]["drivers"] == []

    copy.add("readers/manifests/acme.py", MANIFEST)
    (driver,) = copy.report(".", files=files)["context"]["drivers"]

    assert (driver["id"], driver["version"], driver["source"]) == ("prisma", "6.19.3", "acme.deps")


FORMAT = '''
"""TAP, the Test Anything Protocol."""

from poolcheck.model.report import Report

COMMANDS = ("lint",)


def render(report: Report, _style: object) -> str:
    return "".join(f"not ok - {finding.rule.id}\\n" for finding in report.findings)
'''


def test_format(copy: Copy) -> None:
    """It is in the help of its command, and renders."""
    copy.add("output/tap.py", FORMAT)
    url = "DATABASE_URL=postgresql://u:p@ep-x.eu-central-1.aws.neon.tech/app\n"
    out = copy.run("lint", "--runtime", "serverless", "--format", "tap", files={".env": url})

    assert "not ok - PC101" in out.splitlines()
    assert "|tap" in copy.run("lint", "--help") + copy.run("gate", "--help")


COMMAND = '''
"""The `hello` command."""

import click


@click.command
def command() -> None:
    """Say hello."""
    click.echo("Hello, pool.")
'''


def test_command(copy: Copy) -> None:
    """It is in the help, and runs."""
    copy.add("commands/hello.py", COMMAND)

    assert "Say hello" in copy.run("--help")
    assert copy.run("hello") == "Hello, pool.\n"


RULE = '''
"""A database that is named prod.

## Why it matters
It is a test.

## What to do
Nothing.

## Sources
- https://example.com/
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Problem, Severity
from poolcheck.model.rule import rule
from poolcheck.model.target import Target


@rule(Target, severity=Severity.INFO, step=1)
def check(target: Target, _ctx: Context) -> Iterator[Problem]:
    if target.conn.database == "prod":
        yield Problem(message="It is named prod.", why="It is.", at=target.location)
'''


def test_rule(copy: Copy) -> None:
    """The stem is its id and name, and the docstring its page."""
    copy.add("rules/pc199_database_named_prod.py", RULE)
    files = {".env": "DATABASE_URL=postgresql://app:s3cret@localhost/prod\n"}

    assert "PC199" in rules(copy.report(files=files))
    assert "A database that is named prod" in copy.run("explain", "database-named-prod")
