"""Servers and poolers that operators make of Kubernetes objects, read by `map --format json` and held against limits by `gate`."""

from pathlib import Path
from typing import Any

import pytest

from poolcheck import catalogue
from poolcheck.readers.deploy import kubernetes
from tests.commands import running
from tests.commands.running import poolcheck
from tests.rules.projects import write

CLUSTER = """
apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata: {name: pg}
spec:
  instances: 1
  postgresql: {parameters: {max_connections: "60"}}
"""
POOLER = """
apiVersion: postgresql.cnpg.io/v1
kind: Pooler
metadata: {name: pg-pooler}
spec:
  cluster: {name: pg}
  instances: 3
  type: rw
  pgbouncer:
    poolMode: transaction
    parameters: {max_client_conn: "1000", default_pool_size: "25"}
"""
APP = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME}
spec:
  replicas: 4
  template:
    spec:
      containers:
        - name: app
          image: acme/NAME:1
          env: [{name: DATABASE_URL, value: "postgresql://app:s3cret@HOST:5432/shop"}]
"""
CRUNCHY = """
apiVersion: postgres-operator.crunchydata.com/v1beta1
kind: PostgresCluster
metadata: {name: hippo}
spec:
  instances: [{name: a, replicas: 2}, {name: b}]
  patroni: {dynamicConfiguration: {postgresql: {parameters: {max_connections: 200}}}}
  proxy:
    pgBouncer:
      replicas: 2
      config: {global: {default_pool_size: "30", pool_mode: transaction}}
"""
ZALANDO = """
apiVersion: acid.zalan.do/v1
kind: postgresql
metadata: {name: acid}
spec:
  numberOfInstances: 1
  enableConnectionPooler: true
  connectionPooler: {numberOfInstances: 2, mode: session, maxDBConnections: 40}
  postgresql: {version: "17", parameters: {max_connections: "50"}}
"""
STACKGRES = """
apiVersion: stackgres.io/v1
kind: SGCluster
metadata: {name: demo}
spec:
  instances: 1
  configurations: {sgPostgresConfig: conf, sgPoolingConfig: pool}
---
apiVersion: stackgres.io/v1
kind: SGPostgresConfig
metadata: {name: conf}
spec: {postgresql.conf: {max_connections: '120'}}
---
apiVersion: stackgres.io/v1
kind: SGPoolingConfig
metadata: {name: pool}
spec:
  pgBouncer:
    pgbouncer.ini:
      pgbouncer: {pool_mode: transaction, max_client_conn: '200', default_pool_size: '80', reserve_pool_size: '0', max_db_connections: '0'}
"""


def app(host: str, name: str = "web") -> str:
    """A workload that connects to a host."""
    return APP.replace("NAME", name).replace("HOST", host)


def within(namespace: str, text: str) -> str:
    """The same objects in a namespace."""
    return text.replace("metadata: {", f"metadata: {{namespace: {namespace}, ")


def mapped(folder: Path, *manifests: str, others: dict[str, str] | None = None) -> Any:
    """The map of these manifests."""
    write(folder, {"pg.yaml": "---".join(manifests), **(others or {})})
    return running.mapped(folder)


def limits(made: Any) -> dict[str, tuple[int | None, int | None]]:
    """Each server's max_connections, least and most."""
    return {
        each["name"]: (each["max_connections"]["low"], each["max_connections"]["high"]) if each["max_connections"] else (None, None)
        for each in made["servers"]
    }  # fmt: skip


def ends(made: Any) -> dict[str, tuple[str, str]]:
    """Client → (pooler, server)."""
    return {each["client"]: (each["pooler"] or "", each["server"]) for each in made["routes"]}


@pytest.mark.parametrize("facts", catalogue.database_objects(), ids=lambda each: each.id)
def test_the_reader_opens_what_the_catalogue_knows(facts: Any) -> None:
    """Its cheap test lets every group pass, and an object is found by group and kind alone."""
    for group in facts.groups:
        for kind in facts.kinds:
            (made,) = kubernetes.read(
                f"apiVersion: {group}/v1\nkind: {kind}\nmetadata: {{name: a}}\n", "a.yaml"
            ).objects
            assert (made.group, made.kind, made.name) == (group, kind, "a")
            assert catalogue.database_object(group, kind) is facts
            assert catalogue.database_object("acme.dev", kind) is None


class TestSums:
    """What an object's numbers come to."""

    @pytest.mark.parametrize(
        ("objects", "server", "limit", "pooler", "mode", "clients", "opens"),
        [
            (CLUSTER + "---" + POOLER, "pg", 60, "pg-pooler", "transaction", 3000, 75),
            (CRUNCHY, "hippo", 200, "hippo-pgbouncer", "transaction", 200, 60),
            (ZALANDO, "acid", 50, "acid-pooler", "session", 20000, 30),  # 2 x (10 + 5); the cap of 20 each is not reached
            (STACKGRES, "demo", 120, "demo pooler", "transaction", 200, 80),
        ],
    )  # fmt: skip
    def test_pooler_before_its_server(
        self, objects: str, server: str, limit: int, pooler: str, mode: str, clients: int, opens: int, tmp_path: Path
    ) -> None:  # fmt: skip
        """Names, mode, clients that it takes, and what all its instances may open."""
        made = mapped(tmp_path, objects)

        assert limits(made) == {server: (limit, limit)}
        (found,) = made["poolers"]
        assert (found["name"], found["mode"], found["max_clients"]["high"]) == (pooler, mode, clients)
        assert [(each["server"], each["most"]["high"]) for each in found["opens"]] == [(server, opens)]

    def test_gate_refuses(self, tmp_path: Path) -> None:
        """3 x 25 of 60, of which 3 are reserved."""
        mapped(tmp_path, CLUSTER, POOLER)
        ran = poolcheck("gate", ".", cwd=tmp_path)
        said = " ".join(ran.out.split())

        assert ran.code == 1
        assert "pg: 75 asked, 75 at deploy, of 57 usable slots" in said

    def test_a_cap_for_each_instance(self, tmp_path: Path) -> None:
        """max_db_connections holds in each process: the advised one is the share of an instance."""
        mapped(tmp_path, CLUSTER, POOLER)
        ran = poolcheck("lint", ".", cwd=tmp_path)

        assert "max_db_connections = 17" in ran.out

    @pytest.mark.parametrize(
        ("objects", "least", "most"),
        [
            (CLUSTER.replace('  postgresql: {parameters: {max_connections: "60"}}\n', ""), 100, 100),
            (CRUNCHY.replace("max_connections: 200", ""), 100, 100),
            (ZALANDO.replace('max_connections: "50"', ""), 100, 1000),
            (STACKGRES.replace("max_connections: '120'", ""), 100, 100),
            (STACKGRES.replace("sgPostgresConfig: conf", "sgPostgresConfig: other"), None, None),
        ],
    )
    def test_defaults(self, objects: str, least: int | None, most: int | None, tmp_path: Path) -> None:
        """The operator's own, where a source tells it."""
        hosts = {
            "Cluster": "pg-rw",
            "PostgresCluster": "hippo-primary",
            "postgresql": "acid",
            "SGCluster": "demo-primary",
        }
        (host,) = [host for kind, host in hosts.items() if f"kind: {kind}\n" in objects]
        made = mapped(tmp_path, objects, app(host))

        assert set(limits(made).values()) == {(least, most)}

    @pytest.mark.parametrize(
        ("change", "opens", "clients"),
        [
            (("default_pool_size: '80', ", ""), 1000, 200),
            (("max_client_conn: '200', ", ""), 80, 1000),
            (("sgPoolingConfig: pool", "sgPoolingConfig: other"), None, None),
        ],
    )
    def test_silent_pooling_config(
        self, change: tuple[str, str], opens: int | None, clients: int | None, tmp_path: Path
    ) -> None:
        """StackGres has its own defaults; what stands in an object that is not in the files has none."""
        (found,) = mapped(tmp_path, STACKGRES.replace(*change))["poolers"]

        assert [each["most"] and each["most"]["high"] for each in found["opens"]] == [opens]
        assert (found["max_clients"] or {"high": None})["high"] == clients

    def test_a_word_in_place_of_a_number(self, tmp_path: Path) -> None:
        """What Flux or a template fills in is not known: no default, and no sum."""
        made = mapped(
            tmp_path,
            CLUSTER.replace('"60"', '"${MAX}"'),
            POOLER.replace('"25"', '"${SIZE}"').replace(": 3", ": ${N}"),
        )

        assert limits(made) == {"pg": (None, None)}
        assert made["poolers"][0]["opens"] == [{"server": "pg", "most": None}]
        assert (made["poolers"][0]["replicas"]["low"], made["poolers"][0]["replicas"]["high"]) == (1, None)

    def test_two_places_that_say_different_things(self, tmp_path: Path) -> None:
        """Crunchy takes parameters in two places; which one wins depends on its version."""
        made = mapped(tmp_path, CRUNCHY + "  config: {parameters: {max_connections: 300}}\n")

        assert limits(made) == {"hippo": (None, None)}

    def test_pgbouncer_with_a_file_of_its_own(self, tmp_path: Path) -> None:
        """What its file may say has no default."""
        made = mapped(
            tmp_path,
            CRUNCHY.replace(
                'global: {default_pool_size: "30",', "files: [{configMap: {name: x}}], global: {"
            ),
        )

        assert made["poolers"][0]["opens"] == [{"server": "hippo", "most": None}]

    @pytest.mark.parametrize(
        ("objects", "change"),
        [
            (ZALANDO, ("enableConnectionPooler: true", "enableConnectionPooler: false")),
            (CRUNCHY, ("pgBouncer:", "other:")),
            (STACKGRES, ("  instances: 1", "  instances: 1\n  pods: {disableConnectionPooling: true}")),
        ],
    )
    def test_switched_off(self, objects: str, change: tuple[str, str], tmp_path: Path) -> None:
        """No pooler where the object has none."""
        made = mapped(tmp_path, objects.replace(*change), app("pg.acme.dev"))

        assert made["poolers"] == []


class TestNames:
    """Who is reached by which Service."""

    def test_services(self, tmp_path: Path) -> None:
        """The primary, the replicas, and the pooler; with and without the cluster's ending."""
        three = CLUSTER.replace("instances: 1", "instances: 3")
        clients = [app("pg-rw", "a"), app("pg-rw.svc", "b"), app("pg-ro", "c"), app("pg-pooler", "d")]
        made = mapped(tmp_path, three, POOLER, *clients)

        assert ends(made) == {
            "a": ("", "pg"),
            "b": ("", "pg"),
            "c": ("", "pg replicas"),
            "d": ("pg-pooler", "pg"),
        }
        assert limits(made) == {"pg": (60, 60), "pg replicas": (120, 120)}

    @pytest.mark.parametrize("host", ["demo", "demo-primary"])
    def test_two_names_of_one_service(self, host: str, tmp_path: Path) -> None:
        """Behind both stands the pooler, if the cluster has one."""
        made = mapped(tmp_path, STACKGRES, app(host))
        without = STACKGRES.replace(
            "  instances: 1", "  instances: 1\n  pods: {disableConnectionPooling: true}"
        )

        assert ends(made) == {"web": ("demo pooler", "demo")}
        assert made["servers"][0]["reserved"]["high"] == 8
        assert ends(mapped(tmp_path, without, app(host))) == {"web": ("", "demo")}

    def test_one_instance_is_its_own_replica(self, tmp_path: Path) -> None:
        """`-r` leads to the primary where there is no other."""
        made = mapped(tmp_path, CLUSTER, app("pg-r"))

        assert limits(made) == {"pg": (60, 60)}

    def test_one_name_in_two_namespaces(self, tmp_path: Path) -> None:
        """Each client reaches its own; a pooler never leaves its namespace."""
        a, b = (
            within(space, f"{CLUSTER}---{POOLER}---{app('pg-rw')}---{app('pg-pooler', 'jobs')}")
            for space in ("a", "b")
        )
        made = mapped(
            tmp_path,
            a,
            b.replace('"60"', '"90"').replace('"25"', '"10"'),
            app("pg-rw.b.svc.cluster.local", "other"),
        )

        assert limits(made) == {"pg.a": (60, 60), "pg.b": (90, 90)}
        assert {each["name"]: [(one["server"], one["most"]["high"]) for one in each["opens"]] for each in made["poolers"]} == {
            "pg-pooler.a": [("pg.a", 75)], "pg-pooler.b": [("pg.b", 30)],
        }  # fmt: skip
        assert sorted(each["server"] for each in made["routes"]) == ["pg.a", "pg.a", "pg.b", "pg.b", "pg.b"]

    def test_secret_of_the_operator(self, tmp_path: Path) -> None:
        """Nobody writes its text, and its name tells the server; another namespace's does not."""
        env = "valueFrom: {secretKeyRef: {name: pg-app, key: uri}}"
        client = app("X").replace('value: "postgresql://app:s3cret@X:5432/shop"', env)
        other = within("b", client.replace("web", "other"))
        made = mapped(tmp_path, within("a", CLUSTER), within("a", client), other)

        assert ends(made) == {"web": ("", "pg"), "other": ("", "b/pg-app/uri")}
        assert limits(made)["pg"] == (60, 60)

    def test_pooler_without_its_cluster(self, tmp_path: Path) -> None:
        """What it opens is known, and what the server takes is not: no verdict."""
        made = mapped(tmp_path, POOLER)

        assert limits(made) == {"pg-rw": (None, None)}
        assert made["servers"][0]["asked"]["steady"]["high"] == 75
        assert made["servers"][0]["verdict"] == "cannot say"

    def test_the_same_object_twice(self, tmp_path: Path) -> None:
        """Two files for one name: which of them is deployed is asked, and neither counts."""
        made = mapped(
            tmp_path, CLUSTER, others={"b.yaml": CLUSTER.replace("60", "90"), "app.yaml": app("pg-rw")}
        )

        assert limits(made) == {"pg-rw": (None, None)}

    def test_databases_of_its_own(self, tmp_path: Path) -> None:
        """Written lines of [databases] stand for the operator's."""
        own = CRUNCHY.replace(
            "config: {", 'config: {databases: {orders: "host=hippo-primary port=5432 pool_size=7"}, '
        )
        made = mapped(tmp_path, own)

        assert [(each["server"], each["most"]["high"]) for each in made["poolers"][0]["opens"]] == [
            ("hippo", 14)
        ]


class TestLayers:
    """Objects out of overlays and charts."""

    def test_overlay(self, tmp_path: Path) -> None:
        """The patch of production counts, with its place; what it does not name stays."""
        patch = CLUSTER.replace("  instances: 1\n", "").replace("60", "200")
        files = {
            "base/kustomization.yaml": "resources: [pg.yaml]\n",
            "base/pg.yaml": CLUSTER + "---" + POOLER,
            "prod/kustomization.yaml": "resources: [../base]\npatches: [{path: more.yaml}]\n",
            "prod/more.yaml": patch,
        }
        made = mapped(tmp_path, "kind: List\n", others=files)

        assert limits(made) == {"pg": (200, 200)}
        assert made["servers"][0]["max_connections"]["where"] == {"path": "prod/more.yaml", "line": 6}

    def test_chart(self, tmp_path: Path) -> None:
        """Filled in with its values; without a values file none of the numbers is known, and none is made up."""
        chart = {
            "chart/Chart.yaml": "name: db\n",
            "chart/templates/pg.yaml": CLUSTER.replace('"60"', '"{{ .Values.max }}"')
            + "---"
            + POOLER.replace(": 3", ": {{ .Values.bouncers }}"),
        }
        made = mapped(
            tmp_path, "kind: List\n", others={**chart, "chart/values.yaml": "max: 80\nbouncers: 2\n"}
        )
        assert limits(made) == {"pg": (80, 80)}
        assert made["poolers"][0]["opens"][0]["most"]["high"] == 50

        (tmp_path / "chart/values.yaml").unlink()
        ran = poolcheck("map", "--format", "json", ".", cwd=tmp_path)
        assert '"high": 60' not in ran.out
        assert '"high": 50' not in ran.out

    def test_component_of_several_apps(self, tmp_path: Path) -> None:
        """Apps that share a component are no variants of one another: none is left out."""
        files = {"common/kustomization.yaml": "kind: Component\nresources: []\n"}
        for name, text in (("db", CLUSTER), ("bouncer", POOLER)):
            files[f"{name}/kustomization.yaml"] = "components: [../common]\nresources: [own.yaml]\n"
            files[f"{name}/own.yaml"] = text
        made = mapped(tmp_path, "kind: List\n", others=files)

        assert limits(made) == {"pg": (60, 60)}
