"""The env-file reader, against python-dotenv itself."""

from poolcheck.readers.dotenv import read


def test_an_assignment_knows_its_place() -> None:
    """Columns cut the value out of the line, quotes left outside."""
    (entry,) = read('# note\nexport DATABASE_URL = "postgres://h/d" # why\n', ".env").entries
    assert (entry.key, entry.value, entry.line, entry.quote, entry.export) == (
        "DATABASE_URL",
        "postgres://h/d",
        2,
        '"',
        True,
    )
    assert entry.raw_line[entry.value_column : entry.value_end_column] == entry.raw == "postgres://h/d"
    assert entry.comment == "# why"
