"""Pages of what is known: of rules, providers and drivers, for `poolcheck explain` and for the site."""

from poolcheck.reference.pages import (
    driver_page,
    drivers_table,
    names,
    page,
    provider_page,
    providers_table,
    rule_page,
    rules_table,
)

__all__ = [
    "driver_page",
    "drivers_table",
    "names",
    "page",
    "provider_page",
    "providers_table",
    "rule_page",
    "rules_table",
]
