"""What `fix --write` tells besides its edits: every file it touched, and where the value that counts is."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from poolcheck.cli import cli
from poolcheck.fix.production import _STORES

NEON = "postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech/app?sslmode=require"
SCHEMA = 'datasource db {\n  provider = "postgresql"\n  url      = env("DATABASE_URL")\n}\n'
PACKAGE = '{"dependencies": {"@prisma/client": "6.19.3", "prisma": "6.19.3"}}'
# The file that names each platform.
PLATFORMS = {
    "vercel": ("vercel.json", "{}"),
    "netlify": ("netlify.toml", ""),
    "fly": ("fly.toml", 'app = "shop"\n'),
    "heroku": ("app.json", '{"name": "shop", "formation": {"web": {"quantity": 1}}}'),
    "railway": ("railway.toml", ""),
    "render": ("render.yaml", "services: []\n"),
    "cloudflare-workers": ("wrangler.toml", 'name = "shop"\nmain = "src/index.ts"\n'),
}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Prisma 6 project on Neon's direct endpoint."""
    monkeypatch.chdir(tmp_path)
    Path("prisma").mkdir()
    Path("prisma/schema.prisma").write_text(SCHEMA, encoding="utf-8")
    Path("package.json").write_text(PACKAGE, encoding="utf-8")
    Path(".env").write_text(f"DATABASE_URL={NEON}\n", encoding="utf-8")
    return tmp_path


def written(*options: str) -> str:
    """What the command prints after its edits, in one line."""
    done = CliRunner().invoke(cli, ["fix", "--write", "--unsafe", *options], env={"COLUMNS": "200"})
    assert done.exit_code in (0, 1), done.output
    return " ".join(done.stdout.split())


@pytest.mark.parametrize("platform", list(_STORES))
def test_platform_that_keeps_variables_of_its_own(platform: str) -> None:
    """Each is told by the file that names it, with the command or page."""
    name, text = PLATFORMS[platform]
    Path(name).write_text(text, encoding="utf-8")
    Path(".env").write_text(f"DATABASE_URL={NEON}?connection_limit=5\n", encoding="utf-8")

    said = written()

    store = _STORES[platform]
    assert f"{store.title} keeps variables of its own: set DATABASE_URL there, too" in said
    assert store.how.format(name="DATABASE_URL") in said


def test_no_platform_no_note() -> None:
    """Where nothing says who keeps the variables, nothing is said."""
    assert "keeps variables of its own" not in written("--runtime", "serverless")


def test_example_files_get_what_the_schema_reads() -> None:
    """Once, with no secret, and only where the line is missing; each file has its bullet."""
    Path(".env.example").write_text(
        "export DATABASE_URL=postgresql://USER:PASSWORD@HOST/app\nPORT=1", encoding="utf-8"
    )
    Path(".env.sample").write_text(
        "DATABASE_URL=postgresql://USER:PASSWORD@HOST/app\nDIRECT_URL=\n", encoding="utf-8"
    )

    said = written("--runtime", "serverless")

    shown = Path(".env.example").read_text(encoding="utf-8")
    assert 'export DIRECT_URL="postgresql://USER:PASSWORD@HOST:5432/DATABASE"\nPORT=1' in shown
    assert Path(".env.sample").read_text(encoding="utf-8").count("DIRECT_URL") == 1
    assert "s3cret" not in shown
    for bullet in (
        "- .env:1 PC101",
        "- .env.example:1 PC101",
        '- prisma/schema.prisma:3 PC101 DATABASE_URL: directUrl = env("DIRECT_URL")',
    ):
        assert bullet in said
    again = CliRunner().invoke(cli, ["fix", "--write", "--unsafe", "--runtime", "serverless"]).stdout
    assert "Written" not in again
