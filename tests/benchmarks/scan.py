"""How long `lint` takes on projects of many source files, beside its own start-up; run by hand.

python tests/benchmarks/scan.py
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

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
RELEVANT = (
    """import { Pool } from 'pg'
import { prisma } from '../db'
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
    + PLAIN
)


def build(root: Path, files: int, relevant: int) -> None:
    """A project with that many source files, spread over folders of 40."""
    (root / "package.json").write_text('{"dependencies": {"pg": "8.13.0", "next": "15.0.0"}}')
    (root / ".env").write_text("DATABASE_URL=postgresql://app:s3cret@localhost:5432/app\n")
    (root / ".gitignore").write_text("node_modules\n*.log\n.next/\n")
    every = files // relevant
    for number in range(files):
        folder = root / f"packages/p{number // 400}/src/f{number // 40}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"m{number}.ts").write_text(RELEVANT if number % every == 0 else PLAIN)


def run(folder: Path, *arguments: str) -> tuple[float, float]:
    """Median seconds of processor time and of wall clock, of five runs."""
    cpu, wall = [], []
    for _ in range(5):
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        wall.append(time.perf_counter() - start)
        cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return sorted(cpu)[2], sorted(wall)[2]


def memory(folder: Path) -> int:
    """The most memory that one lint of the folder takes, in MB."""
    code = (
        "import resource\nfrom poolcheck.cli import run\nrun(['lint', '--fail-on', 'never'])\n"
        "import sys; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )
    return int(done.stderr.split()[-1])


def main() -> None:
    """Print one line for each size."""
    print(f"{'files':>6} {'cpu':>7} {'wall':>7} {'memory':>7}")
    with tempfile.TemporaryDirectory() as name:
        for files, relevant in ((40, 20), (2000, 20), (7000, 100)):
            root = Path(name) / str(files)
            root.mkdir()
            build(root, files, relevant)
            cpu, wall = run(root, "-m", "poolcheck", "lint", "--fail-on", "never")
            print(f"{files:>6} {cpu:>6.2f}s {wall:>6.2f}s {memory(root):>4} MB")


if __name__ == "__main__":
    main()
