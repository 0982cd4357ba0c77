"""The age of the whole catalogue: `python -m poolcheck.catalogue.old_facts DAYS` lists what was looked at longer ago than that.

A scheduled job of CI runs it: whoever reads its list looks at the sources again and sets `checked` of exactly those.
"""

import os
import sys
from collections.abc import Iterator

from poolcheck.catalogue import error_texts
from poolcheck.catalogue.age import Fact, dated, older, today
from poolcheck.catalogue.lookup import shelves

DAYS = 150


def facts() -> Iterator[Fact]:
    """Every fact that carries a day."""
    for shelf in shelves():
        for item in shelf.all():
            yield from dated(item, f"{os.path.basename(shelf.folder)}/{item.id}.toml:")
    for file in error_texts.error_files():
        for error in file.errors:
            yield from dated(error, f"errors/{file.id}.toml: {error.id}")


def main(days: int = DAYS) -> int:
    """List them, oldest first; 1 where there are any."""
    old = older(facts(), days, today())
    for fact in old:
        print(f"{fact.checked} {fact.where} {fact.source}")
    print(f"{len(old)} facts were last looked at more than {days} days ago.", file=sys.stderr)
    return int(bool(old))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:2])))
