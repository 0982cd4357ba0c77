"""Nobody is lost: for any compose file and any manifests, each program with a route to a server is in the map or a question.

Sums are the sums of their terms, nobody is counted twice, clients of a pooler are not counted on the server behind it,
and the same files make the same map.
"""

import base64
import os
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from poolcheck.capacity.asked import rows
from poolcheck.config.settings import Config
from poolcheck.model.connection_map import Map
from poolcheck.project import assumptions, collect
from tests.rules.projects import write

NAMES = st.sampled_from("api web worker mail jobs cron admin reports sync feed".split())
PASSWORD = "s3cret"
# How a program is told where its database is. `{host}` is filled in.
WAYS = st.sampled_from(
    [
        "url",
        "filled-in",
        "jdbc",
        "keywords",
        "other name",
        "parts",
        "unusual part",
        "env_file",
        "argument",
        "unread",
    ]
)


def settings_of(way: str, host: str) -> dict[str, str]:
    """The variables of a program."""
    url = f"postgresql://app:{PASSWORD}@{host}:5432/app"
    return {
        "url": {"DATABASE_URL": url},
        "filled-in": {"DATABASE_URL": f"postgresql://app:${{DB_PASSWORD}}@{host}/app"},
        "jdbc": {"SPRING_DATASOURCE_URL": f"jdbc:postgresql://{host}:5432/app"},
        "keywords": {"ConnectionStrings__Default": f"Host={host};Port=5432;Database=app;Username=app"},
        "other name": {"ORDERS_STORE": url},
        "parts": {"POSTGRES_HOST": host, "POSTGRES_DB": "app"},
        "unusual part": {"KC_DB_URL_HOST": host},
        "unread": {"DATABASE_URL": "${DATABASE_URL}"},
    }.get(way, {})


@st.composite
def composes(draw: st.DrawFn) -> dict[str, str]:
    """Files of a compose project; every service but the database and the pooler connects."""
    pooled = draw(st.booleans())
    services: dict[str, Any] = {
        "db": {"image": "postgres:17", "command": ["-c", f"max_connections={draw(st.integers(20, 900))}"]}
    }
    if pooled:
        services["pooler"] = {
            "image": "edoburu/pgbouncer:1.23",
            "environment": {"DB_HOST": "db", "DB_NAME": "app", "DB_USER": "app", "DEFAULT_POOL_SIZE": "15", "MAX_CLIENT_CONN": "300"},
        }  # fmt: skip
    files: dict[str, str] = {}
    for name in draw(st.lists(NAMES, min_size=1, max_size=6, unique=True)):
        way = draw(WAYS)
        host = draw(st.sampled_from(["db", "pooler"] if pooled else ["db"]))
        service: dict[str, Any] = {
            "image": draw(st.sampled_from([f"acme/{name}:1", "n8nio/n8n", "acme/all"]))
        }
        if variables := settings_of(way, host):
            service["environment"] = draw(st.sampled_from([variables, [f"{key}={value}" for key, value in variables.items()]]))  # fmt: skip
        if way == "env_file":
            service["env_file"] = f"{name}.env"
            files[f"{name}.env"] = f"DATABASE_URL=postgresql://app:{PASSWORD}@{host}:5432/app\n"
        if way == "argument":
            service["command"] = ["serve", f"--database-url=postgresql://app:{PASSWORD}@{host}/app"]
        if draw(st.booleans()):
            service["deploy"] = {"replicas": draw(st.integers(0, 12))}
        if draw(st.booleans()):
            service["profiles"] = ["tools"]
        if draw(st.booleans()):
            service["depends_on"] = ["db", name]  # a cycle is nobody's reason to stop
        services[name] = service
    return {"compose.yaml": yaml.safe_dump({"services": services}), **files}


@st.composite
def clusters(draw: st.DrawFn) -> dict[str, str]:
    """Manifests of a cluster, and under `expected` who connects."""
    documents: list[dict[str, Any]] = []
    for space in draw(
        st.lists(st.sampled_from(["", "shop", "billing"]), min_size=1, max_size=2, unique=True)
    ):
        meta = {"namespace": space} if space else {}
        documents += [
            {"kind": "StatefulSet", "metadata": {"name": "db", **meta}, "spec": {"replicas": 1, "template": {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "db", "image": "postgres:17"}]}}}},
            {"kind": "Service", "metadata": {"name": "db", **meta}, "spec": {"selector": {"app": "db"}}},
            {"kind": "Secret", "metadata": {"name": "held", **meta}, "data": {"DATABASE_URL": base64.b64encode(f"postgresql://app:{PASSWORD}@db/app".encode()).decode()}},
            {"kind": "ConfigMap", "metadata": {"name": "hosts", **meta}, "data": {"POSTGRES_HOST": "db", "POSTGRES_DB": "app"}},
        ]  # fmt: skip
        for name in draw(st.lists(NAMES, min_size=1, max_size=5, unique=True)):
            kind = draw(
                st.sampled_from(
                    ["Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job", "Pod", "Rollout"]
                )
            )
            containers = [_container(draw, name, space)]
            if draw(st.booleans()):
                containers.insert(draw(st.integers(0, 1)), {"name": "proxy", "image": "envoy:1"})
            spec: dict[str, Any] = {"containers": containers}
            if draw(st.booleans()):
                spec["initContainers"] = [_container(draw, "first", space)]
            template = {"metadata": {"labels": {"app": name}}, "spec": spec}
            whole: dict[str, Any] = {"template": template}
            if kind in ("Deployment", "StatefulSet", "Rollout") and draw(st.booleans()):
                whole["replicas"] = draw(st.integers(0, 40))
            if kind == "CronJob":
                whole = {"jobTemplate": {"spec": whole}}
            documents.append(
                {"kind": kind, "metadata": {"name": name, **meta}, "spec": spec if kind == "Pod" else whole}
            )
            if kind == "Deployment" and draw(st.booleans()):
                documents.append({"kind": "HorizontalPodAutoscaler", "metadata": {"name": name, **meta}, "spec": {"scaleTargetRef": {"name": name}, "minReplicas": 1, "maxReplicas": draw(st.integers(1, 30))}})  # fmt: skip
    return {"k8s/all.yaml": yaml.safe_dump_all({"apiVersion": "v1", **each} for each in documents)}


def _container(draw: st.DrawFn, name: str, space: str) -> dict[str, Any]:
    how = draw(
        st.sampled_from(
            [
                "value",
                "secret",
                "held key",
                "envFrom held",
                "envFrom map",
                "envFrom unknown",
                "parts",
                "argument",
            ]
        )
    )
    container: dict[str, Any] = {"name": name, "image": f"acme/{name}:1"}
    host = draw(
        st.sampled_from(
            ["db", *([f"db.{space}", f"db.{space}.svc", f"db.{space}.svc.cluster.local"] if space else [])]
        )
    )
    if how == "value":
        container["env"] = [{"name": "DATABASE_URL", "value": f"postgresql://app:$(PW)@{host}/app"}]
    elif how in ("secret", "held key"):
        of = {"name": "held" if how == "held key" else "vault", "key": "DATABASE_URL"}
        container["env"] = [{"name": "DATABASE_URL", "valueFrom": {"secretKeyRef": of}}]
    elif how == "parts":
        container["env"] = [{"name": "PGHOST", "value": host}]
    elif how == "argument":
        container["args"] = ["--dsn", f"postgresql://app:{PASSWORD}@{host}/app"]
    elif how == "envFrom unknown":
        container["envFrom"] = [{"secretRef": {"name": "vault"}}]
        container["env"] = [{"name": "DATABASE_URL", "value": f"postgresql://app:{PASSWORD}@{host}/app"}]
    else:
        of = {"secretRef": {"name": "held"}} if how == "envFrom held" else {"configMapRef": {"name": "hosts"}}  # type: ignore[dict-item]
        container["envFrom"] = [of]
    return container


def map_of(files: Mapping[str, str], config: Config | None = None) -> Map:
    """The map of a folder with these files."""
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), files)
        os.chdir(folder)
        try:
            used = config or Config(max_connections=100)
            return assumptions.context(collect.collect((".",), used), used).map
        finally:
            os.chdir(before)


def holds(map_: Map) -> None:
    """What is true of every map."""
    assert max(Counter(each.name for each in map_.clients).values(), default=1) == 1
    assert max(Counter(each.id for each in map_.routes).values(), default=1) == 1
    ends = {*(each.name for each in map_.servers), *(each.name for each in map_.poolers)}
    for row in rows(map_):
        steady = sum(each.steady.most for each in row.terms)
        assert row.steady.most == steady, row.equation
        assert row.deploy.most >= row.steady.most
        names = Counter(
            [*(each.name for each in row.terms), *(each.name for each in row.left), *row.once, *row.unknown]
        )
        assert max(names.values(), default=1) == 1, names
    for route in map_.routes:
        assert route.end in ends, route
        if route.pooler and route.server:
            direct = {
                each.name
                for row in rows(map_)
                if row.name == route.server
                for each in row.terms
                if not each.pooler
            }
            others = {each.client for each in map_.routes if each.server == route.server and not each.pooler}
            assert route.client not in direct - others


@given(composes())
@settings(deadline=None)
def test_compose(files: dict[str, str]) -> None:
    """Each service that connects is a client, and its end is what its files say."""
    made = map_of(files)

    services = set(yaml.safe_load(files["compose.yaml"])["services"]) - {"db", "pooler"}
    assert services == {each.name for each in made.clients}
    holds(made)
    assert repr(map_of(files)) == repr(made)
    assert PASSWORD not in repr(made)


@given(clusters())
@settings(max_examples=60, deadline=None)
def test_kubernetes(files: dict[str, str]) -> None:
    """Each workload, and each container that runs before it, is a client; those of two namespaces are two."""
    made = map_of(files)

    expected: Counter[str] = Counter()
    for document in yaml.safe_load_all(files["k8s/all.yaml"]):
        spec = document.get("spec", {})
        inner = spec.get("jobTemplate", {}).get("spec", spec)
        pod = inner.get("template", {}).get("spec", inner)
        if (
            document["kind"] in ("Service", "Secret", "ConfigMap", "HorizontalPodAutoscaler")
            or document["metadata"]["name"] == "db"
        ):
            continue
        name = document["metadata"]["name"]
        expected[name] += 1
        if "initContainers" in pod and document["kind"] not in ("Job", "CronJob"):
            expected[f"{name}/first"] += 1
    found = Counter(each.name.partition(" (")[0] for each in made.clients)
    assert found == expected, (found - expected, expected - found)
    holds(made)
    assert repr(map_of(files)) == repr(made)
    assert PASSWORD not in repr(made)
