"""Where passwords stand, as one table: each shape is a file or a pasted text, and how its syntax writes a password.

What is new goes in here; `test_no_secret_is_shown.py` walks it. Every shape is well-formed.
"""

import base64
import html
import json
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

Encode = Callable[[str], str]


@dataclass(frozen=True)
class Shape:
    """`text` has `{n}` for a number and `{s}` for the secret as `encode` writes it; one file may have many of them.

    `path` is "" for a text that is pasted into `explain`. `head` and `tail` stand once in the file.
    """

    name: str
    path: str
    text: str
    encode: Encode
    head: str = ""
    tail: str = ""
    without: str = ""  # characters that this syntax cannot write


def raw(secret: str) -> str:
    """As it is."""
    return secret


def url(secret: str) -> str:
    """Percent-encoded, but for what a URL's userinfo and query may hold."""
    return quote(secret, safe="!*-._~")


def libpq(secret: str) -> str:
    """libpq's quoting."""
    return "'" + secret.replace("\\", "\\\\").replace("'", "\\'") + "'"


def doubled(secret: str) -> str:
    """libpq's quoting in a string of SQL."""
    return libpq(secret).replace("'", "''")


def npgsql(secret: str) -> str:
    """ADO.NET's quoting."""
    return '"' + secret.replace('"', '""') + '"'


def as_json(secret: str) -> str:
    """The inside of a JSON string."""
    return json.dumps(secret)[1:-1]


def in_json(encode: Encode) -> Encode:
    """Encoded, and then in a JSON string."""
    return lambda secret: as_json(encode(secret))


def sql(secret: str) -> str:
    """The inside of a string of SQL."""
    return secret.replace("'", "''")


def base64_of_url(secret: str) -> str:
    """A Secret's data."""
    return base64.b64encode(
        f"postgresql://app:{url(secret)}@pg.acme.dev/app?connection_limt=5".encode()
    ).decode()


NEON = "@ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech/app"
BUSY = "FATAL:  sorry, too many clients already"
SHAPES = (
    Shape("env url", ".env", 'URL_{n}="postgresql://app:{s}' + NEON + '?connection_limt=5"', url),
    Shape("env url, bare, comment", ".env.a", "URL_{n}=postgresql://app:{s}@db.example.com:99999/app # of the app", url),
    Shape("env url, two @", ".env.b", "URL_{n}=postgresql://app:a@@{s}/app", url),
    Shape("env url, @ and fragment", ".env.c", "URL_{n}=postgresql://app:a@#{s}/app", url),
    Shape("env jdbc", ".env.d", "URL_{n}=jdbc:postgresql://db.example.com/app?user=app&password={s}&max=900", url),
    Shape("env sslpassword", ".env.e", 'URL_{n}="postgresql://app:x@db.example.com/app?sslpassword={s}&sslmod=1"', url),
    Shape("env api key", ".env.f", 'URL_{n}="prisma+postgres://accelerate.prisma-data.net/?api_key={s}"', url),
    Shape("env dsn", ".env.g", 'URL_{n}="host=db.example.com user=app password={s} connect_timeot=5"', libpq, without='"$\\'),
    Shape("env npgsql", ".env.h", "URL_{n}='Host=db.example.com;Username=app;Password={s};Maximum Pool Size=5000;Tyop=1'", npgsql, without="'$\\"),
    Shape("env npgsql, bare", ".env.i", "URL_{n}=Host=db.example.com;Username=app;Maximum Pool Size=5000;Password={s}", npgsql, without="'$\\"),
    Shape("env, name over two lines", ".env.j", 'URL_{n}="postgres://app:x@db.example.com/app?pa\nssword={s}&user=app"', url),
    Shape("env parts", ".env.k", "PGHOST=db.example.com\nPGUSER=app\nPGPASSWORD='{s}'\nPGDATABASE=app{n}", raw, without="'\\$"),
    Shape("env commented", ".env.l", "# URL_{n}=postgresql://app:{s}@db.example.com/app\nURL_{n}=postgresql://app@db.example.com/app?connection_limt=5", url),
    Shape("env ignore comment", ".env.m", "# poolcheck: ignore[PC999] was postgresql://app:{s}@db.example.com/app\nURL_{n}=postgresql://app@db.example.com/app", url),
    Shape("sql dblink", "a.sql", "SET search_path=x; SELECT dblink('host=db.example.com password={s}'); -- {n}", doubled),
    Shape("sql dblink, last in function", "b.sql", "SET ROLE x; SELECT dblink_connect('c{n}', 'dbname=app password={s}', false);", doubled),
    Shape("sql role", "c.sql", "SET search_path=x; ALTER ROLE app{n} PASSWORD '{s}' LOGIN;", sql, without="\\"),
    Shape("sql mapping", "d.sql", "SET a=1; CREATE USER MAPPING FOR u{n} SERVER s OPTIONS (user 'u', password '{s}');", sql, without="\\"),
    Shape("pgbouncer", "pgbouncer.ini", "d{n} = host=db.example.com pasword=1 password='{s}' pool_size=9 nonsense=1", sql, "[databases]\n", "[pgbouncer]\npool_mode=transaction\nmax_client_conn=90000\n", without="\\"),
    Shape("userlist", "userlist.txt", '"app{n}" "{s}"', lambda s: s.replace('"', '""')),
    Shape("alembic", "a/alembic.ini", "sqlalchemy.url = postgresql://user name:{s}@aws-0-eu-central-1.pooler.supabase.com:6543/app{n}?connection_limit=50", url, "[alembic]\n", without="%"),
    Shape("spring", "src/main/resources/application.yml", "  u{n}:\n    url: jdbc:postgresql://db.example.com/d?user=a&password={s}\n    hikari: {{maximum-pool-size: 900}}", url, "spring:\n"),
    Shape("spring password", "b/src/main/resources/application.yml", "  u{n}:\n    url: jdbc:postgresql://db.example.com/d\n    username: a\n    password: {s}", json.dumps, "spring:\n"),
    Shape("rails", "config/database.yml", "p{n}:\n  adapter: postgresql\n  host: db.example.com\n  pool: 900\n  password: {s}", json.dumps),
    Shape("compose", "docker-compose.yml", '  s{n}:\n    image: app\n    environment:\n      DATABASE_URL: "postgresql://app:{s}@pg.acme.dev/app?connection_limt=900"', url, "services:\n"),
    Shape("compose server", "c/docker-compose.yml", "  s{n}:\n    image: postgres:16\n    environment:\n      POSTGRES_PASSWORD: {s}", json.dumps, "services:\n", without="$"),
    Shape("k8s secret", "k8s/a.yaml", "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: s{n}}}\nstringData:\n  DATABASE_URL: postgresql://app:{s}@pg.acme.dev/app?connection_limt=5", url),
    Shape("k8s data", "k8s/b.yaml", "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: d{n}}}\ndata:\n  DATABASE_URL: {s}", base64_of_url),
    Shape("compose list", "g/docker-compose.yml", '  s{n}:\n    image: app\n    environment:\n      - "DATABASE_URL=postgresql://app:{s}@pg.acme.dev/app?connection_limt=900"', url, "services:\n"),
    Shape("compose behind a pooler", "h/docker-compose.yml", "  s{n}:\n    build: .\n    environment: {{DATABASE_URL: 'postgresql://app:{s}@pgbouncer/app', OTHER: 'x{s}'}}", url, "services:\n  db: {image: 'postgres:16'}\n  pgbouncer:\n    image: edoburu/pgbouncer:1.18.0\n    environment: {DB_HOST: db, POOL_MODE: transaction}\n"),
    Shape("k8s env", "k8s/c.yaml", "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: e{n}}}\nspec:\n  template:\n    spec:\n      containers:\n        - image: a\n          env:\n            - name: DATABASE_URL\n              value: postgresql://app:{s}@pg.acme.dev/app?connection_limt=5\n            - {{name: OTHER_URL, value: 'postgresql://app:{s}@pg.acme.dev/app?connection_limt=5'}}", url),
    Shape("render", "r/render.yaml", "  - type: web\n    name: w{n}\n    runtime: node\n    envVars:\n      - key: DATABASE_URL\n        value: postgresql://app:{s}@pg.acme.dev/app?connection_limt=5", url, "services:\n"),
    Shape("terraform", "t/main.tf", 'resource "aws_lambda_function" "f{n}" {{\n  environment {{\n    variables = {{\n      DATABASE_URL = "postgresql://app:{s}@pg.acme.dev/app?connection_limt=5"\n    }}\n  }}\n}}', url),
    Shape("appsettings", "appsettings.json", '  "k{n}": "Host=db.example.com;Username=app;Password={s};Maximum Pool Size=5000",', in_json(npgsql), '{"ConnectionStrings": {\n', '"z": ""}}'),
    Shape("prisma", "prisma/schema.prisma", 'datasource d{n} {{\n  provider = "postgresql"\n  url = "postgresql://app:{s}@db.example.com/app?connection_limt=5"\n}}', url),
    Shape("typescript", "src/db.ts", "export const p{n} = new Pool({{ connectionString: 'postgresql://app:{s}@db.example.com/app', max: 900 }})\nconst q{n} = new Pool({{ password: '{s}', max: 900 }})", url, 'import { Pool } from "pg"\n'),
    Shape("typescript in handler", "src/h.ts", "export async function GET{n}() {{ const p = new Pool({{ password: {s}, max: 900 }}); return p }}", json.dumps, 'import { Pool } from "pg"\n'),
    Shape("python", "app/db.py", "def view{n}(request):\n    return psycopg2.connect(host='h', password={s}, conect_timeout=1)", repr, "import psycopg2\n"),
    Shape("python dsn", "app/dsn.py", "e{n} = create_engine({s}, pool_size=900)", lambda s: repr(f"postgresql://app:{url(s)}@db.example.com/app"), "from sqlalchemy import create_engine\n"),
    Shape("ruby block", "k/config/database.yml", "p{n}:\n  adapter: postgresql\n  pool: 900\n  password: |\n    {s}\n  host: db.example.com", raw),
    Shape("compose env, folded", "e/docker-compose.yml", "  s{n}:\n    image: app\n    environment:\n      API_TOKEN: >-\n        {s}\n      DATABASE_URL: postgresql://app@pg.acme.dev/app?connection_limt=900", raw, "services:\n"),
    Shape("url in a block of a secret's name", "m/docker-compose.yml", "  s{n}:\n    image: app\n    environment:\n      SECRET_URL: |\n        postgresql://app:{s}@pg.acme.dev/app?connection_limt=900", url, "services:\n"),
    Shape("spring, next line", "n/src/main/resources/application.yml", "  u{n}:\n    url: jdbc:postgresql://db.example.com/d\n    username: a\n    password:\n      {s}\n    hikari: {{maximum-pool-size: 900}}", json.dumps, "spring:\n"),
    Shape("typescript, words in prose", "src/w.ts", "export async function GET{n}() {{ const p = new Pool({{ password: process.env.PW ?? {s}, max: 900 }}); return p }}", json.dumps, 'import { Pool } from "pg"\n'),
    Shape("python, put together", "app/two.py", "def view{n}(request):\n    return psycopg2.connect(host='h', password='a' {s}, conect_timeout=1)", lambda s: repr(s) if repr(s)[0] == "'" else "'" + s.replace("\\", "\\\\").replace("'", "\\'") + "'", "import psycopg2\n"),
    Shape("python, default", "app/default.py", "def view{n}(request):\n    return psycopg2.connect(host='h', password=os.environ.get('DB_PASSWORD', {s}), conect_timeout=1)", repr, "import os, psycopg2\n"),
    Shape("sql role, dollars", "e.sql", "SET search_path=x; ALTER ROLE app{n} PASSWORD $q${s}$q$ LOGIN;", raw),
    Shape("sql role, comment", "f.sql", "SET search_path=x; ALTER ROLE app{n} PASSWORD /* c */ '{s}' LOGIN;", sql, without="\\"),
    Shape("odyssey", "odyssey.conf", 'storage "s{n}" {{ type "remote" host "h" port 5432 nonsense 1 storage_password "{s}" }}', raw, without='"\\{}'),
    # pasted into `explain`
    Shape("paste yaml block", "", f"{BUSY}\n  db_password: |\n    {{s}}\n  n: {{n}}", raw),
    Shape("paste csv, no sign", "", f'2026-11-30 10:00:00 UTC,"app","could not connect: user h{{n}} password ""{{s}}""","{BUSY}"', raw, without='"\\'),
    Shape("paste xml", "", f"<n>{{n}}</n><password>{{s}}</password> {BUSY}", html.escape),
    Shape("paste dollars", "", f"{BUSY} STATEMENT: ALTER ROLE a{{n}} PASSWORD $$a {{s}}$$", raw, without="$"),
    Shape("paste k8s", "", f"{BUSY}\n  - name: PGPASSWORD\n    value: {{s}}\n  - name: n{{n}}", json.dumps),
    Shape("paste bearer", "", "n={n} Authorization: Bearer {s}", lambda s: base64.b64encode(s.encode()).decode() + f"\n{BUSY}"),
    Shape("paste default", "", f"os.environ.get('DB_PASSWORD', {{s}}) {{n}} {BUSY}", repr),
    Shape("paste url, broken line", "", f"{BUSY} postgresql://app{{n}}:\n{{s}}@db.example.com/d", url),
    Shape("paste url", "", f"could not connect to postgresql://app:{{s}}@db.example.com/app{{n}}: {BUSY}", url),
    Shape("paste url, user with a space", "", f"{BUSY} postgresql://user name:{{s}}@db.example.com/d{{n}}", url),
    Shape("paste libpq", "", f"could not connect: host=h{{n}} password={{s}} {BUSY}", libpq),
    Shape("paste libpq first", "", f"could not connect: password={{s}} host=h{{n}} {BUSY}", libpq),
    Shape("paste libpq in json", "", '{{"level":"error","n":{n},"msg":"cannot connect with host=h password={s}: ' + BUSY + '"}}', in_json(libpq)),
    Shape("paste json", "", '{{"password":"{s}","n":{n},"msg":"' + BUSY + '"}}', as_json),
    Shape("paste json in json", "", '{{"n":{n},"log":"{s}"}}', lambda s: as_json(json.dumps({"password": s, "msg": BUSY}))),
    Shape("paste python", "", "connect({s}) failed, {n}: " + BUSY, lambda s: repr({"host": "h", "password": s, "port": 5432})),
    Shape("paste sql", "", f"{BUSY} STATEMENT: SELECT dblink('host=h{{n}} password={{s}}')", doubled),
    Shape("paste role", "", f"{BUSY} STATEMENT: ALTER ROLE a{{n}} PASSWORD '{{s}}' LOGIN", sql, without="\\"),
    Shape("paste npgsql", "", f"Host=h{{n}};Username=u;Password={{s}};Port=5432 : {BUSY}", npgsql),
    Shape("paste jdbc", "", f"jdbc:postgresql://h{{n}}/d?user=u&password={{s}}&ssl=1 : {BUSY}", url),
    Shape("paste shell", "", f"PGPASSWORD='{{s}}' psql -h h{{n}} {BUSY}", lambda s: s.replace("'", "'\\''")),
    Shape("paste csv", "", f'2026-11-30 10:00:00 UTC,"app","could not connect: host=h{{n}} password={{s}}","{BUSY}"', lambda s: libpq(s).replace('"', '""')),
)  # fmt: skip
