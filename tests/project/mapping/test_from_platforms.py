"""Sums out of platform files: PM2, Cloud Run, App Engine, Render, Railway, Heroku and Terraform's resources."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from poolcheck.cli import cli
from tests.readers.deploy.test_platforms import AZURE, ENGINE, KNATIVE
from tests.rules.projects import manifests, run
from tests.rules.test_pc601_project_exceeds_slots import ENV, PRISMA, TERRAFORM, sums

ECOSYSTEM = "module.exports = {\n  apps: [{\n    name: 'api',\n    script: 'dist/main.js',\n    instances: 30,\n  }],\n}\n"
RUN = 'resource "google_cloud_run_v2_service" "api" {\n  template {\n    scaling {\n      max_instance_count = 40\n    }\n  }\n}\n'


@pytest.mark.parametrize(
    ("files", "message", "places"),
    [
        ({"ecosystem.config.js": ECOSYSTEM}, "api 30 x 4 = 120", ["instances: 30 (ecosystem.config.js:5)"]),
        ({"app.yaml": ENGINE.replace("15", "30")}, "web 30 x 4 = 120", ["max_instances: 30 (app.yaml:5)", "gunicorn -w 4 (app.yaml:3)"]),
        ({"infra/run.tf": RUN}, "api 40 x 4 = 160", ["max_instance_count = 40 (infra/run.tf:4)"]),
        ({"azure.yaml": AZURE.replace("25", "50")}, "shop 50 x 4 = 200", ["maxReplicas: 50 (azure.yaml:13)"]),
        ({"railway.json": '{"deploy": {"numReplicas": 10, "startCommand": "pm2-runtime dist/main.js -i 4"}}'}, "railway 10 x 4 x 4 = 160", ["numReplicas: 10 (railway.json:1)"]),
    ],
)  # fmt: skip
def test_the_one_thing_that_a_project_runs(
    files: dict[str, str], message: str, places: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The project has one string and one deployment: each number out of its file."""
    (found,) = sums({".env.production": ENV, **files}, f"{PRISMA} server max=100", tmp_path, monkeypatch)

    assert f"{message} connections, and the server allows 97" in found.message
    assert all(place in found.why for place in places)


RENDER = "services:\n  - type: web\n    name: shop\n    runtime: docker\n    numInstances: 4\n"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("render.yaml", RENDER.replace("4", "1"), "shop (1 + 1) x 4 = 8"),
        ("render.yaml", RENDER, "shop (4 + 1) x 4 = 20"),
        ("render.yaml", RENDER + "    disk: {name: d, mountPath: /d}\n", "shop 4 x 4 = 16"),
        ("railway.json", '{"deploy": {"numReplicas": 8}}', "railway (8 + 2) x 4 = 40"),
        ("azure.yaml", AZURE.replace("25", "8"), "shop (8 + 2) x 4 = 40"),
        (
            "run.tf",
            'resource "azurerm_container_app" "shop" {\n  template { max_replicas = 8 }\n}\n',
            "shop (8 + 2) x 4 = 40",
        ),
    ],
)
def test_a_deploy_starts_the_new_beside_the_old(
    name: str, text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Render, Railway and Container Apps do, but for a service with a disk: https://github.com/superdesigndev/treg/pull/129"""
    monkeypatch.chdir(tmp_path)
    for path, content in {**manifests(PRISMA.split()), ".env.production": ENV, name: text}.items():
        (tmp_path / path).write_text(content)
    ran = CliRunner().invoke(cli, ["gate", ".", "--max", "1000"])

    assert said in " ".join(ran.output.split())


def test_pm2_on_several_machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The config knows the machines: 2 x 30 x 4."""
    files = {".env.production": ENV, "ecosystem.config.js": ECOSYSTEM}
    (found,) = sums(files, f"{PRISMA} server instances=2 max=100", tmp_path, monkeypatch)

    assert "api 2 x 30 x 4 = 240" in found.message


def test_pm2_apps_with_strings_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two apps on one server are added up, and the third has no database."""
    url = "'postgresql://app:s3cret@pg.acme.dev/app?connection_limit=4'"
    text = f"module.exports = {{ apps: [\n  {{ name: 'api', script: 'a.js', instances: 20, env: {{ DATABASE_URL: {url} }} }},\n  {{ name: 'jobs', script: 'b.js', instances: 10, env: {{ DATABASE_URL: {url} }} }},\n  {{ name: 'site', script: 'c.js', instances: 50 }},\n] }}\n"  # fmt: skip
    (found,) = sums({"ecosystem.config.js": text}, f"{PRISMA} server max=100", tmp_path, monkeypatch)

    assert "api 20 x 4 = 80 + jobs 10 x 4 = 40: 120 connections" in found.message
    assert "s3cret" not in found.message + found.why


def test_pm2_on_every_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not guessed, and said."""
    files = {".env.production": ENV, "ecosystem.config.js": ECOSYSTEM.replace("30", "'max'")}
    report = run(files, f"{PRISMA} server max=100", tmp_path, monkeypatch)

    assert [finding for finding in report.findings if finding.rule.id == "PC601"] == []
    assert any("the processes of api: instances: max depends on the number of CPUs (ecosystem.config.js:5)" in each.why for each in report.skipped)  # fmt: skip


def test_pm2_file_that_a_procfile_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is one deployment, not two: 5 dynos x 30 x 4."""
    files = {
        ".env.production": ENV,
        "Procfile": "web: pm2-runtime start ecosystem.config.js --env production\n",
        "ecosystem.config.js": ECOSYSTEM,
    }
    (found,) = sums(files, f"{PRISMA} server instances=5 max=100", tmp_path, monkeypatch)

    assert "web 5 x 30 x 4 = 600" in found.message


def test_several_deployments_of_one_string(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which of them use it is not known: said, not added up."""
    files = {".env.production": ENV, "ecosystem.config.js": ECOSYSTEM, "infra/run.tf": RUN}
    report = run(files, f"{PRISMA} server max=100", tmp_path, monkeypatch)

    assert [finding for finding in report.findings if finding.rule.id == "PC601"] == []
    asked = [each for each in report.skipped if "pm2 and cloud-run both deploy to pg.acme.dev: which is used is not known" in each.why]  # fmt: skip
    assert {each.hint for each in asked} == {"Lint the one that is deployed, by its path."}


def test_cloud_run_with_its_own_string(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service file holds the address: 40 x 3 x 4 against the limit in Terraform."""
    text = KNATIVE.replace("10.0.0.3/app", "10.0.0.3/app?connection_limit=4")
    (found,) = sums({"service.yaml": text, "infra/db.tf": TERRAFORM}, PRISMA, tmp_path, monkeypatch)

    assert (
        "api 40 x 3 = 120 connections, and the server allows 117" in found.message
    )  # sync workers: one each
    assert "maxScale: 40 (service.yaml:8)" in found.why
    assert "gunicorn -w 3 (service.yaml:12)" in found.why


def test_variables_of_app_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """WEB_CONCURRENCY of app.json is the Procfile's: 5 x 8 x 4, where a worker serves many requests at once."""
    files = {
        ".env.production": ENV,
        "Procfile": "web: gunicorn -k gevent shop.wsgi\n",
        "app.json": '{"env": {"WEB_CONCURRENCY": {"value": "8"}}, "formation": {"web": {"quantity": 90}}}',
    }
    (found,) = sums(files, f"{PRISMA} server instances=5 max=100", tmp_path, monkeypatch)

    assert "web 5 x 8 x 4 = 160" in found.message
