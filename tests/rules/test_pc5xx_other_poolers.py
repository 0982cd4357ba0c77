"""Poolers other than PgBouncer: the same rules in each one's own words, and silence where its facts are not known."""

from collections.abc import Callable
from pathlib import Path

import pytest

from poolcheck.model.finding import Finding
from poolcheck.model.report import Report
from tests.rules.projects import run

ODYSSEY = """listen {{ host "{host}" port 6432 }}
storage "main" {{ type "remote" host "10.0.0.5" }}
database "app" {{
    user "web" {{
        authentication "{auth}"
        storage "main"
        pool "{mode}"
        {more}
    }}
}}
"""
PGCAT = """[general]
host = "{host}"
[pools.app]
pool_mode = "{mode}"
{more}
[pools.app.users.0]
username = "web"
pool_size = {size}
[pools.app.shards.0]
servers = [["10.0.0.5", 5432, "primary"]]
database = "app"
"""
PGDOG = """[general]
host = "{host}"
pooler_mode = "{mode}"
default_pool_size = {size}
{more}
[[databases]]
name = "app"
host = "10.0.0.5"
"""
ASYNCPG = "pypi:asyncpg@0.31.0"


def odyssey(host: str = "127.0.0.1", auth: str = "scram-sha-256", mode: str = "transaction", more: str = "pool_timeout 4000") -> dict[str, str]:  # fmt: skip
    """A project with an Odyssey."""
    return {"odyssey.conf": ODYSSEY.format(host=host, auth=auth, mode=mode, more=more)}


def pgcat(
    host: str = "127.0.0.1", mode: str = "transaction", size: int = 10, more: str = ""
) -> dict[str, str]:
    """A project with a PgCat."""
    return {"pgcat.toml": PGCAT.format(host=host, mode=mode, size=size, more=more)}


def pgdog(
    host: str = "127.0.0.1", mode: str = "transaction", size: int = 10, more: str = ""
) -> dict[str, str]:
    """A project with a PgDog."""
    return {"pgdog.toml": PGDOG.format(host=host, mode=mode, size=size, more=more)}


def pooler_findings(report: Report) -> dict[str, Finding]:
    """The findings of the 5xx and 6xx rules, by id."""
    return {
        finding.rule.id: finding for finding in report.findings if finding.rule.id.startswith(("PC5", "PC6"))
    }


def lines(finding: Finding) -> tuple[str, ...]:
    """What the finding says to write."""
    assert finding.fix is not None
    return finding.fix.lines


@pytest.mark.parametrize(
    "files", [odyssey(), pgcat(), pgdog(), odyssey(mode="session"), pgcat(mode="session")]
)
def test_nothing_against_them(files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody beyond this machine connects, every wait ends, and no driver names statements: silence."""
    assert pooler_findings(run(files, "max=100 server npm:pg@8.23.1", tmp_path, monkeypatch)) == {}


@pytest.mark.parametrize(
    ("files", "own", "line"),
    [
        (odyssey(mode="session"), "pool", 'pool "transaction"'),
        (pgcat(mode="session"), "pool_mode", 'pool_mode = "transaction"'),
        (pgdog(mode="session"), "pooler_mode", 'pooler_mode = "transaction"'),
    ],
)
def test_session_mode(
    files: dict[str, str], own: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PC501 in each one's own words."""
    found = pooler_findings(run({**files, "vercel.json": "{}"}, "npm:pg@8.23.1", tmp_path, monkeypatch))

    assert f": {own} is session and the clients run serverless" in found["PC501"].message
    assert lines(found["PC501"]) == (line,)


@pytest.mark.parametrize(
    ("files", "how", "line"),
    [
        (odyssey(more="pool_timeout 9 pool_reserve_prepared_statement no"), "pool_reserve_prepared_statement no", "pool_reserve_prepared_statement yes"),
        (pgcat(), "prepared_statements_cache_size is not set, and 0 by default", "prepared_statements_cache_size = 500"),
        (pgdog(more='prepared_statements = "disabled"'), 'prepared_statements = "disabled"', 'prepared_statements = "extended"'),
    ],
)  # fmt: skip
def test_statements_that_are_not_tracked(
    files: dict[str, str], how: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PC502: a driver that names its statements, and a pooler told not to follow them."""
    found = pooler_findings(run(files, f"server {ASYNCPG}", tmp_path, monkeypatch))

    assert how in found["PC502"].message
    assert lines(found["PC502"]) == (line,)


@pytest.mark.parametrize(
    "files",
    [
        odyssey(),  # the default depends on the version
        pgcat(more="prepared_statements_cache_size = 10"),
        pgcat(mode="session"),
        pgdog(),  # on by default
        pgdog(mode="session", more='prepared_statements = "disabled"'),
    ],
)
def test_statements_that_are_tracked_or_not_known(
    files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is said."""
    assert "PC502" not in pooler_findings(run(files, f"server {ASYNCPG}", tmp_path, monkeypatch))


@pytest.mark.parametrize(
    ("files", "message", "line"),
    [
        (
            odyssey(more="pool_size 120 pool_timeout 9"),
            "1 pool may open 120 connections, and 97 slots",
            "pool_size 92",
        ),
        (pgcat(size=120), "1 pool may open 120 connections, and 97 slots", "pool_size = 92"),
        (pgdog(size=120), "1 pool may open 120 connections, and 97 slots", "default_pool_size = 92"),
    ],
)
def test_pools_that_cannot_fit(
    files: dict[str, str], message: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PC503 with the name that the file uses."""
    found = pooler_findings(run(files, "max=100", tmp_path, monkeypatch))

    assert message in found["PC503"].message
    assert lines(found["PC503"]) == (line,)


@pytest.mark.parametrize(
    "files",
    [
        odyssey(more="pool_size 0"),  # no limit: no sum
        odyssey(more="pool_size ${SIZE} pool_timeout 9"),
        odyssey(more='shared_pool "x" pool_timeout 9'),
        {"pgcat.toml": pgcat(size=60)["pgcat.toml"].replace('"primary"]]', '"primary"], ["10.0.0.6", 5432, "replica"]]')},
    ],
)  # fmt: skip
def test_sums_that_are_not_known(
    files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No limit, a template, a shared pool, two servers."""
    assert "PC503" not in pooler_findings(run(files, "max=100", tmp_path, monkeypatch))


@pytest.mark.parametrize(
    ("files", "written", "line"),
    [
        (odyssey(host="*", auth="none"), 'authentication "none"', 'authentication "scram-sha-256"'),
        (pgdog(host="0.0.0.0", more='auth_type = "trust"'), 'auth_type = "trust"', 'auth_type = "scram"'),
    ],
)
def test_logins_without_password(
    files: dict[str, str], written: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PC505 where other machines connect; not on this machine."""
    found = pooler_findings(run(files, "", tmp_path / "a", monkeypatch))
    assert f"{written} asks for no password, and other machines can connect" in found["PC505"].message
    assert (found["PC505"].severity.word, lines(found["PC505"])) == ("error", (line,))

    here = {
        name: text.replace("0.0.0.0", "127.0.0.1").replace('"*"', '"localhost"')
        for name, text in files.items()
    }
    assert "PC505" not in pooler_findings(run(here, "", tmp_path / "b", monkeypatch))


@pytest.mark.parametrize(
    ("files", "first"),
    [
        (odyssey(host="*"), 'tls "require"'),
        (pgcat(host="0.0.0.0"), 'tls_certificate = "..."'),
        (pgdog(host="0.0.0.0"), 'tls_certificate = "..."'),
    ],
)
def test_clients_without_tls(
    files: dict[str, str], first: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PC506, and the lines that each one needs."""
    found = pooler_findings(run(files, "", tmp_path, monkeypatch))

    assert lines(found["PC506"])[0] == first
    assert all(source.partition("/")[2] for source in found["PC506"].sources)
    assert "pgbouncer.org" not in found["PC506"].sources[0]


def test_one_login_for_app_and_administrator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PC507 with the same password; the same name with another one is another login. No password is shown."""
    text = pgcat()["pgcat.toml"].replace('username = "web"', 'username = "web"\npassword = "s3cret"')
    both = text.replace("[general]\n", '[general]\nadmin_username = "web"\nadmin_password = "s3cret"\n')
    report = run({"pgcat.toml": both}, "", tmp_path / "a", monkeypatch)
    assert "the app's login as web is PgCat's administrator too" in pooler_findings(report)["PC507"].message
    assert "s3cret" not in repr(
        [(finding.excerpt, finding.message, finding.why, finding.fix) for finding in report.findings]
    )

    other = both.replace('admin_password = "s3cret"', 'admin_password = "another"')
    assert "PC507" not in pooler_findings(run({"pgcat.toml": other}, "", tmp_path / "b", monkeypatch))


@pytest.mark.parametrize(
    ("more", "severity"),
    [("pool_size 10 pool_timeout 0", "warning"), ("pool_size 10", "info"), ("pool_timeout 0", None), ("pool_size 10 pool_timeout 100", None)],
)  # fmt: skip
def test_a_queue_without_end(
    more: str, severity: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PC511: Odyssey's default is no end; without a size nobody waits."""
    found = pooler_findings(run(odyssey(more=more), "", tmp_path, monkeypatch)).get("PC511")

    assert (found.severity.word if found else None) == severity
    if found:
        assert lines(found) == ("pool_timeout 30000",)


def test_rules_about_pgbouncer_alone_are_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unknown keys, units and statistics users of others are not PgBouncer's."""
    files = {
        **odyssey(more='pool_timeout 9 reset_query "x" pool_sise 3'),
        **pgcat(more="nonsense = 5\nignore_startup_parameters = 'statement_timeout'"),
        **pgdog(more='query_timeout = "30s"\nserver_reset_query_always = 1\nstats_users = ""'),
        "docker-compose.yml": "services:\n  pgdog:\n    image: ghcr.io/pgdogdev/pgdog:1.0\n    volumes: ['./pgdog.toml:/pgdog/pgdog.toml']\n    ulimits: {nofile: 64}\n",
    }
    assert pooler_findings(run(files, "server npm:pg@8.23.1", tmp_path, monkeypatch)) == {}


def test_a_container_that_mounts_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its published port decides who reaches it, and its pools are clients of the server beside it."""
    compose = """services:
  db:
    image: postgres:17
  pooler:
    image: ghcr.io/pgdogdev/pgdog:main
    volumes: ["./pgdog.toml:/pgdog/pgdog.toml"]
    {ports}
"""
    text = pgdog(host="0.0.0.0", size=120, more='auth_type = "trust"')["pgdog.toml"].replace("10.0.0.5", "db")
    closed = {"pgdog.toml": text, "docker-compose.yml": compose.format(ports="")}
    found = pooler_findings(run(closed, "", tmp_path / "a", monkeypatch))
    assert found["PC505"].severity.word == "info"
    assert (
        "1 pool may open 120 connections, and 97 slots are there (100 - 3 reserved" in found["PC503"].message
    )

    opened = {"pgdog.toml": text, "docker-compose.yml": compose.format(ports='ports: ["6432:6432"]')}
    assert pooler_findings(run(opened, "", tmp_path / "b", monkeypatch))["PC505"].severity.word == "error"


@pytest.mark.parametrize(("most", "says"), [(50, "client_max 62"), (0, None), (500, None)])
def test_clients_of_the_pooler(
    most: int, says: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PC602 against Odyssey's client_max; 0 is no limit."""
    files = {
        "odyssey.conf": f"client_max {most}\n"
        + ODYSSEY.format(host="*", auth="md5", mode="transaction", more="pool_size 5 pool_timeout 9"),
        "docker-compose.yml": """services:
  odyssey:
    image: odyssey
    volumes: ["./odyssey.conf:/etc/odyssey/odyssey.conf"]
  web:
    build: .
    deploy: {replicas: 10}
    environment:
      DATABASE_URL: postgresql://web:s3cret@odyssey:6432/app?connection_limit=5
""",
    }
    if says and most == 50:
        files["odyssey.conf"] = files["odyssey.conf"].replace("client_max 50", "client_max 49")
    facts = "npm:prisma@6.19.3 npm:@prisma/client@6.19.3"
    found = pooler_findings(run(files, facts, tmp_path, monkeypatch)).get("PC602")

    assert (lines(found) if found else None) == ((says,) if says else None)


def test_supavisor_of_a_compose_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its tenant's pool and its own, against the server beside it: numbers from the `.env` that compose reads."""
    files = {
        ".env": "POSTGRES_HOST=db\nPOOLER_DEFAULT_POOL_SIZE=80\nPOOLER_DB_POOL_SIZE=25\n",
        "docker-compose.yml": """services:
  db:
    image: supabase/postgres:15.8.1
    command: postgres -c max_connections=100
  supavisor:
    image: supabase/supavisor:2.7.4
    environment:
      DATABASE_URL: ecto://supabase_admin:s3cret@${POSTGRES_HOST}:5432/_supabase
      POOLER_DEFAULT_POOL_SIZE: ${POOLER_DEFAULT_POOL_SIZE}
      POOLER_POOL_MODE: session
      DB_POOL_SIZE: ${POOLER_DB_POOL_SIZE}
""",
    }
    report = run(files, "serverless npm:pg@8.23.1", tmp_path, monkeypatch)

    assert (
        "2 pools may open 105 connections, and 97 slots are there (100 - 3 reserved, docker-compose.yml:4)"
        in pooler_findings(report)["PC503"].message
    )
    assert "PC501" not in pooler_findings(report)
    assert "s3cret" not in repr(
        [(finding.excerpt, finding.message, finding.why, finding.fix) for finding in report.findings]
    )


def test_includes_of_odyssey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are followed; one that is not there is said, and no default is taken for what it may set."""
    route = 'database "app" { user "web" { pool "transaction" storage "main" pool_size 5 } }\n'
    there = {
        "odyssey.conf": 'include "odyssey-routes.conf"\nlisten { host "127.0.0.1" }\nstorage "main" { type "remote" host "db" }\n',
        "odyssey-routes.conf": route,
    }
    found = pooler_findings(run(there, "", tmp_path / "a", monkeypatch))
    assert str(found["PC511"].location) == "odyssey-routes.conf:1:1"

    gone = {"odyssey.conf": 'include "/etc/odyssey/routes.conf"\n' + route}
    report = run(gone, "", tmp_path / "b", monkeypatch)
    assert pooler_findings(report) == {}
    assert any("/etc/odyssey/routes.conf is not in the project" in each.why for each in report.skipped)


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("odyssey.conf", "listen { host {{ host }} }", "template"),
        ("pgcat.toml", "[general\n", "not valid TOML"),
        ("pgcat.toml", "[general]\nport = 6432\n", "has no [pools]"),
        ("pgdog.toml", "[general]\nport = 6432\n", "has no [[databases]]"),
        ("main.tf", 'resource "aws_db_proxy" "a" {\n', "RDS Proxy"),
        ("template.yaml", "a: b\n\tResources: AWS::RDS::DBProxy\n", "RDS Proxy"),
    ],
)
def test_what_cannot_be_read_is_said(
    name: str, text: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In `skipped`, with its reason."""
    report = run({name: text, ".env": "DATABASE_URL=postgresql://a@localhost/a\n"}, "", tmp_path, monkeypatch)

    assert [each.what.partition(":")[0] for each in report.skipped if why in each.why] == [name]


def test_a_file_that_is_too_large_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody wrote it by hand: it is not read, and neither is an include of that size."""
    large = "# x\n" * 300_000
    files = {
        "odyssey.conf": 'include "odyssey-more.conf"\n' + odyssey()["odyssey.conf"],
        "odyssey-more.conf": large,
    }
    report = run(files, "", tmp_path, monkeypatch)

    assert sorted(each.what for each in report.skipped) == ["odyssey-more.conf", "odyssey.conf:1"]
    why = {skipped.what: skipped.why for skipped in report.skipped}
    assert "larger than 1 MB" in why["odyssey-more.conf"]
    assert "too large" in why["odyssey.conf:1"]


@pytest.mark.parametrize("change", [lambda text: text.replace("\n", "\r\n"), lambda text: "\ufeff" + text])
@pytest.mark.parametrize("files", [odyssey(more="pool_size 5"), pgcat(size=120), pgdog(size=120)])
def test_line_ends_and_marks(
    files: dict[str, str], change: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CRLF and a byte order mark change neither verdict nor place."""

    def said(texts: dict[str, str], folder: Path) -> list[tuple[str, str]]:
        found = pooler_findings(run(texts, "max=100", folder, monkeypatch))
        return [(rule, str(each.location)) for rule, each in found.items()]

    expected = said(files, tmp_path / "a")
    (tmp_path / "b").mkdir()
    for name, text in files.items():
        (tmp_path / "b" / name).write_bytes(change(text).encode())
    assert expected
    assert said({}, tmp_path / "b") == expected


PROXY = """resource "aws_db_proxy" "{name}" {{
  engine_family = "POSTGRESQL"
  require_tls   = {tls}
}}
resource "aws_db_proxy_default_target_group" "{name}" {{
  db_proxy_name = aws_db_proxy.{name}.name
  connection_pool_config {{
    max_connections_percent = {percent}
  }}
}}
resource "aws_db_proxy_target" "{name}" {{
  db_proxy_name          = aws_db_proxy.{name}.name
  db_instance_identifier = {target}
}}
"""


def proxy(
    name: str, tls: str = "true", percent: str = "100", target: str = "aws_db_instance.main.identifier"
) -> str:
    """One proxy with its group and target."""
    return PROXY.format(name=name, tls=tls, percent=percent, target=target)


def test_rds_proxy_without_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PC506 where the file says so; an expression is not known."""
    found = pooler_findings(run({"main.tf": proxy("a", tls="false")}, "max=100", tmp_path / "a", monkeypatch))
    assert list(found) == ["PC506"]
    assert (
        "main.tf: aws_db_proxy.a: takes clients without TLS (require_tls is false)" in found["PC506"].message
    )
    assert lines(found["PC506"]) == ("require_tls = true",)

    assert pooler_findings(run({"main.tf": proxy("a", tls="var.tls")}, "", tmp_path / "b", monkeypatch)) == {}


@pytest.mark.parametrize(
    ("second", "sums"),
    [
        (proxy("b", percent="40"), "60 % + 40 %"),
        (proxy("b", percent="41"), "60 % + 41 % = 101 %"),
        (proxy("b", percent="var.share"), None),
        (proxy("b", percent="90", target="aws_db_instance.other.identifier"), None),
    ],
)
def test_proxies_of_one_database(
    second: str, sums: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PC503: their percentages add up; a variable or another database does not."""
    report = run({"main.tf": proxy("a", percent="60"), "more.tf": second}, "", tmp_path, monkeypatch)
    found = pooler_findings(report).get("PC503")

    if sums is None or "=" not in sums:
        assert found is None
    else:
        assert found is not None
        assert f"2 proxies of the same database may open {sums} of its max_connections" in found.message
        assert lines(found) == ("max_connections_percent = 45",)


def test_an_ignore_comment_of_each_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the file's own comment syntax."""
    files = {
        "main.tf": proxy("a", tls="false").replace(
            "  require_tls", "  // poolcheck: ignore[PC506] private subnet\n  require_tls"
        ),
        "odyssey.conf": odyssey(
            more="pool_size 5\n        # poolcheck: ignore[PC511] batch jobs may wait\n        pool_timeout 0"
        )["odyssey.conf"],
    }
    report = run(files, "", tmp_path, monkeypatch)

    assert pooler_findings(report) == {}
    assert sorted(each.rule.id for each in report.suppressed) == ["PC506", "PC511"]


SET = "import { pool } from './db'\nexport const f = () => pool.query(`SET search_path TO a`)\n"


@pytest.mark.parametrize(
    ("host", "severity", "why"),
    [
        ("main.proxy-abcdefghijkl.eu-central-1.rds.amazonaws.com", "info", "RDS Proxy pins the client"),
        ("aws-0-eu-central-1.pooler.supabase.com:6543", "warning", "It is lost after the transaction"),
    ],
)
def test_session_state(
    host: str, severity: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PC413: RDS Proxy loses nothing, it pins."""
    files = {
        ".env": f"DATABASE_URL=postgresql://postgres.abcdefghijklmnopqrst:s3cret@{host}/app\n",
        "src/a.ts": SET,
    }
    (found,) = [
        finding
        for finding in run(files, "npm:pg@8.23.1", tmp_path, monkeypatch).findings
        if finding.rule.id == "PC413"
    ]

    assert found.severity.word == severity
    assert why in found.why


def test_session_state_through_pgdog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It sends a client's SET to each connection that it uses: nothing is said."""
    files = {**pgdog(), ".env": "DATABASE_URL=postgresql://web:s3cret@pgdog:6432/app\n", "src/a.ts": SET}

    assert "PC413" not in {
        finding.rule.id for finding in run(files, "npm:pg@8.23.1", tmp_path, monkeypatch).findings
    }
