"""What a reader of a pooler's configuration is, and which one reads a file. One module, one software; no list has it.

A reader of files that are the pooler's own has `NAMES`, `matches`, `read`, `shown` and `ignores`; one of a container's environment
`ENVIRONMENT` and `read`; one that finds a pooler in templates of something else `WORDS` and `read_all`. The software is the module's name (`rds_proxy`: rds-proxy) unless
the configuration says otherwise, and catalogue/poolers/*.toml says what it calls PgBouncer's settings.
"""

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from poolcheck.readers import index
from poolcheck.readers.index import declared

if TYPE_CHECKING:
    from poolcheck.model.facts import Image
    from poolcheck.model.ignores import Ignores
    from poolcheck.model.pooler_config import PoolerConfig
    from poolcheck.readers.deploy.compose import Service
    from poolcheck.readers.manifests.types import UnreadableFile

# The project's files that any pooler reads, by path; one that is not there has no key.
Files = Mapping[str, str]
ALONE: Files = {}
EnvLines = Mapping[str, Sequence[str]]  # of the project's env files, by path


class Shows(Protocol):
    """Says what of a file may be seen."""

    def shown(self, text: str, /) -> tuple[str, ...]:
        """The lines for excerpts, without secrets."""

    def ignores(self, text: str, /) -> "Ignores":
        """The ignore comments."""


class FileReader(Shows, Protocol):
    """Reads files that belong to the pooler alone."""

    NAMES: tuple[str, ...]  # a file's name holds one of these, in lower case: a cheap test before the import
    LONGEST: int  # characters of a file that somebody wrote

    def matches(self, path: str, /) -> bool:
        """Is it one of its files, by its name? One that only belongs beside another counts, too."""

    def read(self, text: str, path: str, files: Files, /) -> "PoolerConfig | UnreadableFile | None":
        """The configuration with what it includes; None when it is none.

        `includes` are the paths that were read with it, `missing` those that were not there.
        """


class ContainerReader(Protocol):
    """Reads what the environment of a container says about the pooler in it."""

    ENVIRONMENT: tuple[str, ...]  # the software, as catalogue/images/*.toml name it

    def read(self, service: "Service", image: "Image", env_lines: EnvLines, /) -> "PoolerConfig":
        """The settings that the environment makes."""


class TemplateReader(Protocol):
    """Finds poolers in Terraform and in templates of platforms."""

    WORDS: tuple[str, ...]  # a text without any of these holds no such pooler

    def read_all(
        self, texts: Iterable[tuple[str, str]], /
    ) -> "tuple[tuple[PoolerConfig, ...], tuple[str, ...]]":
        """The poolers of several (path, text), which may be parts of one module; and the paths that cannot be read."""


def reader_of(path: str) -> FileReader | None:
    """The reader of a file; None when it is no pooler's."""
    return cast("FileReader | None", index.reader_of("poolers", path))


def speaks_of_a_pooler(text: str) -> bool:
    """Whether a text may hold a pooler's file, or run its image: a cheap test before it is parsed."""
    words = (*declared("poolers", "NAMES").values(), *declared("poolers", "ENVIRONMENT").values())
    return any(word in text for many in words for word in many)


def container_reader(software: str) -> ContainerReader | None:
    """The reader of the environment of a container that runs this pooler; None when its images take no settings."""
    for stem, names in declared("poolers", "ENVIRONMENT").items():
        if software in names:
            return cast("ContainerReader", import_module(f"poolcheck.readers.poolers.{stem}"))
    return None


def template_words() -> dict[str, tuple[str, ...]]:
    """Module name → the words that a template with such a pooler holds."""
    return declared("poolers", "WORDS")


def template_reader(stem: str) -> TemplateReader:
    """The reader of that name."""
    return cast("TemplateReader", import_module(f"poolcheck.readers.poolers.{stem}"))
