"""How bad a finding is, and how sure it is."""

from enum import IntEnum


class Severity(IntEnum):
    """How bad. Ordered, so that `--fail-on` is a comparison."""

    INFO = 10
    WARNING = 20
    ERROR = 30

    @property
    def word(self) -> str:
        """The word in every format: error, warning or info."""
        return self.name.lower()


class Confidence(IntEnum):
    """How sure, apart from how bad."""

    LOW = 10
    MEDIUM = 20
    HIGH = 30

    @property
    def word(self) -> str:
        """The word in every format: high, medium or low."""
        return self.name.lower()


SEVERITY = {"error": Severity.ERROR, "warning": Severity.WARNING, "info": Severity.INFO, "never": None}
