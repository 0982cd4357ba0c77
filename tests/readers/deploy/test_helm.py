"""Helm templates with their values: numbers, conditions, loops, places, and what is not known."""

import contextlib
import time
from collections.abc import Callable

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from poolcheck.model.problem import Location
from poolcheck.readers.deploy import helm, kubernetes
from poolcheck.readers.deploy.go_template import UnreadTemplate
from poolcheck.readers.yaml import UNKNOWN, documents, text_of

VALUES = """replicaCount: 10
image: {repository: acme/web, tag: ""}
autoscaling:
  enabled: false
  maxReplicas: 40
url: postgresql://app:s3cret@pg.acme.dev/app
env:
  WEB_CONCURRENCY: "4"
extra:
  - name: MODE
    value: live
off: "false"
zero: 0
"""


def filled(template: str, values: str = VALUES) -> list[str]:
    """The rows of a template that say something."""
    tree = helm.values([(values, "values.yaml")])
    return [row for row in helm.render(template, "t.yaml", tree, "web").rows if row.strip()]


@pytest.mark.parametrize(
    ("template", "rows"),
    [
        ("replicas: {{ .Values.replicaCount }}", ["replicas: 10"]),
        ("replicas: {{ .Values.nothing | default 3 }}", ["replicas: 3"]),
        ("replicas: {{ default 3 .Values.replicaCount | int }}", ["replicas: 10"]),
        ("a: {{ .Values.url | quote }}", ['a: "postgresql://app:s3cret@pg.acme.dev/app"']),
        ("a: {{ $.Values.zero | default 7 }}", ["a: 7"]),
        ('a: {{ index .Values "replicaCount" }}', ["a: 10"]),
        ('a: {{ printf "%s-%s" .Chart.Name "x" }}', ["a: web-x"]),
        ("a: {{ ternary 5 6 .Values.autoscaling.enabled }}", ["a: 6"]),
        ('name: {{ include "web.fullname" . }}-jobs', ["name: web-jobs"]),
        ('a: {{ lookup "v1" "Secret" }}', [f"a: {UNKNOWN}"]),
        ('a: {{ .Files.Get "x" }}', [f"a: {UNKNOWN}"]),
        ('name: {{ include "shop.jobsName" . }}', ["name: web-jobs"]),
        ('name: {{ include "common.names.fullname" . }}', ["name: web"]),
        ('host: {{ include "shop.databaseHostname" . }}', [f"host: {UNKNOWN}"]),
        ("a: {{ add 1 2 }}", [f"a: {UNKNOWN}"]),
        ("{{- if .Values.autoscaling.enabled }}\na: 1\n{{- else if .Values.replicaCount }}\na: 2\n{{- else }}\na: 3\n{{- end }}\nb: 1", ["a: 2", "b: 1"]),
        ("{{ if not .Values.zero }}a: 1{{ end }}", ["a: 1"]),
        ("{{ if .Values.off }}a: quoted texts are true{{ end }}", ["a: quoted texts are true"]),
        ("{{ if and .Values.url (gt (int .Values.replicaCount) 3) }}a: 1{{ end }}", ["a: 1"]),
        ('{{ if eq .Values.image.repository "x" }}a: 1{{ end }}', []),
        ("{{ if .Capabilities.X }}replicas: 4{{ else }}replicas: 5{{ end }}", [f"replicas: {UNKNOWN}replicas: {UNKNOWN}"]),
        ("env:\n  {{- range $k, $v := .Values.env }}\n  - name: {{ $k }}\n    value: {{ $v | quote }}\n  {{- end }}", ["env:", "  - name: WEB_CONCURRENCY", '    value: "4"']),
        ("env:\n  {{- toYaml .Values.extra | nindent 2 }}", ["env:", "  - name: MODE", "    value: live"]),
        ("{{- with .Values.autoscaling }}\na: {{ .maxReplicas }}\n{{- end }}", ["a: 40"]),
        ("{{- $n := .Values.replicaCount -}}\na: {{ $n }}", ["a: 10"]),
        ('labels:\n  {{- include "web.labels" . | nindent 2 }}\nb: 1', ["labels:", "b: 1"]),
        ('{{/* a: 1 }} */}}b: {{ "}}" }}', ["b: }}"]),
        ('{{ define "x" }}a: 1{{ end }}b: 1', ["b: 1"]),
    ],
)  # fmt: skip
def test_templates(template: str, rows: list[str]) -> None:
    """What charts do in their templates; what needs Helm itself is marked."""
    made = filled(template)

    assert made == rows


@pytest.mark.parametrize(
    "template", ["{{ if .Values.x }}", "a: {{ .Values.x", "{{ end }}", "{{ else }}", "{{ if a }}" * 100]
)
def test_broken_templates(template: str) -> None:
    """They say why they are not read."""
    with pytest.raises(UnreadTemplate):
        filled(template)


def test_places() -> None:
    """Each number stands where its file has it; the later values file wins."""
    tree = helm.values([(VALUES, "values.yaml"), ("replicaCount: 20\n", "values-prod.yaml")])
    made = helm.render("a: 1\nreplicas: {{ .Values.replicaCount }}\nb: {{ .Values.autoscaling.maxReplicas }}", "t.yaml", tree, "web")  # fmt: skip

    assert made.rows == ("a: 1", "replicas: 20", "b: 40")
    assert made.places == (Location("t.yaml", 1), Location("values-prod.yaml", 1), Location("values.yaml", 5))


def test_doubt_leaves_no_number() -> None:
    """Behind a condition that cannot be decided nothing is taken for known."""
    tree = helm.values([(VALUES, "values.yaml")])
    text = 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n{{- if lookup "a" }}\n  replicas: {{ .Values.replicaCount }}\n{{- end }}\n'  # fmt: skip
    made = helm.render(text, "t.yaml", tree, "web")
    (workload,) = kubernetes.read("\n".join(made.rows), "t.yaml", made.at).workloads

    assert (workload.replicas, workload.replicas_at is None) == (None, False)
    assert made.doubts == ('line 5: if lookup "a"',)


def test_values_that_multiply() -> None:
    """A bomb in a values file is not unrolled."""
    rows = "".join(f"a{i + 1}: &a{i + 1} [*a{i}, *a{i}]\n" for i in range(40))

    assert helm.values([("a0: &a0 [x, x]\n" + rows, "values.yaml")]) is None


@pytest.mark.parametrize(
    "make",
    [
        lambda n: "{{" * n,
        lambda n: "{{ .Values.url }}" * n,
        lambda n: "{{ if a }}{{ end }}" * n,
        lambda n: "{{ " + "(" * n + " }}",
        lambda n: "{{ " + '"' * n + " }}",
        lambda n: "a: {{- \n" * n,
        lambda n: "{{ range .Values.many }}" * 20 + "x" + "{{ end }}" * 20,
        lambda n: "{{ range .Values.many }}{{ $.Values.long }}{{ end }}",
    ],
)  # fmt: skip
def test_hostile_templates_take_linear_time(make: Callable[[int], str]) -> None:
    """Many actions, deep brackets, loops in loops: seconds of the processor at most."""
    tree = helm.values(
        [("many: [" + "1, " * 5000 + "1]\nlong: " + "x" * 100_000 + "\nurl: x\n", "values.yaml")]
    )
    start = time.process_time()

    with contextlib.suppress(UnreadTemplate):
        helm.render(make(25_000), "t.yaml", tree, "web")

    assert time.process_time() - start < 8


@pytest.mark.parametrize("text", ["@a", "%a", "-", "--", "- a", "a: b", "=", "<<", "~", "\\", '"', "\t", "\u2028", "\x1b[1m", "\ufeff", "\U0001f600", "a\n\nb "])  # fmt: skip
def test_texts_that_go_through_a_template_stay_yaml(text: str) -> None:
    """Values with signs and characters that YAML does not take as they are, by `toYaml` and by `quote`."""
    written = yaml.safe_dump({"a": text})
    made = "\n".join(filled("b: {{- toYaml .Values | nindent 2 }}\nc: {{ .Values.a | quote }}", written))

    (document,) = documents(made)

    assert text_of(document.get("b", "a")) == text_of(document.get("c")) == text


WORDS = ["{{", "}}", "{{-", "-}}", " if ", " end ", " else ", " range ", " with ", ".Values.a", "$x := ", '"', "(", ")", "|", "toYaml", "nindent 2", "a: 1\n", "\n  - ", "default", "quote", "include", ".", "$", "/*", "*/", "`", "\\"]  # fmt: skip


@given(st.lists(st.sampled_from(WORDS), max_size=40), st.text(alphabet="a:1 \n-{}[]&*|\"'", max_size=60))
def test_no_template_raises(words: list[str], values: str) -> None:
    """Anything but UnreadTemplate."""
    tree = helm.values([(values, "values.yaml")])
    try:
        made = helm.render("".join(words), "t.yaml", tree, "web")
    except UnreadTemplate:
        return
    kubernetes.read("kind: Deployment\n" + "\n".join(made.rows), "t.yaml", made.at)
