"""The project's sums: what all services together ask of each server, with the place of every number."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from poolcheck.discover import Found
    from poolcheck.packages import Packages


def add(found: "Found", packages: "Packages", names: Sequence[str]) -> None:
    """Add the sums of the project to `found`."""
