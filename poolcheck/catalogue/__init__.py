"""The knowledge base: providers, drivers, poolers and error texts as data, and the look-ups that read it."""

from poolcheck.catalogue.conversions import convert
from poolcheck.catalogue.endpoints import match
from poolcheck.catalogue.lookup import (
    all_programs,
    behaviour,
    database_object,
    database_objects,
    driver,
    driver_of_dialect,
    driver_packages,
    drivers,
    drivers_for_packages,
    first_size_line,
    image,
    images,
    limit,
    parameter_names,
    pooler,
    poolers,
    programs,
    provider,
    providers,
    speak_postgres,
)

__all__ = [
    "all_programs", "behaviour", "convert", "database_object", "database_objects", "driver", "driver_of_dialect",
    "driver_packages", "drivers", "drivers_for_packages", "first_size_line", "image", "images", "limit", "match", "parameter_names",
    "pooler", "poolers", "programs", "provider", "providers", "speak_postgres",
]  # fmt: skip
