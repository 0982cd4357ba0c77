"""What modules say of themselves, read without importing them, is what they hold once they are imported."""

from importlib import import_module

import pytest

from poolcheck.readers.index import declared
from poolcheck.readers.poolers import interface


@pytest.mark.parametrize(("package", "key"), [("poolers", "NAMES"), ("poolers", "WORDS")])
def test_constants_read_from_raw_text_are_the_imported_ones(package: str, key: str) -> None:
    """The short cut that saves the import sees what Python sees."""
    found = declared(package, key)

    assert found
    for stem, words in found.items():
        assert words == tuple(getattr(import_module(f"poolcheck.readers.{package}.{stem}"), key))


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
