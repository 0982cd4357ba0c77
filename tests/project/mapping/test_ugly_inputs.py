"""What nobody writes on purpose: a clear answer, in time that grows with the input, and no number out of nothing."""

import json
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolcheck.capacity.asked import rows
from poolcheck.config.settings import Config
from poolcheck.model.connection_map import Map
from poolcheck.output.sections import map as section
from tests.project.mapping.test_never_lost import holds, map_of
from tests.project.mapping.test_rules_of_evidence import compose, to

INI = "[databases]\n{line}\n[pgbouncer]\nlisten_port = 6432\ndefault_pool_size = 10\nmax_client_conn = 50\n"
BOUNCER = {"image": "acme/pgbouncer", "volumes": ["./inner/pgbouncer.ini:/etc/pgbouncer/pgbouncer.ini"]}
OUTER = {"image": "acme/pgbouncer", "volumes": ["./outer/pgbouncer.ini:/etc/pgbouncer/pgbouncer.ini"]}
DB = {"image": "postgres:17"}


def by_name(map_: Map) -> dict[str, str]:
    """Each row as `steady of capacity: verdict`."""
    return {each.name: f"{each.steady.most} of {each.capacity}: {each.verdict}" for each in rows(map_)}


def manifests(number: int) -> dict[str, str]:
    """So many workloads, a file each, that share one secret."""
    return {
        f"k8s/{at}.yaml": f"apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app-{at}\nspec:\n  replicas: 2\n  template:\n    spec:\n      containers:\n        - name: app\n          image: acme/app-{at}\n          env:\n            - name: DATABASE_URL\n              valueFrom: {{secretKeyRef: {{name: pg, key: url}}}}\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: app-{at}\nspec:\n  selector: {{app: app-{at}}}\n"
        for at in range(number)
    }


def test_services_that_need_one_another() -> None:
    """A cycle of depends_on and of extends ends, and both are clients."""
    first = {
        "image": "acme/a",
        "depends_on": ["b"],
        "extends": {"service": "b"},
        "environment": {"DATABASE_URL": "postgres://u:x@db/a"},
    }
    second = {
        "image": "acme/b",
        "depends_on": ["a"],
        "extends": {"service": "a"},
        "environment": {"DATABASE_URL": "postgres://u:x@db/a"},
    }
    made = map_of(compose(db=DB, a=first, b=second), Config(pool=5))

    assert by_name(made) == {"db": "10 of 97: fits"}


def test_chain_of_poolers() -> None:
    """pgbouncer → pgbouncer → db: the inner one's clients are the outer one's server connections."""
    files = compose(db=DB, inner=BOUNCER, outer=OUTER, api=to("postgres://u:x@outer:6432/app"))
    inis = {
        "inner/pgbouncer.ini": INI.format(line="app = host=db"),
        "outer/pgbouncer.ini": INI.format(line="app = host=inner port=6432"),
    }
    made = map_of({**files, **inis}, Config(pool=20))

    assert by_name(made) == {"outer": "20 of 50: fits", "inner": "10 of 50: fits", "db": "10 of 97: fits"}
    assert {each.name for each in made.servers} == {"db"}


def test_pooler_before_itself() -> None:
    """Its clients are counted, and it is no server of its own."""
    files = compose(bouncer=BOUNCER, api=to("postgres://u:x@bouncer:6432/app"))
    made = map_of(
        {**files, "inner/pgbouncer.ini": INI.format(line="app = host=bouncer port=6432")}, Config(pool=20)
    )

    assert by_name(made)["bouncer"].startswith("20 of 50")
    assert [each.name for each in made.poolers] == ["bouncer"]


def test_pooler_and_server_of_one_host() -> None:
    """Port 6432 of a host is its pooler, 5432 its server: nobody is counted at both."""
    files = compose(
        a=to("postgres://u:x@10.0.0.1:5432/a"),
        b=to("postgres://u:x@10.0.0.1:6432/a"),
        c=to("postgres://u:x@10.0.0.1/a?pgbouncer=true"),
    )
    made = map_of(files, Config(pool=5, max_connections=50))

    assert [(row.name, [each.name for each in row.terms]) for row in rows(made)] == [
        ("10.0.0.1:6432", ["b"]), ("10.0.0.1 (compose.yaml)", ["c"]), ("10.0.0.1", ["a"]),
    ]  # fmt: skip


def test_two_servers_of_one_host() -> None:
    """The port tells them apart."""
    files = compose(a=to("postgres://u:x@10.0.0.1:5432/a"), b=to("postgres://u:x@10.0.0.1:5433/a"))

    assert by_name(map_of(files, Config(pool=5, max_connections=50))) == {
        "10.0.0.1": "5 of 47: fits", "10.0.0.1:5433": "5 of 47: fits",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("url", "addresses"),
    [
        ("postgres://u:x@[2001:db8::1]:5433/a", ("2001:db8::1:5433", "[2001:db8::1]:5433")),
        ("postgres://u:x@a.acme.dev:5432,b.acme.dev:5433/a", ("a.acme.dev:5432",)),
        ("postgres://u:x@/a?host=/var/run/postgresql", ("/var/run/postgresql:5432",)),
        ("host=/var/run/postgresql dbname=a user=u", ("/var/run/postgresql:5432",)),
    ],
)
def test_hosts_of_other_forms(url: str, addresses: tuple[str, ...]) -> None:
    """IPv6, several hosts, a socket: one client, one server."""
    made = map_of(compose(api=to(url)), Config(pool=5, max_connections=50))

    assert [each.name for each in made.clients] == ["api"]
    assert len(made.servers) == 1
    assert not made.servers[0].addresses or made.servers[0].addresses[0] in addresses
    holds(made)


def test_names_that_meet() -> None:
    """A service called like a server, two files with one service each: none is merged, none is lost."""
    one = compose(db=DB, api=to("postgres://u:x@db/a"))["compose.yaml"]
    two = compose(db=DB, api=to("postgres://u:x@db/a"))["compose.yaml"]
    made = map_of({"shop/compose.yaml": one, "billing/compose.yaml": two}, Config(pool=5))

    assert len(made.clients) == 2
    assert len({each.name for each in made.clients}) == 2
    assert sorted(by_name(made).values()) == ["5 of 97: fits"] * 2


@pytest.mark.parametrize(
    ("replicas", "asked"),
    [(999999, 4_999_995), (0, 0), ("-3", None), ("two", None), ("1e3", None), ("٣", None), ("${N}", None)],
)
def test_odd_replicas(replicas: object, asked: int | None) -> None:
    """A huge number is counted; one that is none is asked for, or is compose's own 1, and never a crash."""
    made = map_of(
        compose(db=DB, api=to("postgres://u:x@db/a", deploy={"replicas": replicas})), Config(pool=5)
    )

    assert [each.name for each in made.clients] == ["api"]
    if asked is None:
        assert "api: instances" in {f"{each.of}: {each.what}" for each in made.questions}
    elif asked:
        assert rows(made)[0].steady.most == asked
    else:
        assert not rows(made)


def test_two_hundred_pools() -> None:
    """They add up, each once."""
    source = "const { Pool } = require('pg')\n" + "".join(
        f"const p{at} = new Pool({{ connectionString: process.env.DATABASE_URL, max: 3 }})\n"
        for at in range(200)
    )
    files = {
        "package.json": json.dumps({"name": "api", "dependencies": {"pg": "8.13.0"}}),
        "db.js": source,
        ".env": "DATABASE_URL=postgres://u:x@pg.acme.dev/a\n",
    }
    (row,) = rows(map_of(files, Config(max_connections=100, instances=2)))

    assert row.steady.most == 1200
    assert row.steady.equation.endswith("= 1200")


@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\r\n\x00", exclude_categories=["Cs"]), min_size=1, max_size=12),
        min_size=1, max_size=4, unique=True,
    )
)  # fmt: skip
@settings(deadline=None, max_examples=80)
def test_names_of_any_letters(names: list[str]) -> None:
    """Right-to-left marks, zero widths, capitals of other scripts: who is read is there once, and nothing invisible is shown."""
    services = {f"s{name}": to("postgres://u:x@db/a") for name in names}
    made = map_of(compose(db=DB, **services), Config(pool=5))

    holds(made)
    shown = json.dumps(section.record(made), ensure_ascii=False)
    assert not any(not one.isprintable() for one in shown.replace("\n", ""))


def test_template_without_its_values() -> None:
    """A chart whose values are not there: skipped or asked for, no client with a number."""
    template = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: api\nspec:\n  replicas: {{ .Values.replicas }}\n  template:\n    spec:\n      containers:\n        - name: api\n          image: acme/api\n          env:\n            - name: DATABASE_URL\n              value: {{ .Values.url }}\n"
    made = map_of({"chart/Chart.yaml": "name: api\nversion: 1.0.0\n", "chart/templates/api.yaml": template})

    assert all(each.instances is None for each in made.clients)


def test_work_grows_with_the_manifests() -> None:
    """Four times the manifests: four times the calls of Python, from files to the sums."""

    def counted(number: int) -> int:
        calls = 0

        def count(frame: object, event: str, argument: object) -> None:
            nonlocal calls
            calls += event == "call"

        files = manifests(number)
        before = sys.getprofile()
        sys.setprofile(count)
        try:
            made = map_of(files)
            rows(made)
        finally:
            sys.setprofile(before)
        assert len(made.clients) == number
        return calls

    counted(5)  # what is imported and cached once
    assert counted(160) <= 4.4 * counted(40)


def test_services_of_one_env_file_that_is_not_here() -> None:
    """The second says nothing but its image and its env file, which are the first one's: it is a client, too."""
    first = {"image": "acme/report", "env_file": "/opt/report/env", "depends_on": ["postgres"]}
    second = {"image": "acme/report", "env_file": "/opt/report/env", "depends_on": ["first"]}
    other = {"image": "acme/front", "env_file": "/opt/report/env", "depends_on": ["first"]}
    made = map_of(compose(postgres={"image": "acme/upgraded"}, first=first, second=second, other=other))

    assert [each.name for each in made.clients] == ["first", "second"]
    assert {each.server for each in made.routes} == {"postgres"}


@pytest.mark.parametrize(("web", "once"), [(["web"], False), ([], True)])
def test_profiles(web: list[str], once: bool) -> None:
    """A profile is for people, unless every service of the file has one."""
    files = compose(
        db={**DB, "profiles": ["db"]}, web=to("postgres://u:x@db/a", profiles=web), tool=to("postgres://u:x@db/a", profiles=["tool"]),
    )  # fmt: skip

    assert [each.once for each in map_of(files).clients if each.name == "tool"] == [once]


def test_what_is_no_string_of_postgresql() -> None:
    """Another product's DSN is no route."""
    made = map_of(
        compose(
            db=DB,
            api=to("postgres://u:x@db/a", build="."),
            web={"build": ".", "environment": {"SENTRY_DSN": "${SENTRY_DSN}"}},
        )
    )

    assert [(each.client, each.server) for each in made.routes] == [("api", "db")]


def test_hosts_of_an_env_file() -> None:
    """DB_HOST without a kind beside it: the server of this file."""
    files = compose(db=DB, api={"image": "acme/x", "env_file": "net.env"})
    made = map_of({**files, "net.env": "DB_HOST=db\nREDIS_HOST=cache\n"})

    assert [(each.variable, each.server) for each in made.routes] == [("DB_HOST", "db")]


def test_string_that_stands_in() -> None:
    """`${DATABASE_URL:-postgres://…@db/…}` leads to the database of the file, as `${DATABASE_URL}` with no default does not."""
    files = compose(
        db={"image": "docker.io/library/postgres:18"}, api=to("${DATABASE_URL:-postgres://u:x@db:5432/a}"), jobs=to("${DATABASE_URL}"),
    )  # fmt: skip
    made = map_of(files, Config(pool=5))

    assert {each.client: each.server for each in made.routes} == {"api": "db", "jobs": "DATABASE_URL"}
    assert by_name(made)["db"] == "5 of 97: fits"


def test_address_in_a_config_of_the_code() -> None:
    """The compose file says nothing, the application's own config names its database: Spring's habit."""
    files = compose(db=DB, backend={"build": "backend"})
    pom = "<project><artifactId>backend</artifactId><dependencies><dependency><groupId>org.postgresql</groupId><artifactId>postgresql</artifactId><version>42.7.4</version></dependency></dependencies></project>"
    config = {
        "backend/src/main/resources/application.properties": "spring.datasource.url=jdbc:postgresql://db:5432/app\n"
    }
    made = map_of({**files, "backend/pom.xml": pom, **config})

    assert [(each.client, each.server) for each in made.routes] == [("backend", "db")]


@pytest.mark.parametrize(
    "text",
    [
        "postgres://u:hunter2@${HOST:-hunter2}/x", "${A:-hunter2${B}}", "${X}hunter2", "hunter2${X}", "postgres://u:${X}hunter2@${H}hunter2/hunter2",
        "postgres://u:hunter2/a@${H}/x", "postgres://u:hun@ter2${H}/x?password=hunter2",
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["DATABASE_URL", "POSTGRES_HOST", "ORDERS_DSN"])
def test_no_piece_of_a_string_is_a_name(text: str, name: str) -> None:
    """What is filled in names a server; what stands around it may be a password."""
    api = {"image": "acme/x", "environment": {name: text}}
    function = f"functions:\n  api:\n    handler: a.b\n    reservedConcurrency: 5\n    environment:\n      {name}: '{text}'\n"
    workload = f"apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: x\nspec:\n  template:\n    spec:\n      containers:\n        - name: x\n          image: acme/x\n          env:\n            - name: {name}\n              value: '{text}'\n"
    made = map_of(
        {
            **compose(api=api),
            "serverless.yml": f"service: x\nprovider: {{name: aws}}\n{function}",
            "k8s/x.yaml": workload,
        }
    )

    assert "hunter2" not in json.dumps(section.record(made))
    assert "ter2" not in " ".join(each.name for each in made.servers)
