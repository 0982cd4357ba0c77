"""Where the code runs: signals from deployment files and manifests, and what they add up to.

A signal is one file that says one thing. Contradictions are kept and told: a Dockerfile beside vercel.json is a project
that can go both ways, and the report says so.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator
from typing import Any

from poolcheck.model.project import Runtime, RuntimeKind
from poolcheck.readers.manifests.types import load_json, load_toml
from poolcheck.record import dataclass

# How much a signal says about where the app really runs.
DEPLOYED = 3  # a file that only that platform's deploy reads: vercel.json, fly.toml, serverless.yml
BUILT = 2  # a file that says how it could be run: Dockerfile, compose, Procfile without its platform
HINTED = 1  # a server framework in the manifest: somebody listens on a port


@dataclass(frozen=True, slots=True)
class Signal:
    """One file, and what it says about the runtime."""

    kind: RuntimeKind
    platform: str  # "vercel", "aws-lambda", "kubernetes", ...
    path: str
    weight: int
    why: str
    line: int | None = None
    hyperdrive: bool | None = (
        None  # whether a wrangler file binds Cloudflare's pool; None: it could not be read
    )


@dataclass(frozen=True, slots=True)
class Scale:
    """A number of instances, processes or connections per instance that a deployment file sets."""

    path: str
    line: int
    what: str  # "replicas", "max instances", "concurrency", "min machines", "max surge"
    number: int
    platform: str = ""
    key: str = ""  # where in a YAML file it stands: "worker.autoscaling.maxReplicas"


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The runtime, and the signals that speak against it: a report names both."""

    runtime: Runtime
    because: str = ""
    against: tuple[Signal, ...] = ()


# Whole names that decide by themselves. Next.js, Nuxt, Remix and SvelteKit configs say nothing about the host.
_NAMES: dict[str, tuple[RuntimeKind, str, int]] = {
    "vercel.json": ("serverless", "vercel", DEPLOYED),
    "vercel.ts": ("serverless", "vercel", DEPLOYED),
    "now.json": ("serverless", "vercel", DEPLOYED),
    "netlify.toml": ("serverless", "netlify", DEPLOYED),
    "samconfig.toml": ("serverless", "aws-lambda", DEPLOYED),
    "samconfig.yaml": ("serverless", "aws-lambda", DEPLOYED),
    "sst.config.ts": ("serverless", "aws-lambda", DEPLOYED),
    "sst.config.js": ("serverless", "aws-lambda", DEPLOYED),
    "amplify.yml": ("serverless", "aws-amplify", DEPLOYED),
    "zappa_settings.json": ("serverless", "aws-lambda", DEPLOYED),
    "zappa_settings.toml": ("serverless", "aws-lambda", DEPLOYED),
    "host.json": ("serverless", "azure-functions", DEPLOYED),
    # https://firebase.google.com/docs/app-hosting/about-app-hosting: it runs the app on Cloud Run
    "apphosting.yaml": ("serverless", "cloud-run", DEPLOYED),
    "vapor.yml": ("serverless", "aws-lambda", DEPLOYED),  # https://docs.vapor.build/projects/the-basics
    "fly.toml": ("server", "fly", DEPLOYED),
    "render.yaml": ("server", "render", DEPLOYED),
    "railway.json": ("server", "railway", DEPLOYED),
    "railway.toml": ("server", "railway", DEPLOYED),
    "nixpacks.toml": ("server", "nixpacks", BUILT),
    "apprunner.yaml": ("server", "aws-app-runner", DEPLOYED),
    "Procfile": ("server", "procfile", BUILT),
    "ecosystem.config.js": ("server", "pm2", BUILT),
    "ecosystem.config.cjs": ("server", "pm2", BUILT),
    "Chart.yaml": ("server", "kubernetes", DEPLOYED),
    "kamal.yml": ("server", "kamal", DEPLOYED),
    "captain-definition": ("server", "caprover", DEPLOYED),
    "Dockerfile": ("server", "docker", BUILT),
    "Containerfile": ("server", "docker", BUILT),
}
_COMPOSE = re.compile(r"(?:docker-)?compose(?:[._-][\w.-]+)?\.ya?ml")
_WRANGLER = ("wrangler.toml", "wrangler.json", "wrangler.jsonc")
_UNIT = re.compile(r"[\w@.-]+\.service")  # of systemd
_SERVERLESS = re.compile(r"serverless(?:[.-][\w.-]+)?\.(?:ya?ml|json|ts|js)")
# Names that need their contents to say anything.
_BY_TEXT = ("firebase.json", "app.json", "app.yaml", "functions.yaml")

# Frameworks that listen on a port by themselves. What runs on either kind of host (Next.js, Nuxt, Remix, SvelteKit, Hono) says nothing.
SERVER_FRAMEWORKS = (
    "npm:express",
    "npm:fastify",
    "npm:koa",
    "npm:@nestjs/platform-express",
    "npm:@nestjs/platform-fastify",
    "npm:@hapi/hapi",
    "npm:@adonisjs/core",
    "npm:@feathersjs/express",
    "pypi:uvicorn",
    "pypi:gunicorn",
    "pypi:hypercorn",
    "pypi:granian",
    "pypi:waitress",
    "pypi:django",
    "pypi:celery",
    "pypi:dramatiq",
    "gem:puma",
    "gem:unicorn",
    "gem:rails",
    "gem:sidekiq",
    "gem:falcon",
    "composer:laravel/framework",
    "composer:symfony/framework-bundle",
    "hex:phoenix",
    "hex:bandit",
    "hex:plug_cowboy",
    "maven:org.springframework.boot:spring-boot-starter-web",
    "maven:org.springframework.boot:spring-boot-starter-webflux",
    "maven:io.quarkus:quarkus-rest",
    "go:github.com/gin-gonic/gin",
    "go:github.com/labstack/echo/v4",
    "go:github.com/labstack/echo/v5",
    "go:github.com/gofiber/fiber/v2",
    "go:github.com/gofiber/fiber/v3",
    "crate:axum",
    "crate:actix-web",
    "crate:rocket",
)
# Packages that only a serverless function needs: they outweigh the framework they wrap.
SERVERLESS_ADAPTERS = {
    "npm:serverless-http": "aws-lambda",
    "npm:@vendia/serverless-express": "aws-lambda",
    "npm:@codegenie/serverless-express": "aws-lambda",
    "npm:@fastify/aws-lambda": "aws-lambda",
    "npm:@vercel/node": "vercel",
    "npm:@sveltejs/adapter-vercel": "vercel",
    "npm:@astrojs/vercel": "vercel",
    "npm:@sveltejs/adapter-netlify": "netlify",
    "npm:@astrojs/netlify": "netlify",
    "npm:@netlify/functions": "netlify",
    "npm:firebase-functions": "firebase-functions",
    "npm:@azure/functions": "azure-functions",
    "npm:@google-cloud/functions-framework": "google-cloud-functions",
    "pypi:mangum": "aws-lambda",
    "pypi:aws-lambda-powertools": "aws-lambda",
    "pypi:zappa": "aws-lambda",
    "pypi:azure-functions": "azure-functions",
    "pypi:functions-framework": "google-cloud-functions",
    "go:github.com/aws/aws-lambda-go": "aws-lambda",
    "go:github.com/GoogleCloudPlatform/functions-framework-go": "google-cloud-functions",
    "gem:lamby": "aws-lambda",
    "gem:functions_framework": "google-cloud-functions",
    "composer:bref/bref": "aws-lambda",
    "composer:laravel/vapor-core": "aws-lambda",
    "maven:com.amazonaws.serverless:aws-serverless-java-container-springboot3": "aws-lambda",
    "maven:com.amazonaws:aws-lambda-java-core": "aws-lambda",
    "maven:org.springframework.cloud:spring-cloud-function-adapter-aws": "aws-lambda",
    "maven:io.quarkus:quarkus-amazon-lambda": "aws-lambda",
    "maven:com.google.cloud.functions:functions-framework-api": "google-cloud-functions",
    "nuget:Amazon.Lambda.AspNetCoreServer.Hosting": "aws-lambda",
    "nuget:Amazon.Lambda.Core": "aws-lambda",
    "nuget:Microsoft.Azure.Functions.Worker": "azure-functions",
    "nuget:Google.Cloud.Functions.Hosting": "google-cloud-functions",
    "crate:lambda_http": "aws-lambda",
}
EDGE_ADAPTERS = {
    "npm:@sveltejs/adapter-cloudflare": "cloudflare-workers",
    "npm:@astrojs/cloudflare": "cloudflare-workers",
    "npm:@opennextjs/cloudflare": "cloudflare-workers",
    "npm:@cloudflare/next-on-pages": "cloudflare-workers",
}


def matches(path: str) -> bool:
    """May this file say where the code runs? YAML files count: a Kubernetes manifest may have any name."""
    name = posixpath.basename(path)
    return (
        name in _NAMES
        or name in _WRANGLER
        or name in _BY_TEXT
        or name.startswith(("Dockerfile.", "Procfile."))
        or (name.endswith((".yaml", ".yml", ".dockerfile")) and name != "pnpm-lock.yaml")
        or _SERVERLESS.fullmatch(name) is not None
        or (name == "template.json")
        or _UNIT.fullmatch(name) is not None
        or "/.vercel/project.json" in f"/{path}"
    )


def read(text: str | None, path: str, below: str = "") -> Signal | None:
    """What one file says, or None. With `text` None only its name counts. `below`: its path within the project."""
    name = posixpath.basename(path)
    if _DEVELOPMENT.search(below or path) and (
        "docker" in path.lower() or name.startswith(("compose", "Procfile"))
    ):
        return None
    if path.endswith(".vercel/project.json"):
        return Signal("serverless", "vercel", path, DEPLOYED, "the folder is linked to a Vercel project")
    if name in _WRANGLER:
        return _wrangler(text, path)
    if name in _NAMES:
        return _by_name(name, text, path)
    if name.startswith("Dockerfile.") or name.endswith(".dockerfile"):
        return Signal("server", "docker", path, BUILT, f"{name} is here")
    if name.startswith("Procfile."):
        return Signal("server", "procfile", path, BUILT, f"{name} is here")
    if _SERVERLESS.fullmatch(name):
        return Signal("serverless", _provider(text), path, DEPLOYED, "the Serverless Framework deploys it")
    if _COMPOSE.fullmatch(name):
        return _compose(text, path)
    if text is None:
        return None
    if _UNIT.fullmatch(name):
        starts = (
            re.search(
                r"^ExecStart=(?!.{0,80}(?:pg[_-]?bouncer|postgres|pgcat|pgdog|odyssey|redis))",
                text,
                re.MULTILINE,
            )
            is not None
        )
        return Signal("server", "systemd", path, HINTED, "a systemd unit starts it") if starts else None
    if name in ("firebase.json", "app.json"):
        return _by_keys(name, text, path)
    return _yaml_signal(_COMMENT_ROW.sub("", text), path)


def _by_name(name: str, text: str | None, path: str) -> Signal | None:
    """A file whose name decides, unless there is nothing in it."""
    kind, platform, weight = _NAMES[name]
    if name == "amplify.yml" and text is not None and "backend:" not in text and "server" not in text:
        return None  # a static site
    if name in ("vercel.json", "now.json") and text is not None:
        if not text.strip():
            return None
        # `{}` sets nothing: it stays behind when somebody has moved on, and any other file says more.
        data = load_json(text, comments=True)
        if isinstance(data, dict) and not data.keys() - {"$schema"}:
            weight = HINTED
    return Signal(kind, platform, path, weight, f"{name} is here")


def _by_keys(name: str, text: str, path: str) -> Signal | None:
    """A file that several tools have, by its keys."""
    data = load_json(text, comments=name == "firebase.json")
    if not isinstance(data, dict):
        return None
    if name == "app.json":
        heroku = not data.keys().isdisjoint(("formation", "buildpacks", "addons"))
        return Signal("server", "heroku", path, BUILT, "app.json describes a Heroku app") if heroku else None
    if "functions" in data:
        return Signal("serverless", "firebase-functions", path, DEPLOYED, "firebase.json deploys functions")
    if "apphosting" in data:
        return Signal("serverless", "cloud-run", path, DEPLOYED, "firebase.json deploys to App Hosting")
    return None


def _wrangler(text: str | None, path: str) -> Signal:
    """Workers: sockets only with nodejs_compat, or by connect(); Hyperdrive pools for them."""
    loaded = None
    if text is not None:
        loaded = load_toml(text) if path.endswith(".toml") else load_json(text, comments=True)
    data: dict[str, Any] = loaded if isinstance(loaded, dict) else {}
    environments = data.get("env")
    places = [data, *(environments.values() if isinstance(environments, dict) else ())]
    bound = any(isinstance(place, dict) and bool(place.get("hyperdrive")) for place in places)
    flags = data.get("compatibility_flags")
    notes = []
    if isinstance(flags, list) and any(flag in ("nodejs_compat", "nodejs_compat_v2") for flag in flags):
        notes.append("with nodejs_compat")
    if bound:
        notes.append("with Hyperdrive")
    why = " ".join([f"{posixpath.basename(path)} deploys to Cloudflare Workers", *notes])
    known = bound if isinstance(loaded, dict) else None
    return Signal("edge", "cloudflare-workers", path, DEPLOYED, why, hyperdrive=known)


def _provider(text: str | None) -> str:
    match = re.search(
        r"^[^\S\n]*[\"']?name[\"']?:\s*[\"']?(aws|google|azure|cloudflare)\b", text or "", re.MULTILINE
    )
    clouds = {
        "google": "google-cloud-functions",
        "azure": "azure-functions",
        "cloudflare": "cloudflare-workers",
    }
    return clouds.get(match[1], "aws-lambda") if match else "aws-lambda"


# Compose files and Dockerfiles of developers and tests say nothing about production.
_DEVELOPMENT = re.compile(
    r"(?:^|[/._-])(?:dev|devcontainer|development|tests?|testing|e2e|cypress|ci|local)(?:$|[/._-])"
)
_IMAGE = re.compile(r"^[^\S\n]+image:\s*[\"']?([\w./-]+)", re.MULTILINE)
# Images that developers run beside their app: stores, queues, mail catchers, browsers, dashboards.
_BESIDE = re.compile(
    r"postg|timescale|pgvector|pgbouncer|pgadmin|pgpool|supabase|neon|redis|valkey|mysql|mariadb|mongo|mssql|sqlserver"
    r"|azure-sql|cockroach|yugabyte|elastic|opensearch|clickhouse|dynamodb|cassandra|memcached|kafka|zookeeper|redpanda"
    r"|rabbitmq|nats|minio|localstack|mailhog|mailpit|maildev|inbucket|mailcatcher|adminer|jaeger|grafana|prometheus"
    r"|otel|typesense|meilisearch|qdrant|keycloak|selenium|chrome|browserless|gotenberg|nginx|traefik|caddy|busybox|alpine"
)


def _compose(text: str | None, path: str) -> Signal | None:
    """Compose counts when it builds or runs the app; a file with only a database in it is a developer's machine."""
    if text is None:
        return None
    text = _COMMENT_ROW.sub("", text)
    images = _IMAGE.findall(text)
    own = [image for image in images if not _BESIDE.search(image.lower())]
    if re.search(r"^[^\S\n]+build:", text, re.MULTILINE) or own:
        return Signal("server", "compose", path, BUILT, "compose runs the app as a service")
    return None


_COMMENT_ROW = re.compile(r"^[^\S\n]*#[^\n]*", re.MULTILINE)
_KIND = re.compile(r"^kind:\s*[\"']?(\w+)", re.MULTILINE)
_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Rollout", "ReplicaSet")


def _yaml_signal(text: str, path: str) -> Signal | None:
    """Kubernetes, Knative, Google App Engine, SAM and CloudFormation: by what the file says, under any name."""
    kinds = _KIND.findall(text) if "kind:" in text and "apiVersion:" in text else []
    if kinds:
        if "serving.knative.dev" in text and "Service" in kinds:
            return Signal("serverless", "cloud-run", path, DEPLOYED, "a Knative service scales with requests")
        for match in _KIND.finditer(text):
            if match[1] in _WORKLOADS:
                line = text.count("\n", 0, match.start()) + 1
                return Signal(
                    "server", "kubernetes", path, DEPLOYED, f"a Kubernetes {match[1]} runs it", line
                )
        return None
    if "AWS::ECS::Service" in text and "AWS::Serverless" not in text:
        return Signal("server", "aws-ecs", path, DEPLOYED, "the template deploys an ECS service")
    if "AWS::Serverless::Function" in text or "AWS::Lambda::Function" in text:
        return Signal("serverless", "aws-lambda", path, DEPLOYED, "the template deploys Lambda functions")
    if "specVersion:" in text and "endpoints:" in text and posixpath.basename(path) == "functions.yaml":
        return Signal(
            "serverless", "firebase-functions", path, DEPLOYED, "functions.yaml lists deployed functions"
        )
    if re.search(r"gcloud(?:\s+(?:beta|alpha))?['\",\s-]+run['\",\s-]+deploy", text):
        return Signal("serverless", "cloud-run", path, DEPLOYED, "it deploys to Cloud Run")
    if "gcloud functions deploy" in text:
        return Signal("serverless", "google-cloud-functions", path, DEPLOYED, "it deploys Cloud Functions")
    if posixpath.basename(path) == "app.yaml" and re.search(r"^(?:runtime|env):", text, re.MULTILINE):
        # Standard starts and stops instances with traffic; flexible keeps machines.
        if re.search(r"^env:\s*[\"']?flex", text, re.MULTILINE):
            return Signal("server", "app-engine-flex", path, DEPLOYED, "App Engine flexible keeps machines")
        return Signal("serverless", "app-engine", path, DEPLOYED, "App Engine standard scales with requests")
    return None


def frameworks(dependencies: Iterable[str], path: str) -> tuple[Signal, ...]:
    """What the dependencies of a manifest say ("npm:express"): weaker than any deployment file."""
    names = frozenset(dependencies)
    found: list[Signal] = []
    for kind, adapters in (("edge", EDGE_ADAPTERS), ("serverless", SERVERLESS_ADAPTERS)):
        for name, platform in adapters.items():
            if name in names:
                package = name.partition(":")[2]
                why = f"{package} is a dependency"
                found.append(Signal("edge" if kind == "edge" else "serverless", platform, path, BUILT, why))
    for name in SERVER_FRAMEWORKS:
        if name in names:
            package = name.partition(":")[2]
            found.append(Signal("server", "", path, HINTED, f"{package} is a dependency"))
    return tuple(found)


_RISK: dict[RuntimeKind, int] = {"edge": 3, "serverless": 2, "server": 1}


def conclude(signals: Iterable[Signal]) -> Conclusion:
    """The runtime that the strongest signals tell; among equals the one that is hardest on the database.

    A deployment file beats a Dockerfile, which beats a framework: vercel.json is read only when the project is deployed
    there, while a Dockerfile often serves CI or development. Between two deployment files the short-lived runtime
    wins, because what fits many short instances also fits few long ones; the others are returned in `against`.
    """
    known = [signal for signal in signals if signal.kind in _RISK]
    if not known:
        return Conclusion(Runtime())
    best = max(known, key=lambda signal: (signal.weight, _RISK[signal.kind], -signal.path.count("/")))
    against: dict[str, Signal] = {}
    for signal in known:
        if signal.kind != best.kind and signal.weight > HINTED:
            against.setdefault(signal.kind + signal.platform, signal)
    bound = {signal.hyperdrive for signal in known if signal.platform == best.platform}
    hyperdrive = True if True in bound else best.hyperdrive
    runtime = Runtime(best.kind, best.path, best.platform, hyperdrive)
    return Conclusion(runtime, best.why, tuple(against.values()))


_YAML_PARENT = re.compile(r"^(\s*)(?:-\s+)?[\"']?([\w.-]+)[\"']?:\s*(?:#.*)?")
_YAML_NUMBER = re.compile(
    r"^(\s*)(?:-\s+)?[\"']?([\w.-]+(?:/[\w.-]+)?)[\"']?\s*[:=]\s*[\"']?(\d{1,7})[\"']?\s*(?:[#,].*)?$"
)
# key (lower case, no dashes or underscores) → what it is
_COUNTS = {
    "replicas": "replicas",
    "replicacount": "replicas",
    "maxreplicas": "max instances",
    "minreplicas": "min instances",
    "maxinstances": "max instances",
    "mininstances": "min instances",
    "numinstances": "instances",
    "instances": "instances",
    "autoscaling.knative.dev/maxscale": "max instances",
    "run.googleapis.com/maxscale": "max instances",
    "maxscale": "max instances",
    "minscale": "min instances",
    "containerconcurrency": "concurrency",
    "concurrency": "concurrency",
    "reservedconcurrency": "max instances",
    "reservedconcurrentexecutions": "max instances",
    "provisionedconcurrency": "min instances",
    "maxsurge": "max surge",
    "minmachinesrunning": "min instances",
    "quantity": "instances",
    "desiredcount": "instances",
    "numreplicas": "replicas",
}


def scales(text: str, path: str) -> tuple[Scale, ...]:
    """Every count of instances or requests per instance in a deployment file, by line. Percentages are left out."""
    signal = read(text, path)
    autoscaler = "HorizontalPodAutoscaler" in text
    helm = re.fullmatch(r"values(?:[.-][\w.-]+)?\.ya?ml", posixpath.basename(path)) is not None
    if signal is None and not autoscaler and not helm and not _COMPOSE.fullmatch(posixpath.basename(path)):
        return ()
    platform = signal.platform if signal else "kubernetes" if autoscaler or helm else "compose"
    return tuple(_counts(text, path, platform))


def _counts(text: str, path: str, platform: str) -> Iterator[Scale]:
    parents: list[tuple[int, str]] = []  # open keys with their indent
    for number, line in enumerate(text.split("\n"), 1):
        row = line[:300]
        opened = _YAML_PARENT.fullmatch(row)
        match = _YAML_NUMBER.match(row)
        found = match or opened
        if found is None:
            continue
        while parents and parents[-1][0] >= len(found[1]):
            parents.pop()
        if match is None:
            parents.append((len(found[1]), found[2]))
            continue
        key = match[2].lower().replace("_", "").replace("-", "")
        what = _COUNTS.get(key)
        if what is not None and not (what == "concurrency" and platform in ("aws-lambda", "kubernetes")):
            place = ".".join([*(name for _, name in parents), match[2]])
            yield Scale(path, number, what, int(match[3]), platform, place)
