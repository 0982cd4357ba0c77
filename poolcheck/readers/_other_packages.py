"""Manifests and lock files of the other languages."""

from collections.abc import Callable

from poolcheck.readers._manifest_types import Manifest

READERS: dict[str, Callable[[str, str], Manifest]] = {}
