"""What makes clients in source code, as the readers of source look it up: the drivers' tables, by language."""

from collections.abc import Mapping
from typing import NamedTuple

from poolcheck.model.facts import Maker
from poolcheck.model.source import Language
from poolcheck.record import dataclass


class Word(NamedTuple):
    """What the bytes of a file hold that makes a client: looked for before a file is parsed."""

    text: bytes  # the module's name
    quoted: bool = False  # an import of that very name has to be there
    names: tuple[bytes, ...] = ()  # and one of these, where the module alone says little


@dataclass(frozen=True, slots=True, kw_only=True)
class Makers:
    """The calls of one language that make clients, as its reader looks them up."""

    calls: Mapping[tuple[str, str], Maker]  # (module, what it exports) → what a call of it makes
    modules: frozenset[str]  # those that any call comes from
    tcp: Mapping[str, str]  # module that needs TCP sockets → its title
    words: tuple[Word, ...]

    def of(self, module: str, exported: str) -> Maker | None:
        """What a call of something imported makes; None when that is no client."""
        return self.calls.get((module, exported)) or self.calls.get(("*", exported))

    @property
    def everywhere(self) -> tuple[str, ...]:
        """Names that make a client wherever they come from."""
        return tuple(exported for module, exported in self.calls if module == "*")


class AllMakers(NamedTuple):
    """The calls that make clients, for each language that is read."""

    javascript: Makers
    python: Makers
    others: Mapping[str, Makers]
    config: tuple[Maker, ...] = ()  # what config files of frameworks make: several may read the same keys

    def of(self, language: Language) -> Makers:
        """Those of a file's language."""
        if language == "python":
            return self.python
        return self.others.get("java" if language == "kotlin" else language) or self.javascript
