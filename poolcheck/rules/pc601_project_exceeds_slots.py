"""All services together ask for more connections than the server has slots.

## Why it matters
Each pool is harmless by itself. Replicas x processes x pool, added up over every service that shares the server, is what
the busiest day or the next rollout asks for, and the instances that come last are refused (SQLSTATE 53300).
Only numbers that files tell are added up: compose, Kubernetes manifests, Kustomize overlays, Helm charts with their
production values, PM2, Cloud Run, App Engine, Azure Container Apps, Render, Railway, Procfiles and Terraform; processes from
commands, `gunicorn.conf.py`, `config/puma.rb`, `WEB_CONCURRENCY` and scripts. Where a number is missing the report says so;
one that depends on the machine (`instances: "max"`, a worker per CPU) counts as 1, and the sum is "at least".

## What to do
Give each process the size that poolcheck computes, run fewer processes, or put a transaction-mode pooler in between.

```yaml bad npm:prisma@6.19.3 npm:@prisma/client@6.19.3
# file: docker-compose.yml
services:
  db:
    image: postgres:17
    command: postgres -c max_connections=100
  web:
    build: .
    deploy:
      replicas: 10
    environment:
      DATABASE_URL: postgresql://app:s3cret@db:5432/app?connection_limit=8
  jobs:
    build: .
    deploy:
      replicas: 4
    environment:
      DATABASE_URL: postgresql://app:s3cret@db:5432/app?connection_limit=5
```

```yaml good npm:prisma@6.19.3 npm:@prisma/client@6.19.3
# file: docker-compose.yml
services:
  db:
    image: postgres:17
    command: postgres -c max_connections=100
  web:
    build: .
    deploy:
      replicas: 10
    environment:
      DATABASE_URL: postgresql://app:s3cret@db:5432/app?connection_limit=5
  jobs:
    build: .
    deploy:
      replicas: 4
    environment:
      DATABASE_URL: postgresql://app:s3cret@db:5432/app?connection_limit=5
```

```yaml bad npm:prisma@6.19.3 npm:@prisma/client@6.19.3 max=100
# file: chart/Chart.yaml
name: shop
# file: chart/values.yaml
replicaCount: 10
databaseUrl: postgresql://app:s3cret@pg.acme.dev:5432/app?connection_limit=12&sslmode=require
# file: chart/templates/web.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "shop.fullname" . }}
spec:
  replicas: {{ .Values.replicaCount }}
  template:
    spec:
      containers:
        - name: web
          env:
            - name: DATABASE_URL
              value: {{ .Values.databaseUrl | quote }}
```

```yaml good npm:prisma@6.19.3 npm:@prisma/client@6.19.3 max=100
# file: chart/Chart.yaml
name: shop
# file: chart/values.yaml
replicaCount: 10
databaseUrl: postgresql://app:s3cret@pg.acme.dev:5432/app?connection_limit=5&sslmode=require
# file: chart/templates/web.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "shop.fullname" . }}
spec:
  replicas: {{ .Values.replicaCount }}
  template:
    spec:
      containers:
        - name: web
          env:
            - name: DATABASE_URL
              value: {{ .Values.databaseUrl | quote }}
```

## Sources
- https://www.postgresql.org/docs/current/runtime-config-connection.html
- https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
- https://docs.docker.com/reference/compose-file/deploy/
- https://helm.sh/docs/chart_template_guide/values_files/
- https://pm2.keymetrics.io/docs/usage/application-declaration/
- https://gunicorn.org/configure/
"""

from collections.abc import Iterator

from poolcheck.capacity.advice import fitting
from poolcheck.capacity.asked import Asked
from poolcheck.model.connection_map import Pooler
from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.rules._sums import asked, pool_fix


@rule(Asked, severity=Severity.ERROR, step=2)
def check(row: Asked, ctx: Context) -> Iterator[Problem]:
    """Full pools against the slots of an ordinary role; what only a deploy exceeds is a warning."""
    if row.against != "slots" or row.verdict != "does not fit" or row.of_one_string or row.capacity is None:
        return
    (first, *others) = row.terms
    if not others and first.of is not None and _of_its_file(first.of):
        return  # PC503 is about its file
    steady = row.steady.most > row.capacity
    reserved = row.reserved.most if row.reserved else 0
    total = row.limit.most if row.limit else 0
    allowed = f"the server allows {row.capacity} ({total} - {reserved} reserved)"
    if row.cap is not None:
        allowed = f"{row.capacity} are allowed ({row.limit_words})"
    extra = "" if steady else f", {row.deploy.most} while a deploy runs"
    largest, size, most = fitting(row)
    if largest.of is not None:
        beside = row.deploy.most - largest.deploy.most
        left = max(1, row.capacity - row.buffer - beside)
        many = largest.of.replicas.most
        cap = max(1, left // max(1, many))
        each = f", {cap} for each of {many} instances" if many > 1 else ""
        fix = Fix(
            f"Cap what {largest.name} opens: {left} are left for it{each}",
            lines=(f"max_db_connections = {cap}",) if largest.of.software == "pgbouncer" else (),
        )
    elif size:
        title = f"Give each process of {largest.name} {size}; at most {most} fits while a deploy runs"
        fix = pool_fix(row, largest, size, title, ctx)
    else:
        fix = Fix(f"No pool size fits: run fewer processes, or {row.way_out}")
    yield Problem(
        message=f"{row.name}: {asked(row)}{extra}, and {allowed}.",
        why=row.places,
        severity=Severity.ERROR if steady else Severity.WARNING,
        subject=row.name,
        key=f"{row.cap.kind} {row.cap.of}" if row.cap else "slots",
        fix=fix,
    )


def _of_its_file(pooler: Pooler) -> bool:
    """Whether one instance of a pooler of the project opens to this server alone: its file tells the sum."""
    return pooler.replicas.most == 1 and not pooler.provided and len(pooler.opens) == 1
