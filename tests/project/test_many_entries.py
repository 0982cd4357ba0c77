"""An env file of very many lines costs as much for each of them as a short one: counted in steps, not in seconds."""

from pathlib import Path

import pytest

import poolcheck
from tests.steps import steps

URL = "postgresql://app:secret@ep-cool-darkness-123456.us-east-2.aws.neon.tech/app?sslmode=require"
POOLED = URL.replace(".us-east", "-pooler.us-east")
LINES = {
    "variables": "V{0}_URL={url}",
    "the same variable": "DATABASE_URL={url}",
    "the same variable, other values": "DATABASE_URL={url}&application_name=a{0}",
    "each a server of its own": "V{0}_URL=postgresql://app:secret@h{0}.acme.dev/app",
    "each a server of a bare name": "V{0}_URL=postgresql://app:secret@h{0}/app",
    "unpooled": "V{0}_UNPOOLED_URL={url}\nV{0}_URL={url}",
    "direct": "V{0}_DIRECT_URL={url}",
    "pooled and no direct": "V{0}_URL={pooled}",
    "app and direct": "V{0}_URL={pooled}\nDIRECT_{0}_URL={url}",
    "references": "A{0}=x{0}\nB{0}_URL=postgresql://a:$A{0}@${{A{0}}}/d",
    "in parts": "DB{0}_HOST=h{0}\nDB{0}_NAME=n\nPGHOST=h{0}",
    "commented out": "# V{0}_URL={url}",
    "ignored": "# poolcheck: ignore[PC101]\nV{0}_URL={url}",
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_the_work_grows_with_the_lines(line: str, tmp_path: Path) -> None:
    """Whoever looks through all variables for each one takes 16 times the steps for 4 times the lines."""
    (tmp_path / "package.json").write_text(
        '{"dependencies": {"@prisma/client": "6.19.3", "prisma": "6.19.3", "next": "15.0.0"}}'
    )
    (tmp_path / "vercel.json").write_text("{}")

    def work(count: int) -> int:
        lines = [line.format(number, url=URL, pooled=POOLED) for number in range(count)]
        (tmp_path / ".env").write_text("\n".join([f"DATABASE_URL={URL}", *lines, ""]))
        return steps(lambda: poolcheck.lint(tmp_path))

    first, second, third = (work(count) for count in (20, 60, 100))

    # Each line costs hundreds of steps: one step for each pair of lines makes the last 40 lines 8 % dearer than those before.
    assert third - second < 1.03 * (second - first)
