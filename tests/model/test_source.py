"""What a site says of an option that the environment sets."""

import pytest

from poolcheck.catalogue.makers import makers
from poolcheck.model.source import Site, env_value


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("${POOL_MAX}", ("POOL_MAX", None)),
        ("${POOL_MAX:-10}", ("POOL_MAX", "10")),
        ("${POOL_MAX:-}", ("POOL_MAX", "")),
        ("10", None),
        ("...", None),
        ("x${POOL_MAX}", None),
        ("${A:-${B}}", None),
        ("${}", None),
    ],
)
def test_a_value_of_the_environment(text: str, found: tuple[str, str | None] | None) -> None:
    """The name and its default, and nothing of any other text."""
    assert env_value(text) == found


@pytest.mark.parametrize(
    ("text", "number"),
    [("10", 10), ("-1", -1), ("${A:-10}", 10), ("${A:-0}", 0), ("${A}", None), ("...", None), ("max", None), ("1.5", None), ("True", None)],
)  # fmt: skip
def test_a_number_is_written_out_or_a_default(text: str, number: int | None) -> None:
    """Without a default nothing is known."""
    made = next(iter(makers().python.calls.values()))
    site = Site(made=made, call="f", line=3, column=1, scope="module", options=(("a", "..."), ("max", text)), option_lines=(4, 7))  # fmt: skip

    assert (site.number("max"), site.number("min")) == (number, None)
    assert (site.line_of("max"), site.line_of("min")) == (7, 3)
