"""Sums out of Helm charts and Kustomize overlays: the chart's numbers, the production stage, and nothing twice."""

from pathlib import Path

import pytest

from poolcheck.model.report import Report
from tests.rules.projects import run
from tests.rules.test_pc601_project_exceeds_slots import DEPLOYMENT, PRISMA, SCALER, sums

CHART = "name: shop\nversion: 1.0.0\n"
VALUES = """replicaCount: 10
autoscaling:
  enabled: false
  minReplicas: 2
  maxReplicas: 40
databaseUrl: postgresql://app:s3cret@pg.acme.dev:5432/app?connection_limit=12&sslmode=require
"""
TEMPLATE = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "shop.fullname" . }}
  labels:
    {{- include "shop.labels" . | nindent 4 }}
spec:
  {{- if not .Values.autoscaling.enabled }}
  replicas: {{ .Values.replicaCount }}
  {{- end }}
  template:
    spec:
      containers:
        - name: {{ .Chart.Name }}
          image: "{{ .Values.image }}"
          env:
            - name: DATABASE_URL
              value: {{ .Values.databaseUrl | quote }}
"""
HPA = """{{- if .Values.autoscaling.enabled }}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ include "shop.fullname" . }}
spec:
  scaleTargetRef: {kind: Deployment, name: {{ include "shop.fullname" . }}}
  maxReplicas: {{ .Values.autoscaling.maxReplicas }}
{{- end }}
"""
FILES = {
    "helm/Chart.yaml": CHART,
    "helm/values.yaml": VALUES,
    "helm/templates/deployment.yaml": TEMPLATE,
    "helm/templates/hpa.yaml": HPA,
}
UNKNOWN = (
    "the sum of connections to pg.acme.dev: the instances of shop: the replicas are not known from the files"
)


def skipped(files: dict[str, str], facts: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the report says could not be done."""
    report: Report = run(files, facts, folder, monkeypatch)
    assert [finding for finding in report.findings if finding.rule.id == "PC601"] == []
    return [f"{each.what}: {each.why}" for each in report.skipped]


def test_values_of_a_chart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """10 x 12 = 120 of 97, each number at its place in the values file."""
    (found,) = sums(FILES, f"{PRISMA} server max=100", tmp_path, monkeypatch)

    assert "shop 10 x 12 = 120 connections, and the server allows 97" in found.message
    assert "replicas: 10 (helm/values.yaml:1)" in found.why
    assert "connection_limit=12 (helm/values.yaml:6)" in found.why


def test_production_values_and_autoscaler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """values-production.yaml lies over values.yaml; other stages are left alone."""
    files = {
        **FILES,
        "helm/values-production.yaml": "autoscaling:\n  enabled: true\n  maxReplicas: 20\n",
        "helm/values-dev.yaml": "replicaCount: 900\n",
    }
    (found,) = sums(files, f"{PRISMA} server max=100", tmp_path, monkeypatch)

    assert "shop 20 x 12 = 240" in found.message
    assert "maxReplicas: 20 (helm/values-production.yaml:3)" in found.why


def test_replicas_that_helm_alone_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A helper of the chart: no verdict, and the report says what is missing."""
    files = {**FILES, "helm/templates/deployment.yaml": TEMPLATE.replace(".Values.replicaCount", 'include "shop.replicas" .')}  # fmt: skip
    why = skipped(files, f"{PRISMA} server max=100", tmp_path, monkeypatch)

    assert any(UNKNOWN in each for each in why)


def test_template_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said when the template names a database, and only then."""
    broken = TEMPLATE.replace("{{- end }}", "")
    why = skipped({**FILES, "helm/templates/deployment.yaml": broken, "helm/templates/other.yaml": "kind: Deployment\n{{ if"}, f"{PRISMA} server max=100", tmp_path, monkeypatch)  # fmt: skip

    assert [each for each in why if "template" in each] == [
        "helm/templates/deployment.yaml: the template is not read: line 8: a block does not end"
    ]


def test_chart_and_manifests_of_one_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both deploy to one server: they may be the same app twice, so they are not added up."""
    files = {**FILES, "k8s/web.yaml": DEPLOYMENT.replace("LIMIT", "2")}
    report = run(files, f"{PRISMA} server max=100", tmp_path, monkeypatch)

    assert not any(
        "shop 10" in finding.message and "ledger" in finding.message for finding in report.findings
    )
    assert any("which is used is not known" in each.why for each in report.skipped)


def test_subcharts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A parent's values lie over a subchart's; one that is switched off is not counted."""
    files = {
        "helm/Chart.yaml": "name: all\n",
        "helm/values.yaml": "api:\n  replicaCount: 11\njobs:\n  enabled: false\n",
        "helm/charts/api/Chart.yaml": "name: api\n",
        "helm/charts/api/values.yaml": VALUES,
        "helm/charts/api/templates/web.yaml": TEMPLATE,
        "helm/charts/jobs/Chart.yaml": "name: jobs\n",
        "helm/charts/jobs/values.yaml": VALUES,
        "helm/charts/jobs/templates/web.yaml": TEMPLATE,
    }
    (found,) = sums(files, f"{PRISMA} server max=100", tmp_path, monkeypatch)

    assert "api 11 x 12 = 132 connections" in found.message
    assert "replicas: 11 (helm/values.yaml:2)" in found.why


BASE = DEPLOYMENT.replace("LIMIT", "3") + SCALER.replace("maxReplicas: 40", "maxReplicas: 5")
KUSTOMIZATION = "resources:\n  - ../../base\n"


@pytest.mark.parametrize(
    ("overlay", "said"),
    [
        ({"kustomization.yaml": KUSTOMIZATION + "patches:\n  - path: hpa.yaml\n", "hpa.yaml": "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: ledger}\nspec:\n  maxReplicas: 50\n"}, "maxReplicas: 50 (k8s/overlays/production/hpa.yaml:5)"),
        ({"kustomization.yaml": KUSTOMIZATION + "patches:\n  - target: {kind: HorizontalPodAutoscaler}\n    patch: |-\n      apiVersion: autoscaling/v2\n      kind: HorizontalPodAutoscaler\n      metadata: {name: ledger}\n      spec:\n        maxReplicas: 50\n"}, "maxReplicas: 50 (k8s/overlays/production/kustomization.yaml:10)"),
    ],
)  # fmt: skip
def test_overlay_of_production(
    overlay: dict[str, str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one for production lies over the base; staging is left alone."""
    files = {
        "k8s/base/kustomization.yaml": "resources: [web.yaml]\n",
        "k8s/base/web.yaml": BASE,
        "k8s/overlays/staging/kustomization.yaml": KUSTOMIZATION + "replicas: [{name: ledger, count: 900}]\n",
        **{f"k8s/overlays/production/{name}": text for name, text in overlay.items()},
    }
    (found,) = sums(files, f"{PRISMA} server max=100", tmp_path, monkeypatch)

    assert "ledger 50 x 3 = 150" in found.message
    assert said in found.why


@pytest.mark.parametrize(
    "change",
    [
        "replicas:\n  - name: ledger\n    count: 60\n",
        "patches:\n  - target: {kind: Deployment, name: ledger}\n    patch: |-\n      - op: replace\n        path: /spec/replicas\n        value: 60\n",
    ],
)  # fmt: skip
def test_replicas_of_an_overlay(change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the replicas field, and by a JSON patch."""
    files = {
        "k8s/base/kustomization.yaml": "resources: [web.yaml]\n",
        "k8s/base/web.yaml": DEPLOYMENT.replace("LIMIT", "3"),
        "k8s/overlays/eu/kustomization.yaml": KUSTOMIZATION + change,
    }
    (found,) = sums(files, f"{PRISMA} server max=100", tmp_path, monkeypatch)

    assert "ledger 60 x 3 = 180" in found.message
    assert "replicas: 60 (k8s/overlays/eu/kustomization.yaml:" in found.why


def test_overlay_that_names_the_target_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A patch calls the workload as it is called in the end, with the suffix; the number is the base's."""
    scaler = SCALER.replace("  scaleTargetRef: {kind: Deployment, name: ledger}\n", "")
    files = {
        "k8s/base/kustomization.yaml": "resources: [web.yaml]\n",
        "k8s/base/web.yaml": DEPLOYMENT.replace("LIMIT", "3") + scaler,
        "k8s/overlays/prod/kustomization.yaml": KUSTOMIZATION + "nameSuffix: -prod\npatches:\n  - path: hpa.yaml\n",
        "k8s/overlays/prod/hpa.yaml": "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: ledger}\nspec:\n  scaleTargetRef: {name: ledger-prod}\n",
    }  # fmt: skip
    (found,) = sums(files, f"{PRISMA} server max=100", tmp_path, monkeypatch)

    assert "ledger 40 x 3 = 120" in found.message


def test_chart_without_its_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A values file that is not in the project: no number of the chart is known."""
    files = {name: text for name, text in FILES.items() if "values" not in name}
    files["helm/templates/deployment.yaml"] = TEMPLATE.replace("{{ .Values.databaseUrl | quote }}", "postgresql://app:s3cret@pg.acme.dev/app?connection_limit=90")  # fmt: skip
    why = skipped(files, f"{PRISMA} server max=100", tmp_path, monkeypatch)

    assert any(UNKNOWN in each for each in why)


def test_overlays_that_are_not_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two overlays, neither named for production: said, and not counted."""
    files = {
        "k8s/base/kustomization.yaml": "resources: [web.yaml]\n",
        "k8s/base/web.yaml": DEPLOYMENT.replace("LIMIT", "12"),
        "k8s/eu/kustomization.yaml": "resources: [../base]\n",
        "k8s/us/kustomization.yaml": "resources: [../base]\n",
    }
    why = skipped(files, f"{PRISMA} server max=100", tmp_path, monkeypatch)

    assert any("several overlays lie over it (k8s/eu, k8s/us)" in each for each in why)
