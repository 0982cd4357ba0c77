"""The exact lines for drivers: what is read from the text is what the catalogue holds."""

import pytest

from poolcheck import catalogue
from poolcheck.capacity import driver_lines
from poolcheck.model.project import DriverUse, Version


@pytest.mark.parametrize(("stem", "blocks"), driver_lines.COMMON)
def test_common_lines_are_the_catalogues(stem: str, blocks: int) -> None:
    """Titles and lines, in the file's order."""
    driver = catalogue.driver(stem)
    assert driver is not None
    wanted = [
        driver_lines.line(version.label or driver.title, version.size_code, version.size_param, 7)
        for version in driver.versions
        if version.size_code
    ][:blocks]
    assert len(wanted) == blocks
    assert set(wanted) <= set(driver_lines.common(7))
    assert all("7" in each.code for each in wanted)


def test_a_parameter_is_shown_in_a_url() -> None:
    """Prisma up to 6 is told in the connection string."""
    (line,) = driver_lines.of([DriverUse("prisma", Version("6.19.3", (6, 19, 3), exact=True))], 5, catalogue)
    assert line.code.endswith('?connection_limit=5"')


def test_an_unknown_version_gives_the_lines_of_all() -> None:
    """Each once."""
    codes = [each.code for each in driver_lines.of([DriverUse("prisma")], 5, catalogue)]
    assert len(codes) == len(set(codes)) >= 2


def test_an_unknown_driver_gives_none() -> None:
    """No guess."""
    assert driver_lines.of([DriverUse("nobody")], 5, catalogue) == ()
