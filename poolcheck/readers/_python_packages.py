"""Python manifests and lock files."""

from collections.abc import Callable

from poolcheck.readers._manifest_types import Manifest

READERS: dict[str, Callable[[str, str], Manifest]] = {}
