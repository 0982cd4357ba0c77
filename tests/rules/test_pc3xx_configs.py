"""Configs of ORMs and frameworks: the edges that the pages' examples do not show."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from poolcheck.cli import cli
from poolcheck.errors import NothingToCheck
from poolcheck.model.report import Report
from tests.rules.projects import manifests, run, write

POOLED = "postgresql://postgres.abcdefghijklmnopqrst:Tr0ub4dor@aws-0-eu-central-1.pooler.supabase.com:6543/postgres"
DIRECT = "postgresql://postgres.abcdefghijklmnopqrst:Tr0ub4dor@aws-0-eu-central-1.pooler.supabase.com:5432/postgres"
NEON = "postgresql://app:Tr0ub4dor@ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech/app"
ENV = f"DATABASE_URL={POOLED}?pgbouncer=true&connection_limit=1\nDIRECT_URL={DIRECT}\n"
PRISMA_6 = "npm:prisma@6.19.3"
PRISMA_7 = "npm:prisma@7.10.1"
SCHEMA = 'datasource db {\n  provider = "postgresql"\n  url = env("DATABASE_URL")\n}\n'


def rules_of(files: dict[str, str], facts: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The 3xx rules that have something to say."""
    try:
        report = run(files, facts, folder, monkeypatch)
    except NothingToCheck:
        return set()
    return {finding.rule.id for finding in report.findings if finding.rule.id.startswith("PC3")}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("generated/prisma/schema.prisma", SCHEMA),
        ("node_modules/x/schema.prisma", SCHEMA),
        ("schema.prisma", SCHEMA.replace("postgresql", "mysql")),
        ("schema.prisma", SCHEMA.replace("DATABASE_URL", "{{ url }}")),
        ("schema.prisma", "// use prisma-8\n" + SCHEMA),
        ("tests/fixtures/schema.prisma", SCHEMA),
    ],
)
def test_schemas_that_are_not_judged(
    path: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copies, other databases, templates, Prisma 8 and fixtures."""
    assert rules_of({path: text}, PRISMA_7, tmp_path, monkeypatch) == set()


@pytest.mark.parametrize("version", ["^6.0.0 || ^7.0.0", "workspace:*"])
def test_a_version_that_does_not_tell(version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a known major nothing is said about what it removed."""
    files = {
        "package.json": json.dumps({"dependencies": {"prisma": version}}),
        "prisma/schema.prisma": SCHEMA,
    }

    assert rules_of(files, "", tmp_path, monkeypatch).isdisjoint({"PC303", "PC304"})


def test_prisma_8_config_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its shape is another one."""
    config = 'import { definePrismaConfig } from "@prisma/cli-engine"\nexport default definePrismaConfig({ url: process.env.DATABASE_URL })\n'

    assert rules_of({"prisma.config.ts": config}, PRISMA_7, tmp_path, monkeypatch) == set()


def test_plain_object_makes_the_command_line_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through defineConfig directUrl is ignored, in a plain object it is refused: an error."""
    config = 'import "dotenv/config"\nexport default { datasource: { url: process.env.A, directUrl: process.env.B } }\n'
    report = run({"prisma.config.ts": config}, PRISMA_7, tmp_path, monkeypatch)

    (found,) = [finding for finding in report.findings if finding.rule.id == "PC305"]
    assert found.severity.word == "error"
    assert "refuse the file" in found.message


def test_direct_url_that_some_script_uses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that package.json or a workflow mentions is not unread."""
    files = {"prisma/schema.prisma": SCHEMA, ".env": ENV}
    package = json.loads(manifests([PRISMA_6])["package.json"])
    package["scripts"] = {"migrate": "DATABASE_URL=$DIRECT_URL prisma migrate deploy"}

    assert "PC302" in rules_of(files, PRISMA_6, tmp_path / "a", monkeypatch)
    assert "PC302" not in rules_of(
        {**files, "package.json": json.dumps(package)}, "", tmp_path / "b", monkeypatch
    )


def test_prisma_7_config_reads_the_pooled_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In Prisma 7 datasource.url is the command line's: the pooled variable there is the fault."""
    config = 'import { defineConfig, env } from "prisma/config"\nexport default defineConfig({ datasource: { url: env("DATABASE_URL") } })\n'
    report = run({"prisma.config.ts": config, ".env": ENV}, PRISMA_7, tmp_path, monkeypatch)

    (found,) = [finding for finding in report.findings if finding.rule.id == "PC302"]
    assert str(found.location) == "prisma.config.ts:2:45"
    assert found.subject == "DIRECT_URL"


@pytest.mark.parametrize(
    "value",
    ["process.env.A || process.env.DATABASE_URL", 'process.env.DIRECT ?? "postgresql://localhost/app"'],
)
def test_a_chain_with_something_defined(value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One defined name of a chain is enough, and so is a literal behind it."""
    config = f'export default {{ dialect: "postgresql", dbCredentials: {{ url: {value} }} }}\n'
    files = {"drizzle.config.ts": config, ".env": f"DATABASE_URL={DIRECT}\n"}

    assert "PC301" not in rules_of(files, "npm:drizzle-kit@0.31.7", tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("path", "text", "line"),
    [
        ("drizzle.config.ts", f'export default {{ dialect: "postgresql", dbCredentials: {{\n  url: "{NEON}" }} }}\n', 2),
        ("prisma/schema.prisma", SCHEMA.replace('env("DATABASE_URL")', f'"{NEON}"'), 3),
        ("alembic.ini", f"[alembic]\nsqlalchemy.url = {NEON}\n", 2),
        ("src/main/resources/application.properties", "spring.datasource.url=jdbc:postgresql://pg.acme.dev/app?user=app&password=Tr0ub4dor\n", 1),
        ("shop/settings.py", 'DATABASES = {"default": {\n    "ENGINE": "django.db.backends.postgresql",\n    "HOST": "pg.acme.dev",\n    "PASSWORD": "Tr0ub4dor",\n}}\n', 4),
    ],
)  # fmt: skip
def test_passwords_in_the_open(
    path: str, text: str, line: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In every kind of config; no format shows them."""
    report = run({path: text}, "", tmp_path, monkeypatch)

    (found,) = [finding for finding in report.findings if finding.rule.id == "PC307"]
    assert found.location is not None
    assert (found.location.path, found.location.line) == (path, line)
    for form in ("text", "json", "sarif", "github", "gitlab", "junit", "markdown"):
        said = CliRunner().invoke(cli, ["lint", "--format", form])
        assert said.exit_code == 1
        assert "Tr0ub4dor" not in said.output, form


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("drizzle.config.ts", 'export default { dialect: "postgresql", dbCredentials: { url: "postgres://postgres:postgres@localhost:5432/app" } }\n'),
        ("drizzle.config.ts", 'export default { dialect: "postgresql", dbCredentials: { url: "postgres://user:password@host:5432/db" } }\n'),
        ("shop/settings.py", 'DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "HOST": "db", "PASSWORD": "postgres"}}\n'),
        ("shop/settings.py", 'DATABASES = {"default": {"ENGINE": "django.db.backends.mysql", "HOST": "my.acme.dev", "PASSWORD": "x1y2z3"}}\n'),
        ("alembic.ini", "sqlalchemy.url = driver://user:pass@localhost/dbname\n"),
    ],
)  # fmt: skip
def test_passwords_that_are_none(
    path: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Developers' machines, placeholders, other databases."""
    assert "PC307" not in rules_of({path: text}, "", tmp_path, monkeypatch)


def test_a_string_in_a_config_is_judged_like_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rules of connection strings see it, with its place."""
    files = {"prisma/schema.prisma": SCHEMA.replace('env("DATABASE_URL")', f'"{NEON}"')}
    report: Report = run(files, f"{PRISMA_6} serverless", tmp_path, monkeypatch)

    (target,) = report.targets
    assert (target.origin, str(target.location)) == ("config", "prisma/schema.prisma:3:3")
    assert "PC101" in {finding.rule.id for finding in report.findings}


@pytest.mark.parametrize(
    ("wanted", "found"), [("latest", True), ("*", True), (">=5", True), ("^6.1.0", False), ("6.x", False)]
)
def test_pins(wanted: str, found: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A range within one major is a pin."""
    files = {"package.json": json.dumps({"dependencies": {"prisma": wanted}})}

    assert ("PC308" in rules_of(files, "", tmp_path, monkeypatch)) is found


def test_a_lock_file_pins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was installed is known, whatever the manifest asks for."""
    lock = {"lockfileVersion": 3, "packages": {"node_modules/prisma": {"version": "6.19.3"}}}
    files = {
        "package.json": json.dumps({"dependencies": {"prisma": "latest"}}),
        "package-lock.json": json.dumps(lock),
    }

    assert "PC308" not in rules_of(files, "", tmp_path, monkeypatch)


def test_rails_pool_from_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands in for a variable is not what runs: no contradiction is seen."""
    files = {
        "config/database.yml": 'production:\n  adapter: postgresql\n  pool: <%= ENV.fetch("RAILS_MAX_THREADS") { 5 } %>\n',
        ".env": "DATABASE_URL=postgresql://app:Tr0ub4dor@pg.acme.dev/app?pool=25&sslmode=require\n",
    }

    assert "PC309" not in rules_of(files, "gem:rails@8.0.2", tmp_path, monkeypatch)


def test_a_lint_of_one_env_file_judges_no_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies around a file is context; a config that is named is judged."""
    write(tmp_path, {**manifests([PRISMA_7]), "prisma/schema.prisma": SCHEMA, ".env": ENV})
    monkeypatch.chdir(tmp_path)

    beside = CliRunner().invoke(cli, ["lint", ".env"])
    named = CliRunner().invoke(cli, ["lint", "prisma/schema.prisma"])

    assert "PC304" not in beside.output
    assert "PC304" in named.output


@pytest.mark.parametrize(
    ("config", "version", "rule"),
    [
        ("datasources: { db: { url: env('POOLED_URL'), directUrl: env('DIRECT_URL') } }", "7.1.0", "PC306"),
        ("datasource: { url: env('POOLED_URL'), ...(process.env.DIRECT_URL ? { directUrl: process.env.DIRECT_URL } : {}) }", "7.1.0", "PC305"),
        ("datasource: {\n // directUrl: env('DIRECT_URL'), uncomment\n url: env('POOLED_URL') }", "7.1.0", ""),
        ("engine: 'classic', datasource: { url: env('POOLED_URL'), directUrl: env('POOLED_URL') }", "6.19.0", ""),
        ("datasource: { url: env('POOLED_URL'), directUrl: env('DIRECT_URL') }", "6.19.0", ""),
    ],
)  # fmt: skip
def test_shapes_met_in_projects(
    config: str, version: str, rule: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prisma configs as people write them."""
    text = (
        f"import {{ defineConfig, env }} from 'prisma/config'\nexport default defineConfig({{ {config} }})\n"
    )
    found = rules_of({"prisma.config.ts": text}, f"npm:prisma@{version}", tmp_path, monkeypatch)

    assert found == ({rule} if rule else set())


def test_a_variable_that_the_env_file_of_the_package_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PC301 at info, where another string is defined there; nothing where none is, and nothing of a workflow's variable."""
    schema = 'datasource db {\n  provider = "postgresql"\n  url = env("PRIMARY_URL")\n}\n'
    env = {".env.example": 'DATABASE_URL="postgresql://user:password@localhost:5432/app"\n'}
    facts = "npm:prisma@6.1.0 npm:@prisma/client@6.1.0"
    files = {"prisma/schema.prisma": schema}

    def said(files: dict[str, str], name: str) -> list[str]:
        found = run(files, facts, tmp_path / name, monkeypatch).findings
        return [each.severity.word for each in found if each.rule.id == "PC301"]

    assert said({**files, **env}, "a") == ["info"]
    other = {"services/.env": "REDIS_URL=redis://localhost\n", ".env": "SMTP_URL=smtp://localhost\n"}
    with pytest.raises(NothingToCheck):
        said({**files, **other}, "b")
    assert (
        said({**files, **env, ".github/workflows/a.yml": "env:\n  PRIMARY_URL: ${{ secrets.X }}\n"}, "c")
        == []
    )
