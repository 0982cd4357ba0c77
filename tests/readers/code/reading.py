"""What the reader of further languages says of a snippet."""

from poolcheck.catalogue.makers import makers
from poolcheck.model.source import Site
from poolcheck.readers import source_files
from poolcheck.readers.languages import language


def sites(source: str, path: str) -> tuple[Site, ...]:
    """The sites of one file, which has to matter."""
    kind, code = language(path), source.encode()
    assert kind is not None
    if not source_files.matters(code, kind, makers()):
        return ()
    found = source_files.read(code, path, makers())
    assert isinstance(found, source_files.Read), found
    return found.file.sites


def sizes(source: str, path: str) -> list[str | None]:
    """The size of each pool of a file as it is written; None where nothing sets it."""
    return [
        next((said for name in site.made.size_options if (said := site.option(name)) is not None), None)
        for site in sites(source, path)
    ]
