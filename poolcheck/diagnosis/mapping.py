"""What `map` does, as a function."""

import os
from collections.abc import Sequence

from poolcheck.config.settings import Configured
from poolcheck.errors import NothingToCheck
from poolcheck.model.report import Report
from poolcheck.project import arguments, assumptions, collect


def map_of(what: Sequence[str], settings: Configured) -> Report:
    """The map of a project.

    Raises:
        PoolcheckError: bad config, bad input, or nothing that connects anywhere.
    """
    first = next((each for each in what if each != "-" and not arguments.is_url(each)), ".")
    config = settings.over(first if os.path.exists(first) else ".")
    found = collect.collect(what, config)
    context = assumptions.context(found, config)
    if not context.map.clients and not context.map.poolers:
        raise NothingToCheck(
            f"nothing that connects to PostgreSQL was found in {', '.join(what)}",
            "Name the folder of the project, or an env file: poolcheck map apps/api",
        )
    return Report(
        command="map", sections=(context.map,), questions=context.map.questions, skipped=found.skipped,
        packages=found.packages, notes=found.notes, files=found.files,
    )  # fmt: skip
