"""The files around a project: read once, and as an edit would leave them."""

from pathlib import Path

import pytest

from poolcheck.config.settings import Config
from poolcheck.project.collect import collect
from poolcheck.project.packages import Packages
from tests.rules.projects import write


@pytest.mark.parametrize("edited", [b"", b"[]"])
def test_an_edited_file_is_read_as_the_edit_leaves_it(
    edited: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Empty too: nothing is not the same as no edit."""
    monkeypatch.chdir(tmp_path)
    Path("package.json").write_text('{"dependencies": {"pg": "8.16.0"}}', encoding="utf-8")

    packages = Packages(Config(), {"package.json": edited})

    assert packages.text("package.json") == edited.decode()


def test_a_folder_without_a_manifest_is_the_only_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An env file in deploy/ belongs to the package beside it; of two packages it cannot be told."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path, {"backend/requirements.txt": "asyncpg==0.30.0\n", "deploy/.env": "A=1\n"})
    one = Packages(Config())
    one.walk(".")

    assert [use.id for use in one.of("deploy/.env").drivers] == ["asyncpg"]

    write(tmp_path, {"web/package.json": '{"dependencies": {"pg": "8.16.0"}}'})
    two = Packages(Config())
    two.walk(".")
    assert two.of("deploy/.env").drivers == ()


@pytest.mark.parametrize(
    ("package", "port", "found"),
    [
        ("psycopg[binary]==3.2.9", "", 1),
        ("psycopg[binary]==3.2.9", "DB_PORT=3306\n", 0),
        ("psycopg[binary]==3.2.9\nmysqlclient==2.2.7", "", 0),
        ("requests==2.32.0", "", 0),
        ("requests==2.32.0", "DB_PORT=5432\n", 1),
    ],
)
def test_parts_without_a_port(
    package: str, port: str, found: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DB_HOST and its family are PostgreSQL's where the only driver is."""
    monkeypatch.chdir(tmp_path)
    parts = "DB_HOST=10.20.0.5\nDB_NAME=shop\nDB_USER=shop\nDB_PASSWORD=s3cretpw\n"
    write(tmp_path, {"requirements.txt": package + "\n", ".env": parts + port})

    assert len(collect((".",), Config()).targets) == found
