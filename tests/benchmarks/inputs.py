"""What the figures are measured on: projects and logs of any size, alike in every run."""

import random
from pathlib import Path

URL = "postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech/app?sslmode=require"
PLAIN = """import { format } from '../lib/format'
import type { User } from '../types'

export interface Props { user: User; onSelect?: (id: string) => void }

""" + "\n".join(
    f"""export function part{number}(props: Props) {{
  const label = format(props.user.name ?? 'nobody', {{ upper: {number} }})
  if (!props.onSelect) return null
  return label.split(' ').map((word, index) => ({{ word, index, key: `${{word}}-${{index}}` }}))
}}
"""
    for number in range(30)
)
POOL = """import { Pool } from 'pg'
const pool = new Pool({ max: 5, connectionTimeoutMillis: 5000 })

export async function work() {
  const client = await pool.connect()
  try {
    await client.query('select 1')
  } finally {
    client.release()
  }
}
"""
PER_REQUEST = """import { Pool } from 'pg'
export async function GET() {
  const pool = new Pool({ connectionString: process.env.DATABASE_URL })
  return Response.json((await pool.query('select 1')).rows)
}
"""
ERRORS = (
    (
        "2026-11-21 03:{minute:02d}:07.123 UTC [4711] app@shop FATAL:  remaining connection slots are reserved for "
        "non-replication superuser connections\n"
    ),
    (
        "2026-11-21T03:{minute:02d}:09.500Z ERROR Timed out fetching a new connection from the connection pool. More info: "
        "http://pris.ly/d/connection-pool (Current connection pool timeout: 10, connection limit: 5)\n"
    ),
)
GREP = "remaining connection slots are reserved|sorry, too many clients already|QueuePool limit of size|Timed out fetching a new connection"


def env_file(root: Path, variables: int = 1) -> Path:
    """A folder with nothing but an env file; each variable a server of its own."""
    root.mkdir(parents=True)
    more = [
        f"V{number}_URL=postgresql://app:s3cret@db{number}.acme.dev/app\n" for number in range(1, variables)
    ]
    (root / ".env").write_text(f"DATABASE_URL={URL}\n{''.join(more)}")
    return root


def repository(root: Path, files: int, *, relevant: int = 0) -> Path:
    """Source files over folders of 40, about 6 kB each; one of 70, or `relevant` in all, has a pool."""
    root.mkdir(parents=True)
    (root / "package.json").write_text('{"dependencies": {"pg": "8.13.0", "next": "15.0.0"}}')
    (root / ".env").write_text("DATABASE_URL=postgresql://app:s3cret@localhost:5432/app\n")
    (root / ".gitignore").write_text("node_modules\n*.log\n.next/\n")
    every = files // (relevant or max(files // 70, 1))
    for number in range(files):
        folder = root / f"packages/p{number // 400}/src/f{number // 40}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"m{number}.ts").write_text(POOL + PLAIN if number % every == 0 else PLAIN)
    return root


def findings(root: Path, number: int) -> Path:
    """A route handler for each finding: a pool for each request."""
    root.mkdir(parents=True)
    (root / "package.json").write_text('{"dependencies": {"pg": "8.13.0", "next": "15.0.0"}}')
    (root / "vercel.json").write_text("{}")
    for each in range(number):
        route = root / f"app/api/r{each}/route.ts"
        route.parent.mkdir(parents=True)
        route.write_text(PER_REQUEST)
    return root


def services(root: Path, number: int) -> Path:
    """A compose file with as many services, each built from a folder with a pool of its own, and one server."""
    root.mkdir(parents=True)
    parts = ["services:\n  db:\n    image: postgres:17\n    command: postgres -c max_connections=500\n"]
    for each in range(number):
        home = root / f"services/s{each}"
        (home / "src").mkdir(parents=True)
        (home / "package.json").write_text('{"dependencies": {"pg": "8.13.0"}}')
        (home / "src" / "db.ts").write_text(POOL)
        (home / "Dockerfile").write_text('FROM node:22\nCOPY . .\nCMD ["node", "src/db.ts"]\n')
        parts.append(
            f"  s{each}:\n    build: ./services/s{each}\n    deploy: {{replicas: 2}}\n"
            "    environment:\n      DATABASE_URL: postgresql://app:s3cret@db:5432/app\n"
        )
    (root / "docker-compose.yml").write_text("".join(parts))
    return root


def log(path: Path, megabytes: int) -> Path:
    """An ordinary log; an error every 50 MB or so."""
    chance, size, number = random.Random(5), 0, 0
    with path.open("w", encoding="utf-8") as written:
        while size < megabytes * 1_000_000:
            text = _lines(number, chance)
            if number % 400_000 == 0:
                text += ERRORS[number // 400_000 % 2].format(minute=number // 400_000 % 60)
            size += written.write(text)
            number += 100
    return path


def _lines(number: int, chance: random.Random) -> str:
    """A hundred ordinary lines: access log, application log, statements, JSON, and connections of PostgreSQL."""
    made = []
    for each in range(number, number + 100):
        stamp = f"2026-11-21T03:{each // 6000 % 60:02d}:{each // 100 % 60:02d}.{each % 1000:03d}Z"
        kind = chance.random()
        if kind < 0.5:
            made.append(
                f'{stamp} 10.0.{each % 250}.{each % 199} - - "GET /api/orders/{each} HTTP/1.1" 200 {each % 50000} "-" '
                '"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"\n'
            )
        elif kind < 0.7:
            made.append(
                f"{stamp} INFO  [http-nio-8080-exec-{each % 40}] shop.OrderService : order {each} stored in {each % 70} ms\n"
            )
        elif kind < 0.85:
            made.append(
                f"{stamp} UTC [{each % 30000}] app@shop LOG:  duration: {each % 900}.{each % 999:03d} ms  execute <unnamed>: "
                "SELECT o.id, o.total FROM orders o WHERE o.customer_id = $1 ORDER BY o.created DESC LIMIT 20\n"
            )
        elif kind < 0.95:
            made.append(
                f'{{"level":"info","time":17952{each % 10**8:08d},"req":{{"method":"GET","url":"/items/{each}"}},"msg":"request completed"}}\n'
            )
        elif kind < 0.99:
            made.append(
                f"{stamp} WARN  cache miss for key session:{each:x} (ttl {each % 3600}s), fetching from origin\n"
            )
        else:
            made.append(
                f"{stamp} UTC [{each % 30000}] [unknown]@[unknown] LOG:  connection received: host=10.0.0.7 port={each % 60000}\n"
            )
    return "".join(made)
