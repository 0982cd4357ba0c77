"""`python -m poolcheck.reference --site DIR`: what the release workflow publishes."""

from pathlib import Path

import click

from poolcheck.config.staged import write_whole
from poolcheck.reference.site import pages


@click.command()
@click.option(
    "--site", "folder", required=True, metavar="DIR", type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the pages; made where it is not there.",
)  # fmt: skip
def main(folder: Path) -> None:
    """Write the pages of rules, providers, drivers and error texts as a static site."""
    for path, html in pages():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        write_whole(place, html.encode())


if __name__ == "__main__":
    main()
