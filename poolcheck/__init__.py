"""Finds, explains and mends PostgreSQL connection-pool exhaustion.

For programs that embed it: `poolcheck.lint(".env")`, `poolcheck.look(dsn)` and `poolcheck.size(...)`; see poolcheck.api.
A name of `__all__` is imported when it is first asked for: the command line pays for none of them.
"""

TYPE_CHECKING = False  # what type checkers take for true; `typing` takes 3 ms to import
if TYPE_CHECKING:
    from poolcheck.api import as_dict, lint, look, size
    from poolcheck.errors import PoolcheckError
    from poolcheck.model.finding import Finding
    from poolcheck.model.report import Report
    from poolcheck.model.severity import Severity
    from poolcheck.model.sizing import Sizing
    from poolcheck.version import __version__

__all__ = [
    "Finding", "PoolcheckError", "Report", "Severity", "Sizing", "__version__", "as_dict", "lint", "look", "size",
]  # fmt: skip

_HOMES = {
    "Finding": "poolcheck.model.finding",
    "PoolcheckError": "poolcheck.errors",
    "Report": "poolcheck.model.report",
    "Severity": "poolcheck.model.finding",
    "Sizing": "poolcheck.model.sizing",
    "__version__": "poolcheck.version",
    "as_dict": "poolcheck.api",
    "lint": "poolcheck.api",
    "look": "poolcheck.api",
    "size": "poolcheck.api",
}


def __getattr__(name: str) -> object:
    """Import a public name on first use, and keep it."""
    if name not in _HOMES:
        raise AttributeError(f"module 'poolcheck' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - only for those who embed

    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """With the public names that nobody asked for yet."""
    return sorted({*globals(), *__all__})
