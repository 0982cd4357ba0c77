"""The rules of evidence of the map, each with what would break it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from poolcheck import catalogue
from poolcheck.capacity.asked import rows
from poolcheck.capacity.measured import measured
from poolcheck.config.file import Settings
from poolcheck.config.settings import Config, NamedClient, NamedServer
from poolcheck.diagnosis import told_tables
from poolcheck.diagnosis.lint import lint
from poolcheck.diagnosis.told_tables import matches
from poolcheck.errors import BadConfig, ExitCode
from poolcheck.gate.gate import GateOptions, gate
from poolcheck.live.mapping import map_of as map_report
from poolcheck.model.connection_map import Map, Question
from poolcheck.model.facts import Provider
from poolcheck.model.snapshot import LiveServer
from tests.project.mapping.test_never_lost import map_of
from tests.rules.projects import write

PACKAGE = json.dumps({"name": "api", "dependencies": {"pg": "8.13.0"}})
URL = "postgresql://app:s3cret@pg.acme.dev/app"


def code(options: str) -> dict[str, str]:
    """A program with one pool."""
    text = f"const {{ Pool }} = require('pg')\nconst pool = new Pool({{ connectionString: process.env.DATABASE_URL{options} }})\n"
    return {"package.json": PACKAGE, "src/db.js": text, ".env.production": f"DATABASE_URL={URL}\n"}


def compose(**services: Mapping[str, object]) -> dict[str, str]:
    """A compose file; JSON is YAML from its second line on."""
    body = "".join(f"  {name}: {json.dumps(service)}\n" for name, service in services.items())
    return {"compose.yaml": f"services:\n{body}"}


def to(url: str, **more: object) -> dict[str, object]:
    """A service of somebody else's image that connects there."""
    return {"image": "acme/x", "environment": {"DATABASE_URL": url}, **more}


def asks(map_: Map) -> set[str]:
    """Every question, as `of: what`."""
    return {f"{each.of}: {each.what}" for each in map_.questions}


# --- 1: a default counts only where every argument was understood ---


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ("", 10),
        (", max: 4", 4),
        (", idleTimeoutMillis: 5000", 10),
        (", max: SIZE", None),
        (", max: Number(process.env.PG_MAX)", None),
        (", ...shared", None),
        (", [name]: 4", None),
        (", max: 4, ...shared", None),
    ],
)
def test_default_only_of_what_was_understood(options: str, size: int | None) -> None:
    """A variable, a spread or a computed key is a question, and never ten."""
    made = map_of(code(options), Config(max_connections=100, instances=3))
    (client,) = made.clients
    known = client.pools[0].size

    if size is None:
        assert known is None or known.open
        assert "api: pool" in asks(made)
    else:
        assert known is not None
        assert (known.low, known.high) == (size, size)
        assert asks(made) == set()


# --- 2: which strings reach the same server ---


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (URL, "postgres://other:x@PG.acme.dev:5432/other", True),
        (URL, "postgres://app:x@pg.acme.dev./app", True),
        (URL, "postgres://app:x@pg.acme.dev:5433/app", False),
        (URL, "postgres://app:x@pg2.acme.dev/app", False),
        ("postgres://a:x@ep-x-1.eu-central-1.aws.neon.tech/a", "postgres://a:x@ep-x-1-pooler.eu-central-1.aws.neon.tech/a", True),
        ("postgres://a:x@ep-x-1.eu-central-1.aws.neon.tech/a", "postgres://a:x@ep-x-2-pooler.eu-central-1.aws.neon.tech/a", False),
        ("postgres://a:x@orders.cluster-abc.eu-central-1.rds.amazonaws.com/a", "postgres://a:x@orders.cluster-ro-abc.eu-central-1.rds.amazonaws.com/a", True),
        ("postgres://a:x@[2001:db8::1]/a", "postgres://a:x@[2001:db8::1]:5432/a", True),
        ("postgres://a:x@[2001:db8::1]/a", "postgres://a:x@[2001:db8::2]/a", False),
        ("${ORDERS_URL}", "${ORDERS_URL}", True),
        ("${ORDERS_URL}", "${BILLING_URL}", False),
        ("postgres://a:x@${HOST}/a", "postgres://b:y@${HOST}/b", True),
        ("postgres://a:x@${HOST}/a", "postgres://a:x@${OTHER}/a", False),
    ],
)  # fmt: skip
def test_same_server(one: str, other: str, same: bool) -> None:
    """Addresses, pairs of a provider, hosts of [server.orders], and names of what nobody here can read."""
    orders = NamedServer(name="orders", hosts=("orders.cluster-*.eu-central-1.rds.amazonaws.com",))
    made = map_of(compose(first=to(one), second=to(other)), Config(server=(orders,)))

    assert len({each.server for each in made.routes}) == (1 if same else 2), made.routes


@pytest.mark.parametrize(
    ("url", "evidence"),
    [
        ("postgres://a:x@10.0.0.7:6432/a", "port 6432"),
        ("postgres://a:x@10.0.0.7:6543/a", "port 6543"),
        ("postgres://a:x@10.0.0.7/a?pgbouncer=true", "pgbouncer=true"),
        ("postgres://a:x@pgbouncer.acme.dev/a", "its name, pgbouncer.acme.dev"),
        ("postgres://a:x@db-pooler.acme.dev/a", "its name, db-pooler.acme.dev"),
        ("postgres://a:x@carpooler.acme.dev/a", ""),
        ("postgres://a:x@10.0.0.7/a", ""),
    ],
)
def test_evidence_of_a_pooler(url: str, evidence: str) -> None:
    """A stranger's host is a pooler by its port, parameter or name, and that is said."""
    made = map_of(compose(api=to(url)))

    assert [each.evidence for each in made.poolers] == ([evidence] if evidence else [])


def test_secret_of_a_cluster() -> None:
    """One key of one secret is one server; the same key in another namespace is another."""

    def workload(name: str, space: str) -> str:
        return json.dumps({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": space},
            "spec": {"template": {"spec": {"containers": [{"name": "x", "image": f"acme/{name}", "env": [
                {"name": "DATABASE_URL", "valueFrom": {"secretKeyRef": {"name": "pg", "key": "url"}}}]}]}}},
        })  # fmt: skip

    texts = [workload("api", "shop"), workload("jobs", "shop"), workload("api", "billing")]
    made = map_of({f"k8s/{number}.yaml": _block(text) for number, text in enumerate(texts)})

    assert sorted(each.server for each in made.routes) == ["billing/pg/url", "shop/pg/url", "shop/pg/url"]


def _block(text: str) -> str:
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in json.loads(text).items())


# --- 3: in the sum, or named ---


def test_sum_is_the_least_beside_a_client_that_is_not_known() -> None:
    """What is not counted is named, and makes the sum the least; what runs once is named and does not."""
    files = compose(
        db={"image": "postgres:17"}, api=to("postgres://a:x@db/a"), other=to("postgres://a:x@db/a"), migrate=to("postgres://a:x@db/a"),
    )  # fmt: skip
    config = Config(client=(NamedClient(name="api", pool=20),))
    (row,) = rows(map_of(files, config))

    assert [each.name for each in row.terms if each.pool and not each.pool.open] == ["api"]
    assert row.least
    assert row.verdict == "cannot say"
    assert row.once == ("migrate",)
    assert {"other"} == {each.of for each in row.questions}


# --- 4: what was said for all holds for the rest, and for nobody else ---


def test_options_hold_for_what_nothing_else_tells() -> None:
    """--max is no number of a server whose file tells one, --instances none of a workload with replicas."""
    files = compose(
        db={"image": "postgres:17", "command": ["-c", "max_connections=300"]},
        api=to("postgres://a:x@db/a", deploy={"replicas": 7}), mail=to(URL, deploy={"replicas": 2}),
    )  # fmt: skip
    made = map_of(files, Config(max_connections=150, instances=9))

    assert {each.name: each.max_connections.most for each in made.servers if each.max_connections} == {
        "db": 300,
        "pg.acme.dev": 150,
    }
    assert {each.name: each.instances.most for each in made.clients if each.instances} == {
        "api": 7,
        "mail": 2,
    }


def test_option_of_one_server_wins() -> None:
    """--max db=50 is said of this one, and its limit says where it comes from."""
    files = compose(
        db={"image": "postgres:17", "command": ["-c", "max_connections=300"]}, api=to("postgres://a:x@db/a")
    )
    told = NamedServer(name="db", max_connections=50, source="an option")
    (server,) = map_of(files, Config(server=(told,))).servers

    assert server.max_connections is not None
    assert (server.max_connections.most, server.max_connections.how) == (50, "option")
    assert server.max_connections.words == "max_connections 50 (--max db=50)"


@pytest.mark.parametrize(
    ("given", "exit_code"),
    [
        ({}, ExitCode.OK),
        ({"max_connections": 100}, ExitCode.FAILED),
        ({"instances": 3}, ExitCode.FAILED),
        ({"require": ("sums",)}, ExitCode.FAILED),
        ({"max_connections": 100, "pool": 5}, ExitCode.OK),
        ({"max_connections": 100, "pool": 500}, ExitCode.FINDINGS),
    ],
)
def test_sum_that_was_asked_for(
    given: dict[str, Any], exit_code: ExitCode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sum that cannot be made is exit 2 where it was asked for, and never a pass."""
    write(tmp_path, compose(api=to(URL, deploy={"replicas": 3})))
    monkeypatch.chdir(tmp_path)

    assert gate(GateOptions(), Settings(given, isolated=True), {}).exit_code == exit_code


@pytest.mark.parametrize(
    ("table", "hit"),
    [
        ("api", {"apps/api"}),
        ("apps/api", {"apps/api"}),
        ("./apps/api/", {"apps/api"}),
        ("apps", {"apps/api"}),
        ("nothing", set()),
    ],
)
def test_table_of_a_client(table: str, hit: set[str]) -> None:
    """The tables that `config` shows as matched are those whose numbers count."""
    files = {f"apps/api/{name}": text for name, text in code(", max: 4").items()}
    config = Config(client=(NamedClient(name=table, instances=77),))
    made = map_of(files, config)
    shown = {each for one in matches(config, made) for each in one.matched}

    assert {each.name for each in made.clients if each.instances and each.instances.most == 77} == shown
    assert bool(shown) == bool(hit)


def test_table_says_where_a_secret_leads() -> None:
    """[client.api] server = "orders": its limit is the one of [server.orders]."""
    config = Config(
        client=(NamedClient(name="api", server="orders"),),
        server=(NamedServer(name="orders", max_connections=40),),
    )
    made = map_of(compose(api=to("${DATABASE_URL}"), jobs=to("${DATABASE_URL}")), config)

    assert {each.client: each.server for each in made.routes} == {"api": "orders", "jobs": "DATABASE_URL"}
    assert [each.max_connections.most for each in made.servers if each.max_connections] == [40]


@pytest.mark.parametrize("table", ["[client.appi]\ninstances = 3\n", "[server.dbb]\nmax_connections = 9\n"])
def test_table_of_nobody(table: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error with the nearest name where the whole folder was read, for `map` too; of a part of it, and for `lint`, nothing."""
    files = compose(db={"image": "postgres:17"}, app=to("postgres://a:x@db/a"))
    write(tmp_path, {**files, "poolcheck.toml": table, "sub/.env": f"DATABASE_URL={URL}\n"})
    monkeypatch.chdir(tmp_path)
    settings = Settings({})

    with pytest.raises(BadConfig, match="matches no") as found:
        gate(GateOptions(), settings, {})
    assert "Did you mean" in str(found.value.hint)
    with pytest.raises(BadConfig, match="matches no"):
        map_report((".",), settings)
    told_tables.check_whole(("sub",), settings.over("."), Map())
    assert lint((".",), settings).findings == ()


def test_option_of_a_server_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--max dbb=9 is a typing error."""
    write(tmp_path, compose(db={"image": "postgres:17"}, app=to("postgres://a:x@db/a")))
    monkeypatch.chdir(tmp_path)

    with pytest.raises(BadConfig, match="--max dbb=N"):
        map_report((".",), Settings({"server_limits": {"dbb": 9}}, isolated=True))


# --- 5: the server's word, then the catalogue's, then nothing ---


def placed(provider: str, plan: str = "") -> Map:
    """One service, and where the settings say that its server runs."""
    told = NamedServer(name="orders", hosts=("pg.acme.dev",), provider=provider, plan=plan)
    return map_of(compose(api=to(URL)), Config(server=(told,)))


def test_settings_say_where_a_server_runs() -> None:
    """The host tells nothing: the plan of the table's provider counts, by an alias too."""
    for name in ("neon", "vercel-postgres"):
        (one,) = placed(name, "0.25cu").servers
        assert (one.provider, one.plan) == ("neon", "0.25cu")
        assert one.max_connections is not None
        assert (one.max_connections.how, one.max_connections.most) == ("catalogue", 104)


@pytest.mark.parametrize(
    ("provider", "plan", "says", "hint"),
    [
        ("bogus", "", "no provider is named 'bogus'", "explain providers"),
        ("neon", "9000cu", "Neon has no plan '9000cu'", "Known: 0.25cu"),
        ("rds", "db.t4g.huge", "Amazon RDS has no plan 'db.t4g.huge'", "Known: 1gib"),
        ("railway", "pro", "Railway Postgres has no plan 'pro'", "max_connections"),
    ],
)
def test_unknown_places_are_errors(provider: str, plan: str, says: str, hint: str) -> None:
    """As --provider and --plan are."""
    with pytest.raises(BadConfig, match=says) as caught:
        placed(provider, plan)
    assert hint in caught.value.hint


@pytest.mark.parametrize("provider", catalogue.providers(), ids=lambda each: each.id)
def test_a_plan_is_asked_for_where_plans_are_known(provider: Provider) -> None:
    """Else the option that is named would be refused."""
    asked = [each for each in placed(provider.id).questions if each.what == "max_connections"]
    told = [each.plan for each in provider.limits if each.max_connections]

    for each in asked:
        assert ("--plan" in each.tell) == bool(told)
    for plan in told:
        assert placed(provider.id, plan).servers[0].max_connections is not None
    assert asked or told


def test_word_of_the_server_wins() -> None:
    """Neon's plan is the catalogue's word, a look is Neon's own."""
    url = "postgres://a:x@ep-x-1.eu-central-1.aws.neon.tech/a"
    nothing = map_of(compose(api=to(URL)), Config())
    by_plan = map_of(compose(api=to(url)), Config())
    one_plan = map_of(compose(api=to(url)), Config(provider="neon", plan="0.25cu"))

    def limit(map_: Map) -> tuple[str, int, int | None] | None:
        most = map_.servers[0].max_connections
        return (most.how, most.low, most.high) if most else None

    assert limit(nothing) is None
    assert limit(by_plan) == ("catalogue", 104, 4000)
    assert limit(one_plan) == ("catalogue", 104, 104)
    look = measured(
        one_plan, {"ep-x-1.eu-central-1.aws.neon.tech"}, LiveServer(max_connections=64, superuser_reserved=3)
    )
    assert limit(look) == ("measured", 64, 64)


# --- Accelerate, and the sums of poolers ---


def test_accelerate_stands_before_the_database_of_its_direct_url() -> None:
    """One database, not two: the pooler over HTTP opens the server of DIRECT_URL."""
    files = {
        "package.json": json.dumps({"name": "shop", "dependencies": {"@prisma/client": "6.19.3"}}),
        ".env": f"DATABASE_URL=prisma://accelerate.prisma-data.net/?api_key=k\nDIRECT_URL={URL}\n",
    }
    made = map_of(files)
    (pooler,) = made.poolers

    assert not pooler.sockets
    assert [each.server for each in pooler.opens] == ["pg.acme.dev"]
    assert {each.role: (each.pooler, each.server) for each in made.routes} == {
        "app": (pooler.name, "pg.acme.dev"), "migration": ("", "pg.acme.dev"),
    }  # fmt: skip


def test_databases_of_a_star_are_those_that_clients_ask_for() -> None:
    """`* = host=...` makes a pool for each database and user of the clients: 3 pools of 10, on 2 replicas."""
    bouncer = {
        "image": "acme/pgbouncer",
        "volumes": ["./pgbouncer.ini:/etc/pgbouncer/pgbouncer.ini"],
        "deploy": {"replicas": 2},
    }
    ini = "[databases]\n* = host=pg.acme.dev\n[pgbouncer]\ndefault_pool_size = 10\nmax_client_conn = 50\n"
    files = compose(
        pgbouncer=bouncer, a=to("postgres://u:x@pgbouncer/one"), b=to("postgres://u:x@pgbouncer/two"), c=to("postgres://v:x@pgbouncer/two"),
    )  # fmt: skip
    made = map_of({**files, "pgbouncer.ini": ini}, Config(max_connections=100, pool=4))
    by_name = {each.name: each for each in rows(made)}

    assert by_name["pgbouncer"].steady.most == 12
    assert by_name["pgbouncer"].capacity == 100
    assert by_name["pg.acme.dev"].steady.most == 60


@pytest.mark.parametrize(
    ("variables", "end"),
    [
        (
            'DATABASE_URL = "postgresql://app:${var.password}@${aws_db_proxy.app.endpoint}/app"',
            "aws_db_proxy.app",
        ),
        ("DB_HOST = aws_db_proxy.app.endpoint", "aws_db_proxy.app"),
        ("DB_HOST = aws_db_instance.main.address", "aws_db_instance.main"),
        ("DATABASE_URL = var.database_url", "var.database_url"),
        ('DATABASE_URL = "postgresql://app:s3cret@${var.host}/app"', "DATABASE_URL"),
    ],
)
def test_proxy_of_terraform(variables: str, end: str) -> None:
    """A function's variables lead to the proxy or the database that they name; the proxy opens its own database."""
    text = (
        'resource "aws_lambda_function" "api" {\n  reserved_concurrent_executions = 40\n  environment {\n    variables = {\n'
        f'      LOG = "info"\n      {variables}\n    }}\n  }}\n}}\n'
        'resource "aws_db_proxy" "app" {\n  name = "app"\n  engine_family = "POSTGRESQL"\n}\n'
        'resource "aws_db_proxy_target" "app" {\n  db_proxy_name = aws_db_proxy.app.name\n  db_instance_identifier = aws_db_instance.main.identifier\n}\n'
    )
    made = map_of({"main.tf": text}, Config(max_connections=100, pool=2))

    assert [each.end for each in made.routes] == [end]
    assert "s3cret" not in repr(made)
    assert [(each.name, each.instances.most) for each in made.clients if each.instances] == [("api", 40)]
    assert [opening.server for each in made.poolers for opening in each.opens] == ["aws_db_instance.main"]
    assert {each.name: each.verdict for each in rows(made) if not each.capacity} in ({}, {end: "cannot say"})


# --- what is asked can be done ---


@pytest.mark.parametrize(
    ("tell", "ask"),
    [
        ("--max N, or [server.NAME] max_connections", "give --max N, or [server.NAME] max_connections"),
        ("name its file: poolcheck lint PATH/pgbouncer.ini", "name its file: poolcheck lint PATH/pgbouncer.ini"),
    ],
)  # fmt: skip
def test_what_is_asked_is_a_sentence(tell: str, ask: str) -> None:
    """Options are given; what is a sentence already stays one."""
    assert Question("x", "", "y", tell).ask == ask


def test_a_container_without_an_image_runs_no_package_without_a_name() -> None:
    """Its image is left to somebody's overlay: that says nothing of which of two packages it runs."""
    files = {
        **code(", max: 40"),
        "package.json": json.dumps({"dependencies": {"pg": "8.13.0"}}),
        "jobs/package.json": json.dumps({"name": "jobs", "dependencies": {"pg": "8.13.0"}}),
        "k8s/api.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api}\nspec:\n  replicas: 2\n  template:\n    spec:\n"
        f"      containers:\n        - name: api\n          image:\n          env: [{{name: DATABASE_URL, value: {URL}}}]\n",
    }

    (api,) = (each for each in map_of(files).clients if each.deployed)

    assert [each.size for each in api.pools if each.size] == []
