"""Where the code runs: each deployment file, and what several of them add up to."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolcheck.readers.deploy import runtime

DEPLOYMENT = (
    "apiVersion: v1\nkind: Service\n---\napiVersion: apps/v1\nkind: Deployment\nspec:\n  replicas: 3\n"
)
CRONS, SCHEMA = '{"crons": []}', '{"$schema": "https://openapi.vercel.sh/vercel.json"}'
UNIT = "[Service]\nExecStart=/srv/app/bin/server\n"
KNATIVE = (
    "apiVersion: serving.knative.dev/v1\nkind: Service\nspec:\n  template:\n    metadata:\n      annotations:\n"
    '        autoscaling.knative.dev/maxScale: "40"\n    spec:\n      containerConcurrency: 80\n'
)


@pytest.mark.parametrize(
    ("path", "text", "kind", "where"),
    [
        ("vercel.json", "{}", "serverless", "vercel"),
        (".vercel/project.json", "{}", "serverless", "vercel"),
        ("netlify.toml", "", "serverless", "netlify"),
        ("wrangler.toml", 'name = "x"', "edge", "cloudflare-workers"),
        ("wrangler.jsonc", '{"name": "x", // y\n}', "edge", "cloudflare-workers"),
        ("serverless.yml", "provider:\n  name: aws\n", "serverless", "aws-lambda"),
        ("serverless.yml", "provider:\n  name: google\n", "serverless", "google-cloud-functions"),
        ("serverless.ts", "", "serverless", "aws-lambda"),
        (
            "template.yaml",
            "Transform: AWS::Serverless-2016-10-31\n  Type: AWS::Serverless::Function\n",
            "serverless",
            "aws-lambda",
        ),
        ("infra/stack.yml", "Type: AWS::ECS::Service\nType: AWS::Lambda::Function\n", "server", "aws-ecs"),
        ("samconfig.toml", "", "serverless", "aws-lambda"),
        ("sst.config.ts", "", "serverless", "aws-lambda"),
        (
            "functions.yaml",
            "specVersion: v1alpha1\nendpoints:\n  x: {}\n",
            "serverless",
            "firebase-functions",
        ),
        ("firebase.json", '{"functions": {}}', "serverless", "firebase-functions"),
        ("fly.toml", "", "server", "fly"),
        ("Procfile", "web: x", "server", "procfile"),
        ("render.yaml", "", "server", "render"),
        ("railway.json", "{}", "server", "railway"),
        ("app.yaml", "runtime: python312\n", "serverless", "app-engine"),
        ("app.yaml", "runtime: custom\nenv: flex\n", "server", "app-engine-flex"),
        ("app.json", '{"formation": {}}', "server", "heroku"),
        ("Dockerfile", "FROM node", "server", "docker"),
        ("Dockerfile.prod", "FROM node", "server", "docker"),
        ("docker-compose.yml", "services:\n  api:\n    build: .\n", "server", "compose"),
        ("compose.prod.yaml", "services:\n  api:\n    image: acme/api:1\n", "server", "compose"),
        ("k8s/api.yaml", DEPLOYMENT, "server", "kubernetes"),
        ("charts/x/Chart.yaml", "apiVersion: v2\n", "server", "kubernetes"),
        ("service.yaml", KNATIVE, "serverless", "cloud-run"),
        (
            "cloudbuild.yaml",
            "args: ['run', 'deploy']\n# x\n- gcloud run deploy api\n",
            "serverless",
            "cloud-run",
        ),
        ("amplify.yml", "backend:\n", "serverless", "aws-amplify"),
        ("apprunner.yaml", "", "server", "aws-app-runner"),
        ("apphosting.yaml", "runConfig:\n  maxInstances: 4\n", "serverless", "cloud-run"),
        ("firebase.json", '{"apphosting": []}', "serverless", "cloud-run"),
        ("vapor.yml", "id: 1\n", "serverless", "aws-lambda"),
        ("deploy/app@.service", UNIT, "server", "systemd"),
    ],
)
def test_signal(path: str, text: str, kind: str, where: str) -> None:
    """One file, one runtime, one platform."""
    assert runtime.matches(path)
    found = runtime.read(text, path)
    assert found is not None
    assert (found.kind, found.platform, found.path) == (kind, where, path)
    assert found.why


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("docker-compose.yml", "services:\n  db:\n    image: postgres:16\n  cache:\n    image: redis\n"),
        ("docker-compose.yml", "services:\n  db:\n    image: supabase/postgres\n"),
        ("compose.yaml", "services:\n  db:\n    image: postgres\n#  api:\n#    build: .\n"),
        ("compose.yml", "services:\n  db:\n    image: mcr.microsoft.com/mssql/server:2022\n"),
        ("docker/development/compose.yml", "services:\n  api:\n    build: .\n"),
        (".devcontainer/docker-compose.yml", "services:\n  api:\n    build: .\n"),
        ("Dockerfile.dev", "FROM node"),
        ("Procfile.dev", "web: rails s"),
        ("app.json", '{"expo": {}}'),
        ("avahi.service", "<service-group/>"),
        ("etc/pgbouncer.service", "[Service]\nExecStart=/usr/bin/pgbouncer /etc/pgbouncer.ini\n"),
        ("vercel.json", ""),
        ("app.json", "{"),
        ("firebase.json", '{"hosting": {}}'),
        ("amplify.yml", "frontend:\n"),
        ("config.yaml", "kind: Config\n"),
        ("crd.yaml", "apiVersion: v1\nkind: ConfigMap\n"),
        ("deploy.yml", "# gcloud run deploy api\n"),
        ("app.yaml", "name: x\n"),
        ("next.config.ts", "export default {}"),
        ("samples.yaml", ""),
    ],
)
def test_no_signal(path: str, text: str) -> None:
    """A database for developers, a phone app, a static site, a comment: nothing about the runtime."""
    assert runtime.read(text, path) is None


def test_next_says_nothing() -> None:
    """A framework that runs anywhere is no signal."""
    assert not runtime.matches("next.config.ts")
    assert runtime.frameworks({"npm:next", "npm:hono", "npm:nuxt"}, "package.json") == ()


def test_wrangler_notes() -> None:
    """Whether sockets work, and whether Hyperdrive pools, is told."""
    found = runtime.read(
        'compatibility_flags = ["nodejs_compat"]\n[[hyperdrive]]\nbinding = "DB"\nid = "x"\n', "wrangler.toml"
    )
    assert found is not None
    assert "nodejs_compat" in found.why
    assert "Hyperdrive" in found.why


def _conclude(files: dict[str, str], dependencies: set[str] | None = None) -> runtime.Conclusion:
    signals = [runtime.read(text, path) for path, text in files.items()]
    known = [signal for signal in signals if signal is not None]
    return runtime.conclude([*known, *runtime.frameworks(dependencies or set(), "package.json")])


@pytest.mark.parametrize(
    ("files", "dependencies", "kind", "source", "against"),
    [
        ({}, {"npm:next"}, "unknown", "", []),
        ({}, {"npm:express"}, "server", "package.json", []),
        ({"vercel.json": "{}"}, {"npm:express"}, "serverless", "vercel.json", []),
        ({"Dockerfile": "", "vercel.json": CRONS}, set(), "serverless", "vercel.json", ["Dockerfile"]),
        ({"Dockerfile": "", "vercel.json": "{}"}, set(), "server", "Dockerfile", []),
        ({"Dockerfile": "", "vercel.json": SCHEMA}, set(), "server", "Dockerfile", []),
        ({"vercel.json": " \n"}, set(), "unknown", "", []),
        ({"Dockerfile": "", "fly.toml": ""}, set(), "server", "fly.toml", []),
        ({"fly.toml": "", "vercel.json": CRONS}, set(), "serverless", "vercel.json", ["fly.toml"]),
        ({"vercel.json": CRONS, "wrangler.toml": ""}, set(), "edge", "wrangler.toml", ["vercel.json"]),
        ({"Dockerfile": ""}, {"pypi:mangum", "pypi:uvicorn"}, "serverless", "package.json", ["Dockerfile"]),
        ({"k8s.yaml": DEPLOYMENT}, {"npm:serverless-http"}, "server", "k8s.yaml", ["package.json"]),
        ({"Procfile": "web: puma"}, {"gem:rails"}, "server", "Procfile", []),
    ],
)
def test_conclusion(
    files: dict[str, str], dependencies: set[str], kind: str, source: str, against: list[str]
) -> None:
    """Deployment files beat build files, which beat frameworks; what speaks against the conclusion is kept."""
    found = _conclude(files, dependencies)
    assert (found.runtime.kind, found.runtime.source) == (kind, source)
    assert [signal.path for signal in found.against] == against


@pytest.mark.parametrize(
    ("path", "text", "scales"),
    [
        ("k8s/api.yaml", DEPLOYMENT, [(7, "replicas", 3)]),
        ("service.yaml", KNATIVE, [(7, "max instances", 40), (9, "concurrency", 80)]),
        (
            "values.yaml",
            "replicaCount: 4\nimage: x\nautoscaling:\n  maxReplicas: 20\n",
            [(1, "replicas", 4), (4, "max instances", 20)],
        ),
        (
            "hpa.yaml",
            "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nspec:\n  maxReplicas: 12\n",
            [(4, "max instances", 12)],
        ),
        ("fly.toml", "[http_service]\n  min_machines_running = 2\n", [(2, "min instances", 2)]),
        ("serverless.yml", "functions:\n  api:\n    reservedConcurrency: 50\n", [(3, "max instances", 50)]),
        ("render.yaml", "services:\n- type: web\n  numInstances: 3\n", [(3, "instances", 3)]),
        ("ecosystem.config.js", "module.exports = { apps: [{\n  instances: 4,\n}]}", [(2, "instances", 4)]),
        (
            "docker-compose.yml",
            "services:\n  api:\n    build: .\n    deploy:\n      replicas: 6\n",
            [(5, "replicas", 6)],
        ),
        ("k8s/api.yaml", DEPLOYMENT.replace("3", "25%"), []),
        ("notes.yaml", "replicas: 3\n", []),
    ],
)
def test_scales(path: str, text: str, scales: list[tuple[int, str, int]]) -> None:
    """Numbers of instances with their lines, for the sums."""
    assert [(one.line, one.what, one.number) for one in runtime.scales(text, path)] == scales


def test_scale_says_which_service() -> None:
    """The path of keys tells the services of one file apart."""
    text = (
        "services:\n  api:\n    build: .\n    deploy:\n      replicas: 6\n"
        "  worker:\n    deploy:\n      replicas: 2\n"
    )
    found = runtime.scales(text, "docker-compose.yml")
    assert [(one.key, one.number) for one in found] == [
        ("services.api.deploy.replicas", 6),
        ("services.worker.deploy.replicas", 2),
    ]


PATHS = [
    "vercel.json",
    "wrangler.toml",
    "wrangler.json",
    "serverless.yml",
    "app.yaml",
    "app.json",
    "firebase.json",
]
PATHS += ["docker-compose.yml", "k8s.yaml", "values.yaml", "functions.yaml", "Dockerfile"]


@given(
    st.sampled_from(PATHS),
    st.one_of(
        st.text(),
        st.lists(
            st.sampled_from(
                ["apiVersion:", "kind: ", "Deployment", "\n", " ", "image:", "build:", "{", "[", '"', "#"]
            )
        ).map("".join),
    ),
)
@settings(max_examples=300, deadline=None)
def test_no_text_raises(path: str, text: str) -> None:
    """Any text is read."""
    runtime.scales(text, path)
    found = runtime.read(text, path)
    runtime.conclude([found] if found else [])
