"""One query per file: `<name>_<oldest major it works on>.sql`; the newest that is not newer than the server is picked.

A file begins with comments: what the query tells, to whom, and what changed with that major.
"""

from functools import cache
from pathlib import Path

from poolcheck.config.disk import own_bytes

FOLDER = Path(__file__).parent
OLDEST = 12  # the oldest major with queries of its own


@cache
def load(name: str, major: int) -> str:
    """The text of query `name` for a server of that major, without its comments.

    A server older than every file gets the oldest: whether it answers is seen then.

    Raises:
        LookupError: there is no query of that name.
    """
    found = {int(path.stem.rpartition("_")[2]): path for path in FOLDER.glob(f"{name}_[0-9]*.sql")}
    if not found:
        raise LookupError(f"no query is named {name}")
    fitting = [each for each in found if each <= major] or [min(found)]
    lines = own_bytes(found[max(fitting)]).decode().splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("--"))
