"""Pages for everything: what rules, the catalogue and `explain` tell of one name."""

import pytest

from poolcheck import catalogue, reference, rules
from poolcheck.model.facts import Driver


@pytest.mark.parametrize("name", sorted({*rules.names(), *rules.names().values()}))
def test_rule_page(name: str) -> None:
    """By id and by name: the docstring under its id, severity and step."""
    page = reference.page(name)

    assert page
    assert "## Why it matters" in page
    assert "Default severity" in page


@pytest.mark.parametrize("provider", [provider.id for provider in catalogue.providers()])
def test_provider_page(provider: str) -> None:
    """Every fact with its source and date."""
    page = reference.page(provider)

    assert page
    known = catalogue.provider(provider)
    assert known
    for end in known.endpoints:
        assert end.source in page
    for limit in known.limits:
        assert (limit.title or limit.plan) in page


@pytest.mark.parametrize("driver", catalogue.drivers(), ids=lambda driver: driver.id)
def test_driver_page(driver: Driver) -> None:
    """Every version block with its pool and its source."""
    page = reference.page(driver.id)

    assert page
    for version in driver.versions:
        assert version.source in page
        assert version.pool in page


def test_unknown_name_has_no_page() -> None:
    """Nothing is made up."""
    assert reference.page("no-such-thing") is None
    assert reference.page("PC999") is None


def test_name_that_is_provider_and_driver_shows_both() -> None:
    """`neon` is both."""
    page = reference.page("neon")

    assert page
    assert "## Endpoints" in page
    assert "@neondatabase/serverless" in page


@pytest.mark.parametrize("driver", catalogue.drivers(), ids=lambda driver: driver.id)
def test_first_size_line_is_the_parsed_one(driver: Driver) -> None:
    """What is taken from the raw text is what parsing gives."""
    label, code = catalogue.first_size_line(driver.id)

    if driver.versions[0].size_code:
        assert (driver.versions[0].label, driver.versions[0].size_code) == (label, code)


@pytest.mark.parametrize("driver", catalogue.drivers(), ids=lambda driver: driver.id)
def test_parameter_names_hold_every_parameter(driver: Driver) -> None:
    """Found in the raw text: every parameter of every block."""
    names = {param.name for version in driver.versions for param in version.params}

    assert names <= catalogue.parameter_names()
