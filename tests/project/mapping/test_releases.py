"""Releases of charts by their values: Flux, Argo CD and Kustomize; Secrets that an operator makes."""

import json
from pathlib import Path
from typing import Any

import pytest

from poolcheck.model.connection_map import Map
from tests.project.mapping.test_compose_files import led, sizes
from tests.project.mapping.test_images import map_of

CLUSTER = "apiVersion: postgresql.cnpg.io/v1\nkind: Cluster\nmetadata: {name: main, namespace: data}\nspec: {instances: 3, postgresql: {parameters: {max_connections: '150'}}}\n"
HOST = "main-rw.data.svc.cluster.local"


def flux(name: str, chart: str, values: dict[str, Any]) -> str:
    """A HelmRelease, in YAML as JSON writes it."""
    spec = {"chart": {"spec": {"chart": chart}}, "values": values}
    return f"apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: {name}}}\nspec: {json.dumps(spec)}\n"


def argo(name: str, chart: str, values: dict[str, Any], *, text: bool) -> str:
    """The same of Argo CD, whose values are an object or a text."""
    helm = {"values": json.dumps(values)} if text else {"valuesObject": values}
    spec = {"source": {"chart": chart, "helm": helm}, "destination": {"namespace": "apps"}}
    return f"apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: {name}}}\nspec: {json.dumps(spec)}\n"


def template(container: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Values of an app-template with one container."""
    return {"controllers": {"it": {"containers": {"app": container}, **more}}}


def app(image: str, env: Any, **more: Any) -> dict[str, Any]:
    """A container of an app-template."""
    return {"image": {"repository": image, "tag": "1"}, "env": env, **more}


def made(files: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Map:
    """The map of these files beside a cluster."""
    return map_of({"db.yaml": CLUSTER, **files}, folder, monkeypatch)


@pytest.mark.parametrize(
    "env",
    [
        {"DB_TYPE": "postgresdb", "DB_POSTGRESDB_HOST": HOST, "DB_POSTGRESDB_POOL_SIZE": 7},
        [{"name": "DB_TYPE", "value": "postgresdb"}, {"name": "DB_POSTGRESDB_HOST", "value": HOST}, {"name": "DB_POSTGRESDB_POOL_SIZE", "value": "7"}],
        {"DB_TYPE": {"value": "postgresdb"}, "DB_POSTGRESDB_HOST": {"value": HOST}, "DB_POSTGRESDB_POOL_SIZE": {"value": "7"}},
    ],
)  # fmt: skip
def test_app_template(env: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Image, variables and replicas as Kubernetes is told them; the old pod goes first."""
    values = template(app("docker.io/n8nio/n8n", env), replicas=3)
    map_ = made({"n8n.yaml": flux("n8n", "app-template", values)}, tmp_path, monkeypatch)
    assert (led(map_), sizes(map_, "n8n")) == ({"n8n": "main"}, [7])
    client = map_.client("n8n")
    assert client is not None
    assert client.instances is not None
    assert client.surge is not None
    assert (client.instances.most, client.surge.most) == (3, 0)


def test_controllers_and_steps_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each controller is a client, a job and what runs before the containers once, what is switched off nothing."""
    url = {"DATABASE_URL": f"postgresql://u:p@{HOST}:5432/app"}
    values = {
        "controllers": {
            "web": {
                "initContainers": {"migrate": app("acme/app", url)},
                "containers": {"app": app("acme/app", url)},
            },
            "clean": {"type": "cronjob", "containers": {"app": app("acme/app", url)}},
            "old": {"enabled": False, "containers": {"app": app("acme/app", url)}},
        }
    }
    map_ = made({"app.yaml": flux("app", "app-template", values)}, tmp_path, monkeypatch)
    assert led(map_) == {"app-web": "main", "app-web/migrate": "once main", "app-clean": "once main"}


@pytest.mark.parametrize("form", ["flux", "argo", "argo text", "kustomize", "kustomize file"])
def test_any_chart(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host of a database in the values leads to its server; how many pods there are by default is asked for."""
    values = {
        "externalDatabase": {"host": HOST, "port": 5432},
        "image": {"repository": "acme/shop"},
        "redis": {"host": "redis"},
    }
    kustomize = {
        "helmCharts": [
            {
                "name": "shop",
                "releaseName": "shop",
                **({"valuesFile": "v.yaml"} if "file" in form else {"valuesInline": values}),
            }
        ]
    }
    files = {
        "flux": {"it.yaml": flux("shop", "shop", values)},
        "argo": {"it.yaml": argo("shop", "shop", values, text=False)},
        "argo text": {"it.yaml": argo("shop", "shop", values, text=True)},
        "kustomize": {"kustomization.yaml": json.dumps(kustomize)},
        "kustomize file": {"kustomization.yaml": json.dumps(kustomize), "v.yaml": json.dumps(values)},
    }[form]  # fmt: skip
    map_ = made(files, tmp_path, monkeypatch)
    assert led(map_) == {"shop": "main"}
    assert sorted(each.what for each in map_.questions if each.of == "shop") == ["instances", "pool"]


def test_a_chart_says_its_replicas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the values do."""
    values = {
        "replicaCount": 2,
        "extraEnv": [{"name": "DATABASE_URL", "value": f"postgresql://u:p@{HOST}/app"}],
    }
    client = made({"it.yaml": flux("shop", "shop", values)}, tmp_path, monkeypatch).client("shop")
    assert client is not None
    assert client.instances is not None
    assert client.instances.most == 2


def test_a_chart_with_a_server_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`postgresql.enabled` brings a server, and the host of one outside counts for nothing where it is switched off."""
    values = {"postgresql": {"enabled": True}, "env": {"A": "b"}}
    assert led(made({"it.yaml": flux("shop", "shop", values)}, tmp_path, monkeypatch)) == {
        "shop": "shop-postgresql"
    }
    off = {"postgresql": {"enabled": False, "host": HOST}, "env": {"A": "b"}}
    assert led(made({"it.yaml": flux("shop", "shop", off)}, tmp_path, monkeypatch)) == {}


def secret(kind: str, name: str, spec: dict[str, Any]) -> str:
    """A Secret that an operator makes."""
    return f"apiVersion: external-secrets.io/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {json.dumps(spec)}\n"


@pytest.mark.parametrize(
    ("text", "end"),
    [
        (secret("ExternalSecret", "x", {"target": {"name": "s", "template": {"data": {"DATABASE_URL": f"postgresql://{{{{ .u }}}}:{{{{ .p }}}}@{HOST}/app"}}}}), "main"),
        (secret("ExternalSecret", "x", {"target": {"name": "s", "template": {"data": {"DATABASE_URL": "postgresql://u:p@{{ .host }}/app"}}}}), "s/DATABASE_URL"),
        (secret("ExternalSecret", "s", {"data": [{"secretKey": "DATABASE_URL", "remoteRef": {"key": "a"}}]}), "s/DATABASE_URL"),
        (secret("SealedSecret", "s", {"encryptedData": {"DATABASE_URL": "AgB0"}}), "s/DATABASE_URL"),
        ("apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {DATABASE_URL: 'ENC[AES256_GCM,data:aa,iv:bb,tag:cc,type:str]'}\n", "s/DATABASE_URL"),
        ("apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {SHOP__POSTGRES__HOST: 'ENC[AES256_GCM,data:aa]'}\n", "s/SHOP__POSTGRES__HOST"),
    ],
)  # fmt: skip
def test_secrets_made_elsewhere(text: str, end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the template says is read, and a text that only the store has is a server that nobody here names."""
    values = template(app("acme/app", {"A": "b"}, envFrom=[{"secretRef": {"name": "s"}}]))
    found = led(made({"it.yaml": flux("app", "app-template", values), "s.yaml": text}, tmp_path, monkeypatch))
    assert list(found) == ["app"]
    assert found["app"] == end


def test_a_program_that_has_no_other_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named where its variables come from a Secret that is not here; one that can do without PostgreSQL is not."""
    for image, clients in (("miniflux/miniflux", ["app"]), ("n8nio/n8n", [])):
        folder = tmp_path / image.partition("/")[0]
        folder.mkdir()
        values = template(app(image, {}, envFrom=[{"secretRef": {"name": "elsewhere"}}]))
        assert (
            list(led(made({"it.yaml": flux("app", "app-template", values)}, folder, monkeypatch))) == clients
        )


def test_what_only_the_step_before_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """INIT_POSTGRES_HOST is no way of the program beside one of its own."""
    env = {
        "INIT_POSTGRES_HOST": HOST,
        "DATABASE_URL": "postgresql://u:p@pool.data.svc.cluster.local:6432/app",
    }
    map_ = made(
        {"it.yaml": flux("app", "app-template", template(app("acme/app", env)))}, tmp_path, monkeypatch
    )
    assert [each.variable for each in map_.routes] == ["DATABASE_URL"]


def test_a_chart_that_says_the_kind_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the server is stands in a Secret: it is asked for, and the client is named."""
    for kind, clients in (("postgres", 1), ("mysql", 0)):
        folder = tmp_path / kind
        folder.mkdir()
        values = {"shop": {"config": {"database": {"DB_TYPE": kind}}}}
        assert len(map_of({"it.yaml": flux("shop", "shop", values)}, folder, monkeypatch).clients) == clients


def test_a_database_made_before_the_program_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs behind postgres-init is a client, though its variables are locked."""
    values = template(
        app("acme/app", {}, envFrom=[{"secretRef": {"name": "s"}}]),
        initContainers={
            "init-db": app(
                "ghcr.io/home-operations/postgres-init", {}, envFrom=[{"secretRef": {"name": "i"}}]
            )
        },
    )
    locked = "apiVersion: v1\nkind: Secret\nmetadata: {name: i}\ndata: {INIT_POSTGRES_HOST: 'ENC[AES256_GCM,data:aa]'}\n"
    found = led(
        made({"it.yaml": flux("app", "app-template", values), "s.yaml": locked}, tmp_path, monkeypatch)
    )
    assert found == {"app": "the database of app", "app/init-db": "once i/INIT_POSTGRES_HOST"}
