"""What modules say of themselves, read without importing them, is what they hold once they are imported."""

from importlib import import_module

import pytest

from poolcheck.readers.index import declared, reader_of
from poolcheck.readers.poolers import interface


@pytest.mark.parametrize(
    ("package", "key"),
    [
        ("poolers", "NAMES"),
        ("poolers", "WORDS"),
        ("poolers", "ENVIRONMENT"),
        ("configs", "NAMES"),
        ("manifests", "FILES"),
    ],
)
def test_constants_read_from_raw_text_are_the_imported_ones(package: str, key: str) -> None:
    """The short cut that saves the import sees what Python sees."""
    found = declared(package, key)

    assert found
    for stem, words in found.items():
        assert words == tuple(getattr(import_module(f"poolcheck.readers.{package}.{stem}"), key))


def test_no_two_manifests_claim_a_name() -> None:
    """Which one reads it would depend on the order of the modules."""
    names = [name for many in declared("manifests", "FILES").values() for name in many]

    assert len(names) == len(set(names))


CONFIGS = (
    "prisma/schema.prisma", "prisma.config.ts", ".config/prisma7.mjs", "drizzle-app.config.ts", "knexfile.js", "alembic.ini",
    "config/database.yml", "config/database.php", "application-prod.yaml", "application.properties", "src/data-source.ts",
    "app.datasource.ts", "DataSource.js", "ormconfig.js", "typeorm.config.ts", "web/settings.py", "web/settings/base.py",
)  # fmt: skip


@pytest.mark.parametrize("path", CONFIGS)
def test_words_of_names_leave_no_config_out(path: str) -> None:
    """What a module reads has one of its words in its name."""
    assert reader_of("configs", path) is not None


@pytest.mark.parametrize(
    ("path", "stem"),
    [
        ("pgbouncer.ini", "pgbouncer_ini"), ("docker/userlist.txt", "pgbouncer_ini"), ("pgbouncer.md", ""),
        ("etc/odyssey.conf", "odyssey"), ("pgcat.toml", "pgcat"), ("pgdog.toml", "pgdog"), ("users.toml", "pgdog"),
        ("nginx.conf", ""),
    ],
)  # fmt: skip
def test_which_reader_reads_a_file(path: str, stem: str) -> None:
    """By its name alone."""
    reader = interface.reader_of(path)

    assert getattr(reader, "__name__", "").rpartition(".")[2] == stem
